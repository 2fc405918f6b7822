"""Specs as collectors, and their checks as test items."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from archspec.api import compile, load
from archspec.build_output import as_built
from archspec.codegen.backend import PacksModels
from archspec.codegen.files import OPTIONS, check_current
from archspec.codegen.registry import backend
from archspec.digests import state
from archspec.errors import ArchspecError, OutputError, SpecError
from archspec.ir.graph import LayerGraph
from archspec.libraries import compile_library
from archspec.parity import compare
from archspec.pytest_plugin.settings import SETTINGS, Settings
from archspec.spec import LocatedDict
from archspec.spec.compose import is_library, is_recipe
from archspec.spec.located_data import LoadContext
from archspec.spec.yaml_reader import read_text

if TYPE_CHECKING:
    from _pytest._code.code import TerminalRepr

_BEGINS: Final = re.compile(r"^(?:\{\s*)?[\"']?archspec[\"']?\s*:", re.MULTILINE)


def spec_file(path: Path, parent: pytest.Collector) -> SpecFile | None:
    """The collector of a file that holds a mapping with the key `archspec`; None for any other.

    A file that is not YAML is one if a line of it begins with that key: a spec must not drop out by a slip.
    """
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return None
    if "archspec" not in text:  # soon said of the large files of others
        return None
    reading = LoadContext()
    try:
        data = read_text(text, str(path), reading)
    except SpecError:  # too much is wrong to go on
        data = None
    if isinstance(data, LocatedDict) and not reading.diagnostics:
        if "archspec" not in data:
            return None
        if is_recipe(data):
            return RecipeFile.from_parent(parent, path=path, library=True)
        return SpecFile.from_parent(parent, path=path, library=is_library(data))
    if not _BEGINS.search(text):
        return None
    return SpecFile.from_parent(parent, path=path, library=False)


class SpecFile(pytest.File):
    """A spec, or a library of blocks."""

    def __init__(self, *, library: bool, **rest: Any) -> None:
        super().__init__(**rest)
        self.library = library
        self.settings: Settings = self.config.stash[SETTINGS]

    def collect(self) -> Iterator[CheckItem]:
        """An item for each check; a spec that cannot be loaded has the one that says so, whatever was chosen."""
        name = None if self.library else self._network()
        if name is None or "validate" in self.settings.checks:
            yield Validate.from_parent(self, name="validate")
        if name is None:
            return
        if "current" in self.settings.checks:
            for backend in self.settings.backends:
                file = self.settings.generated(name, backend)
                if self.settings.strict or os.path.lexists(file):
                    yield Current.from_parent(self, name=f"current[{backend}]", backend=backend, file=file)
        if "parity" in self.settings.checks and len(self.settings.participants) > 1:
            labels = ",".join(participant.label for participant in self.settings.participants)
            yield Parity.from_parent(self, name=f"parity[{labels}]")

    def _network(self) -> str | None:
        """The name of the network; None if the spec is wrong."""
        try:
            return load(near(self.path), root=self.settings.root).name
        except SpecError:
            return None

    def check(self) -> None:
        """See that it is right.

        Raises:
            SpecError: the spec is wrong.
        """
        self.graph()

    def graph(self) -> LayerGraph:
        """The graph of the spec; for a library that of a network which includes it, and so checks its blocks.

        Raises:
            SpecError: the spec is wrong.
        """
        path, root = near(self.path), self.settings.root
        if not self.library:
            return compile(path, root=root)
        return compile_library(path, None if root is None else near(root))


class RecipeFile(SpecFile):
    """A recipe for training. It is no network, and nothing is generated from it alone."""

    def check(self) -> None:
        """Work out its values.

        Raises:
            SpecError: the recipe is wrong.
        """
        from archspec.recipe import load as load_recipe  # networks alone do not wait for it
        from archspec.recipe import resolve

        resolve(load_recipe(near(self.path), root=self.settings.root))


class CheckItem(pytest.Item):
    """One check of a spec. What it finds is shown as archspec shows it, without a traceback."""

    marker: str

    def __init__(self, **rest: Any) -> None:
        super().__init__(**rest)
        self.add_marker(self.marker)

    @property
    def spec(self) -> SpecFile:
        """The file that it checks."""
        assert isinstance(self.parent, SpecFile)
        return self.parent

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str | TerminalRepr:
        """The diagnostics; a traceback for what is not the user's mistake."""
        if isinstance(excinfo.value, ArchspecError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The spec, and the headline of a failure."""
        return self.path, 0, f"{self.name} of {self.spec.nodeid}"


class Validate(CheckItem):
    """The spec is right."""

    marker = "archspec_validate"

    def runtest(self) -> None:
        """Compile it, or work it out."""
        self.spec.check()


class Current(CheckItem):
    """A generated file is what its spec gives now."""

    marker = "archspec_current"

    def __init__(self, *, backend: str, file: Path, **rest: Any) -> None:
        super().__init__(**rest)
        self.backend = backend
        self.file = file

    def runtest(self) -> None:
        """Generate what is written, and compare it with the file."""
        file = near(self.file)
        try:
            check_current(file, as_built(self.spec.graph(), self.backend, file.name))
        except OutputError as error:
            help = self._command(file)
            raise OutputError([replace(found, help=help) for found in error.diagnostics]) from None

    def _command(self, file: Path) -> str:
        command = ["archspec", "build", str(near(self.path)), "--backend", self.backend, "-o", str(file)]
        if self.spec.settings.root is not None:
            command += ["--root", str(near(self.spec.settings.root))]
        if state(file) in ("edited", "foreign"):
            return f"move your changes into the spec, and build it again: {shlex.join([*command, '--force'])}"
        again = f"build it again: {shlex.join(command)}"
        if not isinstance(backend(self.backend), PacksModels):
            return again
        return f"{again}; if it was built with {OPTIONS}, only `archspec build --check` with the same can tell"


class Parity(CheckItem):
    """The frameworks agree."""

    marker = "archspec_parity"

    def runtest(self) -> None:
        """Compare; without one of the frameworks there is nothing to compare."""
        settings = self.spec.settings
        graph = self.spec.graph()
        try:
            report = compare(
                graph,
                settings.participants,
                dtypes=settings.dtypes,
                checks=settings.kinds,
                batch=settings.batch,
                pool=settings.pool,
            )
        except ArchspecError as error:
            missing = [found for found in error.diagnostics if found.code == "E0602"]
            if settings.strict or not missing:
                raise
            pytest.skip("; ".join(f"{found.message}: {found.help}" for found in missing))
        report.require()


def near(path: Path) -> Path:
    """A path as a user in the current folder would write it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
