"""Whether two frameworks have the same gradients of a network, and which of them is wrong if not.

Where a ReLU's input is exactly 0, or a max-pool's window has its largest number twice, there is no gradient, and
frameworks differ in what they give for one. So the evaluator, which has losses alone, is the judge of a difference:
its loss is followed a small step into the direction in which the two gradients differ, and a step back. If the slopes
of both ways differ, and as much in steps of a tenth, there is no gradient. Else a framework is wrong.

A weight's gradient is a sum over examples and places, and may be 0 where its terms are large: then what is left is
their rounding. And a network may make rounding large, as norms of nearly equal numbers do. How large, the frameworks
say: their gradients move as far when each weight and input is moved to a neighboring number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from math import sqrt
from typing import Any, Final

import numpy as np

from archspec.codegen.backend import Gradients
from archspec.ir.graph import LayerGraph
from tests.reference.evaluate import evaluate
from tests.reference.loss import loss_of

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]

TOLERANCE: Final = 1e-8
OF_HARD_SIGMOID: Final = 1e-6
"""PyTorch's gradient of `hard_sigmoid` has 1/6 in float32 only, also in float64."""
LEAST: Final = 1e-3
"""A layer's gradients count as no less than this share of the network's: some are zero but for rounding."""
ROUNDING: Final = 1e-12
"""How far sums may be apart, as a share of the largest gradient of the layer's tensor, whose terms they add up."""
NEIGHBORS: Final = (0, 1, 2)
"""Seeds: how often all weights and inputs are moved to neighboring numbers."""
MOVES: Final = 10
"""How many times as far as that moves a gradient frameworks may be apart in it."""
MOST: Final = 1e-6
"""Nothing further apart than this, as a share of its layer's largest gradient, is put down to rounding so."""
STEPS: Final = (1e-5, 1e-6)
KINK: Final = 0.01
"""How far the slopes must be apart where there is no gradient, as a share of what the frameworks say of them."""


def same_gradients(
    graph: LayerGraph,
    weights: Arrays,
    inputs: Arrays,
    targets: Arrays,
    found: Mapping[str, Gradients],
    of_nodes: Callable[[], Arrays],
    again: Callable[[str, Arrays, Arrays], Gradients],
) -> None:
    """The frameworks' gradients agree wherever the loss has one.

    Args:
        graph, weights, inputs, targets: what they are the gradients of.
        found: the gradients, by framework.
        of_nodes: the gradients with respect to the nodes' tensors, asked for only where something is apart.
        again: the gradients by a framework with other weights and inputs; likewise.

    Raises:
        AssertionError: they do not; the message names the tensors, and the slopes by each of them and the evaluator.
    """
    for (first, one), (second, other) in combinations(found.items(), 2):
        mine, its = {**one.inputs, **one.weights}, {**other.inputs, **other.weights}
        rough = any(node.op.name == "hard_sigmoid" for node in graph.nodes.values())
        apart = _apart(mine, its, OF_HARD_SIGMOID if rough else TOLERANCE)
        if apart:
            terms = {path: float(np.abs(array).max()) for path, array in of_nodes().items()}
            apart = [name for name in apart if not _is_rounding(mine[name] - its[name], terms.get(_layer(name)))]
        if apart and not _apart(mine, its, MOST):
            moves = [_moves(by, found[by], weights, inputs, again) for by in (first, second)]
            apart = [
                name
                for name in apart
                if not float(np.abs(mine[name] - its[name]).max()) <= MOVES * max(each[name] for each in moves)
            ]
        if not apart:
            continue
        length = sqrt(sum(float(((mine[name] - its[name]) ** 2).sum()) for name in mine))
        direction = {name: (mine[name] - its[name]) / length for name in mine}
        slopes = [_slopes(graph, weights, inputs, targets, direction, step) for step in STEPS]
        further, near = (abs(ahead - back) for ahead, back in slopes)
        if near > KINK * length and near > further / 2:
            continue
        said = ", ".join(
            f"{sum(float((each[name] * direction[name]).sum()) for name in mine):.9g} by {by}"
            for by, each in ((first, mine), (second, its))
        )
        raise AssertionError(
            f"gradients of {', '.join(apart)}: slope {said}, {sum(slopes[-1]) / 2:.9g} by the evaluator"
        )


def _apart(one: Arrays, other: Arrays, tolerance: float) -> list[str]:
    """The tensors whose gradients differ, each by the largest of its layer."""
    assert one.keys() == other.keys(), f"gradients of {sorted(one)} and {sorted(other)}"
    sizes: dict[str, float] = {}
    for name, array in one.items():
        assert array.shape == other[name].shape, f"gradient of {name}: {array.shape}, {other[name].shape}"
        assert np.isfinite(array).all(), f"gradient of {name} is not finite"
        sizes[_layer(name)] = max(sizes.get(_layer(name), 0.0), float(np.abs(array).max()))
    least = LEAST * max(1.0, *sizes.values())
    return [
        name
        for name, array in one.items()
        if not float(np.abs(array - other[name]).max()) <= tolerance * max(sizes[_layer(name)], least)
    ]


def _is_rounding(difference: Array, terms: float | None) -> bool:
    return terms is not None and float(np.abs(difference).max()) <= ROUNDING * terms


def _moves(
    by: str, found: Gradients, weights: Arrays, inputs: Arrays, again: Callable[[str, Arrays, Arrays], Gradients]
) -> dict[str, float]:
    """How far each gradient by a framework moves, at most, with all weights and inputs moved to neighboring numbers."""
    here = {**found.inputs, **found.weights}
    moves = dict.fromkeys(here, 0.0)
    for seed in NEIGHBORS:
        draw = np.random.default_rng(seed)
        near = [{name: _beside(array, draw) for name, array in those.items()} for those in (weights, inputs)]
        there = again(by, *near)
        for name, array in {**there.inputs, **there.weights}.items():
            moves[name] = max(moves[name], float(np.abs(array - here[name]).max()))
    return moves


def _beside(array: Array, draw: np.random.Generator) -> Array:
    """Neighboring numbers; ids have none."""
    if np.issubdtype(array.dtype, np.integer):
        return array
    found: Array = np.nextafter(array, draw.choice((-np.inf, np.inf), array.shape))
    return found


def _layer(name: str) -> str:
    return name.rpartition(".")[0]


def _slopes(
    graph: LayerGraph, weights: Arrays, inputs: Arrays, targets: Arrays, direction: Arrays, step: float
) -> tuple[float, float]:
    """The loss's slope ahead and that behind, in a direction of length 1."""

    def loss(steps: float) -> float:
        moved = [
            {name: array + steps * direction[name] if name in direction else array for name, array in those.items()}
            for those in (weights, inputs)
        ]
        return loss_of(evaluate(graph, *moved, training=True).values, graph, targets)

    here = loss(0.0)
    return (loss(step) - here) / step, (here - loss(-step)) / step
