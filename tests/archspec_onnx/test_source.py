"""What a model file holds: names, metadata, functions; and what is noticed when it differs from the graph."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import archspec
from archspec.errors import BackendError, InternalError, OutputError
from archspec.ir.graph import LayerGraph
from archspec.parity import random_weights
from archspec.spec import load_text
from archspec_onnx import backend as TARGET
from tests.archspec_onnx.engines import close, outcome
from tests.zoo import NETWORKS

HERE = Path(__file__).parent


def tiny() -> LayerGraph:
    return archspec.compile(HERE / "tiny.yaml")


def read(source: Any) -> Any:
    return onnx.ModelProto.FromString(source)


@pytest.mark.parametrize("form", ["flat", "functions", "float64", "training"])
def test_the_recorded_listing(form: str, request: pytest.FixtureRequest) -> None:
    options: dict[str, Any] = {form: True} if form in ("functions", "training") else {}
    dtype = "float64" if form == "float64" else "float32"
    text = onnx.printer.to_text(read(TARGET.render(tiny(), dtype=dtype, **options)))
    text = re.sub(r'producer_version: "[^"]*"', 'producer_version: "0"', text)
    text = re.sub(r'("archspec.digest": )"\w*"', r'\1"0"', text)
    golden = HERE / "golden" / f"tiny_{form}.txt"
    if request.config.getoption("--update-golden"):
        golden.write_text(text + "\n", encoding="utf-8")
    assert text + "\n" == golden.read_text(encoding="utf-8")


def test_initializers_have_the_graphs_names_in_the_graphs_order() -> None:
    graph = archspec.compile("resnet18", classes=10)
    model = archspec.build(graph, "onnx", weights=random_weights(graph))
    found = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    assert found == {name: weight.shape for name, weight in graph.all_weights.items()}
    assert [value.name for value in model.graph.input] == ["input"]


def test_nodes_are_called_after_their_layers() -> None:
    graph = archspec.compile("resnet18")
    nodes = read(archspec.generate(graph, "onnx")).graph.node
    names = [node.name for node in nodes]
    assert len({*names}) == len(names)
    assert "/layer1/0/conv1" in names
    assert {name for name in names if name.startswith("/layer4/1/")} >= {"/layer4/1/conv2", "/layer4/1/add"}
    (conv,) = (node for node in nodes if node.name == "/layer1/0/conv1")
    assert [*conv.input] == ["max_pool", "layer1.0.conv1.weight"]
    assert [*conv.output] == ["layer1.0.conv1"]


def test_metadata_say_where_it_comes_from() -> None:
    model = read(archspec.generate(archspec.compile("resnet18", classes=7), "onnx"))
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert (model.producer_name, model.producer_version) == ("archspec", archspec.__version__)
    assert facts["archspec.spec"] == "resnet18.yaml"
    assert "classes=7" in facts["archspec.params"]
    assert len(facts["archspec.digest"]) == 16


def test_equal_units_share_a_function() -> None:
    model = read(TARGET.render(tiny(), functions=True))
    assert [function.name for function in model.functions] == ["unit"]
    calls = [(node.name, node.op_type) for node in model.graph.node if node.domain]
    assert [name for name, _ in calls] == ["/rows/0", "/rows/1", "/rows/2"]
    resnet = read(TARGET.render(archspec.compile("resnet50"), functions=True))
    kinds = [node.op_type for node in resnet.graph.node if node.domain]
    # 16 units: the first of each stage has a projection, in the first stage without a stride.
    assert kinds == [
        *("bottleneck", *["bottleneck_2"] * 2),
        *("bottleneck_3", *["bottleneck_2"] * 3),
        *("bottleneck_3", *["bottleneck_2"] * 5),
        *("bottleneck_3", *["bottleneck_2"] * 2),
    ]


@pytest.mark.parametrize("name", ["tap_out_of_block", "block_outputs", "names_that_clash", "input_as_a_tap"])
def test_names_are_all_different(name: str) -> None:
    for functions in (False, True):
        model = read(TARGET.render(archspec.compile(load_text(NETWORKS[name])), functions=functions))
        made = [
            *(value.name for value in model.graph.input),
            *(out for node in model.graph.node for out in node.output),
        ]
        assert len({*made}) == len(made)
        for function in model.functions:
            inside = [*function.input, *(out for node in function.node for out in node.output)]
            assert len({*inside}) == len(inside)


def test_outputs_by_name_even_if_one_is_an_input_or_two_are_one_tensor() -> None:
    text = (
        "archspec: 1\nname: odd\ninput: {channels: 2, height: 4, width: 4}\n"
        "layers:\n  - tap: first\n  - relu\n  - tap: second\n  - tap: third\n"
    )
    graph = archspec.compile(load_text(text), taps=["first", "second", "third"])
    TARGET.verify(TARGET.render(graph), graph)
    found = outcome(graph, "onnxruntime").outputs
    assert list(found) == ["first", "second", "third"]
    close({"a": found["second"]}, {"a": np.maximum(found["first"], 0)})
    close({"a": found["third"]}, {"a": found["second"]})


@pytest.mark.parametrize("what", ["a weight's name", "a weight's shape", "a stride", "an output's name", "an operator"])
def test_a_model_that_differs_from_the_graph_is_noticed(what: str) -> None:
    graph = tiny()
    model = read(TARGET.render(graph))
    match what:
        case "a weight's name":
            for node in model.graph.node:
                for index, name in enumerate(node.input):
                    node.input[index] = "other" if name == "fc.bias" else name
            next(value for value in model.graph.input if value.name == "fc.bias").name = "other"
        case "a weight's shape":
            value = next(value for value in model.graph.input if value.name == "rows.0.bn1.weight")
            value.type.tensor_type.shape.dim[0].dim_value = 1
        case "a stride":
            node = next(node for node in model.graph.node if node.name == "/conv")
            next(given for given in node.attribute if given.name == "strides").ints[:] = [1, 1]
        case "an output's name":
            model.graph.output[0].name = model.graph.node[-1].output[0] = "other"
        case "an operator":
            model.graph.node[0].op_type = "Convolution"
    with pytest.raises(InternalError):
        TARGET.verify(model.SerializeToString(), graph)


def test_an_op_without_a_row_stops_before_anything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    from archspec_onnx.ops import ROWS

    monkeypatch.delitem(ROWS, "gelu")
    with pytest.raises(BackendError, match="ONNX has no row for the op gelu"):
        archspec.generate(tiny(), "onnx")


def test_what_is_random_in_training_is_refused() -> None:
    text = "archspec: 1\nname: random\ninput: {channels: 2, height: 4, width: 4}\nlayers:\n  - dropout: {rate: 0.5}\n"
    graph = archspec.compile(load_text(text))
    assert outcome(graph, "reference").outputs
    with pytest.raises(BackendError, match="random in training"):
        outcome(graph, "reference", training=True)


def test_a_file_ends_at_two_gibibytes(monkeypatch: pytest.MonkeyPatch) -> None:
    import archspec_onnx.model as module

    model = archspec.build(tiny(), "onnx")
    monkeypatch.setattr(module, "MOST", 1000)  # the real bound would take two gibibytes to test
    with pytest.raises(OutputError, match="ends at 2 GiB"):
        TARGET.packed(model, "tiny.onnx")
    assert len(TARGET.packed(model, "tiny.onnx", external=True)) == 2
