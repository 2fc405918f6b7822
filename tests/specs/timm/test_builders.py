"""The specs that ship for timm's builders: names, shapes, counts and outputs as timm has them.

`python -m benchmarks.zoo --library timm --write` wrote the table; the tests need only that.
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

ROWS: Final = rows("timm")
SMALL: Final = (
    "convnext_atto",
    "convnextv2_atto",
    "cspresnet50",
    "deit_tiny_distilled_patch16_224",
    "ecaresnet26t",
    "efficientnet_b0",
    "efficientnet_lite0",
    "maxvit_tiny_tf_224",
    "mixer_s32_224",
    "mobilenetv2_050",
    "mobilenetv3_small_100",
    "mobilenetv4_conv_small",
    "regnety_002",
    "repvgg_a0",
    "resnet10t",
    "resnetblur50",
    "resnetv2_18",
    "seresnext50_32x4d",
    "swinv2_tiny_window8_256",
    "tf_efficientnet_b0",
    "tf_efficientnetv2_b0",
)
"""Those of which outputs are computed; `python -m benchmarks.zoo --library timm` compares all."""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["builder"])
def test_names_shapes_and_counts(row: dict[str, Any]) -> None:
    graph = archspec.compile(row["spec"], **row["params"])
    assert graph.parameters == row["parameters"]
    shapes = {name: weight.shape for name, weight in graph.all_weights.items()}
    assert digest({**shapes, **graph.saved_derived}) == row["keys"]
    assert graph.macs == row["macs"]


@pytest.mark.slow
@pytest.mark.parity
@pytest.mark.parametrize("name", [pytest.param(name, marks=needs(name)) for name in ("torch", "keras", "onnx")])
@pytest.mark.parametrize("row", [row for row in ROWS if row["builder"] in SMALL], ids=lambda row: row["builder"])
def test_outputs(row: dict[str, Any], name: str) -> None:
    """With weights that are drawn by their names, as they were in timm's network."""
    graph = archspec.compile(row["spec"], **row["params"])
    weights = {path: drawn(path, weight.shape) for path, weight in graph.all_weights.items()}
    target = backend(name, RunsModels)
    model = target.build(target.render(graph), graph, weights=weights, dtype="float32")
    outcome = target.run(model, graph, {"input": image(row["size"])}, training=False)
    (logits,) = outcome.outputs.values()
    np.testing.assert_allclose(logits[0, : len(row["logits"])], row["logits"], rtol=0, atol=1e-5 * row["largest"])
