"""Source says things once, and as short as they are: progressions, superfluous expressions, mixed types."""

from __future__ import annotations

from pathlib import Path

import pytest

import archspec
from archspec.expr import fold, parse, source
from archspec.limits import Budget, Limits
from archspec.spec.loading import load_text

DENSE = """
blocks:
  dense_layer:
    unit: [growth]
    layers: [concat: [[], [conv: {filters: growth, kernel: 3, padding: 1}]]]
stages:
  - {name: a, block: dense_layer, units: "[(growth,)] * 8", unit_names: "layer{i + 1}"}
"""


def torch_of(text: str, params: str = "{}", channels: int = 3) -> str:
    head = f"archspec: 1\nname: forms\nparams: {params}\ninput: {{channels: {channels}, height: 32, width: 32}}\n"
    return str(archspec.generate(archspec.compile(load_text(head + text)), "torch"))


def test_units_that_grow_by_a_step_are_a_comprehension() -> None:
    found = torch_of(DENSE, "{growth: 4}")
    assert '(f"layer{i + 1}", DenseLayer(3 + growth * i, growth)) for i in range(8)' in " ".join(found.split())


def test_densenet_is_no_longer_than_a_person_writes_it() -> None:
    graph = archspec.compile(Path(__file__).parent / "layer_names" / "densenet121.yaml")
    assert str(archspec.generate(graph, "torch")).count("\n") <= 120


def test_a_number_in_one_call_and_a_pair_in_another_are_one_class() -> None:
    text = """
blocks:
  basic_conv:
    params: {filters: {}, kernel: 1, padding: 0}
    layers: [conv: {filters: filters, kernel: kernel, padding: padding, bias: false}, batch_norm, relu]
layers:
  - basic_conv: {filters: 8, kernel: 3, padding: 1}
  - basic_conv: {filters: 24, kernel: [1, 7], padding: [0, 3]}
"""
    found = torch_of(text)
    assert found.count("class BasicConv") == 1
    assert "kernel: int | tuple[int, int] = 1" in found


def test_what_the_caller_always_passes_as_it_arrives_is_what_arrives() -> None:
    text = """
blocks:
  unit:
    params: {expand: {}, arriving: {}}
    layers:
      - {conv: {name: wide, filters: arriving * expand, kernel: 1}, when: expand != 1}
      - conv: {name: deep, filters: arriving * expand, kernel: 3}
      - conv: {name: last, filters: arriving, kernel: 1}
layers:
  - unit: {arriving: channels, expand: 1}
  - conv: {filters: 8, kernel: 1}
  - unit: {arriving: channels, expand: 6}
"""
    found = torch_of(text)
    assert "arriving" not in found
    assert " if expand != 1 else in_channels" not in found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("drop * 0 / 8", "0.0"),
        ("2 if i == 0 else 1", "1"),
        ("2 if i < 4 else 1", "2"),
        ("2 if i > 2 else 1", "2 if i > 2 else 1"),
        ("a if a == b else b", "b"),
        ("a if a != b else b", "a"),
        ("w * n if n != 1 else w", "w * n"),
        ("w * n if n != 2 else w", "w * n if n != 2 else w"),
        ("4 * (2 * w)", "8 * w"),
        ("2 * (w * 12)", "24 * w"),
        ("a if c else (a if c else b)", "a if c else b"),
        ("a * 0", "0"),
        ("drop * 0", "drop * 0"),
    ],
)
def test_expressions_have_a_normal_form(text: str, expected: str) -> None:
    budget = Budget(Limits())
    found = fold(parse(text, budget), budget, whole=lambda name: name != "drop", ranges={"i": (1, 4)})
    assert source(found) == expected
