"""The example networks: the figures of their sources; both frameworks and ONNX's evaluator give the same outputs."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import Outcome, RunsModels
from archspec.codegen.registry import backend
from archspec.errors import SpecError
from archspec.parity import random_inputs, random_weights
from archspec.passes import run_passes
from archspec.passes.resize import Resize
from docs.tutorial import FOLDER, ORDER
from tests.reference.evaluate import evaluate, modes

LARGEST = 64 * 64 * 3
"""Numbers of an input up to which ONNX's evaluator judges too: it is slow."""
NAMES = [name for name, _ in ORDER]
PARAMETERS = {
    "bert_tiny": 4_385_920,  # Turc et al. 2019, Table 1: 4.4 M; (30,522 + 512 + 2 + 2) * 128 + 2 * 198,272 + 16,512
    "lenet": 61_706,  # 156 + 2,416 + 48,120 + 10,164 + 850
    "mobilenet_v2": 3_504_872,  # torchvision's mobilenet_v2
    "r3d_18": 33_371_472,  # torchvision's r3d_18
    "text_cnn": 5_990_702,  # 18,766 * 300 + 3 * 100 + (3 + 4 + 5) * 300 * 100 + 602
    "shufflenet_v2": 2_278_604,  # torchvision's shufflenet_v2_x1_0
    "vision_transformer": 5_717_416,  # timm's vit_tiny_patch16_224
}


def test_every_example_is_in_the_tutorial() -> None:
    assert sorted(NAMES) == sorted(path.stem for path in Path(FOLDER).glob("*.yaml"))


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters(name: str) -> None:
    assert archspec.compile(name).parameters == PARAMETERS[name]


def _small(graph: archspec.LayerGraph) -> archspec.LayerGraph:
    """The network for at most 64 by 64 pixels where it takes them: what it computes at its own size takes minutes."""
    most = {1: (2048,), 2: (64, 64), 3: (8, 32, 32)}
    larger = {path: most[len(size)] for path, size in graph.spatial_sizes.items() if max(size) > 64}
    with suppress(SpecError):
        return run_passes(graph, [Resize(larger)]).graph
    return graph


@pytest.mark.parity
@pytest.mark.parametrize("name", NAMES)
def test_all_compute_the_same(name: str) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("keras")
    graph = _small(archspec.compile(name))
    weights, inputs = random_weights(graph), random_inputs(graph, batch=2)
    targets = [backend(framework, RunsModels) for framework in ("torch", "keras")]
    models = [
        target.build(archspec.generate(graph, target.name), graph, weights=weights, dtype="float64")
        for target in targets
    ]
    for training in modes(graph):  # in this order: training changes running statistics
        outcomes = [
            target.run(model, graph, inputs, training=training) for target, model in zip(targets, models, strict=True)
        ]
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
