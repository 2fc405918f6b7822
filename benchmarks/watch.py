"""How soon a save is on the page of `archspec watch`: `python -m benchmarks.watch` from the repository's root.

A client of the real server takes the time from before a spec is written until the event has arrived whole, as a page
gets it. What the browser then does is not in it.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from http.client import HTTPResponse
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Final
from urllib.request import urlopen

from archspec.api import compile, loaded
from archspec.ir.graph import LayerGraph
from archspec.watching.files import DEBOUNCE, POLL
from archspec.watching.loop import watch
from archspec.watching.server import Server
from archspec.watching.snapshot import Snapshot, ValidNetwork, take_snapshot
from benchmarks.machine import describe

BOUND: Final = 0.3
"""Seconds, for ResNet-50."""


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="saves of each spec (20)")
    rounds: int = parser.parse_args().rounds
    print(describe("starlette", "uvicorn"))
    for name in ("resnet18", "resnet50", "resnet152"):
        measure(name, rounds)


def measure(name: str, rounds: int) -> None:
    """Save a spec that extends one that ships: with so many numbers of classes, and with a mistake after each."""
    text = f"archspec: 1\nextends: {name}\nname: {name}\nparams: {{classes: 1}}\n"
    work: list[float] = []
    with TemporaryDirectory() as beside, Server(name) as server:
        spec = Path(beside) / f"{name}.yaml"
        spec.write_text(text, encoding="utf-8")

        def compiled(asked: Callable[[Path], object]) -> LayerGraph:
            return compile(loaded(spec, {}, asked=asked))

        def show(found: Snapshot) -> None:
            if isinstance(found.found, ValidNetwork):
                work.append(found.seconds)
            server.show(found)

        stop = Event()
        watcher = Thread(target=watch, args=(partial(take_snapshot, compiled, "unit"), show, stop))
        watcher.start()
        took: dict[str, list[float]] = {"drawing": [], "errors": []}
        with urlopen(f"{server.url}events") as stream:
            for event in ("drawing", "errors"):
                _wait(stream, event)
            work.clear()
            for number in range(rounds):
                right = text.replace("classes: 1", f"classes: {10 + number}")
                took["drawing"].append(_save(spec, right, stream, "drawing"))
                _wait(stream, "errors")  # those that there are no longer
                took["errors"].append(_save(spec, right.replace("classes", "class"), stream, "errors"))
        stop.set()
        watcher.join()
    bound = f" (bound: {BOUND * 1e3:.0f} ms)" if name == "resnet50" else ""
    print(
        f"{name}: a picture in {_shown(took['drawing'])}{bound}, "
        f"{statistics.median(work) * 1e3:.0f} ms of it to compile and draw; "
        f"errors in {_shown(took['errors'])}; "
        f"a save is seen after {DEBOUNCE * 1e3:.0f} to {(POLL + DEBOUNCE) * 1e3:.0f} ms"
    )


def _save(spec: Path, text: str, stream: HTTPResponse, event: str) -> float:
    start = time.perf_counter()
    spec.write_text(text, encoding="utf-8")
    _wait(stream, event)
    return time.perf_counter() - start


def _wait(stream: HTTPResponse, event: str) -> None:
    """Read to the end of the next event of this name."""
    name = b""
    for line in stream:
        if line.startswith(b"event: "):
            name = line.split()[1]
        elif line == b"\n" and name == event.encode():
            return


def _shown(times: list[float]) -> str:
    return f"{statistics.median(times) * 1e3:.0f} ms, at most {max(times) * 1e3:.0f} ms"


if __name__ == "__main__":
    main()
