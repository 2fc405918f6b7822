"""The helpers of each backend: whole, of their own number of axes where they come of a template, well laid out."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

from archspec.codegen.helpers import Helpers

PACKAGES = ["archspec_torch", "archspec_keras"]


def _helpers(package: str) -> Helpers:
    found: Helpers = importlib.import_module(f"{package}.names").HELPERS
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_each_defines_what_it_is_called(package: str) -> None:
    helpers = _helpers(package)
    for name in helpers.names:
        text = helpers.text(name).replace("{{ registered }}", '"name"')
        assert "{{" not in text
        [defined] = [node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
        assert defined == name


@pytest.mark.parametrize("package", PACKAGES)
def test_a_template_speaks_of_its_own_number_of_axes(package: str) -> None:
    helpers = _helpers(package)
    assert len(helpers.ranks) >= 30
    assert {*helpers.ranks.values()} == {1, 2, 3}
    for name, rank in helpers.ranks.items():
        text = helpers.text(name)
        assert set(re.findall(r"([123])[dD]\b", text)) <= {str(rank)}, name
        assert ("pixel" in text) <= (rank == 2), name
        tuples = re.findall(r"(?:_size|stride|strides|dilation|dilation_rate|window): int \| tuple\[([int, ]+)\]", text)
        assert {found.count("int") for found in tuples} <= {rank}, name
        assert max(map(len, text.splitlines())) <= 100, name


@pytest.mark.parametrize("package", PACKAGES)
def test_a_template_is_there_for_each_rank(package: str) -> None:
    """Or a file of its own, as some for images, where they can be said more plainly, are."""
    helpers = _helpers(package)
    assert {helpers.of_rank(template, rank) for template in helpers.templates for rank in (1, 2, 3)} <= helpers.names
    assert {helpers.of_rank(template, 3) for template in helpers.templates} <= helpers.ranks.keys()


def _package(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, **texts: str) -> Helpers:
    helpers = folder / name / "templates" / "helpers"
    helpers.mkdir(parents=True)
    (folder / name / "__init__.py").touch()
    for file, text in texts.items():
        (helpers / f"{file}.py.j2").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    return Helpers(name)


def test_a_template_that_mentions_what_is_not_there_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mention = 'class {{ name }}:\n    other = {{ helper("OthrNd") }}\n'
    helpers = _package(tmp_path, monkeypatch, "wrong_helpers", MineNd=mention, OtherNd="class {{ name }}: ...\n")
    assert helpers.names >= {"Mine1d", "Mine2d", "Mine3d", "Other2d"}
    with pytest.raises(LookupError, match="mentions OthrNd"):
        helpers.text("Mine1d")


def test_a_word_that_a_template_does_not_know_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helpers = _package(tmp_path, monkeypatch, "unknown_words", MineNd="class {{ name }}:\n    x = {{ ranks }}\n")
    with pytest.raises(Exception, match="'ranks' is undefined"):
        helpers.text("Mine3d")


def test_what_is_mentioned_comes_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mention = 'class {{ name }}:\n    other = {{ helper("OtherNd") }}\n'
    helpers = _package(tmp_path, monkeypatch, "right_helpers", MineNd=mention, OtherNd="class {{ name }}: ...\n")
    assert helpers.needed(["Mine3d"]) == ["Other3d", "Mine3d"]
