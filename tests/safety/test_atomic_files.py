"""A file is written whole or not at all: when the process is killed, and when two write at once."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from archspec.atomic_files import whole_file, write_text
from archspec.digests import state

ROOT = Path(__file__).resolve().parents[2]
KILLS = 50
SIZE = 4_000_000
# Writes one letter SIZE times, then the next, without end; says when it begins.
WRITER = """
import sys
from pathlib import Path
from archspec.atomic_files import write_text
print("ready", flush=True)
for round in range(10**9):
    write_text(Path(sys.argv[1]), "abcdefgh"[round % 8] * int(sys.argv[2]))
"""
BUILDER = """
import sys
from archspec.cli import main
for round in range(int(sys.argv[2])):
    given = ["--set", f"classes={sys.argv[3]}", "-o", sys.argv[1]]
    assert main(["build", "resnet18", "--no-verify", "--force", *given]) == 0
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    path, rng = tmp_path / "file.py", random.Random(1)
    path.write_text("z" * SIZE)
    seen: set[str] = set()
    longest = 0.03
    for kill in range(KILLS):
        if kill >= KILLS // 2 and len(seen) < 2:  # where others are at work, nothing is written so soon
            longest = min(2 * longest, 2.0)
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(SIZE)], cwd=ROOT, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(rng.random() * longest)
            process.kill()
        text = path.read_text()
        assert text == text[0] * SIZE
        seen.add(text[0])
    assert len(seen) > 1  # some were killed before their first file was done, some after
    left = [entry for entry in tmp_path.iterdir() if entry != path]
    assert left  # some were killed in the middle
    assert all(entry.name.startswith(".file.archspec-tmp-") for entry in left)
    write_text(path, "new")
    assert len(list(tmp_path.iterdir())) == len(left) + 1  # they may be another process's, at work
    for entry in left:
        os.utime(entry, (0, 0))
    write_text(path, "newer")
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "newer"


def test_two_builds_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "resnet18.py"
    commands = [[sys.executable, "-c", BUILDER, str(path), "15", classes] for classes in ("10", "1000")]
    processes = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) for command in commands]
    checked = 0
    while any(process.poll() is None for process in processes):
        checked += state(path) == "ours"  # the digest in its head is that of its text
        assert state(path) in ("absent", "ours")
        time.sleep(0.005)
    assert [process.returncode for process in processes] == [0, 0]
    assert checked > 1
    assert state(path) == "ours"
    assert list(tmp_path.iterdir()) == [path]
    compile(path.read_text(), str(path), "exec", dont_inherit=True)


def test_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    class Interrupt(BaseException):
        pass

    with pytest.raises(Interrupt), whole_file(path) as temporary:  # noqa: PT012 - the error comes after a part is written
        temporary.write_text("half")
        raise Interrupt
    assert [entry.read_text() for entry in tmp_path.iterdir()] == ["old"]
