"""How to fix what the static checks find: undefined names, words, taps that are none, branches that are no list."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from archspec.errors import did_you_mean, nearest
from archspec.expr import Compare, Expr, Name, children
from archspec.ir.attributes import BoolKind, InitKind, WordKind
from archspec.ir.op import AttributeInfo, Described, Op
from archspec.ir.ops import OPS
from archspec.spec import Attribute, Block, Call, Item, Param, Repeat, Reuse, Stage
from archspec.spec import Sequence as Seq
from archspec.spec.form_suggestions import cut_off, expression_help, unclosed
from archspec.spec.key_suggestions import OWN_WORDS

A_TAP = "an input is a tap, by its name: mark the tensor with `- tap: name`"
_CONDITIONS = ("when", "else")


def words_in(attribute: Attribute) -> set[str]:
    """The names that stand in something which is no expression: that they are unused is no news."""
    raw = attribute.raw
    texts = list(raw)[:100] if isinstance(raw, list | Mapping) else [raw]
    return {word for text in texts if isinstance(text, str) for word in re.findall(r"[A-Za-z_]\w*", text[:1000])}


def cut_in_two(name: str, given: Mapping[str, Attribute]) -> bool:
    """Whether a key is the rest of an expression beside it, which says so itself."""
    return cut_off(name) and any(unclosed(attribute.raw) for attribute in given.values())


def undefined_help(
    name: str, expr: Expr, known: Iterable[str], params: Mapping[str, Param], blocks: Collection[str]
) -> str:
    """What was meant by a name that is not defined: a word in quotes, or a name like it.

    Args:
        name: the name.
        expr: the expression that it stands in.
        known: the names that are defined.
        params: those of them that are params.
        blocks: the names of the spec's blocks.
    """
    known = set(known)
    for other in _compared_with(name, expr):
        choices = params[other].choices if other in params else None
        if choices is not None and (word := _word(name, [choice for choice in choices if isinstance(choice, str)])):
            return f"a word stands in quotes: `'{word}'`"
        if nearest(name, known) is None:
            return f"a word stands in quotes: `'{name[:40]}'`"
    if (name in OPS or name in blocks) and name not in OWN_WORDS and nearest(name, known) is None:
        return f"a word stands in quotes: `'{name}'`, alone `\"'{name}'\"`, since YAML takes the outer ones off"
    return OWN_WORDS.get(name) or did_you_mean(name, known)


_TRUTH: Final = {"yes": "true", "on": "true", "no": "false", "off": "false", "none": "false"}


def word_help(op: type[Described], info: AttributeInfo, raw: object, known: Collection[str]) -> tuple[str, str] | None:
    """What is said of a word that an attribute does not take, and what to write; None if it may be an expression."""
    kind, one_of = info.kind, isinstance(info.kind, WordKind)
    words = kind.words or (("true", "false") if isinstance(kind, BoolKind) else ())
    if not words or not isinstance(raw, str) or raw in known or not re.fullmatch(r"[A-Za-z_][\w-]{0,39}", raw):
        return None
    if "-" in raw and not one_of:
        return None  # a difference
    from archspec.suggestions.vocabulary import other_word, word_not_here  # only on the way to an error

    plain = raw.lower().replace("-", "_")
    other = other_word(info.name, plain) or (_TRUTH.get(plain, "") if isinstance(kind, BoolKind) else "")
    match = other if other in words else _word(raw, words)
    reason = word_not_here(info.name, plain)
    if match is None and not reason and nearest(raw, known) is not None:
        return None
    expects = f"{', '.join(words[:-1])} or {words[-1]}" if one_of else kind.expects
    help = f"write `{match}`" if match is not None and not reason else reason
    return f"`{info.name}` of {op.name}: {expects} is expected, this is `{raw}`", help


def _word(name: str, words: Iterable[str]) -> str | None:
    words = list(words)
    return name.lower() if name.lower() in words else nearest(name.lower(), words)


def _compared_with(name: str, expr: Expr) -> list[str]:
    """What a name is compared with for equality, as far as it is a name, too; empty text for anything else."""
    found: list[str] = []
    stack = [expr]
    while stack:
        part = stack.pop()
        if isinstance(part, Compare) and {"==", "!="} & set(part.ops):
            sides = (part.first, *part.rest)
            if Name(name) in sides:
                found += [side.id if isinstance(side, Name) else "" for side in sides if side != Name(name)]
                found = [other for other in found if other]
        stack.extend(children(part))
    return found


def default_help(name: str, attribute: Attribute) -> str:
    """A word as a param's default is one of its choices."""
    if isinstance(attribute.raw, str) and attribute.raw in OWN_WORDS:
        return OWN_WORDS[attribute.raw]
    if not isinstance(attribute.raw, str) or not attribute.raw.isidentifier():
        return ""
    return (
        f"a word is one of the param's choices: `{name}: {{default: {attribute.raw}, choices: [{attribute.raw}, ...]}}`"
    )


