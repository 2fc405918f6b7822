"""What the specs of torchvision's networks say of its weights is what torchvision says: `benchmarks/pretrained.py`."""

from __future__ import annotations

import json
from typing import Any

import pytest

import archspec
from archspec.api import loaded
from archspec.prediction import Preprocessing
from benchmarks.pretrained import KEYS, PATH
from benchmarks.zoo import rows

TABLE: list[dict[str, Any]] = json.loads(PATH.read_text(encoding="utf-8"))


def test_each_builder_has_weights() -> None:
    held = {row["builder"] for row in TABLE}
    assert held == {row["builder"] for row in rows()}, "run `python -m benchmarks.pretrained --write`"
    assert len({row["weights"] for row in TABLE}) == len(TABLE)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["builder"])
def test_a_spec_says_what_torchvision_says(row: dict[str, Any]) -> None:
    spec = loaded(row["spec"], row["params"])
    found = spec.chosen_pretrained
    assert found is not None
    as_list = {"mean": list(found.mean), "std": list(found.std)}
    keys = [key for key in KEYS if key in row]
    assert {key: as_list.get(key, getattr(found, key)) for key in keys} == {key: row[key] for key in keys}
    assert found.classes is not None
    assert (len(found.classes), found.classes[0], found.classes[-1]) == (1000, "tench", "toilet tissue")


@pytest.mark.parametrize("row", TABLE[:: len(TABLE) // 6], ids=lambda row: row["builder"])
def test_images_are_prepared_to_the_size_that_the_network_takes(row: dict[str, Any]) -> None:
    spec = loaded(row["spec"], row["params"])
    assert Preprocessing.of(spec.chosen_pretrained, archspec.compile(spec)).shape == (3, row["crop"], row["crop"])
