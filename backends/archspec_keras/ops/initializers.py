"""Initializers of kernels and biases, as Keras takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from archspec.codegen.layout import Code, call
from archspec.codegen.text import literal
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
from archspec.ir.ops import ConvTranspose
from archspec_keras.ops.decay import regularizers
from archspec_keras.ops.row import FAN, Site

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


def weights(site: Site) -> dict[str, Code]:
    """Bias, initializers and regularizers, where Keras's own defaults are others."""
    found: dict[str, Code] = {}
    biased = not site.fixed("bias") or site.value("bias")
    if not site.fixed("bias") or not site.value("bias"):
        found["use_bias"] = site.attribute("bias")
    found["kernel_initializer"] = initial(site, site.value("init"))
    initializer: Initializer = site.value("bias_init")
    if biased and isinstance(initializer, FanInUniform):
        found["bias_initializer"] = _fan_in_uniform_bias(site)
    elif biased and not isinstance(initializer, Zeros):
        found["bias_initializer"] = initial(site, initializer)
    return found | regularizers(site, weight="kernel", **({"bias": "bias"} if biased else {}))


def initial(site: Site, initializer: Initializer) -> Code:
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
            return call(site.helper("kaiming_normal"), literal(mode))
        case FanInUniform():
            return call(site.helper("fan_in_uniform"))
        case SlimVarianceScaling(factor, mode):
            return call(site.helper("slim_variance_scaling"), literal(factor), literal(mode))
        case ByFan():
            return _OWN.get(initializer) or _scaled(initializer.scaling)
        case _:
            path = site.use.paths[0]
            message = f"Keras has no row for the initializer {initializer.name} ({path})"
            raise BackendError(Diagnostic("E0601", message, site.graph.nodes[path].span))


def _scaled(scaling: Scaling) -> Code:
    shape = "untruncated_normal" if scaling.shape == "normal" else scaling.shape
    return call("keras.initializers.VarianceScaling", literal(scaling.scale), literal(scaling.mode), literal(shape))


def _fan_in_uniform_bias(site: Site) -> Code:
    """The initializer is told the channels that one output sees, and the kernel if it is more than one element.

    PyTorch counts those of a transposed convolution from the other end: the outputs that one input feeds.
    """
    if "kernel" not in site.use.op.attributes():
        return call(site.helper("fan_in_uniform_bias"), site.printer.expr(Name(FAN)))
    fan: Expr = Name(FAN)
    if site.use.op is ConvTranspose:
        fan = site.use.exprs.get("filters") or Const(site.value("filters"))
    groups = site.use.exprs.get("groups") or Const(site.value("groups"))
    channels = fan if groups == Const(1) else fold(Binary("//", fan, groups), site.printer.budget)
    name, kernel = "fan_in_uniform_bias", list[Code]()
    if not site.fixed("kernel") or set(site.value("kernel")) != {1}:
        name, kernel = name if site.rank == _IMAGE else f"{name}_{site.rank}d", [site.attribute("kernel")]
    return call(site.helper(name), site.printer.expr(channels), *kernel)
