"""The README shows what is really there."""

from __future__ import annotations

import re
from pathlib import Path

import archspec
from archspec.spec import load_text
from tests.docs.pages import blocks

ROOT = Path(__file__).resolve().parents[2]
INSTALL = re.compile(r"pip3? install ([^`\n&]*)")


def test_the_excerpts_are_what_is_written() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = [*blocks(readme)]
    (spec,) = (block.text for block in found if (block.mark, block.option) == ("file", "small.yaml"))
    (shown,) = (block.text for block in found if block.mark == "excerpt")
    assert shown.rstrip("\n") in archspec.generate(archspec.compile(load_text(spec)), "torch")


def test_it_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_nothing_is_installed_that_is_not_published() -> None:
    """The index has no `archspec-nn` yet, and another project is called `archspec` there."""
    files = [ROOT / "README.md"]
    for folder in ("archspec", "backends", "docs"):
        files += [path for kind in ("*.py", "*.md", "*.yaml") for path in (ROOT / folder).rglob(kind)]
    for path in files:
        for found in INSTALL.findall(path.read_text(encoding="utf-8")):
            assert not re.search(r"(?<![\w/.])archspec(-nn)?(\[|\s|=|'|\"|$)", found), f"{path}: {found}"
