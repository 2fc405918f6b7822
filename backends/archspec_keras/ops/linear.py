"""Convolutions and dense layers."""

from __future__ import annotations

from typing import Final

from archspec.codegen.escaping import literal
from archspec.codegen.expression_printer import plain
from archspec.codegen.pretty_printer import Code, call
from archspec.ir.convolution_arithmetic import crop
from archspec.ir.ops import Conv
from archspec_keras.ops.initializers import weights
from archspec_keras.ops.padding import covers, is_same, padding_sides, sides_code
from archspec_keras.ops.row import KerasRow, LayerContext, LayerStep

_KERNEL: Final = {"weight": "kernel", "bias": "bias"}
_CROP: Final = "_crop"


def _conv(context: LayerContext) -> list[LayerStep]:
    pad, padding = _padded_conv(context)
    keywords = context.given(stride="strides") | padding
    keywords |= context.given(dilation="dilation_rate", groups="groups") | weights(context)
    head = context.helper("StridedDilatedConv{}") if _strides_and_dilates(context) else context.of_rank("layers.Conv{}")
    return [*pad, LayerStep(call(head, context.attribute("filters"), context.attribute("kernel"), **keywords))]


def _strides_and_dilates(context: LayerContext) -> bool:
    """Keras's own convolution does not take both, on whichever axes."""
    ops = [context.graph.nodes[path].op for path in context.use.paths]
    return any(isinstance(op, Conv) and max(op.stride) > 1 and max(op.dilation) > 1 for op in ops)


def _conv_transpose(context: LayerContext) -> list[LayerStep]:
    kernel, stride, dilation = context.value("kernel"), context.value("stride"), context.value("dilation")
    ends = crop(kernel, stride, context.value("padding"), context.value("output_padding"), dilation)
    axes = zip(kernel, stride, dilation, strict=True)
    excess = [spread * (window - 1) + 1 - step for window, step, spread in axes]
    added = tuple(max(-after, 0) for _, after in ends)
    sides = tuple((before, max(after, 0)) for before, after in ends)
    keywords = context.given(stride="strides", dilation="dilation_rate")
    head = context.of_rank("layers.Conv{}Transpose")
    if (
        not context.fixed("groups") or context.value("groups") > 1 or max(dilation) > 1
    ):  # TensorFlow does not dilate on CPU
        head = context.helper("GroupedConv{}Transpose")
        keywords |= context.given(groups="groups")
        if any(added):
            keywords["output_padding"] = plain(added)
    elif all(end == (max(size, 0) / 2, min(size, size / 2)) for end, size in zip(ends, excess, strict=True)):
        # Keras's `same` leaves out an odd excess right, too, but older ones on PyTorch do not.
        if max(excess) > 0:
            keywords["padding"] = literal("same")
        sides = ()
    elif added != tuple(max(-size, 0) for size in excess):  # what Keras adds of itself
        keywords["output_padding"] = plain(added)
    layer = call(head, context.attribute("filters"), context.attribute("kernel"), **keywords, **weights(context))
    steps = [LayerStep(layer)]
    if any(map(any, sides)):
        steps.append(LayerStep(call(context.of_rank("layers.Cropping{}"), sides_code(sides)), _CROP))
    return steps


def _dense(context: LayerContext) -> list[LayerStep]:
    return [LayerStep(call("layers.Dense", context.attribute("units"), **weights(context)))]


def _padded_conv(context: LayerContext) -> tuple[list[LayerStep], dict[str, Code]]:
    """The layer that pads first, or the convolution's own padding where that is the same at any size."""
    if is_same(context):
        return [], {"padding": literal("same")}
    sides = padding_sides(context)
    if sides is None:
        return [], {}
    if covers(context):
        return [], {"padding": literal("same")}
    return [LayerStep(call(context.of_rank("layers.ZeroPadding{}"), sides), "_pad")], {}


ROWS: Final[dict[str, KerasRow]] = {
    "conv": KerasRow(_conv, _KERNEL),
    "conv_transpose": KerasRow(_conv_transpose, _KERNEL, after=_CROP),
    "dense": KerasRow(_dense, _KERNEL),
}
