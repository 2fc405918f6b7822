"""Batches made ahead of time in worker processes, given in the order of their steps.

Each of n workers makes the batches of every n-th step, and writes them to a pipe of its own; a thread reads the
pipes in turn. So nothing depends on which worker is faster. A worker is a new Python that imports this module alone:
no framework, and nothing that this process has started is copied into it. It ends when its pipe is closed, however
that comes about.
"""

import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import suppress
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from archspec.training.data.parts.batches import Batches
from archspec.training.data.parts.errors import DataError

Batch: TypeAlias = tuple[NDArray[Any], NDArray[Any]]

_WORKER: Final = """
import pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
pickle.load(sys.stdin.buffer)(*pickle.load(sys.stdin.buffer))
"""


def load(
    batches: Batches,
    steps: range,
    *,
    workers: int = 0,
    ahead: int = 2,
    rank: int = 0,
    ranks: int = 1,
    parts: int = 1,
) -> Generator[Batch]:
    """The batches of these steps, in their order.

    Args:
        batches: of a split.
        steps: which; an epoch has `len(batches)` of them, and counting goes on through all epochs.
        workers: processes that make them; 0: they are made here, when they are asked for. The batches are the same.
        ahead: how many are kept ready, besides one in each worker.
        rank: which part of each batch, where several processes share it.
        ranks: how many processes there are.
        parts: in how many equal parts each batch is given, one after the other; of each, a process has its share.

    Raises:
        DataError: an image cannot be read, or a worker was ended from outside.
    """
    if not workers:
        for turn in range(len(steps) * parts):
            yield _made(batches, steps, turn, rank, ranks, parts)
        return
    started: list[subprocess.Popen[bytes]] = []
    ready: queue.Queue[Batch | Exception | None] = queue.Queue(ahead)
    stopped = threading.Event()
    reader = threading.Thread(target=_read, args=(started, len(steps) * parts, ready, stopped), daemon=True)
    try:
        for _ in range(min(workers, len(steps) * parts)):
            started.append(_start())
        for number, worker in enumerate(started):
            turns = range(number, len(steps) * parts, workers)
            _send(worker, (turns, batches, steps, rank, ranks, parts))
        reader.start()
        while (batch := ready.get()) is not None:
            if isinstance(batch, Exception):
                raise batch
            yield batch
    finally:
        stopped.set()
        for worker in started:
            worker.kill()
        while reader.is_alive():  # it may wait for room
            with suppress(queue.Empty):
                ready.get(timeout=0.01)
        for worker in started:
            worker.wait()
            for stream in (worker.stdin, worker.stdout):
                if stream is not None:
                    with suppress(OSError):
                        stream.close()


def _made(batches: Batches, steps: Sequence[int], turn: int, rank: int, ranks: int, parts: int) -> Batch:
    """The batch, or the part of one, that has this turn."""
    step, part = divmod(turn, parts)
    return batches.batch(steps[step], part * ranks + rank, parts * ranks)


def _start() -> subprocess.Popen[bytes]:
    # In a session of its own: Ctrl-C is for the main process, which ends the workers.
    return subprocess.Popen(
        [sys.executable, "-c", _WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )


def _send(worker: subprocess.Popen[bytes], arguments: tuple[Any, ...]) -> None:
    assert worker.stdin is not None
    with suppress(BrokenPipeError):  # one that has ended is noticed when its batch is read
        for each in (sys.path, _work, arguments):
            pickle.dump(each, worker.stdin)
        worker.stdin.flush()


def _work(turns: Sequence[int], batches: Batches, steps: Sequence[int], rank: int, ranks: int, parts: int) -> None:
    """What a worker does: it writes each batch as a header and the bytes of its two arrays."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is not to get between the batches
    try:
        for turn in turns:
            try:
                arrays = _made(batches, steps, turn, rank, ranks, parts)
            except Exception as error:  # it is raised anew by the main process
                pickle.dump(f"{error}" if isinstance(error, DataError) else f"{type(error).__name__}: {error}", out)
                out.flush()
                return
            pickle.dump([(array.dtype.str, array.shape) for array in arrays], out)
            for array in arrays:
                out.write(_bytes_of(np.ascontiguousarray(array)))
            out.flush()
    except (BrokenPipeError, KeyboardInterrupt):  # the main process has ended, or wants no more
        os._exit(1)


def _bytes_of(array: NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _read(
    workers: Sequence[subprocess.Popen[bytes]],
    count: int,
    ready: "queue.Queue[Batch | Exception | None]",
    stopped: threading.Event,
) -> None:
    for number in range(count):
        stream = workers[number % len(workers)].stdout
        assert stream is not None
        try:
            header = pickle.load(stream)
            if isinstance(header, str):
                ready.put(DataError(header))
                return
            arrays = [np.empty(shape, dtype) for dtype, shape in header]
            for array in arrays:
                if stream.readinto(_bytes_of(array)) != array.nbytes:  # type: ignore[attr-defined]
                    raise EOFError
        except (EOFError, pickle.UnpicklingError, ValueError, OSError):
            if not stopped.is_set():
                code = workers[number % len(workers)].wait()
                ready.put(DataError(f"worker {number % len(workers)} of the data ended with the code {code}"))
            return
        ready.put((arrays[0], arrays[1]))
        if stopped.is_set():
            return
    ready.put(None)
