"""The form for inference computes what the network does after training, with fewer layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, note, seed, settings

import archspec
from archspec.codegen.backend import BuildsModels
from archspec.codegen.registry import backend
from archspec.errors import ArchspecError
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec.parity import random_inputs, random_weights
from archspec.passes.inference import channel_maps, inference_form, merge_parallel_products, views
from archspec.passes.inference import form as form_module
from archspec.spec import load_text
from tests.fuzz.agreement import TooLargeError, compiled, reference, text_of
from tests.fuzz.specs.networks import specs
from tests.fuzz.specs.typed import typed_specs
from tests.fuzz.test_specs import SETTINGS, alike
from tests.needed import needs

pytestmark = needs("onnx", "torch")

Arrays = Mapping[str, "np.ndarray[Any, Any]"]

HEAD = "archspec: 1\nname: net\ninput: {channels: 4, height: 9, width: 8}\n"


def graph_of(text: str) -> LayerGraph:
    return archspec.compile(load_text(HEAD + text))


def ops(graph: LayerGraph) -> Counter[str]:
    return Counter(node.op.name for node in graph.nodes.values() if node.op.name != "input")


def apart(graph: LayerGraph, form: LayerGraph) -> float:
    """How far the outputs of the two forms are apart, as a share of the largest number, in float64."""
    weights, inputs = random_weights(graph, 0), random_inputs(graph, batch=2, seed=1)
    wanted = reference(graph, weights, inputs, training=False).outputs
    found = reference(form, form.weights_of_form(weights), inputs, training=False).outputs
    assert wanted.keys() == found.keys()
    return max(
        float(np.abs(array - found[name]).max() / max(np.abs(array).max(), 1e-3)) for name, array in wanted.items()
    )


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
        ("[pad: {padding: 1}, pad: {padding: [1, 0]}, max_pool: {kernel: 3}]", ["pad", "max_pool"]),
        ("[pad: {padding: 1}, pad: {padding: [1, 0]}, conv: {filters: 6, kernel: 3}]", ["conv"]),
        ("[avg_pool: {kernel: 1}, upsample: {factor: 1}, relu, relu]", ["relu"]),
        ("[crop: {cropping: [1, 0]}, crop: {cropping: [0, 1]}, avg_pool: {kernel: 2}]", ["crop", "avg_pool"]),
        ("[upsample: {factor: 2}, upsample: {factor: [1, 3]}]", ["upsample"]),
        ("[scale: {value: 2, shift: 1}, scale: {value: -3, shift: 0.5}, relu]", ["scale", "relu"]),
        ("[add: [[], [conv: {filters: 4, kernel: 1}, drop_path: {rate: 0.5}]]]", ["conv"]),
        ("[add: [[], [conv: {filters: 4, kernel: 1}, relu]]]", ["conv", "relu", "add"]),
        (
            "[add: [[batch_norm], [conv: {filters: 4, kernel: 3, padding: 1}, batch_norm], "
            "[conv: {filters: 4, kernel: 1, bias: false}, batch_norm]], relu]",
            ["conv", "relu"],
        ),
        (
            "[add: [[conv: {filters: 6, kernel: [1, 3], padding: [0, 1]}], "
            "[conv: {filters: 6, kernel: 3, padding: 1, groups: 2}], [conv: {filters: 6, kernel: 5, padding: 2}], "
            "[conv: {filters: 6, kernel: 3, padding: 2, dilation: 2}]]]",
            ["conv"],
        ),
        (
            "[add: [[scale: {learned: channel}], [conv: {filters: 4, kernel: 3, padding: 1, groups: 4}], "
            "[conv: {filters: 4, kernel: 1, groups: 4}]]]",
            ["conv"],
        ),
        (
            "[add: [[conv: {filters: 4, kernel: 3, padding: 1, stride: 2}], "
            "[conv: {filters: 4, kernel: 1, stride: 2}]]]",
            ["conv"],
        ),
        (
            "[add: [[conv: {filters: 4, kernel: 3, padding: same}], [conv: {filters: 4, kernel: 2, padding: same}]]]",
            ["conv"],
        ),
        (
            "[add: [[conv: {filters: 4, kernel: 3, padding: same, stride: 2}], "
            "[conv: {filters: 4, kernel: 1, stride: 2}]]]",
            ["conv", "conv", "add"],
        ),
        (
            "[add: [[conv: {filters: 4, kernel: 3, padding: 1, groups: 4}], [conv: {filters: 4, kernel: 1}]]]",
            ["conv", "conv", "add"],
        ),
        (
            "[add: [[conv: {filters: 6, kernel: [1, 3], padding: [0, 1]}], "
            "[conv: {filters: 6, kernel: [3, 1], padding: [1, 0]}]]]",
            ["conv", "conv", "add"],
        ),
        (
            "[add: [[conv: {filters: 4, kernel: 3, padding: 2, dilation: 2}], "
            "[conv: {filters: 4, kernel: 3, padding: 1}]]]",
            ["conv", "conv", "add"],
        ),
        (
            "[flatten, dense: {units: 9}, relu, "
            "add: [[dense: {units: 9}], [], [batch_norm], [dense: {units: 9, bias: false}]]]",
            ["flatten", "dense", "relu", "dense"],
        ),
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


def test_weights_that_are_used_twice_stay_where_one_use_has_no_norm() -> None:
    graph = graph_of(
        """
