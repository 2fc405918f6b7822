"""The errors and warnings of recipes as users see them: each recipe in `tests/errors/recipes` beside the very text.

`pytest tests/recipe/test_errors.py --update-errors` writes the texts anew; read what changed before you commit it. A
recipe that begins with `# network: NAME` is held against that network, and the data that its source's form is known by.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archspec.commands.recipes import findings
from archspec.errors import CODES, Diagnostic, SpecError
from archspec.reporting import to_text
from archspec.training.linter import LINTS

FOLDER = Path(__file__).resolve().parents[1] / "errors" / "recipes"
RECIPES = sorted(path.name for path in FOLDER.glob("*.yaml"))
NETWORK = re.compile(r"# network: (\w+)\n")


def _found(name: str) -> list[Diagnostic]:
    """What is said of a recipe: errors, or warnings where there are none."""
    network = NETWORK.match((FOLDER / name).read_text(encoding="utf-8"))
    try:
        return findings(name, network[1] if network is not None else "")
    except SpecError as error:
        return list(error.diagnostics)


@pytest.mark.parametrize("name", RECIPES)
def test_error(name: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.chdir(FOLDER)  # so that the text names the file alone
    found = _found(name)
    text = re.sub(r"--> /.*/specs/", "--> specs/", to_text(found)) + "\n"
    expected = FOLDER / f"{Path(name).stem}.txt"
    if request.config.getoption("--update-errors"):
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")
    code = name.partition("-")[0]
    assert code in {each.code for each in found}
    assert {each.severity for each in found} == {"warning" if code in LINTS else "error"}
    for each in found:
        assert each.span is not None
        assert 1 <= each.span.line <= len(each.span.source.text.splitlines()) + 1


def test_every_code_of_recipes_has_one() -> None:
    assert {code for code in CODES if code.startswith("E09")} <= {name.partition("-")[0] for name in RECIPES}


def test_every_warning_has_a_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    warned = [each for name in RECIPES if name.partition("-")[0] in LINTS for each in _found(name)]
    assert {each.code for each in warned} == set(LINTS)
    assert all(each.help for each in warned)


def test_every_text_has_its_recipe() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == {Path(name).stem for name in RECIPES}
