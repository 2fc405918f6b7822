"""Sizes of windows as arguments, sizes that follow from channels, and what is fixed: in words, with its path."""

from __future__ import annotations

from typing import Any

import pytest

import archspec
from archspec.codegen.execute import execute
from archspec.codegen.simplify import fixed_params
from archspec.spec import load_text
from tests.needed import needs

HEAD = "archspec: 1\nname: sizes\ninput: {channels: 4, height: 24, width: 24}\n"
BACKENDS = pytest.mark.parametrize("backend", ["torch", "keras"])


def graph_of(text: str) -> archspec.LayerGraph:
    return archspec.compile(load_text(HEAD + text))


MEANS = """
params: {reach: 3, patch: 4}
blocks:
  mean:
    params: {reach: {}}
    layers: [add: [[], [avg_pool: {kernel: reach, stride: 1, padding: reach // 2}]]]
layers:
  - conv: {name: cut, filters: 6, kernel: patch, stride: patch}
  - mean: {reach: reach}
  - conv: {name: near, filters: 6, kernel: reach, padding: same}
  - global_avg_pool
"""


@needs("torch", "keras")
@BACKENDS
def test_windows_whose_sizes_nothing_depends_on_are_arguments(backend: str) -> None:
    graph = graph_of(MEANS)
    assert fixed_params(graph) == {}
    module = execute(archspec.generate(graph, backend), backend, "sizes")
    make: Any = module.Sizes if backend == "torch" else module.sizes
    assert make(reach=5, patch=3) is not None
    with pytest.raises(ValueError, match="reach has to be odd"):
        make(reach=4)


@pytest.mark.parametrize(
    ("layers", "what"),
    [
        ("[conv: {filters: 4, kernel: k}, flatten, dense: {units: 3}]", "the sizes that arrive at dense"),
        ("[conv: {name: c, filters: 4, kernel: k, padding: 1}, relu]", "how c is padded"),
        ("[pad: {padding: k}, relu]", "the padding of pad"),
    ],
    ids=["a dense layer has their number", "padding covers one kernel", "no window"],
)
def test_what_other_sizes_would_change_is_said(layers: str, what: str) -> None:
    assert fixed_params(graph_of(f"params: {{k: 3}}\nlayers: {layers}\n")) == {"k": what}


LEFT = """
blocks:
  weigh:
    params: {width: {}}
    layers:
      - conv: {name: wide, filters: width * 3, kernel: 1}
      - global_avg_pool
      - reshape: {shape: [3, width, 1]}
      - sigmoid
      - reshape: {shape: [-1, 1, 1]}
      - conv: {name: out, filters: 4, kernel: 1}
layers: [weigh: {width: 2}, weigh: {width: 5}]
"""


@needs("torch", "keras")
@BACKENDS
def test_a_size_that_is_left_is_followed(backend: str) -> None:
    source = str(archspec.generate(graph_of(LEFT), backend))
    assert "Width" not in source
    assert source.count("class Weigh" if backend == "torch" else "def weigh") == 1
    archspec.build(graph_of(LEFT), backend=backend)


def test_a_size_that_follows_from_an_argument_and_is_a_number_in_source_fixes_it() -> None:
    text = (
        "params: {wide: 6}\nlayers: [conv: {filters: wide, kernel: 1}, global_avg_pool, reshape: {shape: [2, -1, 1]}, "
        "conv: {name: after, filters: 2, kernel: 1}]\n"
    )
    assert fixed_params(graph_of(text)) == {"wide": "the sizes of reshape"}


CEILED = """
params: {start: 6}
blocks:
  unit:
    params: {wide: {}, stride: 1}
    layers:
      - add:
          - conv: {name: c, filters: wide, kernel: 3, stride: stride, padding: 1}
          - name: shortcut
            when: stride != 1 or in_channels != wide
            layers:
              - {max_pool: {kernel: stride, ceil_mode: true}, when: stride > 1}
              - conv: {filters: wide, kernel: 1}
layers:
  - conv: {filters: start, kernel: 1}
  - unit: {wide: 8}
  - unit: {wide: 8}
  - unit: {wide: 12, stride: 2}
"""


def test_what_source_asks_itself_fixes_no_width() -> None:
    assert fixed_params(graph_of(CEILED)) == {}


JOINED = """
blocks:
  tie:
    inputs: [low]
    params: {wide: {}}
    layers:
      - add: [[conv: {name: a, filters: wide, kernel: 1}], {from: low, layers: [conv: {filters: wide, kernel: 1}]}]
layers: [tap: low, conv: {filters: 7, kernel: 1}, tie: {low: low, wide: 5}]
"""


@needs("torch", "keras")
@BACKENDS
def test_channels_of_a_further_input_are_an_argument_of_one_call_too(backend: str) -> None:
    source = str(archspec.generate(graph_of(JOINED), backend))
    assert backend == "keras" or "nn.Conv2d(low_channels, 5, kernel_size=1)" in source
    archspec.build(graph_of(JOINED), backend=backend)


KERNELS = """
params: {kernels: [3, 5, 7]}
blocks:
  unit:
    params: {kernel: {}}
    layers: [add: [[], [conv: {filters: 4, kernel: kernel, padding: kernel // 2, groups: 4}]]]
layers:
  - repeat: {name: units, times: 3, layers: [unit: {kernel: "kernels[i]"}]}
  - adaptive_avg_pool: {size: "kernels[0]"}
  - upsample: {branches: [[], {from: input}], mode: bilinear}
"""


@needs("torch", "keras")
@BACKENDS
def test_lists_of_sizes_are_arguments(backend: str) -> None:
    graph = graph_of(KERNELS)
    assert fixed_params(graph) == {}
    module = execute(archspec.generate(graph, backend), backend, "sizes")
    make: Any = module.Sizes if backend == "torch" else module.sizes
    other = archspec.build(load_text(HEAD + KERNELS, overrides={"kernels": (1, 9, 3)}), backend)
    sizes = [tuple(weight.shape) for weight in _weights(other, backend)]
    assert [tuple(weight.shape) for weight in _weights(make(kernels=(1, 9, 3)), backend)] == sizes
    with pytest.raises(ValueError, match="all of kernels have to be odd"):
        make(kernels=(3, 4, 7))


def _weights(model: Any, backend: str) -> list[Any]:
    return [*model.parameters()] if backend == "torch" else list(model.weights)


@pytest.mark.parametrize(
    ("layers", "what"),
    [
        ("[conv: {filters: 4, kernel: 'k[1]'}, flatten, dense: {units: 3}]", "the sizes that arrive at dense"),
        ("[adaptive_avg_pool: {size: 'k[0]'}, flatten, dense: {units: 3}]", "the sizes that arrive at dense"),
        ("[repeat: {name: r, times: 'k[0]', layers: [conv: {filters: 4, kernel: 'k[1]'}]}]", "how often r runs"),
    ],
    ids=["a dense layer has their number", "of a pool", "one of them counts"],
)
def test_what_other_lists_of_sizes_would_change_is_said(layers: str, what: str) -> None:
    assert fixed_params(graph_of(f"params: {{k: [2, 3]}}\nlayers: {layers}\n")) == {"k": what}
