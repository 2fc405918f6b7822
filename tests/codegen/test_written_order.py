"""The order of several tensors in source: as declared, as computed, and of merges that take what is there."""

from __future__ import annotations

import re

import pytest

import archspec
from archspec.ir.graph import LayerGraph
from archspec.spec.loading import load_text
from tests.conformance.test_ops import conforms
from tests.needed import needs

pytestmark = needs("torch", "keras")

PYRAMID = """
archspec: 1
name: net
params: {widths: [4, 6]}
input: {channels: 3, height: 8, width: 8}
blocks:
  exchange:
    inputs: [low]
    params: {widths: {}}
    outputs: [OUTPUTS]
    layers:
      - conv: {name: wide, filters: "widths[0]", kernel: 1}
      - tap: fine
      - from: low
      - conv: {name: narrow, filters: "widths[1]", kernel: 1}
      - tap: coarse
  pair:
    inputs: [low]
    params: {widths: {}}
    outputs: [fine, coarse]
    layers:
      - {from: low, layers: [{name: lows, layers: [conv: {filters: "widths[1]", kernel: 1}]}]}
      - tap: second
      - from: input
      - name: mixed
        layers:
          - name: '0'
            layers:
              - conv: {name: own, filters: "widths[0]", kernel: 1}
              - add: [[], {from: second, layers: [conv: {name: lent, filters: "widths[0]", kernel: 1}]}]
          - tap: fine
          - name: '1'
            layers:
              - add: [{from: second}, {from: fine, layers: [conv: {filters: "widths[1]", kernel: 1}]}]
          - tap: coarse
layers:
  - conv: {name: stem, filters: "widths[0]", kernel: 1}
  - tap: a
  - conv: {name: stem_2, filters: "widths[1]", kernel: 1}
  - tap: b
  - from: a
  - exchange: {name: exchange, low: b, widths: widths}
  - from: exchange.fine
  - pair: {name: pair, low: exchange.coarse, widths: widths}
  - concat: [{from: pair.fine}, {from: pair.coarse}, {from: exchange.coarse}]
"""


MERGES = """
archspec: 1
name: net
input: {channels: 3, height: 8, width: 8}
blocks:
  linked:
    params: {growth: {}, depth: {}}
    layers:
      - repeat:
          inline: true
          times: depth
          collect: made
          layers:
            - concat:
                - []
                - {from: "made[i - 2]", when: i >= 2, else: omit}
                - {from: "made[i - 3]", when: i % 3 == 0 and i > 0, else: omit}
                - {from: input, when: "i in [1, 3]", else: omit}
            - conv: {name: "steps.{i}", filters: "growth * (i + 1)", kernel: 3, padding: 1}
      - repeat:
          inline: true
          times: depth // 2
          names: "every{i}"
          collect: every
          layers:
            - {from: "made[2 * i]"}
      - concat: [{from: "made[depth - 1]"}, {from: "made[depth - 2]"}, {from: every}]
layers:
  - linked: {growth: 2, depth: 4}
  - conv: {filters: 5, kernel: 1}
  - linked: {growth: 3, depth: 5}
"""


def compiled(text: str) -> LayerGraph:
    return archspec.compile(load_text(text))


@pytest.mark.parametrize("outputs", ["fine, coarse", "coarse, fine"])
def test_a_blocks_tensors_are_in_the_order_of_its_outputs(outputs: str) -> None:
    graph = compiled(PYRAMID.replace("OUTPUTS", outputs))
    torch, keras = str(archspec.generate(graph, "torch")), str(archspec.generate(graph, "keras"))
    assert f"        {outputs} = self.exchange(" in torch
    assert f"    {outputs} = exchange(" in keras
    assert f"    return {outputs}\n" in keras[keras.index("def exchange(") : keras.index("def pair(")]
    first, second = ("wide", "narrow") if outputs.startswith("fine") else ("narrow", "wide")
    assert re.search(rf"return self\.{first}\(\w+\), self\.{second}\(\w+\)\n", torch)


def test_a_part_takes_and_gives_tensors_as_they_are_computed() -> None:
    text = str(archspec.generate(compiled(PYRAMID.replace("OUTPUTS", "fine, coarse")), "torch"))
    assert "fine, coarse = self.mixed(x, second)" in text
    assert "coarse, fine" not in text


def test_what_has_to_be_given_may_be_part_of_a_list_that_is_the_same_in_all_calls() -> None:
    """The channels of `low` have to be `widths[1]`, and `widths` is no argument of the class."""
    text = PYRAMID.replace("OUTPUTS", "fine, coarse").replace(
        'conv: {name: narrow, filters: "widths[1]", kernel: 1}',
        'add: [[], conv: {name: narrow, filters: "widths[1]", kernel: 1}]',
    )
    graph = compiled(text.replace("widths: widths", "widths: [4, 6]"))
    for framework in ("torch", "keras"):
        text = str(archspec.generate(graph, framework))
        assert "widths[1])" not in text[: text.index("class Net(" if framework == "torch" else "def net(")]
    conforms(graph)


@pytest.mark.parametrize("outputs", ["fine, coarse", "coarse, fine"])
def test_the_order_changes_no_tensor(outputs: str) -> None:
    conforms(compiled(PYRAMID.replace("OUTPUTS", outputs)))


def test_branches_that_the_number_of_an_iteration_leaves_out_are_no_merge_of_their_own() -> None:
    graph = compiled(MERGES)
    joined = [len(node.inputs) for node in graph.nodes.values() if node.op.name == "concat"]
    assert joined == [2, 2, 4, 4, 2, 2, 4, 2, 4]
    text = str(archspec.generate(graph, "torch"))
    assert text.count("torch.cat(") == len(joined)
    conforms(graph)


def test_a_part_that_holds_nothing_is_no_module() -> None:
    graph = compiled(MERGES)
    for name in ("torch", "keras"):
        text = str(archspec.generate(graph, name))
        assert "nn.Sequential()" not in text
        assert "every0" not in text


def test_a_repeat_of_nothing_but_taps_needs_no_names() -> None:
    text = MERGES.replace('          names: "every{i}"\n', "")
    graph = compiled(text)
    assert graph.nodes.keys() == compiled(MERGES).nodes.keys()
    assert graph.nodes["linked.concat"].inputs == compiled(MERGES).nodes["linked.concat"].inputs


def test_a_condition_that_arguments_decide_keeps_its_merge() -> None:
    text = MERGES.replace("when: i >= 2", "when: growth > 2")
    with pytest.raises(archspec.SpecError):  # the list has no tensor there yet
        compiled(text)
    graph = compiled(MERGES.replace('when: "i in [1, 3]"', "when: growth > 2"))
    assert "linked_2.steps.0" in graph.nodes
    conforms(graph)


def test_a_part_that_its_networks_name_ends_with_is_called_so_alone() -> None:
    text = """
archspec: 1
name: net_fpn
class: NetFPN
input: {channels: 3, height: 8, width: 8}
layers:
  - name: fpn
    layers:
      - conv: {name: a, filters: 4, kernel: 1}
      - tap: a
      - conv: {name: b, filters: 4, kernel: 3, padding: 1}
      - add: [[], {from: a}]
"""
    assert "class FPN(nn.Module):" in str(archspec.generate(compiled(text), "torch"))
