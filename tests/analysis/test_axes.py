"""What is said of networks along one and three spatial axes: fields, captions, tables, pictures, differences."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

import pytest

import archspec
from archspec.analysis.receptive_fields import Extent, receptive_fields
from archspec.spec import load_text

INPUTS: Final = {1: "length: 64", 2: "height: 64, width: 64", 3: "depth: 64, height: 64, width: 64"}
_LAYERS: Final = """
layers:
  - conv: {filters: 4, kernel: 7, stride: 2, padding: 3}
  - max_pool: {kernel: 3, stride: 2, padding: 1}
  - conv: {filters: 4, kernel: 3, padding: 2, dilation: 2}
  - upsample: {factor: 2}
  - add: [[], {conv: {filters: 4, kernel: 1}}]
  - conv_transpose: {filters: 4, kernel: 4, stride: 2, padding: 1}
  - multiply: [[], [global_avg_pool]]
"""


def _graph(axes: int, layers: str = _LAYERS) -> archspec.LayerGraph:
    return archspec.compile(load_text(f"archspec: 1\nname: axes\ninput: {{channels: 3, {INPUTS[axes]}}}\n{layers}"))


@pytest.mark.parametrize("axes", [1, 3])
def test_receptive_fields_are_an_image_s_along_each_axis(axes: int) -> None:
    image, other = receptive_fields(_graph(2)), receptive_fields(_graph(axes))
    assert image.keys() == other.keys()
    for path, fields in image.items():
        (down, across) = fields["input"]
        assert down == across
        assert other[path]["input"] == (down,) * axes, path


def test_the_field_of_a_pool_after_a_convolution() -> None:
    found = receptive_fields(_graph(1))
    assert found["max_pool"]["input"] == (Extent(11, Fraction(4), -5),)


def test_fields_that_differ_by_axis() -> None:
    graph = _graph(3, "layers: [conv: {filters: 2, kernel: [1, 3, 5], stride: [1, 2, 1], padding: [0, 1, 2]}]")
    assert receptive_fields(graph)["conv"]["input"] == (
        Extent(1, Fraction(1), 0),
        Extent(3, Fraction(2), -1),
        Extent(5, Fraction(1), -2),
    )


def test_tokens_of_a_volume_see_where_they_lay() -> None:
    graph = _graph(3, "layers: [max_pool: {kernel: 32}, to_tokens, class_token, select_token: {index: 1}]")
    assert [extent.size for extent in receptive_fields(graph)["select_token"]["input"]] == [32, 32, 32]


@pytest.mark.parametrize(("axes", "caption"), [(1, "conv 7, 4, /2"), (2, "conv 7x7, 4, /2"), (3, "conv 7x7x7, 4, /2")])
def test_captions_have_a_number_for_each_axis(axes: int, caption: str) -> None:
    graph = _graph(axes)
    node = graph.nodes["conv"]
    assert node.op.caption(graph.input_types(node), node.types) == caption
    assert "x".join(["16"] * axes) in str(archspec.summary(graph))


def test_a_difference_of_lists() -> None:
    before, after = (
        _graph(3, f"layers: [max_pool: {{kernel: {kernel}, padding: {padding}}}]")
        for kernel, padding in ((2, 0), ("[1, 2, 2]", "[0, 0, 1, 0, 0, 1]"))
    )
    text = str(archspec.diff(before, after)).replace("→", "->")
    assert "kernel 2 -> [1, 2, 2], padding 0 -> [0, 0, 1, 0, 0, 1]" in text