layers:
  - conv: {name: first, filters: 4, kernel: 3, padding: 1}
  - batch_norm
  - reuse: first
  - relu
"""
    )
    form = inference_form(graph)
    assert ops(form) == ops(graph)


@pytest.mark.parametrize(
    ("tower", "left"),
    [
        ("conv: {filters: 4, kernel: 3, padding: 1, bias: false}, batch_norm, relu", ["conv", "relu"]),
        ("batch_norm, conv: {filters: 4, kernel: 1}, relu", ["conv", "relu"]),
        ("conv: {filters: 4, kernel: 1, groups: 2}, scale: {value: 2, shift: 1}", ["conv"]),
        ("relu, {name: inner, layers: [conv: {filters: 4, kernel: 1, bias: false}, batch_norm]}", ["relu", "conv"]),
    ],
)
def test_weights_that_are_used_twice_are_folded_where_all_uses_agree(tower: str, left: list[str]) -> None:
    graph = graph_of(
        f"""
layers:
  - {{name: tower, layers: [{tower}]}}
  - max_pool: {{kernel: 2}}
  - {{reuse: {{item: tower, name: again}}}}
  - max_pool: {{kernel: 2}}
  - {{reuse: {{item: tower, name: third}}}}
"""
    )
    form = inference_form(graph)
    assert ops(form) == Counter({op: 3 * count for op, count in Counter(left).items()}) + Counter(max_pool=2)
    assert apart(graph, form) < 1e-12
    assert len(form.all_weights) == 2
    assert inference_form(form) is form
    source = archspec.generate(form, "torch")
    backend("torch", BuildsModels).verify(source, form)
    assert source.count("Conv2d(") == 1


@pytest.mark.parametrize(
    "layers",
    [
        "[pad: {padding: 1}, conv: {name: first, filters: 4, kernel: 3}, relu, reuse: first]",
        "[pad: {padding: 1}, {name: t, layers: [conv: {filters: 4, kernel: 3}]}, relu, pad: {padding: 2}, reuse: t]",
        "[{name: t, layers: [conv: {filters: 4, kernel: 1}, relu]}, relu, reuse: t, max_pool: {kernel: 2}]",
        "[{name: t, layers: [relu, conv: {filters: 4, kernel: 1}]}, relu, reuse: t, max_pool: {kernel: 2}, reuse: t]",
        "[{name: t, layers: [{name: u, layers: [conv: {filters: 4, kernel: 1}, relu]}, relu]}, reuse: t, relu]",
    ],
)
def test_what_is_used_again_stays_one_layer_in_source(layers: str) -> None:
    graph = graph_of(f"layers: {layers}")
    form = inference_form(graph)
    assert apart(graph, form) < 1e-12
    backend("torch", BuildsModels).verify(archspec.generate(form, "torch"), form)


def test_weights_may_have_the_name_of_a_layer_that_is_not_needed() -> None:
    text = """
archspec: 1
name: net
input: {channels: 4, height: 1, width: 1}
layers:
  - relu
  - relu
  - tap: before
  - conv: {name: unneeded, filters: 4, kernel: 1}
  - {from: before, layers: [reuse: unneeded]}
