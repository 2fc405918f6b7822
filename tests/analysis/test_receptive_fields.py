"""Receptive fields, against published figures, and against what changes when rows and columns of an input do."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.analysis.receptive_fields import Extent, receptive_fields
from archspec.ir import OPS
from archspec.ir.tensor_type import TensorType
from archspec.parity import random_weights
from archspec.spec import load_text
from tests.conformance.cases import CASES
from tests.conformance.graphs import example_of, graph_of
from tests.reference.evaluate import evaluate

VGG16 = """
layers:
  - repeat: {times: 2, layers: [conv: {filters: 2, kernel: 3, padding: 1}]}
  - max_pool: {kernel: 2}
  - repeat: {times: 2, layers: [conv: {filters: 2, kernel: 3, padding: 1}]}
  - max_pool: {kernel: 2}
  - repeat:
      times: 3
      layers:
        - repeat: {times: 3, layers: [conv: {filters: 2, kernel: 3, padding: 1}]}
        - max_pool: {kernel: 2}
"""
ALEXNET = """
layers:
  - conv: {filters: 2, kernel: 11, stride: 4, padding: 2}
  - max_pool: {kernel: 3, stride: 2}
  - conv: {filters: 2, kernel: 5, padding: 2}
  - max_pool: {kernel: 3, stride: 2}
  - repeat: {times: 3, layers: [conv: {filters: 2, kernel: 3, padding: 1}]}
  - max_pool: {kernel: 3, stride: 2}
"""

ELSEWHERE = {"rearrange", "roll"}
"""Ops of which a place looks at one place, but not at one near it: they are said to look everywhere."""


def _graph(text: str, size: int = 224, channels: int = 1) -> archspec.LayerGraph:
    head = f"archspec: 1\nname: example\ninput: {{channels: {channels}, height: {size}, width: {size}}}\n"
    return archspec.compile(load_text(head + text))


def _extent(graph: archspec.LayerGraph, path: str, source: str = "input") -> Extent:
    vertical, horizontal = receptive_fields(graph)[path][source]
    assert vertical == horizontal
    return vertical


@pytest.mark.parametrize(("text", "size", "stride"), [(VGG16, 212, 32), (ALEXNET, 195, 32)])
def test_published_fields_of_chains(text: str, size: int, stride: int) -> None:
    """Araujo et al. 2019: vgg_16 and alexnet_v2 before their dense layers."""
    graph = _graph(text)
    found = _extent(graph, graph.outputs["output"])
    assert found.size == size
    assert found.stride == stride


@pytest.mark.parametrize(
    ("name", "path", "size"),
    [
        ("resnet50_v1", "layer4.2.add", 483),
        ("resnet101_v1", "layer4.2.add", 1027),
        ("resnet152_v1", "layer4.2.add", 1507),
    ],
)
def test_published_fields_of_networks(name: str, path: str, size: int) -> None:
    """Araujo et al. 2019: resnet_v1_50, 101 and 152."""
    found = _extent(archspec.compile(name), path)
    assert found.size == size
    assert found.stride == 32


def test_a_field_counted_by_hand() -> None:
    """MobileNetV2: each 3x3, the stem's and those of 17 units, adds twice the stride that arrives at it."""
    strides = [1, 2, 2, 4, 4, 8, 8, 8, *[16] * 7, *[32] * 3]
    assert _extent(archspec.compile("mobilenet_v2"), "features.18.0").size == 1 + 2 * sum(strides)


def test_a_stride_on_a_later_convolution_makes_the_field_smaller() -> None:
    """v1.5: the 3x3 of layer2, 3 and 4's first units look at twice as many pixels: 8 + 16 + 32 less than v1."""
    assert _extent(archspec.compile("resnet50"), "layer4.2.add").size == 483 - 8 - 16 - 32


def test_every_op_says_where_it_looks() -> None:
    for op in OPS:
        graph = example_of(op)
        for node in graph.nodes.values():
            assert len(node.op.footprint(graph.input_types(node))) == len(node.inputs)


def _seen(graph: archspec.LayerGraph, source: str, axis: int) -> dict[str, Any]:
    """Which rows (or columns, or tokens) of an input the places of each node depend on: (rows, *places).

    The numbers of a row are raised, and what changes is looked at. All weights are positive, so that nothing cancels.
    """
    draw = np.random.default_rng(0)
    weights = {
        name: np.zeros_like(array) if name.endswith("running_mean") else np.abs(array) + 0.1
        for name, array in random_weights(graph).items()
    }
    rows = graph.types[source].places[axis]
    inputs = {
        path: np.repeat(draw.uniform(0.5, 1.5, (1, *graph.nodes[path].shape)), rows + 1, axis=0)
        for path in graph.inputs
    }
    if graph.types[source].is_ids:
        inputs[source] = np.zeros(inputs[source].shape, np.int64)
    raised = _channels_last(inputs[source], graph.types[source])
    for row in range(rows):
        at = np.moveaxis(raised[row + 1], axis, 0)[row : row + 1]
        at += 1 if graph.types[source].is_ids else draw.uniform(1.5, 2, at.shape)
    found: dict[str, Any] = {}
    for path, array in evaluate(graph, weights, inputs, training=False).values.items():
        changed = np.abs(array[1:] - array[:1]) > 1e-12 * np.abs(array).max()
        found[path] = _channels_last(changed, graph.types[path]).any(axis=-1)
    return found


