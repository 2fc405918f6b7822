"""`carry`: an iteration of a repeat gets what arrived at the one before, by a tap that is handed on."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest

import archspec
from archspec.codegen.backend import RunsModels
from archspec.codegen.registry import backend
from archspec.ir.graph import LayerGraph
from archspec.spec.loading import load_text
from tests.conformance.test_ops import conforms
from tests.needed import needs

Array: TypeAlias = npt.NDArray[np.floating[Any]]

CELL = """
blocks:
  cell:
    inputs: [previous]
    layers:
      - conv: {filters: 8, kernel: 3, padding: same}
      - add: [[], {from: previous, layers: [conv: {name: other, filters: 8, kernel: 1}]}]
"""
ROW = """
  - repeat:
      inline: true
      times: TIMES
      names: "cell_{i}"
      carry: {previous: current}
      layers:
        - tap: current
        - cell: {previous: previous}
"""
LAST = "  - concat: [[], {from: previous}]\n"
BY_HAND = """
  - tap: zero
  - cell: {name: cell_0, previous: previous}
  - tap: one
  - cell: {name: cell_1, previous: zero}
  - tap: two
  - cell: {name: cell_2, previous: one}
  - concat: [[], {from: two}]
"""


def graph_of(items: str, more: str = "", params: str = "{}") -> LayerGraph:
    head = f"archspec: 1\nname: net\nparams: {params}\ninput: {{channels: 3, height: 12, width: 12}}\n"
    start = "layers:\n  - tap: previous\n  - conv: {name: stem, filters: 4, kernel: 3, padding: same}\n"
    return archspec.compile(load_text(head + CELL + more + start + items))


def wiring(graph: LayerGraph) -> dict[str, tuple[str, ...]]:
    return {path: node.inputs for path, node in graph.nodes.items()}


def test_it_is_what_one_would_write_by_hand() -> None:
    assert wiring(graph_of(ROW.replace("TIMES", "3") + LAST)) == wiring(graph_of(BY_HAND))


def test_no_iteration_leaves_the_tap_where_it_was() -> None:
    graph = graph_of(ROW.replace("TIMES", "0") + LAST)
    assert graph.nodes["concat"].inputs == ("stem", "input")


def test_a_count_by_a_param() -> None:
    counted = graph_of(ROW.replace("TIMES", "cells") + LAST, params="{cells: 3}")
    assert wiring(counted) == wiring(graph_of(BY_HAND))


def test_a_count_in_a_block_which_differs_between_its_calls() -> None:
    row = ROW.replace("TIMES", "cells").replace("\n  ", "\n      ")
    block = f"  part:\n    params: {{cells: {{}}}}\n    layers:\n      - tap: previous\n      - relu{row}"
    block += "      - concat: [[], {from: previous}]\n"
    graph = graph_of("  - part: {cells: 1}\n  - part: {cells: 2}\n", more=block)
    assert graph.nodes["part.concat"].inputs == ("part.cell_0.add", "part.relu")
    assert graph.nodes["part_2.concat"].inputs == ("part_2.cell_1.add", "part_2.cell_0.add")
    for name in ("torch", "keras"):
        assert "cell_1" in str(archspec.generate(graph, name))


def test_iterations_that_are_scopes_of_several_items_and_taps_after_the_call() -> None:
    scopes = ROW.replace("TIMES", "2").replace("- tap: current", "- tap: current\n        - relu")
    graph = graph_of(scopes + LAST)
    assert graph.nodes["cell_1.cell.other"].inputs == ("stem",)
    assert graph.nodes["concat"].inputs == ("cell_1.cell.add", "cell_0.cell.add")
    after = ROW.replace("TIMES", "2").replace("        - tap: current\n", "") + "        - tap: current\n"
    graph = graph_of(after + LAST)
    assert graph.nodes["cell_0.other"].inputs == ("input",)
    assert graph.nodes["cell_1.other"].inputs == ("cell_0.add",)


def test_two_are_carried_and_change_places() -> None:
    items = """
  - tap: other
  - repeat:
      inline: true
      times: 3
      names: "step{i}"
      carry: {previous: b, other: a}
      layers:
        - from: previous
          layers: [conv: {filters: 4, kernel: 1}]
        - tap: a
        - from: other
          layers: [{conv: {name: second, filters: 4, kernel: 1}}]
        - tap: b
"""
    graph = graph_of(items)
    assert graph.nodes["step1.conv"].inputs == ("step0.second",)
    assert graph.nodes["step2.second"].inputs == ("step1.conv",)


def test_a_tap_is_handed_on_to_another() -> None:
    """A shift register: each has what the other was in the iteration before."""
    items = """
  - tap: older
  - conv: {name: second, filters: 4, kernel: 1}
  - repeat:
      inline: true
      times: 3
      names: "step{i}"
      carry: CARRY
      layers:
        - tap: current
        - concat: [[], {from: previous}, {from: older}]
  - concat: [[], {from: previous}, {from: older}]
