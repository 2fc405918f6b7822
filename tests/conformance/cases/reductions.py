"""One number of all channels."""

from __future__ import annotations

CASES: dict[str, list[str]] = {
    op: [
        op,
        f"reshape: {{shape: [-1, 8]}}\n  - {op}",
        f"flatten\n  - {op}",
        f"multiply: [[], [{op}, sigmoid]]",
    ]
    for op in ("channel_avg_pool", "channel_max_pool")
}
CALLS: dict[tuple[str, str], list[tuple[str, list[str]]]] = {}
