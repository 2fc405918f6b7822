"""Pools."""

from __future__ import annotations

from typing import Final

from archspec.codegen.layout import Code, call
from archspec.codegen.text import literal
from archspec.ir.attributes import PerAxis
from archspec.ir.tensor_type import TOKENS
from archspec.ir.window import beyond_padding
from archspec_keras.ops.padding import covers, is_same, padding_sides, sides_code
from archspec_keras.ops.row import Row, Site, Step


def _max_pool(site: Site) -> list[Step]:
    pad, padding = _padded_pool(site)
    return [*pad, Step(call(_own(site, "Max"), **_window(site), **padding))]


def _own(site: Site, kind: str) -> str:
    """Keras's own layer; of volumes one that also takes float64 on TensorFlow."""
    return site.helper(f"Precise{kind}Pooling3D") if site.rank == 3 else site.of_rank(f"layers.{kind}Pooling{{}}")


def _padded_pool(site: Site) -> tuple[list[Step], dict[str, Code]]:
    """Minus infinity around the input; zeros do as well where nothing is negative. No window is all padding."""
    if is_same(site):
        return [], {"padding": literal("same")}
    sides = padding_sides(site, _beyond(site))
    if sides is None:
        return [], {}
    if covers(site):
        return [], {"padding": literal("same")}
    head = site.of_rank("layers.ZeroPadding{}") if site.never_negative else site.helper("InfinityPadding{}")
    return [Step(call(head, sides), "_pad")], {}


def _avg_pool(site: Site) -> list[Step]:
    window, own = _window(site), _own(site, "Average")
    counts = site.value("count_padding")
    if is_same(site):
        if not counts and _same_is_even(site):
            return [Step(call(own, **window, padding=literal("same")))]
        # On PyTorch, Keras repeats the border where there is more padding after than before, and counts it.
        count: dict[str, Code] = {"count_padding": "True"} if counts else {}
        return [Step(call(site.helper("SameAveragePooling{}"), **window, padding=literal("same"), **count))]
    beyond = _beyond(site)
    sides = padding_sides(site)
    if counts:
        pad = [] if sides is None else [Step(call(site.of_rank("layers.ZeroPadding{}"), sides), "_pad")]
        if any(beyond):
            head, uncounted = site.helper("PaddedAveragePooling{}"), sides_code(tuple((0, end) for end in beyond))
            return [*pad, Step(call(head, uncounted, **window))]
        return [*pad, Step(call(own, **window))]
    sides = padding_sides(site, beyond)
    if sides is None:
        return [Step(call(own, **window))]
    if covers(site):
        return [Step(call(own, **window, padding=literal("same")))]
    return [Step(call(site.helper("PaddedAveragePooling{}"), sides, **window))]


def _same_is_even(site: Site) -> bool:
    """Whether `same` pads as much before as after at any size: at stride 1, with an odd window."""
    if not site.fixed("kernel", "stride"):
        return False
    kernel: PerAxis = site.value("kernel")
    return set(site.value("stride") or kernel) == {1} and all(window % 2 == 1 for window in kernel)


def _beyond(site: Site) -> PerAxis:
    """By how much windows may reach beyond the padding: Keras, which knows no `ceil_mode`, pads so much more."""
    if not site.value("ceil_mode") or is_same(site):
        return ()
    kernel: PerAxis = site.value("kernel")
    return beyond_padding(kernel, site.value("stride") or kernel, site.value("padding").sides)


def _window(site: Site) -> dict[str, Code]:
    return {"pool_size": site.attribute("kernel")} | site.given(stride="strides")


def _global_pool(kind: str) -> Row:
    def steps(site: Site) -> list[Step]:
        axes = 1 if site.use.axes[0] == TOKENS else site.rank
        keywords: dict[str, Code] = {"keepdims": "True"} if site.value("keep_axes") else {}
        return [Step(call(f"layers.Global{kind}Pooling{axes}D", **keywords))]

    return Row(steps)


def _adaptive_avg_pool(site: Site) -> list[Step]:
    if site.fixed("size") and set(site.value("size")) == {1}:
        return [Step(call(site.of_rank("layers.GlobalAveragePooling{}"), keepdims="True"))]
    return [Step(call(site.helper("AdaptiveAveragePooling{}"), site.attribute("size")))]


ROWS: Final[dict[str, Row]] = {
    "max_pool": Row(_max_pool),
    "avg_pool": Row(_avg_pool),
    "global_avg_pool": _global_pool("Average"),
    "global_max_pool": _global_pool("Max"),
    "adaptive_avg_pool": Row(_adaptive_avg_pool),
}
