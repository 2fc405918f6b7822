"""Models of networks that compute items more than once: one module, one set of weights, the same numbers everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.numpy import load_file

import archspec
from archspec.codegen.backend import RunsModels, TrainsModels
from archspec.codegen.registry import backend as backend_of
from archspec.codegen.source_map import source_lines
from archspec.ir import GraphBuilder
from archspec.ir.graph import LayerGraph
from archspec.ir.ops.activations import Relu
from archspec.ir.ops.linear import Conv
from archspec.ir.ops.merges import Add
from archspec.ir.ops.norms import BatchNorm
from archspec.ir.tensor_type import image
from archspec.parity import Participant, compare
from archspec.provenance import spec_lines
from tests.parity.probe import pool
from tests.sharing.networks import ALL_KINDS, BRANCHED, PYRAMID, SIAMESE, spec

TEXTS = {"siamese": SIAMESE, "pyramid": PYRAMID, "kinds": ALL_KINDS, "branched": BRANCHED}


def graph_of(name: str) -> LayerGraph:
    return archspec.compile(spec(TEXTS[name]))


def test_pytorch_calls_one_member_twice() -> None:
    torch = pytest.importorskip("torch")
    source = archspec.generate(graph_of("siamese"), "torch")
    assert source.count("self.tower = Tower(1)") == 1
    assert "x = self.tower(a)\n        y = self.tower(b)\n        return x + y" in source
    model = archspec.build(graph_of("siamese"), "torch")
    assert list(model.state_dict()) == ["tower.conv.weight", "tower.conv.bias"]
    x = torch.randn(2, 1, 16, 16)
    assert torch.equal(model.tower(x) * 2, model(x, x))


def test_pytorch_counts_the_iterations_of_one_member() -> None:
    source = archspec.generate(graph_of("kinds"), "torch")
    assert "for _ in range(2):\n            merged = self.refine(merged, second)" in source
    assert "for _ in range(self.repeat_times):\n            x = self.step(x)" in source


def test_keras_calls_one_layer_or_one_model_twice() -> None:
    source = archspec.generate(graph_of("kinds"), "keras")
    assert "x = d(x)\n    x = d(x)\n" in source or "x = d(x)\n        x = d(x)\n" in source
    assert 'refine_model = keras.Model([refine_input, refine_input_2], x, name="refine_model")' in source
    assert "for _ in range(2):\n        x = refine_model([x, second])" in source
    plain = archspec.generate(graph_of("siamese"), "keras")
    assert "x = tower_model(a)\n    y = tower_model(b)\n" in plain
    assert "ComputedAfter" not in plain  # no running statistics depend on the order


@pytest.mark.parametrize("name", TEXTS)
def test_models_agree(name: str) -> None:
    for module in ("torch", "keras", "onnx"):
        pytest.importorskip(module)
    given = [Participant.parse(text) for text in ("torch", "keras:torch", "onnx:reference")]
    report = compare(graph_of(name), given, dtypes=("float64",), batch=4, steps=2, pool=pool())
    report.require()
    compared = {(row.check, row.what) for row in report.rows}
    wanted = {("inference", "layers"), ("gradients", "weight gradients")}
    assert wanted | ({("training", "statistics")} if name in ("kinds", "branched") else set()) <= compared


@pytest.mark.parametrize("backend", ["torch", "keras", "onnx"])
@pytest.mark.parametrize("name", TEXTS)
def test_weights_go_in_and_come_out_once(name: str, backend: str, tmp_path: Path) -> None:
    for module in {"onnx": ("onnxruntime",), "keras": ("keras", "torch"), "torch": ("torch",)}[backend]:
        pytest.importorskip(module)
    graph = graph_of(name)
    drawn = archspec.init_weights(graph, seed=3)
    model = archspec.build(graph, backend, weights=drawn)
    archspec.save_weights(model, tmp_path / "weights.safetensors", graph, backend)
    found = load_file(tmp_path / "weights.safetensors")
    assert drawn.keys() == found.keys() == graph.all_weights.keys()
    assert all((drawn[name] == found[name]).all() for name in drawn)


def in_order() -> LayerGraph:
    """A norm whose second call Keras would compute first: the way from it to the end is longer."""
    builder = GraphBuilder("order")
    x, y = builder.input(image(2, 6, 6), "a"), builder.input(image(2, 6, 6), "b")
    x = builder.layer(BatchNorm(), x, name="norm")
    [y] = builder.reuse("norm", y)
    for _ in range(3):
        y = builder.layer(Relu(), y)
    return builder.finish(builder.layer(Add(), builder.layer(Relu(), x), y))


@pytest.mark.parametrize("backend", ["torch", "keras", "onnx"])
def test_running_statistics_are_set_in_the_order_of_the_graph(backend: str) -> None:
    np = pytest.importorskip("numpy")
    for module in {"onnx": ("onnxruntime",), "keras": ("keras", "torch"), "torch": ("torch",)}[backend]:
        pytest.importorskip(module)
    graph, target = in_order(), backend_of(backend, RunsModels)
    draw = np.random.default_rng(0)
    inputs = {name: draw.standard_normal((4, 2, 6, 6)).astype(np.float32) + add for name, add in (("a", 5), ("b", -2))}
    found = target.run(archspec.build(graph, backend, seed=0), graph, inputs, training=True).statistics
    mean = np.zeros(2)
    for name in ("a", "b"):
        mean = 0.9 * mean + 0.1 * inputs[name].mean(axis=(0, 2, 3))
    assert np.allclose(found["norm.running_mean"], mean, atol=1e-5)


def test_the_builder_computes_items_again() -> None:
    builder = GraphBuilder("net")
    x, y = builder.input(image(3, 8, 8), "left"), builder.input(image(3, 8, 8), "right")
    with builder.block("unit", "unit", x) as body:
        body.give(builder.layer(Conv(4, (3, 3)), *body.inputs, name="conv"))
    [again] = builder.reuse("unit", y, name="second")
    [third] = builder.reuse("second", x)
    graph = builder.finish(builder.layer(Add(), builder.layer(Add(), body.result, again), third))
    assert list(graph.all_weights) == ["unit.conv.weight", "unit.conv.bias"]
    assert graph.nodes["second_2.conv"].shared["weight"] == "unit.conv.weight"
    assert archspec.generate(graph, "torch").count("self.unit(") == 3
    with pytest.raises(ValueError, match="has no item called 'units'"):
        builder.reuse("units", y)
    with pytest.raises(ValueError, match="takes 1 tensors, not 2"):
        builder.reuse("unit", y, y)


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_what_source_cannot_share_is_said(backend: str) -> None:
    builder = GraphBuilder("net")
    x = builder.input(image(3, 8, 8))
    x = builder.layer(Conv(3, (3, 3), bias=True), x, name="first")
    x = builder.layer(Conv(3, (3, 3)), x, name="second", shared={"weight": "first.weight"})
    with pytest.raises(
        archspec.BackendError, match=r"second has first\.weight, and is not one layer of the same scope"
    ):
        archspec.generate(builder.finish(x), backend)


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_lines_of_source_and_spec_are_those_of_all_uses(backend: str) -> None:
    text = """
