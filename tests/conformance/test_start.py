"""What norms, learned slopes and learned factors start with: the same on every backend, and in each way to build."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import ExchangesWeights
from archspec.codegen.registry import backend
from archspec.ir.ops.windows import MAPS
from archspec.spec import load_text
from tests.drawing import draw_anew
from tests.needed import needs

pytestmark = needs("torch", "keras")


STARTS: dict[str, dict[str, float]] = {
    "batch_norm": {"weight": 1, "bias": 0, "running_mean": 0, "running_var": 1},
    "batch_norm: {affine: false}": {"running_mean": 0, "running_var": 1},
    "layer_norm": {"weight": 1, "bias": 0},
    "group_norm: {groups: 2}": {"weight": 1, "bias": 0},
    "instance_norm": {"weight": 1, "bias": 0},
    "batch_norm: {init: zeros}": {"weight": 0, "bias": 0, "running_mean": 0, "running_var": 1},
    "batch_norm: {init: zeros, bias_init: ones}": {"weight": 0, "bias": 1, "running_mean": 0, "running_var": 1},
    "batch_norm: {bias_init: {constant: 3}, variance: biased}": {
        "weight": 1,
        "bias": 3,
        "running_mean": 0,
        "running_var": 1,
    },
    "batch_norm: {scale: false}": {"bias": 0, "running_mean": 0, "running_var": 1},
    "batch_norm: {scale: false, bias_init: ones}": {"bias": 1, "running_mean": 0, "running_var": 1},
    "batch_norm: {shift: false, variance: biased}": {"weight": 1, "running_mean": 0, "running_var": 1},
    "batch_norm: {affine: false, init: zeros}": {"running_mean": 0, "running_var": 1},
    "layer_norm: {init: zeros, bias_init: ones}": {"weight": 0, "bias": 1},
    "group_norm: {groups: 2, init: {constant: 0.5}}": {"weight": 0.5, "bias": 0},
    "instance_norm: {bias_init: ones}": {"weight": 1, "bias": 1},
    "global_response_norm": {"weight": 0, "bias": 0},
    "global_response_norm: {init: ones, bias_init: {constant: 2}}": {"weight": 1, "bias": 2},
    "prelu": {"weight": 0.25},
    "prelu: {init: -0.5}": {"weight": -0.5},
    "scale: {learned: channel, value: 0.125}": {"weight": 0.125},
    "scale: {learned: all}": {"weight": 1},
}
TOKENS = ("layer_norm", "prelu", "scale: {learned: channel, value: 0.125}", "scale: {learned: all}")


def _graph(layer: str, before: str = "") -> archspec.LayerGraph:
    text = f"archspec: 1\nname: net\ninput: {{channels: 4, height: 3, width: 2}}\nlayers:\n  - {before}{layer}\n"
    return archspec.compile(load_text(text))


CASES = [(layer, "") for layer in STARTS] + [(layer, "to_tokens\n  - ") for layer in TOKENS]


def _check(found: Mapping[str, np.ndarray[Any, Any]], layer: str) -> None:
    name = layer.partition(":")[0]
    assert found.keys() == {f"{name}.{weight}" for weight in STARTS[layer]}
    for weight, value in STARTS[layer].items():
        assert np.all(found[f"{name}.{weight}"] == value), weight


@pytest.mark.parametrize("name", ["torch", "keras"])
@pytest.mark.parametrize(("layer", "before"), CASES)
def test_start(name: str, layer: str, before: str) -> None:
    graph = _graph(layer, before)
    _check(backend(name, ExchangesWeights).export_weights(archspec.build(graph, name), graph), layer)


@pytest.mark.parametrize(("layer", "before"), CASES)
def test_everything_is_drawn_anew(layer: str, before: str) -> None:
    """A model on the meta device has memory without numbers once it is moved: modules draw them, the network last."""
    import torch

    graph = _graph(layer, before)
    model = archspec.build(graph, "torch")
    with torch.no_grad():
        for tensor in model.state_dict().values():
            tensor.fill_(7)
        model.apply(draw_anew)
    _check(backend("torch", ExchangesWeights).export_weights(model, graph), layer)


@pytest.mark.parametrize("names", MAPS)
def test_the_maps_of_windows_are_drawn_whatever_they_are_called(names: str) -> None:
    """Nothing else in the network is drawn by their rule."""
    graph = _graph(f"window_attention: {{heads: 2, window: 2, names: {names}, init: ones, bias_init: {{constant: 2}}}}")
    found = backend("torch", ExchangesWeights).export_weights(archspec.build(graph, "torch"), graph)
    for name in MAPS[names]:
        assert (found[f"window_attention.{name}.weight"] == 1).all()
        assert (found[f"window_attention.{name}.bias"] == 2).all()
