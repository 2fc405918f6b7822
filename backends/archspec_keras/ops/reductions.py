"""Layers that make one number of all channels."""

from __future__ import annotations

from typing import Final

from archspec.codegen.layout import call
from archspec_keras.ops.row import Row, Step


def _helper(name: str) -> Row:
    return Row(lambda site: [Step(call(site.helper(name)))])


ROWS: Final[dict[str, Row]] = {
    "channel_avg_pool": _helper("ChannelAveragePooling"),
    "channel_max_pool": _helper("ChannelMaxPooling"),
}
