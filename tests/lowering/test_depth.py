"""A depth is declared, its rule gives `n`, and the graph has as many weighted layers."""

from __future__ import annotations

from pathlib import Path

import pytest

import archspec
from archspec.errors import SpecError

SPEC = """\
archspec: 1
name: headless
params: {depth: 8, include_top: true}
input: {channels: 3, height: 8, width: 8}
depth: {value: depth, rule: 3n+2, counted: COUNTED}
layers:
  - conv: {filters: 4, kernel: 1}
  - repeat:
      times: 3 * n
      layers: [{conv: {filters: 4, kernel: 1}}]
  - flatten
  - {dense: {units: 2}, when: include_top}
"""


@pytest.mark.parametrize(("include_top", "layers"), [(True, 8), (False, 7)])
def test_layers_that_a_param_leaves_out(tmp_path: Path, include_top: bool, layers: int) -> None:
    path = tmp_path / "headless.yaml"
    path.write_text(SPEC.replace("COUNTED", "depth if include_top else depth - 1"), encoding="utf-8")
    assert len(archspec.compile(path, include_top=include_top).weighted_path) == layers


@pytest.mark.parametrize("counted", ["depth / 3", "0", "[depth]", "true"])
def test_what_is_counted_is_a_number_of_layers(tmp_path: Path, counted: str) -> None:
    path = tmp_path / "headless.yaml"
    path.write_text(SPEC.replace("COUNTED", counted), encoding="utf-8")
    with pytest.raises(SpecError, match="E0202"):
        archspec.compile(path)


def test_the_graph_is_held_against_what_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "headless.yaml"
    path.write_text(SPEC.replace("COUNTED", "depth - 1"), encoding="utf-8")
    with pytest.raises(SpecError, match="depth 7 is declared, 8 weighted layers are counted"):
        archspec.compile(path)
