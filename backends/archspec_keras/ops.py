"""One row for each op: the Keras layers that compute it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from archspec.codegen.layout import Bracket, Code, call
from archspec.codegen.printer import Printer, plain
from archspec.codegen.text import literal
from archspec.codegen.tree import LayerUse
from archspec.errors import BackendError, Diagnostic
from archspec.expr import Binary, Const, Expr, Items, Name
from archspec.ir.attributes import Padding, Pair
from archspec.ir.graph import LayerGraph, Node
from archspec.ir.initializers import Constant, FanInUniform, Initializer, KaimingNormal, Normal, Ones, Zeros
from archspec.ir.op import Op
from archspec.ir.ops import AvgPool, BatchNorm, Conv, Dense, Dropout, GlobalAvgPool, MaxPool

FAN: Final = "channels@fan"
"""The channels that arrive at the layer being written; no spec can contain this name."""
_KERAS_EPSILON: Final = 1e-3
_KERAS_MOMENTUM: Final = 0.99


@dataclass(frozen=True, slots=True)
class Step:
    """One Keras layer. `suffix` is added to the name of the graph's layer; the last step has none."""

    layer: Bracket
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """A layer where it is written: how to print, the variable it takes, what the graph knows of its input."""

    use: LayerUse
    printer: Printer
    graph: LayerGraph
    never_negative: bool

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

    def fixed(self, *names: str) -> bool:
        """None of these attributes is an expression."""
        return not set(names) & self.use.exprs.keys()


Row = Callable[[Site], list[Step]]


def _conv(site: Site) -> list[Step]:
    op = site.use.op
    assert isinstance(op, Conv)
    pad, padding = _padded_conv(site, op)
    keywords = site.given(stride="strides") | padding
    keywords |= site.given(dilation="dilation_rate", groups="groups") | _weights(site, op)
    return [*pad, Step(call("layers.Conv2D", site.attribute("filters"), site.attribute("kernel"), **keywords))]


def _dense(site: Site) -> list[Step]:
    op = site.use.op
    assert isinstance(op, Dense)
    return [Step(call("layers.Dense", site.attribute("units"), **_weights(site, op)))]


def _batch_norm(site: Site) -> list[Step]:
    op = site.use.op
    assert isinstance(op, BatchNorm)
    keywords: dict[str, Code] = {}
    if not site.fixed("decay") or op.decay != _KERAS_MOMENTUM:
        keywords["momentum"] = site.attribute("decay")
    if not site.fixed("eps"):
        keywords["epsilon"] = site.attribute("eps")
    elif op.eps != _KERAS_EPSILON:
        keywords["epsilon"] = literal(op.eps).replace("e-0", "e-")  # 1e-5, as people write it
    if not site.fixed("variance"):
        raise _unsupported(site, "`variance` of batch_norm that differs from call to call")
    own = site.helper("BatchNormalization") if op.variance == "unbiased" else "layers.BatchNormalization"
    return [Step(call(own, **keywords))]


def _max_pool(site: Site) -> list[Step]:
    op = site.use.op
    assert isinstance(op, MaxPool)
    pad, padding = _padded_pool(site, op)
    return [*pad, Step(call("layers.MaxPooling2D", **_window(site), **padding))]


def _padded_pool(site: Site, op: MaxPool) -> tuple[list[Step], dict[str, Code]]:
    """Minus infinity around the input; zeros do as well where nothing is negative and no window is all padding."""
    if _is_word(site):
        return [], {"padding": site.attribute("padding") if not site.fixed("padding") else literal("same")}
    sides = _sides(site)
    if sides is None:
        return [], {}
    if _covers(site, op.kernel, op.step):
        return [], {"padding": literal("same")}
    seen = [node.op for node in _nodes(site)]
    inside = all(
        max(made.padding.sides[:2]) < made.kernel[0] and max(made.padding.sides[2:]) < made.kernel[1]
        for made in seen
        if isinstance(made, MaxPool) and made.padding.sides is not None
    )
    zeros = site.never_negative and inside and site.fixed("padding", "kernel")
    head = "layers.ZeroPadding2D" if zeros else site.helper("InfinityPadding2D")
    return [Step(call(head, sides), "_pad")], {}


def _avg_pool(site: Site) -> list[Step]:
    op = site.use.op
    assert isinstance(op, AvgPool)
    window = _window(site)
    if not site.fixed("count_padding"):
        raise _unsupported(site, "`count_padding` of avg_pool that differs from call to call")
    if _is_word(site):
        head = site.helper("CountingAveragePooling2D") if op.count_padding else "layers.AveragePooling2D"
        padding = site.attribute("padding") if not site.fixed("padding") else literal("same")
        return [Step(call(head, **window, padding=padding))]
    sides = _sides(site)
    if sides is None:
        return [Step(call("layers.AveragePooling2D", **window))]
    if op.count_padding:
        pad = Step(call("layers.ZeroPadding2D", sides), "_pad")
        return [pad, Step(call("layers.AveragePooling2D", **window))]
    if _covers(site, op.kernel, op.step):
        return [Step(call("layers.AveragePooling2D", **window, padding=literal("same")))]
    return [Step(call(site.helper("PaddedAveragePooling2D"), sides, **window))]


def _window(site: Site) -> dict[str, Code]:
    return {"pool_size": site.attribute("kernel")} | site.given(stride="strides")


