"""Factors and numbers that are added, given or learned: for each channel, or one for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any, ClassVar, Final

from archspec.ir.attributes import FloatKind, InitKind, WordKind, attribute
from archspec.ir.initializers import Constant, Initializer, Zeros
from archspec.ir.op import Example, OpKind, ShapeError, Weight
from archspec.ir.op_registry import register
from archspec.ir.ops.base import Elementwise, bare, decays
from archspec.ir.tensor_type import FEATURED, Accepted, TensorType, spatial_rank
from archspec.records import record

_ANY: Final = FloatKind(least=float("-inf"))


def broadcasts(shape: str | None, *, bare: bool) -> bool:
    """Whether factors of this `shape`, or of what it is unless given, have axes for the places of a feature map."""
    return bare if shape is None else shape == "broadcast"


def _shape(what: str) -> Any:
    """The attribute for the shape of what is learned for each channel."""
    return attribute(
        WordKind(words=("channels", "broadcast")),
        f"the shape of one {what} for each channel of a feature map: `channels` is (C), as timm keeps it, `broadcast` "
        "(C, 1, 1) on images, as torchvision does; `broadcast` if it is `bare`, else `channels`, unless given",
        default=None,
    )


class _LearnedNumbers(Elementwise):
    """What may learn a number for each channel or feature, or one for all."""

    __slots__ = ()
    learned: str
    bare: bool
    shape: str | None

    what: ClassVar[str]
    """What each of the numbers is."""

    def accepted(self) -> Accepted:
        return FEATURED if self.learned == "channel" else self.takes

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        if self.shape is not None and self.learned != "channel":
            raise ShapeError(
                f"has a `shape` and no {self.what} for each channel that it could be that of",
                "E0411",
                "write `learned: channel`, or leave `shape` out",
                "shape",
            )
        return inputs[0]

    def learned_shape(self, type: TensorType) -> tuple[int, ...]:
        """The shape of what is learned where such a tensor arrives."""
        axes = spatial_rank(type.axes) if self.broadcasts else 0
        return (type.channels, *(1 for _ in range(axes))) if self.learned == "channel" else (1,)

    @property
    def broadcasts(self) -> bool:
        """Whether numbers for each channel have axes for the places of a feature map, each of one element."""
        return broadcasts(self.shape, bare=self.bare)

    def structural(self) -> tuple[str, ...]:
        return ("bare", "shape")


@register
@record
class Scale(_LearnedNumbers):
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
    bare: bool = bare("that `shape` says")
    shape: str | None = _shape("factor")

    name: ClassVar[str] = "scale"
    what: ClassVar[str] = "factor"
    kind: ClassVar[OpKind] = "other"
    example: ClassVar[Example] = Example((16, 8, 8), "scale: {learned: channel, value: 1e-6}")
    two_meanings: ClassVar[Mapping[str, str]] = {
        "scale": "write `value`",
        "factor": "write `value`",
        "offset": "write `shift`",
        "bias": "write `shift`, which is not learned; the op `shift` has learned numbers",
        "init": "write `value`, which is what a learned factor starts with",
    }

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        if self.learned != "none" and self.shift != 0:
            raise ShapeError(
                f"has a learned factor and adds {self.shift:g}; it can do one of the two",
                "E0411",
                "put a second `scale`, with the `shift` alone, after it",
            )
        if self.bare and self.learned == "none":
            raise ShapeError(
                "is `bare` and has no learned factor that it could name",
                "E0411",
                "write `learned: channel` or `learned: all`, or leave `bare` out",
                "bare",
            )
        return _LearnedNumbers.infer_type(self, inputs)  # `super` knows the class before its slots

    def weights(self, inputs: Sequence[TensorType]) -> tuple[Weight, ...]:
        if self.learned == "none":
            return ()
        return (Weight("" if self.bare else "weight", self.learned_shape(inputs[0]), Constant(self.value)),)

    def starting(self) -> tuple[str, ...]:
        return ("value",) if self.bare else ()

    def detail(self) -> str:
        if self.learned != "none":
            return ", learned by channel" if self.learned == "channel" else ", learned"
        return f" {self.value:g}" + (f", {self.shift:+g}" if self.shift else "")

    def never_negative(self, inputs: Sequence[bool], open: Set[str]) -> bool:
        if open or self.learned != "none":  # a param may be another in generated code
            return False
        return self.value >= 0 and self.shift >= 0 and all(inputs)


@register
@record
class Shift(_LearnedNumbers):
    """x + learned numbers, one for each channel or feature, or one for all. ONNX Add.

    With a learned `scale` before it, it is the affine map of ResMLP (Touvron et al. 2021), and that of PP-HGNetV2.
    """

    learned: str = attribute(
        WordKind(words=("channel", "all")),
        "one for each channel or feature (`channel`), or one for the whole tensor (`all`)",
        default="channel",
    )
    init: Initializer = attribute(InitKind(by_fan=False), "initial numbers", default=Zeros())
    bare: bool = bare("that `shape` says")
    shape: str | None = _shape("number")
    weight_decay: float = decays("weight")

    name: ClassVar[str] = "shift"
    what: ClassVar[str] = "number"
    kind: ClassVar[OpKind] = "other"
    example: ClassVar[Example] = Example((16, 8, 8), "shift: {learned: channel}")
    two_meanings: ClassVar[Mapping[str, str]] = {
        "value": "write `init: {constant: ...}`; a number that is not learned is the `shift` of `scale`",
    }

    def weights(self, inputs: Sequence[TensorType]) -> tuple[Weight, ...]:
        shape = self.learned_shape(inputs[0])
        return (Weight("" if self.bare else "weight", shape, self.init, decay=self.weight_decay),)

    def detail(self) -> str:
        return ", learned by channel" if self.learned == "channel" else ", learned"
