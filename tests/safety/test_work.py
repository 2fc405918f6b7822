"""The limit `work` means the same in a process that has read nothing yet and in one that has read it all before."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

import archspec
from archspec.limits import Limits
from archspec.spec import load_text

ROOT = Path(__file__).resolve().parents[2]
LONG = f"max({', '.join(['channels'] * 150)})"
SPECS = {
    "resnet50": (ROOT / "specs/resnet50.yaml").read_text(encoding="utf-8"),
    "long expressions": "archspec: 1\nname: net\nparams: {w: 4}\ninput: {channels: 3, height: 8, width: 8}\n"
    f"layers:\n  - conv: {{filters: '{LONG}', kernel: 1}}\n  - conv: {{filters: '{LONG} - w + w', kernel: 1}}\n",
    "names by a pattern": "archspec: 1\nname: net\ninput: {channels: 3, height: 8, width: 8}\n"
    "blocks: {u: {params: {w: {}}, unit: [k], layers: [conv: {filters: w * k, kernel: 1}]}}\nlayers:\n"
    '  - stage: {name: s, block: u, with: {w: 2}, unit_names: "unit_{2 * i + 1}", units: ["(1,) x 3", "(2,) x 2"]}\n',
}
STEPS = ["compile", "torch", "keras"]
FRESH = """
import json, sys
from tests.safety.test_work import passes
text, work, step = json.load(sys.stdin)
print(json.dumps([passes(text, work + more, step) for more in (-1, 0, -1, 0)]))
"""


def passes(text: str, work: int, step: str) -> bool:
    """Whether a spec is compiled, and source made of it, with so many steps."""
    folder, limits = ROOT / "specs", Limits(work=work)
    try:
        graph = archspec.compile(load_text(text, folder=folder, limits=limits if step == "compile" else None))
        if step != "compile":
            archspec.generate(dataclasses.replace(graph, limits=limits), step)
    except archspec.SpecError as error:
        if {found.code for found in error.diagnostics} != {"E0304"}:
            raise
        return False
    return True


def _least(text: str, step: str) -> int:
    """The least work that a spec passes with, in this process."""
    low, high = 0, 200_000
    assert passes(text, high, step)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if passes(text, middle, step) else (middle, high)
    return high


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", SPECS)
def test_a_fresh_process_counts_as_a_warm_one_does(name: str, step: str) -> None:
    least = _least(SPECS[name], step)
    assert _least(SPECS[name], step) == least
    found = subprocess.run(
        [sys.executable, "-c", FRESH],
        cwd=ROOT,
        input=json.dumps([SPECS[name], least, step]),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert json.loads(found.stdout) == [False, True, False, True]
