"""How calls are written here that use another library's names: ops, attributes, and bare values."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from archspec.errors import did_you_mean, nearest
from archspec.ir.op import Op
from archspec.ir.ops import OPS
from archspec.spec import Call
from archspec.spec.file_suggestions import block_help
from archspec.suggestions.python_calls import LEFT_OUT, by_place, filled, flow, python_call, shown, tuple_of
from archspec.suggestions.vocabulary import Meaning, attribute_words, meaning, other_word

_RENAMED: Final = re.compile(r"write `(\w+)`(?!=|:(?! a number))(?!.*(?: = |twice|factor of|, as in))")
_ACTIVATION: Final = ", as in `- relu`"


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
    return "" if op is None or _missing(op, ()) else op.name


def named_otherwise(op: type[Op], name: str, given: Iterable[str]) -> bool:
    """Another library's word for an attribute was given, so that its absence is no news."""
    return any(f"`{name}`" in attribute_help(op, word) for word in given if word not in op.attributes())


def op_help(
    call: Call, blocks: Iterable[str], taps: Iterable[str], labels: Collection[str] = (), merge: Call | None = None
) -> str:
    """What may have been meant by a call of a name that is neither an op nor a block.

    `labels` are names of items; `merge` is the call whose branch it is, by its name alone: there it may mean a tap.
    """
    name = call.name
    start = f"`{{from: {name}}}`"
    if merge is not None and len(merge.branches or ()) == 1:  # beside it stands what arrives
        start = f"`{merge.name}: [[], {{from: {name}}}]`"
    if name in taps:
        return f"`{name}` is a tap: write {start}"
    if name in labels:
        what = f"`{name}` names what stands elsewhere: put `- tap: {name}` after it, and write {start} here"
        return f"{what}; `- reuse: {name}` computes it once more, with the same weights"
    branches = call.raw("branches")
    found = meaning(name)
    if found is not None and branches is None and name.islower() and block_help(name):
        found = None
    if merge is not None and (found is None or _joins(found)):
        match = nearest(name, [*OPS, *blocks])
        if match is None and (tap := nearest(name, taps)) is not None:
            return f"did you mean the tap `{tap}`? Write {start.replace(name, tap)}"
        if match is None and not block_help(name):
            return f"to join a tensor from elsewhere, put `- tap: {name}` where it is, and write {start} here"
    if found is None:
        return block_help(name) or did_you_mean(name, [*OPS, *blocks])
    given = {key: attribute.raw for key, attribute in call.attributes.items()}
    return _meant(found, given, branches=branches, label=call.label)


def _joins(found: Meaning) -> bool:
    """Whether it is a merge, which joins branches."""
    return bool(found.op) and OPS[found.op].least_inputs > 1


def python_help(text: str, params: Mapping[str, Sequence[str]]) -> str:
    """How an item is written that is a call of Python; empty if it is none. `params` are those of the spec's blocks."""
    called = python_call(text)
    if called is None:
        return ""
    name, values, given = called
    own = params.get(name.rpartition(".")[2])
    if own is not None:
        return f"write `{_block_call(name.rpartition('.')[2], own, values, given)}`"
    found = meaning(name)
    if found is None:
        known = block_help(name) or did_you_mean(name, [*OPS, *params])
        reason = "a spec has no calls as in Python"
        known = known if known and not known.startswith("known") else _of_a_block(name.rpartition(".")[2][:40], values)
        return f"{reason}; {known}"
    return _meant(found, given, name=name, values=values)


def _meant(
    found: Meaning,
    given: Mapping[str, object],
    *,
    name: str = "",
    values: Sequence[object] = (),
    branches: object = None,
    label: str | None = None,
) -> str:
    """How a call is written here, with what it is given: attributes by name, values by place, or branches."""
    if found.not_here:
        return found.not_here
    if found.form:
        form = filled(found.form, given, values)
        if isinstance(branches, list) and form.count("[...]") == 1 and (inner := flow(branches)) != LEFT_OUT:
            form = form.replace("[...]", inner)
        return f"write {form}"
    op = OPS[found.op]
    if _joins(found):
        return _merge(found, op, branches)
    placed = by_place(name, op, values) if values else {}
    words = {**(placed or {}), **given}
    label = label or (shown(words["name"]) if "name" in words else None)
    return _written(found, op, {key: value for key, value in words.items() if key != "name"}, label)


def _merge(found: Meaning, op: type[Op], branches: object) -> str:
    """A merge, with the branches that are given: a list of items is one of them, where its name says so."""
    inner = flow(branches)
    if not isinstance(branches, list):
        help = f"write `{op.name}: [[...], [...]]`, a list of branches"
        return f"{help}; {found.say}" if found.say else help
    if found.branch and not any(isinstance(item, list) for item in branches):
        shown = "[...]" if inner == LEFT_OUT else inner
        return f"write `{op.name}: [{shown}, []]`: each list is a branch, and `[]` is what arrives"
    return f"write `{op.name}`" if inner == LEFT_OUT else f"write `{op.name}: {inner}`"


