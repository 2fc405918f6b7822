"""The op set. Each op is defined here once, with ONNX's meaning; backends hold one row for each.

The modules group the ops by what they do. An op is found by its name in `OPS`, which imports its module then: a network
of convolutions does not wait for the classes of transformers. Those of other packages are found there, too.
"""

from importlib import import_module
from typing import Any, Final

from archspec.ir.op_registry import OPS

_OPS_OF: Final = {
    "linear": "conv standardized_conv scaled_standardized_conv conv_transpose dense",
    "norms": "batch_norm layer_norm instance_norm group_norm global_response_norm local_response_norm",
    "activations": "relu relu6 clip leaky_relu prelu elu selu silu gelu mish softplus tanh sigmoid hard_sigmoid "
    "hard_swish softmax",
    "scaling": "scale shift",
    "regularizers": "dropout drop_path channel_dropout drop_block",
    "pools": "max_pool avg_pool global_avg_pool global_max_pool adaptive_avg_pool adaptive_max_pool blur_pool",
    "reductions": "channel_avg_pool channel_max_pool",
    "rearrange": "rearrange",
    "shapes": "identity flatten reshape channel_shuffle split slice_channels",
    "resizing": "pad crop pad_to_multiple roll pad_channels",
    "interpolation": "upsample",
    "blocks": "depth_to_space space_to_depth",
    "merges": "add subtract maximum minimum multiply divide matmul concat",
    "tokens": "embedding to_tokens to_image to_signal transpose class_token register_tokens position_embedding "
    "select_token",
    "attention": "attention",
    "windows": "window_attention",
}
"""The ops of each module, in the order of the documentation."""

CORE: Final = frozenset(name for names in _OPS_OF.values() for name in names.split())
"""The names of archspec's own ops. No block may have one; a block may have the name of another package's op."""

for _module, _names in _OPS_OF.items():
    OPS.expect(f"{__name__}.{_module}", _names.split(), import_module)

__all__ = ["CORE", "OPS"]


def __getattr__(name: str) -> Any:
    """An op's class, from its module: other packages may import them from here, at the price of several modules."""
    if name[:1].isupper():
        for part in ("base", *_OPS_OF):
            module = import_module(f"{__name__}.{part}")
            found = vars(module).get(name)
            if isinstance(found, type) and found.__module__ == module.__name__:
                return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
