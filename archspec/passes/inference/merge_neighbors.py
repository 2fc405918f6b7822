"""Make one layer of two that stand next to each other and do the same kind of thing."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from archspec.ir.graph import LayerGraph
from archspec.ir.op import Op
from archspec.ir.ops.activations import Relu, Relu6
from archspec.ir.ops.interpolation import Upsample
from archspec.ir.ops.resizing import Crop, Pad
from archspec.ir.ops.scaling import Scale
from archspec.ir.ops.shapes import Flatten, Reshape
from archspec.ir.scope import Layer
from archspec.passes.inference.rewriting import agreeing, rewritten, sole_uses
from archspec.passes.pipeline import Property


def merged(first: Op, second: Op) -> Op | None:
    """The op that does what the two do one after the other; None where no single one does."""
    match first, second:
        case (Relu(), Relu()) | (Relu6(), Relu6()):
            return second
        case Flatten() | Reshape(), Flatten() | Reshape():
            return second
        case Scale(learned="none"), Scale(learned="none"):
            return replace(second, value=first.value * second.value, shift=first.shift * second.value + second.shift)
        case Pad(mode="constant"), Pad(mode="constant") if first.value == second.value:
            return replace(second, padding=second.padding.plus(first.padding))
        case Crop(), Crop():
            return replace(second, cropping=second.cropping.plus(first.cropping))
        case Upsample(mode="nearest"), Upsample(mode="nearest"):
            if not (_enlarges_wholly(first) and _enlarges_wholly(second)):
                return None
            factor = tuple(a * b for a, b in zip(first.factor or (), second.factor or (), strict=True))
            return replace(second, factor=factor)
    return None


def _enlarges_wholly(op: Upsample) -> bool:
    """Whether it repeats each element a whole number of times."""
    return op.factor is not None and all(float(times).is_integer() for times in op.factor)


def _mergeable(graph: LayerGraph) -> dict[str, str]:
    """The second layers of pairs that one layer can stand for, by the first ones' paths; no layer is in two pairs."""
    uses = sole_uses(graph)
    pairs: dict[str, str] = {}
    for path, node in graph.nodes.items():
        if path in uses and path not in pairs.values() and merged(node.op, uses[path].op) is not None:
            pairs[path] = uses[path].path
    return agreeing(graph, pairs, merged)


NO_MERGEABLE_NEIGHBORS = Property(
    "no two neighbors that one layer can stand for",
    lambda graph: next((f"{first} and {second} are" for first, second in _mergeable(graph).items()), ""),
)


class MergeNeighbors:
    """Two pads, crops, constant scales, reshapes, or activations that do nothing the second time are one."""

    __slots__ = ()
    name: ClassVar[str] = "merge_neighbors"
    requires: ClassVar[tuple[Property, ...]] = ()
    ensures: ClassVar[tuple[Property, ...]] = (NO_MERGEABLE_NEIGHBORS,)

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph itself where there are none."""
        while pairs := _mergeable(graph):
            firsts = {second: graph.nodes[first].op for first, second in pairs.items()}

            def op(layer: Layer, firsts: dict[str, Op] = firsts) -> Op:
                one = merged(firsts[layer.path], layer.op)
                assert one is not None
                return one

            graph = rewritten(graph, remove=dict.fromkeys(pairs, 0), change=dict.fromkeys(firsts, op))
        return graph
