"""PyTorch and Keras have the same gradients, in float64, of ops that are written in another way in each of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import TrainsModels
from archspec.codegen.registry import backend
from archspec.parity import random_inputs, random_targets, random_weights
from tests.conformance.graphs import graph_of
from tests.needed import needs

pytestmark = needs("torch", "keras")

CASES = [
    "batch_norm: {scale: false}",
    "batch_norm: {shift: false, variance: biased}",
    "upsample: {size: [11, 5]}",
    "upsample: {size: [11, 5], mode: nearest_exact}",
    "upsample: {size: [11, 5], mode: bilinear, align_corners: true}",
    "upsample: {factor: 2, mode: bicubic}",
    "upsample: {size: [3, 13], mode: bilinear, antialias: true}",
    "upsample: {size: [3, 15], mode: bicubic, antialias: true}",
    "tap: x\n  - max_pool: {kernel: 2}\n  - upsample: {branches: [[], {from: x}], mode: bilinear}",
    "pad: {padding: [0, 3, 2, 6], mode: symmetric}",
    "pad: {padding: [0, 3, 2, 6], mode: circular}",
    "adaptive_max_pool: {size: [3, 4]}",
    "blur_pool: {kernel: 4, stride: 2}",
    "clip: {min: -0.5, max: 0.25}",
    "minimum: [[], [conv: {filters: 4, kernel: 1}]]",
    "subtract: [[avg_pool: {kernel: 3, stride: 1, padding: 1}], []]",
    "divide: [[], [conv: {filters: 1, kernel: 1}, sigmoid]]",
    "to_tokens\n  - matmul: {branches: [dense: {units: 3}, [dense: {units: 3}]], axis: features}",
    "to_tokens\n  - attention: {heads: 3, key_size: 5, value_size: 2, bias: false, out_bias: true}",
    "to_tokens\n  - attention: {heads: 2, branches: [[], [transpose, dense: {units: 5}]], bias_decay: 0.5}",
    "window_attention: {heads: 2, window: [4, 5], shift: 2}",
    "window_attention: {heads: 2, window: 4, scores: cosine, shift: 1}",
    "window_attention: {heads: 4, window: 3, grid: true, names: maxvit, scale: 0.25}",
]


@pytest.mark.parametrize("case", CASES)
def test_the_gradients_of_two_frameworks(case: str) -> None:
    graph = graph_of(f"conv: {{filters: 4, kernel: 3, padding: 1}}\n  - {case}", (9, 12))
    weights, inputs, targets = random_weights(graph), random_inputs(graph, batch=3), random_targets(graph, batch=3)
    found: list[Any] = []
    for name in ("torch", "keras"):
        target = backend(name, TrainsModels)
        source = target.render(graph)
        target.verify(source, graph)  # a model whose weights are given draws none
        model = target.build(source, graph, weights=weights, dtype="float64")
        found.append(target.gradients(model, graph, inputs, targets))
    for one, other in ((found[0].weights, found[1].weights), (found[0].inputs, found[1].inputs)):
        assert one.keys() == other.keys()
        largest = max(float(np.abs(array).max()) for array in one.values())
        assert largest > 0
        for name, array in one.items():
            assert np.abs(array - other[name]).max() <= 1e-10 * largest, name


@pytest.mark.slow
def test_keras_saves_and_loads_what_its_helpers_compute(tmp_path: Path) -> None:
    """A file of each model, loaded in a process that imported nothing but the modules."""
    import keras

    names = []
    for index, case in enumerate(CASES):
        graph = graph_of(case, (9, 12))
        source = archspec.generate(graph, "keras")
        names.append(f"case_{index}")
        (tmp_path / f"case_{index}.py").write_text(source)
        model = archspec.build(graph, "keras", seed=0)
        x = np.random.default_rng(0).normal(size=(2, 9, 12, 4)).astype("float32")
        np.save(tmp_path / f"case_{index}.npy", keras.ops.convert_to_numpy(model(x)))
        np.save(tmp_path / "x.npy", x)
        model.save(tmp_path / f"case_{index}.keras")
    code = (
        "import importlib, keras, numpy as np\n"
        f"for name in {names!r}:\n"
        "    importlib.import_module(name)\n"
        "    model = keras.saving.load_model(name + '.keras')\n"
        "    found = keras.ops.convert_to_numpy(model(np.load('x.npy')))\n"
        "    np.testing.assert_allclose(found, np.load(name + '.npy'), rtol=1e-5, atol=1e-5)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


@pytest.mark.parametrize("name", ["torch", "keras"])
def test_attention_of_maps_apart_is_drawn_as_the_spec_says(name: str) -> None:
    from archspec.codegen.backend import ExchangesWeights

    text = (
        "to_tokens\n  - dense: {units: 64, init: ones}\n  - attention: {name: a, heads: 2, key_size: 32, bias: false, "
        "out_bias: true, init: {uniform: 0.5}, bias_init: ones}\n"
        "  - attention: {name: b, heads: 4, value_size: 8, init: xavier_uniform, bias_init: {constant: 2}}"
    )
    graph = graph_of(text, (4, 4))
    found = backend(name, ExchangesWeights).export_weights(archspec.build(graph, name), graph)
    assert {key: array.shape for key, array in found.items()} == {k: w.shape for k, w in graph.all_weights.items()}
    for part in "qkvo":
        assert 0.45 < np.abs(found[f"a.{part}_proj.weight"]).max() <= 0.5
        limit = (6 / sum(found[f"b.{part}_proj.weight"].shape)) ** 0.5
        assert 0.95 * limit < np.abs(found[f"b.{part}_proj.weight"]).max() <= limit
        assert (found[f"b.{part}_proj.bias"] == 2).all()
    assert (found["a.o_proj.bias"] == 1).all()
    assert not (found["a.q_proj.weight"] == found["a.k_proj.weight"]).any()
    assert (found["dense.weight"] == 1).all()
