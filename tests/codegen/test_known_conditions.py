"""What is known where source stands is not asked there, and what decides a param is said in true words."""

from __future__ import annotations

import pytest

import archspec
from archspec.codegen.backend import OffersArguments
from archspec.codegen.registry import backend
from archspec.spec.loading import load_text
from tests.conformance.argument_networks import ARGUMENT_NETWORKS


def torch_of(text: str) -> str:
    return str(archspec.generate(archspec.compile(load_text(text)), "torch"))


def fixed(text: str, name: str = "torch") -> dict[str, str]:
    target = backend(name)
    assert isinstance(target, OffersArguments)
    return target.fixed_params(archspec.compile(load_text(text)))


def test_an_arm_does_not_ask_its_own_condition() -> None:
    found = torch_of(ARGUMENT_NETWORKS["arms"])
    assert "nn.BatchNorm2d(4)" in found
    assert "nn.Conv2d(4, 4 * factor, kernel_size=1)" in found
    assert found.count("4 * factor if closes else 4") == 1  # what comes after both


def test_widths_that_sums_require_are_those_that_arrive() -> None:
    found = torch_of(ARGUMENT_NETWORKS["streams"])
    assert "(Cell(in_channels) for _ in range(cells))" in found
    assert "(Cell(3 * in_channels) for _ in range(cells))" in found
    assert "width" not in found


def test_the_second_iteration_is_not_asked_whether_it_is_the_first() -> None:
    found = torch_of(ARGUMENT_NETWORKS["stages"])
    assert "keeps=False" in found
    assert "j > 0" not in found


def test_channels_that_no_iteration_changes_are_not_carried_along() -> None:
    found = torch_of(ARGUMENT_NETWORKS["turns"])
    assert "channels = " not in found
    assert "i - 1" not in found
    assert "=i == 1" in found


HEAD = """
archspec: 1
name: words
params: {edge: {default: %s, choices: [same, valid]}}
input: {channels: 4, height: 12, width: 12}
"""
JOINED = "layers: [add: [[conv: {filters: 4, kernel: 3, padding: edge}], [conv: {filters: 4, kernel: 1}]]]\n"
FLAT = "layers: [conv: {filters: 4, kernel: 3, padding: edge}, flatten, dense: {name: last, units: 3}]\n"
STRIDED = "layers: [conv: {name: down, filters: 4, kernel: 3, stride: 2, padding: edge}]\n"
ASKED = "layers: [conv: {filters: 4, kernel: 3, padding: edge}, {relu: {}, when: edge == 'same'}]\n"
POOLED = "layers: [conv: {filters: 4, kernel: 3, padding: edge}, max_pool: {name: pool, kernel: 3, padding: edge}]\n"
POSITIONS = "layers: [conv: {filters: 4, kernel: 3, padding: edge}, to_tokens, position_embedding: {name: places}]\n"


@pytest.mark.parametrize(
    ("layers", "default", "what"),
    [
        (JOINED, "same", "the sizes that arrive at add"),
        (FLAT, "valid", "the sizes that arrive at last"),
        (POSITIONS, "valid", "the sizes that arrive at places"),
        (STRIDED, "valid", "the padding of down"),
        (ASKED, "valid", "which layers there are"),
        (POOLED, "valid", "the padding of pool"),
    ],
)
def test_what_a_word_decides_is_said(layers: str, default: str, what: str) -> None:
    assert fixed(HEAD % default + layers) == {"edge": what}


def test_a_backend_says_what_its_own_source_fixes() -> None:
    text = HEAD % "valid" + STRIDED  # of PyTorch's convolutions those with a stride take no `same`
    assert fixed(text, "torch") == {"edge": "the padding of down"}
    assert fixed(text, "keras") == {}


def test_a_width_that_has_to_be_what_arrives_is_said() -> None:
    text = """
archspec: 1
name: equal
params: {width: 6}
input: {channels: 6, length: 8}
blocks:
  cell: {params: {filters: {}}, layers: [add: [[], [conv: {filters: filters, kernel: 1}]]]}
layers: [repeat: {name: cells, times: 2, layers: [cell: {filters: width}]}]
"""
    assert fixed(text) == {"width": "the filters of cells.0, which has to be as many as the channels that arrive"}


GUARDED = """
archspec: 1
name: guarded
params: {width: 6}
input: {channels: 3, length: 8}
blocks:
  cell:
    params: {filters: {}}
    layers:
      - when: filters == in_channels
        layers: [add: [[], [conv: {name: same, filters: filters, kernel: 1}]]]
        else: [conv: {name: other, filters: filters, kernel: 1}]
layers: [conv: {filters: width, kernel: 1}, cell: {filters: 6}, cell: {filters: 6}]
"""


def test_what_a_sum_requires_under_a_condition_is_not_required_without_it() -> None:
    assert fixed(GUARDED) == {"width": "whether cell.same is there or other layers"}


@pytest.mark.parametrize(
    ("layers", "line"),
    [
        ("{after: wide - in_channels}", "wide: output channels of the padding."),
        ("{before: (wide - in_channels) // 2, after: (wide - in_channels) // 2}", "wide: "),
    ],
)
def test_what_is_said_of_a_width_after_padding(layers: str, line: str) -> None:
    text = f"""
archspec: 1
name: padded
input: {{channels: 4, length: 8}}
blocks:
  grow: {{params: {{wide: {{}}}}, layers: [pad_channels: {layers}, conv: {{filters: 4, kernel: 1}}]}}
layers: [grow: {{wide: 6}}, grow: {{wide: 8}}]
"""
    assert line in torch_of(text)


def test_no_argument_is_explained_by_its_own_name() -> None:
    layers = ", ".join(f"conv: {{name: {name}, filters: 4, kernel: 3, stride: stride, padding: 1}}" for name in NAMES)
    text = f"""
archspec: 1
name: said
input: {{channels: 4, length: 64}}
blocks:
  row: {{params: {{stride: {{}}}}, layers: [{layers}]}}
  tie: {{inputs: [other], layers: [concat: [[], [from: other]], conv: {{filters: 4, kernel: 1}}, relu]}}
layers: [row: {{stride: 1}}, row: {{stride: 2}}, tap: a, relu, tie: {{other: a}}, relu, tie: {{other: a}}]
"""
    found = torch_of(text)
    assert "stride: stride of `one` and 4 more layers." in found
    assert "stride: stride.\n" not in found
    assert "Concatenation, convolution and ReLU." in found
    assert "The block `" not in found


NAMES = ("one", "two", "three", "four", "five")