"""
    form = archspec.compile(load_text(text), form="inference")
    assert [*form.nodes] == ["input", "relu_2", "unneeded_2"]
    assert [*form.all_weights] == ["unneeded.weight", "unneeded.bias"]


def test_a_norm_of_its_own_for_each_use_stays() -> None:
    graph = graph_of(
        """
layers:
  - conv: {name: first, filters: 4, kernel: 3, padding: 1}
  - batch_norm
  - reuse: first
  - batch_norm
"""
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


def agree(text: str) -> bool:
    """The two forms of a spec agree; false if it is refused, or has nothing to fold."""
    try:
        graph = compiled(text)
        form = inference_form(graph)
        assert inference_form(form) is form
        backend("torch", BuildsModels).verify(archspec.generate(form, "torch"), form)
        assert apart(graph, form) < 1e-9
    except (TooLargeError, ArchspecError):
        return False
    return form is not graph


@pytest.mark.parametrize("strategy", [specs, typed_specs])
def test_random_networks_compute_the_same(strategy: Callable[[], Any]) -> None:
    outcomes: dict[str, bool] = {}

    @seed(0)
    @settings(SETTINGS, max_examples=60)
    @given(strategy())
    def drawn(spec: dict[str, Any]) -> None:
        text = text_of(spec)
        if not outcomes.get(text):
            note(f"A spec whose forms do not agree:\n\n{text}")
            outcomes[text] = agree(text)

    with alike():
        drawn()
    assert sum(outcomes.values()) >= len(outcomes) / 20


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


def test_branches_that_are_blocks_leave_nothing_in_source() -> None:
    text = """
blocks:
  conv_bn:
    params: {kernel: {}}
    layers: [conv: {filters: channels, kernel: kernel, padding: kernel // 2, bias: false}, batch_norm]
layers:
  - repeat:
      times: 3
      layers:
        - add:
            - batch_norm: {name: itself}
            - conv_bn: {name: wide, kernel: 3}
            - conv_bn: {name: narrow, kernel: 1}
        - relu
"""
    graph = graph_of(text)
    form = inference_form(graph)
    assert ops(form) == Counter({"conv": 3, "relu": 3})
    assert apart(graph, form) < 1e-12
    source = archspec.generate(form, "torch")
    assert isinstance(source, str)
    assert "narrow" not in source
    backend("torch", BuildsModels).verify(source, form)


def test_a_sum_of_what_is_used_again_stays() -> None:
    layers = """
layers:
  - conv: {name: first, filters: 4, kernel: 3, padding: 1}
  - add: [[reuse: first], [conv: {filters: 4, kernel: 1}]]
"""
    graph = graph_of(layers)
    assert inference_form(graph) is graph


@pytest.mark.parametrize("fault", ["position", "groups", "identity", "channels behind a reshape"])
def test_a_planted_fault_in_merging_shows(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    conv = "conv: {filters: 4, kernel: 3, padding: 1, groups: 2}"
    layers = f"[add: [[], [{conv}], [conv: {{filters: 4, kernel: 1, groups: 4}}]]]"
    added = merge_parallel_products._added

    def wrong(weight: Any, groups: int, branch: Any, weights: Any) -> Any:
        if fault == "position" and branch.op is not None:
            return added(weight, groups, replace(branch, position=(slice(0, 1), slice(0, 1))), weights)
        if fault == "groups" and branch.op is not None:
            return added(weight[:, :1], 4, branch, weights)  # each filter to the first channel of its group
        if fault == "identity" and branch.op is None:
            return 0.0
        return added(weight, groups, branch, weights)

    monkeypatch.setattr(merge_parallel_products, "_added", wrong)
    if fault == "channels behind a reshape":
        layers = "[flatten, dense: {units: 24}, reshape: {shape: [4, 3, 2]}, batch_norm]"
        monkeypatch.setattr(views.Passage, "channels_behind", lambda self, end: tuple(i % 4 for i in range(24)))
    graph = graph_of(f"layers: {layers}")
    assert apart(graph, inference_form(graph)) > 1e-6


def test_passes_hold_what_they_ensure() -> None:
    names = [step.name for step in form_module.INFERENCE_PASSES]
    assert len(names) == len(set(names))
    assert all(step.ensures for step in form_module.INFERENCE_PASSES)
