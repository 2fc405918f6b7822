"""Names that generated Keras code cannot use for its own purposes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from archspec.codegen.escaping import identifier
from archspec.codegen.helpers import Helpers
from archspec.expr.evaluate import MATH
from archspec.ir.graph import LayerGraph
from archspec_keras.ops import ROWS
from archspec_keras.ops.windows import VARIANTS

HELPERS: Final = Helpers(
    "archspec_keras",
    {
        "same_sides_nd": {2: "same_sides"},
        "LocalResponseNormalizationND": {2: "LocalResponseNormalization"},
        "LinearUpSamplingND": {2: "BilinearUpSampling2D", 3: "TrilinearUpSampling3D"},
    },
    variants={"WindowAttention": VARIANTS},
)
"""What generated code may bring along."""

_WITH_FORMAT: Final = (
    *(
        ("AveragePooling", ""),
        ("Conv", ""),
        ("Conv", "Transpose"),
        ("Cropping", ""),
        ("DepthwiseConv", ""),
        ("MaxPooling", ""),
    ),
    *(
        ("GlobalAveragePooling", ""),
        ("GlobalMaxPooling", ""),
        ("SpatialDropout", ""),
        ("UpSampling", ""),
        ("ZeroPadding", ""),
    ),
)
CHANNELS_LAST: Final = frozenset(
    {
        "Flatten",
        *(f"{kind}{axes}D{more}" for kind, more in _WITH_FORMAT for axes in (1, 2, 3)),
    }
    - {"Cropping1D", "DepthwiseConv3D", "SpatialDropout1D", "UpSampling1D"}
)
"""Keras's layers that rows print and that take a data format: a module has names of its own for them."""

COMMON: Final[Mapping[str, str]] = {
    **{f"Conv{axes}D": f"conv{axes}d" for axes in (1, 2, 3)},
    **{f"Conv{axes}DTranspose": f"conv{axes}d_transpose" for axes in (1, 2, 3)},
    **{f"DepthwiseConv{axes}D": f"depthwise_conv{axes}d" for axes in (1, 2)},
    "layers.Dense": "dense",
    "BatchNormalization": "batch_norm",
    "layers.BatchNormalization": "batch_norm",
    "layers.LayerNormalization": "layer_norm",
}
"""What a layer with the common arguments is called, by what is called otherwise."""

RESERVED: Final = frozenset(
    {"keras", "layers", "name", "sys", *COMMON.values(), "partial", *MATH, *CHANNELS_LAST, *HELPERS.names}
)
"""What the module imports or defines, and the argument that all functions have: no parameter may be called so."""


INFERENCE_MODEL: Final = "inference_model"
"""The function that takes out of a model what it gives in training alone, where that is something."""


def helpers_of(graph: LayerGraph) -> Helpers:
    """What the source of a graph may bring along: what the rows of other packages do, too."""
    return HELPERS.adding(ROWS.helpers(graph))


def reserved(graph: LayerGraph) -> set[str]:
    """What the module of a graph imports or may define."""
    own = {INFERENCE_MODEL} if graph.training_outputs else set[str]()
    return {*RESERVED, *helpers_of(graph).names, *own}


def function_name(graph: LayerGraph) -> str:
    """The name of the function that makes the network."""
    return identifier(graph.name, reserved(graph))
