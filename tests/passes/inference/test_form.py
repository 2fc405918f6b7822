"""The form for inference computes what the network does after training, with fewer layers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.ir.evaluation import evaluated
from archspec.passes.inference import channel_maps, inference_form
from archspec.passes.inference import form as form_module
from archspec.spec import load_text
from tests.needed import needs
from tests.passes.inference.forms import HEAD, apart, graph_of, ops

pytestmark = needs("onnx", "torch")


@pytest.mark.parametrize(
    ("layers", "left"),
    [
        ("[conv: {filters: 6, kernel: 3, bias: false}, batch_norm, relu]", ["conv", "relu"]),
        ("[conv: {filters: 6, kernel: 3, groups: 2, padding: 1}, batch_norm: {affine: false}]", ["conv"]),
        ("[conv_transpose: {filters: 6, kernel: 3, groups: 2, bias: false}, batch_norm]", ["conv_transpose"]),
        ("[flatten, dense: {units: 5}, batch_norm: {eps: 1e-3}, relu]", ["flatten", "dense", "relu"]),
        ("[flatten, batch_norm, dense: {units: 5, bias: false}]", ["flatten", "dense"]),
        ("[batch_norm, conv: {filters: 6, kernel: 3, groups: 2}]", ["conv"]),
        ("[batch_norm, conv: {filters: 6, kernel: 3, padding: 1}]", ["batch_norm", "conv"]),
        ("[scale: {value: 3}, conv: {filters: 6, kernel: 3, padding: 1}]", ["conv"]),
        ("[scale: {value: 3, shift: 1}, conv: {filters: 6, kernel: 3, padding: 1}]", ["scale", "conv"]),
        ("[conv: {filters: 6, kernel: 1}, scale: {learned: channel}, scale: {learned: all}]", ["conv"]),
        ("[conv: {filters: 6, kernel: 1}, batch_norm, scale: {value: 2, shift: 1}, dropout]", ["conv"]),
        ("[conv: {filters: 6, kernel: 1}, relu, batch_norm]", ["conv", "relu", "batch_norm"]),
        ("[pad: {padding: [0, 1, 2, 0]}, conv: {filters: 6, kernel: 3, padding: 1}]", ["conv"]),
        ("[pad: {padding: 1, value: 1}, conv: {filters: 6, kernel: 3}]", ["pad", "conv"]),
        ("[pad: {padding: 1, mode: reflect}, conv: {filters: 6, kernel: 3}]", ["pad", "conv"]),
        ("[pad: {padding: 1}, conv: {filters: 6, kernel: 3, stride: 2, padding: same}]", ["pad", "conv"]),
        ("[standardized_conv: {filters: 6, kernel: 3, groups: 2, eps: 1e-2}, relu]", ["conv", "relu"]),
        ("[conv: {filters: 6, kernel: 3}, scale: {learned: all, bare: true}, shift: {learned: all}]", ["conv"]),
        (
            "[shift, conv: {filters: 6, kernel: 3}, relu, shift, conv: {filters: 4, kernel: 1}]",
            ["conv", "relu", "conv"],
        ),
        ("[shift: {bare: true}, conv: {filters: 6, kernel: 3, padding: 1}]", ["shift", "conv"]),
        ("[standardized_conv: {filters: 6, kernel: 3, padding: same, stride: 2, bias: false}, batch_norm]", ["conv"]),
        ("[pad: {padding: 1}, standardized_conv: {filters: 6, kernel: 3, padding: 1}]", ["conv"]),
        ("[scaled_standardized_conv: {filters: 6, kernel: 3, groups: 2, gamma: 1.75}, batch_norm]", ["conv"]),
        ("[scaled_standardized_conv: {name: a, filters: 4, kernel: 1}, relu, reuse: a]", ["conv", "relu", "conv"]),
        ("[standardized_conv: {name: a, filters: 4, kernel: 1}, relu, reuse: a]", ["conv", "relu", "conv"]),
        ("[pad: {padding: 1}, pad: {padding: [1, 0]}, max_pool: {kernel: 3}]", ["pad", "max_pool"]),
        ("[pad: {padding: 1}, pad: {padding: [1, 0]}, conv: {filters: 6, kernel: 3}]", ["conv"]),
        ("[avg_pool: {kernel: 1}, upsample: {factor: 1}, relu, relu]", ["relu"]),
        ("[crop: {cropping: [1, 0]}, crop: {cropping: [0, 1]}, avg_pool: {kernel: 2}]", ["crop", "avg_pool"]),
        ("[upsample: {factor: 2}, upsample: {factor: [1, 3]}]", ["upsample"]),
        ("[scale: {value: 2, shift: 1}, scale: {value: -3, shift: 0.5}, relu]", ["scale", "relu"]),
        ("[add: [[], [conv: {filters: 4, kernel: 1}, drop_path: {rate: 0.5}]]]", ["conv"]),
        ("[add: [[], [conv: {filters: 4, kernel: 1}, relu]]]", ["conv", "relu", "add"]),
        ("[to_tokens, layer_norm, dense: {units: 5, bias: false}]", ["to_tokens", "layer_norm", "dense"]),
        ("[layer_norm: {shift: false}, conv: {filters: 6, kernel: 3, padding: 1}]", ["layer_norm", "conv"]),
        ("[group_norm: {groups: 2}, conv: {filters: 6, kernel: 3, groups: 2}]", ["group_norm", "conv"]),
        ("[instance_norm, dense: {units: 3, axis: channels}]", ["instance_norm", "dense"]),
        ("[batch_norm, flatten, dense: {units: 5}]", ["flatten", "dense"]),
        ("[batch_norm, to_tokens, dense: {units: 5}]", ["to_tokens", "dense"]),
        ("[conv: {filters: 6, kernel: 3}, flatten, batch_norm]", ["conv", "flatten", "batch_norm"]),
        ("[flatten, dense: {units: 24}, reshape: {shape: [4, 3, 2]}, batch_norm]", ["flatten", "dense", "reshape"]),
        (
            "[reshape: {shape: [6, 6, 8]}, batch_norm, reshape: {shape: [12, 3, 8]}, conv: {filters: 4, kernel: 3}]",
            ["reshape", "conv"],
        ),
        (
            "[reshape: {shape: [6, 6, 8]}, batch_norm, reshape: {shape: [3, 12, 8]}, conv: {filters: 4, kernel: 3}]",
            ["reshape", "batch_norm", "reshape", "conv"],
        ),
    ],
)
def test_what_is_left(layers: str, left: list[str]) -> None:
    graph = graph_of(f"layers: {layers}")
    form = inference_form(graph)
    assert ops(form) == Counter(left)
    assert apart(graph, form) < 1e-12
    assert form.training_form is (graph if form is not graph else None)


def test_a_tensor_that_others_take_stays() -> None:
    graph = graph_of(
        """
