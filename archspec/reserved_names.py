"""The names that a layer cannot have, since a backend keeps them for itself; no backend is imported for it."""

from __future__ import annotations

import re
from functools import lru_cache
from keyword import iskeyword
from typing import Final

_PART: Final = "(?!__)[A-Za-z0-9_-]*[A-Za-z0-9][A-Za-z0-9_-]*"
NAME_OF_LAYER: Final = f"^{_PART}$"
"""What a layer or scope may be called: a part of the names of weights, which need not be a name of Python's."""
NAME_IN_SEQUENCE: Final = rf"^(?:(?!__)[A-Za-z_][A-Za-z0-9_]*\.)?{_PART}$"
"""The same, or a sequence of the scope and the name within it: `convs.0`."""
FLAT_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9_-]*"
"""What a layer may be called where names are flat: they are no attributes, and begin with no `_`."""

NOT_LAYERS: Final = frozenset(
    {
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
        "_get_abs_string_index",
        "_get_backward_hooks",
        "_get_backward_pre_hooks",
        "_get_item_by_idx",
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

The names of weights are those of members, so none of them can be spelled otherwise. Names with two underscores in
front are not listed: no layer has one. `parameter_groups` is a method of generated classes. A test compares this with
PyTorch's own.
"""


@lru_cache(maxsize=4096)
def is_layer_name(name: str) -> bool:
    """Whether a layer or scope may be called so: letters, digits, `_` and `-`, of which not two `_` come first."""
    return re.fullmatch(NAME_OF_LAYER, name) is not None and name not in NOT_LAYERS


NOT_KEYS: Final = frozenset({"clear", "items", "keys", "pop", "update", "values"})
"""The methods of an `nn.ModuleDict`: no key of it may be called so."""


def in_sequence(name: str) -> tuple[str, str]:
    """The sequence that an item's name says it stands in, and its name there; without a dot there is no sequence."""
    sequence, _, own = name.rpartition(".")
    return sequence, own


def is_item_name(name: str) -> bool:
    """Whether a layer or scope may be called so among the items around it: by itself, or in a sequence of them."""
    sequence, own = in_sequence(name)
    if not sequence:
        return is_layer_name(name)
    return is_sequence_name(sequence) and is_layer_name(own) and own not in NOT_KEYS


def is_sequence_name(name: str) -> bool:
    """Whether a sequence may be called so whose layers stand among others: as an attribute of Python's."""
    return is_layer_name(name) and name.isidentifier() and not iskeyword(name)


def joined_name(path: str) -> str:
    """A path as one name, where a framework takes no dots, nor `_` or `-` for the first character: in Keras."""
    return path.replace(".", "_").lstrip("_-")


def not_a_layer(name: str) -> str:
    """What is to be said of a layer of such a name."""
    return f"`{name}` cannot name a layer: every nn.Module of PyTorch has an attribute of this name"
