"""Counts, depths and shapes, against the reference's figures and formulas of the papers' own tables."""

from __future__ import annotations

from typing import Any

import pytest

import archspec
from archspec.errors import SpecError
from archspec.ir.graph import LayerGraph
from archspec.ir.ops.linear import Conv

# He et al. 2015, Table 6: depth; parameters with shortcuts A and B; MMACs with A
V1 = {
    20: (269_722, 272_474, 40.55),
    32: (464_154, 466_906, 68.86),
    44: (658_586, 661_338, 97.17),
    56: (853_018, 855_770, 125.49),
    110: (1_727_962, 1_730_714, 252.89),
}
PLAIN = ("cifar_resnet", "cifar_resnet_keras", "cifar_resnet_v2_basic", "cifar_resnet_shortcuts")
BOTTLENECKS = ("cifar_resnet_v2", "cifar_resnet_v2_keras", "cifar_resnet_activations_bottleneck")
NAMES = (*PLAIN, *BOTTLENECKS, "cifar_resnet_activations")


def conv(graph: LayerGraph, path: str) -> Conv:
    """The convolution at a path."""
    op = graph.nodes[path].op
    assert isinstance(op, Conv)
    return op


def trainable(graph: LayerGraph) -> tuple[int, int]:
    """The trainable parameters, and these with the running statistics."""
    weights = [weight for node in graph.nodes.values() for weight in graph.weights(node)]
    sizes = [(weight.size, weight.trainable) for weight in weights]
    return sum(size for size, trained in sizes if trained), sum(size for size, _ in sizes)


@pytest.mark.parametrize("depth", V1)
def test_v1(depth: int) -> None:
    a, b, mmacs = V1[depth]
    graph = archspec.compile("cifar_resnet", depth=depth)
    assert graph.parameters == a
    assert round(graph.macs / 1e6, 2) == mmacs
    assert len(graph.weighted_path) == depth
    assert archspec.compile("cifar_resnet", depth=depth, shortcut="B").parameters == b


def test_v1_of_1202_layers() -> None:
    """Table 6: 19.4M. Each further unit of a stage of w channels adds two convolutions, 9 w^2, and their norms, 2 w."""
    graph = archspec.compile("cifar_resnet", depth=1202)
    more = sum(2 * (9 * width**2 + 2 * width) for width in (16, 32, 64))
    assert graph.parameters == 269_722 + (200 - 3) * more == 19_421_274
    assert len(graph.weighted_path) == 1202


@pytest.mark.parametrize(
    ("name", "depth", "figures"),
    [("cifar_resnet_keras", 20, (273_066, 274_442)), ("cifar_resnet_v2_keras", 29, (843_786, 849_002))],
)
def test_keras(name: str, depth: int, figures: tuple[int, int]) -> None:
    graph = archspec.compile(name)
    assert trainable(graph) == figures
    assert len(graph.weighted_path) == depth


@pytest.mark.parametrize("depth", [29, 56, 110, 164, 1001])
def test_v2_of_the_keras_example_grows_by_its_units(depth: int) -> None:
    """A unit of inner width w and output f adds w (2 f + 9 w) weights, 2 w + f biases and norms of f, w and w."""
    units = [(64, 16), (128, 64), (256, 128)]
    more = sum(w * (2 * f + 9 * w) + 2 * w + f + 2 * (f + 2 * w) for f, w in units)
    assert archspec.compile("cifar_resnet_v2_keras", depth=depth).parameters == 843_786 + (depth - 29) // 9 * more


@pytest.mark.parametrize(("depth", "millions"), [(164, 1.7), (1001, 10.3)])
def test_v2(depth: int, millions: float) -> None:
    """He et al. 2016, Table 4, says 1.7M and 10.2M; 10,327,706 are 10.3M, as others count them too."""
    graph = archspec.compile("cifar_resnet_v2", depth=depth)
    n = (depth - 2) // 9
    total = 16 * 27 + 2 * 16 + 2 * 256 + 2570  # stem, last norm, classifier
    arriving = 16
    for filters, width in ((64, 16), (128, 32), (256, 64)):
        for index in range(n):
            total += width * (arriving + 9 * width + filters) + 4 * width
            total += arriving * filters if index == 0 else 0
            total += 2 * arriving if arriving != 16 else 0  # the first unit's activation is the stem's
            arriving = filters
    assert graph.parameters == total
    assert round(total / 1e6, 1) == millions
    assert len(graph.weighted_path) == depth


def test_v2_has_the_plain_units_at_110_layers() -> None:
    graph = archspec.compile("cifar_resnet_v2_basic")
    assert len(graph.weighted_path) == 110
    assert graph.parameters == 1_727_962  # the norms move, and none is added
    assert not any(path.endswith("projection") for path in graph.nodes)


