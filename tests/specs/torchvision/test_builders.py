"""The specs that ship for torchvision's builders: names, shapes, counts and outputs as torchvision 0.28 has them.

`python -m benchmarks.zoo --write` wrote the table, where torchvision is installed; the tests need only the table.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import RunsModels
from archspec.codegen.registry import backend
from benchmarks.zoo import digest, drawn, image, rows
from tests.needed import needs

ROWS: Final = rows()
SMALL: Final = (
    "densenet121",
    "efficientnet_b0",
    "googlenet",
    "mnasnet0_5",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "regnet_x_400mf",
    "regnet_y_400mf",
    "resnet18",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
    "swin_t",
    "swin_v2_t",
    "maxvit_t",
)
"""A small one of most families, of which outputs are computed; `python -m benchmarks.zoo` compares all."""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["builder"])
def test_names_shapes_and_counts(row: dict[str, Any]) -> None:
    graph = archspec.compile(row["spec"], **row["params"])
    assert graph.parameters == row["parameters"]
    shapes = {name: weight.shape for name, weight in graph.all_weights.items()}
    assert digest({**shapes, **graph.saved_derived}) == row["keys"]
    assert graph.macs == row["macs"]


def test_every_builder_is_there_once() -> None:
    names = [row["builder"] for row in ROWS]
    assert len(names) == len(set(names)) == 80


@pytest.mark.slow
@pytest.mark.parity
@pytest.mark.parametrize("name", ["torch", pytest.param("keras", marks=needs("keras"))])
@pytest.mark.parametrize("row", [row for row in ROWS if row["builder"] in SMALL], ids=lambda row: row["builder"])
def test_outputs(row: dict[str, Any], name: str) -> None:
    """With weights that are drawn by their names, as they were in torchvision's network."""
    pytest.importorskip("torch")
    graph = archspec.compile(row["spec"], **row["params"])
    weights = {path: drawn(path, weight.shape) for path, weight in graph.all_weights.items()}
    target = backend(name, RunsModels)
    model = target.build(archspec.generate(graph, name), graph, weights=weights, dtype="float32")
    outcome = target.run(model, graph, {"input": image(row["size"])}, training=False)
    (logits,) = outcome.outputs.values()
    np.testing.assert_allclose(logits[0, : len(row["logits"])], row["logits"], rtol=0, atol=1e-5 * row["largest"])


def test_weights_are_drawn_alike_everywhere() -> None:
    """Numbers of numpy's generator, which must not change with its version."""
    np.testing.assert_allclose(
        drawn("fc.weight", (2, 2)), [[0.45649678, -0.01538177], [0.09875081, 1.5530258]], rtol=1e-6
    )
