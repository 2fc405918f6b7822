"""The errors as users see them: each spec in `tests/errors` beside the very text it is refused with.

`pytest tests/lowering/test_errors.py --update-errors` writes the texts anew; read what changed before you commit it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import archspec
from archspec.errors import CODES, SpecError

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
    "E0701": "weights files; their own tests",
    "E0702": "weights files; their own tests",
    "E0801": "parity; its own tests",
    "E0802": "parity; its own tests",
    "E0803": "memory; Keras's own tests",
    "E0804": "`archspec watch`; its own tests",
}


@pytest.mark.parametrize("name", SPECS)
def test_error(name: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.chdir(FOLDER)  # so that the text names the file alone
    with pytest.raises(SpecError) as caught:
        archspec.compile(name)
    text = f"{caught.value}\n"
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
