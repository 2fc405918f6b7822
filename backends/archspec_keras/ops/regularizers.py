"""Layers that are random in training."""

from __future__ import annotations

from typing import Final

from archspec.codegen.layout import call
from archspec_keras.ops.row import Row, Step

ROWS: Final[dict[str, Row]] = {
    "dropout": Row(lambda site: [Step(call("layers.Dropout", site.attribute("rate")))]),
}
