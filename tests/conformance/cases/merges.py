"""Merges."""

from __future__ import annotations

from tests.conformance.cases.shapes import TOKENS

CASES: dict[str, list[str]] = {
    "add": [
        "add: [[], [conv: {filters: 4, kernel: 1}]]",
        "add: [[], [], [relu]]",
        f"{TOKENS}add: [[], [relu]]",
    ],
    "multiply": [
        "multiply: [[], [sigmoid]]",
        "multiply: [[], [global_avg_pool, sigmoid]]",
        "multiply: [[global_avg_pool], []]",
        "multiply: [[], [conv: {filters: 1, kernel: 1}, sigmoid]]",
        "multiply: [[conv: {filters: 1, kernel: 1}], [], [global_avg_pool]]",
        f"{TOKENS}multiply: [[], [channel_avg_pool, sigmoid]]",
        "multiply: [[reshape: {shape: [-1, 4]}], [global_avg_pool, reshape: {shape: [1, 4]}]]",
    ],
    "subtract": [
        "subtract: [[], [conv: {filters: 4, kernel: 1}]]",
        "subtract: [[conv: {filters: 4, kernel: 1}], []]",
        "subtract: [[relu], [relu, scale: {value: 2}]]\n  - max_pool: {kernel: 3, stride: 2, padding: 1}",
        "subtract: [subtract: [[relu], []], subtract: [[], [tanh]]]",
        f"{TOKENS}subtract: [[relu], []]",
    ],
    "divide": [
        "divide: [[], [sigmoid]]",
        "divide: [[], [global_avg_pool, softplus]]",
        "divide: [[global_avg_pool], [sigmoid]]",
        "divide: [[], [conv: {filters: 1, kernel: 1}, sigmoid]]",
        "divide: [divide: [[], [sigmoid]], divide: [[sigmoid], [softplus]]]",
        "divide: [[relu], [sigmoid]]\n  - max_pool: {kernel: 3, stride: 2, padding: 1}",
        f"{TOKENS}divide: [[], [channel_avg_pool, softplus]]",
    ],
    "maximum": [
        "maximum: [[], [conv: {filters: 4, kernel: 1}]]",
        "maximum: [[conv: {filters: 5, kernel: 1}], [conv: {filters: 5, kernel: 1}], [conv: {filters: 5, kernel: 1}]]",
        f"{TOKENS}maximum: [[], [sigmoid]]",
        "maximum: [[], [relu]]\n  - max_pool: {kernel: 3, stride: 2, padding: 1}",
    ],
    "minimum": [
        "minimum: [[], [conv: {filters: 4, kernel: 1}]]",
        "minimum: [[conv: {filters: 5, kernel: 1}], [conv: {filters: 5, kernel: 1}], [conv: {filters: 5, kernel: 1}]]",
        f"{TOKENS}minimum: [[], [sigmoid]]",
        "minimum: [[relu], [sigmoid]]\n  - max_pool: {kernel: 3, stride: 2, padding: 1}",
    ],
    "matmul": [
        f"{TOKENS}matmul: {{branches: [[], [tanh]], axis: features}}",
        f"{TOKENS}matmul: [[], [transpose]]",
        f"{TOKENS}matmul: [[], [transpose, dense: {{units: 8}}, transpose, transpose]]\n  - dense: {{units: 2}}",
        "to_tokens\n  - matmul: [[dense: {units: 3}], [dense: {units: 3}, transpose]]\n  - softmax",
        "to_tokens\n  - tap: x\n  - matmul: {branches: [dense: {units: 3}, [dense: {units: 3}]], axis: features}\n"
        "  - softmax\n  - matmul: [[], {from: x}]\n  - to_signal",
    ],
    "concat": [
        "concat: [[], [conv: {filters: 3, kernel: 1}], [relu]]",
        "concat: [[flatten], [flatten]]",
        f"{TOKENS}concat: [[], [dense: {{units: 3}}]]",
        f"{TOKENS}concat: {{branches: [[], [relu]], axis: tokens}}",
        "concat: {branches: [[reshape: {shape: [-1, 4]}], [global_avg_pool, reshape: {shape: [1, 4]}]], axis: tokens}",
    ],
}
CALLS: dict[tuple[str, str], list[tuple[str, list[str]]]] = {
    ("matmul", "axis"): [
        (
            "reshape: {shape: [8, -1]}\n      - transpose\n      - dense: {units: 36}\n"
            "      - matmul: {branches: [[], [tanh]], axis: p}",
            ["tokens", "features"],
        ),
    ],
    ("concat", "axis"): [
        (
            "reshape: {shape: [9, 32]}\n      - concat: {branches: [[], [relu]], axis: p}\n      - dense: {units: 2}",
            ["tokens", "channels"],
        ),
    ],
}
