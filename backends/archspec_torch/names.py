"""Names that generated PyTorch code cannot use for its own purposes."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Mapping, Sequence
from typing import Final

from archspec.codegen.helpers import Helpers
from archspec.ir.graph import LayerGraph
from archspec_torch.ops import ROWS

_OF_IMAGES: Final = (
    *("BiasedBatchNorm2d", "CroppedConvTranspose2d", "LayerNorm2d", "LayerScale2d", "PaddedAvgPool2d", "PaddedConv2d"),
    *("PaddedMaxPool2d", "SameAvgPool2d", "SameConv2d", "SameMaxPool2d", "same_sides"),
)
_EACH: Final = "(\n            (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size\n        )"
_LONG: Final = (
    (
        "        self, kernel_size: int | tuple[int, int], stride: int | tuple[int, int] | None = None\n",
        "        self,\n        kernel_size: int | tuple[int, int],\n"
        "        stride: int | tuple[int, int] | None = None,\n",
    ),
    (
        "    x: Tensor, kernel_size: Sequence[int], stride: Sequence[int], dilation: Sequence[int] = (1, 1)\n",
        "    x: Tensor,\n    kernel_size: Sequence[int],\n    stride: Sequence[int],\n"
        "    dilation: Sequence[int] = (1, 1),\n",
    ),
)
"""Lines that are too long for three axes."""
_WORDS: Final[Mapping[int, Sequence[tuple[str, str]]]] = {
    1: (
        ("2d", "1d"),
        ("same_sides(", "same_sides_1d("),
        ("tuple[int, int]", "tuple[int]"),
        ("tuple[int, int, int, int]", "tuple[int, int]"),
        ("(0, 0, 0, 0)", "(0, 0)"),
        ("(left, right, top, bottom)", "(left, right)"),
        ("pixel", "element"),
        ("= (1, 1)", "= (1,)"),
        (_EACH, "(kernel_size,) if isinstance(kernel_size, int) else kernel_size"),
        ("(stride, stride)", "(stride,)"),
        ("(0, 2, 3, 1)", "(0, 2, 1)"),
        ("(0, 3, 1, 2)", "(0, 2, 1)"),
        ("(-1, 1, 1)", "(-1, 1)"),
        ("in (1, 0)", "in (0,)"),
        ("[axis - 2]", "[axis - 1]"),
    ),
    3: (
        ("SAME padding (left, right, top, bottom)", "SAME padding, the last axis first"),
        *_LONG,
        ("2d", "3d"),
        ("same_sides(", "same_sides_3d("),
        ("tuple[int, int]", "tuple[int, int, int]"),
        ("tuple[int, int, int, int]", "tuple[int, int, int, int, int, int]"),
        ("(0, 0, 0, 0)", "(0, 0, 0, 0, 0, 0)"),
        ("(left, right, top, bottom)", "(the last axis first)"),
        ("pixel", "element"),
        ("= (1, 1)", "= (1, 1, 1)"),
        (_EACH, "(kernel_size,) * 3 if isinstance(kernel_size, int) else kernel_size"),
        ("(stride, stride)", "(stride,) * 3"),
        ("(0, 2, 3, 1)", "(0, 2, 3, 4, 1)"),
        ("(0, 3, 1, 2)", "(0, 4, 1, 2, 3)"),
        ("(-1, 1, 1)", "(-1, 1, 1, 1)"),
        ("in (1, 0)", "in (2, 1, 0)"),
        ("[axis - 2]", "[axis - 3]"),
    ),
}
"""What makes the helpers for images those for signals and for volumes, in this order."""


def of_rank(name: str, rank: int) -> str:
    """The helper for so many spatial axes, by the name of the one for images."""
    if rank == 2:
        return name
    return f"{name}_{rank}d" if name.islower() else name.replace("2d", f"{rank}d")


HELPERS: Final = Helpers(
    "archspec_torch", {of_rank(name, rank): (name, words) for rank, words in _WORDS.items() for name in _OF_IMAGES}
)
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


def helpers_of(graph: LayerGraph) -> Helpers:
    """What the source of a graph may bring along: what the rows of other packages do, too."""
    return HELPERS.adding(ROWS.helpers(graph))


def reserved(graph: LayerGraph) -> set[str]:
    """What the module of a graph imports or may define."""
    return {*RESERVED, *helpers_of(graph).texts}


def class_name(graph: LayerGraph) -> str:
    """The name of the network's class: the spec's, unless the module needs that name for itself."""
    return unused(graph.class_name, reserved(graph))


def unused(name: str, taken: set[str]) -> str:
    """The name, with a number if something else is called so already; from now on it is taken."""
    found, number = name, 2
    while found in taken or keyword.iskeyword(found) or hasattr(builtins, found):
        found, number = f"{name}{number}", number + 1
    taken.add(found)
    return found
