"""Docstrings of generated source say what an argument does, and what a block is of which the spec says nothing."""

from __future__ import annotations

from textwrap import dedent

import pytest

import archspec
from archspec.spec.loading import load_text

HEAD = "archspec: 1\nname: said\ninput: {channels: 8, height: 16, width: 16}\n"
BACKENDS = pytest.mark.parametrize("backend", ["torch", "keras"])


def source_of(text: str, backend: str) -> str:
    return str(archspec.generate(archspec.compile(load_text(HEAD + text)), backend))


CONDITIONS = """
blocks:
  squeeze:
    layers:
      - multiply:
          - []
          - [global_avg_pool, conv: {name: fc, filters: in_channels, kernel: 1}, sigmoid]
  unit:
    params: {residual: false, attend: false, joined: false, active: false, plain: false, depth: 1, pooled: false}
    layers:
      - conv: {name: before, filters: 8, kernel: 1}
      - tap: early
      - conv: {name: conv, filters: 8, kernel: 3, padding: 1}
      - {relu: {}, when: active}
      - {batch_norm: {name: bn}, when: not plain}
      - {conv: {name: more, filters: 8, kernel: 1}, when: depth > 2}
      - when: pooled
        max_pool: {name: peak, kernel: 1}
        else: [avg_pool: {name: mean, kernel: 1}]
      - when: attend
        layers: [squeeze: {name: attn}]
      - when: joined
        layers: [concat: [[], {from: early}]]
      - conv: {name: after, filters: 8, kernel: 1}
      - when: residual
        layers: [add: [[], {from: input}]]
layers:
  - unit
  - unit: {residual: true, attend: true, joined: true, active: true, plain: true, depth: 3, pooled: true}
"""


@BACKENDS
@pytest.mark.parametrize(
    "said",
    [
        "residual: whether to add the input (residual connection).",
        "attend: whether to apply `attn` (squeeze and excitation).",
        "joined: whether to concatenate `early`.",
        "active: whether to apply the activation.",
        "plain: whether to leave out `bn`.",
        "depth: applies `more` if `depth > 2`.",
        "pooled: whether to apply `peak` instead of `mean`.",
    ],
)
def test_an_argument_that_a_condition_asks_says_what_is_done(backend: str, said: str) -> None:
    assert f"        {said}" in source_of(CONDITIONS, backend).splitlines()


QUANTITIES = """
params: {widths: {default: [8, 16, 24]}, depths: {default: [1, 2, 2]}}
blocks:
  stem:
    params: {filters: {}, active: false}
    layers: [conv: {name: conv, filters: filters, kernel: 1}, {relu: {}, when: active}]
  unit:
    params:
      {planes: {}, expansion: {}, reduction: {}, width: {}, wide: false,
       act: {default: relu, choices: [relu, hard_swish]}}
    layers:
      - conv: {name: narrow, filters: in_channels // reduction, kernel: 1}
      - conv: {name: hidden, filters: in_channels * expansion, kernel: 1}
      - conv: {name: grouped, filters: 32, kernel: 1, groups: 32 // width}
      - {when: act == 'relu', relu: {}, else: [hard_swish: {}]}
      - conv: {name: out, filters: planes * 4, kernel: 1, stride: 2 if wide else 1}
layers:
  - repeat:
      name: stages
      times: len(depths)
      index: s
      layers:
        - repeat: {name: blocks, times: "depths[s]", layers: [stem: {filters: "widths[s]", active: i > 0}]}
  - unit: {planes: 2, expansion: 2, reduction: 2, width: 8, wide: true}
  - unit: {planes: 4, expansion: 4, reduction: 4, width: 4, act: "'hard_swish'"}
"""


@BACKENDS
@pytest.mark.parametrize(
    "said",
    [
        "planes: factor of the output channels of `out`.",
        "expansion: factor of the output channels of `hidden`.",
        "reduction: divisor of the output channels of `narrow`.",
        "width: channels in each group of `grouped`.",
        "wide: whether the stride of `out` is 2 instead of 1.",
        "act: activation: `relu` or `hard_swish`.",
        "widths: output channels of `blocks`, one for each stage.",
    ],
)
def test_an_argument_that_a_quantity_follows_from_says_how(backend: str, said: str) -> None:
    assert f"        {said}" in source_of(QUANTITIES, backend).splitlines()


BLOCKS = """
blocks:
  point: {params: {filters: {}}, layers: [conv: {filters: filters, kernel: 1}, batch_norm, relu]}
  gated:
    layers:
      - multiply:
          - []
          - [global_avg_pool, conv: {name: fc, filters: in_channels, kernel: 1}, sigmoid]
  unit:
    layers:
      - add:
          - - conv: {name: one, filters: in_channels, kernel: 3, padding: 1}
            - conv: {name: two, filters: in_channels, kernel: 3, padding: 1}
          - []
  chosen:
    params: {act: {default: relu, choices: [relu, gelu]}}
    layers: [conv: {filters: 8, kernel: 3}, {when: act == 'relu', relu: {}, else: [gelu]}]
  skipped:
    inputs: [skip]
    layers: [conv: {name: psi, filters: 1, kernel: 1}, sigmoid, multiply: [[], {from: skip}]]
  pair: {layers: [point: {name: left, filters: 4}, point: {name: right, filters: 8}]}
layers:
  - point: {filters: 8}
  - gated
  - unit
  - chosen
  - chosen: {act: "'gelu'"}
  - tap: before
  - skipped: {skip: before}
  - pair
"""


