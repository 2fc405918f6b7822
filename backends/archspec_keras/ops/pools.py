"""Pools."""

from __future__ import annotations

from typing import Final

from archspec.codegen.layout import Code, call
from archspec.codegen.text import literal
from archspec_keras.ops.padding import covers, is_same, padding_sides
from archspec_keras.ops.row import Row, Site, Step


def _max_pool(site: Site) -> list[Step]:
    pad, padding = _padded_pool(site)
    return [*pad, Step(call("layers.MaxPooling2D", **_window(site), **padding))]


def _padded_pool(site: Site) -> tuple[list[Step], dict[str, Code]]:
    """Minus infinity around the input; zeros do as well where nothing is negative. No window is all padding."""
    if is_same(site):
        return [], {"padding": literal("same")}
    sides = padding_sides(site)
    if sides is None:
        return [], {}
    if covers(site):
        return [], {"padding": literal("same")}
    head = "layers.ZeroPadding2D" if site.never_negative else site.helper("InfinityPadding2D")
    return [Step(call(head, sides), "_pad")], {}


def _avg_pool(site: Site) -> list[Step]:
    window = _window(site)
    counts = site.value("count_padding")
    if is_same(site):
        head = site.helper("CountingAveragePooling2D") if counts else "layers.AveragePooling2D"
        return [Step(call(head, **window, padding=literal("same")))]
    sides = padding_sides(site)
    if sides is None:
        return [Step(call("layers.AveragePooling2D", **window))]
    if counts:
        pad = Step(call("layers.ZeroPadding2D", sides), "_pad")
        return [pad, Step(call("layers.AveragePooling2D", **window))]
    if covers(site):
        return [Step(call("layers.AveragePooling2D", **window, padding=literal("same")))]
    return [Step(call(site.helper("PaddedAveragePooling2D"), sides, **window))]


def _window(site: Site) -> dict[str, Code]:
    return {"pool_size": site.attribute("kernel")} | site.given(stride="strides")


def _global_avg_pool(site: Site) -> list[Step]:
    keywords: dict[str, Code] = {"keepdims": "True"} if site.value("keep_axes") else {}
    return [Step(call("layers.GlobalAveragePooling2D", **keywords))]


ROWS: Final[dict[str, Row]] = {
    "max_pool": Row(_max_pool),
    "avg_pool": Row(_avg_pool),
    "global_avg_pool": Row(_global_avg_pool),
}
