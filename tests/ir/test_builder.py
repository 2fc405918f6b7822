"""Graphs that are made by the builder are those that a spec makes, and what does not fit is said at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

import archspec
from archspec.codegen.backend import PacksModels, RunsModels
from archspec.codegen.registry import backend as backend_of
from archspec.expr import Const, Name
from archspec.ir import GraphBuilder, LayerGraph
from archspec.ir.op import ShapeError
from archspec.ir.ops.activations import Relu
from archspec.ir.ops.linear import Conv, Dense
from archspec.ir.ops.merges import Add
from archspec.ir.ops.norms import BatchNorm
from archspec.ir.ops.pools import GlobalAvgPool
from archspec.ir.ops.shapes import Flatten
from archspec.ir.scope import Binding, Layer
from archspec.ir.tensor_type import image
from archspec.spec import load_text

TEXT = """
archspec: 1
name: net
input: {channels: 3, height: 8, width: 8}
blocks:
  unit:
    unit: [depth]
    layers:
      - add: [[{conv: {filters: depth, kernel: 1}}, batch_norm], [{conv: {name: skip, filters: depth, kernel: 1}}]]
      - relu
layers:
  - conv: {name: stem, filters: 4, kernel: 3, padding: same}
  - {name: body, layers: [batch_norm, relu]}
  - unit: {name: first, depth: 6}
  - stage: {name: stage, block: unit, units: "[(8,), (12,)]"}
  - global_avg_pool
  - flatten
  - dense: {units: 5}
