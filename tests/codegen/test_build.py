"""From scopes to definitions: what may be an expression, and that nothing takes time out of proportion."""

from __future__ import annotations

import pytest

import archspec
from archspec.codegen.simplify import simplified
from archspec.codegen.symbolic import LARGEST, is_large
from archspec.codegen.walk import all_layers
from archspec.errors import InternalError
from archspec.expr import Binary, Expr, Name
from archspec.spec import load_text
from tests.pace import within_seconds

HEAD = "archspec: 1\nname: net\ninput: {channels: 3, height: 8, width: 8}\n"


def graph_of(text: str) -> archspec.LayerGraph:
    return archspec.compile(load_text(HEAD + text))


def test_a_value_that_is_an_expression_cannot_be_read() -> None:
    graph = graph_of(
        "blocks: {u: {params: {k: {}}, layers: [conv: {filters: 4, kernel: k}]}}\n"
        "layers: [u: {name: a, k: 1}, u: {name: b, k: 3}]\n"
    )
    [layer] = all_layers(simplified(graph).definitions[0].tree)
    assert layer.value("filters") == 4
    with pytest.raises(InternalError, match="kernel"):
        layer.value("kernel")


def test_a_param_behind_a_word_is_fixed() -> None:
    graph = graph_of(
        "params: {v: {default: biased, choices: [biased, unbiased]}, w: 4}\n"
        "layers: [batch_norm: {variance: v}, conv: {filters: w, kernel: 1}]\n"
    )
    assert [parameter.name for parameter in simplified(graph).network.parameters] == ["w"]


@pytest.mark.timing
def test_blocks_nested_deeply_take_no_time() -> None:
    chain = "".join(f"  b{i}: {{layers: [{{b{i + 1}: {{name: q}}}}]}}\n" for i in range(60))
    graph = graph_of(f"blocks:\n{chain}  b60: {{layers: [relu]}}\nlayers: [b0]\n")
    with within_seconds(1):
        archspec.generate(graph, "keras")


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_channels_that_grow_upon_themselves_become_numbers(backend: str) -> None:
    layer = "conv: {filters: channels + channels // 8, kernel: 1}"
    for layers in (f"{layer}, " * 18, f"repeat: {{name: r, times: 15, layers: [{layer}]}}, "):
        graph = graph_of(f"params: {{w: 8}}\nlayers: [conv: {{filters: w, kernel: 1}}, {layers}relu]\n")
        source = archspec.generate(graph, backend)
        assert len(source) < 10_000
        assert "w: int" not in source


def test_counting_the_parts_of_an_expression_stops_early() -> None:
    expr: Expr = Name("w")
    for _ in range(200):  # 2 ** 200 parts, all shared
        expr = Binary("+", expr, expr)
    assert is_large(expr)
    assert not is_large(Name("w"))
    assert LARGEST == 40


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_tap_that_nobody_takes_names_nothing(backend: str) -> None:
    added = "add: {branches: [[], {from: taken}]}"
    layers = f"layers: [conv: {{filters: 4, kernel: 1}}, tap: idle, relu, tap: taken, relu, {added}, relu]\n"
    source = archspec.generate(graph_of(layers), backend)
    assert "idle" not in source
    assert "taken = " in source
