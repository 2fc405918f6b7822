"""Ops that move numbers."""

from __future__ import annotations

TOKENS = "reshape: {shape: [-1, 8]}\n  - "
"""Makes tokens of eight features of the input's image, whose sizes are multiples of it."""

CASES: dict[str, list[str]] = {
    "identity": [
        "identity",
    ],
    "flatten": [
        "flatten",
        "global_avg_pool\n  - flatten",
    ],
    "reshape": [
        "reshape: {shape: [-1]}",
        "reshape: {shape: [-1, 8]}",
        "reshape: {shape: [8, -1]}",
        "reshape: {shape: [2, -1, 4]}",
        "reshape: {shape: [-1, 2, 2]}",
        "reshape: {shape: [1, -1, 2]}",
        "flatten\n  - reshape: {shape: [2, 2, -1]}",
        "flatten\n  - reshape: {shape: [8, -1]}",
        "flatten\n  - reshape: {shape: [-1, 1, 1]}\n  - conv: {filters: 3, kernel: 1}\n  - flatten",
        "reshape: {shape: [-1, 8]}\n  - reshape: {shape: [2, 4, -1]}",
        "reshape: {shape: [-1, 8]}\n  - reshape: {shape: [-1]}",
        "global_avg_pool\n  - reshape: {shape: [1, 2, 2]}",
        "global_avg_pool\n  - reshape: {shape: [2, 2]}",
        "conv: {filters: 1, kernel: 1}\n  - reshape: {shape: [-1]}",
        "name: s\n    layers: [flatten, reshape: {shape: [4, -1, 2]}, relu]",
    ],
    "channel_shuffle": [
        "channel_shuffle: {groups: 2}",
        "channel_shuffle: {groups: 1}",
        "conv: {filters: 6, kernel: 1}\n  - channel_shuffle: {groups: 3}",
    ],
    "split": [
        "split: {parts: 2, index: 0}",
        "split: {parts: 4, index: 3}",
        "split: {parts: 1, index: 0}",
        "concat: [[split: {parts: 2, index: 1}, relu], [split: {parts: 2, index: 0}]]",
        f"{TOKENS}split: {{parts: 2, index: 1}}",
        "flatten\n  - split: {parts: 2, index: 1}",
        "name: s\n    layers: [relu, split: {parts: 2, index: 1}, conv: {filters: 2, kernel: 1}]",
        "split: {parts: 2, outputs: [a, b]}\n  - concat: [{from: b}, relu]",
        "split: {parts: 4, outputs: [a, b, c, d]}\n  - concat: [sigmoid, {from: d}, {from: b}]",
        f"{TOKENS}split: {{parts: 2, outputs: [a, b]}}\n  - concat: [{{from: b}}, []]",
    ],
    "slice_channels": [
        "slice_channels: {start: 1}",
        "slice_channels: {stop: 3}",
        "slice_channels: {start: 1, stop: 3}",
        "slice_channels: {start: -3, stop: -1}",
        "slice_channels: {start: -2}",
        "slice_channels: {start: 1, stop: -1}\n  - conv: {filters: 2, kernel: 1}",
        "slice_channels: {start: -3, stop: 3}",
        "slice_channels",
        f"{TOKENS}slice_channels: {{start: 2, stop: -1}}",
        "flatten\n  - slice_channels: {start: 3, stop: 9}",
        "add: [[slice_channels: {stop: 2}], [slice_channels: {start: 2}]]\n  - slice_channels: {start: 1}",
        "name: s\n    layers: [relu, slice_channels: {start: 1}, relu]",
        f"{TOKENS}name: s\n    layers: [relu, slice_channels: {{start: 1}}, relu]",
    ],
    "pad": [
        "pad: {padding: 1}",
        "pad: {padding: 0}",
        "pad: {padding: [2, 1]}",
        "pad: {padding: [0, 1, 2, 3]}",
        "pad: {padding: [0, 1, 2, 3], value: -0.1}",
        "pad: {padding: [2, 1], mode: reflect}",
        "pad: {padding: [0, 3, 2, 6], mode: reflect}",
        "pad: {padding: 2, mode: edge}",
        "pad: {padding: [0, 9, 1, 0], mode: edge}",
        "pad: {padding: 1, mode: circular}",
        "pad: {padding: [0, 3, 7, 1], mode: circular}",
        "pad: {padding: [2, 1], mode: symmetric}",
        "pad: {padding: [0, 8, 7, 2], mode: symmetric}",
        "name: s\n    layers: [relu, pad: {padding: [0, 1, 2, 3], mode: symmetric}, pad: {padding: 1, mode: circular}]",
        "relu\n  - pad: {padding: 1, value: -1}\n  - max_pool: {kernel: 3, stride: 2, padding: 1}",
    ],
    "crop": [
        "crop: {cropping: 1}",
        "crop: {cropping: 0}",
        "crop: {cropping: [3, 1]}",
        "crop: {cropping: [0, 1, 2, 3]}",
        "name: s\n    layers: [relu, crop: {cropping: [0, 1, 2, 3]}, relu]",
    ],
    "pad_to_multiple": [
        "pad_to_multiple: {multiple: 4}",
        "pad_to_multiple: {multiple: 1}",
        "pad_to_multiple: {multiple: [5, 3]}",
        "pad_to_multiple: {multiple: 5}\n  - max_pool: {kernel: 2, stride: 1}\n  - flatten\n  - dense: {units: 2}",
        "pad_to_multiple: {multiple: 5}\n  - max_pool: {kernel: [4, 1]}\n  - flatten\n  - dense: {units: 2}",
        "pad_to_multiple: {multiple: 5}\n  - avg_pool: {kernel: [1, 2]}\n  - flatten\n  - dense: {units: 2}",
        "name: s\n    layers: [relu, pad_to_multiple: {multiple: [2, 16]}, relu]",
    ],
    "roll": [
        "roll: {shift: 2}",
        "roll: {shift: [-3, 1]}",
        "roll: {shift: [0, -7]}",
        "roll: {shift: 0}",
        "name: s\n    layers: [relu, roll: {shift: [8, -1]}, relu]",
    ],
    "rearrange": [
        'rearrange: {pattern: "c h w -> c w h"}',
        'rearrange: {pattern: "c h w -> h w c"}\n  - conv: {filters: 3, kernel: 1}',
        "pad_to_multiple: {multiple: 2}\n"
        '  - rearrange: {pattern: "c (h a) (w b) -> (b a c) h w", sizes: [-1, 2, -1, 2]}',
        "pad_to_multiple: {multiple: [2, 3]}\n"
        '  - rearrange: {pattern: "c (h a) (w b) -> (h w) (a b c)", sizes: [-1, 2, -1, 3]}\n  - dense: {units: 3}',
        'rearrange: {pattern: "(g c) h w -> (c g) (h w)", sizes: [2, -1]}\n  - rearrange: {pattern: "c t -> (t c)"}',
        'rearrange: {pattern: "(a b) h w -> b (a h) w", sizes: [2, 2]}',
        'rearrange: {pattern: "(a b c) (d e) (f g h) -> (h a) (b d f) (c e g)", sizes: [2, -1, 1, 1, -1, -1, 1, 1]}',
        'rearrange: {pattern: "(a b) h w -> a b h w", sizes: [-1, 2]}\n'
        '  - rearrange: {pattern: "a b h w -> (b a) w h"}',
        'rearrange: {pattern: "(a b) h w -> a b h w", sizes: [-1, 2]}\n  - tanh\n'
        '  - rearrange: {pattern: "a b (c h) w -> a b c h w", sizes: [1, -1]}\n'
        '  - rearrange: {pattern: "a b c h w -> a w (b c h)"}',
        'name: s\n    layers: [relu, rearrange: {pattern: "c h w -> w c h"}, relu]',
        'to_tokens\n  - to_signal\n  - rearrange: {pattern: "c (l k) -> (c k) l", sizes: [-1, 1]}\n  - to_signal',
    ],
    "pad_channels": [
        "pad_channels: {before: 2, after: 1}",
        "pad_channels: {after: 3}",
        "pad_channels",
        f"{TOKENS}pad_channels: {{before: 1, after: 2}}",
        "flatten\n  - pad_channels: {before: 1}",
        "name: s\n    layers: [relu, pad_channels: {before: 2, after: 1}, conv: {filters: 2, kernel: 1}]",
        f"{TOKENS}name: s\n    layers: [relu, pad_channels: {{before: 2}}]",
    ],
    "upsample": [
        f"upsample: {{factor: {factor}, mode: {mode}}}"
        for factor in ("1", "2", "3", "4", "[2, 3]", "[5, 1]")
        for mode in ("nearest", "bilinear")
    ]
    + [
        "upsample: {factor: 41}",
        "global_avg_pool\n  - upsample: {factor: [3, 2], mode: bilinear}",
        "upsample: {factor: 3, mode: nearest_exact}",
        "upsample: {factor: 2, mode: bilinear, align_corners: true}",
        "upsample: {factor: [1, 3], mode: bilinear, align_corners: true}",
        "upsample: {factor: 2, mode: bicubic}",
        "upsample: {factor: [3, 2], mode: bicubic, align_corners: true}",
        "upsample: {size: [11, 5]}",
        "upsample: {size: [11, 5], mode: nearest_exact}",
        "upsample: {size: 6}",
        "upsample: {size: [65, 65], mode: bilinear}",
        "upsample: {size: [3, 13], mode: bilinear, align_corners: true}",
        "upsample: {size: 1, mode: bilinear}",
        "upsample: {size: 1, mode: bilinear, align_corners: true}",
        "upsample: {size: [5, 13], mode: bicubic}",
        "upsample: {size: [13, 4], mode: bicubic, align_corners: true}",
        "upsample: {size: [3, 13], mode: bilinear, antialias: true}",
        "upsample: {size: [3, 15], mode: bicubic, antialias: true}",
        "upsample: {size: 2, mode: bicubic, antialias: true}",
        "upsample: {factor: 3, mode: bicubic, antialias: true}",
        "conv: {filters: 3, kernel: 2, stride: 2, padding: [0, 1, 0, 1]}\n  - upsample: {factor: 2}",
        "upsample: {factor: 2}\n  - upsample: {factor: 0.5}",
        "upsample: {factor: 2}\n  - upsample: {factor: [0.5, 1.5], mode: nearest_exact}",
        "upsample: {factor: 2}\n  - upsample: {factor: [1.5, 0.5], mode: bilinear}",
        "upsample: {factor: 2}\n  - upsample: {factor: 0.5, mode: bilinear, antialias: true}",
        "upsample: {factor: 4}\n  - upsample: {factor: [0.25, 1.25], mode: bicubic}",
        "tap: all\n  - conv: {filters: 3, kernel: 3, stride: 2}\n  - upsample: {branches: [[], {from: all}]}",
        "tap: all\n  - conv: {filters: 3, kernel: 3, stride: 2}\n"
        "  - upsample: {branches: [[], {from: all}], mode: nearest_exact}",
        "tap: all\n  - conv: {filters: 3, kernel: 3, stride: 2}\n  - upsample: {branches: [relu, {from: all}], "
        "mode: bilinear, align_corners: true}\n  - concat: [[], {from: all}]",
        "tap: all\n  - upsample: {size: [20, 21]}\n"
        "  - upsample: {branches: [[], {from: all}], mode: bicubic, antialias: true}",
        "name: s\n    layers: [relu, upsample: {size: [5, 6]}, upsample: {size: 9, mode: bilinear, antialias: true}]",
    ],
    "depth_to_space": [
        "depth_to_space: {block: 2}",
        "depth_to_space: {block: 1}",
        "conv: {filters: 18, kernel: 1}\n  - depth_to_space: {block: 3}",
    ],
    "space_to_depth": [
        "upsample: {factor: 2}\n  - conv: {filters: 3, kernel: 1}\n  - space_to_depth: {block: 2}",
        "upsample: {factor: 3}\n  - conv: {filters: 3, kernel: 1}\n  - space_to_depth: {block: 3}",
        "space_to_depth: {block: 1}",
    ],
}
CALLS: dict[tuple[str, str], list[tuple[str, list[str]]]] = {
    ("reshape", "shape"): [
        ("reshape: {shape: [p, 8, 9]}", ["4", "-1"]),
        ("reshape: {shape: [p, 4, -1]}\n      - conv: {filters: 2, kernel: 1}", ["1", "2", "6"]),
        ("reshape: {shape: [p, -1]}", ["4", "8"]),
        ("reshape: {shape: [p]}", ["-1", "288"]),
        ("reshape: {shape: p}", ["[4, 8, 9]", "[-1]", "[8, -1]", "[6, 6, 8]"]),
        ("global_avg_pool\n      - reshape: {shape: [p, 1, 1]}", ["4", "-1"]),
        ("reshape: {shape: [p * 2, 4, -1]}\n      - conv: {filters: 2, kernel: 1}", ["1", "2"]),
    ],
    ("channel_shuffle", "groups"): [
        ("channel_shuffle: {groups: p}", ["2", "4"]),
    ],
    ("split", "parts"): [
        ("split: {parts: p, index: 0}\n      - conv: {filters: 2, kernel: 1}", ["2", "4"]),
        ("reshape: {shape: [9, 32]}\n      - split: {parts: p, index: 1}", ["2", "4"]),
    ],
    ("split", "index"): [
        ("split: {parts: 4, index: p}", ["2", "0"]),
    ],
    ("slice_channels", "start"): [
        ("slice_channels: {start: p}\n      - conv: {filters: 2, kernel: 1}", ["1", "2"]),
        ("slice_channels: {start: p}\n      - conv: {filters: 2, kernel: 1}", ["1", "-2"]),
        ("slice_channels: {start: p, stop: -1}\n      - conv: {filters: 2, kernel: 1}", ["-2", "-3"]),
        ("slice_channels: {start: p, stop: 3}\n      - conv: {filters: 2, kernel: 1}", ["-2", "-3"]),
    ],
    ("slice_channels", "stop"): [
        ("slice_channels: {stop: p}\n      - conv: {filters: 2, kernel: 1}", ["1", "2"]),
        ("slice_channels: {start: 1, stop: p}\n      - conv: {filters: 2, kernel: 1}", ["-1", "-2"]),
        ("reshape: {shape: [9, 32]}\n      - slice_channels: {start: 1, stop: p}", ["-1", "9"]),
    ],
    ("pad", "padding"): [
        ("pad: {padding: p}", ["1", "0"]),
        ("pad: {padding: p}", ["1", "[1, 2]", "[0, 1, 2, 3]"]),
        ("pad: {padding: [p, 1]}", ["1", "2"]),
        ("pad: {padding: [0, p, 1, p]}", ["1", "2"]),
        ("pad: {padding: p, mode: reflect}", ["1", "2"]),
        ("pad: {padding: p, mode: edge}", ["1", "2"]),
        ("pad: {padding: p, mode: symmetric}", ["1", "2"]),
        ("pad: {padding: [0, p, p, 1], mode: circular}", ["1", "2"]),
    ],
    ("pad", "mode"): [
        ("pad: {padding: 1, mode: p}", ["reflect", "edge", "constant"]),
        ("pad: {padding: [1, 2], mode: p}", ["symmetric", "circular", "reflect"]),
    ],
    ("pad", "value"): [
        ("pad: {padding: 1, value: p}", ["1", "0", "-0.1"]),
    ],
    ("crop", "cropping"): [
        ("crop: {cropping: p}", ["1", "0"]),
        ("crop: {cropping: p}", ["1", "[1, 2]", "[0, 1, 2, 3]"]),
        ("crop: {cropping: [p, 1]}", ["1", "2"]),
        ("crop: {cropping: [0, p, p + 1, p]}", ["1", "2"]),
    ],
    ("pad_to_multiple", "multiple"): [
        ("pad_to_multiple: {multiple: p}", ["4", "5"]),
        ("pad_to_multiple: {multiple: [p, 2]}", ["4", "5"]),
    ],
    ("roll", "shift"): [
        ("roll: {shift: p}", ["1", "-2"]),
        ("roll: {shift: [p, -p]}", ["1", "2"]),
    ],
    ("rearrange", "pattern"): [],
    ("rearrange", "sizes"): [
        ('rearrange: {pattern: "(a b) h w -> (b a) h w", sizes: [p, -1]}', ["1", "2"]),
        ('rearrange: {pattern: "(a b) h w -> (b a) h w", sizes: "[-1, p]"}', ["4", "2"]),
    ],
    ("pad_channels", "before"): [
        ("pad_channels: {before: p, after: 1}\n      - conv: {filters: 2, kernel: 1}", ["2", "0"]),
        ("reshape: {shape: [9, 32]}\n      - pad_channels: {before: p}", ["1", "2"]),
    ],
    ("pad_channels", "after"): [
        ("pad_channels: {before: p, after: p * 2}\n      - conv: {filters: 2, kernel: 1}", ["1", "2"]),
    ],
    ("upsample", "factor"): [
        ("upsample: {factor: p}", ["1", "2"]),
        ("upsample: {factor: p, mode: bilinear}", ["1", "2"]),
        ("upsample: {factor: p}", ["[1, 2]", "[2, 3]"]),
        ("upsample: {factor: p}", ["[1, 2]", "2"]),
        ("crop: {cropping: [0, 1, 0, 0]}\n      - upsample: {factor: p}", ["0.5", "1.5", "2"]),
        ("crop: {cropping: [0, 1, 0, 0]}\n      - upsample: {factor: p, mode: bilinear}", ["0.5", "[1.5, 0.25]"]),
    ],
    ("upsample", "size"): [
        ("upsample: {size: p, mode: bilinear}", ["5", "12"]),
        ("upsample: {size: [p, p + 1]}", ["5", "12"]),
        ("upsample: {size: p, mode: bicubic, align_corners: true}", ["[5, 3]", "[12, 9]"]),
        ("upsample: {size: [p, p], mode: bilinear, antialias: true}", ["5", "3"]),
    ],
    ("upsample", "mode"): [
        ("upsample: {factor: 2, mode: p}", ["nearest", "bilinear", "bicubic", "nearest_exact"]),
        ("upsample: {size: 5, mode: p}", ["nearest", "bilinear", "bicubic", "nearest_exact"]),
    ],
    ("upsample", "align_corners"): [
        ("upsample: {factor: 2, mode: bilinear, align_corners: p}", ["true", "false"]),
    ],
    ("upsample", "antialias"): [
        ("upsample: {size: 5, mode: bilinear, antialias: p}", ["true", "false"]),
    ],
    ("depth_to_space", "block"): [
        ("depth_to_space: {block: p}\n      - conv: {filters: 2, kernel: 1}", ["1", "2"]),
    ],
    ("space_to_depth", "block"): [
        (
            "upsample: {factor: [2, 3]}\n      - space_to_depth: {block: p}\n      - conv: {filters: 2, kernel: 1}",
            ["1", "2"],
        ),
    ],
}
