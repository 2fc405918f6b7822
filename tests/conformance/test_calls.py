"""Attributes that differ between two calls of one block: as expressions where source can hold them, else apart."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

import archspec
from archspec.codegen.backend import backend
from archspec.ir import OPS
from archspec.ir.attributes import InitKind
from archspec.spec import load_text
from tests.conformance.test_ops import conforms

# For each op and attribute: the layer, with `p` for the attribute, and its values in two calls or three.
CASES: Mapping[tuple[str, str], list[tuple[str, list[str]]]] = {
    ("conv", "filters"): [("conv: {filters: p, kernel: 1}", ["3", "5"])],
    ("conv", "kernel"): [
        ("conv: {filters: 4, kernel: p}", ["1", "3"]),
        ("conv: {filters: 4, kernel: p, padding: same}", ["3", "2"]),
        ("conv: {filters: 4, kernel: p, padding: same}", ["3", "2", "[1, 4]"]),
        ("conv: {filters: 4, kernel: p, padding: 1}", ["3", "1"]),
    ],
    ("conv", "stride"): [
        ("conv: {filters: 4, kernel: 3, stride: p, padding: same}", ["1", "2"]),
        ("conv: {filters: 4, kernel: 3, stride: p, padding: 1}", ["1", "2"]),
    ],
    ("conv", "padding"): [
        ("conv: {filters: 4, kernel: 3, padding: p}", ["0", "2"]),
        ("conv: {filters: 4, kernel: 3, padding: p}", ["same", "valid"]),
        ("conv: {filters: 4, kernel: 3, stride: 2, padding: p}", ["same", "valid", "0", "2"]),
        ("conv: {filters: 4, kernel: 3, padding: p}", ["[1, 2]", "[0, 1]"]),
        ("conv: {filters: 4, kernel: 3, padding: p}", ["[1, 2, 0, 1]", "1"]),
        ("conv: {filters: 4, kernel: 3, padding: [p, 0, 1, p]}", ["0", "1"]),
    ],
    ("conv", "dilation"): [("conv: {filters: 4, kernel: 3, dilation: p, padding: same}", ["1", "2"])],
    ("conv", "groups"): [("conv: {filters: 4, kernel: 1, groups: p}", ["1", "4"])],
    ("conv", "bias"): [("conv: {filters: 4, kernel: 1, bias: p, bias_init: zeros}", ["false", "true"])],
    ("dense", "units"): [("dense: {units: p}", ["3", "5"])],
    ("dense", "bias"): [("dense: {units: 4, bias: p, bias_init: zeros}", ["false", "true"])],
    ("batch_norm", "eps"): [("batch_norm: {eps: p}", ["0.1", "0.001"])],
    ("batch_norm", "decay"): [
        ("batch_norm: {decay: p}", ["0.5", "0.9"]),
        ("batch_norm: {decay: 1 - p}", ["0.5", "0.1"]),
        ("batch_norm: {decay: 0.5 if p > 1 else 0.9}", ["1", "2"]),
    ],
    ("batch_norm", "variance"): [("batch_norm: {variance: p}", ["biased", "unbiased"])],
    ("dropout", "rate"): [("dropout: {rate: p}", ["0.1", "0.5"])],
    ("max_pool", "kernel"): [
        ("max_pool: {kernel: p}", ["1", "2"]),
        ("max_pool: {kernel: p, stride: 1, padding: 1}", ["2", "3"]),
        ("max_pool: {kernel: p, stride: 1, padding: 2}", ["3", "4"]),
        ("max_pool: {kernel: p, stride: 1, padding: same}", ["2", "3"]),
    ],
    ("max_pool", "stride"): [("max_pool: {kernel: 2, stride: p, padding: [1, 0, 0, 1]}", ["1", "2"])],
    ("max_pool", "padding"): [
        ("max_pool: {kernel: 3, stride: 2, padding: p}", ["same", "valid"]),
        ("max_pool: {kernel: 3, stride: 2, padding: p}", ["2", "0"]),
        ("max_pool: {kernel: 3, stride: 2, padding: p}", ["2", "1", "same"]),
    ],
    ("avg_pool", "kernel"): [
        ("avg_pool: {kernel: p}", ["1", "2"]),
        ("avg_pool: {kernel: p, stride: 1, padding: 1}", ["2", "3"]),
        ("avg_pool: {kernel: p, stride: 1, padding: 2}", ["3", "4"]),
        ("avg_pool: {kernel: p, stride: 1, padding: same}", ["2", "3"]),
    ],
    ("avg_pool", "stride"): [("avg_pool: {kernel: 3, stride: p, padding: 1}", ["1", "2"])],
    ("avg_pool", "padding"): [
        ("avg_pool: {kernel: 3, stride: 2, padding: p}", ["same", "valid"]),
        ("avg_pool: {kernel: 3, stride: 2, padding: p}", ["1", "0", "2"]),
    ],
    ("avg_pool", "count_padding"): [
        ("avg_pool: {kernel: 3, stride: 2, padding: 1, count_padding: p}", ["true", "false"]),
        ("avg_pool: {kernel: 3, stride: 2, padding: same, count_padding: p}", ["true", "false"]),
    ],
    ("global_avg_pool", "keep_axes"): [("global_avg_pool: {keep_axes: p}", ["true", "false"])],
}
ALL = [(layer, values) for cases in CASES.values() for layer, values in cases]
RANKS = ["batch_norm", "batch_norm: {variance: biased}", "softmax", "flatten", "relu"]


def _graph(layer: str, values: list[str]) -> archspec.LayerGraph:
    before = "flatten, " if layer.startswith("dense") else ""
    choices = "" if all(value[0] in "[0123456789tf" for value in values) else f"choices: [{', '.join(values)}]"
    branches = ", ".join(
        f"[{before}{{unit: {{name: u{index}, p: {value}}}}}, flatten]" for index, value in enumerate(values)
    )
    return archspec.compile(
        load_text(
            "archspec: 1\nname: case\ninput: {channels: 4, height: 9, width: 8}\n"
            f"blocks:\n  unit:\n    params: {{p: {{{choices}}}}}\n    layers:\n      - {layer}\n"
            f"layers:\n  - concat: [{branches}]\n"
        )
    )


def test_every_attribute_has_its_cases() -> None:
    # An initializer cannot be given by an expression.
    wanted = {
        (op.name, name)
        for op in OPS.values()
        for name, info in op.attributes().items()
        if not isinstance(info.kind, InitKind)
    }
    assert set(CASES) == wanted


@pytest.mark.parametrize("name", ["torch", "keras"])
@pytest.mark.parametrize(("layer", "values"), ALL)
def test_calls_that_differ(name: str, layer: str, values: list[str]) -> None:
    for order in (values, values[::-1]):
        conforms(backend(name), _graph(layer, order))


@pytest.mark.parametrize("name", ["torch", "keras"])
@pytest.mark.parametrize("layer", RANKS)
def test_a_block_on_an_image_and_on_flat_data(name: str, layer: str) -> None:
    for first, second in (("", "flatten, "), ("flatten, ", "")):
        branches = ", ".join(
            f"[{before}{{unit: {{name: u{index}}}}}, flatten]" for index, before in enumerate((first, second))
        )
        text = (
            "archspec: 1\nname: case\ninput: {channels: 4, height: 5, width: 6}\n"
            f"blocks: {{unit: {{layers: [{{{layer}}}]}}}}\n"
            f"layers:\n  - concat: [{branches}]\n"
        ).replace("[{" + layer + "}]", f"[{{{layer}}}]" if ":" in layer else f"[{layer}]")
        conforms(backend(name), archspec.compile(load_text(text)))


@pytest.mark.parametrize("name", ["torch", "keras"])
@pytest.mark.parametrize("order", [["a", "b"], ["b", "a"]])
def test_keep_axes_that_differs_without_a_flatten_after_it(name: str, order: list[str]) -> None:
    branches = {
        "a": "[{unit: {name: a, p: true}}, relu, flatten]",
        "b": "[{unit: {name: b, p: false}}, dense: {units: 3}]",
    }
    text = (
        "archspec: 1\nname: case\ninput: {channels: 4, height: 5, width: 6}\n"
        "blocks: {unit: {params: {p: {}}, layers: [global_avg_pool: {keep_axes: p}, relu]}}\n"
        f"layers:\n  - concat: [{', '.join(branches[key] for key in order)}]\n"
    )
    conforms(backend(name), archspec.compile(load_text(text)))
