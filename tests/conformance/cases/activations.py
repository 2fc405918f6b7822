"""Activations."""

from __future__ import annotations

CASES: dict[str, list[str]] = {
    "relu": [
        "relu",
    ],
    "sigmoid": [
        "sigmoid",
    ],
    "softmax": [
        "softmax",
        "flatten\n  - softmax",
    ],
}
CALLS: dict[tuple[str, str], list[tuple[str, list[str]]]] = {}
