"""Fold batch norms and scales into the convolution or dense layer beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from archspec.ir.def_use import Node
from archspec.ir.graph import LayerGraph, WeightStep
from archspec.ir.op import Op
from archspec.ir.ops.linear import Conv, ConvTranspose, Dense
from archspec.ir.ops.scaling import Scale
from archspec.passes.inference.channel_maps import ChannelMap, FoldIntoNext, FoldIntoPrevious, is_channel_map, with_bias
from archspec.passes.inference.rewriting import agreeing, agreeing_on_weights, rewritten, sole_uses
from archspec.passes.inference.views import passage
from archspec.passes.pipeline import Property


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Which products take in which channel maps."""

    products: dict[str, str]
    """By the paths of the maps."""
    channels: dict[str, tuple[int, ...] | None]
    """By the paths of the maps, for each channel of the product, which one of the map it is; None: the same one."""


def _after(graph: LayerGraph) -> _Pairs:
    """The products that can take in the channel map after them, by the map's path."""
    uses, found = sole_uses(graph), _Pairs({}, {})
    for path, node in graph.nodes.items():
        if not isinstance(node.op, Conv | ConvTranspose | Dense) or (way := passage(graph, uses, path)) is None:
            continue
        if not is_channel_map(graph, way.taker):
            continue
        channels = None
        if way.views:
            if node.type.channel_axis is None:
                continue
            channels = way.channels_behind(graph.input_types(way.taker)[0])
            if channels is None:
                continue
        found.products[way.taker.path] = path
        found.channels[way.taker.path] = channels
    return _agreeing(graph, found)


def _before(graph: LayerGraph) -> _Pairs:
    """The products that can take in the channel map before them, exactly, by the map's path."""
    uses, found = sole_uses(graph), _Pairs({}, {})
    for path, node in graph.nodes.items():
        if not is_channel_map(graph, node) or (way := passage(graph, uses, path)) is None:
            continue
        if not _sees_no_zeros(way.taker.op, node.op):
            continue
        channels = None
        if way.views:
            arriving = graph.input_types(way.taker)[0]
            if arriving.channel_axis is None:
                continue
            channels = way.channels_before(arriving)
            if channels is None:
                continue
        found.products[path] = way.taker.path
        found.channels[path] = channels
    return _agreeing(graph, found)


def _agreeing(graph: LayerGraph, pairs: _Pairs) -> _Pairs:
    """The pairs whose weights are used again nowhere, or everywhere by such a pair."""
    same = agreeing_on_weights(graph, pairs.products, pairs.channels)
    found = agreeing(graph, same, lambda _, product: _biased(product))
    return _Pairs(found, pairs.channels)


def _sees_no_zeros(product: Op, map: Op) -> bool:
    """Whether no number comes to a product but those that the map before it gives."""
    if isinstance(product, Dense):
        return True
    if not isinstance(product, Conv):
        return False
    if isinstance(map, Scale) and map.shift == 0:
        return True  # zeros are still zeros
    return product.padding.is_nothing


NOTHING_TO_FOLD_AFTER = Property(
    "no channel map that the product before it can take in",
    lambda graph: next((f"{path} is one" for path in _after(graph).products), ""),
)
NOTHING_TO_FOLD_BEFORE = Property(
    "no channel map that the product after it can take in",
    lambda graph: next((f"{path} is one" for path in _before(graph).products), ""),
)


class FoldIntoPreviousProduct:
    """Batch norms and scales go into the convolution or dense layer that alone feeds them."""

    __slots__ = ()
    name: ClassVar[str] = "fold_into_previous_product"
    requires: ClassVar[tuple[Property, ...]] = ()
    ensures: ClassVar[tuple[Property, ...]] = (NOTHING_TO_FOLD_AFTER,)

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph itself where there are none."""
        while (pairs := _after(graph)).products:
            graph = _folded(graph, pairs, _into_previous)
        return graph


class FoldIntoNextProduct:
    """Batch norms and scales go into the convolution or dense layer that alone takes them, where that is exact.

    A convolution that pads has zeros beside what a batch norm gives, which would have to be other numbers: it takes
    in no batch norm.
    """

    __slots__ = ()
    name: ClassVar[str] = "fold_into_next_product"
    requires: ClassVar[tuple[Property, ...]] = ()
    ensures: ClassVar[tuple[Property, ...]] = (NOTHING_TO_FOLD_BEFORE,)

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph itself where there are none."""
        while (pairs := _before(graph)).products:
            graph = _folded(graph, pairs, _into_next)
        return graph


def _into_previous(product: Node, map: Node, channels: tuple[int, ...] | None) -> WeightStep:
    assert isinstance(product.op, Conv | ConvTranspose | Dense) and isinstance(map.op, ChannelMap)
    return FoldIntoPrevious(product.path, product.op, map.owner, map.op, channels)


def _into_next(product: Node, map: Node, channels: tuple[int, ...] | None) -> WeightStep:
    assert isinstance(product.op, Conv | Dense) and isinstance(map.op, ChannelMap)
    return FoldIntoNext(product.path, product.op, map.owner, map.op, channels)


def _folded(
    graph: LayerGraph, pairs: _Pairs, step: Callable[[Node, Node, tuple[int, ...] | None], WeightStep]
) -> LayerGraph:
    steps = tuple(
        step(graph.nodes[kept], graph.nodes[gone], pairs.channels[gone])
        for gone, kept in pairs.products.items()
        if graph.nodes[kept].owner == kept  # weights that are used again are folded once
    )
    change = {kept: lambda layer: _biased(layer.op) for kept in pairs.products.values()}
    return rewritten(graph, remove=dict.fromkeys(pairs.products, 0), change=change, steps=steps)


def _biased(op: Op) -> Op:
    assert isinstance(op, Conv | ConvTranspose | Dense)
    return with_bias(op)
