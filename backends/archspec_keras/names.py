"""Names that generated Keras code cannot use for its own purposes."""

from __future__ import annotations

from typing import Final

from archspec.codegen.helpers import Helpers
from archspec.codegen.text import identifier
from archspec.ir.graph import LayerGraph
from archspec_keras.ops import ROWS

HELPERS: Final = Helpers("archspec_keras")
"""What generated code may bring along."""

CHANNELS_LAST: Final = frozenset(
    {
        *("AveragePooling2D", "Conv2D", "Conv2DTranspose", "Cropping2D", "Flatten", "MaxPooling2D"),
        *("GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D"),
        *("UpSampling2D", "ZeroPadding2D"),
    }
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