@BACKENDS
@pytest.mark.parametrize(
    "said",
    [
        "1x1 convolution, batch norm and ReLU.",
        "Squeeze and excitation: a gate for each channel, from the means of all.",
        "Residual block of 2 convolutions.",
        "Block of `left` and `right`.",
        "3x3 convolution and activation.",
        "Multiplies `skip` by a gate.",
    ],
)
def test_a_block_without_words_of_the_spec_is_said_by_its_layers(backend: str, said: str) -> None:
    assert f'    """{said}' in source_of(BLOCKS, backend).splitlines()


SEVERAL = """
blocks:
  unit:
    params: {filters: {}, first: false, share: 0.5}
    layers:
      - conv: {name: conv1, filters: floor(filters * share) * 2, kernel: 1}
      - split: {parts: 2, outputs: parts}
      - from: "parts[1]"
      - {when: not first, layers: [add: [[], {from: "parts[0]"}]]}
      - relu
      - {avg_pool: {name: pool, kernel: 3, padding: 1}, when: first}
      - repeat:
          inline: true
          times: 2
          layers: [conv: {name: "convs.{i}", filters: floor(filters * share), kernel: 1}, relu]
      - slice_channels: {stop: 4}
  cut:
    params: {filters: {}}
    layers: [conv: {name: wide, filters: 16, kernel: 1}, slice_channels: {stop: filters}]
  outer:
    params: {part: {}}
    layers:
      - unit: {name: first, filters: 8, first: true, share: part}
      - unit: {name: second, filters: 8}
layers:
  - cut: {filters: 8}
  - cut: {filters: 12}
  - outer: {part: 0.5}
  - outer: {part: 1.0}
"""


@BACKENDS
@pytest.mark.parametrize(
    "said",
    [
        "first: whether to apply `pool`, and not to add `parts`.",
        "share: factor of the output channels of `conv1` and `convs`.",
        "part: factor of the output channels of `conv1` and `convs` in `first`.",
        "filters: output channels.",
    ],
)
def test_an_argument_says_all_that_is_decided_by_names_that_its_reader_knows(backend: str, said: str) -> None:
    """No path into another block, no layer that only the block within has, no word for the slice."""
    assert f"        {said}" in source_of(SEVERAL, backend).splitlines()


def test_further_inputs_are_told_apart_from_the_first() -> None:
    text = """
    blocks:
      join:
        inputs: [other]
        layers: [add: [[], {from: other}]]
    layers:
      - conv: {filters: 8, kernel: 1}
      - tap: early
      - conv: {filters: 8, kernel: 1}
      - join: {other: early}
    """
    lines = [line.strip() for line in source_of(dedent(text), "keras").splitlines()]
    assert "x: input tensor." in lines
    assert "other: second input tensor." in lines


UNTRUE = """
archspec: 1
name: net
params: {widths: [4, 6]}
input: {channels: 4, height: 8, width: 8}
blocks:
  unit:
    params: {filters: {}}
    layers:
      - conv: {filters: filters, kernel: 1}
      - relu
  halved:
    params: {filters: {}, kept: {}}
    layers:
      - conv: {name: cheap, filters: filters // 2, kernel: 1}
      - tap: all
      - concat: [{slice_channels: {stop: kept}}, {from: all}]
  merged:
    params: {lone: {}}
    inputs: [before]
    layers:
      - concat:
          - [{max_pool: {kernel: 3, stride: 1, padding: 1}}]
          - unit: {filters: 3}
          - {from: before, when: not lone, else: omit}
  levels:
    inputs: [fine]
    params: {filters: {}}
    outputs: [small, large]
    layers:
      - conv: {name: inner, filters: filters, kernel: 1}
      - tap: top
      - conv: {name: small, filters: filters, kernel: 3, padding: 1}
      - tap: small
      - from: fine
      - add: [{conv: {name: lateral, filters: filters, kernel: 1}}, {from: top}]
      - conv: {name: large, filters: filters, kernel: 3, padding: 1}
      - tap: large
layers:
  - conv: {name: first, filters: "widths[0]", kernel: 1}
  - conv: {name: second, filters: "widths[1]", kernel: 1}
  - halved: {name: a, filters: 8, kept: 2}
  - halved: {name: b, filters: 6, kept: 3}
  - tap: early
  - merged: {name: c, before: early, lone: true}
  - merged: {name: d, before: early, lone: false}
  - levels: {name: e, fine: early, filters: 4}
  - from: e.small
  - levels: {name: f, fine: e.large, filters: 5}
  - concat: [{from: f.small}, {from: f.large}]
"""


def test_lists_multiples_slices_and_inputs_are_what_is_said_of_them() -> None:
    text = str(archspec.generate(archspec.compile(load_text(UNTRUE)), "torch"))
    for line in (
        "widths: list of the output channels of `first` and `second`.",
        "filters: twice the output channels of `cheap`.",
        "kept: output channels of the slice of channels.",
        "lone: whether not to concatenate `before`.",
        "Block of 4 convolutions.",
    ):
        assert line in text, line
    assert "Residual" not in text
    assert "Block of `unit`" not in text  # which would leave out the pool beside it


SAME_WORDS = """
blocks:
  unit:
    params: {fused: false}
    layers:
      - when: fused
        layers:
          - conv: {name: expand, filters: 8, kernel: 3, padding: 1}
          - batch_norm: {name: norm}
          - relu: {name: act}
          - conv: {name: last, filters: 8, kernel: 1}
        else:
          - conv: {name: expand, filters: 8, kernel: 1}
          - batch_norm: {name: norm}
          - silu: {name: swish}
          - conv: {name: depthwise, filters: 8, kernel: 3, padding: 1, groups: 8}
layers: [unit, unit: {fused: true}]
"""


@BACKENDS
def test_sides_that_begin_alike_are_told_by_what_one_alone_does(backend: str) -> None:
    source = " ".join(source_of(SAME_WORDS, backend).split())
    assert "fused: whether to apply `act` and `last` instead of `swish` and `depthwise`." in source