@pytest.mark.parametrize("name", NAMES)
def test_a_depth_that_does_not_fit_names_the_nearest(name: str) -> None:
    near = ("20 (n=2)", "29 (n=3)") if name in BOTTLENECKS else ("20 (n=3)", "26 (n=4)")
    with pytest.raises(SpecError, match="E0203") as caught:
        archspec.compile(name, depth=21)
    assert all(part in str(caught.value) for part in near)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("include_top", [True, False])
def test_what_every_spec_offers(name: str, include_top: bool) -> None:
    depth = 11 if name in BOTTLENECKS else 8
    params: dict[str, Any] = {"classes": 7, "in_channels": 1, "size": 64, "width": 4, "include_top": include_top}
    graph = archspec.compile(name, depth=depth, **params)
    filters = 64 if name in BOTTLENECKS else 16
    assert graph.nodes["input"].shape == (1, 64, 64)
    (output,) = graph.outputs.values()
    assert graph.nodes[output].shape == ((7,) if include_top else (filters, 16, 16))
    assert len(graph.weighted_path) == (depth if include_top else depth - 1)


def test_the_stages_shapes() -> None:
    for name, filters in (("cifar_resnet", (16, 32, 64)), ("cifar_resnet_v2_keras", (64, 128, 256))):
        graph = archspec.compile(name, taps=["layer1", "layer2", "layer3"])
        shapes = [graph.nodes[path].shape for path in graph.outputs.values()]
        assert shapes == [(count, size, size) for count, size in zip(filters, (32, 16, 8), strict=True)]


@pytest.mark.parametrize("depth", [29, 56])
def test_the_slips_of_a_copied_listing_are_not_in_the_v2_of_the_keras_example(depth: int) -> None:
    """It strides where the unit is not its stage's first, and ends units in a 3x3 of the inner width."""
    graph = archspec.compile("cifar_resnet_v2_keras", depth=depth)
    for stage, (filters, width) in enumerate([(64, 16), (128, 64), (256, 128)], start=1):
        for index in range((depth - 2) // 9):
            unit = f"layer{stage}.{index}"
            first, second, third = (conv(graph, f"{unit}.conv{k}") for k in (1, 2, 3))
            stride = (2, 2) if stage > 1 and index == 0 else (1, 1)
            assert (first.kernel, first.stride, first.filters) == ((1, 1), stride, width)
            assert (second.kernel, second.stride, second.filters) == ((3, 3), (1, 1), width)
            assert (third.kernel, third.stride, third.filters) == ((1, 1), (1, 1), filters)
            assert (f"{unit}.projection" in graph.nodes) == (index == 0)
            assert (f"{unit}.preactivation.0" in graph.nodes) == (unit != "layer1.0")
        projection = conv(graph, f"layer{stage}.0.projection")
        assert (projection.kernel, projection.stride) == ((1, 1), (2, 2) if stage > 1 else (1, 1))


@pytest.mark.parametrize("name", ["cifar_resnet_keras", "cifar_resnet_v2_keras"])
def test_the_keras_examples_regularizer_and_initial_weights(name: str) -> None:
    """Keras's L2 of 1e-4, which PyTorch calls 2e-4, on kernels of convolutions; all weights He-normal, biases zero."""
    graph = archspec.compile(name)
    for path, node in graph.nodes.items():
        decays = {weight.name: weight.decay for weight in graph.weights(node) if weight.decay}
        assert decays == ({"weight": 2e-4} if node.op.name == "conv" else {}), path
    source = archspec.generate(graph, "keras")
    assert "keras.regularizers.L2(0.0001)" in source
    assert source.count("Conv2D") == 1  # all by the declared one, which draws as is stated once
    assert source.count('kernel_initializer="he_normal"') == 1 + source.count("Dense(")
    assert "layers.BatchNormalization(name=" in source  # eps 1e-3 and decay 0.99 are Keras's own


@pytest.mark.parametrize("depth", [8, 20, 56])
def test_the_network_for_digits_is_that_for_cifar_on_gray_images(depth: int) -> None:
    graph = archspec.compile("digits_resnet", depth=depth)
    assert (graph.input_nodes[0].shape, graph.types["fc"].sizes) == ((1, 8, 8), (10,))
    assert len(graph.weighted_path) == depth
    # Table 6's network, twice as wide, with 3 x 3 x 32 weights for each channel of the image, 2 fewer of them.
    whole = archspec.compile("cifar_resnet", depth=depth, width=32)
    assert graph.parameters == whole.parameters - 2 * 9 * 32
    assert not any(weight.decay for weight in graph.all_weights.values())
    stages = {path.partition(".")[0]: graph.types[path].sizes for path in graph.nodes}  # what is last in each
    assert [stages[f"layer{stage}"] for stage in (1, 2, 3)] == [(32, 8, 8), (64, 4, 4), (128, 2, 2)]


def test_the_network_for_digits_has_the_depths_of_its_rule() -> None:
    with pytest.raises(SpecError, match="6n\\+2"):
        archspec.compile("digits_resnet", depth=10)
