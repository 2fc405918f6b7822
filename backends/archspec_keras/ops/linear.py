"""Convolutions and dense layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from archspec.codegen.escaping import literal
from archspec.codegen.expression_printer import plain
from archspec.codegen.pretty_printer import Bracket, Code, Ternary, call
from archspec.expr import Name
from archspec.ir.convolution_arithmetic import crop
from archspec.ir.def_use import Node
from archspec.ir.graph import LayerGraph
from archspec.ir.initializers import ByFan, Constant, Normal, Ones, TruncatedNormal, Uniform, Zeros
from archspec.ir.op import Op
from archspec.ir.ops.linear import Conv, Convolution
from archspec_keras.ops.initializers import depthwise_weights, initial, weights
from archspec_keras.ops.padding import (
    covered_by_stride,
    covering_stride,
    covers,
    is_covered,
    is_same,
    is_same_lower,
    is_word,
    lower_padding,
    padding_sides,
    sides_code,
)
from archspec_keras.ops.row import KerasRow, LayerContext, LayerStep, StepCondition, VariableLayout

_KERNEL: Final = {"weight": "kernel", "bias": "bias"}
_CROP: Final = "_crop"
_DEPTHWISE_RANKS: Final = (1, 2)
"""Numbers of axes that Keras has a depthwise convolution for."""


def is_depthwise(node: Node, graph: LayerGraph) -> bool:
    """Whether a layer is a convolution of each channel by itself that Keras's `DepthwiseConv2D` can be.

    On a CPU that takes a tenth of the time. TensorFlow's takes one stride for all axes, and no dilation with it.
    """
    op = node.op
    if not isinstance(op, Conv) or len(op.kernel) not in _DEPTHWISE_RANKS:
        return False
    [arriving] = graph.input_types(node)
    strided, dilated = max(op.stride) > 1, max(op.dilation) > 1
    alone = 1 < op.groups == op.filters == arriving.channels
    drawn = isinstance(op.init, ByFan | Constant | Normal | Ones | TruncatedNormal | Uniform | Zeros)
    return alone and drawn and len(set(op.stride)) == 1 and not (strided and dilated)


def kinds(nodes: Sequence[Node], graph: LayerGraph) -> list[object]:
    """Which convolutions of a block's instances are one: by channels or not, and where some pad and others do not."""
    ops = [node.op for node in nodes if isinstance(node.op, Convolution)]
    same = len(ops) < len(nodes) or all(op.padding.is_same or is_covered(op) for op in ops)
    # Some of which pad by a word, and others not at all, may be given it.
    words = all(op.padding.is_same or op.padding.symmetric == none(op) for op in ops)
    same = same or (words and any(op.padding.is_same for op in ops)) or _pads_where_strided(nodes)
    return [
        (
            is_depthwise(node, graph),
            not same
            and isinstance(op := node.op, Convolution)
            and not op.padding.is_same
            and op.padding.symmetric == none(op),
        )
        for node in nodes
    ]


def _pads_where_strided(nodes: Sequence[Node]) -> bool:
    """Whether one function can say which convolutions pad by a layer before: those of a stride, and a kernel, above 1.

    All others cover what arrives, as `same` does. Where those of greater kernels are all strided, none of them has to
    ask, so that a function of their own is shorter.
    """
    ops = [node.op for node in nodes if isinstance(node.op, Convolution)]
    if not covered_by_stride([op for op in ops if max(op.kernel) > 1]):
        return False
    asked = ["stride"] if all(max(op.kernel) > 1 for op in ops if max(op.stride) > 1) else ["stride", "kernel"]
    plain = all(isinstance(node.exprs.get(name), Name) for node in nodes for name in asked)
    square = asked == ["stride"] or all(len({*op.kernel}) == 1 for op in ops)
    return plain and square and covered_by_stride(ops)


def pads(node: Node) -> bool:
    """Whether a layer is a convolution that pads at all."""
    op = node.op
    return isinstance(op, Convolution) and (op.padding.is_same or op.padding.symmetric != none(op))


def none(op: Convolution) -> tuple[int, ...]:
    """No padding, for each axis."""
    return (0,) * len(op.kernel)


def _depthwise(context: LayerContext) -> bool:
    return all(is_depthwise(context.graph.nodes[path], context.graph) for path in context.use.paths)


