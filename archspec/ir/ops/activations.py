"""Activations: each number of the output depends on one of the input, or on its pixel or row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import ClassVar, Final

from archspec.ir.attributes import FloatKind, WordKind, attribute
from archspec.ir.initializers import Constant
from archspec.ir.op import Example, OpKind, ShapeError, Sign, Weight
from archspec.ir.op_registry import register
from archspec.ir.ops.base import Elementwise
from archspec.ir.tensor_type import FEATURED, Accepted, TensorType
from archspec.records import record

_ANY: Final = FloatKind(least=float("-inf"))


@register
class Relu(Elementwise):
    """max(x, 0). ONNX Relu."""

    __slots__ = ()
    name: ClassVar[str] = "relu"
    kind: ClassVar[OpKind] = "activation"
    example: ClassVar[Example] = Example((16, 8, 8), "relu")
    sign: ClassVar[Sign] = "never negative"
    two_meanings: ClassVar[Mapping[str, str]] = {
        "max_value": "use `relu6`, which cuts at 6, or `clip: {min: 0, max: ...}` for another number",
        "negative_slope": "use `leaky_relu`, with `slope`",
        "threshold": "leave it out if it is 0; no other is in the language",
    }


@register
class Relu6(Elementwise):
    """min(max(x, 0), 6). ONNX Clip."""

    __slots__ = ()
    name: ClassVar[str] = "relu6"
    kind: ClassVar[OpKind] = "activation"
    example: ClassVar[Example] = Example((16, 8, 8), "relu6")
    sign: ClassVar[Sign] = "never negative"


@register
@record
class Clamp(Elementwise):
    """min(max(x, least), most), where one of the two may be left out. ONNX Clip; PyTorch's clamp and Hardtanh."""

    min: float | None = attribute(_ANY, "the least number that there is afterwards", default=None)
    max: float | None = attribute(_ANY, "the largest number that there is afterwards", default=None)

    name: ClassVar[str] = "clip"
    kind: ClassVar[OpKind] = "activation"
    example: ClassVar[Example] = Example((16, 8, 8), "clip: {min: -1, max: 1}")
    one_of: ClassVar[tuple[str, ...]] = ("min", "max")
    two_meanings: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("min_val", "min_value", "low", "lower", "x_min", "a_min", "clip_value_min"), "write `min`"),
        **dict.fromkeys(("max_val", "max_value", "high", "upper", "x_max", "a_max", "clip_value_max"), "write `max`"),
    }

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        if self.min is None and self.max is None:
            raise ShapeError("needs `min`, `max` or both", "E0410", "write `clip: {min: -1, max: 1}`")
        if self.min is not None and self.max is not None and self.min > self.max:
            message = f"has a `min` of {self.min:g}, more than its `max` of {self.max:g}"
            raise ShapeError(message, "E0411", "write the smaller number as `min`", "min")
        return inputs[0]

    def never_negative(self, inputs: Sequence[bool], open: Set[str]) -> bool:
        if self.max is not None and (self.max < 0 or "max" in open):
            return False
        return all(inputs) or (self.min is not None and self.min >= 0 and "min" not in open)

    def detail(self) -> str:
        least, most = ("" if end is None else f"{end:g}" for end in (self.min, self.max))
        return f" {least}..{most}"


@register
@record
class LeakyRelu(Elementwise):
    """x where x > 0, otherwise slope x. ONNX LeakyRelu."""

    slope: float = attribute(FloatKind(), "factor of negative numbers", default=0.01)

    name: ClassVar[str] = "leaky_relu"
    kind: ClassVar[OpKind] = "activation"
    example: ClassVar[Example] = Example((16, 8, 8), "leaky_relu: {slope: 0.2}")
    sign: ClassVar[Sign] = "kept"
    two_meanings: ClassVar[Mapping[str, str]] = {
        "negative_slope": "write `slope`; its default is 0.01 in PyTorch and 0.3 in Keras",
        "alpha": "write `slope`; its default is 0.01 in PyTorch and ONNX, 0.3 in Keras",
    }

    def detail(self) -> str:
        return f" {self.slope:g}"


@register
@record
class Prelu(Elementwise):
    """x where x > 0, otherwise x times a learned slope for each channel or feature. ONNX PRelu; He et al. 2015."""

    init: float = attribute(_ANY, "what the slopes start with", default=0.25)

    name: ClassVar[str] = "prelu"
    kind: ClassVar[OpKind] = "activation"
    example: ClassVar[Example] = Example((16, 8, 8), "prelu")
    sign: ClassVar[Sign] = "kept"
    takes: ClassVar[Accepted] = FEATURED
    two_meanings: ClassVar[Mapping[str, str]] = {
        "shared_axes": "leave it out: there is one slope for each channel",
        "alpha_initializer": "write `init`, a number",
        "num_parameters": "leave it out: there is one slope for each channel",
        "slope": "the slopes are learned; write `init` for what they start with, or use `leaky_relu`",
    }

    def weights(self, inputs: Sequence[TensorType]) -> tuple[Weight, ...]:
        return (Weight("weight", (inputs[0].channels,), Constant(self.init)),)


