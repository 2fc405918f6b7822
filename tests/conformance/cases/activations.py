"""Activations. Those that bend are also tried far from 0, where rounding and thresholds show."""

from __future__ import annotations

FAR = "scale: {value: 12}\n  - "


def _everywhere(*layers: str) -> list[str]:
    """On an image, far from 0, on tokens, and on features; the first layer in all places."""
    first = layers[0]
    return [*layers, FAR + first, f"to_tokens\n  - {first}", f"flatten\n  - {first}"]


CASES: dict[str, list[str]] = {
    "relu": [
        "relu",
    ],
    "relu6": _everywhere("relu6"),
    "clip": [
        *_everywhere("clip: {min: -0.5, max: 0.25}"),
        "clip: {min: 0}",
        "clip: {max: 0.5}",
        "clip: {min: 0.125}\n  - max_pool: {kernel: 3, padding: 1}",
        "relu\n  - clip: {max: -1}\n  - max_pool: {kernel: 3, padding: 1}",
        "name: s\n    layers: [relu, clip: {min: 0.1, max: 3}, clip: {max: 1}]",
    ],
    "leaky_relu": _everywhere("leaky_relu", "leaky_relu: {slope: 0.1}", "leaky_relu: {slope: 0}"),
    "prelu": _everywhere("prelu", "prelu: {init: -0.5}"),
    "elu": _everywhere("elu", "elu: {alpha: 0.3}"),
    "selu": _everywhere("selu"),
    "silu": _everywhere("silu"),
    "gelu": [*_everywhere("gelu"), *_everywhere("gelu: {approximate: tanh}")],
    "mish": _everywhere("mish"),
    "softplus": _everywhere("softplus"),
    "tanh": _everywhere("tanh"),
    "sigmoid": _everywhere("sigmoid"),
    "hard_sigmoid": _everywhere("hard_sigmoid"),
    "hard_swish": _everywhere("hard_swish"),
    "softmax": _everywhere("softmax"),
    "shift": [
        *_everywhere("shift", "shift: {learned: all}", "shift: {init: {normal: 0.5}, weight_decay: 0.5}"),
        "shift: {bare: true, init: {constant: 0.5}}\n  - to_tokens\n  - shift: {name: s, bare: true}",
        "scale: {learned: all, bare: true}\n  - shift: {learned: all, bare: true}",
        "shift: {bare: true, shape: channels}\n  - relu",
        "shift: {shape: broadcast}\n  - relu",
    ],
    "scale": [
        *_everywhere("scale: {value: 0.17}", "scale: {value: -1, shift: 1}", "scale: {value: -1}"),
        *_everywhere("scale: {value: 0.3, shift: -0.7}", "scale: {shift: 3}", "scale"),
        *_everywhere("scale: {value: 1e-6, learned: channel}", "scale: {learned: all}"),
        "scale: {value: 0.5, learned: channel, bare: true}\n  - to_tokens\n  - scale: {learned: channel, bare: true}",
        "add: [[], [conv: {filters: 4, kernel: 1}, relu, scale: {name: gamma, learned: channel, bare: true}]]",
        "scale: {value: 0.5, learned: channel, bare: true, shape: channels}\n  - relu",
        "scale: {value: 0.5, learned: all, bare: true}\n  - to_tokens\n  - scale: {name: s, learned: all, bare: true}",
        "add: [[], [conv: {filters: 4, kernel: 1}, relu, scale: {learned: channel, shape: broadcast}]]",
        "to_tokens\n  - scale: {learned: channel, bare: true, shape: channels}\n"
        "  - scale: {learned: channel, shape: broadcast}",
        "flatten\n  - scale: {learned: channel, bare: true}\n  - dense: {units: 2}",
        "conv: {filters: 3, kernel: 1}\n  - scale: {value: 0.5}\n  - relu\n  - scale: {value: 2, shift: 1}",
        "add: [[conv: {filters: 4, kernel: 1}, scale: {value: 0.1}], []]\n  - scale: {value: -1, shift: 1}",
        "multiply: [[relu, scale: {value: -1, shift: 1}], [add: [[relu], []], scale: {value: -1}]]",
    ],
}
CALLS: dict[tuple[str, str], list[tuple[str, list[str]]]] = {
    ("leaky_relu", "slope"): [
        ("leaky_relu: {slope: p}", ["0.1", "0.3"]),
    ],
    ("prelu", "init"): [
        ("prelu: {init: p}", ["0.1", "0.25"]),
    ],
    ("elu", "alpha"): [
        ("elu: {alpha: p}", ["0.5", "1.0"]),
    ],
    ("gelu", "approximate"): [
        ("gelu: {approximate: p}", ["tanh", "none"]),
    ],
    ("shift", "learned"): [
        ("shift: {learned: p}", ["channel", "all"]),
    ],
    ("shift", "bare"): [
        ("shift: {bare: p}", ["true", "false"]),
    ],
    ("shift", "shape"): [
        ("shift: {shape: p}", ["channels", "broadcast"]),
        ("shift: {bare: true, shape: p}", ["channels", "broadcast"]),
    ],
    ("shift", "weight_decay"): [
        ("shift: {weight_decay: p}", ["0.5", "0.25", "0"]),
    ],
    ("scale", "value"): [
        ("scale: {value: p}", ["0.5", "-1"]),
        ("scale: {value: p, learned: all}", ["0.5", "2"]),
    ],
    ("scale", "shift"): [
        ("scale: {value: 0.1, shift: p}", ["0.5", "0"]),
    ],
    ("scale", "bare"): [
        ("scale: {learned: channel, bare: p}", ["true", "false"]),
    ],
    ("scale", "shape"): [
        ("scale: {learned: channel, shape: p}", ["channels", "broadcast"]),
        ("scale: {learned: channel, bare: true, shape: p}", ["channels", "broadcast"]),
    ],
    ("scale", "learned"): [
        ("scale: {learned: p}", ["channel", "none", "all"]),
    ],
    ("clip", "min"): [
        ("clip: {min: p}", ["-0.5", "0.25"]),
        ("clip: {min: p, max: p + 1}", ["-0.5", "0.25"]),
    ],
    ("clip", "max"): [
        ("clip: {max: p}", ["0.5", "0.25"]),
    ],
}
