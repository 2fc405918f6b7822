"""Projects with specs, and pytest run in them."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import TypeAlias

import pytest

from archspec.cli import main

SPEC = """
archspec: 1
name: small
input: {channels: 3, height: 8, width: 8}
layers:
  - conv: {name: conv1, filters: 4, kernel: 3, padding: 1}
  - batch_norm: {name: bn1}
  - relu
  - global_avg_pool
  - flatten
  - dense: {name: fc, units: 5}
"""

# An installed archspec registers the plugin; a checkout that is newer than what is installed may not.
_INSTALLED = any(point.name == "archspec" for point in entry_points(group="pytest11"))
_LOAD = () if _INSTALLED else ("-p", "pytest_archspec.plugin")

RunPytest: TypeAlias = Callable[..., pytest.RunResult]


@pytest.fixture
def run_pytest(pytester: pytest.Pytester) -> RunPytest:
    """Run pytest with the plugin, in a process of its own."""

    def run(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_subprocess(*_LOAD, "-p", "no:cacheprovider", "-rA", *arguments)

    return run


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the spec `small` and its generated files."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    (pytester.path / "specs").mkdir()
    (pytester.path / "specs" / "small.yaml").write_text(SPEC, encoding="utf-8")
    for backend in ("torch", "keras"):
        assert main(["build", "specs/small.yaml", "--backend", backend, "--no-verify"]) == 0
    return pytester.path
