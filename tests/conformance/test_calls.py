"""Attributes that differ between two calls of one block: as expressions where source can hold them, else apart."""

from __future__ import annotations

import pytest

import archspec
from archspec.ir import OPS
from archspec.ir.attributes import InitKind
from archspec.spec import load_text
from tests.conformance.cases import CALLS
from tests.conformance.test_ops import conforms

ALL = [(layer, values) for cases in CALLS.values() for layer, values in cases]
RANKS = ["batch_norm", "batch_norm: {variance: biased}", "softmax", "flatten", "relu"]
RANKS += ["layer_norm", "layer_norm: {affine: false}", "prelu", "scale: {learned: channel}", "drop_path: {rate: 0.0}"]


def _graph(layer: str, values: list[str]) -> archspec.LayerGraph:
    before = "flatten, " if layer.startswith("dense") else ""
    plain = all(value in ("true", "false") or value[0] in "[0123456789" for value in values)
    choices = "" if plain else f"choices: [{', '.join(values)}]"
    branches = ", ".join(
        f"[{before}{{unit: {{name: u{index}, p: {value}}}}}, flatten]" for index, value in enumerate(values)
    )
    input = (
        "{tokens: 6, ids: 9}"
        if "embedding" in layer and "position" not in layer
        else "{channels: 4, height: 9, width: 8}"
    )
    return archspec.compile(
        load_text(
            f"archspec: 1\nname: case\ninput: {input}\n"
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
    assert set(CALLS) == wanted


@pytest.mark.parametrize("turned", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("layer", "values"), ALL)
def test_calls_that_differ(layer: str, values: list[str], turned: bool) -> None:
    conforms(_graph(layer, values[::-1] if turned else values))


@pytest.mark.parametrize("layer", RANKS)
def test_a_block_on_an_image_and_on_flat_data(layer: str) -> None:
    for first, second in (("", "flatten, "), ("flatten, ", "")):
        branches = ", ".join(
            f"[{before}{{unit: {{name: u{index}}}}}, flatten]" for index, before in enumerate((first, second))
        )
        text = (
            "archspec: 1\nname: case\ninput: {channels: 4, height: 5, width: 6}\n"
            f"blocks: {{unit: {{layers: [{{{layer}}}]}}}}\n"
            f"layers:\n  - concat: [{branches}]\n"
        ).replace("[{" + layer + "}]", f"[{{{layer}}}]" if ":" in layer else f"[{layer}]")
        conforms(archspec.compile(load_text(text)))


@pytest.mark.parametrize("order", [["a", "b"], ["b", "a"]])
def test_keep_axes_that_differs_without_a_flatten_after_it(order: list[str]) -> None:
    branches = {
        "a": "[{unit: {name: a, p: true}}, relu, flatten]",
        "b": "[{unit: {name: b, p: false}}, dense: {units: 3}]",
    }
    text = (
        "archspec: 1\nname: case\ninput: {channels: 4, height: 5, width: 6}\n"
        "blocks: {unit: {params: {p: {}}, layers: [global_avg_pool: {keep_axes: p}, relu]}}\n"
        f"layers:\n  - concat: [{', '.join(branches[key] for key in order)}]\n"
    )
    conforms(archspec.compile(load_text(text)))
