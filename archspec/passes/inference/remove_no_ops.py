"""Take out layers that give their input as it is, whatever it is."""

from __future__ import annotations

from typing import ClassVar

from archspec.ir.def_use import Node
from archspec.ir.graph import LayerGraph
from archspec.ir.ops.blocks import DepthToSpace, SpaceToDepth
from archspec.ir.ops.interpolation import Upsample
from archspec.ir.ops.pools import AvgPool, MaxPool
from archspec.ir.ops.resizing import Crop, Pad, PadChannels
from archspec.ir.ops.scaling import Scale
from archspec.ir.ops.shapes import ChannelShuffle, Flatten, Identity
from archspec.passes.inference.rewriting import rewritten
from archspec.passes.pipeline import Property


def _no_ops(graph: LayerGraph) -> dict[str, int]:
    """The paths of layers that are no-ops, each with the input that takes its place."""
    return {path: 0 for path, node in graph.nodes.items() if _gives_its_input(graph, node)}


def _gives_its_input(graph: LayerGraph, node: Node) -> bool:
    """Whether a layer is a no-op by its attributes, for inputs of any size."""
    match node.op:
        case Identity():
            return True
        case AvgPool() | MaxPool():
            return {*node.op.kernel, *node.op.step} == {1} and node.op.padding.is_nothing
        case Upsample():
            return node.op.factor is not None and set(node.op.factor) == {1}
        case Pad():
            return node.op.padding.is_nothing
        case Crop():
            return node.op.cropping.is_nothing
        case PadChannels():
            return node.op.before == node.op.after == 0
        case DepthToSpace() | SpaceToDepth():
            return node.op.block == 1
        case ChannelShuffle():
            return node.op.groups == 1
        case Scale():
            return node.op.learned == "none" and (node.op.value, node.op.shift) == (1.0, 0.0)
        case Flatten():
            return graph.input_types(node)[0] == node.type
    return False


NO_NO_OPS = Property(
    "no layer that gives its input as it is", lambda graph: next((f"{path} does" for path in _no_ops(graph)), "")
)


class RemoveNoOps:
    """Identities, pools of one element, pads of nothing, products with 1 are not there."""

    __slots__ = ()
    name: ClassVar[str] = "remove_no_ops"
    requires: ClassVar[tuple[Property, ...]] = ()
    ensures: ClassVar[tuple[Property, ...]] = (NO_NO_OPS,)

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph itself where there are none."""
        return rewritten(graph, remove=_no_ops(graph), change={})
