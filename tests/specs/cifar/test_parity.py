"""PyTorch and Keras compute the same, in evaluation and in a step of training."""

from __future__ import annotations

from typing import Any

import pytest

import archspec
from tests.specs.cifar.agreement import differ

NETWORKS: list[tuple[str, dict[str, Any]]] = [
    ("cifar_resnet", {"depth": 20}),
    ("cifar_resnet", {"depth": 20, "shortcut": "B"}),
    ("cifar_resnet", {"depth": 8, "size": 33, "width": 6}),
    ("cifar_resnet_keras", {"depth": 20}),
    ("cifar_resnet_keras", {"depth": 8, "size": 67, "width": 6}),  # SAME, odd; 17 pixels are left for the pool
    ("cifar_resnet_v2", {"depth": 29}),
    ("cifar_resnet_v2", {"depth": 11, "size": 33, "width": 6, "include_top": False}),
    ("cifar_resnet_v2_basic", {"depth": 20}),
    ("cifar_resnet_v2_keras", {"depth": 29}),
    ("cifar_resnet_v2_keras", {"depth": 11, "size": 67, "width": 6}),
]


@pytest.mark.parity
@pytest.mark.parametrize(("name", "params"), NETWORKS)
def test_both_frameworks_compute_the_same(name: str, params: dict[str, Any]) -> None:
    assert differ(archspec.compile(name, **params)) <= 1e-12
