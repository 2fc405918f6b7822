"""The ResNets' counts, against the published figures (torchvision's documentation; He et al. 2015)."""

from __future__ import annotations

import pytest

import archspec

# parameters, GMACs to three digits, depth
FIGURES = {
    "resnet18": (11_689_512, 1.814, 18),
    "resnet34": (21_797_672, 3.664, 34),
    "resnet50": (25_557_032, 4.089, 50),
    "resnet101": (44_549_160, 7.801, 101),
    "resnet152": (60_192_808, 11.514, 152),
}


@pytest.mark.parametrize("name", FIGURES)
def test_counts(name: str) -> None:
    graph = archspec.compile(name)
    parameters, gmacs, depth = FIGURES[name]
    assert graph.parameters == parameters
    assert round(graph.macs / 1e9, 3) == gmacs
    assert len(graph.weighted_path) == depth


def test_params_change_the_network() -> None:
    graph = archspec.compile("resnet50", classes=10, in_channels=1)
    assert graph.nodes["fc"].shape == (10,)
    assert graph.nodes["input"].shape == (1, 224, 224)
    assert graph.parameters == 25_557_032 - 990 * 2049 - 2 * 64 * 49
