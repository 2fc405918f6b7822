"""The tensors that a model with taps gives are those of the whole network, on both backends, in float64."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import ExchangesWeights, RunsModels
from archspec.codegen.registry import backend
from archspec.parity import random_inputs, random_weights
from archspec.passes import run_passes
from archspec.passes.select_outputs import SelectOutputs
from archspec.weights import fitting
from tests.reference.evaluate import evaluate

SMALL = {"size": 64, "classes": 10}
CASES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "stages": ("resnet50", SMALL, ["layer1", "layer2", "layer3", "layer4"]),
    "one": ("resnet18", SMALL, ["layer3"]),
    "units": ("resnet50", SMALL, ["layer2.0", "layer2.2", "layer3.1", "bn1", "layer2"]),
    "skips": ("unet", {"width": 4}, ["full", "quarter", "up2", "bottom", "input"]),
    "named rounds": ("tests/zoo/unit_patterns.yaml", {}, ["input", "block1.unit_2", "block1"]),
    "rounds": ("tests/zoo/repeat_with_index.yaml", {}, []),
    "rounds with a tap from outside": ("tests/zoo/repeat_with_outer_tap.yaml", {}, []),
    "numbered rows": ("tests/zoo/vgg.yaml", {}, ["features.3", "features.8", "features", "classifier.1"]),
    "conditions by round": ("tests/zoo/conditional_in_repeat.yaml", {}, []),
    "outputs of blocks": ("tests/zoo/block_outputs.yaml", {}, []),
}


def everything(graph: archspec.LayerGraph) -> list[str]:
    """The items at the top of a network, the units of its stages, and its taps."""
    found = [*graph.inputs, *graph.taps]
    for item in graph.root.body.items:
        if path := getattr(item, "path", None):
            found += [path, *(scope.path for scope in getattr(item, "iterations", ()))]
    return found


@pytest.mark.parity
@pytest.mark.parametrize("framework", ["torch", "keras"])
@pytest.mark.parametrize("case", CASES)
def test_taps_are_the_nodes_of_the_whole_network(framework: str, case: str) -> None:
    pytest.importorskip(framework)
    source, params, names = CASES[case]
    whole = archspec.compile(archspec.load(source, **params))
    weights, inputs = random_weights(whole), random_inputs(whole, batch=2)
    values = evaluate(whole, weights, inputs, training=False).values
    graph = run_passes(whole, (SelectOutputs(tuple(names or everything(whole))),)).graph
    assert len(graph.nodes) < len(whole.nodes) or not names
    target = backend(framework, RunsModels)
    arrays = fitting(weights, graph)  # those of the whole network
    source = archspec.generate(graph, framework)
    target.verify(source, graph)  # a model whose weights are given draws none
    model = target.build(source, graph, weights=arrays, dtype="float64")
    found = target.run(model, graph, inputs, training=False).outputs
    assert found.keys() == graph.outputs.keys()
    for name, array in found.items():
        wanted = values[graph.outputs[name]]
        assert array.shape == wanted.shape
        assert np.abs(array - wanted).max() <= 1e-11 * max(np.abs(wanted).max(), 1e-300), name


@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_a_model_gives_a_dict(framework: str) -> None:
    pytest.importorskip(framework)
    model = archspec.build("resnet18", backend=framework, taps=["layer1.0"], size=32)
    if framework == "torch":
        import torch

        outputs = model(torch.zeros(1, 3, 32, 32))
        assert {name: tuple(array.shape) for name, array in outputs.items()} == {"layer1.0": (1, 64, 8, 8)}
        assert sorted(name for name, _ in model.named_children()) == ["bn1", "conv1", "layer1", "max_pool", "relu"]
    else:
        outputs = model(np.zeros((1, 32, 32, 3), np.float32))
        assert {name: tuple(array.shape) for name, array in outputs.items()} == {"layer1.0": (1, 8, 8, 64)}
        assert model.layers[-1].name == "layer1_0_relu_2"


@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_weights_come_and_go(framework: str, tmp_path: Path) -> None:
    """A file of the whole network goes in; what is saved has the weights that are there, and goes in, too."""
    pytest.importorskip(framework)
    options = {"taps": ["layer1"], "size": 32}
    whole, graph = archspec.compile("resnet18"), archspec.compile("resnet18", taps=["layer1"], size=32)
    arrays = {name: array.astype(np.float32) for name, array in random_weights(whole).items()}
    model = archspec.build("resnet18", backend=framework, weights=arrays, **options)  # type: ignore[arg-type]
    archspec.save_weights(model, tmp_path / "w.safetensors", "resnet18", framework, **options)  # type: ignore[arg-type]
    for weights in (arrays, tmp_path / "w.safetensors"):
        other = archspec.build(graph, backend=framework)
        report = archspec.load_weights(other, weights, graph, framework)
        assert report == archspec.WeightsReport(loaded=tuple(graph.all_weights))
        held = backend(framework, ExchangesWeights).export_weights(other, graph)
        assert all(np.array_equal(held[name], arrays[name]) for name in graph.all_weights)


def test_a_model_of_the_whole_network_is_refused() -> None:
    pytest.importorskip("torch")
    graph = archspec.compile("resnet18", taps=["layer1"])
    model = archspec.build("resnet18", backend="torch")
    with pytest.raises(archspec.WeightsError, match=r"unexpected: layer2\.0\.conv1\.weight"):
        archspec.load_weights(model, random_weights(graph), graph, "torch")


def test_strange_weights_are_refused_as_ever() -> None:
    graph = archspec.compile("resnet18", taps=["layer1"])
    arrays = {**random_weights(graph), "head.weight": np.zeros(3)}
    with pytest.raises(archspec.WeightsError, match=r"1 unexpected: head\.weight"):
        fitting(arrays, graph)
