"""Normalizations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Literal

from archspec.ir.attributes import BoolKind, FloatKind, InitKind, IntKind, WordKind, attribute
from archspec.ir.initializers import Initializer, Ones, Zeros
from archspec.ir.op import Example, Op, OpKind, ShapeError, Sign, Weight
from archspec.ir.op_registry import register
from archspec.ir.ops.base import Overall, Placewise, decays
from archspec.ir.tensor_type import FEATURE_MAPS, FEATURED, FEATURES, SPATIAL, TOKENS, Accepted, Axes, TensorType
from archspec.records import record

_AFFINE: Final = "learn a scale and a shift for each channel or feature; `false` leaves out both"
_SCALE: Final = "`false` leaves out the scale alone"
_SHIFT: Final = "`false` leaves out the shift alone"
_RUNNING: Final = "leave it out: the running mean starts with 0, the running variance with 1"
_WORDS: Final = {
    "epsilon": "write `eps`",
    "elementwise_affine": "write `affine`",
    "center": "write `shift`",
    "bias": "write `shift`",
    "rms_scaling": "leave it out if it is false; a norm that does not subtract the mean is not in the language",
    "num_features": "leave it out: channels are inferred",
    "num_channels": "leave it out: channels are inferred",
    "axis": "leave it out: it goes over channels, or the features of tokens",
    "momentum": "leave it out: it keeps no running statistics",
    "track_running_stats": "leave it out if it is false; this norm keeps no running statistics",
    "normalized_shape": "leave it out: channels or features are inferred",
    "num_groups": "write `groups`",
    "gamma_initializer": "write `init`",
    "beta_initializer": "write `bias_init`",
    "param_initializers": "write `init` for gamma, `bias_init` for beta",
}
_INITIAL: Final = ("gamma_initializer", "beta_initializer", "param_initializers")


def _words(*names: str) -> Mapping[str, str]:
    return {name: _WORDS[name] for name in ("epsilon", *_INITIAL, "center", "bias", *names)}


def _learned(doc: str) -> Any:
    """An attribute for what a norm learns unless it is told otherwise."""
    return attribute(BoolKind(), doc, default=True)


def _initial(what: Literal["scale", "shift"], default: Initializer) -> Any:
    """An attribute for what a norm's scale or shift starts with."""
    return attribute(InitKind(by_fan=False, of_bias=what == "shift"), f"initial {what}", default=default)


def _weight_and_bias(op: BatchNorm | GroupNorm | _Affine | GlobalResponseNorm, channels: int) -> tuple[Weight, Weight]:
    """What multiplies each channel, and what is added to each."""
    weight = Weight("weight", (channels,), op.init, decay=op.weight_decay)
    return weight, Weight("bias", (channels,), op.bias_init, decay=op.bias_decay)


def _learned_of(op: BatchNorm | GroupNorm | _Affine, channels: int) -> tuple[Weight, ...]:
    """Those of the two that a norm learns."""
    weight, bias = _weight_and_bias(op, channels)
    return (weight,) * (op.affine and op.scale) + (bias,) * (op.affine and op.shift)


