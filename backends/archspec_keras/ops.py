"""One row for each op: the Keras layers that compute it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from archspec.codegen.layout import Bracket, Code, call
from archspec.codegen.printer import Printer, plain
from archspec.codegen.text import literal
from archspec.codegen.tree import LayerUse
from archspec.errors import BackendError, Diagnostic
from archspec.expr import Binary, Const, Expr, Items, Name
from archspec.ir.attributes import Padding, Pair
from archspec.ir.graph import LayerGraph
from archspec.ir.initializers import Constant, FanInUniform, Initializer, KaimingNormal, Normal, Ones, Zeros
from archspec.ir.ops import (
    Add,
    BatchNorm,
    Concat,
    Conv,
    Dense,
    Dropout,
    GlobalAvgPool,
    Identity,
    Multiply,
    Relu,
    Sigmoid,
    Softmax,
)

FAN: Final = "channels@fan"
"""The channels that arrive at the layer being written; no spec can contain this name."""
_KERAS_EPSILON: Final = 1e-3
_KERAS_MOMENTUM: Final = 0.99
_KERNEL: Final = {"weight": "kernel", "bias": "bias"}
_NORM: Final = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One Keras layer. `suffix` is added to the name of the graph's layer; the last step has none."""

    layer: Bracket
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """A layer where it is written: how to print, the variable it takes, what is known of its input."""

    use: LayerUse
    printer: Printer
    graph: LayerGraph
    never_negative: bool
    single_pixel: bool

    def attribute(self, name: str) -> Code:
        """An attribute as source."""
        return self.printer.attribute(self.use, name)

    def given(self, **spelling: str) -> dict[str, Code]:
        """The attributes that differ from their defaults, as keywords."""
        return self.printer.given(self.use, spelling)

    def helper(self, name: str) -> str:
        """A helper, which the module must then contain."""
        self.printer.helpers.add(name)
        return name

    def value(self, name: str) -> Any:
        """The value of an attribute that is no expression."""
        return self.use.value(name)

    def fixed(self, *names: str) -> bool:
        """None of these attributes is an expression."""
        return self.use.fixed(*names)


@dataclass(frozen=True, slots=True)
class Row:
    """How one op is written: the Keras layers in turn, and what the last of them calls the op's weights."""

    steps: Callable[[Site], list[Step]]
    variables: Mapping[str, str] = field(default_factory=dict[str, str])


def _conv(site: Site) -> list[Step]:
    pad, padding = _padded_conv(site)
    keywords = site.given(stride="strides") | padding
    keywords |= site.given(dilation="dilation_rate", groups="groups") | _weights(site)
    return [*pad, Step(call("layers.Conv2D", site.attribute("filters"), site.attribute("kernel"), **keywords))]


def _dense(site: Site) -> list[Step]:
    return [Step(call("layers.Dense", site.attribute("units"), **_weights(site)))]


def _batch_norm(site: Site) -> list[Step]:
    keywords: dict[str, Code] = {}
    if not site.fixed("decay") or site.value("decay") != _KERAS_MOMENTUM:
        keywords["momentum"] = site.attribute("decay")
    if not site.fixed("eps"):
        keywords["epsilon"] = site.attribute("eps")
    elif site.value("eps") != _KERAS_EPSILON:
        keywords["epsilon"] = literal(site.value("eps")).replace("e-0", "e-")  # 1e-5, as people write it
    unbiased = site.value("variance") == "unbiased"
    own = site.helper("UnbiasedBatchNormalization") if unbiased else "layers.BatchNormalization"
    return [Step(call(own, **keywords))]


def _max_pool(site: Site) -> list[Step]:
    pad, padding = _padded_pool(site)
    return [*pad, Step(call("layers.MaxPooling2D", **_window(site), **padding))]


def _padded_pool(site: Site) -> tuple[list[Step], dict[str, Code]]:
    """Minus infinity around the input; zeros do as well where nothing is negative. No window is all padding."""
    if _is_same(site):
        return [], {"padding": literal("same")}
    sides = _sides(site)
    if sides is None:
        return [], {}
    if _covers(site):
        return [], {"padding": literal("same")}
    head = "layers.ZeroPadding2D" if site.never_negative else site.helper("InfinityPadding2D")
    return [Step(call(head, sides), "_pad")], {}


def _avg_pool(site: Site) -> list[Step]:
    window = _window(site)
    counts = site.value("count_padding")
    if _is_same(site):
        head = site.helper("CountingAveragePooling2D") if counts else "layers.AveragePooling2D"
        return [Step(call(head, **window, padding=literal("same")))]
    sides = _sides(site)
    if sides is None:
        return [Step(call("layers.AveragePooling2D", **window))]
    if counts:
        pad = Step(call("layers.ZeroPadding2D", sides), "_pad")
        return [pad, Step(call("layers.AveragePooling2D", **window))]
    if _covers(site):
        return [Step(call("layers.AveragePooling2D", **window, padding=literal("same")))]
    return [Step(call(site.helper("PaddedAveragePooling2D"), sides, **window))]