def named_op(name: str) -> str:
    """Which op is meant by a name that is none, where its attributes stand in a mapping of their own."""
    found = meaning(name)
    if found is None:
        return ""
    return found.not_here or (f"write {filled(found.form, {}, ())}" if found.form else f"write `{found.op}`")


def _written(found: Meaning, op: type[Op], words: Mapping[str, object], label: str | None) -> str:
    """A call of an op with one input, spelled with this language's names."""
    given, rest = _translated(found, op, words)
    if label is not None:
        given = {"name": label, **given}
    item = _item(op, given)
    help = f"write `{item}`"
    if found.then:
        filters = next((words[key] for key in found.words if key in words and key != "depth_multiplier"), LEFT_OUT)
        help += f", and after it `{found.then.format(filters=filters)}`"
    notes = [f"`{word}`: {text}" if text else f"{op.name} has no `{word}`" for word, text in rest.items()]
    notes += [found.say] if found.say and not words else []
    notes += [f"its input is {found.of}"] if found.of else []
    return "; ".join([help, *notes])


def _translated(found: Meaning, op: type[Op], words: Mapping[str, object]) -> tuple[dict[str, str], dict[str, str]]:
    """The attributes of a call in this language's words, and what is said of those that have none."""
    given = {key: shown(value) for key, value in found.given.items()}
    rest: dict[str, str] = {}
    for name, raw in list(words.items())[:12]:
        value = shown(raw)
        if name in found.words:
            given |= {key: form.format(value) for key, form in found.words[name].items()}
        elif name in op.attributes():
            given[name] = _word(op, name, value)
        elif (help := attribute_help(op, name, raw)).startswith("leave it out"):
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


def _item(op: type[Op], given: Mapping[str, str]) -> str:
    inside = [*(f"{key}: {given[key]}" for key in given), *_missing(op, given)]
    return f"{op.name}: {{{', '.join(inside)}}}" if inside else op.name


def example(name: str, value: object, params: Mapping[str, Sequence[str]]) -> str:
    """How a call is written whose attributes are given as a bare value, such as `dropout: 0.5`.

    A mapping holds attributes that stand beside the name instead of under it; empty if they are none of the op's.
    `params` are those of the spec's blocks.
    """
    found = meaning(name)
    op = OPS.get(name) or OPS.get(found.op if found is not None else "")
    if isinstance(value, Mapping):
        return _indented(name, op, value)
    values = tuple_of(value) or (value if isinstance(value, list) else [value])
    if op is None and name in params:
        return f"write `{_block_call(name, params[name], values, {})}`"
    if found is None:
        return block_help(name) or _of_a_block(name, values)
    if op is None and found.form.startswith("the activation"):
        inner = meaning(value) if isinstance(value, str) else None
        if inner is not None and (inner.op or inner.not_here):
            return _meant(inner, {})
    if op is not None and not op.takes_branches() and not op.attributes():
        return f"`{op.name}` has no attributes: write `{op.name}`"
    if op is not None and _joins(found) and all(isinstance(each, str) and each.isidentifier() for each in values):
        taps = ", ".join(f"{{from: {each}}}" for each in values[:4])
        return f"write `{op.name}: [{'[], ' * (len(values) == 1)}{taps}]`, where `- tap: {values[0]}` marks a tensor"
    return _meant(found, {}, name=name, values=values)


def _block_call(name: str, params: Sequence[str], values: Sequence[object], given: Mapping[str, object]) -> str:
    """A call of a block, with values by place and by name."""
    words = {**dict(zip(params, values, strict=False)), **given}
    inside = ", ".join(f"{key}: {shown(value)}" for key, value in list(words.items())[:8])
    return f"{name}: {{{inside}}}" if inside else name


def _of_a_block(name: str, values: Sequence[object]) -> str:
    """What is said of bare values for a name of which nothing is known."""
    inside = ", ".join(f"param: {shown(value)}" for value in values[:1])
    more = ", ..." if len(values) > 1 else ""
    reason = "a call gives params by their names, and tuples stand in a stage's `units`"
    return f"write `{name}: {{{inside}{more}}}`: {reason}"


def _indented(name: str, op: type[Op] | None, given: Mapping[str, object]) -> str:
    if op is not None:
        known = {"name", "branches", *op.attributes()}
    else:  # a block's params are not known yet, but it has no mappings among them, as a second item would
        known = {key for key, value in given.items() if key not in OPS and value is not None and not _nested(value)}
    if not known.issuperset(given):
        return ""
    inside = ", ".join(f"{key}: {shown(value)}" for key, value in list(given.items())[:8])
    return f"indent {'these' if len(given) > 1 else 'it'} under `{name[:40]}:`, or write `{name[:40]}: {{{inside}}}`"


def _nested(value: object) -> bool:
    return isinstance(value, Mapping)


def _missing(op: type[Op], given: Iterable[str]) -> list[str]:
    """What an op needs that is not given, with values to fill in."""
    needed = [key for key, info in op.attributes().items() if info.required]
    if not {*given} & {*op.one_of}:
        needed += op.one_of[:1]
    return [f"{key}: ..." for key in needed if key not in given]
