"""Passes are verified, and held to what they require and ensure, whenever they are run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

import archspec
from archspec.errors import InternalError
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Layer
from archspec.ir.tensor_type import image
from archspec.lowering import lower
from archspec.passes import Property, run_passes
from archspec.passes.check_depth import CheckDepth
from archspec.passes.properties import DECLARED_DEPTH, EXPLICIT_PADDING, JOINED_NAMES, NO_DEAD_LAYERS
from archspec.passes.remove_dead_layers import RemoveDeadLayers
from archspec.passes.resolve_padding import ResolvePadding
from archspec.spec import load_text

TEXT = """
archspec: 1
name: net
input: {channels: 8, height: 8, width: 8}
layers:
  - conv: {name: first, filters: 8, kernel: 3, padding: same}
  - relu
"""
UNNEEDED = TEXT + "  - tap: end\n  - conv: {name: head, filters: 2, kernel: 1}\noutputs: [end]\n"
JOINED = TEXT + "  - {name: a, layers: [conv: {name: b, filters: 2, kernel: 1}]}\n  - relu: {name: a_b}\n"


@pytest.fixture
def graph() -> LayerGraph:
    return lower(load_text(TEXT, name="net.yaml"))


def test_what_changed_is_said(graph: LayerGraph) -> None:
    ran = run_passes(graph, (ResolvePadding(), RemoveDeadLayers(), CheckDepth()))
    assert ran.changed == ("resolve_padding",)
    again = run_passes(ran.graph, (ResolvePadding(), RemoveDeadLayers(), CheckDepth()))
    assert again.changed == ()
    assert again.graph is ran.graph


@pytest.mark.parametrize(
    ("wanted", "text", "depth", "fault"),
    [
        (EXPLICIT_PADDING, TEXT, 0, "first pads by `same`"),
        (NO_DEAD_LAYERS, UNNEEDED, 0, "no output needs head"),
        (JOINED_NAMES, JOINED, 0, "two paths are one name"),
        (DECLARED_DEPTH, TEXT, 3, "3 is declared, 1 layers are weighted"),
    ],
)
def test_each_property_is_seen_to_fail(wanted: Property, text: str, depth: int, fault: str) -> None:
    from archspec.ir.graph import DeclaredDepth

    graph = lower(load_text(text, name="net.yaml"))
    assert fault in wanted.fault(replace(graph, depth=DeclaredDepth(depth, None) if depth else None))


@pytest.mark.parametrize("wanted", [EXPLICIT_PADDING, NO_DEAD_LAYERS, JOINED_NAMES, DECLARED_DEPTH])
def test_each_property_is_seen_to_hold(wanted: Property) -> None:
    assert not wanted.fault(archspec.compile(load_text(TEXT, name="net.yaml")))


@dataclass(frozen=True, slots=True)
class Step:
    """A pass that does as its test says."""

    name: ClassVar[str] = "step"
    requires: ClassVar[tuple[Property, ...]] = ()
    ensures: ClassVar[tuple[Property, ...]] = ()

    def run(self, graph: LayerGraph) -> LayerGraph:
        return graph


class Breaks(Step):
    def run(self, graph: LayerGraph) -> LayerGraph:
        first, *others = graph.root.body.items
        assert isinstance(first, Layer)
        items = (replace(first, types=(image(8, 9, 8),)), *others)
        return replace(graph, root=replace(graph.root, body=replace(graph.root.body, items=items)))


class Requires(Step):
    requires: ClassVar[tuple[Property, ...]] = (EXPLICIT_PADDING,)


class Claims(Step):
    ensures: ClassVar[tuple[Property, ...]] = (EXPLICIT_PADDING,)


def test_a_pass_that_breaks_the_graph_is_caught(graph: LayerGraph) -> None:
    with pytest.raises(InternalError, match="its type is"):
        run_passes(graph, (Breaks(),))


def test_a_pass_is_not_run_where_what_it_requires_does_not_hold(graph: LayerGraph) -> None:
    with pytest.raises(InternalError, match="step requires explicit padding: first pads"):
        run_passes(graph, (Requires(),))
    assert run_passes(graph, (ResolvePadding(), Requires())).changed == ("resolve_padding",)


def test_a_pass_that_does_not_do_what_it_ensures_is_caught(graph: LayerGraph) -> None:
    with pytest.raises(InternalError, match="step ensures explicit padding: first pads"):
        run_passes(graph, (Claims(),))
