"""A safetensors file of archspec's knows the network that it was written for."""

from __future__ import annotations

from pathlib import Path

import pytest

import archspec
from archspec.spec import load_text
from archspec.weights import read_weights, write
from archspec.weights.network_digest import network_digest

SPEC = """
archspec: 1
name: net
params: {size: 8, eps: 1e-5, drop: 0.1}
input: {channels: 3, height: size, width: size}
layers:
  - {conv: {name: conv1, filters: 4, kernel: 3}}
  - {batch_norm: {name: bn1, eps: eps}}
  - global_avg_pool
  - flatten
  - {dropout: {rate: drop}}
  - {dense: {name: fc, units: 5}}
"""


def graph(**given: object) -> archspec.LayerGraph:
    return archspec.compile(load_text(SPEC, overrides=given))


def test_a_network_that_computes_something_else_is_a_doubt_and_no_error(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    write(path, archspec.init_weights(graph()), graph())
    assert read_weights(path, graph())[1].doubts == ()
    assert read_weights(path, graph(size=32, drop=0.5))[1].doubts == ()
    found, report = read_weights(path, graph(eps=0.001))
    assert found.keys() == graph().all_weights.keys()
    assert report.doubts == ("w.safetensors was written for another network than net, or its spec has changed since",)
    tapped = archspec.compile(load_text(SPEC), taps=["conv1"])
    assert read_weights(path, tapped)[1].doubts == ()


def test_the_digest_is_the_same_in_each_process() -> None:
    assert network_digest(graph()) == network_digest(graph(size=16))
    assert network_digest(archspec.compile("resnet50")) != network_digest(archspec.compile("resnet50_v1"))


@pytest.mark.parametrize("rule", ["same", "same_lower"])
@pytest.mark.parametrize(
    "layer",
    [
        "conv: {name: odd, filters: 4, kernel: 3, stride: 2, padding: PAD}",
        "max_pool: {kernel: 3, stride: 2, padding: PAD}",
        "avg_pool: {kernel: 2, stride: 2, padding: PAD}",
        "conv_transpose: {name: odd, filters: 4, kernel: 3, stride: 2, padding: PAD}",
    ],
)
def test_a_rule_of_padding_is_the_same_at_every_size_and_no_other_is(layer: str, rule: str) -> None:
    def digest(size: int, padding: str) -> str:
        text = SPEC.replace("  - global_avg_pool", f"  - {{{layer.replace('PAD', padding)}}}\n  - global_avg_pool")
        return network_digest(archspec.compile(load_text(text, overrides={"size": size})))

    assert digest(16, rule) == digest(17, rule)
    assert digest(16, "same") != digest(16, "same_lower")
    assert digest(16, rule) != digest(16, "0")


def test_what_training_alone_has_makes_no_difference() -> None:
    other = SPEC.replace("kernel: 3}", "kernel: 3, init: {normal: 0.1}, weight_decay: 0.1}")
    assert network_digest(graph()) == network_digest(archspec.compile(load_text(other)))


@pytest.mark.parametrize("form", ["training", "inference"])
def test_the_form_for_inference_takes_them_without_a_doubt(form: str, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    write(path, archspec.init_weights(graph()), graph())
    assert read_weights(path, archspec.api.form_of(graph(), form))[1].doubts == ()  # type: ignore[arg-type]
