"""Initializers of kernels and biases, as Keras takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from archspec.codegen.escaping import literal
from archspec.codegen.pretty_printer import Bracket, Code, Keyword, call, flat
from archspec.errors import BackendError, Diagnostic
from archspec.expr import Binary, Const, Expr, Name, fold
from archspec.ir.initializers import (
    ByFan,
    Constant,
    FanInUniform,
    GlorotNormal,
    HeNormal,
    Initializer,
    KaimingNormal,
    KaimingUniform,
    LecunNormal,
    LecunUniform,
    Normal,
    Ones,
    Scaling,
    SlimVarianceScaling,
    TruncatedNormal,
    Uniform,
    XavierUniform,
    Zeros,
)
from archspec.ir.ops.linear import Conv, ConvTranspose
from archspec_keras.ops.decay import regularizers
from archspec_keras.ops.row import FAN, LayerContext

Serialized: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]
"""The name of a class, and its arguments by name, as source."""
DEFAULT_KERNEL: Final[Code] = literal("glorot_uniform")
"""What Keras draws a kernel by unless it is told."""
_IMAGE: Final = 2
"""How many spatial axes an image has."""
_OWN: Final[Mapping[Initializer, Code]] = {
    KaimingUniform("fan_in"): literal("he_uniform"),
    HeNormal(): literal("he_normal"),
    XavierUniform(): literal("glorot_uniform"),
    GlorotNormal(): literal("glorot_normal"),
    LecunNormal(): literal("lecun_normal"),
    LecunUniform(): literal("lecun_uniform"),
}
"""Those that Keras has by a name of its own."""


def weights(context: LayerContext) -> dict[str, Code]:
    """Bias, initializers and regularizers, where Keras's own defaults are others."""
    found: dict[str, Code] = {}
    biased = not context.fixed("bias") or context.value("bias") or context.use.values.get("out_bias")
    if not context.fixed("bias") or not context.value("bias"):
        found["use_bias"] = context.attribute("bias")
    kernel = initial(context, context.value("init"))
    if kernel != DEFAULT_KERNEL:
        found["kernel_initializer"] = kernel
    initializer: Initializer = context.value("bias_init")
    if biased and isinstance(initializer, FanInUniform):
        found["bias_initializer"] = _fan_in_uniform_bias(context)
    elif biased and not isinstance(initializer, Zeros):
        found["bias_initializer"] = initial(context, initializer)
    return found | regularizers(context, weight="kernel", **({"bias": "bias"} if biased else {}))


def depthwise_weights(context: LayerContext) -> dict[str, Code]:
    """The same of a convolution of each channel by itself.

    Keras counts all channels for what feeds one output of its kernel (h, w, channels, 1), and one for what one input
    feeds; archspec and PyTorch the other way around. So the scale makes up for the channels.
    """
    found = weights(context)
    initializer: Initializer = context.value("init")
    kernel = found.pop("kernel_initializer", DEFAULT_KERNEL)
    if isinstance(initializer, ByFan) and initializer.scaling.mode != "fan_avg":
        scaling = initializer.scaling
        shape = "untruncated_normal" if scaling.shape == "normal" else scaling.shape
        op = "*" if scaling.mode == "fan_in" else "/"
        number = "1 / 3" if scaling.scale == 1 / 3 else literal(scaling.scale)
        scale = f"{number} {op} {context.printer.expr(Name(FAN))}"
        kernel = call("keras.initializers.VarianceScaling", scale, literal(scaling.mode), literal(shape))
    renamed = {"kernel_regularizer": "depthwise_regularizer"}
    drawn = {"depthwise_initializer": kernel} if kernel != DEFAULT_KERNEL else dict[str, Code]()
    return drawn | {renamed.get(name, name): code for name, code in found.items()}


