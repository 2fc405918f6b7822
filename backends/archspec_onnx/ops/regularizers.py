"""Layers that are random in training: in inference they do nothing, and with a rate of 0 they never do."""

from __future__ import annotations

from archspec_onnx.ops.row import Row, unary

ROWS: dict[str, Row] = dict.fromkeys(("dropout", "drop_path", "channel_dropout", "drop_block"), unary("Identity"))
