"""Attention within windows of an image."""

from __future__ import annotations

CASES: dict[str, list[str]] = {
    "window_attention": [
        "window_attention: {heads: 2, window: 4}",
        "window_attention: {heads: 4, window: 3, shift: 1, bias: false}",
        "window_attention: {heads: 1, window: [4, 3], shift: [2, 0], scale: 0.25, init: {normal: 0.5}}",
        "window_attention: {heads: 2, window: [9, 2], shift: [4, 1], weight_decay: 0.5, bias_decay: 0.25}",
        "window_attention: {heads: 2, window: [1, 5], names: maxvit}",
        "window_attention: {heads: 2, window: [3, 2], shift: 1, names: timm}",
        "window_attention: {heads: 2, window: 2, grid: true, names: maxvit, scale: channels ** -0.5}",
        "window_attention: {heads: 2, window: [3, 5], grid: true, bias_init: {normal: 0.1}}",
        "window_attention: {heads: 2, window: 4, scores: cosine}",
        "window_attention: {heads: 4, window: [3, 1], shift: [2, 0], scores: cosine, bias: false, init: {normal: 0.5}}",
        "window_attention: {heads: 1, window: 12, shift: 6, scores: cosine, bias_init: {normal: 0.1}, weight_decay: 1}",
        "window_attention: {heads: 2, window: [4, 3], shift: [0, 1], scores: cosine, names: timm, bias_init: ones}",
        "window_attention: {heads: 2, window: 3, scores: cosine, names: timm, bias: false}",
        "window_attention: {heads: 4, window: 2, scores: cosine, names: timm, weight_decay: 0.5, bias_decay: 0.25}",
        "window_attention: {heads: 2, window: [3, 2], names: maxvit_tf}",
        "window_attention: {heads: 2, window: [2, 4], grid: true, names: maxvit_tf, scale: 0.25, bias: false}",
        "{name: body, layers: [relu, {window_attention: {heads: 2, window: 2, shift: 1}}, relu]}",
    ],
}
CALLS: dict[tuple[str, str], list[tuple[str, list[str]]]] = {
    ("window_attention", "heads"): [
        ("window_attention: {heads: p, window: 3}", ["1", "2"]),
        ("window_attention: {heads: p, window: 3, scores: cosine}", ["2", "4"]),
    ],
    ("window_attention", "window"): [
        ("window_attention: {heads: 2, window: p}", ["3", "4"]),
        ("window_attention: {heads: 2, window: [p, 2], scores: cosine}", ["3", "1"]),
    ],
    ("window_attention", "shift"): [
        ("window_attention: {heads: 2, window: 4, shift: p}", ["0", "2"]),
        ("window_attention: {heads: 2, window: 4, shift: p}", ["[0, 1]", "[2, 0]"]),
    ],
    ("window_attention", "grid"): [
        ("window_attention: {heads: 2, window: 2, grid: p}", ["true", "false"]),
    ],
    ("window_attention", "scores"): [
        ("window_attention: {heads: 2, window: 2, scores: \"'cosine' if p else 'dot'\"}", ["true", "false"]),
    ],
    ("window_attention", "scale"): [
        ("window_attention: {heads: 2, window: 3, scale: p}", ["0.5", "0.25"]),
    ],
    ("window_attention", "bias"): [
        ("window_attention: {heads: 2, window: 3, bias: p}", ["true", "false"]),
        ("window_attention: {heads: 2, window: 3, bias: p, scores: cosine}", ["true", "false"]),
    ],
    ("window_attention", "names"): [
        ("window_attention: {heads: 2, window: 3, names: \"'swin' if p else 'maxvit'\"}", ["true", "false"]),
    ],
    ("window_attention", "weight_decay"): [
        ("window_attention: {heads: 2, window: 3, weight_decay: p}", ["0.5", "0.25", "0"]),
    ],
    ("window_attention", "bias_decay"): [
        ("window_attention: {heads: 2, window: 3, bias_decay: p}", ["0.5", "0.25", "0"]),
    ],
}
