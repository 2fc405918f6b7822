"""Which layer is to blame: where differences begin, and which of them only follow from others."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from archspec.errors import Span
from archspec.expr import source
from archspec.ir.def_use import Node, producer
from archspec.ir.graph import LayerGraph
from archspec.parity.measure import Values, exceeds

Kind: TypeAlias = Literal[
    "differs", "not computed", "outputs", "statistics", "weight gradients", "layer gradients", "first step"
]


@dataclass(frozen=True, slots=True)
class FaultyLayer:
    """A layer where two participants part: what it is given agrees, what it gives does not.

    Of gradients it is the opposite: those that reach it from what follows agree, those that it passes on do not.
    """

    pair: tuple[str, str]
    check: str
    dtype: str
    size: str
    path: str
    op: str
    kind: Kind
    difference: float
    inputs: float
    """The largest difference of what it is given."""
    values: Values | None
    place: str
    """In the spec: file, line and column."""
    expressions: Mapping[str, str]
    """What the spec computes of its attributes, by their names."""
    suspects: tuple[str, ...] = ()
    """The layers that pass a gradient on, where it is one of several that does so wrongly."""
    consequences: tuple[str, ...] = ()
    """The layers that differ since this one does, in order."""
    span: Span | None = None


def first_to_differ(graph: LayerGraph, differences: Mapping[str, float], tolerance: float) -> dict[str, float]:
    """The layers that differ, or are missing, though all that they are given agrees; with how far that is apart.

    A layer that one of the two does not compute as a tensor of its own has no difference. It is to blame if what it is
    given agrees and what takes it does not, and nothing is said of it otherwise.
    """
    found: dict[str, float] = {}
    spread: dict[str, bool] = {}
    """Whether a layer differs, or lies behind one that does."""
    for path, node in graph.nodes.items():
        behind = any(spread[source] for source in map(producer, node.inputs))
        differs = path in differences and exceeds(differences[path], tolerance)
        spread[path] = behind if path not in differences else differs
        if differs and not behind:
            given = max((differences.get(source, 0.0) for source in map(producer, node.inputs)), default=0.0)
            found.update(dict.fromkeys(_uncomputed(graph, node, differences) or [path], given))
    return found


def _uncomputed(graph: LayerGraph, node: Node, differences: Mapping[str, float]) -> list[str]:
    """Of the layers right before a node those that were not computed: the first of each chain of such."""
    found: list[str] = []
    for path in map(producer, node.inputs):
        if path not in differences:
            found += _uncomputed(graph, graph.nodes[path], differences) or [path]
    return found


def last_to_differ(
    graph: LayerGraph, gradients: Mapping[str, float], tolerance: float
) -> dict[str, tuple[float, tuple[str, ...]]]:
    """The layers whose gradient differs though those of all layers that take them agree.

    Each with how far the latter are apart, and with the layers that take it: one of them passes it on wrongly. Where
    nothing of the difference is passed on in turn there is no fault: of equal numbers in a window of max-pooling any
    may have the gradient, and a ReLU before it has none to give to zeros.
    """
    takers: dict[str, list[str]] = {path: [] for path in graph.nodes}
    for path, node in graph.nodes.items():
        for source_path in map(producer, node.inputs):
            takers[source_path].append(path)
    found: dict[str, tuple[float, tuple[str, ...]]] = {}
    spread: dict[str, bool] = {}
    for path in reversed([*graph.nodes]):
        behind = any(spread[taker] for taker in takers[path])
        differs = path in gradients and exceeds(gradients[path], tolerance)
        spread[path] = behind if path not in gradients else differs
        sources = [*map(producer, graph.nodes[path].inputs)]
        passed_on = not sources or any(exceeds(gradients.get(one, math.inf), tolerance) for one in sources)
        if differs and not behind and passed_on:
            given = max((gradients.get(taker, 0.0) for taker in takers[path]), default=0.0)
            found[path] = (given, tuple(dict.fromkeys(takers[path])))
    return found


def consequences(graph: LayerGraph, origin: str, differing: Iterable[str]) -> tuple[str, ...]:
    """Of the layers that differ those that are computed from this one, in order."""
    wanted = set(differing)
    reached = {origin}
    for path, node in graph.nodes.items():
        if any(source_path in reached for source_path in map(producer, node.inputs)):
            reached.add(path)
    return tuple(path for path in graph.nodes if path in reached and path in wanted and path != origin)


def expressions(node: Node) -> dict[str, str]:
    """The expressions behind a node's attributes."""
    return {name: source(expr) for name, expr in node.exprs.items()}
