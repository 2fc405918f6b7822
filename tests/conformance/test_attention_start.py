"""Initial weights of attention by the rule of PyTorch's own layer, as torchvision's transformers have it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import ExchangesWeights
from archspec.codegen.registry import backend
from archspec.initialization import draw
from archspec.spec import load_text
from tests.needed import needs

pytestmark = needs("torch", "keras")

FEATURES = 64


def _graph(attributes: str) -> archspec.LayerGraph:
    head = f"archspec: 1\nname: net\ninput: {{shape: [8, {FEATURES}]}}\nlayers:\n"
    return archspec.compile(load_text(f"{head}  - attention: {{{attributes}}}\n"))


def _drawn(name: str, graph: archspec.LayerGraph) -> dict[str, np.ndarray[Any, Any]]:
    if name == "init":
        return {**draw(graph, 5)}
    return dict(backend(name, ExchangesWeights).export_weights(archspec.build(graph, name), graph))


@pytest.mark.parametrize("heads", [1, 4, FEATURES])
@pytest.mark.parametrize("name", ["torch", "keras", "init"])
def test_the_rule_of_multihead_attention(name: str, heads: int) -> None:
    """`_reset_parameters`: xavier_uniform of the joint matrix; `out_proj` is a dense layer's; biases are 0."""
    found = _drawn(name, _graph(f"heads: {heads}, fans: joint, out_init: fan_in_uniform"))
    bounds = {"in_proj_weight": (6 / (FEATURES + 3 * FEATURES)) ** 0.5, "out_proj.weight": FEATURES**-0.5}
    for weight, bound in bounds.items():
        values = found[f"attention.{weight}"].astype(np.float64)
        assert 0.99 * bound < np.abs(values).max() <= bound * (1 + 1e-6), weight
        assert values.std() == pytest.approx(bound / 3**0.5, rel=0.05), weight
    rows = np.split(found["attention.in_proj_weight"], 3)
    assert not any(np.array_equal(rows[0], other) for other in rows[1:])
    assert not found["attention.in_proj_bias"].any()
    assert not found["attention.out_proj.bias"].any()


def test_pytorch_itself_has_these_bounds() -> None:
    import torch

    layer = torch.nn.MultiheadAttention(FEATURES, 4)
    assert layer.in_proj_weight.abs().max().item() == pytest.approx((6 / (4 * FEATURES)) ** 0.5, rel=0.01)
    assert layer.out_proj.weight.abs().max().item() == pytest.approx(FEATURES**-0.5, rel=0.01)


@pytest.mark.parametrize(
    "init", ["{kaiming_normal: fan_out}", "lecun_normal", "{slim_variance_scaling: fan_avg}", "ones"]
)
@pytest.mark.parametrize("name", ["torch", "keras", "init"])
def test_joint_fans_of_every_kind(name: str, init: str) -> None:
    text = "{slim_variance_scaling: {mode: fan_avg}}" if "slim" in init else init
    graph = _graph(f"heads: 4, fans: joint, init: {text}")
    values = _drawn(name, graph)["attention.in_proj_weight"].astype(np.float64)
    weight = graph.all_weights["attention.in_proj_weight"]
    assert weight.fan_shape == (3 * FEATURES, FEATURES)
    expected = draw(graph, 7)["attention.in_proj_weight"].astype(np.float64)
    assert values.std() == pytest.approx(expected.std(), rel=0.05, abs=1e-12)
    assert np.abs(values).mean() == pytest.approx(np.abs(expected).mean(), rel=0.05)


def test_another_rule_for_the_last_map_alone() -> None:
    found = _drawn("keras", _graph("heads: 4, out_init: ones"))
    assert (found["attention.out_proj.weight"] == 1).all()
    assert np.abs(found["attention.in_proj_weight"]).max() == pytest.approx((3 / FEATURES) ** 0.5, rel=0.02)


@pytest.mark.parametrize("given", ["fans: joint", "out_init: zeros"])
def test_maps_apart_have_no_joint_matrix(given: str) -> None:
    with pytest.raises(archspec.SpecError, match="one weight"):
        _graph(f"heads: 4, maps: apart, {given}")