def _channels_last(batch: Any, type: TensorType) -> Any:
    """A view of a batch with its channels at the end; ids have one each."""
    return batch[..., np.newaxis] if type.channel_axis is None else np.moveaxis(batch, 1 + type.channel_axis, -1)


def _check(graph: archspec.LayerGraph, *, period: int = 1) -> int:
    """Hold the fields of all nodes against what is seen, and count those of places far from the borders.

    What a place sees is looked at for every `period`-th, since enlargements make the others see more or less.
    """
    fields = receptive_fields(graph)
    inside = 0
    for source in graph.inputs:
        for axis in range(len(graph.types[source].places)):
            for path, rows in _seen(graph, source, axis).items():
                assert (source in fields[path]) == rows.any(), path
                if source in fields[path] and graph.nodes[path].op.name not in ELSEWHERE:
                    inside += _agrees(fields[path][source][axis], rows, axis, period)
    return inside


def _agrees(extent: Extent, seen: Any, axis: int, period: int) -> int:
    count = len(seen)
    widths = [int(np.ptp(rows.nonzero()[0])) + 1 if rows.any() else 0 for rows in seen.reshape(count, -1).T]
    if extent.start is None or extent.stride is None:
        assert max(widths) == extent.size
        return 0
    assert max(widths) <= extent.size
    lines = seen.any(axis=2 - axis).T if seen.ndim == 3 else []
    inside = 0
    for place in range(0, len(lines), math.lcm(period, extent.stride.denominator)):
        first = extent.start + extent.stride * place
        middle = len(lines) // 3 <= place <= 2 * len(lines) // 3  # padding may stand where cropped pixels were
        if first >= 0 and first + extent.size <= count and (middle or period == 1):
            inside += 1
            found = lines[place].nonzero()[0]
            assert found[0] == first
            assert period > 1 or extent.stride.denominator > 1 or found[-1] == first + extent.size - 1
    assert not inside or max(widths) == extent.size
    return inside


@pytest.mark.parametrize("op", OPS)
def test_each_op_looks_where_it_says(op: str) -> None:
    _check(example_of(op))


@pytest.mark.parametrize(
    "op",
    [
        *("conv", "conv_transpose", "max_pool", "avg_pool", "adaptive_avg_pool", "pad", "crop", "multiply"),
        *("depth_to_space", "space_to_depth", "to_image", "to_signal", "embedding", "class_token", "select_token"),
    ],
)
def test_windows_of_all_sorts(op: str) -> None:
    for case in CASES[op]:
        if "reshape" not in case:  # it is said to look everywhere
            _check(graph_of(case, (9, 12)))


def test_signals_of_tokens() -> None:
    """Words, pixels row by row, and what stands before them: a window goes along what lies in a row."""
    heads = [
        "input: {tokens: 20, ids: 9}\nlayers:\n  - embedding: {features: 2}\n",
        "input: {channels: 2, height: 4, width: 5}\nlayers:\n  - to_tokens\n",
        "input: {channels: 2, length: 20}\nlayers:\n  - avg_pool: {kernel: 2}\n  - to_tokens\n",
    ]
    tails = ["", "  - class_token\n", "  - transpose\n  - dense: {units: 16}\n  - transpose\n"]
    for head in heads:
        for tail in tails:
            after = "  - to_signal\n  - conv: {filters: 2, kernel: 3, stride: 2}\n  - avg_pool: {kernel: 2}\n"
            _check(archspec.compile(load_text(f"archspec: 1\nname: net\n{head}{tail}{after}")))


def test_random_networks() -> None:
    inside = 0
    for seed in range(8):
        draw = random.Random(seed)
        items = "".join(f"  - {_item(draw)}\n" for _ in range(4))
        inside += _check(_graph(f"layers:\n{items}", size=28, channels=2), period=16)
    assert inside > 40


