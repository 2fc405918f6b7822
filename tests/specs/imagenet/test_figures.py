"""The ImageNet families' counts and end points, against the published figures."""

from __future__ import annotations

import pytest

import archspec
from archspec.ir.graph import LayerGraph
from archspec.ir.ops.norms import BatchNorm

# parameters, GMACs to three digits, depth
VERSION_1 = {
    # He et al. 2015, Table 1 (3.8, 7.6 and 11.3 G), with the stride on the first 1x1
    "resnet50_v1": (25_557_032, 3.858, 50),
    "resnet101_v1": (44_549_160, 7.570, 101),
    "resnet152_v1": (60_192_808, 11.282, 152),
    # torchvision's documentation
    "resnext50_32x4d": (25_028_904, 4.230, 50),
    "resnext101_32x8d": (88_791_336, 16.414, 101),
    "wide_resnet50_2": (68_883_240, 11.398, 50),
    "wide_resnet101_2": (126_886_696, 22.753, 101),
    # torchvision's: SAME padding changes where the pixels are taken from, not how many there are
    "tf2_resnet34": (21_797_672, 3.664, 34),
    "tf2_resnet50": (25_557_032, 4.089, 50),
    "tf2_resnet101": (44_549_160, 7.801, 101),
}
BUFFERS = {"tf2_resnet34": 17_024, "tf2_resnet50": 53_120, "tf2_resnet101": 105_344}
# trainable parameters of TF-slim's variables, and moving statistics
SLIM = {"resnet_v2_50": (25_568_360, 45_440, 50), "resnet_v2_101": (44_577_896, 97_664, 101)}
SLIM_UNITS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3), 200: (3, 24, 36, 3)}
END_POINTS = {
    "conv1": (64, 112, 112),
    "block1": (256, 28, 28),
    "block2": (512, 14, 14),
    "block3": (1024, 7, 7),
    "block4": (2048, 7, 7),
    "logits": (1000, 1, 1),
    "predictions": (1000, 1, 1),
}
FAMILIES = ("resnet18", "resnet50", "resnext50_32x4d", "wide_resnet50_2", "tf2_resnet34", "tf2_resnet50")


@pytest.mark.parametrize("name", VERSION_1)
def test_counts(name: str) -> None:
    graph = archspec.compile(name)
    assert (graph.parameters, round(graph.macs / 1e9, 3), len(graph.weighted_path)) == VERSION_1[name]
    assert graph.buffers == BUFFERS.get(name, graph.buffers)


@pytest.mark.parametrize("name", SLIM)
def test_counts_of_slims(name: str) -> None:
    graph = archspec.compile(name)
    assert (graph.parameters, graph.buffers, len(graph.weighted_path)) == SLIM[name]


@pytest.mark.parametrize(("depth", "units"), SLIM_UNITS.items())
def test_slims_parameters_by_arithmetic(depth: int, units: tuple[int, ...]) -> None:
    """Convolutions, their biases and batch norms, unit by unit."""
    found = 64 * 3 * 49 + 64
    channels = 64
    for stage, count in enumerate(units):
        inner = 64 * 2**stage
        for _ in range(count):
            found += 2 * channels + channels * inner + 2 * inner + 9 * inner**2 + 2 * inner + (inner + 1) * 4 * inner
            found += (channels + 1) * 4 * inner if channels != 4 * inner else 0
            channels = 4 * inner
    found += 2 * channels + (channels + 1) * 1000
    graph = archspec.compile(f"resnet_v2_{depth}")
    assert graph.parameters == found
    assert len(graph.weighted_path) == depth


@pytest.mark.parametrize("name", END_POINTS)
def test_end_points_of_slims_50(name: str) -> None:
    assert _outputs(archspec.compile("resnet_v2_50", taps=[name])) == {name: END_POINTS[name]}


def test_all_end_points_together() -> None:
    assert _outputs(archspec.compile("resnet_v2_50", taps=list(END_POINTS))) == END_POINTS


def test_slims_stride_stands_in_the_last_unit() -> None:
    graph = archspec.compile("resnet_v2_50")
    assert graph.nodes["block1.unit_2.add"].shape == (256, 56, 56)
    assert graph.nodes["block1.unit_3.add"].shape == (256, 28, 28)
    strided = [path for path in graph.nodes if path.endswith("max_pool")]
    assert strided == ["block1.unit_3.max_pool", "block2.unit_4.max_pool", "block3.unit_6.max_pool"]
    assert {path.split(".")[1] for path in graph.nodes if path.endswith(".shortcut")} == {"unit_1"}


def test_slims_params() -> None:
    whole = archspec.compile("resnet_v2_50")
    bare = archspec.compile("resnet_v2_50", classes=0)
    assert _outputs(bare) == {"output": (2048, 1, 1)}
    assert bare.parameters == whole.parameters - 1000 * 2049
    dense = archspec.compile("resnet_v2_50", global_pool=False)
    assert _outputs(dense) == {"output": (1000, 7, 7)}
    assert dense.parameters == whole.parameters
    features = archspec.compile("resnet_v2_50", classes=0, global_pool=False)
    assert _outputs(features) == _outputs(archspec.compile("resnet_v2_50", include_top=False))
    assert _outputs(features) == {"output": (2048, 7, 7)}
    rootless = archspec.compile("resnet_v2_50", include_root_block=False, in_channels=64, size=56, classes=10)
    assert _outputs(rootless) == {"output": (10, 1, 1)}
    assert rootless.parameters == whole.parameters - (3 * 49 + 1) * 64 - 990 * 2049


@pytest.mark.parametrize("name", FAMILIES)
def test_without_the_top(name: str) -> None:
    whole, graph = archspec.compile(name), archspec.compile(name, include_top=False, size=64, in_channels=1)
    channels = 512 if name in {"resnet18", "tf2_resnet34"} else 2048
    assert _outputs(graph) == {"output": (channels, 2, 2)}
    assert graph.parameters == whole.parameters - 1000 * (channels + 1) - 2 * 64 * 49
    assert len(graph.weighted_path) == len(whole.weighted_path) - 1


def test_decay_and_eps_are_the_sources() -> None:
    slim = archspec.compile("resnet_v2_50")
    assert {(norm.eps, norm.decay) for norm in _norms(slim).values()} == {(1e-5, 0.997)}
    decayed = {path: weight.decay for path, weight in slim.all_weights.items() if weight.decay}
    assert set(decayed.values()) == {1e-4}
    assert list(decayed) == [path for path, weight in slim.all_weights.items() if len(weight.shape) == 4]
    tf2 = _norms(archspec.compile("tf2_resnet50"))
    assert {norm.eps for path, norm in tf2.items() if ".shortcut." in path} == {1.001e-5}
    assert {norm.eps for path, norm in tf2.items() if ".shortcut." not in path} == {1e-5}
    assert {norm.decay for norm in tf2.values()} == {0.9}


def _norms(graph: LayerGraph) -> dict[str, BatchNorm]:
    return {path: node.op for path, node in graph.nodes.items() if isinstance(node.op, BatchNorm)}


def _outputs(graph: LayerGraph) -> dict[str, tuple[int, ...]]:
    return {name: graph.nodes[path].shape for name, path in graph.outputs.items()}
