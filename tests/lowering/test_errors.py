"""The errors as users see them: each spec in `tests/errors` beside the very text it is refused with.

`pytest tests/lowering/test_errors.py --update-errors` writes the texts anew; read what changed before you commit it.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import archspec
from archspec.errors import CODES, Diagnostic, SpecError
from archspec.ir.ops import OPS

FOLDER = Path(__file__).resolve().parents[1] / "errors"
SPECS = sorted(path.name for path in FOLDER.glob("*.yaml"))

NOT_A_SPECS_FAULT = {
    "E0207": "`--limit` on the command line; the tests of limits",
    "E0601": "a backend lacks an op; the backends' own tests",
    "E0602": "a framework is not installed; the command line's tests",
    "E0603": "an unknown backend is named on the command line",
    "E0604": "writing files; the command line's tests",
    "E0605": "writing files; the command line's tests",
    "E0606": "writing files; the command line's tests",
    "E0607": "a backend that only writes source; the tests of a third party's backend",
    "E0701": "weights files; their own tests",
    "E0702": "weights files; their own tests",
    "E0703": "maps of weights; their own tests",
    "E0704": "predictions; their own tests",
    "E0801": "parity; its own tests",
    "E0802": "parity; its own tests",
    "E0803": "memory; Keras's own tests",
    "E0804": "`archspec watch`; its own tests",
    **dict.fromkeys((code for code in CODES if code.startswith("E09")), "recipes; their own tests"),
    "E1001": "the data of a program; tests/training/data/test_facts.py",
    "E1002": "histories of runs; tests/training/test_history.py",
}


@pytest.mark.parametrize("name", SPECS)
def test_error(name: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.chdir(FOLDER)  # so that the text names the file alone
    with pytest.raises(SpecError) as caught:
        archspec.compile(name)
    text = f"{caught.value}\n".replace(", ".join(sorted(OPS)), "<all ops>")  # so that a new op changes no text
    expected = FOLDER / f"{Path(name).stem}.txt"
    if request.config.getoption("--update-errors"):
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")
    assert name.partition("-")[0] in {found.code for found in caught.value.diagnostics}
    for found in caught.value.diagnostics:
        assert found.span is not None
        assert 1 <= found.span.line <= len(found.span.source.text.splitlines()) + 1


def test_every_code_has_a_spec_or_a_reason() -> None:
    shown = {name.partition("-")[0] for name in SPECS}
    assert shown | NOT_A_SPECS_FAULT.keys() == CODES.keys()
    assert not shown & NOT_A_SPECS_FAULT.keys()


def test_every_text_has_its_spec() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == {Path(name).stem for name in SPECS}


REPLACED = re.compile(r"(?:write `([^`]+)`|did you mean `([^`]+)`\?)")
"""A help that is nothing but what stands there instead."""


def _replaced(found: Diagnostic) -> str | None:
    """The spec's text with what a help says in place of what is wrong; None where it says more than that."""
    help, span = REPLACED.fullmatch(found.help), found.span
    if help is None or span is None or span.line != span.end_line or "..." in help[0]:
        return None
    lines = span.source.text.splitlines()
    line, start, end = lines[span.line - 1], span.column - 1, span.end_column - 1
    if help[2] is not None:  # one word of what stands there
        words = re.findall("`([^`]+)`", found.message)
        word = next((word for word in words if word in line[start:end]), None)
        if word is None:
            return None
        start = line.index(word, start)
        end = start + len(word)
    elif found.code == "E0202" and (":" in help[1] or help[1] in OPS):  # the value is wrong, and the item is shown
        start = len(line) - len(line.lstrip("- "))
        end = len(line)
    lines[span.line - 1] = line[:start] + (help[1] or help[2]) + line[end:]
    return "\n".join(lines) + "\n"


@pytest.mark.slow
def test_a_help_that_is_a_replacement_makes_it_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shutil.copytree(FOLDER, tmp_path / "errors"))
    tried, wrong = 0, []
    for name in SPECS:
        with pytest.raises(SpecError) as caught:
            archspec.compile(name)
        for found in caught.value.diagnostics:
            if found.span is None or found.span.source.name != name or (text := _replaced(found)) is None:
                continue
            tried += 1
            after = _codes_and_places(text, name)
            if (found.code, found.span.line) in after and len(after) >= len(caught.value.diagnostics):
                wrong.append((name, found.help))
    assert not wrong
    assert tried >= 25


def _codes_and_places(text: str, name: str) -> list[tuple[str, int]]:
    path = Path(f"replaced_{name}")
    path.write_text(text, encoding="utf-8")
    try:
        archspec.compile(path)
    except SpecError as error:
        return [(found.code, found.span.line if found.span is not None else 0) for found in error.diagnostics]
    return []
