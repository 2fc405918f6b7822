"""How calls are written here that use another library's names: ops, attributes, and bare values."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from archspec.errors import did_you_mean
from archspec.ir.op import Op
from archspec.ir.ops import OPS
from archspec.spec import Attribute, Call
from archspec.spec.missing import block_help
from archspec.suggestions.vocabulary import Meaning, attribute_words, meaning, other_word

_RENAMED: Final = re.compile(r"write `(\w+)`(?!=|:(?! a number))(?!.*(?: = |twice|factor of|, as in))")
_WINDOWS: Final = ("kernel", "stride", "dilation", "padding", "output_padding", "factor", "cropping", "size")
_ACTIVATION: Final = ", as in `- relu`"
_ROW: Final = (
    "the language has no 1-D layers: let the input be an image of height 1, as in "
    "`input: {channels: 1, height: 1, width: 16000}`, and "
)


def attribute_help(op: type[Op], name: str, value: object = None) -> str:
    """What to write instead of another library's word for an attribute; empty if it is none, or means nothing here.

    `value` is what the attribute is given: an activation that has a name here is named.
    """
    if name in op.two_meanings:
        return op.two_meanings[name]
    help = attribute_words().get(name, "")
    if help.endswith(_ACTIVATION) and value in ("linear", "identity"):
        return "leave it out: no activation follows unless it is written"
    if help.endswith(_ACTIVATION) and isinstance(value, str) and (activation := _activation(value)):
        return help.removesuffix(_ACTIVATION) + f": `- {activation}`"
    if not help.startswith("write `"):
        return help
    named = [word for word in re.findall(r"`(\w+)", help) if word in {"name", *op.attributes()}]
    if not named:
        return "" if "`- " not in help else help
    return f"write `{named[0]}`" if "for a convolution" in help else help


def _activation(value: str) -> str:
    """The op of an activation's name, as in `activation: relu`; empty if it is none, or needs attributes."""
    found = meaning(value)
    op = OPS.get(found.op) if found is not None and not found.then else None
    return "" if op is None or any(info.required for info in op.attributes().values()) else op.name


def named_otherwise(op: type[Op], name: str, given: Iterable[str]) -> bool:
    """Another library's word for an attribute was given, so that its absence is no news."""
    return any(f"`{name}`" in attribute_help(op, word) for word in given if word not in op.attributes())


def op_help(call: Call, blocks: Iterable[str], taps: Iterable[str], labels: Collection[str] = ()) -> str:
    """What may have been meant by a call of a name that is neither an op nor a block; `labels` are names of items."""
    name = call.name
    if name in taps:
        return f"`{name}` is a tap: write `{{from: {name}}}`"
    if name in labels:
        return f"`{name}` names what stands elsewhere: put `- tap: {name}` after it, and write `{{from: {name}}}` here"
    found = None if name.islower() and block_help(name) else meaning(name)
    if found is None:
        return block_help(name) or did_you_mean(name, [*OPS, *blocks])
    if found.not_here:
        return found.not_here
    if found.form:
        return f"write {found.form}"
    return _written(found, call)


def named_op(name: str) -> str:
    """Which op is meant by a name that is none, where its attributes stand in a mapping of their own."""
    found = meaning(name)
    if found is None:
        return ""
    return found.not_here or (f"write {found.form}" if found.form else f"write `{found.op}`")


def _written(found: Meaning, call: Call) -> str:
    """A call, spelled with this language's names."""
    op = OPS[found.op]
    if op.most_inputs is None or op.most_inputs > 1:
        help = f"write `{op.name}`" if call.branches else f"write `{op.name}: [[...], [...]]`, a list of branches"
        return f"{help}; {found.say}" if found.say and not call.branches else help
    given, rest = translated(found, op, call.attributes)
    if found.row:
        given = {key: _in_a_row(key, value) for key, value in given.items()}
    if call.label is not None:
        given = {"name": call.label, **given}
    item = _item(op, given)
    help = f"write `{item}`" if not found.row else f"{_ROW}write `{item}`"
    if found.then:
        filters = next(
            (call.attributes[key].raw for key in found.words if key in call.attributes and key != "depth_multiplier"),
            "...",
        )
        help += f", and after it `{found.then.format(filters=filters)}`"
    notes = [f"`{word}`: {text}" if text else f"{op.name} has no `{word}`" for word, text in rest.items()]
    notes += [found.say] if found.say and not call.attributes else []
    return "; ".join([help, *notes])


