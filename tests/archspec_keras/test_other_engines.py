"""Signals, volumes and ids where Keras runs on JAX and on PyTorch, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.needed import needs

pytestmark = [needs("keras", "onnx"), pytest.mark.slow]

ROOT: Final = Path(__file__).resolve().parents[2]
CASES: Final = {
    "{channels: 4, length: 11}": [
        "conv: {filters: 6, kernel: 3, stride: 2, dilation: 2, padding: same}",
        "conv_transpose: {filters: 6, kernel: 3, stride: 2, groups: 2}",
        "avg_pool: {kernel: 3, stride: 2, padding: same}",
        "max_pool: {kernel: 3, stride: 2, padding: 1}",
        "pad: {padding: [1, 2], mode: edge}",
        "upsample: {factor: 3, mode: linear}",
        "pad: {padding: [1, 2], mode: circular}",
        "pad: {padding: [1, 2], mode: symmetric}",
        "upsample: {size: 7}",
        "upsample: {size: 7, mode: linear, align_corners: true}",
        "adaptive_avg_pool: {size: 3}",
        "adaptive_max_pool: {size: 3}",
        "blur_pool: {kernel: 3}",
        "batch_norm: {scale: false}",
        "clip: {min: -0.1, max: 0.3}",
        "to_tokens\n  - attention: {heads: 2, key_size: 3, branches: [[], [tanh]]}",
        "to_tokens\n  - matmul: {branches: [[], [tanh]], axis: features}",
        "local_response_norm: {size: 3}",
    ],
    "{channels: 4, depth: 5, height: 6, width: 7}": [
        "conv: {filters: 6, kernel: 3, stride: 2, dilation: 2, padding: same}",
        "conv_transpose: {filters: 6, kernel: 3, stride: 2, groups: 2}",
        "avg_pool: {kernel: 3, stride: 2, padding: same}",
        "max_pool: {kernel: 3, stride: 2, padding: 1}",
        "pad: {padding: [1, 2, 0, 1, 2, 0], mode: edge}",
        "upsample: {factor: 2, mode: trilinear}",
        "pad: {padding: [1, 2, 0, 1, 2, 0], mode: symmetric}",
        "upsample: {size: [3, 7, 9]}",
        "upsample: {size: [3, 7, 9], mode: trilinear}",
        "adaptive_avg_pool: {size: [2, 3, 4]}",
        "adaptive_max_pool: {size: [2, 3, 4]}",
        "blur_pool: {kernel: 3}",
        "local_response_norm: {size: 3}",
    ],
    "{channels: 4, height: 8, width: 9}": [
        "upsample: {size: [5, 13], mode: bicubic}",
        "upsample: {size: [5, 13], mode: bilinear, antialias: true}",
        "drop_block: {rate: 0.1, block: 3}",
        "window_attention: {heads: 2, window: [3, 4], shift: 1}",
        "window_attention: {heads: 2, window: 3, scores: cosine, shift: 2}",
        "window_attention: {heads: 2, window: 3, grid: true, names: maxvit}",
        "pad_to_multiple: {multiple: 5}",
        "roll: {shift: [1, -2]}",
        "rearrange: {pattern: 'c (h a) w -> (w h) (c a)', sizes: [-1, 2]}",
        "channel_dropout",
    ],
    "{tokens: 6, ids: 9}": ["embedding: {features: 5, weight_decay: 0.5}"],
}
CODE: Final = """
import sys
import numpy as np
import archspec
from archspec.codegen.backend import TrainsModels
from archspec.codegen.registry import backend
from archspec.parity import random_inputs, random_targets, random_weights
from archspec.spec import load_text
from tests.archspec_keras.test_other_engines import CASES
from tests.reference.evaluate import evaluate

target = backend("keras", TrainsModels)
for input, layers in CASES.items():
    for layer in layers:
        text = f"archspec: 1\\nname: case\\ninput: {input}\\nlayers:\\n  - {layer}\\n"
        graph = archspec.compile(load_text(text))
        weights, inputs = random_weights(graph), random_inputs(graph)
        model = target.build(archspec.generate(graph, "keras"), graph, weights=weights, dtype="float64")
        found = target.run(model, graph, inputs, training=False, nodes=True).outputs["output"]
        wanted = evaluate(graph, weights, inputs, training=False).values[graph.outputs["output"]]
        assert found.shape == wanted.shape, layer
        assert np.abs(found - wanted).max() <= 1e-12 * np.abs(wanted).max(), layer
        gradients = target.gradients(model, graph, inputs, random_targets(graph), nodes=True)
        assert set(gradients.inputs) == {node.path for node in graph.input_nodes if not node.type.is_ids}
        assert set(gradients.weights) == {name for name, weight in graph.all_weights.items() if weight.trainable}
        batches = [(inputs, random_targets(graph))] * 2
        losses = target.train(model, graph, batches, learning_rate=0.01, momentum=0.9)
        assert not graph.all_weights or losses[1] < losses[0], layer
"""


@pytest.mark.parametrize("engine", ["jax", "torch"])
def test_an_engine_computes_what_is_meant(engine: str) -> None:
    pytest.importorskip(engine)
    environment = {**os.environ, "KERAS_BACKEND": engine, "PYTHONPATH": str(ROOT)}
    found = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
