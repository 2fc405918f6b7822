"""Ops on sequences of tokens."""

from __future__ import annotations

_IDS = "input: {tokens: 6, ids: 9}\nlayers:\n  - "
CASES: dict[str, list[str]] = {
    "embedding": [
        f"{_IDS}embedding: {{features: 5}}",
        f"{_IDS}embedding: {{features: 4, init: {{normal: 0.02}}, weight_decay: 0.5}}\n  - attention: {{heads: 2}}",
        f"{_IDS}{{name: body, layers: [{{embedding: {{features: 3}}}}, transpose]}}\n  - dense: {{units: 2}}",
        "input: {tokens: 1, ids: 2}\nlayers:\n  - embedding: {features: 1}\n  - select_token",
        "inputs: {a: {tokens: 4, ids: 7}, b: {channels: 4, height: 2, width: 2}}\nlayers:\n"
        "  - add: [embedding: {features: 4}, {from: b, layers: [to_tokens]}]",
    ],
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
    "to_signal": [
        "to_tokens\n  - to_signal",
        "to_tokens\n  - to_signal\n  - conv: {filters: 3, kernel: 3, stride: 2, padding: same}\n  - to_tokens",
        "to_tokens\n  - to_signal\n  - max_pool: {kernel: 2}\n  - global_max_pool: {keep_axes: false}",
        "{name: body, layers: [to_tokens, relu, to_signal, batch_norm]}",
        f"{_IDS}embedding: {{features: 4}}\n  - to_signal\n  - conv: {{filters: 2, kernel: 3, groups: 2}}",
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
        "to_tokens\n  - attention: {heads: 2, names: timm, weight_decay: 0.5, bias_init: {normal: 0.1}}",
        "to_tokens\n  - attention: {heads: 4, names: timm, bias: false, init: {normal: 0.5}}",
        "to_tokens\n  - attention: {heads: 2, weight_decay: 0.5, bias_decay: 0.25}\n  - dense: {units: 3}",
        "conv: {filters: 12, kernel: 3, stride: 2}\n  - {name: body, layers: [to_tokens, {attention: {heads: 3}}]}",
        "to_tokens\n  - attention: {heads: 2, bias: false, out_bias: true}",
        "to_tokens\n  - attention: {heads: 2, out_bias: false, init: {normal: 0.5}, bias_init: {normal: 0.1}}",
        "to_tokens\n  - attention: {heads: 3, key_size: 5, value_size: 2}",
        "to_tokens\n  - attention: {heads: 2, maps: apart, weight_decay: 0.5}",
        "to_tokens\n  - attention: {heads: 4, fans: joint, out_init: fan_in_uniform}",
        "to_tokens\n  - attention: {heads: 1, fans: joint, init: lecun_normal, bias_init: {normal: 0.1}}",
        "to_tokens\n  - attention: {heads: 2, out_init: {normal: 0.5}, names: timm, bias: false}",
        "to_tokens\n  - attention: {heads: 2, maps: joint, branches: [[], [tanh]], bias_init: {normal: 0.1}}",
        "to_tokens\n  - tap: x\n  - attention: {heads: 4, maps: joint, bias: false, weight_decay: 0.5, branches: [[], "
        "[class_token, relu]]}",
        "to_tokens\n  - attention: {heads: 2, key_size: 3, bias: false, weight_decay: 0.5}\n  - attention: {heads: 1}",
        "tap: x\n  - conv: {filters: 6, kernel: 3, stride: 2}\n  - to_tokens\n"
        "  - attention: {heads: 2, branches: [[], {from: x, layers: [to_tokens]}]}",
        "to_tokens\n  - attention: {heads: 2, value_size: 3, weight_decay: 0.5, bias_decay: 0.25, out_bias: false, "
        "branches: [[], [transpose, dense: {units: 5}]]}",
    ],
    "class_token": [
        "to_tokens\n  - class_token",
        "to_tokens\n  - relu\n  - class_token\n  - class_token",
        "to_tokens\n  - class_token: {bare: true, init: {normal: 0.5}}\n  - class_token: {name: second, bare: true}",
        "to_tokens\n  - {name: body, layers: [relu, class_token: {bare: true}, relu]}",
    ],
    "register_tokens": [
        "to_tokens\n  - register_tokens: {count: 4}",
        "to_tokens\n  - relu\n  - register_tokens: {count: 1, init: zeros}\n  - class_token",
        "to_tokens\n  - register_tokens: {bare: true, count: 3}\n"
        "  - register_tokens: {name: second, bare: true, count: 2}",
        "to_tokens\n  - {name: body, layers: [relu, register_tokens: {bare: true, count: 2}, relu]}",
    ],
    "position_embedding": [
        "to_tokens\n  - position_embedding",
        "to_tokens\n  - position_embedding: {bare: true, init: {normal: 0.5}}\n  - relu\n"
        "  - position_embedding: {bare: true}",
        "to_tokens\n  - {name: body, layers: [relu, {position_embedding: {name: p, bare: true}}]}\n  - class_token",
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
    ("embedding", "features"): [
        ("embedding: {features: p}", ["3", "5"]),
        ("{name: body, layers: [{embedding: {features: p + 1}}, to_signal]}", ["1", "3"]),
    ],
    ("embedding", "weight_decay"): [
        ("embedding: {features: 3, weight_decay: p}", ["0.5", "0.25", "0"]),
    ],
    ("class_token", "bare"): [
        (f"{_TOKENS}class_token: {{bare: p}}", ["true", "false"]),
    ],
    ("register_tokens", "bare"): [
        (f"{_TOKENS}register_tokens: {{count: 2, bare: p}}", ["true", "false"]),
    ],
    ("register_tokens", "count"): [
        (f"{_TOKENS}register_tokens: {{count: p}}", ["1", "4"]),
    ],
    ("position_embedding", "bare"): [
        (f"{_TOKENS}position_embedding: {{bare: p}}", ["true", "false"]),
    ],
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
    ("attention", "out_bias"): [
        (f"{_TOKENS}attention: {{heads: 2, out_bias: p}}", ["false", "true"]),
    ],
    ("attention", "key_size"): [
        (f"{_TOKENS}attention: {{heads: 2, key_size: p}}", ["3", "2"]),
    ],
    ("attention", "value_size"): [
        (f"{_TOKENS}attention: {{heads: 2, value_size: p, branches: [[], [tanh]]}}", ["3", "2"]),
    ],
    ("attention", "maps"): [
        (f"{_TOKENS}attention: {{heads: 2, maps: \"'joint' if p else 'apart'\"}}", ["true", "false"]),
    ],
    ("attention", "fans"): [
        (f"{_TOKENS}attention: {{heads: 2, fans: \"'joint' if p else 'each'\"}}", ["true", "false"]),
    ],
    ("attention", "names"): [
        (f"{_TOKENS}attention: {{heads: 2, names: \"'timm' if p else 'torch'\"}}", ["true", "false"]),
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
