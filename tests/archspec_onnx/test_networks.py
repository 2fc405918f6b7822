"""Every network of `tests/zoo` as an ONNX model, on both engines, flat and with functions, at other sizes."""

from __future__ import annotations

from contextlib import suppress
from functools import cache

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import RunsModels
from archspec.codegen.registry import backend
from archspec.errors import SpecError
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec.parity import random_inputs, random_weights
from archspec.passes import run_passes
from archspec.passes.resize import Resize
from archspec.spec import load_text
from archspec_onnx import backend as TARGET
from tests.archspec_onnx.engines import agree, close, outcome
from tests.conformance.cases import CASES
from tests.conformance.graphs import graph_of
from tests.needed import needs
from tests.reference.evaluate import evaluate, evaluations
from tests.zoo import NETWORKS

pytestmark = needs("onnxruntime")


@cache
def compiled(name: str) -> LayerGraph:
    return archspec.compile(load_text(NETWORKS[name], name=f"{name}.yaml"))


@pytest.mark.parametrize("functions", [False, True], ids=["flat", "functions"])
@pytest.mark.parametrize("name", NETWORKS)
def test_models_are_valid_and_always_the_same_bytes(name: str, functions: bool) -> None:
    graph = compiled(name)
    source = TARGET.render(graph, functions=functions)
    TARGET.verify(source, graph)
    again = archspec.compile(load_text(NETWORKS[name], name=f"{name}.yaml"))
    assert TARGET.render(again, functions=functions) == source


@pytest.mark.parametrize("name", NETWORKS)
def test_engines_and_pytorch_agree_with_float64(name: str) -> None:
    """Every node on both engines in float32, and the outputs of PyTorch in float64."""
    graph = compiled(name)
    weights, inputs = random_weights(graph), random_inputs(graph, batch=3)
    wanted = evaluations(graph, weights, inputs)
    for training, values in wanted.items():
        agree(graph, values, training=training)
    pytest.importorskip("torch")
    model = archspec.build(graph, "torch", weights=weights, dtype="float64")
    outputs = {name: wanted[False].values[path] for name, path in evaluated(graph).outputs.items()}
    close(outputs, backend("torch", RunsModels).run(model, graph, inputs, training=False).outputs, 1e-12)


@pytest.mark.parametrize("name", NETWORKS)
def test_functions_change_no_number(name: str) -> None:
    flat, with_functions = (outcome(compiled(name), "onnxruntime", functions=given) for given in (False, True))
    close(with_functions.outputs, flat.outputs, 1e-6)


def _twice(graph: LayerGraph) -> LayerGraph | None:
    from archspec_onnx.source import twice

    return twice(graph)


def _other_size(graph: LayerGraph) -> LayerGraph:
    """The network for images of another size, odd where it allows that."""
    odd = {
        path: tuple(size + (5 if axis == 0 else 2) for axis, size in enumerate(sizes))
        for path, sizes in graph.spatial_sizes.items()
    }
    with suppress(SpecError):
        return run_passes(graph, [Resize(odd)]).graph
    found = _twice(graph)
    assert found is not None
    return found


def _runs_at(graph: LayerGraph, other: LayerGraph) -> None:
    weights = random_weights(graph)
    wanted = evaluate(other, weights, random_inputs(other, batch=3), training=False)
    for engine in ("onnxruntime", "reference"):
        found = outcome(graph, engine, sized=other)
        close(found.outputs, {name: wanted.values[path] for name, path in evaluated(graph).outputs.items()})


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_that_allow_another_size_take_it(name: str) -> None:
    graph = compiled(name)
    if _twice(graph) is None:
        _is_of_one_size(graph)
    else:
        _runs_at(graph, _other_size(graph))


def _is_of_one_size(graph: LayerGraph) -> None:
    source = TARGET.build(TARGET.render(graph), graph)
    assert not any(dim.dim_param for value in source.graph.input for dim in value.type.tensor_type.shape.dim[1:])


@pytest.mark.parametrize("case", [case for cases in CASES.values() for case in cases if "flatten" not in case])
def test_ops_take_another_size(case: str) -> None:
    graph = graph_of(case, (8, 8))
    if _twice(graph) is None:
        _is_of_one_size(graph)
        return
    for size in ((9, 12), (16, 16)):
        try:
            other = graph_of(case, size)
        except SpecError:  # a multiple of a block
            continue
        _runs_at(graph, other)


def test_a_roll_goes_round_an_image_that_is_smaller_than_it() -> None:
    from onnxruntime import InferenceSession

    graph = graph_of("roll: {shift: [-6, 6]}", (8, 8))
    model = TARGET.build(TARGET.render(graph), graph).graph
    [name] = [value.name for value in model.input]
    session = InferenceSession(TARGET.render(graph))
    for size in ((4, 4), (5, 3), (12, 7)):
        x = np.random.default_rng(0).standard_normal((2, 4, *size)).astype(np.float32)
        (found,) = session.run(None, {name: x})
        assert np.array_equal(found, np.roll(x, (-6, 6), (2, 3)))


def test_which_networks_are_of_one_size() -> None:
    """A dense layer after `flatten` and position embeddings fix the size, a global pool leaves it open."""
    fixed = {name for name in NETWORKS if _twice(compiled(name)) is None}
    assert {"vit", "mlp_mixer", "flat_input"} <= fixed
    assert not {"squeeze_excitation", "unet", "mobilenet", "same_padding", "densenet"} & fixed


def test_a_model_takes_any_batch() -> None:
    graph, target = compiled("vit"), backend("onnx", RunsModels)
    model = target.build(target.render(graph), graph, weights=random_weights(graph))
    for batch in (1, 5):
        (found,) = target.run(model, graph, random_inputs(graph, batch=batch), training=False).outputs.values()
        assert len(found) == batch
        assert np.isfinite(found).all()


def test_a_network_whose_layers_are_worked_out_from_its_size_is_of_that_size() -> None:
    """At another size that its layers would take, too, they are others."""
    text = "archspec: 1\nname: net\nparams: {size: 8}\ninput: {channels: 3, height: size, width: size}\n"
    text += "layers: [pad: {padding: PADDING}, max_pool: {kernel: 3, stride: 2}]\n"
    _is_of_one_size(archspec.compile(load_text(text.replace("PADDING", "'[size % 2, 1, size % 2, 1]'"))))
    assert _twice(archspec.compile(load_text(text.replace("PADDING", "[0, 1, 0, 1]")))) is not None
