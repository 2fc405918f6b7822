"""Layers that move numbers and compute none."""

from __future__ import annotations

from typing import Final

from archspec.codegen.layout import call
from archspec_keras.ops.row import Row, Site, Step, layer


def _flatten(site: Site) -> list[Step]:
    """In the order channels, height, width: an image is permuted first, unless it is always a single pixel."""
    flat = site.use.ranks[0] == 1 or site.single_pixel
    permute = [] if flat else [Step(call("layers.Permute", "(3, 1, 2)"), "_permute")]
    return [*permute, Step(call("layers.Flatten"))]


ROWS: Final[dict[str, Row]] = {
    "identity": layer("layers.Identity"),
    "flatten": Row(_flatten),
}
