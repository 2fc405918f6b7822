"""Plugins of pydantic: a library's user has them, the command line does not wait for them, nobody else sees that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of installed packages with one that is a plugin of pydantic and says so when it is imported."""
    (tmp_path / "loud.py").write_text(
        "print('plugin')\n"
        "class Loud:\n"
        "    def new_schema_validator(self, *a, **k): return None, None, None\n"
        "loud = Loud()\n"
    )
    record = tmp_path / "loud-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: loud\nVersion: 1.0\n")
    (record / "entry_points.txt").write_text("[pydantic]\nloud = loud:loud\n")
    return tmp_path


def said_by(site: Path, code: str) -> list[str]:
    path = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_a_librarys_user_has_the_plugins(site: Path) -> None:
    assert said_by(site, "import archspec; archspec.load('resnet18'); print('done')") == ["plugin", "done"]


def test_the_command_line_does_not_look_for_them(site: Path) -> None:
    code = """
import os, sys
before = dict(os.environ)
from archspec.cli import main
assert main(["validate", "resnet18"]) == 0
assert "importlib.metadata" not in sys.modules
assert os.environ == before
print("then")
from pydantic import BaseModel
class Mine(BaseModel):
    size: int
assert Mine(size="3").size == 3
"""
    said = said_by(site, code)
    assert said[0].startswith("resnet18: right")
    assert said[1:] == ["then", "plugin"]


def test_modules_that_are_imported_meanwhile_find_packages_as_ever(site: Path) -> None:
    code = """
import sys
from archspec.arguments import without_plugins
with without_plugins():
    import importlib.metadata
    assert importlib.metadata.version("loud") == "1.0"
    assert importlib.metadata.entry_points(group="pydantic")
    import archspec.spec
assert "pydantic.plugin._loader" not in sys.modules
"""
    assert said_by(site, code) == []


def test_a_command_within_a_program_leaves_its_plugins(site: Path) -> None:
    code = """
import sys
from pydantic import BaseModel
class Before(BaseModel):
    size: int
loader = sys.modules["pydantic.plugin._loader"]
from archspec.cli import main
assert main(["validate", "resnet18"]) == 0
assert sys.modules["pydantic.plugin._loader"] is loader
"""
    assert said_by(site, code)[0] == "plugin"
