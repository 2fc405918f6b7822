"""Layers that move numbers and compute none, or only what stands between them."""

from __future__ import annotations

from typing import Final

from archspec.codegen.layout import Bracket, call
from archspec.codegen.text import literal
from archspec.expr import Const, Expr, Items
from archspec_keras.ops.padding import padding_sides
from archspec_keras.ops.row import Row, Site, Step, layer


def _channels_first(site: Site) -> list[Step]:
    """A feature map with its channels first, as (C, H, W), unless the order makes no difference."""
    flat = not site.rank or site.single_pixel or site.use.features[0] == Const(1)
    order = (site.rank + 1, *range(1, site.rank + 1))
    return [] if flat else [Step(call("layers.Permute", literal(order)), "_permute")]


def _flatten(site: Site) -> list[Step]:
    return [*_channels_first(site), Step(call("layers.Flatten"))]


def _reshape(site: Site) -> list[Step]:
    expr = site.use.exprs.get("shape")
    sizes: tuple[Expr, ...] = (
        expr.items if isinstance(expr, Items) else tuple(Const(size) for size in site.value("shape"))
    )
    before = _channels_first(site)
    if len(sizes) < 3:
        return [*before, Step(_reshaped(site, sizes))]
    count, *size = sizes
    if count == Const(1) or all(extent == Const(1) for extent in size):
        return [*before, Step(_reshaped(site, (*size, count)))]
    order = (*range(2, len(sizes) + 1), 1)
    return [*before, Step(_reshaped(site, sizes), "_reshape"), Step(call("layers.Permute", literal(order)))]


def _reshaped(site: Site, sizes: tuple[Expr, ...]) -> Bracket:
    return call("layers.Reshape", site.printer.expr(Items(sizes)))


def _pad(site: Site) -> list[Step]:
    sides = padding_sides(site) or "0"
    match site.value("mode"):
        case "reflect":
            return [Step(call(site.helper("ReflectionPadding{}"), sides))]
        case "edge":
            return [Step(call(site.helper("EdgePadding{}"), sides))]
        case _:
            value = site.given(value="value")
            head = site.helper("ConstantPadding{}") if value else site.of_rank("layers.ZeroPadding{}")
            return [Step(call(head, sides, **value))]


def _crop(site: Site) -> list[Step]:
    return [Step(call(site.of_rank("layers.Cropping{}"), padding_sides(site, name="cropping") or "0"))]


def _upsample(site: Site) -> list[Step]:
    mode: str = site.value("mode")
    head = site.of_rank("layers.UpSampling{}")
    if mode != "nearest":
        head = site.helper(f"{mode.capitalize()}UpSampling{{}}")
    return [Step(call(head, site.attribute("factor")))]


def _helper(name: str, *attributes: str) -> Row:
    """The row of a helper that takes these attributes."""
    return Row(lambda site: [Step(call(site.helper(name), *map(site.attribute, attributes)))])


def _split(site: Site) -> list[Step]:
    if site.use.results > 1:
        return [Step(call(site.helper("ChannelParts"), site.attribute("parts")))]
    return [Step(call(site.helper("ChannelPart"), site.attribute("parts"), site.attribute("index")))]


def _slice_channels(site: Site) -> list[Step]:
    stop = site.given(stop="stop").values()
    return [Step(call(site.helper("ChannelSlice"), site.attribute("start"), *stop))]


ROWS: Final[dict[str, Row]] = {
    "identity": layer("layers.Identity"),
    "flatten": Row(_flatten),
    "reshape": Row(_reshape),
    "channel_shuffle": _helper("ChannelShuffle", "groups"),
    "split": Row(_split),
    "slice_channels": Row(_slice_channels),
    "pad": Row(_pad),
    "crop": Row(_crop),
    "pad_channels": _helper("ChannelPadding", "before", "after"),
    "upsample": Row(_upsample),
    "depth_to_space": _helper("DepthToSpace", "block"),
    "space_to_depth": _helper("SpaceToDepth", "block"),
}
