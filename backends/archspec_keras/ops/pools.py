"""Pools."""

from __future__ import annotations

from typing import Final

from archspec.codegen.escaping import literal
from archspec.codegen.pretty_printer import Code, call
from archspec.ir.attributes import PerAxis
from archspec.ir.convolution_arithmetic import beyond_padding
from archspec.ir.tensor_type import TOKENS
from archspec_keras.ops.padding import covers, is_same, is_same_lower, lower_padding, padding_sides, sides_code
from archspec_keras.ops.row import KerasRow, LayerContext, LayerStep


def _max_pool(context: LayerContext) -> list[LayerStep]:
    pad, padding = _padded_pool(context)
    return [*pad, LayerStep(call(_own(context, "Max"), **_window(context), **padding))]


def _own(context: LayerContext, kind: str) -> str:
    """Keras's own layer; of volumes one that also takes float64 on TensorFlow."""
    return (
        context.helper(f"Precise{kind}Pooling3D") if context.rank == 3 else context.of_rank(f"layers.{kind}Pooling{{}}")
    )


def _padded_pool(context: LayerContext) -> tuple[list[LayerStep], dict[str, Code]]:
    """Minus infinity around the input; zeros do as well where nothing is negative. No window is all padding."""
    if is_same(context):
        return [], {"padding": literal("same")}
    if is_same_lower(context):
        lowest: dict[str, Code] = {} if context.never_negative else {"value": '-float("inf")'}
        return [lower_padding(context, **lowest)], {}
    sides = padding_sides(context, _beyond(context))
    if sides is None:
        return [], {}
    if covers(context):
        return [], {"padding": literal("same")}
    head = context.of_rank("layers.ZeroPadding{}") if context.never_negative else context.helper("InfinityPadding{}")
    return [LayerStep(call(head, sides), "_pad")], {}


def _avg_pool(context: LayerContext) -> list[LayerStep]:
    window, own = _window(context), _own(context, "Average")
    counts = context.value("count_padding")
    if is_same(context):
        if not counts and _same_is_even(context):
            return [LayerStep(call(own, **window, padding=literal("same")))]
        # On PyTorch, Keras repeats the border where there is more padding after than before, and counts it.
        count: dict[str, Code] = {"count_padding": "True"} if counts else {}
        return [LayerStep(call(context.helper("SameAveragePooling{}"), **window, padding=literal("same"), **count))]
    if is_same_lower(context):
        count = {"count_padding": "True"} if counts else {}
        count["lower"] = "True"
        return [LayerStep(call(context.helper("SameAveragePooling{}"), **window, padding=literal("same"), **count))]
    beyond = _beyond(context)
    sides = padding_sides(context)
    if counts:
        pad = [] if sides is None else [LayerStep(call(context.of_rank("layers.ZeroPadding{}"), sides), "_pad")]
        if any(beyond):
            head, uncounted = context.helper("PaddedAveragePooling{}"), sides_code(tuple((0, end) for end in beyond))
            return [*pad, LayerStep(call(head, uncounted, **window))]
        return [*pad, LayerStep(call(own, **window))]
    sides = padding_sides(context, beyond)
    if sides is None:
        return [LayerStep(call(own, **window))]
    if covers(context):
        return [LayerStep(call(own, **window, padding=literal("same")))]
    return [LayerStep(call(context.helper("PaddedAveragePooling{}"), sides, **window))]


def _same_is_even(context: LayerContext) -> bool:
    """Whether `same` pads as much before as after at any size: at stride 1, with an odd window."""
    if not context.fixed("kernel", "stride"):
        return False
    kernel: PerAxis = context.value("kernel")
    return set(context.value("stride") or kernel) == {1} and all(window % 2 == 1 for window in kernel)


def _beyond(context: LayerContext) -> PerAxis:
    """By how much windows may reach beyond the padding: Keras, which knows no `ceil_mode`, pads so much more."""
    if not context.value("ceil_mode") or is_same(context):
        return ()
    kernel: PerAxis = context.value("kernel")
    return beyond_padding(kernel, context.value("stride") or kernel, context.value("padding").sides)


def _window(context: LayerContext) -> dict[str, Code]:
    return {"pool_size": context.attribute("kernel")} | context.given(stride="strides")


def _global_pool(kind: str) -> KerasRow:
    def steps(context: LayerContext) -> list[LayerStep]:
        axes = 1 if context.use.axes[0] == TOKENS else context.rank
        keywords: dict[str, Code] = {"keepdims": "True"} if context.value("keep_axes") else {}
        return [LayerStep(call(f"layers.Global{kind}Pooling{axes}D", **keywords))]

    return KerasRow(steps)


def _adaptive_avg_pool(context: LayerContext) -> list[LayerStep]:
    if context.fixed("size") and set(context.value("size")) == {1}:
        return [LayerStep(call(context.of_rank("layers.GlobalAveragePooling{}"), keepdims="True"))]
    return [LayerStep(call(context.helper("AdaptiveAveragePooling{}"), context.attribute("size")))]


def _adaptive_max_pool(context: LayerContext) -> list[LayerStep]:
    if context.fixed("size") and set(context.value("size")) == {1}:
        return [LayerStep(call(context.of_rank("layers.GlobalMaxPooling{}"), keepdims="True"))]
    return [LayerStep(call(context.helper("AdaptiveMaxPooling{}"), context.attribute("size")))]


def _blur_pool(context: LayerContext) -> list[LayerStep]:
    """A binomial filter: means of two along each axis, one after the other."""
    own = _own(context, "Average")
    means = [LayerStep(call(own, "2", strides="1"), f"_blur{index}") for index in range(context.value("kernel") - 2)]
    return [*means, LayerStep(call(own, "2", strides=context.attribute("stride")))]


ROWS: Final[dict[str, KerasRow]] = {
    "max_pool": KerasRow(_max_pool),
    "avg_pool": KerasRow(_avg_pool),
    "global_avg_pool": _global_pool("Average"),
    "global_max_pool": _global_pool("Max"),
    "adaptive_avg_pool": KerasRow(_adaptive_avg_pool),
    "adaptive_max_pool": KerasRow(_adaptive_max_pool),
    "blur_pool": KerasRow(_blur_pool),
}
