"""Source says things once, and as short as they are: progressions, superfluous expressions, mixed types."""

from __future__ import annotations

from pathlib import Path

import pytest

import archspec
from archspec.expr import NOTHING_ASSUMED, fold, parse, source
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

INDEX = NOTHING_ASSUMED.with_index("i", 1, 4)


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
        ("5 < n", "n > 5"),
        ("2 if 3 == a + b else 1", "2 if a + b == 3 else 1"),
        ("1 < n < 4", "1 < n < 4"),
    ],
)
def test_expressions_have_a_normal_form(text: str, expected: str) -> None:
    budget = Budget(Limits())
    found = fold(parse(text, budget), budget, whole=lambda name: name != "drop", assumed=INDEX)
    assert source(found) == expected


@pytest.mark.parametrize(
    ("expr", "form"),
    [
        ("n + 2 if n > 3 else n + 1", "n + (2 if n > 3 else 1)"),
        ("(1 if n > 3 else 0) + 2", "3 if n > 3 else 2"),
        (
            "((1 if n > 3 else 0) + 2) if m < 9 else ((1 if n > 3 else 0) + 1)",
            "(2 if n > 3 else 1) + (1 if m < 9 else 0)",
        ),
        ("((1 if n > 3 else 0) + 2) if n < 9 else ((1 if n > 3 else 0) + 1)", "(3 if n > 3 else 2) if n < 9 else 2"),
        ("ceil(n * 1.0)", "n"),
        ("make_divisible(n * 1.0, 8)", "make_divisible(n, 8)"),
        ("int(x * 1.0)", "int(x * 1.0)"),
        ("x + 2 if n > 3 else x + 1", "x + 2 if n > 3 else x + 1"),
    ],
)
def test_numbers_of_conditions_are_put_together(expr: str, form: str) -> None:
    budget = Budget(Limits())
    assert source(fold(parse(expr, budget), budget, whole=lambda name: name == "n")) == form


def test_quotients_are_in_lowest_terms_where_that_changes_no_bit() -> None:
    text = """
blocks:
  unit:
    params: {rate: {}}
    layers: [add: [[], [relu, drop_path: {rate: rate}]]]
layers:
  - unit: {rate: drop * 4 / 16}
  - unit: {rate: drop * 6 / 16}
  - unit: {rate: drop * 8 / 8}
  - unit: {rate: drop * 3 / 9}
"""
    found = torch_of(text, "{drop: 0.1}")
    for rate in ("drop / 4", "drop * 3 / 8", "drop", "drop * 3 / 9"):
        assert f"Unit(rate={rate})" in found


def test_conditions_inside_of_each_other_are_asked_one_after_the_other() -> None:
    text = """
blocks:
  unit:
    params: {filters: {}, act: {default: relu, choices: [relu, identity, hard_swish]}}
    layers:
      - name: row
        layers:
          - conv: {filters: filters, kernel: 1}
          - {when: act != 'identity', layers: [{relu: {}, when: act == 'relu', else: [hard_swish]}]}
layers: [unit: {filters: 8}, unit: {filters: 8, act: identity}, unit: {filters: 8, act: hard_swish}]
"""
    found = " ".join(torch_of(text).split())
    assert '*([] if act == "identity" else [nn.ReLU()] if act == "relu" else [nn.Hardswish()]),' in found


def test_rows_whose_parts_are_named_by_a_number_have_a_helper() -> None:
    text = """
blocks:
  unit:
    unit: [filters, stride]
    params: {stride: 1}
    layers: [conv: {filters: filters, kernel: 3, stride: stride, padding: 1}]
stages:
  - {name: block1, block: unit, units: ["(8, 1) x 3", "(8, 2)"], unit_names: "unit_{i + 1}"}
  - {name: block2, block: unit, units: ["(16, 1) x 2"], unit_names: "unit_{i}"}
"""
    found = torch_of(text, channels=8)
    assert found.count("def numbered(") == 1
    assert 'numbered("unit_", Unit(8, 16), Unit(16, 16), start=0)' in found
    model = archspec.build(
        load_text(f"archspec: 1\nname: rows\ninput: {{channels: 8, height: 8, width: 8}}{text}"), "torch"
    )
    assert [*dict(model.named_children())["block1"]._modules] == ["unit_1", "unit_2", "unit_3", "unit_4"]
    assert [*dict(model.named_children())["block2"]._modules] == ["unit_0", "unit_1"]


def test_a_row_whose_names_are_no_attributes_is_a_sequential_of_its_own() -> None:
    text = """
blocks:
  unit:
    params: {filters: {}, wide: false}
    layers:
      - conv: {name: 0_conv, filters: filters, kernel: 3, padding: 1, init: ones}
      - batch_norm: {name: 1-bn}
      - {conv: {name: 2_conv, filters: filters, kernel: 1}, when: wide}
layers: [unit: {filters: 8}, unit: {filters: 8, wide: true}, conv: {filters: 4, kernel: 1}]
"""
    found = torch_of(text, channels=8)
    assert "class Unit(nn.Sequential):" in found
    assert found.count("def forward(") == 1
    head = "archspec: 1\nname: forms\ninput: {channels: 8, height: 8, width: 8}\n"
    model = archspec.build(load_text(head + text), "torch")
    weights = model.state_dict()
    assert {"unit.0_conv.weight", "unit.1-bn.weight", "unit_2.2_conv.weight"} <= weights.keys()
    assert (weights["unit.0_conv.weight"] == 1).all()
    assert not (weights["unit_2.2_conv.weight"] == 1).any()
