"""What source says once: calls that are the same, what layers draw by, the loop over all modules, a variable."""

from __future__ import annotations

import pytest

import archspec
from archspec.spec.loading import load_text

HEAD = "archspec: 1\nname: net\ninput: {channels: 8, height: 8, width: 8}\n"


def source_of(text: str, backend: str) -> str:
    return str(archspec.generate(archspec.compile(load_text(HEAD + text)), backend))


UNITS = """
blocks:
  unit:
    params: {filters: {}, stride: 1}
    layers: [conv: {filters: filters, kernel: 3, stride: stride, padding: 1}, relu]
layers:
  - unit: {name: first, filters: 12}
  - name: rows
    layers:
      - unit: {filters: 16, stride: 2}
"""


@pytest.mark.parametrize(("count", "looped"), [(2, False), (3, True), (5, True)])
@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_from_three_equal_calls_on_there_is_one(backend: str, count: int, looped: bool) -> None:
    found = source_of(UNITS + "      - unit: {filters: 16}\n" * count, backend)
    assert ("in range(" in found[found.rindex("16, stride=2") :]) is looped


DRAWN = """
layers:
  - conv: {filters: 8, kernel: 3, padding: 1}
  - conv: {filters: 9, kernel: 1}
  - global_avg_pool
  - flatten
  - dense: {units: 7}
  - dense: {units: 6}
  - dense: {units: 4}
"""


def test_what_kinds_of_layer_draw_by_stands_once_in_keras() -> None:
    found = source_of(DRAWN, "keras")
    assert found.count("VarianceScaling") == 1
    assert found.count("KERNEL_INITIALIZER") == 4


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_what_is_on_the_way_to_a_tap_has_its_name(backend: str) -> None:
    text = """
layers:
  - conv: {name: stem, filters: 8, kernel: 1}
  - tap: start
  - conv: {name: one, filters: 8, kernel: 1}
  - batch_norm: {name: two}
  - conv: {name: three, filters: 8, kernel: 1}
  - tap: evidence
  - from: start
  - conv: {name: four, filters: 8, kernel: 3, padding: 1}
  - relu
  - multiply: [[], {from: evidence}]
  - add: [[], {from: evidence}]
"""
    found = source_of(text, backend)
    body = found[found.rindex("def forward" if backend == "torch" else "inputs = ") :]
    assert body.count("    evidence = ") > 1
    assert "y = " not in body
