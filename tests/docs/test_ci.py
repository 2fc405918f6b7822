"""docs/ci.md: its files can be read, and its settings are those of the plugin."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import yaml

import archspec
from archspec.spec import load_text

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
INSTALLED = any(point.name == "archspec" for point in entry_points(group="pytest11"))
LOAD = () if INSTALLED else ("-p", "archspec.pytest_plugin.plugin")


def _blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def _collect(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", *LOAD, "-p", "no:cacheprovider", "--collect-only", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


EXAMPLE = next(block for block in _blocks("yaml") if "extends:" in block)
"""The spec that the page shows for a network with other params."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What the page speaks of: specs/, tests/, and pytest set up as it shows."""
    [settings] = _blocks("toml")
    (tmp_path / "pyproject.toml").write_text(settings, encoding="utf-8")
    (tmp_path / "tests").mkdir()
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "net.yaml").write_text(EXAMPLE, encoding="utf-8")
    return tmp_path


def test_the_example_of_a_spec_compiles() -> None:
    assert archspec.compile(load_text(EXAMPLE)).name == "mine"


def test_the_settings_of_the_example_are_understood(project: Path) -> None:
    done = _collect(project, "--strict-config", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[:4] == [
        "specs/net.yaml::validate",
        "specs/net.yaml::current[torch]",
        "specs/net.yaml::current[keras]",
        "specs/net.yaml::parity[torch,keras:tensorflow,keras:jax]",
    ]


def test_the_table_has_every_setting(project: Path) -> None:
    listed = re.findall(r"^\| `(archspec_\w+)`", PAGE, re.MULTILINE)
    help = _collect(project, "--help").stdout
    assert listed == re.findall(r"^  (archspec_\w+)", help, re.MULTILINE)
    options = re.findall(r"^  --(archspec-[\w-]+)", help, re.MULTILINE)
    assert [option.replace("-", "_") for option in options] == listed[: len(options)]
    [settings] = _blocks("toml")
    assert {name for name in tomllib.loads(settings)["tool"]["pytest"]["ini_options"] if "archspec" in name} < {*listed}


def _commands() -> list[str]:
    """Each command of the page that runs pytest."""
    _, _, workflow, hook = (yaml.safe_load(text) for text in _blocks("yaml"))
    jobs: dict[str, Any] = workflow["jobs"]
    steps = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    hooks = [found["entry"] for repo in hook["repos"] for found in repo["hooks"]]
    lines = [line.partition("#")[0].strip() for block in _blocks("sh") for line in block.splitlines()]
    return [command for command in (*lines, *steps, *hooks) if command.startswith("pytest ")]


def test_the_workflow_is_one() -> None:
    workflow = yaml.safe_load(_blocks("yaml")[2])
    assert {"name", True, "jobs"} <= workflow.keys()  # YAML 1.1, which PyYAML reads, takes `on` for true
    steps = workflow["jobs"]["specs"]["steps"]
    assert all(("uses" in step) != ("run" in step) for step in steps)
    [cached] = [step["with"]["cache-dependency-path"] for step in steps if "cache" in step.get("with", {})]
    assert f"`{cached}`" in PAGE  # the workflow itself, which is always there


def test_there_are_commands() -> None:
    assert len(_commands()) == 8


@pytest.mark.parametrize("command", dict.fromkeys(_commands()))
def test_a_command_finds_tests(project: Path, command: str) -> None:
    arguments = shlex.split(command)[1:]
    if "-n" in arguments:
        del arguments[(at := arguments.index("-n")) : at + 2]  # workers collect nothing with --collect-only
    done = _collect(project, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
