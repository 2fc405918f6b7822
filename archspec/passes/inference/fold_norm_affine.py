"""Fold the scales and shifts of norms into the convolution or dense layer after them."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from archspec.ir.graph import LayerGraph
from archspec.ir.op import Op
from archspec.ir.ops.linear import Conv, Dense
from archspec.ir.scope import Layer
from archspec.passes.inference.channel_maps import AffineNorm, FoldIntoNext, with_bias
from archspec.passes.inference.rewriting import agreeing, agreeing_on_weights, rewritten, sole_uses
from archspec.passes.pipeline import Property


def _norms(graph: LayerGraph) -> dict[str, str]:
    """The products that can take in the scale and the shift of the norm before them, exactly, by the norm's path."""
    uses = sole_uses(graph)
    pairs = {
        path: uses[path].path
        for path, node in graph.nodes.items()
        if isinstance(node.op, AffineNorm)
        and graph.weights(node)
        and node.type.channel_axis is not None
        and path in uses
        and _takes_in(uses[path].op, node.op)
    }
    return agreeing(graph, agreeing_on_weights(graph, pairs), lambda _, product: _product(product))


def _takes_in(product: Op, norm: AffineNorm) -> bool:
    """Whether no number comes to a product but those of the norm; zeros around stay zeros where nothing is added."""
    return isinstance(product, Dense) or (isinstance(product, Conv) and (not norm.shift or product.padding.is_nothing))


def _product(op: Op) -> Op:
    assert isinstance(op, Conv | Dense)
    return with_bias(op)


def _plain(layer: Layer) -> Op:
    assert isinstance(layer.op, AffineNorm)
    return replace(layer.op, affine=False)


NO_AFFINE_NORM_BEFORE_PRODUCTS = Property(
    "no scale or shift of a norm that the product after it can take in",
    lambda graph: next((f"{path} has one" for path in _norms(graph)), ""),
)


class FoldNormAffine:
    """The product that alone takes what a layer norm, group norm or instance norm gives, scales and shifts it, too.

    The norm stays, without weights. A convolution that pads has zeros beside what the norm gives, which the shift would
    make other numbers: it takes in no shift.
    """

    __slots__ = ()
    name: ClassVar[str] = "fold_norm_affine"
    requires: ClassVar[tuple[Property, ...]] = ()
    ensures: ClassVar[tuple[Property, ...]] = (NO_AFFINE_NORM_BEFORE_PRODUCTS,)

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph itself where there are none."""
        if not (pairs := _norms(graph)):
            return graph
        steps = tuple(
            FoldIntoNext(product, op, graph.nodes[norm].owner, map_op)
            for norm, product in pairs.items()
            if graph.nodes[product].owner == product  # weights that are used again are folded once
            and isinstance(op := graph.nodes[product].op, Conv | Dense)
            and isinstance(map_op := graph.nodes[norm].op, AffineNorm)
        )
        change = dict.fromkeys(pairs, _plain) | dict.fromkeys(pairs.values(), lambda layer: _product(layer.op))
        return rewritten(graph, remove={}, change=change, steps=steps)