@register
@record
class Elu(Elementwise):
    """x where x > 0, otherwise alpha (exp(x) - 1). ONNX Elu; Clevert et al. 2015."""

    alpha: float = attribute(FloatKind(), "what very negative numbers give, without its sign", default=1.0)

    name: ClassVar[str] = "elu"
    kind: ClassVar[OpKind] = "activation"
    example: ClassVar[Example] = Example((16, 8, 8), "elu")
    sign: ClassVar[Sign] = "kept"


@register
class Selu(Elementwise):
    """1.0507009873554805 elu(x) with alpha = 1.6732632423543772. ONNX Selu; Klambauer et al. 2017."""

    __slots__ = ()
    name: ClassVar[str] = "selu"
    kind: ClassVar[OpKind] = "activation"
    example: ClassVar[Example] = Example((16, 8, 8), "selu")
    sign: ClassVar[Sign] = "kept"


@register
class Silu(Elementwise):
    """x sigmoid(x), also called swish. ONNX Swish; Elfwing et al. 2017."""

    __slots__ = ()
    name: ClassVar[str] = "silu"
    kind: ClassVar[OpKind] = "activation"
    example: ClassVar[Example] = Example((16, 8, 8), "silu")
    sign: ClassVar[Sign] = "kept"


@register
@record
class Gelu(Elementwise):
    """x Phi(x), where Phi is the standard normal distribution function. ONNX Gelu; Hendrycks and Gimpel 2016."""

    approximate: str = attribute(
        WordKind(words=("none", "tanh")),
        "`none` computes Phi by erf, `tanh` takes (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 for it",
        default="none",
    )

    name: ClassVar[str] = "gelu"
    kind: ClassVar[OpKind] = "activation"
    example: ClassVar[Example] = Example((64, 16), "gelu: {approximate: tanh}")
    sign: ClassVar[Sign] = "kept"


@register
class Mish(Elementwise):
    """x tanh(log(1 + exp(x))). ONNX Mish; Misra 2019."""

    __slots__ = ()
    name: ClassVar[str] = "mish"
    kind: ClassVar[OpKind] = "activation"
    example: ClassVar[Example] = Example((16, 8, 8), "mish")
    sign: ClassVar[Sign] = "kept"


@register
class Softplus(Elementwise):
    """log(1 + exp(x)). ONNX Softplus."""

    __slots__ = ()
    name: ClassVar[str] = "softplus"
    kind: ClassVar[OpKind] = "activation"
    example: ClassVar[Example] = Example((16, 8, 8), "softplus")
    sign: ClassVar[Sign] = "never negative"
    two_meanings: ClassVar[Mapping[str, str]] = {
        "beta": "leave it out if it is 1; no other is in the language",
        "threshold": "leave it out: what is computed is the same, but for rounding",
    }


@register
class Tanh(Elementwise):
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x)). ONNX Tanh."""

    __slots__ = ()
    name: ClassVar[str] = "tanh"
    kind: ClassVar[OpKind] = "activation"
    example: ClassVar[Example] = Example((16, 8, 8), "tanh")
    sign: ClassVar[Sign] = "kept"


@register
class Sigmoid(Elementwise):
    """1 / (1 + exp(-x)). ONNX Sigmoid."""

    __slots__ = ()
    name: ClassVar[str] = "sigmoid"
    kind: ClassVar[OpKind] = "activation"
    example: ClassVar[Example] = Example((16, 8, 8), "sigmoid")
    sign: ClassVar[Sign] = "never negative"


@register
class HardSigmoid(Elementwise):
    """x / 6 + 1/2, cut to 0 and 1. ONNX HardSigmoid with alpha = 1/6; Howard et al. 2019 (MobileNetV3)."""

    __slots__ = ()
    name: ClassVar[str] = "hard_sigmoid"
    kind: ClassVar[OpKind] = "activation"
    example: ClassVar[Example] = Example((16, 8, 8), "hard_sigmoid")
    sign: ClassVar[Sign] = "never negative"
    two_meanings: ClassVar[Mapping[str, str]] = {
        "alpha": "leave it out: it is 1/6; no other is in the language",
        "beta": "leave it out: it is 1/2; no other is in the language",
    }


@register
class HardSwish(Elementwise):
    """x hard_sigmoid(x). ONNX HardSwish; Howard et al. 2019 (MobileNetV3)."""

    __slots__ = ()
    name: ClassVar[str] = "hard_swish"
    kind: ClassVar[OpKind] = "activation"
    example: ClassVar[Example] = Example((16, 8, 8), "hard_swish")
    sign: ClassVar[Sign] = "kept"


@register
class Softmax(Elementwise):
    """Softmax over channels or features (the last axis of tokens, else the first after the batch)."""

    __slots__ = ()
    name: ClassVar[str] = "softmax"
    kind: ClassVar[OpKind] = "activation"
    example: ClassVar[Example] = Example((16,), "softmax")
    sign: ClassVar[Sign] = "never negative"
    takes: ClassVar[Accepted] = FEATURED
    two_meanings: ClassVar[Mapping[str, str]] = {
        "dim": "leave it out: it goes over channels, or the features of tokens",
        "axis": "leave it out: it goes over channels, or the features of tokens",
    }

    def table_text(self, inputs: Sequence[TensorType], *, strides: bool, inner: bool) -> str:
        return "" if inner else "softmax"