def translated(
    found: Meaning, op: type[Op], attributes: Mapping[str, Attribute]
) -> tuple[dict[str, str], dict[str, str]]:
    """The attributes of a call in this language's words, and what is said of those that have none."""
    given = {key: _text(value) for key, value in found.given.items()}
    rest: dict[str, str] = {}
    for name, attribute in list(attributes.items())[:12]:
        value = _value(attribute.raw)
        if name in found.words:
            given |= {key: form.format(value) for key, form in found.words[name].items()}
        elif name in op.attributes():
            given[name] = _word(op, name, value)
        elif (help := attribute_help(op, name, attribute.raw)).startswith("leave it out"):
            continue
        elif (renamed := _RENAMED.match(help)) and renamed[1] in op.attributes():
            given[renamed[1]] = _word(op, renamed[1], value)
        else:
            rest[name] = help
    order = [*(key for key in op.attributes() if key in given)]
    return {key: _computed(given[key]) for key in order}, rest


def _word(op: type[Op], name: str, value: str) -> str:
    words = op.attributes()[name].kind.words
    return other_word(name, value) or (value.lower() if value.lower() in words else value)


def _computed(text: str) -> str:
    """`0.9` for `1 - 0.1`; anything else as it is."""
    if (found := re.fullmatch(r"1 - (0?\.[0-9]{1,12})", text)) is not None:
        return f"{1 - float(found[1]):.12g}"
    if (found := re.fullmatch(r"channels \* 1", text)) is not None:
        return "channels"
    return text


def _in_a_row(name: str, value: str) -> str:
    """A size of a 1-D layer for an image of height 1."""
    if name not in _WINDOWS or value == "..." or value in ("same", "valid"):
        return value
    inner = value[1:-1] if value.startswith("[") and "," not in value else value
    return f"[{0 if 'padding' in name or name == 'cropping' else 1}, {inner}]" if "[" not in inner else value


def _item(op: type[Op], given: Mapping[str, str]) -> str:
    shown = [*(f"{key}: {given[key]}" for key in given), *_missing(op, given)]
    return f"{op.name}: {{{', '.join(shown)}}}" if shown else op.name


def _value(raw: object) -> str:
    """A value as it is written in YAML's braces; `...` for what is long or has parts of its own."""
    if isinstance(raw, list):
        text = f"[{', '.join(map(str, raw))}]" if all(_plain(item) for item in raw) else "..."
    else:
        text = _text(raw) if raw is None or isinstance(raw, int | float | str) else "..."
    if isinstance(raw, str) and re.search(r"[,{}\[\]:#`'\"\n]", raw):
        text = f'"{raw}"' if '"' not in raw and "`" not in raw and "\n" not in raw else "..."
    return text if len(text) <= 40 else "..."


def _text(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower().replace("none", "null")
    return str(value)


def example(name: str, value: object) -> str:
    """How a call is written whose attributes are given as a bare value, such as `dropout: 0.5`.

    A mapping holds attributes that stand beside the name instead of under it; empty if they are none of the op's.
    """
    found = meaning(name)
    op = OPS.get(name) or OPS.get(found.op if found is not None else "")
    if isinstance(value, Mapping):
        return _indented(name, op, value)
    if op is None:
        return _bare(name, found, value)
    if op.most_inputs is None or op.most_inputs > 1:
        return f"write `{op.name}: [[...], [...]]`, a list of branches"
    known = op.attributes()
    if not known:
        return f"`{op.name}` has no attributes: write `{op.name}`"
    values = value if isinstance(value, list) else [value]
    if len(values) > len(known) or not all(_plain(item) for item in values):
        return f"write `{op.name}: {{{next(iter(known))}: ...}}`"
    given = dict(zip(known, map(str, values), strict=False))
    return f"write `{_item(op, given)}`"


def _bare(name: str, found: Meaning | None, value: object) -> str:
    """What is no op here, with a bare value: `activation: relu` names the op in it."""
    if found is not None and found.form.startswith("the activation"):
        inner = meaning(value) if isinstance(value, str) else None
        if inner is not None and inner.op:
            return f"write `{_item(OPS[inner.op], {})}`"
        return inner.not_here if inner is not None and inner.not_here else f"write {found.form}"
    if found is not None and found.not_here:
        return found.not_here
    if found is not None and found.form:
        return f"write {found.form}"
    return (
        f"write `{name}: {{param: value}}`: a call gives params by their names, and tuples stand in a stage's `units`"
    )


def _indented(name: str, op: type[Op] | None, given: Mapping[str, object]) -> str:
    if op is not None:
        known = {"name", "branches", *op.attributes()}
    else:  # a block's params are not known yet, but it has no mappings among them, as a second item would
        known = {key for key, value in given.items() if key not in OPS and value is not None and not _nested(value)}
    if not known.issuperset(given):
        return ""
    shown = ", ".join(f"{key}: {value if _plain(value) else '...'}" for key, value in list(given.items())[:8])
    return f"indent {'these' if len(given) > 1 else 'it'} under `{name[:40]}:`, or write `{name[:40]}: {{{shown}}}`"


def _nested(value: object) -> bool:
    return isinstance(value, Mapping)


def _plain(value: object) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool) and len(str(value)) <= 40


def _missing(op: type[Op], given: Iterable[str]) -> list[str]:
    return [f"{key}: ..." for key, info in op.attributes().items() if info.required and key not in given]
