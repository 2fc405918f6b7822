"""Ops that are random in training and do nothing afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from archspec.ir.attributes import FloatKind, attribute
from archspec.ir.op import Example, OpKind, Sign
from archspec.ir.op_registry import register
from archspec.ir.ops.base import Elementwise


@register
@dataclass(frozen=True, slots=True)
class Dropout(Elementwise):
    """In training, zero elements with probability `rate` and divide the rest by 1 - rate. ONNX Dropout."""

    rate: float = attribute(FloatKind(below=1.0), "probability of zeroing an element", default=0.5)

    name: ClassVar[str] = "dropout"
    kind: ClassVar[OpKind] = "regularizer"
    example: ClassVar[Example] = Example((16,), "dropout: {rate: 0.2}")
    sign: ClassVar[Sign] = "kept"
    two_meanings: ClassVar[Mapping[str, str]] = {
        "p": "write `rate`, the share that is zeroed",
        "keep_prob": "write `rate`, the share that is zeroed: rate = 1 - keep_prob",
    }

    def detail(self) -> str:
        return f" {self.rate:.3g}"


@register
@dataclass(frozen=True, slots=True)
class DropPath(Elementwise):
    """In training, zero whole examples with probability `rate` and divide the rest by 1 - rate.

    Stochastic depth, for the end of a residual branch: Huang et al. 2016.
    """

    rate: float = attribute(FloatKind(below=1.0), "probability of zeroing an example")

    name: ClassVar[str] = "drop_path"
    kind: ClassVar[OpKind] = "regularizer"
    example: ClassVar[Example] = Example((16, 8, 8), "add: [[], [relu, drop_path: {rate: 0.1}]]")
    sign: ClassVar[Sign] = "kept"
    two_meanings: ClassVar[Mapping[str, str]] = {
        "p": "write `rate`, the share that is zeroed",
        "drop_prob": "write `rate`, the share that is zeroed",
        "survival_prob": "write `rate`, the share that is zeroed: rate = 1 - survival_prob",
        "keep_prob": "write `rate`, the share that is zeroed: rate = 1 - keep_prob",
    }

    def detail(self) -> str:
        return f" {self.rate:.3g}"
