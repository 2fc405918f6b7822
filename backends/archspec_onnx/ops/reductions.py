"""One number of all channels."""

from __future__ import annotations

from archspec_onnx.ops.row import Row, float32_row


def _reduced(kind: str) -> Row:
    return lambda layer: layer.reduced(kind, layer.x, [layer.axis], keepdims=1)


ROWS: dict[str, Row] = {
    "channel_avg_pool": float32_row(_reduced("ReduceMean")),
    "channel_max_pool": _reduced("ReduceMax"),
}
