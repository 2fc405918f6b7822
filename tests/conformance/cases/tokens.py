"""Ops on sequences of tokens."""

from __future__ import annotations

CASES: dict[str, list[str]] = {
    "to_tokens": [
        "to_tokens",
        "conv: {filters: 5, kernel: 3, stride: 2}\n  - to_tokens\n  - dense: {units: 3}",
        "{name: body, layers: [to_tokens, relu, transpose]}",
    ],
    "to_image": [
        "to_tokens\n  - transpose\n  - to_image: {height: 2, width: 2}",
        "to_tokens\n  - relu\n  - transpose\n  - to_image: {height: 1, width: 4}\n  - conv: {filters: 3, kernel: 1}",
        "{name: body, layers: [to_tokens, transpose, {to_image: {height: 4, width: 1}}]}",
    ],
    "transpose": [
        "to_tokens\n  - transpose",
        "to_tokens\n  - transpose\n  - dense: {units: 5}\n  - transpose\n  - dense: {units: 3}",
        "{name: body, layers: [to_tokens, transpose, {dense: {units: 5}}]}",
    ],
    "attention": [
        "to_tokens\n  - attention: {heads: 1}",
        "to_tokens\n  - attention: {heads: 2}",
        "to_tokens\n  - attention: {heads: 4, bias: false}",
        "to_tokens\n  - attention: {heads: 2, weight_decay: 0.5, bias_decay: 0.25}\n  - dense: {units: 3}",
        "conv: {filters: 12, kernel: 3, stride: 2}\n  - {name: body, layers: [to_tokens, {attention: {heads: 3}}]}",
    ],
    "class_token": [
        "to_tokens\n  - class_token",
        "to_tokens\n  - relu\n  - class_token\n  - class_token",
    ],
    "position_embedding": [
        "to_tokens\n  - position_embedding",
        "to_tokens\n  - class_token\n  - position_embedding\n  - transpose\n  - position_embedding",
    ],
    "select_token": [
        "to_tokens\n  - select_token",
        "to_tokens\n  - select_token: {index: 3}",
        "to_tokens\n  - relu\n  - select_token: {index: -1}",
        "{name: body, layers: [to_tokens, {select_token: {index: -2}}, {dense: {units: 3}}]}",
    ],
}
_TOKENS = "to_tokens\n      - "
CALLS: dict[tuple[str, str], list[tuple[str, list[str]]]] = {
    ("to_image", "height"): [
        (f"{_TOKENS}transpose\n      - to_image: {{height: p, width: 4 // p}}", ["1", "2"]),
    ],
    ("to_image", "width"): [
        (f"{_TOKENS}transpose\n      - to_image: {{height: 4 // p, width: p}}", ["4", "2"]),
        ("{name: body, layers: [to_tokens, transpose, {to_image: {height: 4 // p, width: p}}]}", ["1", "4"]),
    ],
    ("attention", "heads"): [
        (f"{_TOKENS}attention: {{heads: p}}", ["1", "2"]),
    ],
    ("attention", "bias"): [
        (f"{_TOKENS}attention: {{heads: 2, bias: p}}", ["false", "true"]),
    ],
    ("attention", "weight_decay"): [
        (f"{_TOKENS}attention: {{heads: 2, weight_decay: p}}", ["0.5", "0.25", "0"]),
    ],
    ("attention", "bias_decay"): [
        (f"{_TOKENS}attention: {{heads: 2, bias_decay: p}}", ["0.5", "0.25", "0"]),
    ],
    ("select_token", "index"): [
        (f"{_TOKENS}select_token: {{index: p}}", ["0", "3"]),
        ("{name: body, layers: [to_tokens, {select_token: {index: p - 4}}]}", ["1", "3"]),
    ],
}
