"""Attention within windows of an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from archspec.codegen.pretty_printer import call
from archspec.codegen.window_classes import variants, window_class
from archspec_keras.ops.initializers import weights
from archspec_keras.ops.row import KerasRow, LayerContext, LayerStep, VariableLayout

VARIANTS: Final = variants(named=False)
"""The layers for it, and what the template of each has to print."""


def _window_attention(context: LayerContext) -> list[LayerStep]:
    made = window_class(context.use, named=False)
    given = context.given(**{name: name for name in made.arguments})
    words = (context.attribute(word) for word in ("heads", "window"))
    return [LayerStep(call(context.helper(made.name), *words, **given, **weights(context)))]


_AS_IT_IS: Final = ((0,), (1,))
_VARIABLES: Final[Mapping[str, str | VariableLayout]] = {
    **{f"{name}.weight": "qkv.kernel" for name in ("qkv", "to_qkv")},
    **{f"{name}.bias": "qkv.bias" for name in ("qkv", "to_qkv")},
    **{f"{name}.weight": "proj.kernel" for name in ("proj", "merge")},
    **{f"{name}.bias": "proj.bias" for name in ("proj", "merge")},
    "relative_position_bias_table": VariableLayout(("relative_position_bias_table",), _AS_IT_IS),
    "rel_pos.relative_position_bias_table": VariableLayout(("relative_position_bias_table",), ((0,), (1,), (2,))),
    "q_bias": "q_bias",
    "v_bias": "v_bias",
    "logit_scale": VariableLayout(("logit_scale",), ((0,), (1,), (2,))),
    "cpb_mlp.0.weight": "cpb_hidden.kernel",
    "cpb_mlp.0.bias": "cpb_hidden.bias",
    "cpb_mlp.2.weight": "cpb_out.kernel",
}

ROWS: Final[dict[str, KerasRow]] = {"window_attention": KerasRow(_window_attention, _VARIABLES)}
