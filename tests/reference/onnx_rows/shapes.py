"""Ops that move numbers and compute none."""

from __future__ import annotations

from tests.reference.onnx_rows.fragment import Row, unary

ROWS: dict[str, Row] = {"identity": unary("Identity"), "flatten": unary("Flatten", axis=1)}
