"""Files of Keras's own models: layers that Keras has named itself, and those that hold two convolutions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.spec import load_text
from archspec.weights import read_weights
from tests.needed import lazily, needs

keras: Any = lazily("keras")
pytestmark = needs("keras")

SPEC = """
archspec: 1
name: net
input: {{channels: 3, height: 8, width: 8}}
layers:
  - conv: {{name: conv2d, filters: 4, kernel: 3}}
  - batch_norm: {{name: batch_normalization}}
  - name: block_sep
    layers:
      - conv: {{name: depthwise, filters: 4, kernel: 3, groups: 4, bias: false}}
      - conv: {{name: pointwise, filters: 6, kernel: 1, bias: {bias}}}
  - conv: {{name: conv2d_1, filters: 4, kernel: 1}}
  - global_avg_pool
  - flatten
  - dense: {{name: dense, units: 5}}
"""


def model(biased: bool) -> Any:
    """A model whose layers are numbered after others that the process has made."""
    layers = keras.layers
    for make in (layers.Conv2D(2, 1), layers.Dense(2), layers.Dense(2), layers.BatchNormalization()):
        assert make.name
    inputs = keras.Input((8, 8, 3))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3)(inputs))
    x = layers.SeparableConv2D(6, 3, use_bias=biased, name="block_sep")(x)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 1)(x))
    found = keras.Model(inputs, layers.Dense(5)(x))
    draw = np.random.default_rng(0)
    for variable in found.weights:
        variable.assign(draw.uniform(0.5, 1, variable.shape))
    return found


@pytest.mark.parametrize("name", ["m.weights.h5", "m.h5", "m.keras"])
@pytest.mark.parametrize("biased", [False, True])
def test_names_that_keras_has_given(name: str, biased: bool, tmp_path: Path) -> None:
    original = model(biased)
    (original.save_weights if name == "m.weights.h5" else original.save)(tmp_path / name)
    graph = archspec.compile(load_text(SPEC.format(bias=str(biased).lower())))
    found, report = read_weights(tmp_path / name, graph)
    assert report.complete
    assert not report.unused
    separable, (first, second) = _of(original, "SeparableConv2D"), _all(original, "Conv2D")
    assert np.array_equal(found["conv2d.weight"], first[0].transpose(3, 2, 0, 1))
    assert np.array_equal(found["conv2d_1.weight"], second[0].transpose(3, 2, 0, 1))
    assert np.array_equal(found["block_sep.depthwise.weight"], separable[0].transpose(2, 3, 0, 1))
    assert np.array_equal(found["block_sep.pointwise.weight"], separable[1].transpose(3, 2, 0, 1))
    if biased:
        assert np.array_equal(found["block_sep.pointwise.bias"], separable[2])
    assert np.array_equal(found["dense.weight"], _of(original, "Dense")[0].T)


def _all(original: Any, kind: str) -> list[Any]:
    return [layer.get_weights() for layer in original.layers if type(layer).__name__ == kind]


def _of(original: Any, kind: str) -> Any:
    [found] = _all(original, kind)
    return found
