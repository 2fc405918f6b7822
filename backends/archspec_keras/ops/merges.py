"""Joining branches."""

from __future__ import annotations

from typing import Final

from archspec_keras.ops.row import Row, layer

ROWS: Final[dict[str, Row]] = {
    "add": layer("layers.Add"),
    "multiply": layer("layers.Multiply"),
    "concat": layer("layers.Concatenate"),
}
"""Channels are the last axis, which Concatenate takes unless told otherwise."""
