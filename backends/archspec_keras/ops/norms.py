"""Normalizations."""

from __future__ import annotations

from typing import Final

from archspec.codegen.pretty_printer import Code, call
from archspec.ir.initializers import Ones, Zeros
from archspec_keras.ops.decay import regularizers
from archspec_keras.ops.initializers import initial
from archspec_keras.ops.row import KerasRow, LayerContext, LayerStep

_IMAGE: Final = 2
"""How many spatial axes an image has."""
_KERAS_EPSILON: Final = 1e-3
_KERAS_MOMENTUM: Final = 0.99
_BATCH_NORM: Final = "BatchNormalization"
_AFFINE: Final = {"weight": "gamma", "bias": "beta"}
_RUNNING: Final = {"running_mean": "moving_mean", "running_var": "moving_variance"}


def _keywords(context: LayerContext) -> dict[str, Code]:
    """What Keras's normalizations have in common."""
    found: dict[str, Code] = {}
    if not context.fixed("eps") or context.value("eps") != _KERAS_EPSILON:
        found["epsilon"] = context.attribute("eps")
    if not context.value("affine"):
        return found | {"center": "False", "scale": "False"}
    learned = dict(_AFFINE)
    for own, weight, keras in (("shift", "bias", "center"), ("scale", "weight", "scale")):
        if own in context.use.values and not context.value(own):
            found[keras] = "False"
            del learned[weight]
    for weight, name in learned.items():
        initializer, default = ("init", Ones()) if weight == "weight" else ("bias_init", Zeros())
        if context.value(initializer) != default:
            found[f"{name}_initializer"] = initial(context, context.value(initializer))
    return found | regularizers(context, **learned)


def _batch_norm(context: LayerContext) -> list[LayerStep]:
    keywords: dict[str, Code] = {}
    if not context.fixed("decay") or context.value("decay") != _KERAS_MOMENTUM:
        keywords["momentum"] = context.attribute("decay")
    unbiased = context.value("variance") == "unbiased"
    own = context.helper(_BATCH_NORM) if unbiased else f"layers.{_BATCH_NORM}"
    keywords |= _keywords(context)
    return [LayerStep(call(own, **keywords))]


def _group_norm(context: LayerContext) -> list[LayerStep]:
    return [LayerStep(call("layers.GroupNormalization", context.attribute("groups"), **_keywords(context)))]


def _global_response_norm(context: LayerContext) -> list[LayerStep]:
    keywords = context.given(eps="epsilon")
    for own, name in (("init", "gamma"), ("bias_init", "beta")):
        if context.value(own) != Zeros():
            keywords[f"{name}_initializer"] = initial(context, context.value(own))
    keywords |= regularizers(context, **_AFFINE)
    return [LayerStep(call(context.helper("GlobalResponseNormalization"), **keywords))]


def _local_response_norm(context: LayerContext) -> list[LayerStep]:
    name = context.helper("LocalResponseNormalization" + ("" if context.rank == _IMAGE else "{}"))
    return [LayerStep(call(name, context.attribute("size"), **context.given(alpha="alpha", beta="beta", k="k")))]


ROWS: Final[dict[str, KerasRow]] = {
    "batch_norm": KerasRow(_batch_norm, {**_AFFINE, **_RUNNING}),
    "layer_norm": KerasRow(
        lambda context: [LayerStep(call("layers.LayerNormalization", **_keywords(context)))], _AFFINE
    ),
    "group_norm": KerasRow(_group_norm, _AFFINE),
    "instance_norm": KerasRow(
        lambda context: [LayerStep(call("layers.GroupNormalization", "-1", **_keywords(context)))], _AFFINE
    ),
    "global_response_norm": KerasRow(_global_response_norm, _AFFINE),
    "local_response_norm": KerasRow(_local_response_norm),
}
