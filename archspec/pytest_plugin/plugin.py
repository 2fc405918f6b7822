"""The plugin's hooks. pytest imports this in every run: it imports archspec only once `--archspec` asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from archspec.pytest_plugin.items import SpecFile

CHECKS: Final = {
    "validate": "an archspec spec, or a library of blocks, is right",
    "current": "a generated file is what its spec gives now",
    "parity": "frameworks agree on a spec; slow",
}
"""The checks, in the order of their items, and what their markers say."""
_SUFFIXES: Final = (".yaml", ".yml")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, and the same as settings of a configuration file; lists are separated by commas or spaces."""
    group = parser.getgroup("archspec", "specs of networks")
    group.addoption("--archspec", action="store_true", help="collect archspec specs, *.yaml and *.yml, and check them")
    options = (
        ("checks", "LIST", [*CHECKS], "which checks run"),
        ("backends", "LIST", ["torch", "keras:tensorflow"], "whose generated files are checked, and who is compared"),
        ("parity-checks", "LIST", ["inference", "training", "gradients", "run"], "what parity compares"),
        ("dtype", "LIST", ["float32", "float64"], "dtypes of parity"),
        ("batch", "N", ["2"], "how many inputs parity has"),
    )
    for name, metavar, default, text in options:
        group.addoption(f"--archspec-{name}", metavar=metavar, help=f"{text} ({','.join(default)})")
        parser.addini(f"archspec_{name.replace('-', '_')}", text, type="args", default=default)
    strict = "fail where a generated file or a framework is missing, instead of leaving its check out"
    group.addoption("--archspec-strict", action="store_true", default=None, help=strict)
    parser.addini("archspec_strict", strict, type="bool", default=False)
    pattern = "generated/{backend}/{name}{suffix}"
    parser.addini("archspec_generated", f"where generated files are, from the rootdir ({pattern})", default=pattern)
    parser.addini("archspec_root", "the folder that files named in a spec must not leave, from the rootdir", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers and, where the plugin is asked for, read its settings."""
    for check, text in CHECKS.items():
        config.addinivalue_line("markers", f"archspec_{check}: {text}")
    if config.getoption("archspec"):
        from archspec.pytest_plugin.settings import SETTINGS, read

        config.stash[SETTINGS] = read(config, tuple(CHECKS))


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the processes of parity."""
    if config.getoption("archspec"):
        from archspec.pytest_plugin.settings import SETTINGS

        if (settings := config.stash.get(SETTINGS, None)) is not None:
            settings.pool.end()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SpecFile | None:
    """The collector of a spec; None for any other file."""
    if file_path.suffix not in _SUFFIXES or not parent.config.getoption("archspec"):
        return None
    from archspec.pytest_plugin.items import spec_file

    return spec_file(file_path, parent)
