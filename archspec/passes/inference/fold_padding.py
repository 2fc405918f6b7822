"""Fold pads of zeros into the convolution after them."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from archspec.ir.attributes import Padding
from archspec.ir.graph import LayerGraph
from archspec.ir.op import Op
from archspec.ir.ops.linear import Conv
from archspec.ir.ops.resizing import Pad
from archspec.ir.scope import Layer
from archspec.passes.inference.rewriting import agreeing, rewritten, sole_uses
from archspec.passes.pipeline import Property


def _pads(graph: LayerGraph) -> dict[str, str]:
    """The convolutions that can pad themselves, by the paths of the pads before them."""
    uses = sole_uses(graph)
    found = {
        path: uses[path].path
        for path, node in graph.nodes.items()
        if isinstance(node.op, Pad)
        and (node.op.mode, node.op.value) == ("constant", 0)
        and path in uses
        and isinstance(conv := uses[path].op, Conv)
        and conv.padding.mode == "explicit"  # else its sides go by the size that arrives, which is then another
        and _together(node.op.padding, conv.padding) is not None
    }
    return agreeing(graph, found, _padded)


def _padded(pad: Op, conv: Op) -> Op:
    """The convolution that pads what the layer before it does."""
    assert isinstance(pad, Pad)
    assert isinstance(conv, Conv)
    padding = _together(pad.padding, conv.padding)
    assert padding is not None
    return replace(conv, padding=padding)


def _together(pad: Padding, own: Padding) -> Padding | None:
    """The padding that does both; None where an element would be padded by less than nothing."""
    if pad.sides is None or own.sides is None:
        return None
    both = own.plus(pad)
    return None if any(side < 0 for pair in both.sides or () for side in pair) else both


NO_PADS_BEFORE_CONVOLUTIONS = Property(
    "no pad that a convolution can do itself", lambda graph: next((f"{path} is one" for path in _pads(graph)), "")
)


class FoldPadding:
    """A convolution pads what a layer before it has padded with zeros."""

    __slots__ = ()
    name: ClassVar[str] = "fold_padding"
    requires: ClassVar[tuple[Property, ...]] = ()
    ensures: ClassVar[tuple[Property, ...]] = (NO_PADS_BEFORE_CONVOLUTIONS,)

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph itself where there are none."""
        while pairs := _pads(graph):
            pads = {conv: graph.nodes[pad].op for pad, conv in pairs.items()}

            def op(layer: Layer, pads: dict[str, Op] = pads) -> Op:
                return _padded(pads[layer.path], layer.op)

            graph = rewritten(graph, remove=dict.fromkeys(pairs, 0), change=dict.fromkeys(pads, op))
        return graph
