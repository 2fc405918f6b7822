"""Layers that make one number of all channels."""

from __future__ import annotations

from typing import Final

from archspec.codegen.pretty_printer import call
from archspec_keras.ops.row import KerasRow, LayerStep


def _helper(name: str) -> KerasRow:
    return KerasRow(lambda context: [LayerStep(call(context.helper(name)))])


ROWS: Final[dict[str, KerasRow]] = {
    "channel_avg_pool": _helper("ChannelAveragePooling"),
    "channel_max_pool": _helper("ChannelMaxPooling"),
}
