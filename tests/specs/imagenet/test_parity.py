"""The ImageNet families compute the same in both frameworks, in float64, in inference and in training."""

from __future__ import annotations

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import RunsModels
from archspec.codegen.registry import backend
from archspec.parity import random_inputs, random_weights
from tests.needed import needs

pytestmark = [needs("torch", "keras"), pytest.mark.parity]

# An even and an odd size: SAME padding differs between the two.
CASES: list[tuple[str, dict[str, object]]] = [
    ("resnet50_v1", {"size": 48}),
    ("resnext50_32x4d", {"size": 48}),
    ("wide_resnet50_2", {"size": 33, "include_top": False}),
    ("tf2_resnet34", {"size": 48}),
    ("tf2_resnet50", {"size": 33, "include_top": False}),
    ("resnet_v2_50", {"size": 48}),
    ("resnet_v2_50", {"size": 49, "classes": 0}),
    ("resnet_v2_50", {"size": 15, "include_root_block": False, "global_pool": False, "classes": 3}),
]
LONG = ("resnext50_32x4d", "wide_resnet50_2")


@pytest.mark.parametrize(
    ("name", "params"),
    [pytest.param(*case, marks=[pytest.mark.slow] * (case[0] in LONG)) for case in CASES],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_both_frameworks_compute_the_same(name: str, params: dict[str, object]) -> None:
    graph = archspec.compile(name, **params)  # type: ignore[arg-type]
    weights, inputs = random_weights(graph), random_inputs(graph, batch=2)
    targets = [backend(framework, RunsModels) for framework in ("torch", "keras")]
    models = [
        target.build(archspec.generate(graph, target.name), graph, weights=weights, dtype="float64")
        for target in targets
    ]
    for training in (False, True):
        first, second = (
            target.run(model, graph, inputs, training=training) for target, model in zip(targets, models, strict=True)
        )
        wanted, found = first.outputs["output"], second.outputs["output"]
        assert np.isfinite(wanted).all()
        assert np.abs(found - wanted).max() <= 1e-12 * np.abs(wanted).max()
        assert first.statistics.keys() == second.statistics.keys()
        for key, statistic in first.statistics.items():
            np.testing.assert_allclose(second.statistics[key], statistic, rtol=1e-9, atol=1e-9, err_msg=key)
