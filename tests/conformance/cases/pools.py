"""Pools."""

from __future__ import annotations

CASES: dict[str, list[str]] = {
    "max_pool": [
        "max_pool: {kernel: 2}",
        "max_pool: {kernel: 3, stride: 2, padding: 1}",
        "max_pool: {kernel: 3, stride: 2, padding: same}",
        "max_pool: {kernel: [2, 3], stride: [1, 2], padding: same}",
        "max_pool: {kernel: 2, stride: 1, padding: [0, 1, 1, 0]}",
        "max_pool: {kernel: 3, padding: 2}",
        "relu\n  - max_pool: {kernel: 3, stride: 2, padding: 1}",
    ],
    "avg_pool": [
        "avg_pool: {kernel: 2}",
        "avg_pool: {kernel: 3, stride: 2, padding: 1}",
        "avg_pool: {kernel: 3, stride: 2, padding: 1, count_padding: true}",
        "avg_pool: {kernel: 3, stride: 2, padding: same}",
        "avg_pool: {kernel: 4, stride: 3, padding: same, count_padding: true}",
        "avg_pool: {kernel: 2, stride: 1, padding: [0, 1, 1, 0]}",
    ],
    "global_avg_pool": [
        "global_avg_pool",
        "global_avg_pool: {keep_axes: false}",
    ],
}
CALLS: dict[tuple[str, str], list[tuple[str, list[str]]]] = {
    ("max_pool", "kernel"): [
        ("max_pool: {kernel: p}", ["1", "2"]),
        ("max_pool: {kernel: p, stride: 1, padding: 1}", ["2", "3"]),
        ("max_pool: {kernel: p, stride: 1, padding: 2}", ["3", "4"]),
        ("max_pool: {kernel: p, stride: 1, padding: same}", ["2", "3"]),
    ],
    ("max_pool", "stride"): [
        ("max_pool: {kernel: 2, stride: p, padding: [1, 0, 0, 1]}", ["1", "2"]),
    ],
    ("max_pool", "padding"): [
        ("max_pool: {kernel: 3, stride: 2, padding: p}", ["same", "valid"]),
        ("max_pool: {kernel: 3, stride: 2, padding: p}", ["2", "0"]),
        ("max_pool: {kernel: 3, stride: 2, padding: p}", ["2", "1", "same"]),
    ],
    ("avg_pool", "kernel"): [
        ("avg_pool: {kernel: p}", ["1", "2"]),
        ("avg_pool: {kernel: p, stride: 1, padding: 1}", ["2", "3"]),
        ("avg_pool: {kernel: p, stride: 1, padding: 2}", ["3", "4"]),
        ("avg_pool: {kernel: p, stride: 1, padding: same}", ["2", "3"]),
    ],
    ("avg_pool", "stride"): [
        ("avg_pool: {kernel: 3, stride: p, padding: 1}", ["1", "2"]),
    ],
    ("avg_pool", "padding"): [
        ("avg_pool: {kernel: 3, stride: 2, padding: p}", ["same", "valid"]),
        ("avg_pool: {kernel: 3, stride: 2, padding: p}", ["1", "0", "2"]),
    ],
    ("avg_pool", "count_padding"): [
        ("avg_pool: {kernel: 3, stride: 2, padding: 1, count_padding: p}", ["true", "false"]),
        ("avg_pool: {kernel: 3, stride: 2, padding: same, count_padding: p}", ["true", "false"]),
    ],
    ("global_avg_pool", "keep_axes"): [
        ("global_avg_pool: {keep_axes: p}", ["true", "false"]),
    ],
}
