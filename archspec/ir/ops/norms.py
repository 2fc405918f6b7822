"""Normalizations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from archspec.ir.attributes import FloatKind, WordKind, attribute
from archspec.ir.initializers import Ones, Zeros
from archspec.ir.op import Op, Shape, ShapeError, Weight, shape_text


@dataclass(frozen=True, slots=True)
class BatchNorm(Op):
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

    name: ClassVar[str] = "batch_norm"
    two_meanings: ClassVar[Mapping[str, str]] = {
        "momentum": "`momentum` is the new value's share in PyTorch and the old one's in Keras; write `decay`, "
        "the old one's share: decay = 1 - momentum (PyTorch), decay = momentum (Keras)",
        "epsilon": "write `eps`",
    }

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        if len(inputs[0]) not in (1, 3):
            raise ShapeError(
                f"batch_norm works on images and on features; its input has shape {shape_text(inputs[0])}",
                help="use `layer_norm` for tokens",
            )
        return inputs[0]

    def weights(self, inputs: Sequence[Shape]) -> tuple[Weight, ...]:
        shape = (inputs[0][0],)
        return (
            Weight("weight", shape, Ones()),
            Weight("bias", shape, Zeros()),
            Weight("running_mean", shape, Zeros(), trainable=False),
            Weight("running_var", shape, Ones(), trainable=False),
        )
