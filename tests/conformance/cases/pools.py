"""Pools."""

from __future__ import annotations

CASES: dict[str, list[str]] = {
    "max_pool": [
        "max_pool: {kernel: 2}",
        "max_pool: {kernel: 3, stride: 2, padding: 1}",
        "max_pool: {kernel: 3, stride: 2, padding: same}",
        "max_pool: {kernel: 3, stride: 2, padding: same_lower}",
        "max_pool: {kernel: [2, 4], stride: [1, 3], padding: same_lower}",
        "max_pool: {kernel: [3, 2], padding: same_lower}",
        "relu\n  - max_pool: {kernel: 2, stride: [3, 1], padding: same_lower}",
        "max_pool: {kernel: [2, 3], stride: [1, 2], padding: same}",
        "max_pool: {kernel: 2, stride: 1, padding: [0, 1, 1, 0]}",
        "max_pool: {kernel: 3, padding: 2}",
        "relu\n  - max_pool: {kernel: 3, stride: 2, padding: 1}",
        "max_pool: {kernel: 3, stride: 2, ceil_mode: true}",
        "relu\n  - max_pool: {kernel: 2, ceil_mode: true}",
        "max_pool: {kernel: 3, stride: 2, padding: 1, ceil_mode: true}",
        "max_pool: {kernel: [2, 3], stride: [4, 3], padding: [1, 0], ceil_mode: true}",
        "max_pool: {kernel: 3, stride: 3, padding: [0, 2, 1, 0], ceil_mode: true}",
        "max_pool: {kernel: 3, stride: 2, padding: 2, ceil_mode: true}",
        "max_pool: {kernel: 3, stride: 2, padding: same, ceil_mode: true}",
        "max_pool: {kernel: 3, stride: 1, padding: 1, ceil_mode: true}",
        "max_pool: {kernel: [10, 9], stride: 4, ceil_mode: true}",
    ],
    "avg_pool": [
        "avg_pool: {kernel: 3, stride: 2, padding: same_lower}",
        "avg_pool: {kernel: [2, 4], stride: [1, 3], padding: same_lower, count_padding: true}",
        "avg_pool: {kernel: [3, 2], padding: same_lower}",
        "avg_pool: {kernel: 2, stride: [3, 1], padding: same_lower}",
        "avg_pool: {kernel: 2}",
        "avg_pool: {kernel: 3, stride: 2, padding: 1}",
        "avg_pool: {kernel: 3, stride: 2, padding: 1, count_padding: true}",
        "avg_pool: {kernel: 3, stride: 2, padding: same}",
        "avg_pool: {kernel: 4, stride: 3, padding: same, count_padding: true}",
        "avg_pool: {kernel: 2, stride: 1, padding: [0, 1, 1, 0]}",
        "avg_pool: {kernel: 2, stride: 1, padding: [0, 1, 1, 0], count_padding: true}",
        "avg_pool: {kernel: 2, padding: 3, count_padding: true}",
        "avg_pool: {kernel: [3, 5], stride: 1, padding: same}",
        "avg_pool: {kernel: 2, stride: 1, padding: same}",
        "avg_pool: {kernel: 2, stride: 3, padding: same}",
        "avg_pool: {kernel: 2, ceil_mode: true}",
        "avg_pool: {kernel: 3, stride: 2, padding: 1, ceil_mode: true}",
        "avg_pool: {kernel: 3, stride: 2, padding: 1, ceil_mode: true, count_padding: true}",
        "avg_pool: {kernel: [2, 3], stride: [4, 3], padding: [1, 0], ceil_mode: true}",
        "avg_pool: {kernel: [2, 3], stride: [4, 3], padding: [1, 0], ceil_mode: true, count_padding: true}",
        "avg_pool: {kernel: 3, padding: [0, 2, 1, 0], ceil_mode: true}",
        "avg_pool: {kernel: 3, stride: 2, padding: [0, 2, 1, 0], ceil_mode: true, count_padding: true}",
        "avg_pool: {kernel: 3, stride: 2, ceil_mode: true, count_padding: true}",
        "avg_pool: {kernel: 3, stride: 2, padding: same, ceil_mode: true}",
        "avg_pool: {kernel: 3, stride: 2, padding: same, ceil_mode: true, count_padding: true}",
    ],
    "global_avg_pool": [
        "global_avg_pool",
        "global_avg_pool: {keep_axes: false}",
        "to_tokens\n  - global_avg_pool",
        "to_tokens\n  - global_avg_pool: {keep_axes: false}",
    ],
    "global_max_pool": [
        "global_max_pool",
        "global_max_pool: {keep_axes: false}",
        "to_tokens\n  - global_max_pool",
        "to_tokens\n  - global_max_pool: {keep_axes: false}",
        "relu\n  - global_max_pool\n  - max_pool: {kernel: 2, padding: 1}\n  - flatten",
    ],
    "adaptive_avg_pool": [
        "adaptive_avg_pool: {size: 1}\n  - flatten",
        "adaptive_avg_pool: {size: 2}",
        "adaptive_avg_pool: {size: [3, 4]}",
        "adaptive_avg_pool: {size: [9, 5]}",
        "adaptive_avg_pool: {size: [13, 1]}",
    ],
    "adaptive_max_pool": [
        "adaptive_max_pool: {size: 1}\n  - flatten",
        "adaptive_max_pool: {size: 2}",
        "adaptive_max_pool: {size: [3, 4]}",
        "adaptive_max_pool: {size: [9, 5]}",
        "adaptive_max_pool: {size: [13, 1]}",
    ],
    "blur_pool": [
        "blur_pool",
        "blur_pool: {kernel: 2, stride: 1}",
        "blur_pool: {kernel: 4, stride: [1, 3]}",
        "pad: {padding: 1, mode: reflect}\n  - blur_pool: {kernel: 3, stride: 2}",
        "relu\n  - blur_pool: {kernel: 5}\n  - max_pool: {kernel: 2, padding: 1}",
    ],
}
CALLS: dict[tuple[str, str], list[tuple[str, list[str]]]] = {
    ("max_pool", "kernel"): [
        ("max_pool: {kernel: p}", ["1", "2"]),
        ("max_pool: {kernel: p, stride: 1, padding: 1}", ["2", "3"]),
        ("max_pool: {kernel: p, stride: 1, padding: 2}", ["3", "4"]),
        ("max_pool: {kernel: p, stride: 1, padding: same}", ["2", "3"]),
        ("max_pool: {kernel: p, ceil_mode: true}", ["2", "3"]),
    ],
    ("max_pool", "stride"): [
        ("max_pool: {kernel: 2, stride: p, padding: [1, 0, 0, 1]}", ["1", "2"]),
    ],
    ("max_pool", "padding"): [
        ("max_pool: {kernel: 3, stride: 2, padding: p}", ["same", "valid"]),
        ("max_pool: {kernel: 3, stride: 2, padding: p}", ["2", "0"]),
        ("max_pool: {kernel: 3, stride: 2, padding: p}", ["2", "1", "same"]),
    ],
    ("max_pool", "ceil_mode"): [
        ("max_pool: {kernel: 2, ceil_mode: p}", ["true", "false"]),
        ("max_pool: {kernel: 3, stride: 3, padding: 1, ceil_mode: p}", ["true", "false"]),
    ],
    ("avg_pool", "ceil_mode"): [
        ("avg_pool: {kernel: 2, ceil_mode: p}", ["true", "false"]),
        ("avg_pool: {kernel: 3, stride: 3, padding: 1, ceil_mode: p}", ["true", "false"]),
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
    ("global_max_pool", "keep_axes"): [
        ("global_max_pool: {keep_axes: p}", ["true", "false"]),
    ],
    ("adaptive_avg_pool", "size"): [
        ("adaptive_avg_pool: {size: p}", ["1", "3"]),
        ("adaptive_avg_pool: {size: p}", ["2", "[4, 3]"]),
    ],
    ("adaptive_max_pool", "size"): [
        ("adaptive_max_pool: {size: p}", ["1", "3"]),
        ("adaptive_max_pool: {size: p}", ["2", "[4, 3]"]),
    ],
    ("blur_pool", "kernel"): [
        ("blur_pool: {kernel: p}", ["2", "4"]),
    ],
    ("blur_pool", "stride"): [
        ("blur_pool: {stride: p}", ["1", "2"]),
        ("blur_pool: {stride: p}", ["[1, 2]", "[2, 3]"]),
    ],
}
