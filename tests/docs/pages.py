"""Pages that run: their commands and programs, in order, in an empty folder, as a reader would paste them.

What a page says to the runner stands in comments that a reader does not see:

    <!-- file: net.yaml -->       the next block is the text of this file
    <!-- given: weights.pth -->   the reader has this file already; `GIVEN` makes it
    <!-- output -->               the next block is what the commands before it print; `...` stands for anything
    <!-- not run: install -->     the next block is not run; `NOT_RUN` has the reasons that there may be

Blocks of `sh` are run line by line in bash, those of `python` as one program each; all others are for the reader alone.
A command exits with 0, unless the comment at its end says `exits with 3`, without an `if` after it, and by itself,
unless that says `Ctrl-C ends it`.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NOT_RUN: Final = {
    "install": "`.ci/run` runs the README's two commands, and installs the wheel",
    "elsewhere": "it is a file for another program, such as a CI service",
    "browser": "it opens a window",
    "main-command": "`.ci/run` runs it",
    "test-command": "`.ci/run` runs it",
    "excerpt": "tests compare it with the file that it is from",
}
"""Why a block may not be run."""

_PART: Final = re.compile(
    r"^<!-- (?P<mark>[a-z][a-z -]*?)(?:: (?P<option>[^>]+?))? -->$|^```(?P<kind>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_STATUS: Final = re.compile(r"#.*\bexits with (\d+)(?! if)")
SECONDS: Final = 900


@dataclass(frozen=True)
class Block:
    """A block of a page, and what the page says of it."""

    kind: str
    text: str
    line: int
    mark: str = ""
    option: str = ""


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a page in order, and the files that it takes as given."""
    mark = option = ""
    for match in _PART.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if match["mark"] == "given":
            yield Block("given", "", line, "given", match["option"])
        elif match["mark"]:
            mark, option = match["mark"], match["option"] or ""
        else:
            yield Block(match["kind"], match["text"], line, mark, option)
            mark = option = ""


def commands(text: str) -> Iterator[str]:
    """The commands of a block of `sh`, continued lines joined."""
    yield from (line for line in text.replace("\\\n", " ").splitlines() if line.strip() and not line.startswith("#"))


def run(
    page: Path, folder: Path, given: Mapping[str, Callable[[Path], None]], less: Mapping[str, str] | None = None
) -> None:
    """Do what a page says, in this folder; `less` has options that are added to a command.

    Raises:
        AssertionError: a command ends otherwise than the page says, or prints something else; the message has its line.
    """
    printed = ""
    for block in blocks(page.read_text(encoding="utf-8")):
        where = f"{page.name}:{block.line}"
        reason = block.option if block.mark == "not run" else block.mark
        if block.mark == "given":
            given[block.option](folder / block.option)
        elif block.mark == "file":
            path = folder / block.option
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif block.mark == "output":
            _compare(block.text, printed, where)
        elif reason in NOT_RUN:
            continue
        elif block.mark:
            raise AssertionError(f"{where}: an unknown mark: {block.mark}: {block.option}")
        elif block.kind == "sh":
            printed = "".join(
                _run(f"{command} {(less or {}).get(command, '')}".rstrip(), folder, where)
                for command in commands(block.text)
            )
        elif block.kind == "python":
            printed = _finished([sys.executable, "-c", block.text], folder, where, 0)


def _run(command: str, folder: Path, where: str) -> str:
    status = _STATUS.search(command)
    if "# " in command and "Ctrl-C ends it" in command.partition("# ")[2]:
        return _interrupted(command, folder, where)
    return _finished(["bash", "-c", command], folder, f"{where}: {command}", int(status[1]) if status else 0)


def _finished(command: list[str], folder: Path, where: str, status: int) -> str:
    done = subprocess.run(
        command, cwd=folder, env=_environment(), capture_output=True, text=True, check=False, timeout=SECONDS
    )
    printed = done.stdout + done.stderr
    assert done.returncode == status, f"{where} exits with {done.returncode}, not with {status}:\n{printed[-3000:]}"
    return printed


def _interrupted(command: str, folder: Path, where: str) -> str:
    """What a command has printed that runs until Ctrl-C; it is given time to start."""
    process = subprocess.Popen(
        ["bash", "-c", f"exec {command}"],
        cwd=folder,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        time.sleep(5)
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, f"{where}: {command} exits with {process.returncode}:\n{printed[-3000:]}"
    return printed


def _compare(expected: str, printed: str, where: str) -> None:
    """See that what a page shows was printed, line after line; `...` stands for any lines, or for any text."""
    lines = [line.rstrip() for line in expected.strip("\n").splitlines()]
    patterns = [".*?" if line.strip() == "..." else re.escape(line).replace(r"\.\.\.", ".*?") for line in lines]
    text = "\n".join(line.rstrip() for line in printed.splitlines())
    assert re.search("\n".join(patterns), text, re.DOTALL), f"{where}: the output is otherwise:\n{printed[-3000:]}"


def _environment() -> dict[str, str]:
    """That of a reader whose virtual environment is active, in a terminal of usual width without colors."""
    scripts = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": os.pathsep.join((scripts, os.environ.get("PATH", ""))),
        "COLUMNS": "120",
    }
