"""Normalizations."""

from __future__ import annotations

from typing import Final

from archspec.codegen.layout import Code, call
from archspec.ir.initializers import Ones, Zeros
from archspec_keras.ops.decay import regularizers
from archspec_keras.ops.initializers import initial
from archspec_keras.ops.row import Row, Site, Step

_IMAGE: Final = 2
"""How many spatial axes an image has."""
_KERAS_EPSILON: Final = 1e-3
_KERAS_MOMENTUM: Final = 0.99
_AFFINE: Final = {"weight": "gamma", "bias": "beta"}
_RUNNING: Final = {"running_mean": "moving_mean", "running_var": "moving_variance"}


def _keywords(site: Site) -> dict[str, Code]:
    """What Keras's normalizations have in common."""
    found: dict[str, Code] = {}
    if not site.fixed("eps") or site.value("eps") != _KERAS_EPSILON:
        found["epsilon"] = site.attribute("eps")
    if not site.value("affine"):
        return found | {"center": "False", "scale": "False"}
    for name, initializer, default in (("gamma", "init", Ones()), ("beta", "bias_init", Zeros())):
        if site.value(initializer) != default:
            found[f"{name}_initializer"] = initial(site, site.value(initializer))
    return found | regularizers(site, **_AFFINE)


def _batch_norm(site: Site) -> list[Step]:
    keywords: dict[str, Code] = {}
    if not site.fixed("decay") or site.value("decay") != _KERAS_MOMENTUM:
        keywords["momentum"] = site.attribute("decay")
    unbiased = site.value("variance") == "unbiased"
    own = site.helper("UnbiasedBatchNormalization") if unbiased else "layers.BatchNormalization"
    return [Step(call(own, **keywords, **_keywords(site)))]


def _group_norm(site: Site) -> list[Step]:
    return [Step(call("layers.GroupNormalization", site.attribute("groups"), **_keywords(site)))]


def _local_response_norm(site: Site) -> list[Step]:
    name = site.helper("LocalResponseNormalization" + ("" if site.rank == _IMAGE else "{}"))
    return [Step(call(name, site.attribute("size"), **site.given(alpha="alpha", beta="beta", k="k")))]


ROWS: Final[dict[str, Row]] = {
    "batch_norm": Row(_batch_norm, {**_AFFINE, **_RUNNING}),
    "layer_norm": Row(lambda site: [Step(call("layers.LayerNormalization", **_keywords(site)))], _AFFINE),
    "group_norm": Row(_group_norm, _AFFINE),
    "instance_norm": Row(lambda site: [Step(call("layers.GroupNormalization", "-1", **_keywords(site)))], _AFFINE),
    "local_response_norm": Row(_local_response_norm),
}
