"""Weights that are used again are folded where all their uses agree."""

from __future__ import annotations

from collections import Counter

import pytest

import archspec
from archspec.codegen.backend import BuildsModels
from archspec.codegen.registry import backend
from archspec.passes.inference import inference_form
from archspec.spec import load_text
from tests.needed import needs
from tests.passes.inference.forms import apart, graph_of, ops

pytestmark = needs("onnx", "torch")


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
