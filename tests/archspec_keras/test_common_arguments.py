"""Arguments that most layers of a module have are written once, and mean what they meant at each layer."""

from __future__ import annotations

import numpy as np

import archspec
from archspec.spec.loading import load_text

COMMON = """
archspec: 1
name: common
input: {channels: 3, height: 8, width: 8}
defaults:
  conv: {bias: false, init: {kaiming_normal: fan_out}}
layers:
  - conv: {name: a, filters: 4, kernel: 3, padding: 1}
  - conv: {name: b, filters: 4, kernel: 3, padding: 1}
  - conv: {name: c, filters: 4, kernel: 3, padding: 1}
  - conv: {name: d, filters: 4, kernel: 3, padding: 1, bias: true, bias_init: zeros}
"""


def test_what_most_layers_have_is_written_once_and_each_draws_its_own_numbers() -> None:
    graph = archspec.compile(load_text(COMMON))
    found = str(archspec.generate(graph, "keras"))
    assert found.count("use_bias=False") == 1
    assert found.count("use_bias=True") == 1
    assert found.count("CONV_KERNEL_INITIALIZER") == 2
    model = archspec.build(graph, backend="keras")
    kernels = [np.asarray(model.get_layer(name).kernel) for name in "bcd"]
    assert not np.allclose(kernels[0], kernels[1])
    assert not np.allclose(kernels[1], kernels[2])
    assert model.get_layer("d").use_bias
    assert abs(float(np.std([*kernels])) - (2 / 36) ** 0.5) < 0.05


def test_arguments_that_few_layers_have_stay_where_they_are() -> None:
    text = COMMON.replace("defaults:\n  conv: {bias: false, init: {kaiming_normal: fan_out}}\n", "")
    found = str(archspec.generate(archspec.compile(load_text(text)), "keras"))
    assert "bias_initializer=fan_in_uniform_bias(x.shape[-1], 3)" in found  # it speaks of what arrives
    assert found.count("kernel_initializer=") == 1


def test_blocks_and_branches_that_are_called_like_what_is_declared_have_other_names() -> None:
    text = COMMON.replace(
        "layers:\n", "blocks:\n  conv2d: {layers: [conv: {filters: 4, kernel: 1, bias: true}]}\nlayers:\n  - conv2d\n"
    )
    model = archspec.build(archspec.compile(load_text(text)), backend="keras")
    assert model.count_params() == (3 * 4 + 4) + 3 * 144 + 144 + 4


def test_what_a_spec_calls_like_a_constant_keeps_its_name() -> None:
    text = """
archspec: 1
name: named
input: {channels: 3, height: 8, width: 8}
params: {INITIALIZER: 4}
defaults: {conv: {init: {normal: 0.02}}, dense: {init: {normal: 0.02}}}
blocks:
  KERNEL_INITIALIZER:
    params: {CONV_KERNEL_INITIALIZER: 4}
    layers: [conv: {filters: CONV_KERNEL_INITIALIZER, kernel: 3}]
  KERNEL_INITIALIZER_2: {layers: [conv: {filters: 4, kernel: 1}]}
layers:
  - conv: {name: CONV_KERNEL_INITIALIZER_2, filters: INITIALIZER, kernel: 3}
  - KERNEL_INITIALIZER: {}
  - KERNEL_INITIALIZER_2: {}
  - flatten
  - dense: {name: DENSE_KERNEL_INITIALIZER, units: 4}
  - dense: {units: 4}
  - dense: {units: 4}
"""
    graph = archspec.compile(load_text(text))
    found = str(archspec.generate(graph, "keras"))
    assert "\nKERNEL_INITIALIZER_3 = {" in found
    assert found.count(" = {") == 1
    model = archspec.build(graph, backend="keras")
    kernels = [np.asarray(weight).ravel() for layer in model.layers for weight in layer.weights if weight.ndim > 1]
    assert len(kernels) == 6
    assert abs(float(np.std(np.concatenate(kernels))) - 0.02) < 0.002
