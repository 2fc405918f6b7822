"""Activations: each number of the output depends on one of the input, or on its pixel or row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from archspec.ir.ops.base import Elementwise


@dataclass(frozen=True, slots=True)
class Relu(Elementwise):
    """max(x, 0). ONNX Relu."""

    name: ClassVar[str] = "relu"


@dataclass(frozen=True, slots=True)
class Sigmoid(Elementwise):
    """1 / (1 + exp(-x)). ONNX Sigmoid."""

    name: ClassVar[str] = "sigmoid"


@dataclass(frozen=True, slots=True)
class Softmax(Elementwise):
    """Softmax over channels or features (the first axis after the batch for images, the last otherwise)."""

    name: ClassVar[str] = "softmax"
