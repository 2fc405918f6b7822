"""One number of all channels."""

from __future__ import annotations

from tests.reference.onnx_rows.fragment import Fragment, Row


def _reduced(kind: str) -> Row:
    def row(layer: Fragment) -> str:
        axis = -1 if layer.rank == 2 else 1
        return str(layer.add(kind, layer.x, layer.shape(axis), keepdims=1))

    return row


ROWS: dict[str, Row] = {"channel_avg_pool": _reduced("ReduceMean"), "channel_max_pool": _reduced("ReduceMax")}
