"""`archspec curves`: runs in one picture, and their numbers side by side."""

from __future__ import annotations

from pathlib import Path

from tests.commands.conftest import Run
from tests.needed import needs
from tests.training.test_history import write_run


@needs("matplotlib")
def test_the_command_draws_and_shows_the_numbers(run: Run, tmp_path: Path) -> None:
    write_run(tmp_path / "first")
    write_run(tmp_path / "second", accuracy=0.8)
    code, out, err = run("curves", "first", "second", "-o", "both.png")
    assert (code, err) == (0, "")
    head, _, first, second, *_ = out.splitlines()
    assert head.split("  ")[0].strip() == "run"
    assert (first.split()[0], first.split()[-1]) == ("first", "0.9")
    assert (second.split()[0], second.split()[-1]) == ("second", "0.8")
    assert (tmp_path / "both.png").read_bytes().startswith(b"\x89PNG")
    assert run("curves", "first", "-o", "both.png")[0] == 0, "a picture of ours is replaced"
    (tmp_path / "notes.svg").write_text("mine")
    assert run("curves", "first", "-o", "notes.svg")[0] == 1
    assert (tmp_path / "notes.svg").read_text() == "mine"
    code, _, err = run("curves", "nowhere")
    assert code == 1
    assert "E1002" in err
    assert run("curves", "first", "-o", "picture.txt")[0] == 1
