"""Normalizations."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from archspec.codegen.escaping import literal
from archspec.codegen.pretty_printer import Code, call, lay_out
from archspec.ir.graph import LayerGraph
from archspec.ir.initializers import Ones, Zeros
from archspec.ir.ops import BatchNorm
from archspec_keras.ops.decay import regularizers
from archspec_keras.ops.initializers import initial
from archspec_keras.ops.row import KerasRow, LayerContext, LayerStep

_IMAGE: Final = 2
"""How many spatial axes an image has."""
_KERAS_EPSILON: Final = 1e-3
_KERAS_MOMENTUM: Final = 0.99
BATCH_NORM: Final = "BatchNormalization"
COMMON_BATCH_NORM: Final = "batch_norm"
"""What a module calls batch norm with the arguments that all of its have."""
_MANY: Final = 8
"""Batch norms from which on their arguments are written once."""
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
    own = context.helper(BATCH_NORM) if unbiased else f"layers.{BATCH_NORM}"
    keywords |= _keywords(context)
    common = common_batch_norm(context.graph)
    if common is not None:
        own = COMMON_BATCH_NORM
        keywords = {name: code for name, code in keywords.items() if name not in common}
    return [LayerStep(call(own, **keywords))]


def common_batch_norm(graph: LayerGraph) -> Mapping[str, Code] | None:
    """The arguments that all of a network's batch norms have, where these are many; None where they differ.

    A module has them once, in a function `batch_norm`.
    """
    nodes = [node for node in graph.nodes.values() if isinstance(node.op, BatchNorm)]
    if len(nodes) < _MANY or any({"decay", "eps"} & node.exprs.keys() for node in nodes):
        return None
    found = {(op.decay, op.eps, op.variance) for node in nodes if isinstance(op := node.op, BatchNorm)}
    if len(found) > 1:
        return None
    [(decay, eps, _)] = found
    given = {"momentum": (decay, _KERAS_MOMENTUM), "epsilon": (eps, _KERAS_EPSILON)}
    return {name: literal(value) for name, (value, usual) in given.items() if value != usual} or None


def declared_batch_norm(graph: LayerGraph, used: Collection[str]) -> list[str]:
    """The line that declares `batch_norm`, where `used` has it."""
    common = common_batch_norm(graph)
    if common is None or COMMON_BATCH_NORM not in used:
        return []
    unbiased = any(isinstance(op := node.op, BatchNorm) and op.variance == "unbiased" for node in graph.nodes.values())
    own = BATCH_NORM if unbiased else f"layers.{BATCH_NORM}"
    return lay_out(call("partial", own, **common), 0, f"{COMMON_BATCH_NORM} = ")


def _group_norm(context: LayerContext) -> list[LayerStep]:
    return [LayerStep(call("layers.GroupNormalization", context.attribute("groups"), **_keywords(context)))]


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
    "local_response_norm": KerasRow(_local_response_norm),
}
