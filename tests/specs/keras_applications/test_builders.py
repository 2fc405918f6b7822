"""The specs that ship for keras.applications: names, shapes, counts and outputs as Keras has them.

`python -m benchmarks.keras_zoo --write` wrote the table; the tests need only that.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pytest

import archspec
from benchmarks.keras_zoo import BACKENDS, CHECKED, KerasReference, rows, variables
from benchmarks.zoo import digest, ours
from tests.needed import needs

ROWS: Final = rows()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["builder"])
def test_names_shapes_and_counts(row: dict[str, Any]) -> None:
    graph = archspec.compile(row["spec"], **row["params"])
    assert graph.parameters == row["parameters"]
    assert digest(variables(graph)) == row["variables"]
    assert graph.macs == row["macs"]


def test_every_builder_is_there_once() -> None:
    names = [row["builder"] for row in ROWS]
    assert len(names) == len(set(names)) == 40


@pytest.mark.slow
@pytest.mark.parity
@pytest.mark.parametrize("name", [pytest.param(name, marks=needs(name)) for name in BACKENDS])
@pytest.mark.parametrize("row", [row for row in ROWS if row["builder"] in CHECKED], ids=lambda row: row["builder"])
def test_outputs(row: dict[str, Any], name: str) -> None:
    """With weights that are drawn by their names, as they were in Keras's network."""
    graph = archspec.compile(row["spec"], **row["params"])
    found = ours(graph, name, row["size"])[0]
    np.testing.assert_allclose(found[: len(row["outputs"])], row["outputs"], rtol=0, atol=1e-5 * row["largest"])


@pytest.mark.slow
@needs("keras")
@pytest.mark.parametrize("builder", ["MobileNetV2", "EfficientNetV2B0"])
def test_the_table_is_what_keras_says(builder: str) -> None:
    row = next(row for row in ROWS if row["builder"] == builder)
    reference = KerasReference(builder, row.get("options"))
    assert digest(reference.shapes) == row["variables"]
    assert reference.parameters == row["parameters"]
    assert reference.macs() == row["macs"]