def _item(draw: random.Random) -> str:
    kernel, padding, stride = draw.randint(1, 3), draw.randint(0, 2), draw.choice([1, 1, 2])
    two = "filters: 2, kernel"
    detour = f"upsample: {{factor: 2}}, conv: {{{two}: 3, stride: 2, padding: 1}}"
    return draw.choice(
        [
            f"conv: {{{two}: {kernel}, stride: {stride}, padding: {padding}, dilation: {draw.randint(1, 2)}}}",
            f"avg_pool: {{kernel: {kernel}, stride: {stride}, padding: {kernel // 2}}}",
            f"conv_transpose: {{{two}: {kernel + 1}, stride: 2, padding: {draw.randint(0, 1)}}}",
            "upsample: {factor: 2}",
            "pad: {padding: [1, 0, 2, 1]}",
            "crop: {cropping: [0, 1, 1, 0]}",
            f"add: [[], [conv: {{{two}: {2 * kernel + 1}, padding: same}}]]",
            f"add: [[conv: {{{two}: 1}}], [{detour}]]",
            "multiply: [[], [crop: {cropping: [1, 0, 0, 2]}, global_avg_pool]]",
            f"maximum: [[conv: {{{two}: 3, padding: 2}}, crop: {{cropping: [0, 2, 1, 1]}}], []]",
        ]
    )


def test_an_enlargement_has_a_stride_below_one() -> None:
    graph = _graph("layers: [conv: {filters: 2, kernel: 3, stride: 2, padding: 1}, upsample: {factor: 8}]")
    assert _extent(graph, "upsample") == Extent(3, Fraction(1, 4), -1)


def test_places_between_which_pixels_lie_see_different_numbers_of_them() -> None:
    graph = _graph("layers: [upsample: {factor: 2}, conv: {filters: 2, kernel: 3, padding: 1}]")
    assert _extent(graph, "conv") == Extent(2, Fraction(1, 2), -1)


def test_branches_of_different_strides() -> None:
    """Place 7 of 8 sees pixel 7 through one branch, 14 and 15 through the other."""
    graph = _graph("layers: [add: [[conv: {filters: 1, kernel: 9}], [max_pool: {kernel: 2}]]]", size=16)
    assert _extent(graph, "add") == Extent(9, None, None)
    graph = _graph("layers: [add: [[crop: {cropping: [0, 8, 0, 8]}], [max_pool: {kernel: 2}]]]", size=16)
    assert _extent(graph, "add") == Extent(9, None, None)
    _check(graph)


def test_a_gate_sees_the_whole_image_and_keeps_its_stride() -> None:
    text = "layers: [conv: {filters: 4, kernel: 3, stride: 2}, multiply: [[], [global_avg_pool]]]"
    assert _extent(_graph(text, size=16), "multiply") == Extent(15, Fraction(2), None)  # no window reaches the last row


def test_unlike_enlargements_do_not_multiply_their_periods() -> None:
    """Each pool of 16 rows to 13 repeats after 13: three are 2,197 places until it repeats, twenty would never end."""
    pools = "adaptive_avg_pool: {size: 13}, pad: {padding: [1, 2, 1, 2]}"
    _check(_graph(f"layers: [repeat: {{times: 3, layers: [{pools}]}}]", size=16))
    graph = _graph(f"layers: [repeat: {{times: 20, layers: [{pools}]}}]", size=16)
    assert _extent(graph, graph.outputs["output"]) == Extent(16, None, None)


def test_each_input_has_a_field_of_its_own() -> None:
    fields = receptive_fields(archspec.compile("two_streams"))
    assert {path: field[0].size for path, field in fields["fuse"].items()} == {"image": 15, "depth": 15}
    assert set(fields["image_stream.convs.0.0"]) == {"image"}
    assert fields["fc"]["depth"] == (Extent(64, None, None),) * 2


def test_vectors_have_no_places() -> None:
    assert not any(receptive_fields(archspec.compile("dcgan_generator")).values())


def test_which_token_is_meant() -> None:
    items = "class_token, concat: [select_token: {index: 0}, select_token: {index: 1}, select_token: {index: -3}]"
    text = f"archspec: 1\nname: example\ninput: {{shape: [6, 2]}}\nlayers: [{items}]\n"
    graph = archspec.compile(load_text(text))
    assert receptive_fields(graph)["concat"]["input"] == (
        Extent(4, None, None),
    )  # the first sees none, the last the fourth
    _check(graph)


def test_tokens_see_their_patch_until_attention_sees_all() -> None:
    fields = receptive_fields(archspec.compile("vision_transformer"))
    assert fields["to_tokens"]["input"] == (Extent(16, Fraction(16), 0),) * 2
    assert fields["encoder.pos_embedding"]["input"] == (Extent(16, None, None),) * 2
    assert fields["encoder.layers.encoder_layer_0.self_attention"]["input"] == (Extent(224, None, None),) * 2
