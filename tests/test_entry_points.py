"""What other packages add: found by name, and the package is named that is at fault."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ASKS = {
    "archspec.ops": ("the op `wave`", "from archspec.ir.ops import OPS; found = OPS['wave']"),
    "archspec.ops.torch": ("PyTorch's row for `wave`", "from archspec_torch.ops import ROWS; found = ROWS['wave']"),
    "archspec.backends": (
        "the backend `wave`",
        "from archspec.codegen.registry import backend; found = backend('wave')",
    ),
}
"""What is registered in each group, as errors call it, and the code that asks for it."""
SOUND = """
from dataclasses import dataclass
from archspec.ir.op import Op
from archspec.ir.ops import OPS

@dataclass(frozen=True, slots=True)
class Wave(OPS["relu"]):
    '''Goes up and down.'''

    name = "wave"
    title = "Wave"
    suffix = ".py"
    render = str

found = Wave
"""


def _install(site: Path, package: str, group: str, source: str) -> None:
    about = site / f"{package}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text(f"[{group}]\nwave = {package}:found\n", encoding="utf-8")
    (site / f"{package}.py").write_text(source, encoding="utf-8")


def _ask(code: str, *sites: Path) -> str:
    """What the code finds, or the error that it ends with."""
    asked = f"from archspec import ArchspecError\ntry:\n  {code}\n  print(found.__name__)\n"
    asked += "except ArchspecError as error:\n  print(type(error).__name__, *error.diagnostics, sep='\\n')\n"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sites))}
    done = subprocess.run([sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("group", ASKS)
def test_what_a_package_adds_is_found(group: str, tmp_path: Path) -> None:
    _install(tmp_path, "ocean", group, SOUND)
    assert _ask(ASKS[group][1], tmp_path) == "Wave\n"


@pytest.mark.parametrize("group", ASKS)
def test_two_packages_with_one_name_are_both_named(group: str, tmp_path: Path) -> None:
    for package in ("ocean", "lake"):
        _install(tmp_path, package, group, SOUND)
    what, code = ASKS[group]
    said = _ask(code, tmp_path)
    assert "E0602" in said
    assert f"{what} is in more than one package: lake, ocean" in said


@pytest.mark.parametrize("group", ASKS)
def test_a_package_that_is_listed_twice_is_one(group: str, tmp_path: Path) -> None:
    """As where it is installed for development, and its folder is on the path, too."""
    for site in ("one", "another"):
        _install(tmp_path / site, "ocean", group, SOUND)
    assert _ask(ASKS[group][1], tmp_path / "one", tmp_path / "another") == "Wave\n"


@pytest.mark.parametrize("group", ASKS)
@pytest.mark.parametrize("fault", ["raise RuntimeError('no such\\nboat')", "import ships_that_sank", "lost = 1"])
def test_a_package_that_cannot_be_used_is_named(group: str, fault: str, tmp_path: Path) -> None:
    _install(tmp_path, "ocean", group, fault)
    what, code = ASKS[group]
    said = _ask(code, tmp_path)
    assert "E0602" in said
    assert f"{what} of the package ocean cannot be used: " in said
    assert said.startswith("ArchspecError" if group == "archspec.ops" else "BackendError")
