"""Fold the scales and shifts of norms into the convolution, dense layer or attention after them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from archspec.ir.def_use import Node
from archspec.ir.graph import LayerGraph, WeightStep
from archspec.ir.op import Op
from archspec.ir.ops.attention import Attention
from archspec.ir.ops.linear import Conv, Dense
from archspec.ir.scope import Layer
from archspec.passes.inference.channel_maps import AffineNorm, FoldIntoAttention, FoldIntoNext, with_bias
from archspec.passes.inference.rewriting import agreeing, agreeing_on_weights, rewritten, sole_uses
from archspec.passes.pipeline import Property


@dataclass(frozen=True, slots=True)
class _NormTakers:
    """Which layers take in the scale and the shift of which norms."""

    takers: dict[str, str]
    """By the paths of the norms, each of one norm."""
    operands: dict[str, int]
    """Which input of its taker each norm gives."""


def _norms(graph: LayerGraph) -> _NormTakers:
    """The layers that can take in the scale and the shift of the norm before them, exactly."""
    uses, takers, operands = sole_uses(graph), dict[str, str](), dict[str, int]()
    for path, node in graph.nodes.items():
        if not isinstance(node.op, AffineNorm) or not graph.weights(node) or node.type.channel_axis is None:
            continue
        taker = uses.get(path)
        if taker is None or not _takes_in(taker.op, node.op) or taker.path in takers.values():
            continue  # of two norms that come to one layer, one is folded at a time
        takers[path], operands[path] = taker.path, taker.inputs.index(path)
    agreed = agreeing_on_weights(graph, takers, operands)
    # What is used again takes as many inputs each time: whether it gets the same op does not depend on their number.
    return _NormTakers(agreeing(graph, agreed, lambda norm, taker: _taker(norm, taker, 1)), operands)


def _takes_in(taker: Op, norm: AffineNorm) -> bool:
    """Whether no number comes to a layer but those of the norm; zeros around stay zeros where nothing is added.

    So it is with attention of tokens to each other or to others. Attention within windows fills its last windows up
    with zeros, at sizes of the image that are not known.
    """
    if isinstance(taker, Conv):
        return not norm.shift or taker.padding.is_nothing
    return isinstance(taker, Dense | Attention)


def _taker(norm: Op, taker: Op, inputs: int) -> Op:
    """What takes in a norm's scale and shift: with a bias, where that is needed."""
    assert isinstance(norm, AffineNorm)
    if isinstance(taker, Attention):
        return taker.with_bias(inputs) if norm.shift else taker
    assert isinstance(taker, Conv | Dense)
    return with_bias(taker)


def _plain(layer: Layer) -> Op:
    assert isinstance(layer.op, AffineNorm)
    return replace(layer.op, affine=False)


NO_AFFINE_NORM_BEFORE_PRODUCTS = Property(
    "no scale or shift of a norm that the layer after it can take in",
    lambda graph: next((f"{path} has one" for path in _norms(graph).takers), ""),
)


class FoldNormAffine:
    """What alone takes the result of a layer norm, group norm or instance norm scales and shifts it, too.

    The norm stays, without weights. A convolution that pads has zeros beside what the norm gives, which the shift would
    make other numbers: it takes in no shift. Attention takes them into the maps of queries, keys and values, or into
    those of the tokens that the norm gives, where it has others beside them.
    """

    __slots__ = ()
    name: ClassVar[str] = "fold_norm_affine"
    requires: ClassVar[tuple[Property, ...]] = ()
    ensures: ClassVar[tuple[Property, ...]] = (NO_AFFINE_NORM_BEFORE_PRODUCTS,)

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph itself where there are none."""
        while (pairs := _norms(graph)).takers:
            nodes = graph.nodes
            steps = tuple(
                _step(graph, nodes[norm], nodes[taker], pairs.operands[norm])
                for norm, taker in pairs.takers.items()
                if nodes[taker].owner == taker  # weights that are used again are folded once
            )
            change: dict[str, Callable[[Layer], Op]] = dict.fromkeys(pairs.takers, _plain)
            change |= {
                taker: _changed_to(_taker(nodes[norm].op, nodes[taker].op, len(nodes[taker].inputs)))
                for norm, taker in pairs.takers.items()
            }
            graph = rewritten(graph, remove={}, change=change, steps=steps)
        return graph


def _changed_to(op: Op) -> Callable[[Layer], Op]:
    return lambda layer: op


def _step(graph: LayerGraph, norm: Node, taker: Node, operand: int) -> WeightStep:
    """What becomes of the weights of a norm and of what takes them in."""
    assert isinstance(norm.op, AffineNorm)
    if not isinstance(taker.op, Attention):
        assert isinstance(taker.op, Conv | Dense)
        return FoldIntoNext(taker.path, taker.op, norm.owner, norm.op)
    inputs = graph.input_types(taker)
    before = {weight.name for weight in taker.op.weights(inputs)}
    after = _taker(norm.op, taker.op, len(inputs)).weights(inputs)
    added = tuple(weight for weight in after if weight.name not in before)
    return FoldIntoAttention(taker.path, taker.op.input_maps(inputs, operand), norm.owner, norm.op, added)
