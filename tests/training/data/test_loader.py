"""Workers: their errors, and how they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from archspec.training.data.config import DataConfig
from archspec.training.data.module import data_module
from archspec.training.data.parts.batches import Batches, Data
from archspec.training.data.parts.errors import DataError
from archspec.training.data.parts.examples import Examples, InMemory
from archspec.training.data.parts.folder import ImageFolder
from archspec.training.data.parts.loader import load
from tests.training.data import files


@dataclass(frozen=True)
class Slow:
    """Reads nothing, slowly; or ends its process at an example."""

    seconds: float = 0.0
    ends_at: int = -1

    def __call__(self, indices: NDArray[np.int64]) -> Any:
        if self.ends_at in indices:
            os._exit(7)
        time.sleep(self.seconds)
        print("a library that prints something")
        return np.zeros((len(indices), 2, 2, 1), np.uint8) + indices.reshape(-1, 1, 1, 1).astype(np.uint8)


def batches(read: Any, count: int = 64) -> Batches:
    return Batches(Examples(read, np.arange(count), tuple(map(str, range(count))), (2, 2, 1), "here"), (), 4)


def children() -> set[int]:
    """Of this process."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid() and fields[0] != "Z":
            found.add(int(path.parent.name))
    return found


linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")


@pytest.mark.parametrize("workers", [0, 1, 3, 40])
def test_batches_come_in_the_order_of_their_steps(workers: int) -> None:
    found = [int(images[0, 0, 0, 0]) for images, _ in load(batches(Slow()), range(3, 14), workers=workers)]
    assert found == list(range(12, 56, 4))
    assert not list(load(batches(Slow()), range(5, 5), workers=workers))


@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.parametrize("ranks", [1, 2])
def test_parts_of_a_batch_are_those_of_all_processes_together(workers: int, ranks: int) -> None:
    def of(rank: int) -> list[list[int]]:
        made = load(batches(Slow()), range(2, 5), workers=workers, rank=rank, ranks=ranks, parts=2)
        return [images[:, 0, 0, 0].astype(int).tolist() for images, _ in made]

    shares = [of(rank) for rank in range(ranks)]
    found = [[*chain.from_iterable(share[turn] for share in shares)] for turn in range(6)]
    assert found == [[first, first + 1] for first in range(8, 20, 2)]


def test_the_last_batch_and_empty_parts_are_passed_on() -> None:
    uneven = batches(Slow(), 6)
    assert [len(images) for images, _ in load(uneven, range(2), workers=2)] == [4, 2]
    assert [len(images) for images, _ in load(uneven, range(2), workers=2, rank=0, ranks=8)] == [0, 0]


def test_workers_are_ahead() -> None:
    found = load(batches(Slow(0.2)), range(8), workers=2, ahead=4)
    next(found)
    time.sleep(1.5)
    start = time.perf_counter()
    for _ in range(4):
        next(found)
    assert time.perf_counter() - start < 0.15
    found.close()


@linux
def test_no_worker_is_left() -> None:
    before = children()
    for stop in (1, 3, 16):
        found = load(batches(Slow()), range(16), workers=3)
        for _ in range(stop):
            next(found)
        assert len(children() - before) >= 1
        found.close()
        assert children() == before
    list(load(batches(Slow()), range(16), workers=3))
    assert children() == before


def test_an_error_in_a_worker_names_the_file(tmp_path: Path) -> None:
    files.image_folder(tmp_path)
    data = Data(ImageFolder(), tmp_path, training=(), evaluation=(), batch=2, shuffle=False)
    path = tmp_path / "train/cat/3.png"
    path.unlink()
    found = load(data.training, range(6), workers=2)
    for _ in range(5):
        next(found)
    with pytest.raises(DataError, match=r"cat/3\.png: No such file"):
        next(found)


def test_a_worker_that_is_ended_is_an_error_not_a_wait() -> None:
    with pytest.raises(DataError, match="worker 1 of the data ended with the code 7"):
        list(load(batches(Slow(ends_at=22)), range(16), workers=2))


def test_other_errors_of_a_worker_say_what_they_are() -> None:
    with pytest.raises(DataError, match="IndexError"):
        list(load(batches(InMemory(np.zeros((3, 2, 2, 1), np.uint8))), range(2), workers=1))


PROGRAM = """
import signal, sys, time
from data import open_data, load
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores it
    data = open_data(sys.argv[1])
    try:
        for step, (images, targets) in enumerate(load(data.training, range(10**6), workers=2)):
            if step == 3:
                print("ready", flush=True)
            time.sleep(0.01)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        sys.exit(130)
"""


@linux
@pytest.mark.parametrize("how", ["ctrl-c", "kill"])
def test_a_program_that_is_stopped_leaves_no_worker(tmp_path: Path, how: str) -> None:
    files.cifar10_binary(tmp_path / "cifar")
    from archspec.training.data.parts.cifar import Cifar

    (tmp_path / "data.py").write_text(data_module(DataConfig(Cifar(), (), (), batch=4)), encoding="utf-8")
    (tmp_path / "train.py").write_text(textwrap.dedent(PROGRAM), encoding="utf-8")
    command = [sys.executable, str(tmp_path / "train.py"), str(tmp_path / "cifar")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        assert program.stdout.readline() == "ready\n"
        workers = {
            int(path.parent.name)
            for path in Path("/proc").glob("[0-9]*/stat")
            if path.exists() and path.read_text().rpartition(")")[2].split()[1] == str(program.pid)
        }
        assert len(workers) == 2
        if how == "ctrl-c":
            os.killpg(program.pid, signal.SIGINT)  # as a terminal does
        else:
            program.kill()
        try:
            output, errors = program.communicate(timeout=60)
        finally:
            program.kill()  # else the block would wait for one that does not end
    if how == "ctrl-c":
        assert output == "interrupted\n"
        assert errors == ""
        assert program.returncode == 130
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
