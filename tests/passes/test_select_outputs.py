"""What taps leave of a network: the layers that lead to them and no others, in graph and scopes alike."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

import archspec
from archspec import LayerGraph, SpecError
from archspec.codegen.backend import BuildsModels
from archspec.codegen.registry import backend
from archspec.ir.scope import Layer, Loop, Scope, walk
from archspec.ir.verify import verify
from archspec.passes import run_passes
from archspec.passes.select_outputs import SelectOutputs
from archspec.spec import load_text

NETWORKS = sorted(Path("tests/zoo").glob("*.yaml")) + sorted(Path("specs/examples").glob("*.yaml"))

TEXT = """
archspec: 1
name: net
params: {width: 8, classes: 10, stem: true}
input: {channels: 3, height: 16, width: 16}
blocks:
  unit:
    unit: [depth]
    params: {depth: {}}
    layers:
      - conv: {filters: depth, kernel: 3, padding: 1}
      - relu
  down:
    outputs: [full]
    layers:
      - sigmoid
      - tap: full
      - max_pool: {kernel: 2}
stem:
  - when: stem
    layers:
      - conv: {name: first, filters: width, kernel: 3, padding: 1}
      - tap: early
      - relu
stages:
  - {name: stage, block: unit, units: "[16] * 3"}
head:
  - down: {name: halved}
  - name: row
    layers:
      - conv: {filters: 8, kernel: 1}
      - relu
      - repeat: {times: 3, layers: [relu, {conv: {filters: 8, kernel: 1}}]}
  - tap: last
  - flatten
  - dense: {name: fc, units: classes}
"""


def compiled(*taps: str) -> LayerGraph:
    return archspec.compile(load_text(TEXT, name="net.yaml"), taps=taps)


def tapped(whole: LayerGraph, taps: Iterable[str]) -> LayerGraph:
    return run_passes(whole, (SelectOutputs(tuple(taps)),)).graph


def before(graph: LayerGraph, paths: list[str]) -> set[str]:
    """The nodes that lead to these, and they themselves: found by the edges alone."""
    found: set[str] = set()
    while paths:
        path = paths.pop()
        if path not in found:
            found.add(path)
            paths += graph.nodes[path].inputs
    return found


def given(graph: LayerGraph) -> dict[str, str]:
    """The node of each item that stands at the top of a network, of its units and of its rounds."""
    def_use, found = graph.def_use, dict[str, str]()
    for item in walk(graph.root):
        if isinstance(item, Scope) and item is not graph.root:
            found[item.path] = def_use.scopes[item.path].results[0]
        if isinstance(item, Layer):
            found[item.path] = item.path
    top = [item for item in walk(graph.root) if not isinstance(item, Scope) or item is not graph.root]
    loops = [item for item in top if isinstance(item, Loop) and "." not in item.path]
    rounds = {scope.path for loop in loops for scope in loop.iterations}
    return {path: node for path, node in found.items() if "." not in path or path in rounds}


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_nothing_beyond_is_computed(path: Path) -> None:
    whole = archspec.compile(path)
    names = given(whole)
    assert names
    for chosen in ([*names], *([name] for name in names)):
        graph = tapped(whole, chosen)
        verify(graph)
        assert graph.outputs == {name: names[name] for name in chosen}
        assert graph.nodes.keys() == before(whole, [names[name] for name in chosen])
        assert all(graph.nodes[at] == whole.nodes[at] for at in graph.nodes)
        assert {**graph.all_weights, **graph.dead_weights} == whole.all_weights
        assert not graph.all_weights.keys() & graph.dead_weights.keys()


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_all_at_once_are_what_the_source_gives(path: Path) -> None:
    pytest.importorskip("torch")
    whole = archspec.compile(path)
    names = given(whole)
    graph = tapped(whole, names)
    assert graph.outputs == names
    backend("torch", BuildsModels).verify(archspec.generate(graph, "torch"), graph)


def test_every_kind_of_name() -> None:
    names = {
        "early": "first",
        "last": "row.2.2.1",
        "halved.full": "halved.sigmoid",
        "input": "input",
        "first": "first",
        "stage": "stage.2.relu",
        "stage.0": "stage.0.relu",
        "halved": "halved.max_pool",
        "halved.sigmoid": "halved.sigmoid",
        "row": "row.2.2.1",
        "row.1": "row.1",
        "fc": "fc",
        "output": "fc",
    }
    assert compiled(*names).outputs == names
    for name, path in names.items():
        assert compiled(name).outputs == {name: path}


def test_a_tap_comes_before_a_path() -> None:
    text = TEXT.replace("tap: early", "tap: stage")
    graph = archspec.compile(load_text(text, name="net.yaml"), taps=["stage"])
    assert graph.outputs == {"stage": "first"}


def test_a_loop_is_cut_after_the_last_round_that_is_needed() -> None:
    [loop] = [item for item in walk(compiled("stage.1").root) if isinstance(item, Loop)]
    assert [scope.path for scope in loop.iterations] == ["stage.0", "stage.1"]
    assert loop.marks == ()
    [loop] = [item for item in walk(compiled("stage.0", "stage.1").root) if isinstance(item, Loop)]
    assert (len(loop.iterations), loop.marks) == (2, (0,))


def test_blocks_with_outputs_give_those_that_are_needed() -> None:
    graph = compiled("halved.full")
    assert "halved.max_pool" not in graph.nodes
    assert "halved.sigmoid" in graph.nodes


def test_params_of_what_is_left_out_are_no_arguments() -> None:
    source = archspec.generate(compiled("stage"), "torch")
    assert "def __init__(self, width: int = 8) -> None:" in source
    assert "# taps: stage\n" in source


def test_an_input_that_is_not_needed_is_left_out() -> None:
    text = """