def _window(site: Site) -> dict[str, Code]:
    return {"pool_size": site.attribute("kernel")} | site.given(stride="strides")


def _padded_conv(site: Site) -> tuple[list[Step], dict[str, Code]]:
    """The layer that pads first, or the convolution's own padding where that is the same at any size."""
    if _is_same(site):
        return [], {"padding": literal("same")}
    sides = _sides(site)
    if sides is None:
        return [], {}
    if _covers(site):
        return [], {"padding": literal("same")}
    return [Step(call("layers.ZeroPadding2D", sides), "_pad")], {}


def _is_same(site: Site) -> bool:
    return site.fixed("padding") and site.value("padding") == Padding("same", None)


def _sides(site: Site) -> Code | None:
    """The sides as Keras takes them: a number, a pair, or ((top, bottom), (left, right)); None if all are zero."""
    expr = site.use.exprs.get("padding")
    if expr is not None:
        if isinstance(expr, Items) and len(expr.items) == 4:
            expr = Items((Items(expr.items[:2]), Items(expr.items[2:])))
        return site.printer.expr(expr)
    padding: Padding = site.value("padding")
    assert padding.sides is not None
    if padding.sides == (0, 0, 0, 0):
        return None
    if padding.symmetric is not None:
        return plain(padding.symmetric)
    top, bottom, left, right = padding.sides
    return literal(((top, bottom), (left, right)))


def _covers(site: Site) -> bool:
    """At stride 1 with half an odd window on each side, explicit padding is `same` at any size."""
    if not site.fixed("padding", "kernel", "stride", "dilation"):
        return False
    kernel: Pair = site.value("kernel")
    stride: Pair = site.value("stride") or kernel
    dilation: Pair = site.value("dilation") if "dilation" in site.use.values else (1, 1)
    padding: Pair | None = site.value("padding").symmetric
    if padding is None or stride != (1, 1):
        return False
    axes = zip(padding, kernel, dilation, strict=True)
    return all(window % 2 == 1 and side * 2 == spread * (window - 1) for side, window, spread in axes)


def _weights(site: Site) -> dict[str, Code]:
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


def _global_avg_pool(site: Site) -> list[Step]:
    keywords: dict[str, Code] = {"keepdims": "True"} if site.value("keep_axes") else {}
    return [Step(call("layers.GlobalAveragePooling2D", **keywords))]


def _flatten(site: Site) -> list[Step]:
    """In the order channels, height, width: an image is permuted first, unless it is always a single pixel."""
    flat = site.use.ranks[0] == 1 or site.single_pixel
    permute = [] if flat else [Step(call("layers.Permute", "(3, 1, 2)"), "_permute")]
    return [*permute, Step(call("layers.Flatten"))]


def _dropout(site: Site) -> list[Step]:
    return [Step(call("layers.Dropout", site.attribute("rate")))]


def _layer(head: str, *args: Code) -> Row:
    return Row(lambda site: [Step(call(head, *args))])


ROWS: Final[dict[str, Row]] = {
    "conv": Row(_conv, _KERNEL),
    "dense": Row(_dense, _KERNEL),
    "batch_norm": Row(_batch_norm, _NORM),
    "identity": _layer("layers.Identity"),
    "relu": _layer("layers.ReLU"),
    "sigmoid": _layer("layers.Activation", literal("sigmoid")),
    "softmax": _layer("layers.Softmax"),
    "dropout": Row(_dropout),
    "max_pool": Row(_max_pool),
    "avg_pool": Row(_avg_pool),
    "global_avg_pool": Row(_global_avg_pool),
    "flatten": Row(_flatten),
    "add": _layer("layers.Add"),
    "multiply": _layer("layers.Multiply"),
    "concat": _layer("layers.Concatenate"),
}
"""Channels are the last axis, which Softmax and Concatenate take unless told otherwise."""


def never_negative(graph: LayerGraph) -> frozenset[str]:
    """The nodes that cannot give a negative number."""
    found: set[str] = set()
    for path, node in graph.nodes.items():
        match node.op.name:
            case "relu" | "sigmoid" | "softmax":
                found.add(path)
            case "identity" | "dropout" | "max_pool" | "avg_pool" | "global_avg_pool" | "flatten":
                found.update([path] if node.inputs[0] in found else [])
            case "add" | "multiply" | "concat":
                found.update([path] if found.issuperset(node.inputs) else [])
            case _:
                pass
    return frozenset(found)


def single_pixel(graph: LayerGraph) -> frozenset[str]:
    """The nodes that give images of 1x1 whatever the size of the input."""
    found: set[str] = set()
    for path, node in graph.nodes.items():
        match node.op:
            case GlobalAvgPool(keep_axes=True):
                found.add(path)
            case Conv(kernel=(1, 1), padding=Padding(sides=(0, 0, 0, 0))):
                found.update([path] if node.inputs[0] in found else [])
            case BatchNorm() | Identity() | Relu() | Sigmoid() | Softmax() | Dropout() | Add() | Multiply() | Concat():
                found.update([path] if found.issuperset(node.inputs) else [])
            case _:
                pass
    return frozenset(found)
