"""Fold batch norms and scales into the convolution or dense layer beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from archspec.ir.def_use import Node
from archspec.ir.graph import LayerGraph, WeightStep
from archspec.ir.op import Op
from archspec.ir.ops.activations import Scale
from archspec.ir.ops.linear import Conv, ConvTranspose, Dense
from archspec.ir.ops.norms import BatchNorm
from archspec.ir.scope import Layer
from archspec.passes.inference.channel_maps import FoldIntoNext, FoldIntoPrevious, with_bias
from archspec.passes.inference.rewriting import agreeing, owner, rewritten, sole_uses, users_of_weights
from archspec.passes.pipeline import Property


def _after(graph: LayerGraph) -> dict[str, str]:
    """The products that can take in the channel map after them, by the map's path."""
    uses = sole_uses(graph)
    pairs = {
        uses[path].path: path
        for path, node in graph.nodes.items()
        if isinstance(node.op, Conv | ConvTranspose | Dense) and path in uses and _is_map_of_channels(graph, uses[path])
    }
    return _agreeing(graph, pairs)


def _before(graph: LayerGraph) -> dict[str, str]:
    """The products that can take in the channel map before them, exactly, by the map's path."""
    uses = sole_uses(graph)
    pairs = {
        path: uses[path].path
        for path, node in graph.nodes.items()
        if _is_map_of_channels(graph, node) and path in uses and _sees_no_zeros(uses[path].op, node.op)
    }
    return _agreeing(graph, pairs)


def _agreeing(graph: LayerGraph, pairs: dict[str, str]) -> dict[str, str]:
    """The pairs of a map and a product whose weights are used again nowhere, or everywhere by such a pair."""
    users = users_of_weights(graph)
    maps = {product: map for map, product in pairs.items()}

    def agree(map: str, product: str) -> bool:
        products = users[owner(graph.nodes[product])]
        if not products <= maps.keys():
            return False
        others = {maps[other] for other in products}
        if any(graph.nodes[other].op != graph.nodes[map].op for other in others):
            return False
        has_weights = bool(graph.weights(graph.nodes[map]))
        return not has_weights or others == users[owner(graph.nodes[map])]

    found = {map: product for map, product in pairs.items() if agree(map, product)}
    return agreeing(graph, found, lambda map, product: with_bias(product))  # type: ignore[arg-type]


def _is_map_of_channels(graph: LayerGraph, node: Node) -> bool:
    """Whether a layer has a factor and an offset for each channel, the axis that products make."""
    if not isinstance(node.op, BatchNorm | Scale):
        return False
    type = graph.input_types(node)[0]
    return type.channel_axis is not None


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
    lambda graph: next((f"{path} is one" for path in _after(graph)), ""),
)
NOTHING_TO_FOLD_BEFORE = Property(
    "no channel map that the product after it can take in",
    lambda graph: next((f"{path} is one" for path in _before(graph)), ""),
)


@dataclass(frozen=True, slots=True)
class FoldIntoPreviousProduct:
    """Batch norms and scales go into the convolution or dense layer that alone feeds them."""

    name: ClassVar[str] = "fold_into_previous_product"
    requires: ClassVar[tuple[Property, ...]] = ()
    ensures: ClassVar[tuple[Property, ...]] = (NOTHING_TO_FOLD_AFTER,)

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph itself where there are none."""
        while pairs := _after(graph):
            graph = _folded(graph, pairs, FoldIntoPrevious)
        return graph


@dataclass(frozen=True, slots=True)
class FoldIntoNextProduct:
    """Batch norms and scales go into the convolution or dense layer that alone takes them, where that is exact.

    A convolution that pads has zeros beside what a batch norm gives, which would have to be other numbers: it takes
    in no batch norm.
    """

    name: ClassVar[str] = "fold_into_next_product"
    requires: ClassVar[tuple[Property, ...]] = ()
    ensures: ClassVar[tuple[Property, ...]] = (NOTHING_TO_FOLD_BEFORE,)

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph itself where there are none."""
        while pairs := _before(graph):
            graph = _folded(graph, pairs, FoldIntoNext)
        return graph


def _folded(graph: LayerGraph, pairs: dict[str, str], step: type[FoldIntoPrevious] | type[FoldIntoNext]) -> LayerGraph:
    steps: tuple[WeightStep, ...] = tuple(
        step(kept, graph.nodes[kept].op, owner(graph.nodes[gone]), graph.nodes[gone].op)  # type: ignore[arg-type]
        for gone, kept in pairs.items()
        if owner(graph.nodes[kept]) == kept  # weights that are used again are folded once
    )

    def op(layer: Layer) -> Op:
        assert isinstance(layer.op, Conv | ConvTranspose | Dense)
        return with_bias(layer.op)

    return rewritten(graph, remove=dict.fromkeys(pairs, 0), change=dict.fromkeys(pairs.values(), op), steps=steps)