archspec: 1
name: two
inputs:
  one: {shape: [4]}
  other: {shape: [6]}
layers:
  - dense: {name: first, units: 3}
  - concat: [[], {from: other, layers: [{dense: {name: second, units: 3}}]}]
"""
    spec = load_text(text, name="two.yaml")
    assert archspec.compile(spec, taps=["first"]).inputs == ("one",)
    assert archspec.compile(spec, taps=["second"]).inputs == ("other",)
    for name in ("first", "second"):
        pytest.importorskip("torch")
        graph = archspec.compile(spec, taps=[name])
        backend("torch", BuildsModels).verify(archspec.generate(graph, "torch"), graph)


def message(*taps: str) -> str:
    with pytest.raises(SpecError) as caught:
        compiled(*taps)
    return str(caught.value)


def test_what_is_not_there_is_said_at_once() -> None:
    assert message("erly", "stag") == (
        "error[E0406]: net has no tensor called `erly`\n"
        "   = help: did you mean `early`?\n"
        "\n"
        "error[E0406]: net has no tensor called `stag`\n"
        "   = help: did you mean `stage`?"
    )
    assert "known here: early, fc, first" in message("nothing.like.it")
    assert "did you mean `stage." in message("stage.3")


def test_what_cannot_be_taken_out_names_what_can() -> None:
    assert message("stage.1.conv") == (
        "error[E0406]: `stage.1.conv` cannot be taken out of `stage.1`: "
        "it is a call of block `unit`, which is written once for all its calls\n"
        "   = help: ask for `stage.1`"
    )
    assert "`row.2.1.0` cannot be taken out of `row.2.1`: it is an iteration of `row.2`" in message("row.2.1.0")
    assert "`row.2.1` cannot be taken out of `row`: it is part of a row that is numbered" in message("row.2.1")


def test_no_taps_and_no_list() -> None:
    assert "no taps are asked for" in message()
    with pytest.raises(TypeError, match=r"taps=\['stage'\]"):
        archspec.compile(load_text(TEXT, name="net.yaml"), taps="stage")


def test_taps_are_no_param() -> None:
    for name in ("taps", "partial"):
        with pytest.raises(SpecError, match="E0404"):
            archspec.compile(load_text(TEXT.replace("classes", name), name="net.yaml"))


def test_taps_of_taps() -> None:
    whole = archspec.compile(load_text(TEXT, name="net.yaml"))
    once, twice = tapped(whole, ["stage.1"]), tapped(tapped(whole, ["halved", "stage.1"]), ["stage.1"])
    assert twice.nodes == once.nodes
    assert twice.dead_weights.keys() == once.dead_weights.keys()
    assert twice.outputs == once.outputs
