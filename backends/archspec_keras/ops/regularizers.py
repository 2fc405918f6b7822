"""Layers that are random in training."""

from __future__ import annotations

from typing import Final

from archspec.codegen.escaping import literal
from archspec.codegen.pretty_printer import call
from archspec_keras.ops.row import KerasRow, LayerContext, LayerStep


def _drop_path(context: LayerContext) -> list[LayerStep]:
    one_draw = literal((None, *[1] * len(context.use.axes[0])))  # for each example
    return [LayerStep(call("layers.Dropout", context.attribute("rate"), noise_shape=one_draw))]


def _drop_block(context: LayerContext) -> list[LayerStep]:
    return [LayerStep(call(context.helper("DropBlock"), context.attribute("rate"), context.attribute("block")))]


ROWS: Final[dict[str, KerasRow]] = {
    "dropout": KerasRow(lambda context: [LayerStep(call("layers.Dropout", context.attribute("rate")))]),
    "drop_path": KerasRow(_drop_path),
    "channel_dropout": KerasRow(
        lambda context: [LayerStep(call(context.of_rank("layers.SpatialDropout{}"), context.attribute("rate")))]
    ),
    "drop_block": KerasRow(_drop_block),
}
