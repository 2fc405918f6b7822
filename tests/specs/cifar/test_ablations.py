"""The ablations of He et al. 2016: counts, and the same numbers as networks written by hand after the paper."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import archspec
from archspec.errors import SpecError
from archspec.ir.graph import LayerGraph
from archspec.parity import random_inputs, random_weights
from tests.specs.cifar.agreement import differ, outcome

KINDS = {  # the parameters that a shortcut adds to ResNet-110's 1,727,962
    "identity": 0,
    "constant_scaling": 0,
    "exclusive_gating": 96_224,
    "shortcut_only_gating": 96_224,
    "convolution": 98_240,
    "dropout": 0,
}
ORDERS = ("original", "bn_after_addition", "relu_before_addition", "relu_only_preactivation", "full_preactivation")
ACTIVATIONS = [
    (name, depth, order)
    for name, depth in (("cifar_resnet_activations", 14), ("cifar_resnet_activations_bottleneck", 20))
    for order in ORDERS
]


def _by_hand(graph: LayerGraph, compute: str, *arguments: Any, **options: Any) -> Any:
    torch = pytest.importorskip("torch")
    from tests.specs.cifar import reference  # needs PyTorch

    weights = {name: torch.from_numpy(array).double() for name, array in random_weights(graph).items()}
    x = torch.from_numpy(random_inputs(graph, batch=2)["input"]).double()
    return getattr(reference, compute)(reference.Reference(weights), x, *arguments, **options).numpy()


def _is_what(graph: LayerGraph, wanted: Any) -> None:
    (found,) = outcome(graph, "torch").outputs.values()
    assert np.abs(wanted).max() > 0
    assert np.abs(found - wanted).max() <= 1e-12 * np.abs(wanted).max()


def test_what_the_shortcuts_add() -> None:
    """A gate has a 1x1 convolution with biases, a projection one without them and a batch norm."""
    arriving = [*[16] * 19, *[32] * 18, *[64] * 17]
    leaving = [*[16] * 18, *[32] * 18, *[64] * 18]
    weights = sum(a * b for a, b in zip(arriving, leaving, strict=True))
    assert KINDS["exclusive_gating"] == weights + sum(leaving)
    assert KINDS["convolution"] == weights + 2 * sum(leaving)
    for kind, more in KINDS.items():
        graph = archspec.compile("cifar_resnet_shortcuts", shortcut=kind)
        assert graph.parameters == 1_727_962 + more, kind
        assert len(graph.weighted_path) == 110


@pytest.mark.parametrize("kind", KINDS)
def test_the_shortcuts_are_the_papers(kind: str) -> None:
    graph = archspec.compile("cifar_resnet_shortcuts", shortcut=kind, depth=14)
    _is_what(graph, _by_hand(graph, "shortcuts", 2, kind))


@pytest.mark.parametrize("order", ORDERS)
def test_counts_of_the_orders(order: str) -> None:
    """The norms of 110 layers move and stay as many; those of 164 are fewer where projections have none."""
    graph = archspec.compile("cifar_resnet_activations", order=order)
    assert (graph.parameters, len(graph.weighted_path)) == (1_727_962, 110)
    graph = archspec.compile("cifar_resnet_activations_bottleneck", order=order)
    normalized = order not in ("bn_after_addition", "full_preactivation")
    assert graph.parameters == 1_703_258 + (2 * (64 + 128 + 256) if normalized else 0)
    assert len(graph.weighted_path) == 164


@pytest.mark.parametrize(("name", "depth", "order"), ACTIVATIONS)
def test_the_orders_are_the_papers(name: str, depth: int, order: str) -> None:
    graph = archspec.compile(name, order=order, depth=depth)
    bottleneck = name.endswith("bottleneck")
    _is_what(graph, _by_hand(graph, "activations", 2, order, bottleneck=bottleneck))


@pytest.mark.parametrize(
    ("name", "same", "params"),
    [
        ("cifar_resnet_v2_basic", "cifar_resnet_activations", {"depth": 14, "order": "full_preactivation"}),
        ("cifar_resnet_v2", "cifar_resnet_activations_bottleneck", {"depth": 20, "order": "full_preactivation"}),
        ("cifar_resnet", "cifar_resnet_activations", {"depth": 14, "order": "original"}),
    ],
)
def test_the_networks_proper_are_among_the_orders(name: str, same: str, params: dict[str, Any]) -> None:
    """The weights have the same names, but for the projections; so the same numbers come of them."""
    graph, other = archspec.compile(name, depth=params["depth"]), archspec.compile(same, **params)
    renamed = {path.replace("projection.0.", "projection."): path for path in other.all_weights}
    assert renamed.keys() == graph.all_weights.keys()
    torch = pytest.importorskip("torch")
    weights = random_weights(graph)
    first = archspec.build(graph, backend="torch", weights=weights).eval()
    second = archspec.build(other, backend="torch", weights={renamed[key]: weights[key] for key in weights}).eval()
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(first(x), second(x))


def test_the_gates_bias_is_a_param() -> None:
    torch = pytest.importorskip("torch")
    for kind in ("exclusive_gating", "shortcut_only_gating"):
        graph = archspec.compile("cifar_resnet_shortcuts", shortcut=kind, gate_bias=-7, depth=8)
        state = archspec.build(graph, backend="torch").state_dict()
        gates = [value for key, value in state.items() if key.endswith("gate.conv.bias")]
        assert len(gates) == 3
        assert all(torch.equal(gate, torch.full_like(gate, -7)) for gate in gates)


def test_the_scales_are_params() -> None:
    """A shortcut of 0 and a residual branch of 1 are the plain network, Table 1's first row."""
    params: dict[str, Any] = {"shortcut": "constant_scaling", "shortcut_scale": 0, "residual_scale": 1, "depth": 8}
    graph = archspec.compile("cifar_resnet_shortcuts", **params)
    weights, inputs = random_weights(graph), random_inputs(graph, batch=2)
    silent = {key: array * 0 if "residual.bn2" in key else array for key, array in weights.items()}
    torch = pytest.importorskip("torch")
    model = archspec.build(graph, backend="torch", weights=silent).eval()
    with torch.no_grad():  # nothing passes but the classifier's bias
        assert np.allclose(model(torch.from_numpy(inputs["input"]).float()), silent["fc.bias"])


@pytest.mark.parametrize("param", [{"shortcut": "gating"}, {"dropout_rate": 1}])
def test_what_the_shortcuts_refuse(param: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        archspec.compile("cifar_resnet_shortcuts", **{"shortcut": "dropout", **param})


@pytest.mark.parity
@pytest.mark.parametrize("kind", KINDS)
def test_both_frameworks_compute_the_same_with_each_shortcut(kind: str) -> None:
    graph = archspec.compile("cifar_resnet_shortcuts", shortcut=kind, depth=8)
    assert differ(graph) <= 1e-12


@pytest.mark.parity
@pytest.mark.parametrize(("name", "depth", "order"), ACTIVATIONS)
def test_both_frameworks_compute_the_same_in_each_order(name: str, depth: int, order: str) -> None:
    graph = archspec.compile(name, order=order, depth=depth)
    assert differ(graph) <= 1e-12