@register
@record
class BatchNorm(Placewise):
    """Batch normalization over channels. ONNX BatchNormalization; Ioffe and Szegedy 2015."""

    eps: float = attribute(FloatKind(), "added to the variance", default=1e-5)
    decay: float = attribute(
        FloatKind(most=1.0), "share of the old running statistics that a training step keeps", default=0.9
    )
    variance: str = attribute(
        WordKind(words=("unbiased", "biased")),
        "running variance: `unbiased` (n - 1, as PyTorch keeps it) or `biased` (n, as Keras does)",
        default="unbiased",
    )
    affine: bool = _learned(_AFFINE)
    scale: bool = _learned(_SCALE)
    shift: bool = _learned(_SHIFT)
    init: Initializer = _initial("scale", Ones())
    bias_init: Initializer = _initial("shift", Zeros())
    weight_decay: float = decays("weight")
    bias_decay: float = decays("bias")

    name: ClassVar[str] = "batch_norm"
    kind: ClassVar[OpKind] = "norm"
    example: ClassVar[Example] = Example((16, 8, 8), "batch_norm: {eps: 1e-3, decay: 0.99}")
    takes: ClassVar[Accepted] = Accepted(frozenset({FEATURES, *SPATIAL}))
    type_help: ClassVar[Mapping[Axes, str]] = {TOKENS: "use `layer_norm` for tokens"}
    two_meanings: ClassVar[Mapping[str, str]] = {
        "momentum": "`momentum` is the new value's share in PyTorch and the old one's in Keras; write `decay`, "
        "the old one's share: decay = 1 - momentum (PyTorch), decay = momentum (Keras)",
        **_words("num_features"),
        "axis": "leave it out: it normalizes channels",
        "fused": "leave it out: what is computed is the same",
        "moving_mean_initializer": _RUNNING,
        "moving_variance_initializer": _RUNNING,
        **dict.fromkeys(("renorm", "renorm_clipping", "renorm_momentum"), "not in the language: batch renormalization"),
        "synchronized": "leave it out: how a network is trained is no part of a spec",
        "process_group": "leave it out: how a network is trained is no part of a spec",
        "training_mode": "leave it out: how a network is trained is no part of a spec",
        "track_running_stats": "leave it out: running statistics are always kept; `instance_norm` has none",
    }

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        return inputs[0]

    def weights(self, inputs: Sequence[TensorType]) -> tuple[Weight, ...]:
        shape = (inputs[0].channels,)
        return (
            *_learned_of(self, inputs[0].channels),
            Weight("running_mean", shape, Zeros(), trainable=False),
            Weight("running_var", shape, Ones(), trainable=False),
        )


@record
class _Affine(Op):
    """A normalization by the statistics of one example alone; the variance is the biased one."""

    eps: float = attribute(FloatKind(), "added to the variance", default=1e-5)
    affine: bool = _learned(_AFFINE)
    scale: bool = _learned(_SCALE)
    shift: bool = _learned(_SHIFT)
    init: Initializer = _initial("scale", Ones())
    bias_init: Initializer = _initial("shift", Zeros())
    weight_decay: float = decays("weight")
    bias_decay: float = decays("bias")

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        return inputs[0]

    def weights(self, inputs: Sequence[TensorType]) -> tuple[Weight, ...]:
        return _learned_of(self, inputs[0].channels)


@register
class LayerNorm(_Affine, Placewise):
    """Normalize over channels or features: each place of a feature map, each token, by itself.

    ONNX LayerNormalization; Ba et al. 2016, over channels as in ConvNeXt.
    """

    __slots__ = ()
    name: ClassVar[str] = "layer_norm"
    kind: ClassVar[OpKind] = "norm"
    example: ClassVar[Example] = Example((64, 16), "layer_norm: {eps: 1e-6}")
    takes: ClassVar[Accepted] = FEATURED
    two_meanings: ClassVar[Mapping[str, str]] = _words("elementwise_affine", "normalized_shape", "rms_scaling", "axis")


@register
class InstanceNorm(_Affine, Overall):
    """Normalize each channel over all spatial axes. ONNX InstanceNormalization; Ulyanov et al. 2016.

    There are no running statistics: it computes the same in training and afterwards.
    """

    __slots__ = ()
    name: ClassVar[str] = "instance_norm"
    kind: ClassVar[OpKind] = "norm"
    example: ClassVar[Example] = Example((16, 8, 8), "instance_norm")
    takes: ClassVar[Accepted] = FEATURE_MAPS
    two_meanings: ClassVar[Mapping[str, str]] = _words("num_features", "momentum", "track_running_stats")

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        if math.prod(inputs[0].places) == 1:
            raise ShapeError(
                "has one element of each channel to normalize over, which would give nothing but the shift",
                help="use `layer_norm`, which normalizes over channels",
            )
        return inputs[0]


