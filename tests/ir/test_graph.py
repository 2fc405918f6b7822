"""The layer graph: counts against published figures, its text, its wiring, its view for networkx."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

import networkx
import pytest

import archspec
from archspec.ir.graph import LayerGraph
from archspec.spec import load_text
from tests.pace import within_seconds

GOLDEN = Path(__file__).parent / "resnet18.txt"

PUBLISHED = {
    # name: parameters, GMACs at 224 x 224 (after torchvision)
    "resnet18": (11_689_512, 1.814),
    "resnet34": (21_797_672, 3.664),
    "resnet50": (25_557_032, 4.089),
    "resnet101": (44_549_160, 7.801),
    "resnet152": (60_192_808, 11.514),
}


@cache
def graph_of(name: str) -> LayerGraph:
    return archspec.compile(name)


@pytest.mark.parametrize("name", PUBLISHED)
def test_counts_are_the_published_ones(name: str) -> None:
    graph = graph_of(name)
    parameters, gmacs = PUBLISHED[name]
    assert graph.parameters == parameters
    assert round(graph.macs / 1e9, 3) == gmacs
    assert len(graph.weighted_path) == int(name.removeprefix("resnet"))


def test_dump_is_the_recorded_one(request: pytest.FixtureRequest) -> None:
    text = graph_of("resnet18").dump()
    if request.config.getoption("--update-golden"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")
    assert archspec.compile("resnet18").dump() == text


def test_networkx_view_has_every_node_and_edge() -> None:
    graph = graph_of("resnet50")
    view = graph.nx
    assert isinstance(view, networkx.DiGraph)
    assert networkx.is_directed_acyclic_graph(view)
    assert list(view.nodes) == list(graph.nodes)
    wanted = {(source, path) for path, node in graph.nodes.items() for source in node.inputs}
    assert set(view.edges) == wanted
    for source, path, data in view.edges(data=True):
        assert graph.nodes[path].inputs[data["index"]] == source
    assert view.nodes["layer1.0.conv1"]["op"] == "conv"
    assert view.nodes["layer1.0.conv1"]["shape"] == (64, 56, 56)
    assert view.nodes["layer1.0.add"]["node"].inputs == ("layer1.0.bn3", "layer1.0.downsample.1")
    assert next(iter(networkx.topological_generations(view))) == ["input"]


def test_an_edge_that_carries_two_operands_stands_once() -> None:
    graph = lower_text("layers: [{add: [[], []]}]")
    assert graph.nodes["add"].inputs == ("input", "input")
    assert list(graph.nx.edges(data="index")) == [("input", "add", 0)]


def test_wiring_follows_the_scopes() -> None:
    def_use = graph_of("resnet18").def_use
    assert def_use.scopes["layer2.0"].operands == ("layer1.1.relu_2",)
    assert def_use.scopes["layer2.0"].results == ("layer2.0.relu_2",)
    assert def_use.nodes["layer2.0.downsample.0"].inputs == ("layer1.1.relu_2",)
    assert def_use.nodes["layer2.0.add"].inputs == ("layer2.0.bn2", "layer2.0.downsample.1")


HEAD = "archspec: 1\nname: net\ninput: {channels: 8, height: 8, width: 8}\n"


def lower_text(rest: str) -> LayerGraph:
    return archspec.compile(load_text(HEAD + rest, name="net.yaml"))


REPEATED = "layers:\n  - repeat: {{name: r, times: {0}, layers: [{{conv: {{filters: 8, kernel: 1}}}}, relu]}}\n"
STAGED = """
blocks:
  unit:
    unit: [depth]
    layers: [{{conv: {{filters: depth, kernel: 1}}}}, relu]
layers:
  - stage: {{name: s, block: unit, units: "[(8,)] * {0}"}}
"""


@pytest.mark.slow
@pytest.mark.parametrize("text", [REPEATED, STAGED], ids=["repeat", "units"])
def test_time_grows_with_the_number_of_layers_and_no_faster(text: str) -> None:
    def seconds(layers: int) -> float:
        start = time.process_time()
        graph = lower_text(text.format(layers // 2))
        archspec.generate(graph, "torch")
        assert len(graph.nodes) == layers + 1
        return time.process_time() - start

    seconds(100)  # imports
    small = min(seconds(2000) for _ in range(3))
    large = min(seconds(8000) for _ in range(3))
    assert large < 10 * small  # 4 if linear, 16 if quadratic


@pytest.mark.timing
@pytest.mark.slow
def test_a_hundred_thousand_layers() -> None:
    with within_seconds(30):
        assert len(lower_text(REPEATED.format(50_000)).nodes) == 100_001


def test_takers_are_the_inputs_turned_round() -> None:
    """Each tensor has its takers, a further result of a node apart; what takes one twice stands twice."""
    text = """archspec: 1
name: net
input: {channels: 4, height: 4, width: 4}
layers:
  - split: {parts: 2, outputs: [left, right]}
  - subtract: [{from: right}, {from: right}]
  - add: [[], [relu]]
"""
    graph = archspec.compile(load_text(text))
    assert graph.takers == {
        "input": ("split",),
        "split": (),
        "split:1": ("subtract", "subtract"),
        "subtract": ("relu", "add"),
        "relu": ("add",),
        "add": (),
    }
