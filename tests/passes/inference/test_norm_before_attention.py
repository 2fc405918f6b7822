"""The scale and the shift of a norm go into the maps of the attention after it, where that is exact."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.ir.ops.attention import Attention, InputMap
from archspec.passes.inference import channel_maps, inference_form
from tests.needed import needs
from tests.passes.inference.forms import apart, graph_of, ops

pytestmark = needs("onnx", "torch")

SELF = "layers: [to_tokens, layer_norm: {name: norm}, attention: {name: attend, heads: 2%s}]"
CROSS = """
layers:
  - to_tokens
  - attention: {name: attend, heads: 2%s, branches: [
      [layer_norm: {name: first}], [dense: {units: %d}, layer_norm: {name: second}]]}
"""


@pytest.mark.parametrize(
    ("more", "gone", "came"),
    [
        ("", {"norm.weight", "norm.bias"}, set[str]()),
        (", names: timm", {"norm.weight", "norm.bias"}, set[str]()),
        (", maps: apart", {"norm.weight", "norm.bias"}, set[str]()),
        (", key_size: 3, value_size: 5", {"norm.weight", "norm.bias"}, set[str]()),
        # Maps in one weight have all biases or none: that of the result is zeros.
        (", bias: false", {"norm.weight", "norm.bias"}, {"attend.in_proj_bias", "attend.out_proj.bias"}),
        (
            ", bias: false, maps: apart",
            {"norm.weight", "norm.bias"},
            {f"attend.{name}_proj.bias" for name in "qkv"},
        ),
        (
            ", bias: false, out_bias: true",
            {"norm.weight", "norm.bias"},
            {f"attend.{name}_proj.bias" for name in "qkv"},
        ),
    ],
)
def test_attention_of_tokens_to_each_other(more: str, gone: set[str], came: set[str]) -> None:
    graph = graph_of(SELF % more)
    form = inference_form(graph)
    assert ops(form) == ops(graph)
    assert graph.all_weights.keys() - form.all_weights.keys() == gone
    assert form.all_weights.keys() - graph.all_weights.keys() == came
    assert apart(graph, form) < 1e-12


@pytest.mark.parametrize("norm", ["scale: false", "shift: false"])
@pytest.mark.parametrize("bias", ["true", "false"])
def test_a_norm_with_one_of_the_two(norm: str, bias: str) -> None:
    text = f"layers: [to_tokens, layer_norm: {{{norm}}}, attention: {{name: attend, heads: 2, bias: {bias}}}]"
    graph = graph_of(text)
    form = inference_form(graph)
    assert not any(name.startswith("layer_norm") for name in form.all_weights)
    adds = norm == "scale: false" and bias == "false"  # without a shift there is nothing to add
    assert ("attend.in_proj_bias" in form.all_weights) == (bias == "true" or adds)
    assert apart(graph, form) < 1e-12


@pytest.mark.parametrize(("more", "units"), [("", 4), ("", 6), (", maps: joint", 4), (", maps: apart, bias: false", 6)])
def test_attention_to_other_tokens_takes_in_the_norms_of_both(more: str, units: int) -> None:
    graph = graph_of(CROSS % (more, units))
    form = inference_form(graph)
    assert Counter(node.op.affine for node in form.nodes.values() if node.op.name == "layer_norm") == {False: 2}  # type: ignore[attr-defined]
    assert apart(graph, form) < 1e-12


def test_a_norm_that_both_inputs_take_or_an_addition_stays() -> None:
    both = "layers: [to_tokens, layer_norm, tap: t, attention: {heads: 2, branches: [[], {from: t}]}]"
    added = "layers: [to_tokens, layer_norm, add: [[], [attention: {heads: 2}]]]"
    for text in (both, added):
        graph = graph_of(text)
        assert inference_form(graph) is graph


def test_attention_within_windows_takes_in_none() -> None:
    """Its last windows are filled up with zeros, which a shift would make other numbers."""
    graph = graph_of("layers: [layer_norm, window_attention: {heads: 2, window: 4}]")
    assert inference_form(graph) is graph


def test_attention_that_is_used_again_agrees_or_stays() -> None:
    once = "attention: {name: attend, heads: 2}"
    apart_norms = f"layers: [to_tokens, layer_norm: {{name: a}}, {once}, layer_norm: {{name: b}}, reuse: attend]"
    graph = graph_of(apart_norms)
    assert inference_form(graph) is graph
    unit = f"{{name: unit, layers: [layer_norm: {{name: a}}, {once}]}}"
    same = graph_of(f"layers: [to_tokens, {unit}, reuse: unit]")
    form = inference_form(same)
    assert not any(".a." in name for name in form.all_weights)
    assert apart(same, form) < 1e-12


def test_transformers_that_norm_first_lose_these_weights() -> None:
    form = inference_form(archspec.compile("vit_timm"))
    norms = [path for path, node in form.nodes.items() if node.op.name == "layer_norm"]
    assert len(norms) == 25
    # One token of what the last one gives is taken before the classifier.
    assert [path for path in norms if form.weights(form.nodes[path])] == [norms[-1]]


@pytest.mark.parametrize("fault", ["shift", "rows", "columns", "wrong input"])
def test_a_planted_fault_shows(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_of(CROSS % (", maps: joint", 4))
    if fault in ("rows", "wrong input"):
        right = Attention.input_maps

        def wrong(self: Attention, inputs: Any, operand: int) -> tuple[InputMap, ...]:
            if fault == "wrong input":
                return right(self, inputs, 1 - operand)
            [one] = right(self, inputs, operand)
            return (one._replace(rows=slice(one.rows.start, one.rows.stop - 1)),)

        monkeypatch.setattr(Attention, "input_maps", wrong)
    else:
        apply = channel_maps.FoldIntoAttention.apply

        def faulty(self: channel_maps.FoldIntoAttention, weights: dict[str, Any]) -> None:
            if fault == "shift":
                unshifted = {**weights, f"{self.norm}.bias": np.zeros_like(weights[f"{self.norm}.bias"])}
                apply(self, unshifted)
                weights.clear()
                weights.update(unshifted)
                return
            weights[f"{self.norm}.weight"] = weights[f"{self.norm}.weight"][::-1]
            apply(self, weights)

        monkeypatch.setattr(channel_maps.FoldIntoAttention, "apply", faulty)
    assert apart(graph, inference_form(graph)) > 1e-6


def test_biases_that_are_there_keep_their_initializer() -> None:
    op = Attention(2, bias=True)
    assert op.with_bias(1) is op
    assert replace(op, bias=False).with_bias(1) == replace(op, bias_init=op.with_bias(1).bias_init)
