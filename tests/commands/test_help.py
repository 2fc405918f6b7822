"""The command line by itself: its help, its examples, and what it says of words that it does not know."""

from __future__ import annotations

import importlib
import subprocess
import sys
from itertools import pairwise

import pytest

from archspec._version import __version__
from archspec.arguments import COMMANDS, command_of, parse
from archspec.cli import main
from archspec.commands.shared import use_color
from archspec.process_exit import EXIT_CODES
from archspec.spec import shipped


def _ended(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_python_m_archspec() -> None:
    done = subprocess.run([sys.executable, "-m", "archspec", "-V"], capture_output=True, text=True, check=True)
    assert done.stdout == f"archspec {__version__}\n"


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_the_version(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _ended(option) == 0
    assert capsys.readouterr().out == f"archspec {__version__}\n"


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_the_whole_help(columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert _ended("--help") == 0
    shown = capsys.readouterr().out
    assert all(f"\n  {name} " in shown for name in COMMANDS)
    assert all(f"\n  {code:<5} " in shown for code in EXIT_CODES)
    overview = shown[: shown.index("exit codes:")]
    assert max(map(len, overview.splitlines())) <= columns


def test_called_bare_it_shows_its_help_as_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert _ended() == 2
    shown = capsys.readouterr()
    assert not shown.out
    assert "begin with:" in shown.err


@pytest.mark.parametrize("name", COMMANDS)
def test_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _ended(name, "--help") == 0
    shown = capsys.readouterr().out
    examples = importlib.import_module(f"archspec.commands.{name}").EXAMPLES
    assert len(examples) >= 2
    for example in examples:
        assert f"\n  {example}\n" in f"{shown}\n"
        if name != "completion":
            program, *arguments = example.partition("  #")[0].split()
            assert program == "archspec"
            assert parse(arguments).command == name
            for before, word in pairwise(["", *arguments]):
                if word.startswith(("resnet", "lenet", "unet")) and "." not in word and before != "--family":
                    assert word in shipped()


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["buidl", "resnet50"], "there is no command `buidl`; did you mean `build`?"),
        (["--color", "never", "vlidate"], "did you mean `validate`?"),
        (["frobnicate"], "there is no command `frobnicate`\n"),
        (["build", "resnet50", "--bakcend", "torch"], "did you mean `--backend`?"),
        (["build", "resnet50", "--back", "torch"], "did you mean `--backend`?"),
        (["build", "resnet50", "--emit", "sourc"], "did you mean `source`?"),
        (["new", "mine", "--kind", "segmentatoin"], "did you mean `segmentation`?"),
        (["count", "lenet", "--form", "papre"], "did you mean `paper`?"),
    ],
)
def test_what_was_probably_meant(arguments: list[str], found: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _ended(*arguments) == 2
    shown = capsys.readouterr().err
    assert found in shown
    assert shown.startswith("archspec")
    assert "--help`" in shown


def test_the_command_of_a_line() -> None:
    assert command_of(["--color", "build", "list"]) == "list"
    assert command_of(["--color=never", "build"]) == "build"
    assert command_of(["-V"]) is None


class _Terminal:
    def isatty(self) -> bool:
        return True


class _Pipe:
    def isatty(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("choice", "variables", "stream", "expected"),
    [
        ("auto", {}, _Terminal(), True),
        ("auto", {}, _Pipe(), False),
        ("auto", {"NO_COLOR": "1"}, _Terminal(), False),
        ("auto", {"NO_COLOR": ""}, _Terminal(), True),
        ("auto", {"FORCE_COLOR": "1"}, _Pipe(), True),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, _Terminal(), False),
        ("always", {"NO_COLOR": "1"}, _Pipe(), True),
        ("never", {"FORCE_COLOR": "1"}, _Terminal(), False),
    ],
)
def test_color(
    choice: str, variables: dict[str, str], stream: object, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert use_color(choice, stream) is expected  # type: ignore[arg-type]