"""
    for carry in ("{previous: current, older: previous}", "{older: previous, previous: current}"):
        nodes = graph_of(items.replace("CARRY", carry)).nodes
        assert nodes["step0.concat"].inputs == ("second", "input", "stem")
        assert nodes["step1.concat"].inputs == ("step0.concat", "second", "input")
        assert nodes["step2.concat"].inputs == ("step1.concat", "step0.concat", "second")
        assert nodes["concat"].inputs == ("step2.concat", "step1.concat", "step0.concat")


def under(form: str) -> str:
    """The repeat under a condition, written in one of the ways there are; and what takes the tap after it."""
    row = ROW.replace("TIMES", "2")
    inner = "".join(f"    {line}\n" for line in row.strip("\n").splitlines())
    forms = {
        "when": f"{row}    when: deep\n",
        "sequence": f"  - when: deep\n    layers:\n{inner}",
        "named": f"  - name: part\n    when: deep\n    layers:\n{inner}",
        "other": f"  - when: not deep\n    layers: [crop: {{name: gone, cropping: 0}}]\n    else:\n{inner}",
        "twice": "  - when: deep\n    layers:\n      - when: deep\n        layers:\n"
        + "".join(f"    {line}\n" for line in inner.splitlines()),
    }
    return forms[form]


CONDITIONS = ["when", "sequence", "named", "other", "twice"]


@pytest.mark.parametrize("form", CONDITIONS)
def test_it_comes_out_of_a_condition(form: str) -> None:
    """After the repeat it stands for the last; where the repeat is not there, for what it was."""
    nodes = graph_of(under(form) + LAST, params="{deep: true}").nodes
    scope = "part." if form == "named" else ""
    assert nodes["concat"].inputs == (f"{scope}cell_1.add", f"{scope}cell_0.add")
    nodes = graph_of(under(form) + LAST, params="{deep: false}").nodes
    assert nodes["concat"].inputs[1] == "input"


def test_it_comes_out_of_a_branch_that_may_be_left_out() -> None:
    """The merge is not there without the branch."""
    row = ROW.replace("TIMES", "2")
    inner = "".join(f"          {line}\n" for line in row.strip("\n").splitlines())
    items = "  - conv: {name: wide, filters: 8, kernel: 1}\n  - add:\n      - []\n"
    items += f"      - when: deep\n        else: omit\n        layers:\n{inner}"
    nodes = graph_of(items + LAST, params="{deep: true}").nodes
    assert nodes["concat"].inputs == ("add", "cell_0.add")
    assert graph_of(items + LAST, params="{deep: false}").nodes["concat"].inputs == ("wide", "input")


@needs("torch", "keras")
@pytest.mark.parametrize("name", ["torch", "keras"])
@pytest.mark.parametrize("form", CONDITIONS)
def test_instances_of_a_block_with_and_without_the_repeat(form: str, name: str) -> None:
    lines = "".join(f"    {line}\n" for line in under(form).strip("\n").splitlines())
    block = f"  part_of:\n    params: {{deep: {{}}}}\n    layers:\n      - tap: previous\n      - relu\n{lines}"
    block += "      - concat: [[], {from: previous}]\n"
    calls = "".join(f"  - part_of: {{name: p{place}, deep: {deep}}}\n" for place, deep in enumerate(("true", "false")))
    graph = graph_of(calls, more=block)
    assert graph.nodes["p1.concat"].inputs[1] == graph.nodes["p1.relu"].inputs[0]
    image = np.random.default_rng(0).standard_normal((2, 3, 12, 12)).astype(np.float32)
    weights = archspec.init_weights(graph, seed=2)
    target, reference = backend(name, RunsModels), backend("onnx", RunsModels)
    results = []
    for each in (target, reference):
        model = each.build(each.render(graph), graph, weights=weights, dtype="float32")
        results.append(each.run(model, graph, {"input": image}, training=False).outputs["output"])
    np.testing.assert_allclose(results[0], results[1], rtol=0, atol=1e-5)


def test_the_tap_can_be_asked_for_as_it_is_after_the_repeat() -> None:
    graph = graph_of(ROW.replace("TIMES", "3") + LAST)
    assert graph.taps["previous"] == "cell_1.add"


@needs("torch", "keras", "onnx")
@pytest.mark.parametrize("name", ["torch", "keras", "onnx"])
def test_models_compute_it(name: str) -> None:
    found: list[Array] = []
    for items in (ROW.replace("TIMES", "3") + LAST, BY_HAND):
        graph = graph_of(items)
        target = backend(name, RunsModels)
        weights = archspec.init_weights(graph, seed=2)
        model = target.build(target.render(graph), graph, weights=weights, dtype="float32")
        image = np.random.default_rng(0).standard_normal((2, 3, 12, 12)).astype(np.float32)
        found.append(target.run(model, graph, {"input": image}, training=False).outputs["output"])
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=1e-6)


DENSE = """
archspec: 1
name: dense
input: {channels: 3, height: 8, width: 8}
blocks:
  unit:
    params: {filters: {}}
    layers: [conv: {filters: filters, kernel: 1}, relu]
layers:
  - tap: all
  - name: mid
    layers:
      - repeat:
          inline: true
          times: 5
          names: "{i}"
          carry: {all: joined}
          layers:
            - unit: {filters: 8}
            - tap: latest
            - concat: [{from: all}, []]
            - tap: joined
            - from: latest
  - from: all
"""


@needs("torch")
@pytest.mark.parametrize(("filters", "classes"), [("8", 1), ("8 + i", 5)])
def test_iterations_that_are_the_same_are_one_class(filters: str, classes: int) -> None:
    """They differ in what they receive alone; channels that only a concatenation has count for nothing."""
    graph = archspec.compile(load_text(DENSE.replace("filters: 8}", f'filters: "{filters}"}}')))
    source = archspec.generate(graph, "torch")
    assert source.count("class DenseMid") == classes + 1  # and the row of them
    conforms(graph)
