"""A name stands for one thing, and is the one that the field uses: see docs/glossary.md."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
PACKAGES: Final = ("archspec", "backends")

CALLED_AFTER_ONNX: Final = "backends/archspec_onnx/reference.py"
"""Its classes stand in for those of ONNX's evaluator, which finds an operator by the name of its class."""

PRINTED: Final = (
    "archspec/training/data/parts/",
    "archspec/training/parts/",
    "backends/archspec_torch/training_program/parts/",
    "backends/archspec_keras/training_program/parts/",
)
"""What lies in these becomes part of a program of its own, which knows nothing of the rest."""

BRITISH: Final = (
    r"(?i)(?<![-\w])\w*(?:colour|centre(?!d?_)|neighbour|labelled|behaviour|favour|catalogue|misspelt|"
    r"(?:initial|normal|optim|recogn|summar)is(?:e|ing|ation))\w*"
)
"""Words that are spelled otherwise here; a file of tests/errors may have one in its name."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def classes_of_one_name(found: Iterator[tuple[str, ast.Module]]) -> dict[str, list[str]]:
    """The names that several classes have, a leading `_` left out, with the files of these."""
    by_name = defaultdict(list)
    for path, tree in found:
        if path != CALLED_AFTER_ONNX and not path.startswith(PRINTED):
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    by_name[node.name.lstrip("_")].append(path)
    return {name: paths for name, paths in by_name.items() if len(paths) > 1}


def functions_called_run(found: Iterator[tuple[str, ast.Module]]) -> list[str]:
    return [
        path
        for path, tree in found
        if any(isinstance(node, ast.FunctionDef) and node.name == "run" for node in tree.body)
    ]


def test_a_name_stands_for_one_class() -> None:
    assert classes_of_one_name(modules()) == {}


def test_a_function_of_a_module_is_called_by_what_it_does() -> None:
    """`run` as a method says what runs; as a function it does not."""
    assert functions_called_run(modules()) == []


def test_doubles_are_found() -> None:
    files = [("a.py", ast.parse("class Row: ...\ndef run(): ...")), ("b.py", ast.parse("class _Row: ..."))]
    assert classes_of_one_name(iter(files)) == {"Row": ["a.py", "b.py"]}
    assert functions_called_run(iter(files)) == ["a.py"]


@pytest.mark.parametrize("folder", ["archspec", "backends", "tests", "benchmarks", "docs"])
def test_spelling_is_american(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for suffix in ("*.py", "*.md", "*.js", "*.css")
        for path in sorted((ROOT / folder).rglob(suffix))
        if path != Path(__file__)
        for match in re.finditer(BRITISH, path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_british_spelling_is_found() -> None:
    assert re.findall(BRITISH, "a coloured Neighbour, half_pixel_centers, E0101-misspelt-include") == [
        "coloured",
        "Neighbour",
    ]


def test_the_glossary_names_modules_that_are_there() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    named = re.findall(r"\| `([\w/]+(?:\.py)?)` \|$", text, re.MULTILINE)
    assert len(named) > 50
    missing = [name for name in named if not any((ROOT / base / name).exists() for base in ("archspec", "backends"))]
    assert missing == []
