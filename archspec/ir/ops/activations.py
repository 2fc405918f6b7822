"""Activations: each number of the output depends on one of the input, or on its pixel or row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from archspec.ir.attributes import FloatKind, WordKind, attribute
from archspec.ir.initializers import Constant
from archspec.ir.op import FEATURED, Ranks, Shape, ShapeError, Weight, channels
from archspec.ir.ops.base import Elementwise

_ANY: Final = FloatKind(least=float("-inf"))


@dataclass(frozen=True, slots=True)
class Relu(Elementwise):
    """max(x, 0). ONNX Relu."""

    name: ClassVar[str] = "relu"
    two_meanings: ClassVar[Mapping[str, str]] = {
        "max_value": "use `relu6`, which cuts at 6; no other number is in the language",
        "negative_slope": "use `leaky_relu`, with `slope`",
        "threshold": "leave it out if it is 0; no other is in the language",
    }


@dataclass(frozen=True, slots=True)
class Relu6(Elementwise):
    """min(max(x, 0), 6). ONNX Clip."""

    name: ClassVar[str] = "relu6"


@dataclass(frozen=True, slots=True)
class LeakyRelu(Elementwise):
    """x where x > 0, otherwise slope x. ONNX LeakyRelu."""

    slope: float = attribute(FloatKind(), "factor of negative numbers", default=0.01)

    name: ClassVar[str] = "leaky_relu"
    two_meanings: ClassVar[Mapping[str, str]] = {
        "negative_slope": "write `slope`; its default is 0.01 in PyTorch and 0.3 in Keras",
        "alpha": "write `slope`; its default is 0.01 in PyTorch and ONNX, 0.3 in Keras",
    }


@dataclass(frozen=True, slots=True)
class Prelu(Elementwise):
    """x where x > 0, otherwise x times a learned slope for each channel or feature. ONNX PRelu; He et al. 2015."""

    init: float = attribute(_ANY, "what the slopes start with", default=0.25)

    name: ClassVar[str] = "prelu"
    ranks: ClassVar[Ranks] = FEATURED
    two_meanings: ClassVar[Mapping[str, str]] = {
        "shared_axes": "leave it out: there is one slope for each channel",
        "alpha_initializer": "write `init`, a number",
        "num_parameters": "leave it out: there is one slope for each channel",
        "slope": "the slopes are learned; write `init` for what they start with, or use `leaky_relu`",
    }

    def weights(self, inputs: Sequence[Shape]) -> tuple[Weight, ...]:
        return (Weight("weight", (channels(inputs[0]),), Constant(self.init)),)


@dataclass(frozen=True, slots=True)
class Elu(Elementwise):
    """x where x > 0, otherwise alpha (exp(x) - 1). ONNX Elu; Clevert et al. 2015."""

    alpha: float = attribute(FloatKind(), "what very negative numbers give, without its sign", default=1.0)

    name: ClassVar[str] = "elu"


@dataclass(frozen=True, slots=True)
class Selu(Elementwise):
    """1.0507009873554805 elu(x) with alpha = 1.6732632423543772. ONNX Selu; Klambauer et al. 2017."""

    name: ClassVar[str] = "selu"


@dataclass(frozen=True, slots=True)
class Silu(Elementwise):
    """x sigmoid(x), also called swish. ONNX Swish; Elfwing et al. 2017."""

    name: ClassVar[str] = "silu"


@dataclass(frozen=True, slots=True)
class Gelu(Elementwise):
    """x Phi(x), where Phi is the standard normal distribution function. ONNX Gelu; Hendrycks and Gimpel 2016."""

    approximate: str = attribute(
        WordKind(words=("none", "tanh")),
        "`none` computes Phi by erf, `tanh` takes (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 for it",
        default="none",
    )

    name: ClassVar[str] = "gelu"


@dataclass(frozen=True, slots=True)
class Mish(Elementwise):
    """x tanh(log(1 + exp(x))). ONNX Mish; Misra 2019."""

    name: ClassVar[str] = "mish"


@dataclass(frozen=True, slots=True)
class Softplus(Elementwise):
    """log(1 + exp(x)). ONNX Softplus."""

    name: ClassVar[str] = "softplus"
    two_meanings: ClassVar[Mapping[str, str]] = {
        "beta": "leave it out if it is 1; no other is in the language",
        "threshold": "leave it out: what is computed is the same, but for rounding",
    }


@dataclass(frozen=True, slots=True)
class Tanh(Elementwise):
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x)). ONNX Tanh."""

    name: ClassVar[str] = "tanh"


@dataclass(frozen=True, slots=True)
class Sigmoid(Elementwise):
    """1 / (1 + exp(-x)). ONNX Sigmoid."""

    name: ClassVar[str] = "sigmoid"


@dataclass(frozen=True, slots=True)
class HardSigmoid(Elementwise):
    """x / 6 + 1/2, cut to 0 and 1. ONNX HardSigmoid with alpha = 1/6; Howard et al. 2019 (MobileNetV3)."""

    name: ClassVar[str] = "hard_sigmoid"
    two_meanings: ClassVar[Mapping[str, str]] = {
        "alpha": "leave it out: it is 1/6; no other is in the language",
        "beta": "leave it out: it is 1/2; no other is in the language",
    }


@dataclass(frozen=True, slots=True)
class HardSwish(Elementwise):
    """x hard_sigmoid(x). ONNX HardSwish; Howard et al. 2019 (MobileNetV3)."""

    name: ClassVar[str] = "hard_swish"


@dataclass(frozen=True, slots=True)
class Softmax(Elementwise):
    """Softmax over channels or features (the first axis after the batch for images, the last otherwise)."""

    name: ClassVar[str] = "softmax"
    ranks: ClassVar[Ranks] = FEATURED
    two_meanings: ClassVar[Mapping[str, str]] = {
        "dim": "leave it out: it goes over channels, or the features of tokens",
        "axis": "leave it out: it goes over channels, or the features of tokens",
    }


@dataclass(frozen=True, slots=True)
class Scale(Elementwise):
    """x value + shift; the factor may be learned. ONNX Mul + Add.

    Learned for each channel it is ConvNeXt's LayerScale (Touvron et al. 2021); one for all, ReZero's (Bachlechner et
    al. 2020).
    """

    value: float = attribute(_ANY, "the factor, or what a learned one starts with", default=1.0)
    shift: float = attribute(_ANY, "added to the product", default=0.0)
    learned: str = attribute(
        WordKind(words=("none", "channel", "all")),
        "learn the factor: one for each channel or feature (`channel`), or one for the whole tensor (`all`)",
        default="none",
    )

    name: ClassVar[str] = "scale"
    two_meanings: ClassVar[Mapping[str, str]] = {
        "scale": "write `value`",
        "factor": "write `value`",
        "offset": "write `shift`",
        "bias": "write `shift`, which is not learned; `batch_norm` and `conv` have learned ones",
        "init": "write `value`, which is what a learned factor starts with",
    }

    def taken_ranks(self) -> Ranks:
        return FEATURED if self.learned == "channel" else self.ranks

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        if self.learned != "none" and self.shift != 0:
            raise ShapeError(
                f"has a learned factor and adds {self.shift:g}; it can do one of the two",
                "E0411",
                "put a second `scale`, with the `shift` alone, after it",
            )
        return inputs[0]

    def weights(self, inputs: Sequence[Shape]) -> tuple[Weight, ...]:
        if self.learned == "none":
            return ()
        shape = (channels(inputs[0]),) if self.learned == "channel" else (1,)
        return (Weight("weight", shape, Constant(self.value)),)
