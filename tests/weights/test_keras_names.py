"""Files of Keras's own models: layers that Keras has named itself, and those that hold two convolutions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.spec import load_text
from archspec.weights import read_weights
from archspec.weights.keras_numbering import LAYER_CLASSES
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
    assert "layers numbered from Keras's first on" in report.notes[-1]
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


def _convolutions(names: list[str], path: Path) -> dict[str, int]:
    """A file of convolutions with these names, and which number each one's weights all have."""
    inputs = x = keras.Input((8, 8, 4))
    for name in names:
        x = keras.layers.Conv2D(4, 1, name=name)(x)
    original = keras.Model(inputs, x)
    numbers = {name: number for number, name in enumerate(names, 1)}
    for name, number in numbers.items():
        original.get_layer(name).set_weights([np.full((1, 1, 4, 4), number), np.full(4, number)])
    (original.save_weights if path.name.endswith(".weights.h5") else original.save)(path)
    return numbers


def _read(path: Path, names: list[str]) -> tuple[dict[str, int], str]:
    """Of a network of convolutions with these names, which number each is given, and how the file was read."""
    lines = "".join(f"  - conv: {{name: {name}, filters: 4, kernel: 1}}\n" for name in names)
    head = "archspec: 1\nname: net\ninput: {channels: 4, height: 8, width: 8}\nlayers:\n"
    found, report = read_weights(path, archspec.compile(load_text(head + lines)), partial=True)
    given = {
        name.removesuffix(".weight"): int(array.max()) for name, array in found.items() if name.endswith(".weight")
    }
    return given, "; ".join(report.notes)


@pytest.mark.parametrize("file", ["m.weights.h5", "m.h5", "m.keras"])
@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        (["stage_3", "stage_4", "stage_5", "stage_6"], ["stage_1", "stage_2", "stage_3", "stage_4"]),
        (["conv2d_x_2", "conv2d_x_3"], ["conv2d_x", "conv2d_x_1", "conv2d_x_2"]),
        (["conv2d_3", "conv2d_4"], ["conv2d", "conv2d_1", "conv2d_2", "conv2d_3"]),
        (["conv2d_3", "conv2d_4"], ["conv2d_1", "conv2d_2", "conv2d_3"]),
    ],
)
def test_equal_names_stay(file: str, held: list[str], wanted: list[str], tmp_path: Path) -> None:
    """Names that people have given, and those of Keras's that the network has, too, mean what they say."""
    numbers = _convolutions(held, tmp_path / file)
    given, notes = _read(tmp_path / file, wanted)
    assert given == {name: numbers[name] for name in held if name in wanted}
    assert "numbered" not in notes


@pytest.mark.parametrize(
    ("held", "wanted", "note"),
    [
        (["conv2d_94", "conv2d_95"], ["conv2d", "conv2d_1"], "`conv2d_94` as `conv2d`"),
        (["conv2d_94", "conv2d_95"], ["conv2d", "conv2d_1", "conv2d_2"], "`conv2d_94` as `conv2d`"),
        (["conv2d_1", "conv2d_2", "conv2d_3"], ["conv2d", "conv2d_1", "conv2d_2"], "`conv2d_1` as `conv2d`"),
    ],
)
def test_a_shift_is_said(held: list[str], wanted: list[str], note: str, tmp_path: Path) -> None:
    _convolutions(held, tmp_path / "m.weights.h5")
    given, notes = _read(tmp_path / "m.weights.h5", wanted)
    assert list(given.values()) == [*range(1, len(held) + 1)]
    assert note in notes


def test_names_of_classes_are_keras_s() -> None:
    """Each class is there in Keras, which calls a first layer of it so."""
    naming = pytest.importorskip("keras.src.utils.naming")
    assert {naming.to_snake_case(name) for name in dir(keras.layers)} >= LAYER_CLASSES
