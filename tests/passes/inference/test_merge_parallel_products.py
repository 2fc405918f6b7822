"""One product does what several do whose results are added; what else is added stays."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import pytest

import archspec
from archspec.codegen.backend import BuildsModels
from archspec.codegen.registry import backend
from archspec.passes.inference import inference_form, merge_parallel_products, views
from tests.needed import needs
from tests.passes.inference.forms import apart, graph_of, ops

pytestmark = needs("onnx", "torch")


@pytest.mark.parametrize(
    ("layers", "left"),
    [
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
            "[subtract: [[conv: {filters: 4, kernel: 3, padding: 1}, batch_norm], [conv: {filters: 4, kernel: 1}]], "
            "batch_norm, conv: {filters: 3, kernel: 1}]",
            ["conv", "conv", "subtract", "conv"],
        ),
        (
            "[subtract: [[], [batch_norm]], divide: [[batch_norm], [sigmoid, conv: {filters: 4, kernel: 1}, "
            "scale: {learned: channel, bare: true, shape: channels}, batch_norm, softplus]]]",
            ["batch_norm", "subtract", "batch_norm", "sigmoid", "conv", "softplus", "divide"],
        ),
        (
            "[flatten, dense: {units: 9}, relu, "
            "add: [[dense: {units: 9}], [], [batch_norm], [dense: {units: 9, bias: false}]]]",
            ["flatten", "dense", "relu", "dense"],
        ),
    ],
)
def test_what_is_left_of_a_sum(layers: str, left: list[str]) -> None:
    graph = graph_of(f"layers: {layers}")
    form = inference_form(graph)
    assert ops(form) == Counter(left)
    assert apart(graph, form) < 1e-12


CONV, WIDE = "conv: {filters: 4, kernel: 1}", "conv: {filters: 4, kernel: 3, padding: 1}"
SPREAD = "conv: {filters: 4, kernel: 3, padding: 2, dilation: 2}"
ROW = "conv: {filters: 4, kernel: [1, 3], padding: [0, 1]}"
COLUMN = "conv: {filters: 4, kernel: [3, 1], padding: [1, 0]}"
GROUPED = "conv: {filters: 4, kernel: 1, groups: 2}"


@pytest.mark.parametrize(
    ("branches", "left", "added"),
    [
        (f"[[{WIDE}], [{CONV}], [relu]]", "conv relu add", 2),
        (f"[[relu], [], [{WIDE}, batch_norm], [batch_norm]]", "relu conv add", 2),
        (f"[[{CONV}], [{SPREAD}], [{WIDE}], [relu, {CONV}]]", "conv relu conv conv add", 3),
        (f"[[{ROW}], [{COLUMN}], []]", "conv conv add", 2),
        (f"[[{WIDE}], [{GROUPED}], [relu], [{COLUMN}, relu]]", "conv relu conv relu add", 3),
        (
            f"[[{WIDE}], [global_avg_pool, upsample: {{size: [9, 8]}}], [{CONV}]]",
            "conv global_avg_pool upsample add",
            2,
        ),
        (
            f"[{{name: a, layers: [{WIDE}]}}, {{name: b, layers: [relu]}}, {{name: c, layers: [batch_norm]}}]",
            "conv relu add",
            2,
        ),
    ],
)
def test_of_a_sum_some_branches_are_one(branches: str, left: str, added: int) -> None:
    graph = graph_of(f"layers: [add: {branches}]")
    form = inference_form(graph)
    assert ops(form) == Counter(left.split())
    assert [len(node.inputs) for node in form.nodes.values() if node.op.name == "add"] == [added]
    assert apart(graph, form) < 1e-12
    assert inference_form(form) is form
    for name in filter(find_spec, ("torch", "keras")):
        backend(name, BuildsModels).verify(archspec.generate(form, name), form)


def test_branches_that_others_take_as_well_are_added_as_before() -> None:
    layers = f"[{CONV}, tap: x, add: [[{WIDE}], [{CONV}, tap: y], [relu]], add: [[], [from: y]]]"
    graph = graph_of(f"layers: {layers}")
    assert inference_form(graph) is graph


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


@pytest.mark.parametrize("fault", ["kept", "place"])
def test_a_planted_fault_in_what_is_still_added_shows(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = merge_parallel_products._merged

    def wrong(inputs: Any, linear: Any) -> Any:
        found = right(inputs, linear)
        if found is None:
            return None
        others = tuple(found.branches)[:1] + found.others[1:] if fault == "place" else found.others[:1]
        return replace(found, others=others)

    monkeypatch.setattr(merge_parallel_products, "_merged", wrong)
    graph = graph_of(f"layers: [add: [[{WIDE}], [{CONV}], [relu]]]")
    assert apart(graph, inference_form(graph)) > 1e-6


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
