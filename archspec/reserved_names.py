"""The names that a layer cannot have, since a backend keeps them for itself; no backend is imported for it."""

from __future__ import annotations

from typing import Final

NOT_LAYERS: Final = frozenset(
    {
        "T_destination",
        "add_module",
        "append",
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
        "extend",
        "extra_repr",
        "float",
        "forward",
        "get_buffer",
        "get_extra_state",
        "get_parameter",
        "get_submodule",
        "half",
        "insert",
        "ipu",
        "load_state_dict",
        "modules",
        "mtia",
        "named_buffers",
        "named_children",
        "named_modules",
        "named_parameters",
        "parameter_groups",
        "parameters",
        "pop",
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
    }
)
"""The attributes of PyTorch's `nn.Module`, `nn.Sequential` and `nn.ModuleList`: a member of such a name would hide one.

The names of weights are those of members, so none of them can be spelled otherwise. Names with an underscore in front
are not listed: no name of a spec has one. `parameter_groups` is a method of generated classes. A test compares this
with PyTorch's own.
"""


def not_a_layer(name: str) -> str:
    """What is to be said of a layer of such a name."""
    return f"`{name}` cannot name a layer: every nn.Module of PyTorch has an attribute of this name"
