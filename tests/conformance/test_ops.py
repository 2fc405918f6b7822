"""Every op on every backend, in float64, against ONNX's definition of it, run by ONNX's own reference evaluator.

An op without a case here, or without a row in a backend, fails: `cases` is one of the places that a new op touches.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import PacksModels, TrainsModels
from archspec.codegen.registry import backend
from archspec.ir import OPS
from archspec.parity import random_inputs, random_weights
from tests.archspec_onnx.engines import agree
from tests.conformance.cases import CASES
from tests.conformance.graphs import graph_of
from tests.needed import needs
from tests.reference.evaluate import Evaluation, evaluations

pytestmark = needs("torch", "keras", "onnxruntime")


ALL = [(op, case, size) for op, cases in CASES.items() for case in cases for size in ((8, 7), (9, 12))]


def test_every_op_has_its_cases() -> None:
    assert set(CASES) == set(OPS)
    for op, cases in CASES.items():
        for case in cases:
            assert any(node.op.name == op for node in graph_of(case, (8, 7)).nodes.values())


@pytest.mark.parametrize(
    ("name", "package"), [("torch", "archspec_torch"), ("keras", "archspec_keras"), ("onnx", "archspec_onnx")]
)
def test_every_backend_has_a_row_for_every_op(name: str, package: str) -> None:
    import importlib

    assert set(importlib.import_module(f"{package}.ops").ROWS) == set(OPS), name


@pytest.mark.parametrize("op", ["max_pool", "avg_pool"])
def test_a_window_of_nothing_but_padding_is_refused(op: str) -> None:
    with pytest.raises(archspec.SpecError, match="nothing but padding"):
        graph_of(f"{op}: {{kernel: 2, padding: 2}}", (8, 7))


def _close(found: Any, wanted: Any) -> None:
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= 1e-12 * max(np.abs(wanted).max(), 1e-300)


def judged(graph: archspec.LayerGraph) -> dict[bool, Evaluation]:
    return evaluations(graph, random_weights(graph), random_inputs(graph, batch=3))


def conforms(graph: archspec.LayerGraph, wanted: Mapping[bool, Evaluation] | None = None) -> None:
    """The models of PyTorch and Keras compute what the evaluator does, in both modes, and node by node."""
    wanted, inputs = wanted or judged(graph), random_inputs(graph, batch=3)
    for target in (backend("torch", TrainsModels), backend("keras", TrainsModels)):
        source = archspec.generate(graph, target.name)
        target.verify(source, graph)
        model = target.build(source, graph, weights=random_weights(graph), dtype="float64")
        found = target.run(model, graph, inputs, training=False, nodes=True)
        assert found.nodes.keys() == graph.types.keys()
        for path, array in wanted[False].values.items():
            _close(found.nodes[path], array)
        for training, values in wanted.items():  # inference first: training changes running statistics
            outcome = target.run(model, graph, inputs, training=True) if training else found
            _close(outcome.outputs["output"], values.values[graph.outputs["output"]])
            for name, array in values.statistics.items():
                _close(outcome.statistics[name], array)


@pytest.mark.parametrize(("op", "case", "size"), ALL)
def test_every_backend_computes_a_case(op: str, case: str, size: tuple[int, int]) -> None:
    """In float64 on PyTorch and Keras; as ONNX model valid in both types, and run in float32 on both engines."""
    graph = graph_of(case, size)
    wanted = judged(graph)
    conforms(graph, wanted)
    for dtype in ("float32", "float64"):
        target = backend("onnx", PacksModels)
        target.verify(target.render(graph, dtype=dtype), graph)
    for training, values in wanted.items():
        agree(graph, values, training=training)


def _trained_on(name: str, model: Any, x: Any) -> Any:
    """What a model of ones gives in training mode, called as users do: `Backend.run` drops nothing."""
    if name == "torch":
        import torch

        return model.train()(torch.from_numpy(x)).detach().numpy()
    return np.asarray(model(x.transpose(0, 2, 3, 1), training=True))


@pytest.mark.parametrize("name", ["torch", "keras"])
def test_dropout_in_training(name: str) -> None:
    """About `rate` of the elements are zero, the others are divided by what is left."""
    graph, target = graph_of("dropout: {rate: 0.25}", (64, 64)), backend(name, TrainsModels)
    model = target.build(archspec.generate(graph, name), graph)
    x = np.ones((2, 4, 64, 64), np.float32)
    y = _trained_on(name, model, x)
    kept = y != 0
    assert np.allclose(y[kept], 1 / 0.75)
    assert abs(kept.mean() - 0.75) < 0.02


@pytest.mark.parametrize("name", ["torch", "keras"])
@pytest.mark.parametrize("before", ["", "to_tokens\n  - ", "flatten\n  - "])
def test_drop_path_in_training(name: str, before: str) -> None:
    """About `rate` of the examples are zero as a whole, the others are divided by what is left."""
    graph, target = graph_of(f"{before}drop_path: {{rate: 0.25}}", (3, 2)), backend(name, TrainsModels)
    model = target.build(archspec.generate(graph, name), graph)
    x = np.ones((4000, 4, 3, 2), np.float32)
    y = _trained_on(name, model, x).reshape(4000, -1)
    kept = y.any(axis=1)
    assert np.allclose(y[kept], 1 / 0.75)
    assert abs(kept.mean() - 0.75) < 0.03


@pytest.mark.parametrize("name", ["torch", "keras"])
def test_channel_dropout_in_training(name: str) -> None:
    """About `rate` of the channels are zero as a whole, each example's by themselves; the others are divided."""
    graph, target = graph_of("channel_dropout: {rate: 0.25}", (3, 2)), backend(name, TrainsModels)
    model = target.build(archspec.generate(graph, name), graph)
    y = _trained_on(name, model, np.ones((1000, 4, 3, 2), np.float32))
    channels = y.reshape(1000, 4, 6) if name == "torch" else y.reshape(1000, 6, 4).transpose(0, 2, 1)
    kept = channels.any(axis=2)
    assert (channels.all(axis=2) == kept).all()
    assert np.allclose(channels[kept], 1 / 0.75)
    assert abs(kept.mean() - 0.75) < 0.03


@pytest.mark.parametrize("name", ["torch", "keras"])
def test_drop_block_in_training(name: str) -> None:
    """Each zero lies in a square of zeros within its channel; about `rate` are zero, and the mean stays what it was."""
    graph, target = graph_of("drop_block: {rate: 0.1, block: 3}", (16, 20)), backend(name, TrainsModels)
    model = target.build(archspec.generate(graph, name), graph)
    y = _trained_on(name, model, np.ones((50, 4, 16, 20), np.float32))
    images = (y if name == "torch" else y.transpose(0, 3, 1, 2)).reshape(200, 16, 20)
    zero = images == 0
    whole = np.lib.stride_tricks.sliding_window_view(zero, (3, 3), axis=(1, 2)).all(axis=(3, 4))
    covered = np.zeros_like(zero)
    for row, column in np.ndindex(3, 3):
        covered[:, row : row + 14, column : column + 18] |= whole
    assert (covered == zero).all()
    assert 0.07 < zero.mean() < 0.11
    assert np.allclose(images[~zero], 1 / (1 - zero.mean()), rtol=1e-5)
    assert len({*zero.reshape(200, -1).sum(axis=1).tolist()}) > 5  # no two channels alike, but by chance
    assert (target.run(model, graph, random_inputs(graph), training=False).outputs["output"] != 0).all()
