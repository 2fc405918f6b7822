"""Layers that are random in training."""

from __future__ import annotations

CASES: dict[str, list[str]] = {
    "dropout": [
        "dropout",
        "dropout: {rate: 0.2}",
    ],
}
CALLS: dict[tuple[str, str], list[tuple[str, list[str]]]] = {
    ("dropout", "rate"): [
        ("dropout: {rate: p}", ["0.1", "0.5"]),
    ],
}
