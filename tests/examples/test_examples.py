"""The example networks: the figures of their sources; both frameworks and ONNX's evaluator give the same outputs."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import Outcome, backend
from archspec.parity import random_inputs, random_weights
from docs.tutorial import FOLDER, ORDER
from tests.reference.evaluate import RANDOM, evaluate

LARGEST = 64 * 64 * 3
"""Numbers of an input up to which ONNX's evaluator judges too: it is slow."""
NAMES = [name for name, _ in ORDER]
PARAMETERS = {
    "lenet": 61_706,  # 156 + 2,416 + 48,120 + 10,164 + 850
    "mobilenet_v2": 3_504_872,  # torchvision's mobilenet_v2
    "shufflenet_v2": 2_278_604,  # torchvision's shufflenet_v2_x1_0
    "vision_transformer": 5_717_416,  # timm's vit_tiny_patch16_224
}


def test_every_example_is_in_the_tutorial() -> None:
    assert sorted(NAMES) == sorted(path.stem for path in Path(FOLDER).glob("*.yaml"))


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters(name: str) -> None:
    assert archspec.compile(name).parameters == PARAMETERS[name]


@pytest.mark.parity
@pytest.mark.parametrize("name", NAMES)
def test_all_compute_the_same(name: str) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("keras")
    graph = archspec.compile(name)
    weights, inputs = random_weights(graph), random_inputs(graph, batch=2)
    random = any(node.op.name in RANDOM for node in graph.nodes.values())
    for training in (False,) if random else (False, True):
        outcomes = []
        for framework in ("torch", "keras"):
            target = backend(framework)
            model = target.build(archspec.generate(graph, framework), graph, weights=weights, dtype="float64")
            outcomes.append(target.run(model, graph, inputs, training=training))
        if max(math.prod(graph.nodes[path].shape) for path in graph.inputs) <= LARGEST:
            judged = evaluate(graph, weights, inputs, training=training)
            outcomes.append(
                Outcome({name: judged.values[path] for name, path in graph.outputs.items()}, judged.statistics)
            )
        first, *others = outcomes
        assert first.outputs.keys() == graph.outputs.keys()
        for other in others:
            for kind in ("outputs", "statistics"):
                assert getattr(first, kind).keys() == getattr(other, kind).keys()
                for name, found in getattr(first, kind).items():
                    assert np.isfinite(found).all()
                    scale = max(float(np.abs(found).max()), 1e-300)
                    assert float(np.abs(found - getattr(other, kind)[name]).max()) <= 1e-12 * scale, name
