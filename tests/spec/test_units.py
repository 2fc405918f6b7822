"""The units of a stage: each notation, and what is said where one is wrong."""

from __future__ import annotations

import pytest

from archspec.spec import Stage, Units
from tests.spec.helpers import errors_of, spec_of


def units_of(text: str) -> Units:
    spec = spec_of(f"stages:\n- {{name: s, block: b, units: {text}}}\n")
    (stage,) = spec.items
    assert isinstance(stage, Stage)
    assert stage.units is not None
    return stage.units


def test_units_as_an_expression() -> None:
    units = units_of('"[(256, 64, 1)] * 2 + [(256, 64, 2)]"')
    assert units.expression
    assert units.expression.raw == "[(256, 64, 1)] * 2 + [(256, 64, 2)]"
    assert units.entries == ()


@pytest.mark.parametrize(
    ("text", "fields", "count"),
    [
        ("[256, 64, 1]", [256, 64, 1], None),
        ('"(256, 64, 1)"', "(256, 64, 1)", None),
        ('"(256, 64, 1) x 3"', "(256, 64, 1)", "3"),
        ('"(256, 64, 1) × 3"', "(256, 64, 1)", "3"),
        ('"(256, 64, 1) * 3"', "(256, 64, 1)", "3"),
        ('"(256, 64, 1)x3"', "(256, 64, 1)", "3"),
        ('"(64, 1) x n"', "(64, 1)", "n"),
        ('"[64, (1, 2)] x n - 1"', "[64, (1, 2)]", "n - 1"),
    ],
)
def test_units_as_tuples(text: str, fields: object, count: str | None) -> None:
    units = units_of(f"[{text}]")
    assert units.expression is None
    (unit,) = units.entries
    assert unit.fields
    assert unit.fields.raw == fields
    assert unit.mapping is None
    assert (unit.count.raw if unit.count else None) == count


def test_place_of_a_count() -> None:
    (unit,) = units_of('["(64, 1) x n"]').entries
    assert unit.count
    assert unit.count.span
    assert unit.fields
    assert unit.fields.span
    assert (unit.count.span.line, unit.count.span.column) == (5, 42)
    assert (unit.fields.span.column, unit.fields.span.end_column) == (32, 39)


def test_units_by_field_name() -> None:
    first, second = units_of("[{depth: 256, stride: 2, times: 3}, {depth: d}]").entries
    assert first.mapping
    assert {k: v.raw for k, v in first.mapping.items()} == {
        "depth": 256,
        "stride": 2,
    }
    assert first.count
    assert first.count.raw == 3
    assert second.mapping
    assert second.mapping["depth"].raw == "d"
    assert second.count is None


@pytest.mark.parametrize(
    ("units", "error"),
    [
        ("[256, 64]", "E0202 5:31 a unit must be a tuple, found the number 256"),
        ("[]", "E0202 5:30 `units` must be at least one unit, found an empty list"),
        ("3", "E0202 5:30 `units` must be a list of units, or an expression"),
        ('"[(1, 2"', "E0301 5:30 not an expression: "),
        ('["(1, 2"]', "E0202 5:31 a unit must be a tuple, found the string"),
        ('["(1, 2]"]', "E0202 5:31 a unit must be a tuple, found the string"),
        ('["(1, 2) y 3"]', "E0202 5:38 after the tuple must come `x` and a count, found `y 3`"),
        ('["(1, 2) x"]', "E0202 5:38 after the tuple must come `x` and a count, found `x`"),
        ('["(1, 2) x )"]', "E0301 5:41 not an expression: "),
        ('["(1 2) x 3"]', "E0301 5:32 not an expression: "),
        ("[{3x: 1}]", "E0404 5:32 `3x` cannot name a field: it is not a name"),
    ],
)
def test_wrong_units(units: str, error: str) -> None:
    found = errors_of(f"stages:\n- {{name: s, block: b, units: {units}}}\n")
    assert found[0].startswith(error)


@pytest.mark.parametrize(
    ("pattern", "error"),
    [
        ("unit_{i+1}", None),
        ("{i}", None),
        ("unit_{i", "E0202 5:49 `unit_names` must be a pattern whose braces match"),
        ("unit", "E0202 5:49 `unit_names` must be a pattern with the unit's index"),
        ("unit_{i+}", "E0301 5:56 not an expression: "),
        ("un.it{i}", "E0404 5:50 `un.it` cannot stand in a name"),
    ],
)
def test_unit_names(pattern: str, error: str | None) -> None:
    text = f'stages:\n- {{name: s, block: b, units: [[1]], unit_names: "{pattern}"}}\n'
    if error is None:
        (stage,) = spec_of(text).items
        assert isinstance(stage, Stage)
        assert stage.unit_names == pattern
    else:
        (found,) = errors_of(text)
        assert found.startswith(error)
