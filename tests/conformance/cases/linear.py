"""Convolutions and dense layers."""

from __future__ import annotations

CASES: dict[str, list[str]] = {
    "standardized_conv": [
        "standardized_conv: {filters: 5, kernel: 1}",
        "standardized_conv: {filters: 5, kernel: 3, padding: 1, bias: false, eps: 1e-3}",
        "standardized_conv: {filters: 6, kernel: 3, stride: 2, padding: 1, groups: 2, init: {normal: 2}}",
        "standardized_conv: {filters: 4, kernel: 3, groups: 4, padding: same}",
        "standardized_conv: {filters: 5, kernel: [4, 3], stride: 2, padding: same, eps: 0.5}",
        "standardized_conv: {filters: 5, kernel: 3, stride: [2, 1], padding: same_lower}",
        "standardized_conv: {filters: 5, kernel: 3, dilation: 2, padding: [2, 1, 0, 2]}",
        "standardized_conv: {filters: 5, kernel: 3, stride: 2, dilation: 2, padding: same}",
        "standardized_conv: {filters: 5, kernel: 1, weight_decay: 0.5, bias_decay: 0.25}",
    ],
    "scaled_standardized_conv": [
        "scaled_standardized_conv: {filters: 5, kernel: 1}",
        "scaled_standardized_conv: {filters: 5, kernel: 3, padding: 1, bias: false, gamma: 2}",
        "scaled_standardized_conv: {filters: 6, kernel: 3, groups: 2, init: {normal: 2}, gain_init: {constant: 2}}",
        "scaled_standardized_conv: {filters: 4, kernel: 3, groups: 4, padding: same}",
        "scaled_standardized_conv: {filters: 5, kernel: [4, 3], stride: 2, padding: same, eps: 0.5, gamma: 1.75}",
        "scaled_standardized_conv: {filters: 5, kernel: 3, stride: [2, 1], padding: same_lower}",
        "scaled_standardized_conv: {filters: 5, kernel: 3, dilation: 2, padding: [2, 1, 0, 2]}",
        "scaled_standardized_conv: {filters: 5, kernel: 3, stride: 2, dilation: 2, padding: same}",
        "scaled_standardized_conv: {filters: 5, kernel: 1, weight_decay: 0.5, bias_decay: 0.25}",
    ],
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
        "conv: {filters: 8, kernel: 3, groups: 4, stride: 2, padding: 1}",
        "conv: {filters: 12, kernel: [3, 2], groups: 4, padding: same, bias: false}",
        "conv: {filters: 6, kernel: 1}\n  - conv: {filters: 9, kernel: 3, groups: 3, padding: 1}",
        "conv: {filters: 5, kernel: 3, stride: 2, padding: [0, 1, 0, 1]}",
        "conv: {filters: 5, kernel: 3, stride: 2, padding: [1, 0, 2, 1]}",
        "conv: {filters: 5, kernel: 2, stride: 2, padding: same}",
        "conv: {filters: 5, kernel: [6, 4], stride: [3, 2], padding: same}",
        "conv: {filters: 5, kernel: 1, stride: 2, padding: same}",
        "conv: {filters: 5, kernel: 3, stride: 2, padding: same_lower}",
        "conv: {filters: 5, kernel: [4, 3], padding: same_lower}",
        "conv: {filters: 5, kernel: 4, stride: [3, 2], padding: same_lower, bias: false}",
        "conv: {filters: 5, kernel: 1, stride: 2, padding: same_lower}",
        "conv: {filters: 4, kernel: 3, stride: 2, padding: same_lower, groups: 4}",
        "conv: {filters: 5, kernel: [2, 4], stride: [2, 1], dilation: [1, 3], padding: same_lower}",
        "conv: {filters: 5, kernel: 3, stride: [3, 1], dilation: [2, 1], padding: same_lower}",
        "conv: {filters: 5, kernel: 2, stride: 3, padding: same}",
        "conv: {filters: 5, kernel: [2, 4], dilation: [3, 2], padding: same}",
        "conv: {filters: 5, kernel: [9, 11], padding: [1, 2]}",
        "conv: {filters: 5, kernel: [13, 3], padding: same}",
        "conv: {filters: 5, kernel: [1, 5], padding: [0, 2]}",
        "conv: {filters: 5, kernel: [5, 1], stride: [1, 2], padding: same}",
        "conv: {filters: 5, kernel: 3, stride: 2, dilation: 2, padding: 2}",
        "conv: {filters: 5, kernel: 3, stride: 2, dilation: 3, padding: [3, 2, 0, 1]}",
        "conv: {filters: 5, kernel: 3, stride: [3, 1], dilation: [1, 2], padding: same, bias: false}",
        "conv: {filters: 5, kernel: [1, 3], stride: [4, 2], dilation: 2, padding: same}",
        "conv: {filters: 8, kernel: 2, stride: 2, dilation: 4, padding: same, groups: 2}",
        "conv: {filters: 5, kernel: 3, weight_decay: 0.5, bias_decay: 0.25}",
    ],
    "conv_transpose": [
        "conv_transpose: {filters: 5, kernel: 1}",
        "conv_transpose: {filters: 5, kernel: 3, padding: 1, bias: false}",
        "conv_transpose: {filters: 5, kernel: 2, stride: 2}",
        "conv_transpose: {filters: 5, kernel: 4, stride: 2, padding: 1}",
        "conv_transpose: {filters: 5, kernel: 3, stride: 2, padding: 1, output_padding: 1}",
        "conv_transpose: {filters: 5, kernel: [2, 3], stride: [3, 2], output_padding: [2, 0]}",
        "conv_transpose: {filters: 5, kernel: 2, stride: 4}",
        "conv_transpose: {filters: 5, kernel: 2, stride: 3, padding: 2}",
        "conv_transpose: {filters: 5, kernel: 2, stride: 4, output_padding: [1, 3]}",
        "conv_transpose: {filters: 5, kernel: 4, stride: 2, padding: [0, 2, 1, 0]}",
        "conv_transpose: {filters: 5, kernel: 3, stride: 2, padding: [1, 2, 2, 0], output_padding: 1}",
        "conv_transpose: {filters: 5, kernel: 3, stride: 2, padding: valid}",
        "conv_transpose: {filters: 5, kernel: 3, padding: same}",
        "conv_transpose: {filters: 5, kernel: 3, stride: 2, padding: same_lower}",
        "conv_transpose: {filters: 5, kernel: [4, 2], padding: same_lower}",
        "conv_transpose: {filters: 5, kernel: [2, 5], stride: [5, 2], padding: same_lower}",
        "conv_transpose: {filters: 8, kernel: 4, stride: [1, 3], padding: same_lower, groups: 4}",
        "conv_transpose: {filters: 5, kernel: 4, padding: same}",
        "conv_transpose: {filters: 5, kernel: 3, stride: 2, padding: same}",
        "conv_transpose: {filters: 5, kernel: 4, stride: 2, padding: same}",
        "conv_transpose: {filters: 5, kernel: 2, stride: 2, padding: same}",
        "conv_transpose: {filters: 5, kernel: [2, 1], stride: [5, 2], padding: same}",
        "conv_transpose: {filters: 5, kernel: [5, 2], stride: [2, 3], padding: same}",
        "conv_transpose: {filters: 5, kernel: 3, dilation: 2, padding: 2}",
        "conv_transpose: {filters: 5, kernel: [3, 2], dilation: [2, 3], padding: same}",
        "conv_transpose: {filters: 5, kernel: 3, dilation: 3, output_padding: 2}",
        "conv_transpose: {filters: 5, kernel: 3, stride: 2, dilation: 2, padding: 1}",
        "conv_transpose: {filters: 5, kernel: 2, stride: 3, dilation: 2, padding: same, bias: false}",
        "conv_transpose: {filters: 6, kernel: 4, stride: 2, padding: 1, groups: 2}",
        "conv_transpose: {filters: 4, kernel: 4, stride: 2, padding: same, groups: 4, bias: false}",
        "conv_transpose: {filters: 8, kernel: 3, stride: 2, padding: same, groups: 4}",
        "conv_transpose: {filters: 8, kernel: 1, stride: 2, groups: 2, output_padding: 1}",
        "conv_transpose: {filters: 4, kernel: 3, stride: 2, groups: 2, weight_decay: 0.5, bias_decay: 1}",
    ],
    "dense": [
        "flatten\n  - dense: {units: 6}",
        "flatten\n  - dense: {units: 6, bias: false}",
        "to_tokens\n  - dense: {units: 6}\n  - relu\n  - dense: {units: 3, bias: false}",
        "flatten\n  - dense: {units: 6, weight_decay: 0.5, bias_decay: 0.25}",
        "dense: {units: 6, axis: channels}\n  - relu\n  - dense: {units: 3, axis: channels, bias: false}",
        "batch_norm\n  - dense: {units: 6, axis: channels, weight_decay: 0.5}\n  - batch_norm",
        "add: [[], [layer_norm, dense: {units: 8, axis: channels}, gelu, dense: {units: 4, axis: channels}]]",
        "to_tokens\n  - to_signal\n  - dense: {units: 5, axis: channels}",
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
        ("conv: {filters: 4, kernel: 3, stride: 2, padding: p}", ["same_lower", "same", "same_lower"]),
        ("conv: {filters: 4, kernel: 3, stride: 2, padding: p}", ["same", "valid", "0", "2"]),
        ("conv: {filters: 4, kernel: 3, padding: p}", ["[1, 2]", "[0, 1]"]),
        ("conv: {filters: 4, kernel: 3, padding: p}", ["[1, 2, 0, 1]", "1"]),
        ("conv: {filters: 4, kernel: 3, padding: [p, 0, 1, p]}", ["0", "1"]),
    ],
    ("conv", "dilation"): [
        ("conv: {filters: 4, kernel: 3, dilation: p, padding: same}", ["1", "2"]),
        ("conv: {filters: 4, kernel: 3, stride: 2, dilation: p, padding: same}", ["1", "2"]),
        ("conv: {filters: 4, kernel: 2, stride: 2, dilation: p, padding: 1}", ["3", "1"]),
    ],
    ("conv", "groups"): [
        ("conv: {filters: 4, kernel: 1, groups: p}", ["1", "4"]),
    ],
    ("conv", "bias"): [
        ("conv: {filters: 4, kernel: 1, bias: p, bias_init: zeros}", ["false", "true"]),
    ],
    ("conv", "weight_decay"): [
        ("conv: {filters: 4, kernel: 1, weight_decay: p}", ["0.5", "0.25", "0"]),
    ],
    ("conv", "bias_decay"): [
        ("conv: {filters: 4, kernel: 1, bias_decay: p}", ["0.5", "0.25", "0"]),
    ],
    ("standardized_conv", "filters"): [
        ("standardized_conv: {filters: p, kernel: 1}", ["3", "5"]),
    ],
    ("standardized_conv", "kernel"): [
        ("standardized_conv: {filters: 4, kernel: p, padding: same}", ["3", "1"]),
    ],
    ("standardized_conv", "stride"): [
        ("standardized_conv: {filters: 4, kernel: 3, stride: p, padding: 1}", ["1", "2"]),
    ],
    ("standardized_conv", "padding"): [
        ("standardized_conv: {filters: 4, kernel: 3, padding: p}", ["0", "2"]),
        ("standardized_conv: {filters: 4, kernel: 3, stride: 2, padding: p}", ["same", "valid", "0", "2"]),
        ("standardized_conv: {filters: 4, kernel: 3, padding: [p, 0, 1, p]}", ["0", "1"]),
    ],
    ("standardized_conv", "dilation"): [
        ("standardized_conv: {filters: 4, kernel: 3, dilation: p, padding: same}", ["1", "2"]),
        ("standardized_conv: {filters: 4, kernel: 2, stride: 2, dilation: p, padding: 1}", ["3", "1"]),
    ],
    ("standardized_conv", "groups"): [
        ("standardized_conv: {filters: 4, kernel: 1, groups: p}", ["1", "4"]),
    ],
    ("standardized_conv", "bias"): [
        ("standardized_conv: {filters: 4, kernel: 1, bias: p, bias_init: zeros}", ["false", "true"]),
    ],
    ("standardized_conv", "eps"): [
        ("standardized_conv: {filters: 4, kernel: 1, eps: p}", ["1e-8", "0.5"]),
    ],
    ("standardized_conv", "weight_decay"): [
        ("standardized_conv: {filters: 4, kernel: 1, weight_decay: p}", ["0.5", "0.25", "0"]),
    ],
    ("standardized_conv", "bias_decay"): [
        ("standardized_conv: {filters: 4, kernel: 1, bias_decay: p}", ["0.5", "0.25", "0"]),
    ],
    ("scaled_standardized_conv", "filters"): [
        ("scaled_standardized_conv: {filters: p, kernel: 1}", ["3", "5"]),
    ],
    ("scaled_standardized_conv", "kernel"): [
        ("scaled_standardized_conv: {filters: 4, kernel: p, padding: same}", ["3", "1"]),
    ],
    ("scaled_standardized_conv", "stride"): [
        ("scaled_standardized_conv: {filters: 4, kernel: 3, stride: p, padding: 1}", ["1", "2"]),
    ],
    ("scaled_standardized_conv", "padding"): [
        ("scaled_standardized_conv: {filters: 4, kernel: 3, padding: p}", ["0", "2"]),
        ("scaled_standardized_conv: {filters: 4, kernel: 3, stride: 2, padding: p}", ["same", "valid", "0", "2"]),
        ("scaled_standardized_conv: {filters: 4, kernel: 3, padding: [p, 0, 1, p]}", ["0", "1"]),
    ],
    ("scaled_standardized_conv", "dilation"): [
        ("scaled_standardized_conv: {filters: 4, kernel: 3, dilation: p, padding: same}", ["1", "2"]),
        ("scaled_standardized_conv: {filters: 4, kernel: 2, stride: 2, dilation: p, padding: 1}", ["3", "1"]),
    ],
    ("scaled_standardized_conv", "groups"): [
        ("scaled_standardized_conv: {filters: 4, kernel: 1, groups: p}", ["1", "4"]),
    ],
    ("scaled_standardized_conv", "bias"): [
        ("scaled_standardized_conv: {filters: 4, kernel: 1, bias: p, bias_init: zeros}", ["false", "true"]),
    ],
    ("scaled_standardized_conv", "eps"): [
        ("scaled_standardized_conv: {filters: 4, kernel: 1, eps: p}", ["1e-8", "0.5"]),
    ],
    ("scaled_standardized_conv", "gamma"): [
        ("scaled_standardized_conv: {filters: 4, kernel: 1, gamma: p}", ["1.75", "0.5"]),
    ],
    ("scaled_standardized_conv", "weight_decay"): [
        ("scaled_standardized_conv: {filters: 4, kernel: 1, weight_decay: p}", ["0.5", "0.25", "0"]),
    ],
    ("scaled_standardized_conv", "bias_decay"): [
        ("scaled_standardized_conv: {filters: 4, kernel: 1, bias_decay: p}", ["0.5", "0.25", "0"]),
    ],
    ("dense", "axis"): [
        ("{name: body, layers: [{dense: {units: 4, axis: p}}]}", ["channels", "channels"]),
    ],
    ("conv_transpose", "filters"): [
        ("conv_transpose: {filters: p, kernel: 2, stride: 2}", ["3", "5"]),
        ("conv_transpose: {filters: p, kernel: 2, stride: 2, groups: 2}", ["4", "2"]),
    ],
    ("conv_transpose", "kernel"): [
        ("conv_transpose: {filters: 4, kernel: p}", ["1", "3"]),
        ("conv_transpose: {filters: 4, kernel: p, stride: 2, padding: same}", ["3", "4"]),
    ],
    ("conv_transpose", "stride"): [
        ("conv_transpose: {filters: 4, kernel: 3, stride: p, padding: 1}", ["1", "2"]),
        ("conv_transpose: {filters: 4, kernel: 3, stride: p, padding: same}", ["1", "[2, 4]"]),
    ],
    ("conv_transpose", "padding"): [
        ("conv_transpose: {filters: 4, kernel: 3, stride: 2, padding: p}", ["same", "valid"]),
        ("conv_transpose: {filters: 4, kernel: 3, stride: 2, padding: p}", ["1", "0", "[2, 0, 0, 1]"]),
    ],
    ("conv_transpose", "output_padding"): [
        ("conv_transpose: {filters: 4, kernel: 3, stride: 2, output_padding: p}", ["0", "1"]),
        ("conv_transpose: {filters: 4, kernel: 3, stride: 2, padding: 1, output_padding: p}", ["0", "[0, 1]"]),
    ],
    ("conv_transpose", "dilation"): [
        ("conv_transpose: {filters: 4, kernel: 2, dilation: p, padding: same}", ["1", "2"]),
        ("conv_transpose: {filters: 4, kernel: 2, stride: 2, dilation: p}", ["1", "2"]),
    ],
    ("conv_transpose", "groups"): [
        ("conv_transpose: {filters: 4, kernel: 2, stride: 2, groups: p}", ["1", "4"]),
    ],
    ("conv_transpose", "bias"): [
        ("conv_transpose: {filters: 4, kernel: 1, bias: p, bias_init: zeros}", ["false", "true"]),
    ],
    ("conv_transpose", "weight_decay"): [
        ("conv_transpose: {filters: 4, kernel: 2, weight_decay: p}", ["0.5", "0.25", "0"]),
    ],
    ("conv_transpose", "bias_decay"): [
        ("conv_transpose: {filters: 4, kernel: 2, bias_decay: p}", ["0.5", "0.25", "0"]),
    ],
    ("dense", "units"): [
        ("dense: {units: p}", ["3", "5"]),
    ],
    ("dense", "bias"): [
        ("dense: {units: 4, bias: p, bias_init: zeros}", ["false", "true"]),
    ],
    ("dense", "weight_decay"): [
        ("dense: {units: 4, weight_decay: p}", ["0.5", "0.25", "0"]),
    ],
    ("dense", "bias_decay"): [
        ("dense: {units: 4, bias_decay: p}", ["0.5", "0.25", "0"]),
    ],
}
