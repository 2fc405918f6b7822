"""Names that generated PyTorch code cannot use for its own purposes."""

from __future__ import annotations

from typing import Final

HELPERS: Final = (
    "make_divisible",
    "same_sides",
    "SameConv2d",
    "SameMaxPool2d",
    "SameAvgPool2d",
    "PaddedConv2d",
    "PaddedMaxPool2d",
    "PaddedAvgPool2d",
    "BiasedBatchNorm2d",
    "BiasedBatchNorm1d",
)
"""What generated code may bring along, in the order it is printed: each after those it needs."""

RESERVED: Final = frozenset(
    {"self", "nn", "torch", "F", "Tensor", "OrderedDict", "Sequence", "ceil", "floor", "module", "layer", *HELPERS}
)
"""What the module imports or defines: no parameter and no class may be called so."""

MODULE_ATTRIBUTES: Final = frozenset(
    [
        "add_module",
        "apply",
        "bfloat16",
        "buffers",
        "call_super_init",
        "children",
        "compile",
        "cpu",
        "cuda",
        "double",
        "dump_patches",
        "eval",
        "extra_repr",
        "float",
        "forward",
        "get_buffer",
        "get_extra_state",
        "get_parameter",
        "get_submodule",
        "half",
        "ipu",
        "load_state_dict",
        "modules",
        "mtia",
        "named_buffers",
        "named_children",
        "named_modules",
        "named_parameters",
        "parameters",
        "register_backward_hook",
        "register_buffer",
        "register_forward_hook",
        "register_forward_pre_hook",
        "register_full_backward_hook",
        "register_full_backward_pre_hook",
        "register_load_state_dict_post_hook",
        "register_load_state_dict_pre_hook",
        "register_module",
        "register_parameter",
        "register_state_dict_post_hook",
        "register_state_dict_pre_hook",
        "requires_grad_",
        "reset_parameters",
        "set_extra_state",
        "set_submodule",
        "share_memory",
        "state_dict",
        "to",
        "to_empty",
        "train",
        "training",
        "type",
        "xpu",
        "zero_grad",
    ]
)
"""The attributes of `nn.Module`: a layer of such a name would hide one. A test compares this with PyTorch's own."""
