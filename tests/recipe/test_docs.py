"""docs/recipes.md: its recipes are right, its Python runs, and it has all keys, words and codes."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from archspec.recipe import resolve
from archspec.recipe.loading import load_text
from archspec.recipe.schema import REGISTRIES, SECTIONS
from archspec.training.linter import LINTS, lint
from docs import recipes

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(archspec: 1\n.*?)```\n", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: re.findall(r"recipe: (\w+)", text)[0])
def test_its_recipes_are_right_and_nothing_is_said_of_them(text: str) -> None:
    assert not lint(resolve(load_text(text)))


def test_its_python_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```\n", PAGE, re.DOTALL)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "recipes.md", "exec"), {})
    assert out.getvalue() == "352 182 0.1 0.010000000000000002\n"


def test_it_has_every_part_and_every_finding() -> None:
    assert len(EXAMPLES) >= 3
    assert list(recipes.REGISTRIES.values()) != []
    assert {id(registry) for registry in recipes.REGISTRIES.values()} == {id(registry) for registry in REGISTRIES}
    assert set(recipes.SECTIONS.values()) == set(SECTIONS)
    for registry in REGISTRIES:
        for name, part in registry.items():
            assert f"\n#### {name}\n" in PAGE
            assert all(f"| `{attribute}` | " in PAGE for attribute in part.attributes())
    assert all(f"[{code}](errors.md#{code.lower()})" in PAGE for code in LINTS)
