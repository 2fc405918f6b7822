"""Activations."""

from __future__ import annotations

from typing import Final

from archspec.codegen.text import literal
from archspec_keras.ops.row import Row, layer

ROWS: Final[dict[str, Row]] = {
    "relu": layer("layers.ReLU"),
    "sigmoid": layer("layers.Activation", literal("sigmoid")),
    "softmax": layer("layers.Softmax"),
}
"""Channels are the last axis, which Softmax takes unless told otherwise."""
