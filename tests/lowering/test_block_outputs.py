"""The outputs of named calls, `from: name.output`, where items in other scopes have the same name."""

from __future__ import annotations

import pytest

import archspec
from archspec.errors import SpecError
from archspec.spec import load_text

TEXT = """
archspec: 1
name: names
input: {channels: 4, height: 8, width: 8}
blocks:
  plain: {layers: [conv: {filters: 4, kernel: 1}]}
  two:
    outputs: [low, high]
    layers: [conv: {filters: 6, kernel: 1}, tap: low, relu, tap: high]
layers:
  - name: first
    layers: [FIRST]
  - name: second
    layers:
      - two: {name: "0"}
      - concat: [{from: 0.low}, {from: 0.high}]
"""


@pytest.mark.parametrize(
    "other", ["conv: {filters: 4, kernel: 1, name: '0'}", "plain: {name: '0'}", "two: {name: '0'}"]
)
def test_the_nearest_of_a_name_is_meant(other: str) -> None:
    text = TEXT.replace("FIRST", other)
    graph = archspec.compile(load_text(text, name="names.yaml"))
    assert graph.nodes["second.concat"].inputs == ("second.0.conv", "second.0.relu")


def test_a_name_is_used_again_where_another_scope_has_it() -> None:
    used = '      - reuse: {item: "0", name: again}\n      - concat: [{from: again.low}, {from: 0.high}]\n'
    text = TEXT.replace("FIRST", "plain: {name: '0'}").replace(
        "      - concat: [{from: 0.low}, {from: 0.high}]\n", used
    )
    text = text.replace("conv: {filters: 6,", "conv: {filters: 4,")  # what is used again takes what it gives
    graph = archspec.compile(load_text(text, name="names.yaml"))
    assert graph.nodes["second.concat"].inputs == ("second.again.conv", "second.0.relu")


def test_an_output_that_none_of_them_gives() -> None:
    text = TEXT.replace("FIRST", "plain: {name: '0'}").replace("0.high", "0.top")
    with pytest.raises(SpecError, match=r"no tap `0\.top` here"):
        archspec.compile(load_text(text, name="names.yaml"))
