"""How long pictures take: `python -m benchmarks.diagrams`. Each is a process of its own, as a user starts it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import archspec
from benchmarks.machine import describe

PICTURES: Final = (
    ("resnet50", "unit", ("svg", "png", "pdf", "html")),
    ("resnet152", "layer", ("svg", "png", "pdf", "html")),
)
BOUND: Final = 5.0
"""Seconds, for ResNet-152 layer by layer."""
MANY: Final = """\
archspec: 1
name: many
input: {channels: 4, height: 8, width: 8}
layers:
  - conv: {filters: 4, kernel: 1}
"""


def main() -> int:
    """Print the table."""
    print(describe("matplotlib", "networkx"))
    with TemporaryDirectory() as folder:
        for spec, level, suffixes in PICTURES:
            layers = len(archspec.compile(spec).nodes)
            times = [f".{suffix} {_seconds(spec, level, Path(folder) / f'a.{suffix}'):.2f} s" for suffix in suffixes]
            print(f"{spec}, {layers} layers, level {level}: {', '.join(times)}")
        print(f"(bound: {BOUND:g} s)")
        many = Path(folder) / "many.yaml"
        many.write_text(MANY + "  - conv: {filters: 4, kernel: 1}\n" * 9_999, encoding="utf-8")
        seconds = _seconds(str(many), "layer", Path(folder) / "many.svg")
        print(f"10,000 layers in a row, level layer: .svg {seconds:.2f} s")
    return 0


def _seconds(spec: str, level: str, path: Path) -> float:
    """The least of three."""
    command = [sys.executable, "-m", "archspec.cli", "graph", spec, "--level", level, "-o", str(path)]
    found = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        found.append(time.perf_counter() - start)
    return min(found)


if __name__ == "__main__":
    sys.exit(main())
