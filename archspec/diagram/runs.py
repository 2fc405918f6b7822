"""Which parts of a network one box stands for, and which sequences are no box but all there is to see."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final

from archspec.analysis.counting import layers_below
from archspec.diagram.figure import Mark
from archspec.ir.def_use import pattern
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Body, Choice, Item, Loop, Ref, Result, Scope, walk

_MOST_OF_IT: Final = 0.75
"""A sequence with more than this share of a network's layers is the network itself, as `features` often is."""
_FEW: Final = 2
"""Items of such a sequence; one of so few is no row, and its frame says what they have in common."""
_NUMBERED: Final = re.compile(r"(.*?)(\d+)")


def iteration_runs(graph: LayerGraph, loop: Loop, marks: Mapping[str, Mark]) -> list[tuple[Scope, ...]]:
    """Neighbors that are equal but for where they stand; one whose tensor is used outside is the last of its run."""
    found: list[tuple[Scope, ...]] = []
    last: _Looks | None = None
    for index, scope in enumerate(loop.iterations):
        looks = _looks(graph, scope, marks)
        if last is not None and looks.continues(last) and index - 1 not in loop.marks:
            found[-1] = (*found[-1], scope)
        else:
            found.append((scope,))
        last = looks
    return found


def item_runs(graph: LayerGraph, body: Body, marks: Mapping[str, Mark]) -> Iterator[Item | tuple[Scope, ...]]:
    """The items of a body, those that are numbered one after the other and equal in one tuple.

    A tensor between two of them is used by the second alone. `repeat` without a scope of its own writes such items,
    and so do people, by hand.
    """
    users = Counter(_refs(body))
    run: list[Scope] = []
    for item in body.items:
        if run and not (
            isinstance(item, Scope)
            and users[Result(run[-1].location)] == 1
            and _follows(run[-1], item)
            and _looks(graph, item, marks).continues(_looks(graph, run[-1], marks))  # the dearest question last
        ):
            yield run[0] if len(run) == 1 else tuple(run)
            run = []
        if isinstance(item, Scope):
            run.append(item)
        else:
            yield item
    if run:
        yield run[0] if len(run) == 1 else tuple(run)


def is_most(graph: LayerGraph, scope: Scope, marks: Mapping[str, Mark]) -> bool:
    """Whether a named sequence is a row that holds nearly all of the network: its frame would only make it narrow."""
    if scope.kind != "sequence" or scope.shares or marks.get(scope.path) or len(scope.body.items) <= _FEW:
        return False
    return sum(1 for _ in layers_below(scope)) > _MOST_OF_IT * len(graph.nodes)


@dataclass(frozen=True, slots=True)
class _Looks:
    """What is drawn of a part."""

    alike: Hashable
    growing: tuple[float, ...]
    """Channels that arrive and rates of dropout, which often grow with the depth."""

    def continues(self, before: _Looks) -> bool:
        """Whether it is equal to the part before it, but for what has grown."""
        pairs = zip(before.growing, self.growing, strict=True)
        return self.alike == before.alike and all(first <= second for first, second in pairs)


def _looks(graph: LayerGraph, scope: Scope, marks: Mapping[str, Mark]) -> _Looks:
    nodes = [graph.nodes[layer.path] for layer in layers_below(scope)]
    ops: list[Hashable] = []
    rates: list[float] = []
    for node in nodes:
        attributes = {each.name: getattr(node.op, each.name) for each in fields(node.op)}
        rates.append(attributes.pop("rate", 0.0) if node.op.kind == "regularizer" else 0.0)
        ops.append((node.op.name, tuple(attributes.items()), node.shape[1:]))
    marked = tuple(marks.get(path, "") for path in paths_of([scope])) if marks else ()
    growing = (*(float(node.shape[0]) for node in nodes), *rates)
    return _Looks((pattern(scope), tuple(ops), marked), growing)


def _follows(first: Scope, second: Scope) -> bool:
    """Whether the second takes the first's tensor alone, and its name is the next number."""
    names = [_NUMBERED.fullmatch(scope.name) for scope in (first, second)]
    if names[0] is None or names[1] is None or second.operands != (Result(first.location),):
        return False
    (stem, number), (other, following) = names[0].groups(), names[1].groups()
    return bool(stem == other and int(following) == int(number) + 1)


def _refs(body: Body) -> Iterator[Ref]:
    """The tensors that a body's items take, those on the taken sides of conditions among them, and its results."""
    yield from body.results
    for item in body.items:
        if isinstance(item, Choice):
            yield from _refs(item.body)
        else:
            yield from item.operands


def paths_of(items: Sequence[Scope | Loop]) -> Iterator[str]:
    """The paths of parts and of all layers and parts below them."""
    for item in items:
        for inner in walk(item) if isinstance(item, Scope) else (x for scope in item.iterations for x in walk(scope)):
            if not isinstance(inner, Choice):
                yield inner.path
        if isinstance(item, Loop):
            yield item.path


def from_to(first: str, last: str) -> str:
    """A text at both ends of a run: `96 – 256` where it differs."""
    return first if first == last else f"{first} – {last}"


def parts_from_to(first: str, last: str, between: str) -> str:
    """A text at both ends of a run, where one of its parts differs: `drop path 0.1 – 0.2`, `96 – 256x56x56`."""
    return between.join(
        from_to(begin, end) for begin, end in zip(first.split(between), last.split(between), strict=False)
    )
