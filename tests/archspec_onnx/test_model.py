"""The backend's own duties: engines, dtypes, weights, what it cannot do, hostile text."""

from __future__ import annotations

import copy
import functools
from typing import Any

import numpy as np
import onnx
import pytest

import archspec
from archspec.codegen.backend import TrainsModels
from archspec.codegen.registry import backend
from archspec.errors import BackendError
from archspec.parity import random_inputs, random_weights
from archspec.spec import load_text
from archspec_onnx import backend as TARGET
from archspec_onnx.engines import ENGINE
from tests.archspec_onnx.engines import close, outcome
from tests.archspec_onnx.test_source import tiny
from tests.reference.evaluate import evaluate
from tests.safety.test_hostile_text import HOSTILE, MAXIMAL, PLACES, written


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_dtype_is_that_of_weights_and_computation(dtype: str) -> None:
    graph = tiny()
    model = archspec.build(graph, "onnx", dtype=dtype, weights=random_weights(graph))
    kind = {"float16": 10, "bfloat16": 16, "float32": 1, "float64": 11}[dtype]
    convolutions = {tensor.data_type for tensor in model.graph.initializer if "conv" in tensor.name}
    assert convolutions == {kind}
    onnx.checker.check_model(model, full_check=True)
    if dtype == "float16":
        found = TARGET.run(model, graph, random_inputs(graph), training=False).outputs["output"]
        wanted = evaluate(graph, random_weights(graph), random_inputs(graph), training=False)
        close({"output": found}, {"output": wanted.values[graph.outputs["output"]]}, 0.02)


def test_a_model_is_of_the_dtype_that_it_was_written_in() -> None:
    graph = tiny()
    source = TARGET.render(graph)
    with pytest.raises(BackendError, match="written in float32"):
        TARGET.build(source, graph, dtype="float64")
    with pytest.raises(BackendError, match="float31"):
        archspec.build(graph, "onnx", dtype="float31")


def test_what_the_engines_lack_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENGINE, "onnxruntime")
    assert TARGET.lacks("inference", "float32") == TARGET.lacks("training", "float32") == ""
    assert "float64" in TARGET.lacks("inference", "float64")
    monkeypatch.setenv(ENGINE, TARGET.environment("reference")[ENGINE])
    assert TARGET.lacks("training", "float64") == ""
    assert "onnxruntime" not in TARGET.versions()
    monkeypatch.setenv(ENGINE, "onnxruntme")
    with pytest.raises(BackendError, match="do not run on `onnxruntme`"):
        TARGET.require()


def test_there_are_no_gradients() -> None:
    with pytest.raises(BackendError) as caught:
        backend("onnx", TrainsModels)
    [diagnostic] = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.message) == ("E0607", "the backend `onnx` computes no gradients")
    assert "also has `gradients`, `train`" in diagnostic.notes[0].message
    assert diagnostic.help == "choose one of `keras`, `torch`"


def test_training_moves_the_models_own_statistics() -> None:
    graph, weights = tiny(), random_weights(tiny())
    model = archspec.build(graph, "onnx", weights=weights)
    found = TARGET.run(model, graph, random_inputs(graph), training=True).statistics
    kept = TARGET.export_weights(model, graph)
    for name, array in found.items():
        assert (array != weights[name]).any()
        assert np.array_equal(kept[name], array)
    assert np.array_equal(kept["fc.weight"], weights["fc.weight"])


@pytest.mark.parametrize("functions", [False, True])
def test_an_edited_model_has_no_training(functions: bool) -> None:
    """What would be run is another model, which knows nothing of the edit."""
    graph, weights, inputs = tiny(), random_weights(tiny()), random_inputs(tiny())
    model = TARGET.build(TARGET.render(graph, functions=functions), graph, weights=weights)
    sound = TARGET.run(model, graph, inputs, training=False).outputs["output"]
    TARGET.run(copy.deepcopy(model), graph, inputs, training=True)
    nodes = [*model.graph.node, *(node for function in model.functions for node in function.node)]
    next(node for node in nodes if node.op_type == "Add").op_type = "Sub"
    assert not np.allclose(TARGET.run(model, graph, inputs, training=False).outputs["output"], sound)
    with pytest.raises(BackendError, match="is not what its spec gives: it can be run in inference only"):
        TARGET.run(model, graph, inputs, training=True)


def test_weights_without_a_file_are_drawn_as_the_spec_says_and_always_the_same() -> None:
    graph = tiny()
    first, second = (TARGET.export_weights(archspec.build(graph, "onnx"), graph) for _ in range(2))
    assert list(first) == list(graph.all_weights)
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert (first["rows.0.bn1.weight"] == 1).all()
    assert 0 < np.abs(first["conv.weight"]).max() <= 27**-0.5


def test_the_numbers_of_nodes_are_those_of_the_flat_model() -> None:
    flat, called = (outcome(tiny(), "onnxruntime", nodes=True, functions=given).nodes for given in (False, True))
    assert called.keys() < flat.keys() == tiny().nodes.keys()
    close(called, {name: flat[name] for name in called}, 1e-6)


def test_no_device_but_the_cpu() -> None:
    with pytest.raises(BackendError, match="no device"):
        archspec.build(tiny(), "onnx", device="cuda")


def test_usage_and_versions() -> None:
    assert "onnxruntime.InferenceSession('net.onnx')" in "\n".join(TARGET.usage(tiny(), "net.onnx"))
    assert set(TARGET.versions()) == {"onnx", "onnxruntime"}


def test_a_missing_framework_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    import archspec_onnx.target as module

    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(BackendError) as caught:
        TARGET.render(tiny())
    assert caught.value.diagnostics[0].code == "E0602"
    assert "pip install onnx onnxruntime" in caught.value.diagnostics[0].help


def _shape(source: Any) -> list[Any]:
    """A model without its texts."""
    model = onnx.ModelProto.FromString(source)
    parts = [(node.op_type, [*node.input], [*node.output], node.name) for node in model.graph.node]
    inside = [(node.op_type, [*node.input]) for function in model.functions for node in function.node]
    return [*parts, *inside, [value.name for value in model.graph.input], [value.name for value in model.graph.output]]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_stays_text(text: str) -> None:
    """Titles, docs and references change nothing but printable metadata."""
    data = copy.deepcopy(MAXIMAL)
    for *way, key in PLACES:
        if key in ("title", "doc"):
            functools.reduce(lambda found, part: found[part], way, data)[key] = text
    graph = archspec.compile(load_text(written(data)))
    base = archspec.compile(load_text(written(MAXIMAL)))
    for functions in (False, True):
        source = TARGET.render(graph, functions=functions)
        TARGET.verify(source, graph)
        assert _shape(source) == _shape(TARGET.render(base, functions=functions))
        model = onnx.ModelProto.FromString(source)
        texts = [model.graph.doc_string, *(function.doc_string for function in model.functions)]
        texts += [entry.value for entry in model.metadata_props]
        assert all(" " <= char <= "~" for found in texts for char in found)