def tap_help(
    name: str, taps: Iterable[str], items: Iterable[Item], blocks: Mapping[str, Block], *, outputs: bool = False
) -> str:
    """What was meant by a tap that there is none of: a layer, a tap inside of a block, or a name like it.

    Args:
        name: what is written.
        taps: those that there are.
        items: everything in the body, at any depth.
        blocks: the spec's.
        outputs: whether it stands in the network's `outputs`, which name its own taps alone.
    """
    first, _, second = name.partition(".")
    collected = name.partition("[")[0]
    for item in items:
        if isinstance(item, Repeat) and item.collect == collected:
            taken = f"- {{from: '{collected}[0]', layers: [tap: first]}}"
            return f"`{collected}` is a list, and an output is one tensor: put `{taken}` last, and list `first`"
        if isinstance(item, Call | Seq | Repeat | Stage | Reuse) and item.label == name:
            what = "a layer" if isinstance(item, Call) and item.name not in blocks else f"no tap but {_kind(item)}"
            return f"`{name}` is {what}; put `- tap: {name}` after it"
        if not isinstance(item, Call) or (block := blocks.get(item.name)) is None:
            continue
        if outputs and second and item.label == first and second in block.outputs:
            return (
                f"mark it in the network: put `- {{from: {name}, layers: [tap: {second}]}}` last, and list `{second}`"
            )
        if second and item.label == first and second in _marked(block.layers):
            return f"a block gives only the taps it names: add `outputs: [{second}]` to block `{block.name}`"
        if second and item.label is None and first == block.name and second in block.outputs:
            return f"the call needs a name of its own: `{block.name}: {{name: {first}, ...}}`"
    if name in OPS:
        return f"mark the tensor where it starts: put `- tap: {name}`, or another name, after the layer"
    return did_you_mean(name, taps)


def _kind(item: Item) -> str:
    words = {"call": "the call of a block", "reuse": "an item that is used again"}
    return words.get(item.kind, f"a {item.kind}")


def _marked(items: Iterable[Item]) -> set[str]:
    found: set[str] = set()
    for item in items:
        if item.kind == "tap":
            found.add(item.name)
        elif isinstance(item, Seq | Repeat | Stage):
            found |= _marked(item.layers)
    return found


def attribute_form(op: type[Op], name: str) -> str:
    """What to write where an item, or a condition, stands as an attribute of an op."""
    if name in _CONDITIONS:
        return f"`{name}` stands beside the op: `- {{{op.name}: {{...}}, {name}: ...}}`"
    return ""


def branches_help(op: type[Op], call: Call, blocks: Mapping[str, Block]) -> str:
    """How a merge is written whose branches stand in a mapping; empty if they do not."""
    inside = [name for name in call.attributes if is_item(name, blocks)]
    if not inside:
        return ""
    shown = ", ".join(f"[{name}: ...]" if call.attributes[name].raw else f"[{name}]" for name in inside[:3])
    shown += ", []" if len(inside) == 1 else ""
    return f"a merge takes a list of branches: `{op.name}: [{shown}]`, or with attributes `{{branches: [...], ...}}`"


def is_item(name: str, blocks: Mapping[str, Block]) -> bool:
    """Whether a name is that of something in a list of layers."""
    return name in OPS or name in blocks or name in ("layers", "from", "repeat", "tap", "stage", "reuse")


def form_help(info: AttributeInfo, attribute: Attribute) -> str:
    """How an attribute is written that has a list or a mapping in place of its value; empty if it is sound."""
    raw = attribute.raw
    if not isinstance(info.kind, InitKind):
        return expression_help(raw) if isinstance(raw, Mapping) else ""
    if not isinstance(raw, list) or not raw or not isinstance(raw[0], str):
        return ""
    if len(raw) == 1:
        return f"write `{info.name}: {raw[0][:40]}`"
    option = raw[1] if isinstance(raw[1], int | float | str) and len(str(raw[1])) <= 40 and len(raw) == 2 else "..."
    return f"write `{info.name}: {{{raw[0][:40]}: {option}}}`"
