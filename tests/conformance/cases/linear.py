"""Convolutions and dense layers."""

from __future__ import annotations

CASES: dict[str, list[str]] = {
    "conv": [
        "conv: {filters: 5, kernel: 1}",
        "conv: {filters: 5, kernel: 3, padding: 1, bias: false}",
        "conv: {filters: 5, kernel: [2, 3], stride: [2, 1]}",
        "conv: {filters: 5, kernel: 2, padding: 1}",
        "conv: {filters: 6, kernel: 3, stride: 2, padding: 1, groups: 2}",
        "conv: {filters: 4, kernel: 3, groups: 4, padding: same}",
        "conv: {filters: 5, kernel: 3, stride: 2, padding: same}",
        "conv: {filters: 5, kernel: 4, stride: 3, padding: same}",
        "conv: {filters: 5, kernel: 4, padding: same}",
        "conv: {filters: 5, kernel: 5, stride: 2, padding: [0, 1, 2, 3]}",
        "conv: {filters: 5, kernel: 3, dilation: 2, padding: 2}",
        "conv: {filters: 5, kernel: 3, dilation: [1, 2], padding: same}",
        "conv: {filters: 5, kernel: 3, padding: [2, 0]}",
    ],
    "dense": [
        "flatten\n  - dense: {units: 6}",
        "flatten\n  - dense: {units: 6, bias: false}",
    ],
}
CALLS: dict[tuple[str, str], list[tuple[str, list[str]]]] = {
    ("conv", "filters"): [
        ("conv: {filters: p, kernel: 1}", ["3", "5"]),
    ],
    ("conv", "kernel"): [
        ("conv: {filters: 4, kernel: p}", ["1", "3"]),
        ("conv: {filters: 4, kernel: p, padding: same}", ["3", "2"]),
        ("conv: {filters: 4, kernel: p, padding: same}", ["3", "2", "[1, 4]"]),
        ("conv: {filters: 4, kernel: p, padding: 1}", ["3", "1"]),
    ],
    ("conv", "stride"): [
        ("conv: {filters: 4, kernel: 3, stride: p, padding: same}", ["1", "2"]),
        ("conv: {filters: 4, kernel: 3, stride: p, padding: 1}", ["1", "2"]),
    ],
    ("conv", "padding"): [
        ("conv: {filters: 4, kernel: 3, padding: p}", ["0", "2"]),
        ("conv: {filters: 4, kernel: 3, padding: p}", ["same", "valid"]),
        ("conv: {filters: 4, kernel: 3, stride: 2, padding: p}", ["same", "valid", "0", "2"]),
        ("conv: {filters: 4, kernel: 3, padding: p}", ["[1, 2]", "[0, 1]"]),
        ("conv: {filters: 4, kernel: 3, padding: p}", ["[1, 2, 0, 1]", "1"]),
        ("conv: {filters: 4, kernel: 3, padding: [p, 0, 1, p]}", ["0", "1"]),
    ],
    ("conv", "dilation"): [
        ("conv: {filters: 4, kernel: 3, dilation: p, padding: same}", ["1", "2"]),
    ],
    ("conv", "groups"): [
        ("conv: {filters: 4, kernel: 1, groups: p}", ["1", "4"]),
    ],
    ("conv", "bias"): [
        ("conv: {filters: 4, kernel: 1, bias: p, bias_init: zeros}", ["false", "true"]),
    ],
    ("dense", "units"): [
        ("dense: {units: p}", ["3", "5"]),
    ],
    ("dense", "bias"): [
        ("dense: {units: 4, bias: p, bias_init: zeros}", ["false", "true"]),
    ],
}
