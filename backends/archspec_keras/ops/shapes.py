"""Layers that move numbers and compute none, or only what stands between them."""

from __future__ import annotations

from typing import Final

from archspec.codegen.escaping import literal
from archspec.codegen.pretty_printer import Bracket, call
from archspec.expr import Const, Expr, Items
from archspec.ir.ops.rearrange import AxisPattern
from archspec.ir.tensor_type import IMAGE, VOLUME
from archspec_keras.ops.padding import padding_sides
from archspec_keras.ops.row import KerasRow, LayerContext, LayerStep, layer

_SPATIAL_RANKS: Final = frozenset(map(len, (IMAGE, VOLUME)))
"""How many axes the sizes of an image or a volume have."""


def _channels_first(context: LayerContext) -> list[LayerStep]:
    """A feature map with its channels first, as (C, H, W), unless the order makes no difference."""
    flat = not context.rank or context.single_pixel or context.use.features[0] == Const(1)
    order = (context.rank + 1, *range(1, context.rank + 1))
    return [] if flat else [LayerStep(call("layers.Permute", literal(order)), "_permute")]


def _flatten(context: LayerContext) -> list[LayerStep]:
    return [*_channels_first(context), LayerStep(call("layers.Flatten"))]


def _reshape(context: LayerContext) -> list[LayerStep]:
    expr = context.use.exprs.get("shape")
    sizes: tuple[Expr, ...] = (
        expr.items if isinstance(expr, Items) else tuple(Const(size) for size in context.value("shape"))
    )
    before = _channels_first(context)
    if len(sizes) < 3:
        return [*before, LayerStep(_reshaped(context, sizes))]
    count, *size = sizes
    if count == Const(1) or all(extent == Const(1) for extent in size):
        return [*before, LayerStep(_reshaped(context, (*size, count)))]
    order = (*range(2, len(sizes) + 1), 1)
    return [
        *before,
        LayerStep(_reshaped(context, sizes), "_reshape"),
        LayerStep(call("layers.Permute", literal(order))),
    ]


def _reshaped(context: LayerContext, sizes: tuple[Expr, ...]) -> Bracket:
    return call("layers.Reshape", context.printer.expr(Items(sizes)))


_PADS: Final = {
    "reflect": "ReflectionPadding{}",
    "symmetric": "SymmetricPadding{}",
    "edge": "EdgePadding{}",
    "circular": "CircularPadding{}",
}


def _pad(context: LayerContext) -> list[LayerStep]:
    sides = padding_sides(context) or "0"
    if (helper := _PADS.get(context.value("mode"))) is not None:
        return [LayerStep(call(context.helper(helper), sides))]
    value = context.given(value="value")
    head = context.helper("ConstantPadding{}") if value else context.of_rank("layers.ZeroPadding{}")
    return [LayerStep(call(head, sides, **value))]


def _crop(context: LayerContext) -> list[LayerStep]:
    return [LayerStep(call(context.of_rank("layers.Cropping{}"), padding_sides(context, name="cropping") or "0"))]


def _helper(name: str, *attributes: str) -> KerasRow:
    """The row of a helper that takes these attributes."""
    return KerasRow(lambda context: [LayerStep(call(context.helper(name), *map(context.attribute, attributes)))])


def _split(context: LayerContext) -> list[LayerStep]:
    if context.use.results > 1:
        return [LayerStep(call(context.helper("ChannelParts"), context.attribute("parts")))]
    return [LayerStep(call(context.helper("ChannelPart"), context.attribute("parts"), context.attribute("index")))]


def _slice_channels(context: LayerContext) -> list[LayerStep]:
    stop = context.given(stop="stop").values()
    return [LayerStep(call(context.helper("ChannelSlice"), context.attribute("start"), *stop))]


def _rearrange(context: LayerContext) -> list[LayerStep]:
    """With the axes in the order that Keras's tensors have: channels last."""
    axes, sizes = AxisPattern.read(context.value("pattern")), [*(context.value("sizes") or ())]
    parts: list[tuple[int, ...]] = []
    for group in axes.before:
        count = len(group) if len(group) > 1 else 0
        parts.append(tuple(sizes[:count]))
        del sizes[:count]
    before, after = axes.before, axes.after
    if context.rank:
        before, parts = (*before[1:], before[0]), [*parts[1:], parts[0]]
    if len(after) in _SPATIAL_RANKS:
        after = (*after[1:], after[0])
    given = [literal(size)] if (size := tuple(part for each in parts for part in each)) else []
    return [LayerStep(call(context.helper("Rearrange"), literal(AxisPattern(before, after).text), *given))]


ROWS: Final[dict[str, KerasRow]] = {
    "identity": layer("layers.Identity"),
    "flatten": KerasRow(_flatten),
    "reshape": KerasRow(_reshape),
    "channel_shuffle": _helper("ChannelShuffle", "groups"),
    "split": KerasRow(_split),
    "slice_channels": KerasRow(_slice_channels),
    "pad": KerasRow(_pad),
    "crop": KerasRow(_crop),
    "rearrange": KerasRow(_rearrange),
    "pad_to_multiple": _helper("PadToMultiple", "multiple"),
    "roll": _helper("Roll", "shift"),
    "pad_channels": _helper("ChannelPadding", "before", "after"),
    "depth_to_space": _helper("DepthToSpace", "block"),
    "space_to_depth": _helper("SpaceToDepth", "block"),
}
