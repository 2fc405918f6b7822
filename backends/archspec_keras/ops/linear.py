"""Convolutions and dense layers."""

from __future__ import annotations

from typing import Final

from archspec.codegen.layout import Code, call
from archspec.codegen.printer import plain
from archspec.codegen.text import literal
from archspec.ir.ops import Conv
from archspec.ir.window import crop
from archspec_keras.ops.initializers import weights
from archspec_keras.ops.padding import covers, is_same, padding_sides, sides_code
from archspec_keras.ops.row import Row, Site, Step

_KERNEL: Final = {"weight": "kernel", "bias": "bias"}
_CROP: Final = "_crop"


def _conv(site: Site) -> list[Step]:
    pad, padding = _padded_conv(site)
    keywords = site.given(stride="strides") | padding
    keywords |= site.given(dilation="dilation_rate", groups="groups") | weights(site)
    head = site.helper("StridedDilatedConv{}") if _strides_and_dilates(site) else site.of_rank("layers.Conv{}")
    return [*pad, Step(call(head, site.attribute("filters"), site.attribute("kernel"), **keywords))]


def _strides_and_dilates(site: Site) -> bool:
    """Keras's own convolution does not take both, on whichever axes."""
    ops = [site.graph.nodes[path].op for path in site.use.paths]
    return any(isinstance(op, Conv) and max(op.stride) > 1 and max(op.dilation) > 1 for op in ops)


def _conv_transpose(site: Site) -> list[Step]:
    kernel, stride, dilation = site.value("kernel"), site.value("stride"), site.value("dilation")
    ends = crop(kernel, stride, site.value("padding"), site.value("output_padding"), dilation)
    axes = zip(kernel, stride, dilation, strict=True)
    excess = [spread * (window - 1) + 1 - step for window, step, spread in axes]
    added = tuple(max(-after, 0) for _, after in ends)
    sides = tuple((before, max(after, 0)) for before, after in ends)
    keywords = site.given(stride="strides", dilation="dilation_rate")
    head = site.of_rank("layers.Conv{}Transpose")
    if not site.fixed("groups") or site.value("groups") > 1 or max(dilation) > 1:  # TensorFlow does not dilate on CPU
        head = site.helper("GroupedConv{}Transpose")
        keywords |= site.given(groups="groups")
        if any(added):
            keywords["output_padding"] = plain(added)
    elif all(end == (max(size, 0) / 2, min(size, size / 2)) for end, size in zip(ends, excess, strict=True)):
        # Keras's `same` leaves out an odd excess right, too, but older ones on PyTorch do not.
        if max(excess) > 0:
            keywords["padding"] = literal("same")
        sides = ()
    elif added != tuple(max(-size, 0) for size in excess):  # what Keras adds of itself
        keywords["output_padding"] = plain(added)
    layer = call(head, site.attribute("filters"), site.attribute("kernel"), **keywords, **weights(site))
    steps = [Step(layer)]
    if any(map(any, sides)):
        steps.append(Step(call(site.of_rank("layers.Cropping{}"), sides_code(sides)), _CROP))
    return steps


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
    return [Step(call(site.of_rank("layers.ZeroPadding{}"), sides), "_pad")], {}


ROWS: Final[dict[str, Row]] = {
    "conv": Row(_conv, _KERNEL),
    "conv_transpose": Row(_conv_transpose, _KERNEL, after=_CROP),
    "dense": Row(_dense, _KERNEL),
}
