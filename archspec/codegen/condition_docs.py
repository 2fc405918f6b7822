"""What a docstring says of an argument that a condition asks: what is done where it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from archspec.codegen.branch_items import GATES
from archspec.codegen.tree import CHANNELS, CallUse, ChoiceUse, ItemUse, LayerUse, Tree
from archspec.codegen.walk import layers
from archspec.expr import Compare, Const, Name, names, source
from archspec.ir.scope import Operand, Ref, Result
from archspec.limits import Budget

_LISTED: Final = 3
"""What is named of several things that are done."""
_LONGEST: Final = 40
"""Characters of a condition that a docstring repeats."""


class _Done(NamedTuple):
    """What is done: `apply`, and to what or what of."""

    verb: str
    object: str

    def __str__(self) -> str:
        return f"{self.verb} {self.object}"


def asked(item: ChoiceUse, labels: Mapping[Ref, str]) -> str:
    """`whether to add the input`, of an argument that is the condition itself; empty where nothing can be said."""
    then, other = _both(item, labels)
    if then is None and other is None:
        return ""
    if other is None:
        return f"whether to {then}"
    if then is None:
        return f"whether to leave out {other.object}" if other.verb == "apply" else f"whether not to {other}"
    if then.verb == other.verb:
        return f"whether to {then} instead of {other.object}"
    return f"whether to {then}, or else to {other}"


def together(conditions: list[str]) -> str:
    """What is said of an argument that several conditions ask: `whether to apply conv2 and bn2, and not to add x`."""
    done: dict[str, list[str]] = {}
    for said in conditions:
        start, verb, what = (*said.split(" ", 3), "", "")[1:4] if said.startswith("whether to ") else ("", "", said)
        if start and "," not in what and " instead of " not in what:
            done.setdefault(f"to {verb}", []).append(what)
        elif said.startswith("whether not to ") and "," not in said:
            verb, what = said.removeprefix("whether not to ").split(" ", 1)
            done.setdefault(f"not to {verb}", []).append(what)
    parts = [
        f"{verb} {listed([*dict.fromkeys(objects)])}"
        for verb, objects in sorted(done.items(), key=lambda one: one[0].startswith("not"))
        if len(objects) <= _LISTED
    ]
    return f"whether {listed(parts, ', and ')}" if parts else conditions[0]


def compared(item: ChoiceUse, labels: Mapping[Ref, str], budget: Budget) -> str:
    """`applies conv3 if depth > 2`, of an argument that the condition mentions; empty where nothing can be said."""
    then, other = _both(item, labels)
    text = source(item.condition)
    if then is None or len(text) > _LONGEST or CHANNELS.id in names(item.condition, budget):
        return ""
    said = f"{_third_person(then)} if `{text}`"
    if other is None:
        return said
    return f"{said}, else {other.object if other.verb == then.verb else _third_person(other)}"


def words(item: ChoiceUse) -> tuple[str, list[str]]:
    """Of a condition that chooses one activation or norm: the kind, and the words that it asks for; else neither."""
    sides = (item.then, item.other)
    kinds = {layer.op.kind for side in sides for layer in layers(side)}
    if any(len(side.items) > 1 for side in sides) or kinds not in ({"activation"}, {"norm"}):
        return "", []
    found: list[str] = []
    match item.condition:
        case Compare(Name(), ("==",), (Const(str() as word),)):
            found.append(word)
        case _:
            pass
    match item.other.items:
        case (LayerUse() as last,):
            found.append(last.op.name)
        case (ChoiceUse() as inner,):
            found += words(inner)[1]
        case _:
            pass
    return kinds.pop(), found if isinstance(item.condition, Compare) else []


def _both(item: ChoiceUse, labels: Mapping[Ref, str]) -> tuple[_Done | None, _Done | None]:
    """What is done on each side; where the same words say it, what is called on one alone, if that has a name."""
    then, other = _done(item.then, item, labels), _done(item.other, item, labels)
    if then != other:
        return then, other
    yes, no = ([*dict.fromkeys(_called(side))] for side in (item.then, item.other))
    return _applied([name for name in yes if name not in no]), _applied([name for name in no if name not in yes])


def _done(tree: Tree, choice: ChoiceUse, labels: Mapping[Ref, str]) -> _Done | None:
    """What a side of a condition does; None where that is nothing."""
    if not tree.items:
        return None
    last = tree.items[-1]
    if isinstance(last, LayerUse) and last.op.name in ("add", "concat"):
        inside = {Result(inner.location) for inner in tree.items}
        given = [ref for ref in last.operands if ref not in inside and ref != choice.operand]
        of_input = [ref for ref in given if isinstance(ref, Operand) and ref.index == 0]
        named = list(dict.fromkeys(f"`{labels[ref].partition('[')[0]}`" for ref in given if ref in labels))
        if last.op.name == "add" and of_input:
            return _Done("add", "the input (residual connection)")
        if named:
            return _Done("add" if last.op.name == "add" else "concatenate", listed(named))
        if of_input:
            return _Done("concatenate", "the input")
    return _applied(list(dict.fromkeys(_called(tree))))


def _applied(found: list[str]) -> _Done | None:
    """That these are applied; None for nothing."""
    if not found:
        return None
    return _Done("apply", listed(found if len(found) <= _LISTED else [*found[: _LISTED - 1], "what follows"]))


def _called(tree: Tree) -> Iterator[str]:
    """What the items of a side are called."""
    for item in tree.items:
        match item:
            case ChoiceUse():
                yield from _called(item.then)
                yield from _called(item.other)
            case LayerUse(named=False, op=op) if op.kind in ("activation", "norm"):
                yield f"the {op.kind}"
            case LayerUse(named=False, op=op):
                yield f"the {op.name.replace('_', ' ')}"
            case _ if item.name and not item.name.isdigit():
                yield f"`{item.name}`{' (squeeze and excitation)' if _squeezes(item) else ''}"
            case CallUse():
                yield "squeeze and excitation" if _squeezes(item) else f"`{item.definition.name}`"
            case _:
                yield f"layer {source(item.number)}" if isinstance(item.number, Const) else "one more layer"


def _squeezes(item: ItemUse) -> bool:
    """Whether a block weighs channels by what a sigmoid makes of their means."""
    found = {layer.op.name for layer in layers(item.definition.tree)} if isinstance(item, CallUse) else set[str]()
    return "global_avg_pool" in found and bool(found & GATES)


def _third_person(done: _Done) -> str:
    return f"{'applies' if done.verb == 'apply' else f'{done.verb}s'} {done.object}"


def listed(parts: list[str], last: str = " and ") -> str:
    """`a, b and c`."""
    return last.join(filter(None, (", ".join(parts[:-1]), parts[-1])))