archspec: 1
name: net
inputs:
  a: {channels: 1, height: 16, width: 16}
  b: {channels: 1, height: 16, width: 16}
layers:
  - conv: {name: tower, filters: 4, kernel: 3}
  - add:
      - []
      - {from: b, layers: [reuse: tower]}
"""
    graph = archspec.compile(spec(text))
    written = source_lines(graph, backend)
    lines = written.text.splitlines()

    def of(path: str) -> str:
        return "\n".join(lines[line - 1] for first, last in written.lines[path] for line in range(first, last + 1))

    made = {"torch": "self.tower = nn.Conv2d(", "keras": 'name="tower"'}[backend]
    assert made in of("tower")
    assert made in of("tower_2")
    called = {"torch": ("self.tower(a)", "self.tower(b)"), "keras": ("tower(a)", "tower(b)")}[backend]
    assert called[0] in of("tower")
    assert called[1] not in of("tower")
    assert called[1] in of("tower_2")
    assert called[0] not in of("tower_2")
    written_at = {text.splitlines()[line.first - 1].strip() for line in spec_lines(graph).lines["tower_2"]}
    assert written_at == {"- conv: {name: tower, filters: 4, kernel: 3}", "- {from: b, layers: [reuse: tower]}"}


def test_gradients_of_one_member_are_the_sum_of_its_uses() -> None:
    np = pytest.importorskip("numpy")
    pytest.importorskip("torch")
    graph, target = graph_of("siamese"), backend_of("torch", TrainsModels)
    model = archspec.build(graph, "torch", seed=1)
    draw = np.random.default_rng(0)
    x = draw.standard_normal((2, 1, 16, 16)).astype(np.float32)
    goal = {"output": np.zeros((2, 4), np.float32)}
    both = target.gradients(model, graph, {"a": x, "b": x}, goal).weights["tower.conv.bias"]
    alone = model.tower(__import__("torch").tensor(x))
    loss = ((2 * alone) ** 2).mean()
    model.zero_grad()
    loss.backward()
    assert np.allclose(both, model.tower.conv.bias.grad.numpy(), rtol=1e-4)
