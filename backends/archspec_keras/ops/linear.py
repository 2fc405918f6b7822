"""Convolutions and dense layers."""

from __future__ import annotations

from typing import Final

from archspec.codegen.layout import Code, call
from archspec.codegen.text import literal
from archspec_keras.ops.initializers import weights
from archspec_keras.ops.padding import covers, is_same, padding_sides
from archspec_keras.ops.row import Row, Site, Step

_KERNEL: Final = {"weight": "kernel", "bias": "bias"}


def _conv(site: Site) -> list[Step]:
    pad, padding = _padded_conv(site)
    keywords = site.given(stride="strides") | padding
    keywords |= site.given(dilation="dilation_rate", groups="groups") | weights(site)
    return [*pad, Step(call("layers.Conv2D", site.attribute("filters"), site.attribute("kernel"), **keywords))]


def _dense(site: Site) -> list[Step]:
    return [Step(call("layers.Dense", site.attribute("units"), **weights(site)))]


def _padded_conv(site: Site) -> tuple[list[Step], dict[str, Code]]:
    """The layer that pads first, or the convolution's own padding where that is the same at any size."""
    if is_same(site):
        return [], {"padding": literal("same")}
    sides = padding_sides(site)
    if sides is None:
        return [], {}
    if covers(site):
        return [], {"padding": literal("same")}
    return [Step(call("layers.ZeroPadding2D", sides), "_pad")], {}


ROWS: Final[dict[str, Row]] = {
    "conv": Row(_conv, _KERNEL),
    "dense": Row(_dense, _KERNEL),
}
