"""`archspec watch`, as a user calls it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from archspec.cli import main
from archspec.errors import Diagnostic
from archspec.watching.snapshot import Snapshot
from archspec.watching.terminal import Terminal
from tests.watching.conftest import save


@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
@pytest.mark.timeout(60)
def test_the_terminal_tells_of_each_save_and_ctrl_c_ends_it(spec: Path) -> None:
    def started(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "archspec.cli", *arguments],
            cwd=spec.parent,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Where these tests themselves were started not to hear Ctrl-C, their children would be born deaf, too.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    with started("watch", spec.name, "--no-open") as process:
        assert process.stdout
        first = process.stdout.readline()
        assert re.fullmatch(
            r"watching small\.yaml, shown at http://127\.0\.0\.1:\d+/[\w-]{43}/ \(Ctrl-C ends\)\n", first
        )
        counts = r"\(2 layers, \d+ parameters, [\d.]+ k MACs\) in \d\.\d\d s\n"
        assert re.fullmatch(rf"\d\d:\d\d:\d\d small\.yaml: right {counts}", process.stdout.readline())

        text = spec.read_text(encoding="utf-8")
        save(spec, text.replace("kernel: 3", "kernel: 5, stride: 2"))
        assert re.search(counts, process.stdout.readline())
        assert process.stdout.readline() == "         first: kernel 3 -> 5, stride 1 -> 2\n"
        assert process.stdout.readline() == "         output output: 4x6x6 -> 4x2x2\n"

        save(spec, text.replace("kernel: 3", "kernels: 3"))
        assert re.search(r"small\.yaml: an error in \d\.\d\d s\n", process.stdout.readline())
        validated = started("validate", spec.name).communicate()[1].partition("\n\nfor more:")[0] + "\n"
        assert "E0409" in validated

        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
        assert (process.returncode, out) == (0, "")
        assert err == f"\n{validated}\n"


def test_a_terminal_is_written_to_in_color(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal("small", color=True, color_errors=True)
    terminal.report(Snapshot((Diagnostic("E0205", "a key is missing"),), {}, 0.01))
    out, err = capsys.readouterr()
    assert "\x1b[1;31man error\x1b[0m" in out
    assert "\x1b[1;31merror[E0205]" in err


def test_a_browser_is_called_where_there_is_a_screen(
    spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    called: list[str] = []

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("webbrowser.open", called.append)
    monkeypatch.setattr("archspec.watching.loop.watch", stop)
    monkeypatch.setenv("BROWSER", "any")
    assert main(["watch", str(spec), "--no-open"]) == 0
    assert main(["watch", str(spec)]) == 0
    (url,) = called
    assert url.startswith("http://127.0.0.1:")
    assert url not in capsys.readouterr().out


def test_a_port_that_is_taken_is_an_error(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["watch", str(spec), "--no-open", "--port", str(taken.getsockname()[1])]) == 1
    assert "error[E0804]" in capsys.readouterr().err


def test_the_packages_that_serve_the_page_are_asked_for(
    spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("archspec.watching.server.find_spec", lambda name: None if name == "uvicorn" else object())
    assert main(["watch", str(spec)]) == 1
    err = capsys.readouterr().err
    assert "error[E0602]: uvicorn, which serve" in err
    assert "pip install starlette uvicorn" in err


@pytest.mark.parametrize(
    ("arguments", "code", "found"),
    [
        (["no_such_spec"], 1, "E0106"),
        (["resnet50", "--set", "classes"], 1, "E0202"),
        (["resnet50", "--limit", "nothing=1"], 1, "E0207"),
        (["resnet50", "--port", "70000"], 2, "not a port"),
    ],
)
def test_a_wrong_command_line_is_not_waited_on(
    arguments: list[str], code: int, found: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given: object
    try:
        given = main(["watch", *arguments])
    except SystemExit as ended:
        given = ended.code
    assert given == code
    assert found in capsys.readouterr().err
