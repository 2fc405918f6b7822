"""Networks of keras.applications: names, counts and outputs are the library's own, from each format that it saves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import RunsModels
from archspec.codegen.registry import backend
from tests.needed import needs

pytestmark = [pytest.mark.slow, needs("keras", "torch")]
SIZE = 64
NETWORKS = {"ResNet50": ("resnet50_keras", "resnet50"), "ResNet101": ("resnet50_keras", "resnet101")}
PREPARING = {
    "EfficientNetB0": ("efficientnet_keras", "b0"),
    "EfficientNetV2B0": ("efficientnet_v2_keras", "b0"),
    "ConvNeXtTiny": ("convnext_keras", "tiny"),
    "MobileNetV3Large": ("mobilenet_v3_keras", "large"),
}
"""Networks that begin with layers which scale pixels of 0 to 255, as the library makes them unless told otherwise."""


def _original(name: str) -> Any:
    """The library's network with weights of which none leaves a trace as small as rounding."""
    import keras

    model = getattr(keras.applications, name)(weights=None, input_shape=(SIZE, SIZE, 3), classes=10)
    draw = np.random.default_rng(0)
    for variable in (each for layer in model.layers for each in layer.weights if not _prepares(layer)):
        shape = tuple(variable.shape)
        if len(shape) > 1:
            variable.assign(draw.normal(0, np.prod(shape[:-1]) ** -0.5, shape))
        else:
            positive = "variance" in variable.path or "gamma" in variable.path
            variable.assign(draw.uniform(0.5, 1.0, shape) if positive else draw.normal(0, 0.1, shape))
    return model


def _prepares(layer: Any) -> bool:
    return type(layer).__name__ in ("Rescaling", "Normalization")


@pytest.mark.parametrize("name", NETWORKS)
def test_the_network_is_the_library_s(name: str, tmp_path: Path) -> None:
    original = _original(name)
    spec, variant = NETWORKS[name]
    graph = archspec.compile(spec, variant=variant, size=SIZE, classes=10)
    assert graph.parameters + graph.buffers == original.count_params()
    ours = archspec.build(graph, "keras")
    named = {layer.name for layer in original.layers if layer.weights}
    assert {layer.name for layer in ours.layers if layer.weights} == named
    images = np.random.default_rng(1).normal(size=(2, SIZE, SIZE, 3)).astype(np.float32)
    wanted = original.predict(images, verbose=0)
    assert 0.01 < wanted.max() < 0.99
    target = backend("torch", RunsModels)
    for file in ("m.h5", "m.weights.h5", "m.keras"):
        (original.save_weights if file == "m.weights.h5" else original.save)(tmp_path / file)
        model = archspec.build(graph, "torch", weights=tmp_path / file)
        found = target.run(model, graph, {"input": images.transpose(0, 3, 1, 2)}, training=False)
        [output] = found.outputs.values()
        assert np.abs(output - wanted).max() <= 1e-5 * np.abs(wanted).max(), file


@pytest.mark.parametrize("name", PREPARING)
def test_what_scales_pixels_is_no_part_of_a_spec(name: str, tmp_path: Path) -> None:
    """The rest is the spec's: for what these layers give, and for images as `pretrained` says to prepare them."""
    import keras

    original = _original(name)
    spec, variant = PREPARING[name]
    graph = archspec.compile(spec, variant=variant, size=SIZE, classes=10)
    pixels = np.random.default_rng(1).integers(0, 256, (2, SIZE, SIZE, 3)).astype(np.uint8)
    wanted = original.predict(pixels.astype(np.float32), verbose=0)
    last = [layer for layer in original.layers if _prepares(layer)][-1]
    prepared = keras.Model(original.input, last.output).predict(pixels.astype(np.float32), verbose=0)
    said = archspec.load(spec, variant=variant).chosen_pretrained
    assert said is not None
    ours = (pixels / np.float32(255) - np.asarray(said.mean, np.float32)) / np.asarray(said.std, np.float32)
    # Without weights, EfficientNet's builders make a normalization that has seen no images, and leaves them.
    kinds = (prepared,) if name == "EfficientNetB0" else (prepared, ours)
    target = backend("torch", RunsModels)
    for file in ("m.h5", "m.weights.h5", "m.keras"):
        (original.save_weights if file == "m.weights.h5" else original.save)(tmp_path / file)
        model = archspec.build(graph, "torch", weights=tmp_path / file)
        for images in kinds:
            given = {"input": np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32)}
            [output] = target.run(model, graph, given, training=False).outputs.values()
            assert np.abs(output - wanted).max() <= 1e-5 * np.abs(wanted).max(), file
