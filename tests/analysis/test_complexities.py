"""The golden table: every spec that ships has a row, no count changes unseen, and published figures are reached."""

from __future__ import annotations

import json
from typing import Any

import pytest

from archspec.spec import shipped
from benchmarks.complexities import PATH, measured, rewritten

ROWS: list[dict[str, Any]] = json.loads(PATH.read_text(encoding="utf-8"))
UNITS = {"G": 10**9, "M": 10**6}


def _name(row: dict[str, Any]) -> str:
    return ",".join([row["name"], *(f"{name}={value}" for name, value in row["params"].items())])


def test_every_spec_that_ships_has_a_row() -> None:
    assert sorted({row["name"] for row in ROWS if not row["params"]}) == sorted(shipped()), (
        "run `python -m benchmarks.complexities`"
    )


@pytest.mark.parametrize("row", ROWS, ids=_name)
def test_the_counts_are_as_they_were(row: dict[str, Any]) -> None:
    found = measured(row["name"], row["params"])
    assert {name: row[name] for name in found} == found


@pytest.mark.parametrize("row", [row for row in ROWS if row["published"]], ids=_name)
def test_the_counts_are_the_published_ones(row: dict[str, Any]) -> None:
    published = dict(row["published"])
    assert published.pop("parameters") == row["parameters"]
    assert published.pop("with_buffers", row["parameters"] + row["buffers"]) == row["parameters"] + row["buffers"]
    if (macs := published.pop("macs", None)) is not None:
        number, unit = macs.split()
        digits = len(number.partition(".")[2])
        assert f"{row['macs'] / UNITS[unit]:.{digits}f}" == number
    assert not published


def test_every_row_says_where_its_figures_are_from() -> None:
    assert all(row["source"].strip() for row in ROWS)


@pytest.mark.slow
def test_what_is_written_by_hand_stays() -> None:
    one = next(row for row in ROWS if row["published"])
    assert next(row for row in rewritten([one]) if row["name"] == one["name"]) == one