"""


def unit(builder: GraphBuilder, body: archspec.ir.builder.OpenBody, depth: int) -> None:
    [x] = body.inputs
    exprs = {"filters": Name("depth")}
    y = builder.layer(BatchNorm(), builder.layer(Conv(depth, (1, 1)), x, exprs=exprs))
    skip = builder.layer(Conv(depth, (1, 1)), x, name="skip", exprs=exprs)
    builder.layer(Relu(), builder.layer(Add(), y, skip))


def built() -> LayerGraph:
    from archspec.ir.attributes import Padding

    builder = GraphBuilder("net")
    x = builder.input(image(3, 8, 8))
    x = builder.layer(Conv(4, (3, 3), padding=Padding("same", None)), x, name="stem")
    with builder.sequence("body", x) as body:
        builder.layer(Relu(), builder.layer(BatchNorm(), body.inputs[0], name="0"), name="1")
    with builder.block("unit", "first", body.result, depth=6) as body:
        unit(builder, body, 6)
    with builder.loop("stage", body.result) as stage:
        for depth in (8, 12):
            with stage.block("unit", depth=depth) as body:
                unit(builder, body, depth)
    x = builder.layer(Flatten(), builder.layer(GlobalAvgPool(), stage.result))
    return builder.finish(builder.layer(Dense(5), x))


def test_it_is_the_graph_of_a_spec() -> None:
    wanted, found = archspec.compile(load_text(TEXT)), built()
    assert list(found.nodes) == list(wanted.nodes)
    for path, node in wanted.nodes.items():
        other = found.nodes[path]
        assert (other.op, other.inputs, other.types) == (node.op, node.inputs, node.types)
    assert found.all_weights == wanted.all_weights
    assert found.outputs == wanted.outputs


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_its_source_has_a_definition_for_each_block(backend: str) -> None:
    source = archspec.generate(built(), backend)
    wanted = archspec.generate(archspec.compile(load_text(TEXT)), backend)
    assert source == wanted


def test_it_runs() -> None:
    torch = pytest.importorskip("torch")
    model = archspec.build(built(), "torch")
    assert model(torch.zeros(2, 3, 8, 8)).shape == (2, 5)


def test_a_block_with_two_inputs_and_two_results() -> None:
    builder = GraphBuilder("net")
    x = builder.input(image(4, 8, 8))
    early = builder.layer(Relu(), x)
    late = builder.layer(Conv(4, (1, 1)), early)
    with builder.block("join", "", late, early) as body:
        one, other = body.inputs
        total = builder.layer(Add(), one, other)
        body.give(builder.layer(Relu(), total), total)
    graph = builder.finish(first=body.results[0], second=body.results[1])
    assert dict(graph.outputs) == {"first": "join.relu", "second": "join.add"}
    assert graph.nodes["join.add"].inputs == ("conv", "relu")
    for backend in ("torch", "keras"):
        assert "join" in archspec.generate(graph, backend).lower()


def test_a_tensor_of_the_network_is_used_inside_a_scope() -> None:
    builder = GraphBuilder("net")
    x = builder.input(image(4, 8, 8))
    y = builder.layer(Relu(), x)
    with builder.sequence("part", y) as body:
        builder.layer(Add(), builder.layer(Conv(4, (1, 1)), body.inputs[0]), x)
    graph = builder.finish(body.result)
    assert graph.nodes["part.add"].inputs == ("part.conv", "input")


def test_bindings_keep_where_a_value_came_from() -> None:
    builder = GraphBuilder("net")
    x = builder.input(image(4, 8, 8))
    for number, name in enumerate(("first", "second")):
        with builder.block("unit", name, x, depth=Binding(4 + number, Const(4 + number))) as body:
            builder.layer(Conv(4 + number, (1, 1)), body.inputs[0], exprs={"filters": Name("depth")})
        x = body.result
    source = archspec.generate(builder.finish(x), "torch")
    assert source.count("class Unit(") == 1
    assert "Unit(4, 4)" in source or "Unit(4, depth=4)" in source


def test_layers_that_no_output_needs_are_left_out() -> None:
    builder = GraphBuilder("net")
    x = builder.input(image(4, 8, 8))
    builder.layer(Conv(4, (1, 1)), x)
    assert list(builder.finish(builder.layer(Relu(), x)).nodes) == ["input", "relu"]


def shared_towers() -> LayerGraph:
    builder = GraphBuilder("towers")
    x, y = builder.input(image(3, 8, 8), "left"), builder.input(image(3, 8, 8), "right")
    left = builder.layer(Conv(4, (3, 3)), x, name="first")
    shared = {"weight": "first.weight", "bias": "first.bias"}
    right = builder.layer(Conv(4, (3, 3)), y, name="second", shared=shared)
    return builder.finish(builder.layer(Add(), left, right))


def test_two_layers_may_refer_to_the_same_parameters() -> None:
    graph = shared_towers()
    assert list(graph.all_weights) == ["first.weight", "first.bias"]
    assert graph.parameters == 4 * 3 * 9 + 4
    assert archspec.count(graph).total.parameters == graph.parameters
    assert graph.macs == 2 * 36 * 4 * 27


def test_an_onnx_model_has_them_once() -> None:
    np = pytest.importorskip("numpy")
    pytest.importorskip("onnxruntime")
    graph = shared_towers()
    model = archspec.build(graph, "onnx", seed=3)
    assert sorted(tensor.name for tensor in model.graph.initializer) == ["first.bias", "first.weight"]
    target = backend_of("onnx", RunsModels)
    x = np.random.default_rng(0).standard_normal((2, 3, 8, 8)).astype(np.float32)
    both = target.run(model, graph, {"left": x, "right": x}, training=False, nodes=True).nodes
    assert np.array_equal(both["first"], both["second"])


def test_parameters_of_another_shape_cannot_be_shared() -> None:
    builder = GraphBuilder("net")
    x = builder.input(image(3, 8, 8))
    x = builder.layer(Conv(4, (3, 3)), x, name="first")
    x = builder.layer(Conv(4, (3, 3)), x, name="second", shared={"weight": "first.weight"})
    with pytest.raises(archspec.InternalError, match=r"second has \(4, 4, 3, 3\) for first.weight"):
        builder.finish(x)


def test_what_does_not_fit_is_said() -> None:
    builder = GraphBuilder("net")
    x = builder.input(image(4, 8, 8))
    with pytest.raises(ShapeError, match=r"^head needs features or tokens|^head needs tokens"):
        builder.layer(Dense(3), x, name="head")
    with pytest.raises(ShapeError, match="add takes 2 inputs, not 1"):
        builder.layer(Add(), x)
    with pytest.raises(ValueError, match="two tensors are called input"):
        builder.input(image(4, 8, 8))
    builder.layer(Relu(), x, name="a")
    with pytest.raises(ValueError, match="two items are called a"):
        builder.layer(Relu(), x, name="a")
    with pytest.raises(ValueError, match="one output at least"):
        builder.finish()


def test_tables_and_differences_know_what_is_shared() -> None:
    graph = shared_towers()
    assert archspec.summary(graph).total.parameters == graph.parameters
    assert "{weight = first.weight, bias = first.bias}" in graph.dump()
    builder = GraphBuilder("towers")
    x, y = builder.input(image(3, 8, 8), "left"), builder.input(image(3, 8, 8), "right")
    left, right = builder.layer(Conv(4, (3, 3)), x, name="first"), builder.layer(Conv(4, (3, 3)), y, name="second")
    apart = builder.finish(builder.layer(Add(), left, right))
    assert "second weight first.weight -> its own" in str(archspec.diff(graph, apart))


def test_an_onnx_model_with_functions_has_what_is_shared() -> None:
    pytest.importorskip("onnx")
    builder = GraphBuilder("net")
    x = builder.input(image(3, 8, 8))
    x = builder.layer(Conv(3, (1, 1)), x, name="first")
    for name in ("one", "two"):
        with builder.block("unit", name, x) as body:
            builder.layer(Conv(3, (1, 1)), *body.inputs, shared={"weight": "first.weight"})
        x = body.result
    graph = builder.finish(x)
    target = backend_of("onnx", PacksModels)
    target.verify(target.render(graph, functions=True), graph)


@pytest.mark.parametrize("name", ['a;print("x")', "a.b.c", "a b", "a:1", "training", "", "é"])
def test_names_that_source_cannot_have_are_refused(name: str) -> None:
    builder = GraphBuilder("net")
    x = builder.input(image(3, 8, 8))
    if name:
        with pytest.raises(ValueError, match="is no name for a layer"):
            builder.layer(Relu(), x, name=name)
    if name != "training":  # only a layer hides a member of PyTorch's modules
        with pytest.raises(ValueError, match="is no name"):
            GraphBuilder(name or "my-net").finish(x)
        with pytest.raises(ValueError, match="is no name for an input"):
            builder.input(image(3, 8, 8), name)


def test_the_verifier_lets_no_name_into_source_that_is_none() -> None:
    from archspec.ir.verify import verify

    graph = built()
    first, *others = graph.root.body.items
    assert isinstance(first, Layer)
    broken = replace(first, name="a;b", path="a;b")
    with pytest.raises(archspec.InternalError, match="is no name"):
        verify(replace(graph, root=replace(graph.root, body=replace(graph.root.body, items=(broken, *others)))))
    with pytest.raises(archspec.InternalError, match="is no name"):
        verify(replace(graph, class_name="Net(x)"))


def test_a_block_takes_nothing_from_around_itself() -> None:
    builder = GraphBuilder("net")
    x = builder.input(image(4, 8, 8))
    y = builder.layer(Relu(), x)
    with pytest.raises(ValueError, match="takes input only as one of its inputs"), builder.block("unit", "", y) as body:
        builder.layer(Add(), body.inputs[0], x)


def test_mistakes_leave_no_names_taken_and_are_said() -> None:
    builder = GraphBuilder("net")
    x = builder.input(image(4, 8, 8))
    with pytest.raises(ShapeError):
        builder.layer(Conv(4, (30, 30)), x, name="first")
    x = builder.layer(Conv(4, (3, 3)), x, name="first")
    with pytest.raises(ValueError, match=r"cannot share frist\.weight"):
        builder.layer(Conv(4, (3, 3)), x, shared={"weight": "frist.weight"})
    with pytest.raises(ValueError, match="is a tensor that the network cannot take"):
        builder.layer(Relu(), GraphBuilder("other").input(image(4, 8, 8)))
    twice = builder.loop("loop", x, times=Const(2))
    with pytest.raises(ValueError, match="has 1 iterations, where 2"), twice as loop, loop.sequence() as body:
        builder.layer(Relu(), *body.inputs)


def test_a_graph_stays_what_it_is_when_its_builder_goes_on() -> None:
    builder = GraphBuilder("net")
    x = builder.input(image(4, 8, 8))
    graph = builder.finish(builder.layer(Relu(), x))
    with builder.block("unit", "", x) as body:
        builder.layer(Relu(), *body.inputs)
    assert not graph.blocks
