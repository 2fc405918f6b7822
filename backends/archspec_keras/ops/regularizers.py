"""Layers that are random in training."""

from __future__ import annotations

from typing import Final

from archspec.codegen.layout import call
from archspec.codegen.text import literal
from archspec_keras.ops.row import Row, Site, Step


def _drop_path(site: Site) -> list[Step]:
    one_draw = literal((None, *[1] * len(site.use.axes[0])))  # for each example
    return [Step(call("layers.Dropout", site.attribute("rate"), noise_shape=one_draw))]


ROWS: Final[dict[str, Row]] = {
    "dropout": Row(lambda site: [Step(call("layers.Dropout", site.attribute("rate")))]),
    "drop_path": Row(_drop_path),
}