layers:
  - conv: {name: first, filters: 4, kernel: 1}
  - tap: raw
  - batch_norm
  - add: [[], [from: raw]]
"""
    )
    assert inference_form(graph) is graph


def test_an_output_stays() -> None:
    graph = archspec.compile(
        load_text(HEAD + "layers: [conv: {name: first, filters: 4, kernel: 1}, batch_norm: {name: norm}]"),
        taps=["first", "norm"],
    )
    assert inference_form(graph) is graph


def test_a_block_is_folded_where_it_can_be_and_printed_for_each_kind_of_its_instances() -> None:
    text = """
blocks:
  norm_relu: {layers: [batch_norm, relu]}
layers:
  - conv: {filters: 4, kernel: 1}
  - norm_relu
  - norm_relu
"""
    graph = graph_of(text)
    form = inference_form(graph)
    assert ops(form) == Counter(["conv", "relu", "batch_norm", "relu"])
    assert apart(graph, form) < 1e-12
    assert archspec.generate(form, "torch").count("class NormRelu") == 2


def test_a_numbered_sequence_counts_anew() -> None:
    graph = graph_of(
        "layers: [{name: features, layers: [conv: {filters: 4, kernel: 1, bias: false}, batch_norm, relu, "
        "conv: {filters: 2, kernel: 1}]}]"
    )
    form = inference_form(graph)
    assert [*form.all_weights] == [
        "features.0.weight",
        "features.0.bias",
        "features.2.weight",
        "features.2.bias",
    ]
    assert apart(graph, form) < 1e-12


NETWORKS = sorted([*Path("specs").glob("*.yaml"), *Path("specs/examples").glob("*.yaml")])


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_shipped_networks_lose_what_training_alone_needs(path: Path) -> None:
    graph = archspec.compile(path)
    form = inference_form(graph)
    assert not any(node.op.kind == "regularizer" for node in form.nodes.values())
    assert form is graph or (len(form.nodes), len(form.all_weights)) < (len(graph.nodes), len(graph.all_weights))
    wanted = evaluated(graph)
    assert [form.types[name] for name in form.outputs.values()] == [
        wanted.types[name] for name in wanted.outputs.values()
    ]
    weights = {name: np.zeros(weight.shape) for name, weight in graph.all_weights.items()}
    fitted = form.weights_of_form(weights)
    assert {name: array.shape for name, array in fitted.items()} == {
        name: weight.shape for name, weight in form.all_weights.items()
    }


@pytest.mark.parametrize("fault", ["eps", "mean", "factor of the bias", "groups", "zeros around"])
def test_a_planted_fault_shows(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = "[conv: {filters: 6, kernel: 3, groups: 2}, batch_norm: {eps: 1e-2}]"
    if fault == "zeros around":
        from archspec.passes.inference import fold_channel_maps

        layers = "[batch_norm, conv: {filters: 6, kernel: 3, padding: 1}]"
        monkeypatch.setattr(fold_channel_maps, "_sees_no_zeros", lambda product, map: True)
    elif fault == "groups":
        layers = "[conv_transpose: {filters: 6, kernel: 3, groups: 2}, batch_norm]"
        right = channel_maps.FoldIntoPrevious.apply

        def as_one_group(self: channel_maps.FoldIntoPrevious, weights: dict[str, Any]) -> None:
            before = np.asarray(weights[f"{self.product}.weight"])
            factor = weights[f"{self.map}.weight"] / np.sqrt(weights[f"{self.map}.running_var"] + self.map_op.eps)  # type: ignore[union-attr]
            right(self, weights)
            weights[f"{self.product}.weight"] = before * factor[: before.shape[1]].reshape(1, -1, 1, 1)

        monkeypatch.setattr(channel_maps.FoldIntoPrevious, "apply", as_one_group)
    else:
        numbers = channel_maps.channel_numbers

        def wrong(path: str, op: Any, weights: dict[str, Any]) -> Any:
            mean = np.asarray(weights[f"{path}.running_mean"], np.float64)
            var = np.asarray(weights[f"{path}.running_var"], np.float64)
            factor, offset = numbers(path, op, weights)
            if fault == "eps":
                return factor * np.sqrt((var + op.eps) / (var + 1e-5)), offset
            if fault == "mean":
                return factor, offset + mean * factor
            return factor, offset / factor

        monkeypatch.setattr(channel_maps, "channel_numbers", wrong)
    graph = graph_of(f"layers: {layers}")
    assert apart(graph, inference_form(graph)) > 1e-6


def test_a_norm_whose_scale_and_shift_are_taken_in_has_no_weights() -> None:
    graph = graph_of("layers: [to_tokens, layer_norm: {name: norm}, dense: {name: fc, units: 5, bias: false}]")
    assert [*inference_form(graph).all_weights] == ["fc.weight", "fc.bias"]
    padded = graph_of("layers: [layer_norm: {name: norm}, conv: {filters: 6, kernel: 3, padding: 1}]")
    assert inference_form(padded) is padded  # a shift would not be that of the zeros around
    layers = "[to_tokens, layer_norm: {name: norm}, tap: t, dense: {units: 4}, relu, add: [[], [from: t]]]"
    taken = graph_of(f"layers: {layers}")
    assert inference_form(taken) is taken


def test_passes_hold_what_they_ensure() -> None:
    names = [step.name for step in form_module.INFERENCE_PASSES]
    assert len(names) == len(set(names))
    assert all(step.ensures for step in form_module.INFERENCE_PASSES)