def _padded_conv(site: Site, op: Conv) -> tuple[list[Step], dict[str, Code]]:
    """The layer that pads first, or the convolution's own padding where that is the same at any size."""
    if _is_word(site):
        return [], {"padding": site.attribute("padding") if not site.fixed("padding") else literal("same")}
    sides = _sides(site)
    if sides is None:
        return [], {}
    if _covers(site, op.kernel, op.stride, op.dilation):
        return [], {"padding": literal("same")}
    return [Step(call("layers.ZeroPadding2D", sides), "_pad")], {}


def _is_word(site: Site) -> bool:
    """The padding is `same`, or an expression that gives `same` or `valid`."""
    paddings = [_padding(node.op) for node in _nodes(site)]
    return any(padding.mode == "same" for padding in paddings)


def _padding(op: Op) -> Padding:
    assert isinstance(op, Conv | MaxPool | AvgPool)
    return op.padding


def _sides(site: Site) -> Code | None:
    """The sides as Keras takes them: a number, a pair, or ((top, bottom), (left, right)); None if all are zero."""
    expr = site.use.exprs.get("padding")
    if expr is not None:
        if isinstance(expr, Items) and len(expr.items) == 4:
            expr = Items((Items(expr.items[:2]), Items(expr.items[2:])))
        return site.printer.expr(expr)
    padding = _padding(site.use.op)
    assert padding.sides is not None
    if padding.sides == (0, 0, 0, 0):
        return None
    if padding.symmetric is not None:
        return plain(padding.symmetric)
    top, bottom, left, right = padding.sides
    return literal(((top, bottom), (left, right)))


def _covers(site: Site, kernel: Pair, stride: Pair, dilation: Pair = (1, 1)) -> bool:
    """At stride 1 with half an odd window on each side, explicit padding is `same` at any size."""
    padding = _padding(site.use.op).symmetric
    if not site.fixed("padding", "kernel", "stride", "dilation") or padding is None or stride != (1, 1):
        return False
    axes = zip(padding, kernel, dilation, strict=True)
    return all(window % 2 == 1 and side * 2 == spread * (window - 1) for side, window, spread in axes)


def _nodes(site: Site) -> list[Node]:
    return [site.graph.nodes[path] for path in site.use.paths]


def _weights(site: Site, op: Conv | Dense) -> dict[str, Code]:
    """Bias and initializers, where Keras's own defaults are others."""
    if not site.fixed("init", "bias_init"):
        raise _unsupported(site, "an initializer that differs from call to call")
    found: dict[str, Code] = {}
    biased = op.bias or not site.fixed("bias")
    if not op.bias or not site.fixed("bias"):
        found["use_bias"] = site.attribute("bias")
    found["kernel_initializer"] = _initializer(site, op.init)
    if biased and isinstance(op.bias_init, FanInUniform):
        found["bias_initializer"] = call(site.helper("fan_in_uniform_bias"), *_fan_in(site, op))
    elif biased and not isinstance(op.bias_init, Zeros):
        found["bias_initializer"] = _initializer(site, op.bias_init)
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
            raise _unsupported(site, f"the initializer {initializer.name}")


def _fan_in(site: Site, op: Conv | Dense) -> list[Code]:
    """What `fan_in_uniform_bias` is told: the channels that one output sees, and the kernel if it is not 1x1."""
    if isinstance(op, Dense):
        return [site.printer.expr(Name(FAN))]
    groups = site.use.exprs.get("groups", Const(op.groups))
    channels: Expr = Name(FAN) if groups == Const(1) else Binary("//", Name(FAN), groups)
    kernel = [] if site.fixed("kernel") and op.kernel == (1, 1) else [site.attribute("kernel")]
    return [site.printer.expr(channels), *kernel]


def _global_avg_pool(site: Site) -> list[Step]:
    op = site.use.op
    assert isinstance(op, GlobalAvgPool)
    keywords: dict[str, Code] = {}
    if op.keep_axes or not site.fixed("keep_axes"):
        keywords["keepdims"] = site.attribute("keep_axes")
    return [Step(call("layers.GlobalAveragePooling2D", **keywords))]


def _flatten(site: Site) -> list[Step]:
    """In the order channels, height, width: an image is permuted first, unless it is a single pixel."""
    flat = all(len(shape) == 1 or shape[1:] == (1, 1) for (shape,) in site.use.shapes)
    permute = [] if flat else [Step(call("layers.Permute", "(3, 1, 2)"), "_permute")]
    return [*permute, Step(call("layers.Flatten"))]


def _dropout(site: Site) -> list[Step]:
    assert isinstance(site.use.op, Dropout)
    return [Step(call("layers.Dropout", site.attribute("rate")))]


def _layer(head: str, *args: Code) -> Row:
    return lambda site: [Step(call(head, *args))]


def _unsupported(site: Site, what: str) -> BackendError:
    path = site.use.paths[0]
    return BackendError(Diagnostic("E0601", f"Keras has no row for {what} ({path})", site.graph.nodes[path].span))


ROWS: Final[dict[str, Row]] = {
    "conv": _conv,
    "dense": _dense,
    "batch_norm": _batch_norm,
    "identity": _layer("layers.Identity"),
    "relu": _layer("layers.ReLU"),
    "sigmoid": _layer("layers.Activation", literal("sigmoid")),
    "softmax": _layer("layers.Softmax"),
    "dropout": _dropout,
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "global_avg_pool": _global_avg_pool,
    "flatten": _flatten,
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
