"""An example of each op for `docs/ops.md`: what arrives, and the item. A test compiles them all."""

from __future__ import annotations

from typing import Final

IMAGE: Final = (16, 8, 8)
TOKENS: Final = (64, 16)
FEATURES: Final = (16,)

EXAMPLES: Final[dict[str, tuple[tuple[int, ...], str]]] = {
    "conv": (IMAGE, "conv: {filters: 32, kernel: 3, stride: 2, padding: 1, init: {kaiming_normal: fan_out}}"),
    "conv_transpose": (IMAGE, "conv_transpose: {filters: 8, kernel: 4, stride: 2, padding: 1}"),
    "dense": (FEATURES, "dense: {units: 10, init: {normal: 0.01}, bias_init: zeros}"),
    "batch_norm": (IMAGE, "batch_norm: {eps: 1e-3, decay: 0.99}"),
    "layer_norm": (TOKENS, "layer_norm: {eps: 1e-6}"),
    "group_norm": (IMAGE, "group_norm: {groups: 4}"),
    "instance_norm": (IMAGE, "instance_norm"),
    "local_response_norm": (IMAGE, "local_response_norm: {size: 5, alpha: 1e-4, beta: 0.75, k: 2}"),
    "relu": (IMAGE, "relu"),
    "relu6": (IMAGE, "relu6"),
    "leaky_relu": (IMAGE, "leaky_relu: {slope: 0.2}"),
    "prelu": (IMAGE, "prelu"),
    "elu": (IMAGE, "elu"),
    "selu": (IMAGE, "selu"),
    "silu": (IMAGE, "silu"),
    "gelu": (TOKENS, "gelu: {approximate: tanh}"),
    "mish": (IMAGE, "mish"),
    "softplus": (IMAGE, "softplus"),
    "tanh": (IMAGE, "tanh"),
    "sigmoid": (IMAGE, "sigmoid"),
    "hard_sigmoid": (IMAGE, "hard_sigmoid"),
    "hard_swish": (IMAGE, "hard_swish"),
    "softmax": (FEATURES, "softmax"),
    "scale": (IMAGE, "scale: {learned: channel, value: 1e-6}"),
    "dropout": (FEATURES, "dropout: {rate: 0.2}"),
    "drop_path": (IMAGE, "add: [[], [relu, drop_path: {rate: 0.1}]]"),
    "max_pool": (IMAGE, "max_pool: {kernel: 3, stride: 2, padding: 1}"),
    "avg_pool": (IMAGE, "avg_pool: {kernel: 3, stride: 2, ceil_mode: true}"),
    "global_avg_pool": (IMAGE, "global_avg_pool"),
    "global_max_pool": (IMAGE, "global_max_pool: {keep_axes: false}"),
    "adaptive_avg_pool": (IMAGE, "adaptive_avg_pool: {size: [3, 2]}"),
    "channel_avg_pool": (IMAGE, "multiply: [[], [channel_avg_pool, sigmoid]]"),
    "channel_max_pool": (IMAGE, "concat: [channel_avg_pool, channel_max_pool]"),
    "identity": (IMAGE, "identity"),
    "flatten": (IMAGE, "flatten"),
    "reshape": (FEATURES, "reshape: {shape: [4, 2, -1]}"),
    "channel_shuffle": (IMAGE, "channel_shuffle: {groups: 2}"),
    "split": (IMAGE, "concat: [split: {parts: 2, index: 1}, split: {parts: 2, index: 0}]"),
    "slice_channels": (IMAGE, "slice_channels: {start: 4, stop: channels - 4}"),
    "pad": (IMAGE, "pad: {padding: [0, 1, 0, 1], mode: reflect}"),
    "crop": (IMAGE, "crop: {cropping: [1, 2]}"),
    "pad_channels": (IMAGE, "pad_channels: {before: 8, after: 8}"),
    "upsample": (IMAGE, "upsample: {factor: 2, mode: bilinear}"),
    "depth_to_space": (IMAGE, "depth_to_space: {block: 2}"),
    "space_to_depth": (IMAGE, "space_to_depth: {block: 2}"),
    "add": (IMAGE, "add: [[], [{conv: {filters: channels, kernel: 3, padding: 1}}, batch_norm]]"),
    "multiply": (IMAGE, "multiply: [[], [global_avg_pool, sigmoid]]"),
    "maximum": (IMAGE, "maximum: [conv: {filters: 8, kernel: 1}, conv: {filters: 8, kernel: 1}]"),
    "concat": (IMAGE, "concat: [[], conv: {filters: 12, kernel: 3, padding: 1}]"),
    "to_tokens": (IMAGE, "to_tokens"),
    "to_image": (TOKENS, "to_image: {height: 8, width: 8}"),
    "transpose": (TOKENS, "transpose"),
    "attention": (TOKENS, "attention: {heads: 4}"),
    "class_token": (TOKENS, "class_token"),
    "position_embedding": (TOKENS, "position_embedding: {init: {truncated_normal: 0.02}}"),
    "select_token": (TOKENS, "select_token: {index: 0}"),
}


def spec(op: str) -> str:
    """A whole network of the example alone."""
    shape, item = EXAMPLES[op]
    return f"archspec: 1\nname: example\ninput: {{shape: {list(shape)}}}\nlayers:\n  - {item}\n"
