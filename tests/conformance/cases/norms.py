"""Normalizations."""

from __future__ import annotations

CASES: dict[str, list[str]] = {
    "batch_norm": [
        "batch_norm",
        "batch_norm: {eps: 0.1, decay: 0.7}",
        "batch_norm: {variance: biased, decay: 0.5}",
        "flatten\n  - batch_norm: {eps: 1e-3}",
        "flatten\n  - batch_norm: {variance: biased}",
    ],
}
CALLS: dict[tuple[str, str], list[tuple[str, list[str]]]] = {
    ("batch_norm", "eps"): [
        ("batch_norm: {eps: p}", ["0.1", "0.001"]),
    ],
    ("batch_norm", "decay"): [
        ("batch_norm: {decay: p}", ["0.5", "0.9"]),
        ("batch_norm: {decay: 1 - p}", ["0.5", "0.1"]),
        ("batch_norm: {decay: 0.5 if p > 1 else 0.9}", ["1", "2"]),
    ],
    ("batch_norm", "variance"): [
        ("batch_norm: {variance: p}", ["biased", "unbiased"]),
    ],
}
