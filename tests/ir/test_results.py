"""Ops of several results: what graphs, the language and pruning make of them."""

from __future__ import annotations

import pytest

import archspec
from archspec.ir import GraphBuilder
from archspec.ir.graph import LayerGraph
from archspec.ir.ops.activations import Relu
from archspec.ir.ops.merges import Add, Concat
from archspec.ir.ops.shapes import Split
from archspec.ir.tensor_type import image
from archspec.spec import load_text

TEXT = """
archspec: 1
name: parts
input: {channels: 12, height: 8, width: 8}
blocks:
  unit:
    params: {width: {}}
    layers:
      - split: {parts: 3, outputs: [first, second, third]}
      - conv: {filters: channels, kernel: 3, padding: 1}
      - tap: one
      - add: [[], {from: second}]
      - conv: {filters: width, kernel: 3, padding: 1}
      - concat: [{from: one}, [], {from: third}]
layers:
  - unit: {name: a, width: 4}
  - unit: {name: b, width: 8}
  - split: {name: halves, parts: 2, outputs: [left, right]}
  - relu
  - multiply: [[], {from: right, layers: [sigmoid]}]
  - tap: end
outputs: [end, right]
"""


def graph_of(text: str = TEXT, **more: object) -> LayerGraph:
    return archspec.compile(load_text(text, name="net.yaml"), **more)  # type: ignore[arg-type]


def test_each_result_is_a_tensor_of_its_own() -> None:
    graph = graph_of()
    assert graph.nodes["a.split"].values == ("a.split", "a.split:1", "a.split:2")
    assert graph.nodes["a.add"].inputs == ("a.conv", "a.split:1")
    assert graph.types["b.split:2"] == image(4, 8, 8)
    assert graph.outputs == {"end": "multiply", "right": "halves:1"}
    assert graph.taps["right"] == "halves:1"


def test_networkx_has_nodes_and_says_which_result_an_edge_is() -> None:
    pytest.importorskip("networkx")
    view = graph_of().nx
    assert set(view) == set(graph_of().nodes)
    assert view.edges["a.split", "a.add"] == {"index": 1, "result": 1}
    assert view.edges["a.conv", "a.add"] == {"index": 0}


def test_a_result_can_be_asked_for_and_one_that_nobody_needs_stays() -> None:
    graph = graph_of(taps=["right"])
    assert "relu" not in graph.nodes
    assert "halves" in graph.nodes
    assert graph.nodes["halves"].values == ("halves", "halves:1")
    assert graph.outputs == {"right": "halves:1"}


def test_counts_and_depth_go_through_all_results() -> None:
    graph = graph_of()
    assert graph.weighted_path == ("a.conv", "a.conv_2", "b.conv", "b.conv_2")
    assert archspec.count(graph).total.parameters == graph.parameters
    assert str(archspec.summary(graph))
    assert str(archspec.diff(graph, graph_of())) == str(archspec.diff(graph, graph))
    other = TEXT.replace("{from: right, layers: [sigmoid]}", "{from: left, layers: [sigmoid]}")
    assert "sigmoid input halves:1 -> halves" in str(archspec.diff(graph, graph_of(other)))


def test_pytorch_unpacks_them() -> None:
    source = archspec.generate(graph_of(), "torch")
    assert "first, second, third = torch.chunk(x, 3, dim=1)" in source
    assert "left, right = torch.chunk(x, 2, dim=1)" in source
    unused = archspec.generate(
        graph_of(TEXT.replace("[{from: one}, [], {from: third}]", "[{from: one}, [], []]")), "torch"
    )
    assert "first, second, _ = torch.chunk(x, 3, dim=1)" in unused
    pytest.importorskip("torch")
    archspec.build(graph_of(), "torch")


def test_keras_unpacks_them() -> None:
    source = archspec.generate(graph_of(), "keras")
    assert 'first, second, third = ChannelParts(3, name=f"{name}_split")(x)' in source
    assert 'left, right = ChannelParts(2, name="halves")(x)' in source


def test_every_backend_gives_each_tensor() -> None:
    np = pytest.importorskip("numpy")
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from archspec.codegen.backend import RunsModels
    from archspec.codegen.registry import backend as backend_of

    graph = graph_of()
    x = np.random.default_rng(0).standard_normal((2, 12, 8, 8)).astype(np.float32)
    weights = archspec.init_weights(graph, seed=0)
    found = {}
    for name in ("torch", "onnx"):
        model = archspec.build(graph, name, weights=weights)
        found[name] = backend_of(name, RunsModels).run(model, graph, {"input": x}, training=False, nodes=True).nodes
    assert set(graph.types) <= found["torch"].keys()
    for path in ("a.split", "a.split:1", "a.split:2", "halves:1"):
        assert np.allclose(found["torch"][path], found["onnx"][path], atol=1e-5), path


def test_the_builder_gives_all_results() -> None:
    builder = GraphBuilder("net")
    left, right = builder.layer_results(Split(2), builder.input(image(4, 8, 8)))
    graph = builder.finish(builder.layer(Concat(), builder.layer(Relu(), right), left))
    assert graph.nodes["concat"].inputs == ("relu", "split")
    first = GraphBuilder("net")
    x = first.layer(Split(2), first.input(image(4, 8, 8)))
    assert first.finish(first.layer(Add(), x, x)).nodes["add"].inputs == ("split", "split")


def test_a_block_may_have_a_param_called_outputs() -> None:
    text = """
archspec: 1
name: net
input: {channels: 4, height: 8, width: 8}
blocks:
  unit: {params: {outputs: {}}, layers: [{conv: {filters: "outputs[0]", kernel: 1}}]}
layers:
  - unit: {outputs: [8, 4]}
"""
    assert graph_of(text).nodes["unit.conv"].shape == (8, 8, 8)
