"""Every op on every backend, in float64, against an evaluator that shares no code with any of them.

An op without a case here, or without a row in a backend, fails: `CASES` is one of the places that a new op touches.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import Backend, backend
from archspec.ir import OPS
from archspec.parity import random_inputs, random_weights
from archspec.spec import load_text

torch = pytest.importorskip("torch")
pytest.importorskip("keras")

from tests.reference.interpreter import evaluate  # noqa: E402  (needs PyTorch)

# For each op, layers as YAML; sizes are those of the input, odd and even.
CASES: Mapping[str, list[str]] = {
    "conv": [
        "conv: {filters: 5, kernel: 1}",
        "conv: {filters: 5, kernel: 3, padding: 1, bias: false}",
        "conv: {filters: 5, kernel: [2, 3], stride: [2, 1]}",
        "conv: {filters: 5, kernel: 2, padding: 1}",
        "conv: {filters: 6, kernel: 3, stride: 2, padding: 1, groups: 2}",
        "conv: {filters: 4, kernel: 3, groups: 4, padding: same}",
        "conv: {filters: 5, kernel: 3, stride: 2, padding: same}",
        "conv: {filters: 5, kernel: 4, stride: 3, padding: same}",
        "conv: {filters: 5, kernel: 4, padding: same}",
        "conv: {filters: 5, kernel: 5, stride: 2, padding: [0, 1, 2, 3]}",
        "conv: {filters: 5, kernel: 3, dilation: 2, padding: 2}",
        "conv: {filters: 5, kernel: 3, dilation: [1, 2], padding: same}",
        "conv: {filters: 5, kernel: 3, padding: [2, 0]}",
    ],
    "dense": ["flatten\n  - dense: {units: 6}", "flatten\n  - dense: {units: 6, bias: false}"],
    "batch_norm": [
        "batch_norm",
        "batch_norm: {eps: 0.1, decay: 0.7}",
        "batch_norm: {variance: biased, decay: 0.5}",
        "flatten\n  - batch_norm: {eps: 1e-3}",
        "flatten\n  - batch_norm: {variance: biased}",
    ],
    "identity": ["identity"],
    "relu": ["relu"],
    "sigmoid": ["sigmoid"],
    "softmax": ["softmax", "flatten\n  - softmax"],
    "dropout": ["dropout", "dropout: {rate: 0.2}"],
    "max_pool": [
        "max_pool: {kernel: 2}",
        "max_pool: {kernel: 3, stride: 2, padding: 1}",
        "max_pool: {kernel: 3, stride: 2, padding: same}",
        "max_pool: {kernel: [2, 3], stride: [1, 2], padding: same}",
        "max_pool: {kernel: 2, stride: 1, padding: [0, 1, 1, 0]}",
        "max_pool: {kernel: 3, padding: 2}",
        "relu\n  - max_pool: {kernel: 3, stride: 2, padding: 1}",
    ],
    "avg_pool": [
        "avg_pool: {kernel: 2}",
        "avg_pool: {kernel: 3, stride: 2, padding: 1}",
        "avg_pool: {kernel: 3, stride: 2, padding: 1, count_padding: true}",
        "avg_pool: {kernel: 3, stride: 2, padding: same}",
        "avg_pool: {kernel: 4, stride: 3, padding: same, count_padding: true}",
        "avg_pool: {kernel: 2, stride: 1, padding: [0, 1, 1, 0]}",
    ],
    "global_avg_pool": ["global_avg_pool", "global_avg_pool: {keep_axes: false}"],
    "flatten": ["flatten", "global_avg_pool\n  - flatten"],
    "add": ["add: [[], [conv: {filters: 4, kernel: 1}]]", "add: [[], [], [relu]]"],
    "multiply": [
        "multiply: [[], [sigmoid]]",
        "multiply: [[], [global_avg_pool, sigmoid]]",
        "multiply: [[global_avg_pool], []]",
    ],
    "concat": ["concat: [[], [conv: {filters: 3, kernel: 1}], [relu]]", "concat: [[flatten], [flatten]]"],
}
ALL = [(op, case, size) for op, cases in CASES.items() for case in cases for size in ((8, 7), (9, 12))]


def test_every_op_has_its_cases() -> None:
    assert set(CASES) == set(OPS)
    for op, cases in CASES.items():
        for case in cases:
            assert any(node.op.name == op for node in _graph(case, (8, 7)).nodes.values())


@pytest.mark.parametrize(("name", "package"), [("torch", "archspec_torch"), ("keras", "archspec_keras")])
def test_every_backend_has_a_row_for_every_op(name: str, package: str) -> None:
    import importlib

    assert set(importlib.import_module(f"{package}.ops").ROWS) == set(OPS), name


def _graph(case: str, size: tuple[int, int]) -> archspec.LayerGraph:
    text = (
        f"archspec: 1\nname: case\ninput: {{channels: 4, height: {size[0]}, width: {size[1]}}}\nlayers:\n  - {case}\n"
    )
    return archspec.compile(load_text(text))


@pytest.mark.parametrize("op", ["max_pool", "avg_pool"])
def test_a_window_of_nothing_but_padding_is_refused(op: str) -> None:
    with pytest.raises(archspec.SpecError, match="nothing but padding"):
        _graph(f"{op}: {{kernel: 2, padding: 2}}", (8, 7))


def _wanted(graph: archspec.LayerGraph, training: bool) -> Any:
    def tensors(arrays: Mapping[str, Any]) -> dict[str, Any]:
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    weights, inputs = tensors(random_weights(graph)), tensors(random_inputs(graph, batch=3))
    return evaluate(graph, weights, inputs, training=training)


def _close(found: Any, wanted: Any) -> None:
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= 1e-12 * max(np.abs(wanted).max(), 1e-300)


def conforms(target: Backend, graph: archspec.LayerGraph) -> None:
    """The model computes what the evaluator does, in both modes."""
    source = archspec.generate(graph, target.name)
    target.verify(source, graph)
    random = any(node.op.name == "dropout" for node in graph.nodes.values())
    for training in (False,) if random else (False, True):
        model = target.build(source, graph, weights=random_weights(graph), dtype="float64")
        outcome = target.run(model, graph, random_inputs(graph, batch=3), training=training)
        wanted = _wanted(graph, training)
        _close(outcome.outputs["output"], wanted.values[graph.outputs["output"]].numpy())
        for name, tensor in wanted.statistics.items():
            _close(outcome.statistics[name], tensor.numpy())


@pytest.mark.parametrize(("op", "case", "size"), ALL)
def test_torch(op: str, case: str, size: tuple[int, int]) -> None:
    conforms(backend("torch"), _graph(case, size))


@pytest.mark.parametrize(("op", "case", "size"), ALL)
def test_keras(op: str, case: str, size: tuple[int, int]) -> None:
    conforms(backend("keras"), _graph(case, size))


@pytest.mark.parametrize("name", ["torch", "keras"])
def test_dropout_in_training(name: str) -> None:
    """About `rate` of the elements are zero, the others are divided by what is left."""
    graph, target = _graph("dropout: {rate: 0.25}", (64, 64)), backend(name)
    model = target.build(archspec.generate(graph, name), graph)
    x = np.ones((2, 4, 64, 64), np.float32)
    y = target.run(model, graph, {"input": x}, training=True).outputs["output"]
    kept = y != 0
    assert np.allclose(y[kept], 1 / 0.75)
    assert abs(kept.mean() - 0.75) < 0.02
