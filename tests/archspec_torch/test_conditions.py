"""Conditions in `forward`: one line where both sides are no more than a value for one variable."""

from __future__ import annotations

import pytest

import archspec
from archspec.spec.loading import load_text
from tests.conformance.test_ops import conforms
from tests.needed import needs

SPEC = """
archspec: 1
name: sides
input: {{channels: 4, height: 8, width: 8}}
blocks:
  unit:
    params: {{first: false}}
    layers:
      - split: {{parts: 2, outputs: [a, b]}}
      - conv: {{filters: 2, kernel: 1}}
      - tap: c
      - when: first
        layers: [{{from: b}}]
        else: [{other}]
      - conv: {{filters: 2, kernel: 1}}
      - concat: [[], {{from: c}}]
layers: [unit: {{first: true}}, unit]
"""


@needs("torch")
@pytest.mark.parametrize(
    ("other", "line"),
    [
        ("{add: [[], {from: b}]}", " = b if self.first else "),
        ("{add: [[], {from: b}]}, {conv: {filters: 2, kernel: 3, padding: same}}, tanh", "if self.first:\n"),
    ],
    ids=["a value each", "members, too"],
)
def test_both_sides_are_one_line_where_that_is_all(other: str, line: str) -> None:
    graph = archspec.compile(load_text(SPEC.format(other=other)))
    source = archspec.generate(graph, "torch")
    assert [word for word in (" = b if self.first else ", "if self.first:\n") if word in source] == [line]
    conforms(graph)
