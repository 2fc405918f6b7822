"""Layers that are random in training: in inference they do nothing."""

from __future__ import annotations

from tests.reference.onnx_rows.fragment import Row, unary

ROWS: dict[str, Row] = {"dropout": unary("Identity"), "drop_path": unary("Identity")}
