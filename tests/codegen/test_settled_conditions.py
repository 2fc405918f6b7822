"""Conditions that the number of an iteration settles: source has what they choose, and asks nothing."""

from __future__ import annotations

import re

import pytest

import archspec
from archspec.spec import load_text
from tests.conformance.test_ops import conforms
from tests.needed import needs

HEAD = """
archspec: 1
name: settled
params: {wide: true}
input: {channels: 8, height: 8, width: 8}
blocks:
  unit:
    params: {k: 1}
    layers: [conv: {name: c, filters: channels, kernel: k, padding: same}]
  outer:
    params: {wide: true}
    layers:
      - repeat: {times: 2, layers: [{unit: {k: 3}, when: "i < 1", else: [batch_norm, relu]}, {relu: {}, when: wide}]}
layers:
  - {tanh: {}, when: wide}
"""
CASES = {
    "left out at first": '- repeat: {name: cond, times: 3, layers: [{unit: {k: 3}, when: "i > 0"}]}',
    "left out at last": '- repeat: {name: cond, times: 2, layers: [{unit: {k: 3}, when: "i < 1"}, relu]}',
    "one or the other": '- repeat: {name: c, times: 2, layers: [{unit: {k: 3}, when: "i < 1", else: [unit, tanh]}]}',
    "branches": "- repeat: {name: c, times: 2, layers: "
    '[add: [[{unit: {}, when: "i > 0"}], [{relu: {}, when: "i < 1"}]]]}',
    "one in another": "- repeat: {name: c, times: 2, layers: "
    '[{layers: [relu, {unit: {}, when: wide}], when: "i > 0"}]}',
    "repeats in repeats": "- repeat: {name: c, times: 2, layers: [repeat: "
    '{times: 2, index: j, layers: [{unit: {}, when: "j > 0"}, {relu: {}, when: "i + j > 1"}]}]}',
    "channels": '- repeat: {name: c, times: 2, layers: [{conv: {filters: 5, kernel: 1}, when: "i < 1"}, batch_norm]}',
    "blocks": "- outer: {wide: false}\n  - outer",
}
CONSTANT = re.compile(r"\b(if|elif|not|and|or) \(?(True|False)\b")


@needs("torch", "keras")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_nothing_is_asked_and_the_numbers_are_right(case: str) -> None:
    graph = archspec.compile(load_text(f"{HEAD}  {case}\n"))
    for name in ("torch", "keras"):
        assert not CONSTANT.search(archspec.generate(graph, name)), name
    conforms(graph)


def test_an_iteration_without_layers_is_an_empty_sequence() -> None:
    found = archspec.generate(archspec.compile(load_text(f"{HEAD}  {CASES['left out at first']}\n")), "torch")
    assert "self.cond = nn.Sequential(nn.Sequential(), *(nn.Sequential(Unit(8)) for _ in range(2)))" in found
