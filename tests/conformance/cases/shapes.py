"""Ops that move numbers."""

from __future__ import annotations

CASES: dict[str, list[str]] = {
    "identity": [
        "identity",
    ],
    "flatten": [
        "flatten",
        "global_avg_pool\n  - flatten",
    ],
}
CALLS: dict[tuple[str, str], list[tuple[str, list[str]]]] = {}
