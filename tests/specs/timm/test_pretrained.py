"""What the specs of timm's networks say of its weights is what timm says: `benchmarks/timm_pretrained.py`."""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest

import archspec
from archspec.prediction import Preprocessing
from archspec.spec import Pretrained, Spec
from archspec.spec.located_data import LoadContext
from benchmarks.preprocessing import digest
from benchmarks.timm_pretrained import KEYS, PATH, image
from benchmarks.zoo import rows

TABLE: list[dict[str, Any]] = json.loads(PATH.read_text(encoding="utf-8"))
DIFFERENT: list[dict[str, Any]] = [
    *{json.dumps([row[key] for key in KEYS[1:6]]): row for row in TABLE}.values(),
]
"""A row for each way to prepare images."""


@functools.cache
def _spec(name: str) -> Spec:
    return archspec.load(name)


def _held(row: dict[str, Any]) -> Pretrained:
    spec = _spec(row["spec"])
    assert spec.pretrained is not None
    usual = spec.pretrained.of_variant(row["params"]["variant"], spec.variants, LoadContext())
    assert usual is not None
    if row["weights"] is None:
        return usual
    found = usual.of_weights(row["weights"])
    assert found is not None
    return found


def test_each_builder_has_an_entry_and_no_weights_have_two() -> None:
    held = {row["builder"] for row in TABLE}
    assert held == {row["builder"] for row in rows("timm")}, "run `python -m benchmarks.timm_pretrained --write`"
    weights = [row["weights"] for row in TABLE if row["weights"] is not None]
    assert len(set(weights)) == len(weights)


@pytest.mark.parametrize("name", sorted({row["spec"] for row in TABLE}))
def test_a_spec_says_what_timm_says(name: str) -> None:
    for row in (row for row in TABLE if row["spec"] == name):
        found = _held(row)
        as_list = {"mean": list(found.mean), "std": list(found.std)}
        as_list |= {"size": list(found.size)} if isinstance(found.size, tuple) else {}
        # Of a network that timm has no weights of, nothing is said of weights.
        keys = [key for key in KEYS if row[key] is not None or key == "weights"]
        assert {key: as_list.get(key, getattr(found, key)) for key in keys} == {key: row[key] for key in keys}
        assert found.classes is not None
        assert len(found.classes) == 1000


@pytest.mark.parametrize("row", DIFFERENT, ids=lambda row: row["builder"])
def test_images_are_prepared_as_by_timm_to_the_last_bit(row: dict[str, Any]) -> None:
    pytest.importorskip("PIL")
    prepare = Preprocessing(_held(row), (3, row["crop"], row["crop"]))
    assert digest(prepare.prepared(image())) == row["image"]


@pytest.mark.parametrize("row", TABLE[:: len(TABLE) // 12], ids=lambda row: row["weights"] or row["builder"])
def test_what_is_prepared_has_the_size_that_the_network_takes(row: dict[str, Any]) -> None:
    prepare = archspec.preprocessing(row["spec"], weights=row["weights"], **row["params"])
    assert prepare.shape == (3, row["crop"], row["crop"])
    assert prepare.pretrained.weights == row["weights"]