@register
@record
class GroupNorm(Overall):
    """Normalize groups of channels, each over its channels and all spatial axes, with a scale for each channel.

    ONNX GroupNormalization (21); Wu and He 2018.
    """

    groups: int = attribute(IntKind(least=1), "number of groups; it divides the channels")
    eps: float = attribute(FloatKind(), "added to the variance", default=1e-5)
    affine: bool = _learned(_AFFINE)
    scale: bool = _learned(_SCALE)
    shift: bool = _learned(_SHIFT)
    init: Initializer = _initial("scale", Ones())
    bias_init: Initializer = _initial("shift", Zeros())
    weight_decay: float = decays("weight")
    bias_decay: float = decays("bias")

    name: ClassVar[str] = "group_norm"
    kind: ClassVar[OpKind] = "norm"
    example: ClassVar[Example] = Example((16, 8, 8), "group_norm: {groups: 4}")
    takes: ClassVar[Accepted] = FEATURE_MAPS
    two_meanings: ClassVar[Mapping[str, str]] = _words("num_groups", "num_channels", "axis")

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        count = inputs[0].channels
        if count % self.groups:
            raise ShapeError(
                f"has {self.groups} groups, which do not divide the {count} input channels",
                "E0504",
                "choose a number of groups that divides the channels",
            )
        return inputs[0]

    def weights(self, inputs: Sequence[TensorType]) -> tuple[Weight, ...]:
        return _learned_of(self, inputs[0].channels)

    def one_place(self, inputs: Sequence[bool]) -> bool:
        return all(inputs)

    def detail(self) -> str:
        return f", {self.groups} groups"


@register
@record
class GlobalResponseNorm(Overall):
    """x + weight x n + bias, n being the norm of x's channel over all places, as a share of the mean of all channels'.

    ONNX's operators; Woo et al. 2023 (ConvNeXt V2), equations 1 to 3, where both weights start with 0.
    """

    eps: float = attribute(FloatKind(), "added to the mean of the norms", default=1e-6)
    init: Initializer = _initial("scale", Zeros())
    bias_init: Initializer = _initial("shift", Zeros())
    weight_decay: float = decays("weight")
    bias_decay: float = decays("bias")

    name: ClassVar[str] = "global_response_norm"
    kind: ClassVar[OpKind] = "norm"
    example: ClassVar[Example] = Example((16, 8, 8), "global_response_norm")
    takes: ClassVar[Accepted] = Accepted(frozenset({TOKENS, *SPATIAL}))
    two_meanings: ClassVar[Mapping[str, str]] = _words("axis")

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        return inputs[0]

    def weights(self, inputs: Sequence[TensorType]) -> tuple[Weight, ...]:
        return _weight_and_bias(self, inputs[0].channels)

    def one_place(self, inputs: Sequence[bool]) -> bool:
        return all(inputs)


@register
@record
class LocalResponseNorm(Placewise):
    """x / (k + alpha / size s)^beta, where s sums the squares of `size` neighboring channels, x's own in the middle.

    ONNX LRN; Krizhevsky et al. 2012 (AlexNet), where alpha is not divided.
    """

    size: int = attribute(IntKind(least=1), "how many channels are summed; odd", default=5)
    alpha: float = attribute(FloatKind(), "factor of the mean square", default=1e-4)
    beta: float = attribute(FloatKind(), "exponent", default=0.75)
    k: float = attribute(FloatKind(), "added to the mean square", default=1.0)

    name: ClassVar[str] = "local_response_norm"
    kind: ClassVar[OpKind] = "norm"
    example: ClassVar[Example] = Example((16, 8, 8), "local_response_norm: {size: 5, alpha: 1e-4, beta: 0.75, k: 2}")
    sign: ClassVar[Sign] = "kept"
    takes: ClassVar[Accepted] = FEATURE_MAPS
    two_meanings: ClassVar[Mapping[str, str]] = {
        "depth_radius": "write `size`, as PyTorch and ONNX do: size = 2 * depth_radius + 1; tf.nn.lrn does not divide "
        "its alpha: alpha = size * alpha (TensorFlow)",
        "n": "write `size`; the paper does not divide its alpha: alpha = size * alpha (paper)",
        "bias": "write `k`",
    }

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        if self.size % 2 == 0:
            raise ShapeError(
                f"sums over {self.size} channels, which have none in the middle",
                "E0411",
                "write an odd size: PyTorch and ONNX shift an even window to opposite sides",
            )
        return inputs[0]

    def detail(self) -> str:
        return f", {self.size} channels"
