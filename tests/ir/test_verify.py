"""The verifier finds what is planted in a sound graph, and passes run it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

import archspec
from archspec.errors import InternalError
from archspec.ir.graph import LayerGraph
from archspec.ir.ops import Conv
from archspec.ir.scope import Body, Layer, Loop, Operand, Result
from archspec.ir.verify import verify
from archspec.passes import run
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


def with_node(graph: LayerGraph, at: str, /, **changes: object) -> LayerGraph:
    return replace(graph, nodes={**graph.nodes, at: replace(graph.nodes[at], **changes)})  # type: ignore[arg-type]


def wrong_shape(graph: LayerGraph) -> LayerGraph:
    return with_node(graph, "first", shape=(8, 9, 8))


def wrong_op(graph: LayerGraph) -> LayerGraph:
    return with_node(graph, "first", op=Conv(16, (3, 3)))


def op_that_does_not_fit(graph: LayerGraph) -> LayerGraph:
    return with_node(graph, "first", op=Conv(8, (30, 30)))


def wrong_wiring(graph: LayerGraph) -> LayerGraph:
    return with_node(graph, "add", inputs=("second", "first"))


def wrong_arity(graph: LayerGraph) -> LayerGraph:
    return with_node(graph, "add", inputs=("first",))


def wrong_order(graph: LayerGraph) -> LayerGraph:
    return replace(graph, nodes=dict(reversed(list(graph.nodes.items()))))


def wrong_name(graph: LayerGraph) -> LayerGraph:
    return with_node(graph, "first", path="another")


def wrong_output(graph: LayerGraph) -> LayerGraph:
    return replace(graph, outputs={"output": "nothing"})


def other_output(graph: LayerGraph) -> LayerGraph:
    return replace(graph, outputs={"output": "add"})


def unlisted_input(graph: LayerGraph) -> LayerGraph:
    return replace(graph, inputs=())


def with_body(graph: LayerGraph, change: Callable[[Body], Body]) -> LayerGraph:
    return replace(graph, root=replace(graph.root, body=change(graph.root.body)))


def scope_without_a_layer(graph: LayerGraph) -> LayerGraph:
    return with_body(graph, lambda body: replace(body, items=body.items[1:]))


def scope_with_a_layer_twice(graph: LayerGraph) -> LayerGraph:
    return with_body(graph, lambda body: replace(body, items=(*body.items, body.items[-1])))


def scope_with_an_unknown_layer(graph: LayerGraph) -> LayerGraph:
    ghost = Layer(99, "ghost", True, "ghost", (Operand(0),))
    return with_body(graph, lambda body: replace(body, items=(*body.items, ghost)))


def scope_wired_to_nothing(graph: LayerGraph) -> LayerGraph:
    return with_body(graph, lambda body: replace(body, results=(Result(99),)))


def scope_wired_otherwise(graph: LayerGraph) -> LayerGraph:
    def change(body: Body) -> Body:
        last = body.items[-1]
        assert isinstance(last, Layer)
        return replace(body, items=(*body.items[:-1], replace(last, operands=(Operand(0),))))

    return with_body(graph, change)


PLANTED: dict[Callable[[LayerGraph], LayerGraph], str] = {
    wrong_shape: "its shape is",
    wrong_op: "its shape is",
    op_that_does_not_fit: "has a kernel that covers 30",
    wrong_wiring: "the scopes wire it to",
    wrong_arity: "add has 1 inputs",
    wrong_order: "does not stand before it",
    wrong_name: "is filed under first",
    wrong_output: "which is no node",
    other_output: "the scopes give",
    unlisted_input: "input",
    scope_without_a_layer: "stands for nothing",
    scope_with_a_layer_twice: "stands in two scopes",
    scope_with_an_unknown_layer: "layers that are no nodes",
    scope_wired_to_nothing: "stands for nothing",
    scope_wired_otherwise: "the scopes wire it to",
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


@dataclass(frozen=True, slots=True)
class Break:
    name: ClassVar[str] = "break"
    requires: ClassVar[frozenset[str]] = frozenset()
    ensures: ClassVar[frozenset[str]] = frozenset()

    def run(self, graph: LayerGraph) -> LayerGraph:
        return wrong_shape(graph)


@dataclass(frozen=True, slots=True)
class Late:
    name: ClassVar[str] = "late"
    requires: ClassVar[frozenset[str]] = frozenset({"explicit padding"})
    ensures: ClassVar[frozenset[str]] = frozenset()

    def run(self, graph: LayerGraph) -> LayerGraph:
        return graph


def test_a_pass_that_breaks_the_graph_is_caught(graph: LayerGraph) -> None:
    with pytest.raises(InternalError, match="its shape is"):
        run(graph, (Break(),))


def test_a_pass_is_not_run_before_one_that_it_requires(graph: LayerGraph) -> None:
    with pytest.raises(InternalError, match="late requires explicit padding"):
        run(graph, (Late(),))