def _conv(context: LayerContext) -> list[LayerStep]:
    pad, padding = _padded_conv(context)
    keywords = context.given(stride="strides") | padding
    if _depthwise(context):
        keywords |= context.given(dilation="dilation_rate") | depthwise_weights(context)
        head = context.of_rank("layers.DepthwiseConv{}")
        return [*pad, LayerStep(call(head, context.attribute("kernel"), **keywords))]
    keywords |= context.given(dilation="dilation_rate", groups="groups") | weights(context)
    made, arguments = context.of_rank("layers.Conv{}"), (context.attribute("filters"), context.attribute("kernel"))
    if not _strides_and_dilates(context):
        return [*pad, LayerStep(call(made, *arguments, **keywords))]
    other, test = context.helper("StridedDilatedConv{}"), _where_both(context)
    if not test:
        return [*pad, LayerStep(call(other, *arguments, **keywords))]
    chosen = call(Bracket("", (Ternary(other, test, made),)), *arguments, **keywords)
    return [*pad, LayerStep(chosen, class_of=lambda op: other if _does_both(op) else made)]


def _standardized_conv(context: LayerContext) -> list[LayerStep]:
    return _standardized(context, "Standardized", {})


def _scaled_standardized_conv(context: LayerContext) -> list[LayerStep]:
    keywords = context.given(gamma="gamma")
    if not isinstance(context.value("gain_init"), Ones):
        keywords["gain_initializer"] = initial(context, context.value("gain_init"))
    return _standardized(context, "ScaledStandardized", keywords)


def _standardized(context: LayerContext, name: str, own: dict[str, Code]) -> list[LayerStep]:
    pad, padding = _padded_conv(context)
    keywords = context.given(stride="strides") | padding
    keywords |= context.given(dilation="dilation_rate", groups="groups", eps="epsilon") | own | weights(context)
    head = context.helper(f"{name}{'StridedDilated' if _strides_and_dilates(context) else ''}Conv{{}}")
    return [*pad, LayerStep(call(head, context.attribute("filters"), context.attribute("kernel"), **keywords))]


def _strides_and_dilates(context: LayerContext) -> bool:
    """Keras's own convolution does not take both, on whichever axes."""
    return any(_does_both(context.graph.nodes[path].op) for path in context.use.paths)


def _does_both(op: Op) -> bool:
    return isinstance(op, Convolution) and max(op.stride) > 1 and max(op.dilation) > 1


def _where_both(context: LayerContext) -> str:
    """What asks whether an instance strides and dilates; empty where all do, or where others than numbers are given."""
    ops = [context.graph.nodes[path].op for path in context.use.paths]
    if all(map(_does_both, ops)):
        return ""
    tests: list[str] = []
    for name in ("stride", "dilation"):
        expr = context.use.exprs.get(name)
        if expr is None:
            continue
        if not isinstance(expr, Name) or context.printer.types.get(expr.id) != "int":
            return ""
        tests.append(f"{context.printer.expr(expr)} > 1")
    return " and ".join(tests)


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
    if is_word(context):
        return [], {"padding": context.attribute("padding")}
    if is_same_lower(context):
        return [lower_padding(context)], {}
    if context.fixed("padding") and not any(map(any, context.value("padding").sides)):
        return [], {}
    if covers(context):
        return [], {"padding": literal("same")}
    sides = padding_sides(context)
    assert sides is not None
    padded = call(context.of_rank("layers.ZeroPadding{}"), sides)
    if (stride := covering_stride(context)) is not None:
        test, ops = f"{stride} > 1", [context.graph.nodes[path].op for path in context.use.paths]
        kernel = context.use.exprs.get("kernel")
        if kernel is not None and any(
            isinstance(op, Convolution) and max(op.stride) > 1 and op.padding.symmetric == none(op) for op in ops
        ):
            test += f" and {context.printer.expr(kernel)} > 1"
        condition = StepCondition(
            test, lambda op: isinstance(op, Convolution) and not is_covered(op) and op.padding.symmetric != none(op)
        )
        step = LayerStep(padded, "_pad", condition=condition)
        return [step], {"padding": Ternary(literal("same"), f"{stride} == 1", literal("valid"))}
    return [LayerStep(padded, "_pad")], {}


ROWS: Final[dict[str, KerasRow]] = {
    "conv": KerasRow(_conv, _KERNEL),
    "standardized_conv": KerasRow(_standardized_conv, _KERNEL),
    "scaled_standardized_conv": KerasRow(
        _scaled_standardized_conv, {**_KERNEL, "gain": VariableLayout(("gain",), ((0,),))}
    ),
    "conv_transpose": KerasRow(_conv_transpose, _KERNEL, after=_CROP),
    "dense": KerasRow(_dense, _KERNEL),
}
