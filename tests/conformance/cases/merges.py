"""Merges."""

from __future__ import annotations

CASES: dict[str, list[str]] = {
    "add": [
        "add: [[], [conv: {filters: 4, kernel: 1}]]",
        "add: [[], [], [relu]]",
    ],
    "multiply": [
        "multiply: [[], [sigmoid]]",
        "multiply: [[], [global_avg_pool, sigmoid]]",
        "multiply: [[global_avg_pool], []]",
    ],
    "concat": [
        "concat: [[], [conv: {filters: 3, kernel: 1}], [relu]]",
        "concat: [[flatten], [flatten]]",
    ],
}
CALLS: dict[tuple[str, str], list[tuple[str, list[str]]]] = {}
