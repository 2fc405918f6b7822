"""Layers that are random in training."""

from __future__ import annotations

CASES: dict[str, list[str]] = {
    "dropout": [
        "dropout",
        "dropout: {rate: 0.2}",
        "to_tokens\n  - dropout: {rate: 0.1}",
        "flatten\n  - dropout",
    ],
    "drop_path": [
        "drop_path: {rate: 0.2}",
        "add: [[conv: {filters: 4, kernel: 1}, drop_path: {rate: 0.1}], []]",
        "to_tokens\n  - drop_path: {rate: 0.1}",
        "flatten\n  - drop_path: {rate: 0}",
    ],
    "channel_dropout": [
        "channel_dropout",
        "channel_dropout: {rate: 0.2}",
        "name: s\n    layers: [relu, channel_dropout: {rate: 0.1}]",
    ],
    "drop_block": [
        "drop_block: {rate: 0.2}",
        "drop_block: {rate: 0.1, block: 3}",
        "add: [[conv: {filters: 4, kernel: 1}, drop_block: {rate: 0.1, block: 1}], []]",
    ],
}
CALLS: dict[tuple[str, str], list[tuple[str, list[str]]]] = {
    ("dropout", "rate"): [
        ("dropout: {rate: p}", ["0.1", "0.5"]),
    ],
    ("drop_path", "rate"): [
        ("drop_path: {rate: p}", ["0.1", "0.0"]),
    ],
    ("channel_dropout", "rate"): [
        ("channel_dropout: {rate: p}", ["0.1", "0.5"]),
    ],
    ("drop_block", "rate"): [
        ("drop_block: {rate: p}", ["0.1", "0.0"]),
    ],
    ("drop_block", "block"): [
        ("drop_block: {rate: 0.1, block: p}", ["3", "7"]),
    ],
}
