"""Projects with specs, and pytest run in them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

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

RunPytest: TypeAlias = Callable[..., pytest.RunResult]


@pytest.fixture
def run_pytest(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> RunPytest:
    """Run pytest with the plugin, in a process of its own, without the plugins of others: to import them takes time."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_subprocess(
            "-p", "archspec.pytest_plugin.plugin", "-p", "no:cacheprovider", "-rA", *arguments
        )

    return run


def archspec(folder: Path, *arguments: str) -> None:
    """Run archspec in a process of its own, as pytester runs pytest: it forgets what is imported meanwhile."""
    subprocess.run([sys.executable, "-m", "archspec.cli", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "specs").mkdir()
    (folder / "specs" / "small.yaml").write_text(SPEC, encoding="utf-8")
    for backend in ("torch", "keras"):
        archspec(folder, "build", "specs/small.yaml", "--backend", backend, "--no-verify")
    return folder


@pytest.fixture
def project(pytester: pytest.Pytester, _template: Path) -> Path:
    """A project with the spec `small` and its generated files."""
    shutil.copytree(_template, pytester.path, dirs_exist_ok=True)
    return pytester.path
