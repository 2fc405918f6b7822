"""Names that generated Keras code cannot use for its own purposes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from archspec.codegen.escaping import identifier
from archspec.codegen.helpers import Helpers
from archspec.ir.graph import LayerGraph
from archspec_keras.ops import ROWS

_OF_IMAGES: Final = (
    *("BilinearUpSampling2D", "ConstantPadding2D", "InfinityPadding2D", "LocalResponseNormalization"),
    *("PaddedAveragePooling2D", "ReflectionPadding2D", "SameAveragePooling2D", "same_sides"),
)
_OF_SIGNALS: Final = ("AdaptiveAveragePooling1D", "EdgePadding1D", "GroupedConv1DTranspose", "StridedDilatedConv1D")
_LINEAR: Final = "Linear interpolation between neighbors, which Keras's own layer does not have"
_SIZE: Final = "(output_size,) if isinstance(output_size, int) else tuple(output_size)"
_THREE: Final = (
    "window: tuple[int, int],\n    strides: tuple[int, int],\n    dilation_rate: tuple[int, int] = (1, 1),\n"
)
_WORDS: Final[Mapping[int, Sequence[tuple[str, str]]]] = {
    1: (
        ("BilinearUpSampling2D", "LinearUpSampling1D"),
        ("Bilinear upsampling in the precision of its input; TensorFlow's own is float32 throughout", _LINEAR),
        ("enumerate(self.size", "enumerate([self.size]"),
        ("LocalResponseNormalization(", "LocalResponseNormalization1D("),
        ("((0, 0), (0, 0), (0, 0), sides)", "((0, 0), (0, 0), sides)"),
        ("same_sides(", "same_sides_1d("),
        ("2D", "1D"),
        ("int | tuple[int, int] | tuple[tuple[int, int], tuple[int, int]]", "int | tuple[int, int]"),
        ("_size: int | tuple[int, int]", "_size: int | tuple[int]"),
        ("strides: int | tuple[int, int]", "strides: int | tuple[int]"),
        (_THREE, _THREE.replace("tuple[int, int]", "tuple[int]").replace("(1, 1)", "(1,)")),
        ("of height and width, an odd pixel", "of each axis, an odd element"),
        ("*self.padding", "self.padding"),
        (":, :, :, :1]", ":, :, :1]"),
        (":1, :, :, :1]", ":1, :, :1]"),
        ("[1:3]", "[1:2]"),
    ),
    3: (
        ("BilinearUpSampling2D", "TrilinearUpSampling3D"),
        ("Bilinear upsampling in the precision of its input; TensorFlow's own is float32 throughout", _LINEAR),
        ("LocalResponseNormalization(", "LocalResponseNormalization3D("),
        ("((0, 0), (0, 0), (0, 0), sides)", "((0, 0), (0, 0), (0, 0), (0, 0), sides)"),
        ("same_sides(", "same_sides_3d("),
        ("same_sides_1d(", "same_sides_3d("),
        ("2D", "3D"),
        ("1D", "3D"),
        ("int | tuple[int, int] | tuple[tuple[int, int], tuple[int, int]]", "int | tuple[int | tuple[int, int], ...]"),
        ("_size: int | tuple[int, int]", "_size: int | tuple[int, int, int]"),
        ("strides: int | tuple[int, int]", "strides: int | tuple[int, int, int]"),
        ("int | tuple[int]", "int | tuple[int, int, int]"),
        (_THREE, _THREE.replace("tuple[int, int]", "tuple[int, int, int]").replace("(1, 1)", "(1, 1, 1)")),
        ("of height and width, an odd pixel", "of each axis, an odd element"),
        (":1, :, :, :1]", ":1, :, :, :, :1]"),
        ("[:, :, :, :1]", "[:, :, :, :, :1]"),
        ("[1:3]", "[1:4]"),
        (
            "keras.ops.average_pool(\n            inputs, self.pool_size, self.strides, "
            'data_format="channels_last"\n        )',
            "pool_volumes(inputs, self.pool_size, self.strides, average=True)",
        ),
        ("(value,) if", "(value,) * 3 if"),
        (_SIZE, f"(\n            {_SIZE.replace(',)', ',) * 3')}\n        )"),
        ("enumerate([self.padding]", "enumerate(self.padding"),
    ),
}
"""What makes the helpers for images, and some for signals, those for other numbers of axes, in this order."""


def _of_rank(name: str, rank: int) -> str:
    """The helper for so many spatial axes, by the name of the one that it is made of."""
    if name.islower():
        return f"{name}_{rank}d"
    found = name if name.endswith(("1D", "2D", "1DTranspose")) else f"{name}2D"
    return re.sub("Bilinear", {1: "Linear", 3: "Trilinear"}[rank], re.sub("[12]D", f"{rank}D", found))


HELPERS: Final = Helpers(
    "archspec_keras",
    {
        _of_rank(name, rank): (name, words)
        for rank, words in _WORDS.items()
        for name in (*_OF_IMAGES, *(_OF_SIGNALS if rank > 1 else ()))
    },
)
"""What generated code may bring along."""

_WITH_FORMAT: Final = (
    *(("AveragePooling", ""), ("Conv", ""), ("Conv", "Transpose"), ("Cropping", ""), ("MaxPooling", "")),
    *(("GlobalAveragePooling", ""), ("GlobalMaxPooling", ""), ("UpSampling", ""), ("ZeroPadding", "")),
)
CHANNELS_LAST: Final = frozenset(
    {
        "Flatten",
        *(f"{kind}{axes}D{more}" for kind, more in _WITH_FORMAT for axes in (1, 2, 3)),
    }
    - {"Cropping1D", "UpSampling1D"}
)
"""Keras's layers that rows print and that take a data format: a module has names of its own for them."""

RESERVED: Final = frozenset(
    {"keras", "layers", "name", "sys", "ceil", "floor", "partial", *CHANNELS_LAST, *HELPERS.texts}
)
"""What the module imports or defines, and the argument that all functions have: no parameter may be called so."""


def helpers_of(graph: LayerGraph) -> Helpers:
    """What the source of a graph may bring along: what the rows of other packages do, too."""
    return HELPERS.adding(ROWS.helpers(graph))


def reserved(graph: LayerGraph) -> set[str]:
    """What the module of a graph imports or may define."""
    return {*RESERVED, *helpers_of(graph).texts}


def function_name(graph: LayerGraph) -> str:
    """The name of the function that makes the network."""
    return identifier(graph.name, reserved(graph))