def initial(context: LayerContext, initializer: Initializer) -> Code:
    """An initializer as Keras has it."""
    match initializer:
        case Zeros():
            return literal("zeros")
        case Ones():
            return literal("ones")
        case Constant(value):
            return call("keras.initializers.Constant", literal(value))
        case Normal(std, mean):
            given = {"mean": literal(mean)} if mean else {}
            return call("keras.initializers.RandomNormal", **given, stddev=literal(std))
        case TruncatedNormal(std):
            return call("keras.initializers.TruncatedNormal", stddev=literal(std))
        case Uniform(limit):
            return call("keras.initializers.RandomUniform", literal(-limit), literal(limit))
        case KaimingNormal(mode):
            return call(context.helper("kaiming_normal"), literal(mode))
        case FanInUniform():
            return call(context.helper("fan_in_uniform"))
        case SlimVarianceScaling(factor, mode):
            return call(context.helper("slim_variance_scaling"), literal(factor), literal(mode))
        case ByFan():
            return _OWN.get(initializer) or _scaled(initializer.scaling)
        case _:
            path = context.use.paths[0]
            message = f"Keras has no row for the initializer {initializer.name} ({path})"
            raise BackendError(Diagnostic("E0601", message, context.graph.nodes[path].span))


def joint(context: LayerContext, initializer: ByFan | SlimVarianceScaling, parts: int) -> Code:
    """What draws one of several square matrices as a part of them all together, which have more outputs."""
    outputs = {"fan_in": 1.0, "fan_avg": 2 / (1 + parts), "fan_out": 1 / parts}
    if isinstance(initializer, SlimVarianceScaling):
        factor = initializer.factor * outputs[initializer.mode]
        return call(context.helper("slim_variance_scaling"), literal(factor), literal(initializer.mode))
    scaling = initializer.scaling
    return _scaled(Scaling(scaling.scale * outputs[scaling.mode], scaling.mode, scaling.shape))


def serialized(code: Code) -> Serialized | None:
    """What Keras makes an initializer from that draws numbers: its class and its arguments; None for all other code."""
    if not isinstance(code, Bracket) or not isinstance(code.head, str):
        return None
    given = {arg.name: flat(arg.value) for arg in code.args if isinstance(arg, Keyword)}
    args = [flat(arg) for arg in code.args if not isinstance(arg, Keyword)]
    match code.head, args:
        case "kaiming_normal", [mode]:
            return _scaling("2.0", mode, "untruncated_normal")
        case "fan_in_uniform", []:
            return _scaling("1 / 3", literal("fan_in"), "uniform")
        case "slim_variance_scaling", [factor, mode]:
            # Keras widens a normal that it cuts, so that its variance stays; this takes the widening back.
            return _scaling(f"1.3 * {factor} * 0.87962566103423978**2", mode, "truncated_normal")
        case "keras.initializers.VarianceScaling", [scale, mode, shape]:
            return _scaling(scale, mode, shape[1:-1])
        case "keras.initializers.RandomUniform", [low, high]:
            return "RandomUniform", (("minval", low), ("maxval", high))
        case "keras.initializers.RandomNormal" | "keras.initializers.TruncatedNormal", []:
            return code.head.rpartition(".")[2], tuple(given.items())
        case _:
            return None


def _scaling(scale: str, mode: str, shape: str) -> Serialized:
    return "VarianceScaling", (("scale", scale), ("mode", mode), ("distribution", literal(shape)))


def _scaled(scaling: Scaling) -> Code:
    shape = "untruncated_normal" if scaling.shape == "normal" else scaling.shape
    return call("keras.initializers.VarianceScaling", literal(scaling.scale), literal(scaling.mode), literal(shape))


def _fan_in_uniform_bias(context: LayerContext) -> Code:
    """The initializer is given the channels that one output sees, and the kernel if it is more than one element.

    PyTorch counts those of a transposed convolution from the other end: the outputs that one input feeds.
    """
    if "kernel" not in context.use.op.attributes():
        return call(context.helper("fan_in_uniform_bias"), context.printer.expr(Name(FAN)))
    fan: Expr = Name(FAN)
    if context.use.op is ConvTranspose:
        fan = context.use.exprs.get("filters") or Const(context.value("filters"))
    groups = context.use.exprs.get("groups") or Const(context.value("groups"))
    channels = fan if groups == Const(1) else fold(Binary("//", fan, groups), context.printer.budget)
    nodes = [context.graph.nodes[path] for path in context.use.paths]
    if all(
        isinstance(op := node.op, Conv) and op.groups == context.graph.input_types(node)[0].channels for node in nodes
    ):
        channels = Const(1)
    name, kernel = "fan_in_uniform_bias", list[Code]()
    if not context.fixed("kernel") or set(context.value("kernel")) != {1}:
        name, kernel = name if context.rank == _IMAGE else f"{name}_{context.rank}d", [context.attribute("kernel")]
    return call(context.helper(name), context.printer.expr(channels), *kernel)
