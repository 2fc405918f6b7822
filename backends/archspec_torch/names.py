"""Names that generated PyTorch code cannot use for its own purposes."""

from __future__ import annotations

import builtins
import keyword
from string import ascii_uppercase
from typing import Final

from archspec.codegen.helpers import Helpers
from archspec.expr.evaluate import MATH
from archspec.ir.graph import LayerGraph
from archspec_torch.ops import ROWS
from archspec_torch.ops.windows import VARIANTS

HELPERS: Final = Helpers("archspec_torch", variants={"WindowAttention": VARIANTS})
"""What generated code may bring along."""

RESERVED: Final = frozenset(
    {
        "self",
        "nn",
        "torch",
        "F",
        "Tensor",
        "Any",
        "Final",
        "OrderedDict",
        *MATH,
        "module",
        "layer",
        *HELPERS.names,
    }
)
"""What the module imports or defines: no parameter and no class may be called so."""


def helpers_of(graph: LayerGraph) -> Helpers:
    """What the source of a graph may bring along: what the rows of other packages do, too."""
    return HELPERS.adding(ROWS.helpers(graph))


def reserved(graph: LayerGraph) -> set[str]:
    """What the module of a graph imports or may define."""
    return {*RESERVED, *helpers_of(graph).names}


def class_name(graph: LayerGraph) -> str:
    """The name of the network's class: the spec's, unless the module needs that name for itself."""
    return unused(graph.class_name, reserved(graph))


def unused(name: str, taken: set[str]) -> str:
    """The name, with a number if something else is called so already; from now on it is taken.

    After a digit it is a letter: the second `L1` is no `L12`, but `L1B`.
    """
    found, number = name, 2
    while found in taken or keyword.iskeyword(found) or hasattr(builtins, found):
        added = ascii_uppercase[number - 1] if name[-1:].isdigit() and number <= len(ascii_uppercase) else str(number)
        found, number = f"{name}{added}", number + 1
    taken.add(found)
    return found
