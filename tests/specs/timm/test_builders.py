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
    "resnetv2_50x1_bit",
    "seresnext50_32x4d",
    "swinv2_tiny_window8_256",
    "tf_efficientnet_b0",
    "tf_efficientnetv2_b0",
    "vit_small_patch14_dinov2",
    "vit_small_patch14_reg4_dinov2",
)
"""Those of which outputs are computed; `python -m benchmarks.zoo --library timm` compares all."""
PRECISE: Final = ("resnetv2_50x1_bit",)
"""Networks of which float32 rounds more than is allowed here: frameworks compute them in float64."""


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
    dtype = "float64" if row["builder"] in PRECISE and name != "onnx" else "float32"
    model = target.build(target.render(graph), graph, weights=weights, dtype=dtype)
    outcome = target.run(model, graph, {"input": image(row["size"])}, training=False)
    (logits,) = outcome.outputs.values()
    np.testing.assert_allclose(logits[0, : len(row["logits"])], row["logits"], rtol=0, atol=1e-5 * row["largest"])
