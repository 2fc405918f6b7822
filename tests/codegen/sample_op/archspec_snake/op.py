"""What the op is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from archspec.ir.attributes import FloatKind, attribute
from archspec.ir.op import Example, OpKind
from archspec.ir.ops.base import Elementwise


@dataclass(frozen=True, slots=True)
class Snake(Elementwise):
    """x + sin(alpha x)^2 / alpha, for signals that repeat. ONNX Sin, Mul, Div, Add; Ziyin et al. 2020."""

    alpha: float = attribute(FloatKind(least=1e-6), "frequency", default=1.0)

    name: ClassVar[str] = "snake"
    kind: ClassVar[OpKind] = "activation"
    example: ClassVar[Example] = Example((16, 8, 8), "snake: {alpha: 0.5}")
    known_as: ClassVar[Mapping[str, str]] = {"SnakeActivation": "", "Snake1d": "its frequency is not learned"}
    two_meanings: ClassVar[Mapping[str, str]] = {"a": "write `alpha`"}

    def detail(self) -> str:
        """Its frequency, in captions."""
        return f" {self.alpha:g}"
