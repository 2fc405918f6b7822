"""Normalizations."""

from __future__ import annotations

from typing import Final

from archspec.codegen.layout import Code, call
from archspec.codegen.text import literal
from archspec_keras.ops.row import Row, Site, Step

_KERAS_EPSILON: Final = 1e-3
_KERAS_MOMENTUM: Final = 0.99
_NORM: Final = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}


def _batch_norm(site: Site) -> list[Step]:
    keywords: dict[str, Code] = {}
    if not site.fixed("decay") or site.value("decay") != _KERAS_MOMENTUM:
        keywords["momentum"] = site.attribute("decay")
    if not site.fixed("eps"):
        keywords["epsilon"] = site.attribute("eps")
    elif site.value("eps") != _KERAS_EPSILON:
        keywords["epsilon"] = literal(site.value("eps")).replace("e-0", "e-")  # 1e-5, as people write it
    unbiased = site.value("variance") == "unbiased"
    own = site.helper("UnbiasedBatchNormalization") if unbiased else "layers.BatchNormalization"
    return [Step(call(own, **keywords))]


ROWS: Final[dict[str, Row]] = {
    "batch_norm": Row(_batch_norm, _NORM),
}
