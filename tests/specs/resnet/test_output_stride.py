"""`output_stride`: what would shrink the features further is made up for by dilation, as in TF-slim and DeepLab."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import archspec
from archspec.ir.graph import LayerGraph

SPECS = ("resnet18", "resnet34", "resnet50", "resnet50_v1", "resnext50_32x4d", "wide_resnet50_2", "tf2_resnet50")
V2 = ("resnet_v2_50", "resnet_v2_101")


def as_slim_does(strides: list[list[int]], output_stride: int) -> list[tuple[int, int]]:
    """The stride and the dilation of each unit: `stack_blocks_dense` of TF-slim's resnet_utils.

    Args:
        strides: those of the units, by stage, where nothing is dilated.
        output_stride: that of the whole network, whose first layers have one of 4.
    """
    found: list[tuple[int, int]] = []
    current, rate = 4, 1
    for stage in strides:
        for stride in stage:
            if current == output_stride:
                found.append((1, rate))
                rate *= stride
            else:
                found.append((stride, 1))
                current *= stride
    return found


def units(graph: LayerGraph) -> Iterator[tuple[int, int]]:
    """The stride of each unit, and the dilation of its first 3x3."""
    found: dict[str, tuple[int, int]] = {}
    for path, node in graph.nodes.items():
        unit, _, layer = path.rpartition(".")
        if layer in ("conv1", "conv2") and unit.count(".") == 1:
            kernel, stride, dilation = (getattr(node.op, name)[0] for name in ("kernel", "stride", "dilation"))
            before = found.get(unit, (1, 0))
            found[unit] = before[0] * stride, before[1] or (dilation if kernel > 1 else 0)
    yield from found.values()


@pytest.mark.parametrize("output_stride", [8, 16, 32])
@pytest.mark.parametrize("name", [*SPECS, *V2])
def test_units_are_those_of_slim(name: str, output_stride: int) -> None:
    usual = archspec.compile(name)
    stages: dict[str, list[int]] = {}
    paths = dict.fromkeys(path.rsplit(".", 1)[0] for path in usual.nodes if path.count(".") == 2)
    for unit, (stride, dilation) in zip((p for p in paths if p.count(".") == 1), units(usual), strict=False):
        stages.setdefault(unit.partition(".")[0], []).append(stride)
        assert dilation == 1
    graph = archspec.compile(name, output_stride=output_stride, include_top=False)
    assert [*units(graph)] == as_slim_does([*stages.values()], output_stride)
    [features] = graph.outputs.values()
    assert graph.types[features].places == (224 // output_stride,) * 2
    assert graph.all_weights.keys() <= usual.all_weights.keys()


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet_v2_50"])
def test_dilated_features_hold_the_usual_ones(name: str) -> None:
    """Every other place of what is dilated is what is computed with a stride."""
    torch = pytest.importorskip("torch")
    usual, dilated = (
        archspec.build(
            name, backend="torch", include_top=False, output_stride=stride, size=96, seed=0, dtype="float64"
        ).eval()
        for stride in (32, 16)
    )
    image = torch.randn(1, 3, 96, 96, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    with torch.no_grad():
        few, many = usual(image), dilated(image)
    assert many.shape[2:] == (6, 6)
    torch.testing.assert_close(many[:, :, ::2, ::2], few, rtol=1e-9, atol=1e-9)
