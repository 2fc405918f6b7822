"""Joining branches."""

from __future__ import annotations

from typing import Final

from archspec.codegen.layout import Code, call
from archspec_keras.ops.row import Row, Site, Step, layer


def _concat(site: Site) -> list[Step]:
    """Channels are the last axis, which Concatenate takes unless told otherwise."""
    axis: dict[str, Code] = {"axis": "1"} if site.value("axis") == "tokens" else {}
    return [Step(call("layers.Concatenate", **axis))]


ROWS: Final[dict[str, Row]] = {
    "add": layer("layers.Add"),
    "multiply": layer("layers.Multiply"),
    "maximum": layer("layers.Maximum"),
    "concat": Row(_concat),
}
