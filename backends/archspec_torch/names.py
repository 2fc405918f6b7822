"""Names that generated PyTorch code cannot use for its own purposes."""

from __future__ import annotations

import builtins
import keyword
from typing import Final

from archspec.codegen.helpers import Helpers
from archspec.ir.graph import LayerGraph

HELPERS: Final = Helpers("archspec_torch", {"BiasedBatchNorm1d": ("BiasedBatchNorm2d", "BatchNorm2d", "BatchNorm1d")})
"""What generated code may bring along."""

RESERVED: Final = frozenset(
    {
        "self",
        "nn",
        "torch",
        "F",
        "Tensor",
        "Any",
        "OrderedDict",
        "Sequence",
        "ceil",
        "floor",
        "module",
        "layer",
        *HELPERS.texts,
    }
)
"""What the module imports or defines: no parameter and no class may be called so."""

MODULE_ATTRIBUTES: Final = frozenset(
    [
        "T_destination",
        "_apply",
        "_backward_hooks",
        "_backward_pre_hooks",
        "_buffers",
        "_call_impl",
        "_compiled_call_impl",
        "_forward_hooks",
        "_forward_hooks_always_called",
        "_forward_hooks_with_kwargs",
        "_forward_pre_hooks",
        "_forward_pre_hooks_with_kwargs",
        "_get_backward_hooks",
        "_get_backward_pre_hooks",
        "_get_name",
        "_is_full_backward_hook",
        "_load_from_state_dict",
        "_load_state_dict_post_hooks",
        "_load_state_dict_pre_hooks",
        "_maybe_warn_non_full_backward_hook",
        "_modules",
        "_named_members",
        "_non_persistent_buffers_set",
        "_parameters",
        "_register_load_state_dict_pre_hook",
        "_register_state_dict_hook",
        "_replicate_for_data_parallel",
        "_save_to_state_dict",
        "_slow_forward",
        "_state_dict_hooks",
        "_state_dict_pre_hooks",
        "_version",
        "_wrapped_call_impl",
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
        "parameter_groups",
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
"""The attributes of `nn.Module`: a layer of such a name would hide one. A test compares this with PyTorch's own.

Names that begin with `__` are not listed: `can_name_a_layer` refuses them all."""


def can_name_a_layer(name: str) -> bool:
    """Whether an `nn.Module` can have a member of this name; what begins with `__` means something to Python."""
    return name not in MODULE_ATTRIBUTES and not name.startswith("__")


def class_name(graph: LayerGraph) -> str:
    """The name of the network's class: the spec's, unless the module needs that name for itself."""
    return unused(graph.class_name, {*RESERVED})


def unused(name: str, taken: set[str]) -> str:
    """The name, with a number if something else is called so already; from now on it is taken."""
    found, number = name, 2
    while found in taken or keyword.iskeyword(found) or hasattr(builtins, found):
        found, number = f"{name}{number}", number + 1
    taken.add(found)
    return found
