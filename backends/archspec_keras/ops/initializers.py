"""Initializers of kernels and biases, as Keras takes them."""

from __future__ import annotations

from archspec.codegen.layout import Code, call
from archspec.codegen.text import literal
from archspec.errors import BackendError, Diagnostic
from archspec.expr import Binary, Const, Expr, Name
from archspec.ir.initializers import Constant, FanInUniform, Initializer, KaimingNormal, Normal, Ones, Zeros
from archspec.ir.ops import Dense
from archspec_keras.ops.row import FAN, Site


def weights(site: Site) -> dict[str, Code]:
    """Bias and initializers, where Keras's own defaults are others."""
    found: dict[str, Code] = {}
    biased = not site.fixed("bias") or site.value("bias")
    if not site.fixed("bias") or not site.value("bias"):
        found["use_bias"] = site.attribute("bias")
    found["kernel_initializer"] = _initializer(site, site.value("init"))
    initializer: Initializer = site.value("bias_init")
    if biased and isinstance(initializer, FanInUniform):
        found["bias_initializer"] = call(site.helper("fan_in_uniform_bias"), *_fan_in(site))
    elif biased and not isinstance(initializer, Zeros):
        found["bias_initializer"] = _initializer(site, initializer)
    return found


def _initializer(site: Site, initializer: Initializer) -> Code:
    match initializer:
        case Zeros():
            return literal("zeros")
        case Ones():
            return literal("ones")
        case Constant(value):
            return call("keras.initializers.Constant", literal(value))
        case Normal(std):
            return call("keras.initializers.RandomNormal", stddev=literal(std))
        case KaimingNormal(mode):
            return call(site.helper("kaiming_normal"), literal(mode))
        case FanInUniform():
            return call(site.helper("fan_in_uniform"))
        case _:
            path = site.use.paths[0]
            message = f"Keras has no row for the initializer {initializer.name} ({path})"
            raise BackendError(Diagnostic("E0601", message, site.graph.nodes[path].span))


def _fan_in(site: Site) -> list[Code]:
    """What `fan_in_uniform_bias` is told: the channels that one output sees, and the kernel if it is not 1x1."""
    if site.use.op is Dense:
        return [site.printer.expr(Name(FAN))]
    groups = site.use.exprs.get("groups") or Const(site.value("groups"))
    channels: Expr = Name(FAN) if groups == Const(1) else Binary("//", Name(FAN), groups)
    kernel = [] if site.fixed("kernel") and site.value("kernel") == (1, 1) else [site.attribute("kernel")]
    return [site.printer.expr(channels), *kernel]
