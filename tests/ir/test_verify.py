"""The verifier finds what is planted in a sound graph, and passes run it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

import archspec
from archspec.errors import InternalError
from archspec.ir.graph import LayerGraph
from archspec.ir.ops.base import GraphInput
from archspec.ir.ops.linear import Conv
from archspec.ir.scope import Body, Item, Layer, Loop, Operand, Result
from archspec.ir.tensor_type import image
from archspec.ir.verify import verify
from archspec.spec import load_text

TEXT = """
archspec: 1
name: net
input: {channels: 8, height: 8, width: 8}
layers:
  - conv: {name: first, filters: 8, kernel: 3, padding: 1}
  - add: [[], [{conv: {name: second, filters: 8, kernel: 1}}]]
  - relu
"""


@pytest.fixture
def graph() -> LayerGraph:
    return archspec.compile(load_text(TEXT, name="net.yaml"))


def with_body(graph: LayerGraph, change: Callable[[Body], Body]) -> LayerGraph:
    return replace(graph, root=replace(graph.root, body=change(graph.root.body)))


def with_layer(graph: LayerGraph, at: str, /, **changes: object) -> LayerGraph:
    def changed(item: Item) -> Item:
        return replace(item, **changes) if isinstance(item, Layer) and item.path == at else item  # type: ignore[arg-type]

    found = with_body(graph, lambda body: replace(body, items=tuple(map(changed, body.items))))
    assert found != graph
    return found


def wrong_shape(graph: LayerGraph) -> LayerGraph:
    return with_layer(graph, "first", types=(image(8, 9, 8),))


def wrong_op(graph: LayerGraph) -> LayerGraph:
    return with_layer(graph, "first", op=Conv(16, (3, 3)).fitted([image(8, 9, 9)]))


def op_that_does_not_fit(graph: LayerGraph) -> LayerGraph:
    return with_layer(graph, "first", op=Conv(8, (30, 30)).fitted([image(8, 9, 9)]))


def number_for_all_axes(graph: LayerGraph) -> LayerGraph:
    return with_layer(graph, "first", op=Conv(8, (3, 3)))


def another_input(graph: LayerGraph) -> LayerGraph:
    return with_layer(graph, "first", op=GraphInput())


def wrong_arity(graph: LayerGraph) -> LayerGraph:
    return with_layer(graph, "add", operands=(Operand(0),))


def wrong_order(graph: LayerGraph) -> LayerGraph:
    return with_body(graph, lambda body: replace(body, items=body.items[::-1]))


def wrong_path(graph: LayerGraph) -> LayerGraph:
    return with_layer(graph, "first", path="another")


def two_of_a_location(graph: LayerGraph) -> LayerGraph:
    def change(body: Body) -> Body:
        last = body.items[-1]
        assert isinstance(last, Layer)
        return replace(body, items=(*body.items, replace(last, name="more", path="more")))

    return with_body(graph, change)


def output_without_a_tensor(graph: LayerGraph) -> LayerGraph:
    return replace(graph, output_names=("output", "another"))


def no_input(graph: LayerGraph) -> LayerGraph:
    return replace(graph, input_nodes=())


def input_twice(graph: LayerGraph) -> LayerGraph:
    return replace(graph, input_nodes=graph.input_nodes * 2)


def tap_of_nothing(graph: LayerGraph) -> LayerGraph:
    return replace(graph, taps={"a": "nothing"})


def layer_missing(graph: LayerGraph) -> LayerGraph:
    return with_body(graph, lambda body: replace(body, items=body.items[1:]))


def layer_twice(graph: LayerGraph) -> LayerGraph:
    return with_body(graph, lambda body: replace(body, items=(*body.items, body.items[-1])))


def wired_to_nothing(graph: LayerGraph) -> LayerGraph:
    return with_body(graph, lambda body: replace(body, results=(Result(99),)))


PLANTED: dict[Callable[[LayerGraph], LayerGraph], str] = {
    wrong_shape: "its type is",
    wrong_op: "its type is",
    op_that_does_not_fit: "has a kernel that covers 30",
    number_for_all_axes: "is not brought to the axes",
    another_input: "does not list",
    wrong_arity: "add has 1 inputs",
    wrong_order: "stands for nothing",
    wrong_path: "another stands where first should",
    two_of_a_location: "stand at the location",
    output_without_a_tensor: "as outputs",
    no_input: "stands for nothing",
    input_twice: "two inputs are called input",
    tap_of_nothing: "which is no tensor",
    layer_missing: "stands for nothing",
    layer_twice: "two layers are called relu",
    wired_to_nothing: "stands for nothing",
}


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_planted_faults_are_found(graph: LayerGraph, plant: Callable[[LayerGraph], LayerGraph]) -> None:
    verify(graph)
    with pytest.raises(InternalError, match=PLANTED[plant]):
        verify(plant(graph))


def test_a_round_wired_past_its_loop_is_found() -> None:
    text = TEXT.replace("  - relu", "  - repeat: {times: 2, layers: [relu]}")
    graph = archspec.compile(load_text(text, name="net.yaml"))
    loop = graph.root.body.items[-1]
    assert isinstance(loop, Loop)
    first, second = loop.iterations
    broken = replace(loop, iterations=(first, replace(second, operands=(Operand(1),))))
    with pytest.raises(InternalError, match="wired past its loop"):
        verify(with_body(graph, lambda body: replace(body, items=(*body.items[:-1], broken))))
