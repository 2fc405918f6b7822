"""What the specs for keras.applications say of its weights is what Keras says, and pixels are prepared as there.

`python -m benchmarks.keras_pretrained --write` wrote the table; most tests need only that.
"""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any, Final

import numpy as np
import pytest

import archspec
from archspec.api import loaded
from archspec.prediction import Preprocessing
from benchmarks.keras_pretrained import MODES, PATH, module_of
from tests.needed import needs

ROWS: Final[list[dict[str, Any]]] = json.loads(PATH.read_text(encoding="utf-8"))
OWN_BEGINNING: Final = ("EfficientNet", "ConvNeXt", "MobileNetV3")
"""Builders whose `preprocess_input` does nothing: their networks begin with it."""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["builder"])
def test_a_spec_says_what_keras_says(row: dict[str, Any]) -> None:
    spec = loaded(row["spec"], row["params"])
    held = spec.chosen_pretrained
    assert held is not None
    assert (held.weights, held.sha256, held.md5, held.source) == tuple(
        row[key] for key in ("weights", "sha256", "md5", "source")
    )
    mode = MODES[row["mode"]]
    assert (held.channels, held.range) == (mode.get("channels", "rgb"), mode.get("range", 1))
    for given, meant in ((held.mean, mode["mean"]), (held.std, mode.get("std", 1))):
        np.testing.assert_array_equal(np.broadcast_to(given, 3), np.broadcast_to(meant, 3))
    assert held.classes is not None
    assert len(held.classes) == 1000
    graph = archspec.compile(spec)
    assert Preprocessing.of(held, graph).shape == graph.input_nodes[0].type.sizes


@pytest.mark.slow
@needs("keras")
@pytest.mark.parametrize("row", ROWS[::3], ids=lambda row: row["builder"])
def test_pixels_are_prepared_as_by_keras(row: dict[str, Any]) -> None:
    """By the builder's own `preprocess_input`, on numbers from 0 to 255."""
    from PIL import Image

    if row["builder"].startswith(OWN_BEGINNING):
        pytest.skip("its network begins with it")
    size = row["size"][0]
    pixels = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    prepared = archspec.preprocessing(row["spec"], **row["params"])([Image.fromarray(pixels)], channels_last=True)
    module = import_module(f"keras.applications.{module_of(row['builder'])}")
    expected = module.preprocess_input(pixels.astype(np.float32), data_format="channels_last")
    np.testing.assert_allclose(prepared[0], expected, rtol=0, atol=2e-5)
