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
}
CALLS: dict[tuple[str, str], list[tuple[str, list[str]]]] = {
    ("dropout", "rate"): [
        ("dropout: {rate: p}", ["0.1", "0.5"]),
    ],
    ("drop_path", "rate"): [
        ("drop_path: {rate: p}", ["0.1", "0.0"]),
    ],
}
