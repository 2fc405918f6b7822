"""Expressions that are longer than a line are broken as formatters break them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import archspec
from archspec.spec.loading import load_text
from tests.needed import needs

TABLE = "[[16, 1, 1, 1], [32, 2, 4, 2], [48, 2, 4, 2], [96, 3, 4, 2], [112, 5, 6, 1], [192, 8, 6, 2]]"
SPEC = """
archspec: 1
name: long
params:
  width: 1.0
  base: 8
  rows: {default: TABLE}
let:
  widths: "[max(8, int(row[0] * width + 4) // 8 * 8) for row in TABLE]"
  total: >-
    make_divisible(base * width, 8) + make_divisible(base * 2 * width, 8) + make_divisible(base * 3 * width, 8)
    + rows[0][0]
input: {channels: 3, height: 16, width: 16}
layers:
  - conv: {filters: "widths[0]", kernel: 3}
  - conv: {filters: "widths[1]", kernel: 3}
  - conv: {filters: "widths[5]", kernel: 3}
  - conv: {filters: total, kernel: 1}
  - conv:
      filters: max(make_divisible(base * width, 8), make_divisible(base * 5 * width, 8), int(base * width) + 3)
      kernel: 1
""".replace("TABLE", TABLE)


@needs("torch", "keras")
@pytest.mark.parametrize("name", ["torch", "keras"])
def test_long_expressions_are_broken_as_formatters_do(name: str, tmp_path: Path) -> None:
    text = str(archspec.generate(archspec.compile(load_text(SPEC)), name))
    assert "for row in (\n" in text
    assert max(map(len, text.splitlines())) <= 100
    path = tmp_path / "long.py"
    path.write_text(text)
    assert "= (\n" in text  # the default of `rows`
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "100", "--diff", str(path)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stdout) == (0, "")
