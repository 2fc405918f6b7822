"""Normalizations."""

from __future__ import annotations

CASES: dict[str, list[str]] = {
    "batch_norm": [
        "batch_norm",
        "batch_norm: {eps: 0.1, decay: 0.7}",
        "batch_norm: {variance: biased, decay: 0.5}",
        "batch_norm: {affine: false}",
        "batch_norm: {affine: false, variance: biased}",
        "batch_norm: {scale: false, eps: 1e-3}",
        "batch_norm: {shift: false, decay: 0.7}",
        "batch_norm: {scale: false, variance: biased, bias_init: ones}",
        "batch_norm: {shift: false, variance: biased, init: zeros, weight_decay: 0.5}",
        "batch_norm: {scale: false, shift: false}",
        "flatten\n  - batch_norm: {scale: false, bias_decay: 0.5}",
        "flatten\n  - batch_norm: {eps: 1e-3}",
        "flatten\n  - batch_norm: {variance: biased}",
        "flatten\n  - batch_norm: {affine: false}",
        "batch_norm: {weight_decay: 0.5, bias_decay: 0.25, init: zeros, bias_init: ones}",
        "batch_norm: {affine: false, weight_decay: 0.5, init: zeros}",
    ],
    "layer_norm": [
        "layer_norm",
        "layer_norm: {eps: 1e-6}",
        "layer_norm: {eps: 0.1, affine: false}",
        "to_tokens\n  - layer_norm: {eps: 1e-3}",
        "to_tokens\n  - layer_norm: {affine: false}",
        "flatten\n  - layer_norm",
        "flatten\n  - layer_norm: {affine: false}",
        "layer_norm: {weight_decay: 0.5, bias_decay: 0.25, init: {constant: 0.5}}",
        "layer_norm: {scale: false, bias_init: ones}",
        "layer_norm: {shift: false, init: {constant: 0.5}, eps: 1e-3}",
        "layer_norm: {scale: false, shift: false}",
        "to_tokens\n  - layer_norm: {scale: false, bias_decay: 0.5, bias_init: {normal: 0.1}}",
        "to_tokens\n  - layer_norm: {shift: false, weight_decay: 0.5}",
        "flatten\n  - layer_norm: {shift: false}",
        "flatten\n  - layer_norm: {scale: false}",
    ],
    "group_norm": [
        "group_norm: {groups: 2}",
        "group_norm: {groups: 1, eps: 0.1}",
        "group_norm: {groups: 4, affine: false}",
        "conv: {filters: 9, kernel: 1}\n  - group_norm: {groups: 3, eps: 1e-3}",
        "group_norm: {groups: 2, weight_decay: 0.5, bias_decay: 0.25, bias_init: {normal: 0.1}}",
        "group_norm: {groups: 2, scale: false, bias_init: ones}",
        "group_norm: {groups: 4, shift: false, eps: 0.1, weight_decay: 0.5}",
        "group_norm: {groups: 2, scale: false, shift: false}",
    ],
    "instance_norm": [
        "instance_norm",
        "instance_norm: {eps: 0.1}",
        "instance_norm: {affine: false, eps: 1e-3}",
        "instance_norm: {weight_decay: 0.5, bias_decay: 0.25, init: {uniform: 2}}",
        "instance_norm: {scale: false, bias_init: ones, bias_decay: 0.5}",
        "instance_norm: {shift: false, eps: 0.1, init: {constant: 0.5}}",
        "instance_norm: {scale: false, shift: false}",
    ],
    "global_response_norm": [
        "global_response_norm",
        "global_response_norm: {eps: 0.1, init: ones}",
        "global_response_norm: {init: {normal: 0.5}, bias_init: ones, weight_decay: 0.5, bias_decay: 0.25}",
        "to_tokens\n  - global_response_norm: {init: {constant: 0.5}}",
        "to_tokens\n  - global_response_norm: {eps: 1e-3, init: ones, bias_decay: 0.5}",
    ],
    "local_response_norm": [
        "local_response_norm",
        "local_response_norm: {size: 3, alpha: 0.3, beta: 0.5, k: 2}",
        "local_response_norm: {size: 1, alpha: 2}",
        "conv: {filters: 9, kernel: 1}\n  - local_response_norm: {size: 5, alpha: 1.5}",
    ],
}
CALLS: dict[tuple[str, str], list[tuple[str, list[str]]]] = {
    ("batch_norm", "eps"): [
        ("batch_norm: {eps: p}", ["0.1", "0.001"]),
    ],
    ("batch_norm", "decay"): [
        ("batch_norm: {decay: p}", ["0.5", "0.9"]),
        ("batch_norm: {decay: 1 - p}", ["0.5", "0.1"]),
        ("batch_norm: {decay: 0.5 if p > 1 else 0.9}", ["1", "2"]),
    ],
    ("batch_norm", "variance"): [
        ("batch_norm: {variance: p}", ["biased", "unbiased"]),
    ],
    ("batch_norm", "affine"): [
        ("batch_norm: {affine: p}", ["true", "false"]),
    ],
    ("batch_norm", "scale"): [
        ("batch_norm: {scale: p}", ["true", "false"]),
    ],
    ("batch_norm", "shift"): [
        ("batch_norm: {shift: p, scale: not p}", ["true", "false"]),
    ],
    ("batch_norm", "weight_decay"): [
        ("batch_norm: {weight_decay: p}", ["0.5", "0.25", "0"]),
    ],
    ("batch_norm", "bias_decay"): [
        ("batch_norm: {bias_decay: p}", ["0.5", "0.25", "0"]),
    ],
    ("layer_norm", "eps"): [
        ("layer_norm: {eps: p}", ["0.1", "0.00001"]),
    ],
    ("layer_norm", "affine"): [
        ("layer_norm: {affine: p}", ["true", "false"]),
    ],
    ("layer_norm", "scale"): [
        ("layer_norm: {scale: p}", ["true", "false"]),
    ],
    ("layer_norm", "shift"): [
        ("layer_norm: {shift: p}", ["true", "false"]),
    ],
    ("layer_norm", "weight_decay"): [
        ("layer_norm: {weight_decay: p}", ["0.5", "0.25", "0"]),
    ],
    ("layer_norm", "bias_decay"): [
        ("layer_norm: {bias_decay: p}", ["0.5", "0.25", "0"]),
    ],
    ("group_norm", "groups"): [
        ("group_norm: {groups: p}", ["2", "4"]),
        ("group_norm: {groups: channels // p}", ["2", "1"]),
    ],
    ("group_norm", "eps"): [
        ("group_norm: {groups: 2, eps: p}", ["0.1", "0.001"]),
    ],
    ("group_norm", "affine"): [
        ("group_norm: {groups: 2, affine: p}", ["true", "false"]),
    ],
    ("group_norm", "scale"): [
        ("group_norm: {groups: 2, scale: p}", ["true", "false"]),
    ],
    ("group_norm", "shift"): [
        ("group_norm: {groups: 2, shift: p}", ["true", "false"]),
    ],
    ("group_norm", "weight_decay"): [
        ("group_norm: {groups: 2, weight_decay: p}", ["0.5", "0.25", "0"]),
    ],
    ("group_norm", "bias_decay"): [
        ("group_norm: {groups: 2, bias_decay: p}", ["0.5", "0.25", "0"]),
    ],
    ("instance_norm", "eps"): [
        ("instance_norm: {eps: p}", ["0.1", "0.001"]),
    ],
    ("instance_norm", "affine"): [
        ("instance_norm: {affine: p}", ["true", "false"]),
    ],
    ("instance_norm", "scale"): [
        ("instance_norm: {scale: p}", ["true", "false"]),
    ],
    ("instance_norm", "shift"): [
        ("instance_norm: {shift: p}", ["true", "false"]),
    ],
    ("instance_norm", "weight_decay"): [
        ("instance_norm: {weight_decay: p}", ["0.5", "0.25", "0"]),
    ],
    ("instance_norm", "bias_decay"): [
        ("instance_norm: {bias_decay: p}", ["0.5", "0.25", "0"]),
    ],
    ("global_response_norm", "eps"): [
        ("global_response_norm: {init: ones, eps: p}", ["0.1", "0.000001"]),
    ],
    ("global_response_norm", "weight_decay"): [
        ("global_response_norm: {weight_decay: p}", ["0.5", "0.25", "0"]),
    ],
    ("global_response_norm", "bias_decay"): [
        ("global_response_norm: {bias_decay: p}", ["0.5", "0.25", "0"]),
    ],
    ("local_response_norm", "size"): [
        ("local_response_norm: {size: p, alpha: 1}", ["3", "5"]),
    ],
    ("local_response_norm", "alpha"): [
        ("local_response_norm: {alpha: p}", ["0.5", "1.0"]),
    ],
    ("local_response_norm", "beta"): [
        ("local_response_norm: {alpha: 1, beta: p}", ["0.5", "0.75"]),
    ],
    ("local_response_norm", "k"): [
        ("local_response_norm: {k: p}", ["2.0", "1.0"]),
    ],
}
