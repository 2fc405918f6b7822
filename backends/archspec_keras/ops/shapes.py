"""Layers that move numbers and compute none, or only what stands between them."""

from __future__ import annotations

from typing import Final

from archspec.codegen.layout import Bracket, call
from archspec.expr import Const, Expr, Items
from archspec.ir.tensor_type import IMAGE
from archspec_keras.ops.padding import padding_sides
from archspec_keras.ops.row import Row, Site, Step, layer

_TO_CHW: Final = call("layers.Permute", "(3, 1, 2)")
_TO_HWC: Final = call("layers.Permute", "(2, 3, 1)")


def _channels_first(site: Site) -> list[Step]:
    """An image in the order channels, height, width, unless the order makes no difference."""
    flat = site.use.axes[0] != IMAGE or site.single_pixel or site.use.features[0] == Const(1)
    return [] if flat else [Step(_TO_CHW, "_permute")]


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
    if count == Const(1) or size == [Const(1), Const(1)]:
        return [*before, Step(_reshaped(site, (*size, count)))]
    return [*before, Step(_reshaped(site, sizes), "_reshape"), Step(_TO_HWC)]


def _reshaped(site: Site, sizes: tuple[Expr, ...]) -> Bracket:
    return call("layers.Reshape", site.printer.expr(Items(sizes)))


def _pad(site: Site) -> list[Step]:
    sides = padding_sides(site) or "0"
    match site.value("mode"):
        case "reflect":
            return [Step(call(site.helper("ReflectionPadding2D"), sides))]
        case "edge":
            return [Step(call(site.helper("EdgePadding2D"), sides))]
        case _:
            value = site.given(value="value")
            return [Step(call(site.helper("ConstantPadding2D") if value else "layers.ZeroPadding2D", sides, **value))]


def _crop(site: Site) -> list[Step]:
    return [Step(call("layers.Cropping2D", padding_sides(site, name="cropping") or "0"))]


def _upsample(site: Site) -> list[Step]:
    head = "layers.UpSampling2D" if site.value("mode") == "nearest" else site.helper("BilinearUpSampling2D")
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
