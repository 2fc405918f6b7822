"""Networks along one and three spatial axes: PyTorch, Keras and ONNX agree, in gradients and a training run, too."""

from __future__ import annotations

from typing import Any, Final

import pytest

import archspec
from archspec.codegen.backend import BuildsModels
from archspec.codegen.registry import backend
from archspec.parity import compare, random_inputs, random_weights
from archspec.spec import load_text
from tests.needed import lazily, needs
from tests.parity.probe import KERAS, TORCH, pool

torch: Any = lazily("torch")
pytestmark = [needs("torch", "keras"), pytest.mark.parity]

_BODY: Final = """
blocks:
  unit:
    unit: [width, stride]
    layers:
      - add:
          - - conv: {filters: width, kernel: 3, stride: stride, padding: same, bias: false}
            - batch_norm
            - relu
            - conv: {filters: width, kernel: 3, padding: 1, bias: false}
            - batch_norm
          - when: channels != width or stride != 1
            layers:
              - conv: {filters: width, kernel: 1, stride: stride, bias: false}
              - batch_norm
      - relu
"""
_LAYERS: Final = """
stem:
  - conv: {filters: 6, kernel: 5, stride: 2, padding: 2}
  - group_norm: {groups: 2}
  - prelu
  - max_pool: {kernel: 3, stride: 2, padding: 1}
stages:
  - {name: body, block: unit, units: "[(6, 1), (8, 2)]"}
head:
  - conv_transpose: {filters: 6, kernel: 4, stride: 2, padding: 1}
  - layer_norm
  - multiply: [[], [global_avg_pool, {conv: {filters: channels, kernel: 1}}, sigmoid]]
  - avg_pool: {kernel: 2, padding: same}
  - flatten
  - dense: {units: 5}
"""
INPUTS: Final = {1: "{channels: 2, length: 61}", 3: "{channels: 2, depth: 9, height: 17, width: 13}"}


def network(axes: int) -> archspec.LayerGraph:
    """A small residual network with a gate, along so many spatial axes."""
    head = f"archspec: 1\nname: axes_{axes}\ninput: {INPUTS[axes]}\n"
    return archspec.compile(load_text(head + _BODY + _LAYERS))


@pytest.mark.parametrize("axes", [1, 3])
def test_frameworks_agree(axes: int) -> None:
    report = compare(network(axes), (TORCH, KERAS), steps=2, batch=3, pool=pool())
    report.require()
    judged = {(row.dtype, row.check) for row in report.rows if row.tolerance is not None}
    assert {("float64", check) for check in ("inference", "training", "gradients", "run")} <= judged
    assert report.blamed == ()


@pytest.mark.parametrize("axes", [1, 3])
def test_multiply_adds_parameters_and_sizes_are_pytorch_s(axes: int) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    graph = network(axes)
    model = backend("torch", BuildsModels).build(
        archspec.generate(graph, "torch"), graph, weights=random_weights(graph)
    )
    model.eval()
    inputs = [torch.from_numpy(array).float() for array in random_inputs(graph, batch=1).values()]
    with FlopCounterMode(display=False) as counter:
        model(*inputs)
    assert counter.get_total_flops() == 2 * graph.macs
    assert sum(weight.numel() for weight in model.parameters()) == graph.parameters


@pytest.mark.parametrize("axes", [1, 3])
def test_layers_are_those_of_the_number_of_axes(axes: int) -> None:
    torch_source, keras_source = (archspec.generate(network(axes), name) for name in ("torch", "keras"))
    for name in ("nn.Conv{}d(", "SameConv{}d(", "nn.BatchNorm{}d(", "nn.MaxPool{}d(", "nn.ConvTranspose{}d("):
        assert name.format(axes) in torch_source
    for name in ("layers.Conv{}D,", "layers.Conv{}DTranspose,"):
        assert name.format(axes) in keras_source
    for other in {1, 2, 3} - {axes}:
        assert f"{other}d(" not in torch_source.replace("BatchNorm1d(", "")
        assert f"{other}D(" not in keras_source
