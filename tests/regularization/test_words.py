"""The graph's decays, and what other libraries call them: each error gives the conversion."""

from __future__ import annotations

import pytest

import archspec
from archspec.spec import load_text
from tests.regularization.specs import HEAD, compiled, graph_of


def test_the_graph_has_the_decay_of_every_weight() -> None:
    weights = compiled("tokens").all_weights
    assert {name: weight.decay for name, weight in weights.items() if weight.decay} == {
        "patches.weight": 0.125,
        "layer_norm.weight": 0.5,
        "first.in_proj_weight": 0.25,
        "first.out_proj.weight": 0.25,
        "second.in_proj_weight": 0.25,
        "second.in_proj_bias": 0.5,
        "second.out_proj.weight": 0.25,
        "second.out_proj.bias": 0.5,
        "bare.in_proj_weight": 0.25,
        "bare.out_proj.weight": 0.25,
        "dense.weight": 1.0,
        "dense.bias": 0.125,
    }


@pytest.mark.parametrize("op", ["conv", "conv_transpose", "dense", "batch_norm", "layer_norm", "group_norm"])
@pytest.mark.parametrize(
    ("word", "help"),
    [
        ("kernel_regularizer", "L2(1e-4) is `weight_decay: 2e-4`"),
        ("weights_regularizer", "1e-4 is `weight_decay: 1e-4`"),
        ("bias_regularizer", "L2(1e-4) is `bias_decay: 2e-4`"),
        ("biases_regularizer", "1e-4 is `bias_decay: 1e-4`"),
        ("gamma_regularizer", "L2(1e-4) is `weight_decay: 2e-4`"),
        ("beta_regularizer", "L2(1e-4) is `bias_decay: 2e-4`"),
        ("l2", "L2(1e-4) is `weight_decay: 2e-4`"),
    ],
)
def test_other_words_are_refused_with_the_conversion(op: str, word: str, help: str) -> None:
    with pytest.raises(archspec.SpecError) as caught:
        graph_of(f"layers: [{op}: {{{word}: 1e-4}}]\n")
    [found] = [found for found in caught.value.diagnostics if found.code == "E0412"]
    assert found.message == f"`{word}` is not a word of {op}"
    assert help in (found.help or "")


@pytest.mark.parametrize("op", ["prelu", "relu", "add"])
def test_an_op_without_a_decay_takes_no_such_word(op: str) -> None:
    with pytest.raises(archspec.SpecError) as caught:
        graph_of(f"layers: [{op}: {{kernel_regularizer: 1e-4}}]\n")
    assert "weight_decay" not in (caught.value.diagnostics[0].help or "")


def test_a_decay_of_the_whole_spec_is_given_by_op() -> None:
    with pytest.raises(archspec.SpecError) as caught:
        load_text(f"{HEAD}weight_decay: 1e-4\nlayers: [relu]\n")
    assert "defaults: {conv: {weight_decay: 1e-4}}" in (caught.value.diagnostics[0].help or "")


@pytest.mark.parametrize("value", ["-1e-4", ".inf", "true", "l2"])
def test_what_is_no_decay_is_refused(value: str) -> None:
    with pytest.raises(archspec.SpecError):
        graph_of(f"layers: [conv: {{filters: 4, kernel: 1, weight_decay: {value}}}]\n")
