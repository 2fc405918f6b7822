"""Which layer of one network is which layer of another.

Items of matched scopes are matched by name, where they are of one kind. Those that are left are matched by structure,
with difflib: first by op and attributes, then by op alone. Last, what is left below a matched pair of scopes is matched
across the scopes inside it, so that a layer that only moved into a sequence is found.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import partial
from typing import Final, TypeAlias, TypeVar

from archspec.analysis.counting import items_of, layers_below
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Layer, Loop, Scope

Entry: TypeAlias = Layer | Scope | Loop
T = TypeVar("T")

MOST_COMPARED: Final = 250_000
"""Pairs that difflib may look at; longer sequences are matched from both ends alone."""


@dataclass(slots=True)
class Match:
    """Pairs of paths, from the first network to the second: of layers, and of scopes and loops."""

    layers: dict[str, str] = field(default_factory=dict[str, str])
    scopes: dict[str, str] = field(default_factory=dict[str, str])
    entries: list[tuple[Entry, Entry]] = field(default_factory=list[tuple[Entry, Entry]])
    """The pairs of items, in order."""


def match(a: LayerGraph, b: LayerGraph) -> Match:
    """Match all layers and scopes of two networks as far as they fit."""
    found = Match()
    for first, second in zip(a.inputs, b.inputs, strict=False):
        found.layers[first] = second
    _Matcher(a, b, found).scopes(a.root, b.root)
    return found


def entries(item: Scope | Loop) -> list[Entry]:
    """The items of a scope, or the iterations of a loop."""
    return list(item.iterations) if isinstance(item, Loop) else list(items_of(item.body.items))


@dataclass(slots=True)
class _Matcher:
    a: LayerGraph
    b: LayerGraph
    found: Match

    def scopes(self, first: Scope | Loop, second: Scope | Loop) -> None:
        """Match what stands in two scopes, or in two loops."""
        self.found.scopes[first.path] = second.path
        pairs = self._pairs(entries(first), entries(second))
        for one, other in pairs:
            self.found.entries.append((one, other))
            if isinstance(one, Layer):
                self.found.layers[one.path] = other.path
            elif not isinstance(other, Layer):
                self.scopes(one, other)
        self._moved(first, second)

    def _pairs(self, ours: Sequence[Entry], theirs: Sequence[Entry]) -> list[tuple[Entry, Entry]]:
        named = {item.name: item for item in theirs}
        pairs: list[tuple[Entry, Entry]] = []
        taken: set[str] = set()
        for item in ours:
            other = named.get(item.name)
            if other is not None and self._kind(self.a, item) == self._kind(self.b, other):
                pairs.append((item, other))
                taken.add(item.name)
        left = [item for item in ours if item.name not in taken], [item for item in theirs if item.name not in taken]
        for key in (self._whole, self._kind):
            more = _same(*left, partial(key, self.a), partial(key, self.b))
            pairs += more
            gone = {id(item) for pair in more for item in pair}
            left = (
                [item for item in left[0] if id(item) not in gone],
                [item for item in left[1] if id(item) not in gone],
            )
        order = {id(item): number for number, item in enumerate(ours)}
        return sorted(pairs, key=lambda pair: order[id(pair[0])])

    def _moved(self, first: Scope | Loop, second: Scope | Loop) -> None:
        """Match layers that stand in different scopes below these two."""
        taken = set(self.found.layers.values())
        ours = [layer for layer in layers_below(first) if layer.path not in self.found.layers]
        theirs = [layer for layer in layers_below(second) if layer.path not in taken]
        if not ours or not theirs:
            return
        for one, other in _same(ours, theirs, partial(self._whole, self.a), partial(self._whole, self.b)):
            self.found.layers[one.path] = other.path
            self.found.entries.append((one, other))

    def _kind(self, graph: LayerGraph, item: Entry) -> Hashable:
        return graph.nodes[item.path].op.name if isinstance(item, Layer) else type(item).__name__

    def _whole(self, graph: LayerGraph, item: Entry) -> Hashable:
        if isinstance(item, Layer):
            node = graph.nodes[item.path]
            return node.op, node.shape
        return type(item).__name__, tuple(graph.nodes[layer.path].op for layer in layers_below(item))


def _same(
    ours: Sequence[T], theirs: Sequence[T], our_key: Callable[[T], Hashable], their_key: Callable[[T], Hashable]
) -> list[tuple[T, T]]:
    """The pairs of equal keys, in one order in both sequences."""
    numbers: dict[Hashable, int] = {}  # difflib hashes a key over and over, and some are long
    first = [numbers.setdefault(our_key(item), len(numbers)) for item in ours]
    second = [numbers.setdefault(their_key(item), len(numbers)) for item in theirs]
    return [(ours[i], theirs[j]) for i, j in _indices(first, second)]


def _indices(first: Sequence[int], second: Sequence[int]) -> Iterator[tuple[int, int]]:
    start = 0
    while start < min(len(first), len(second)) and first[start] == second[start]:
        yield start, start
        start += 1
    end = 0
    while end < min(len(first), len(second)) - start and first[-1 - end] == second[-1 - end]:
        end += 1
    middle = first[start : len(first) - end], second[start : len(second) - end]
    if len(middle[0]) * len(middle[1]) <= MOST_COMPARED:
        for block in SequenceMatcher(None, *middle, autojunk=False).get_matching_blocks():
            yield from ((start + block.a + step, start + block.b + step) for step in range(block.size))
    for step in range(end, 0, -1):
        yield len(first) - step, len(second) - step
