"""`archspec explain`: each code has its explanation, and what it shows is so."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

import archspec
from archspec.cli import main
from archspec.commands.recipes import findings
from archspec.errors import CODES, SpecError
from archspec.explanations import Explanation, all_explanations


@cache
def explained() -> Mapping[str, Explanation]:
    return all_explanations()


def test_every_code_is_explained_in_order() -> None:
    assert [*explained()] == [*CODES]
    for one in explained().values():
        assert one.means.endswith((".", ".)"))
        assert one.fix.endswith((".", "`."))
        assert bool(one.wrong) == bool(one.right) != bool(one.command), one.code
    assert sum(bool(one.wrong) for one in explained().values()) >= 35


def _write(one: Explanation, text: str, folder: Path) -> Path:
    for name, other in one.files.items():
        (folder / name).write_text(other, encoding="utf-8")
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("code", CODES)
def test_what_it_shows_is_so(code: str, tmp_path: Path) -> None:
    one = explained()[code]
    if one.of_recipes:
        _its_recipes_are_wrong_and_right(one, tmp_path)
    elif one.wrong:
        _its_specs_are_wrong_and_right(one, tmp_path)
    else:
        _its_command_is_one_of_archspecs(one)


def _its_specs_are_wrong_and_right(one: Explanation, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        archspec.compile(_write(one, one.wrong, tmp_path))
    assert {found.code for found in caught.value.diagnostics} == {one.code}
    assert archspec.compile(_write(one, one.right, tmp_path)).nodes


def _its_recipes_are_wrong_and_right(one: Explanation, tmp_path: Path) -> None:
    try:
        found = findings(str(_write(one, one.wrong, tmp_path)), one.network)
    except SpecError as error:
        found = list(error.diagnostics)
        assert {each.severity for each in found} == {"error"}
    assert {each.code for each in found} == {one.code}
    assert findings(str(_write(one, one.right, tmp_path)), one.network) == []


def _its_command_is_one_of_archspecs(one: Explanation) -> None:
    from archspec.arguments import parse

    arguments = one.command.split()
    assert arguments.pop(0) == "archspec"
    assert parse(arguments).command


@pytest.mark.parametrize("text", ["E0502", "e0502", "502", "E502"])
def test_a_code_is_understood_however_it_is_written(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", text]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("E0502: shapes that do not meet\n\n")
    one = explained()["E0502"]
    for part in (one.wrong, one.right):
        assert all(f"    {line}\n" in shown + "\n" for line in part.splitlines())


def test_several_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "E0101", "E0604"]) == 0
    shown = capsys.readouterr().out
    assert shown.index("E0101: ") < shown.index("E0604: ")


def test_without_a_code_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    shown = capsys.readouterr().out
    for code, title in CODES.items():
        assert f"  {code}  {title}\n" in shown


@pytest.mark.parametrize("text", ["E9999", "shapes", "E05022"])
def test_no_such_code(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["explain", "E0502", text])
    assert caught.value.code == 2
    shown = capsys.readouterr()
    assert not shown.out
    assert f"there is no error code '{text}'; " in shown.err


def test_an_error_says_where_there_is_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = explained()["E0410"]
    assert main(["validate", str(_write(one, one.wrong, tmp_path))]) == 1
    assert capsys.readouterr().err.endswith("\n\nfor more: archspec explain E0410\n")
