"""A spec that is watched, with a real server on the loopback interface, and a client of its events."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import pytest

from archspec.api import compile, loaded
from archspec.ir.graph import LayerGraph
from archspec.watching.loop import watch
from archspec.watching.server import Server
from archspec.watching.snapshot import take_snapshot

SPEC = """\
archspec: 1
name: small
title: A small one
input: {channels: 3, height: 8, width: 8}
layers:
  - conv: {name: first, filters: 4, kernel: 3}
  - relu
"""

RIGHT: Any = ("errors", {"errors": [], "texts": {}})
"""The event that says that nothing is wrong."""

Watch: TypeAlias = Callable[[Path], Server]


def save(path: Path, text: str) -> None:
    """As many editors do: a new file takes the place of the old one, and nobody sees half of it."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A spec that can be edited."""
    path = tmp_path / "small.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return path


@pytest.fixture
def watched() -> Iterator[Watch]:
    """Watch a spec, until the test ends."""
    with ExitStack() as stack:
        yield lambda path: stack.enter_context(_watched(path))


@contextmanager
def _watched(path: Path) -> Iterator[Server]:
    def compiled(asked: Callable[[Path], object]) -> LayerGraph:
        return compile(loaded(path, {}, asked=asked))

    stop = Event()
    with Server(path.name) as server:
        thread = Thread(target=watch, args=(partial(take_snapshot, compiled, "unit"), server.show, stop))
        thread.start()
        try:
            yield server
        finally:
            stop.set()
            thread.join()


class Events:
    """What a page is sent, as pairs of an event's name and its data."""

    def __init__(self, url: str, after: int = 0) -> None:
        found = urlsplit(url)
        assert found.hostname
        self._connection = http.client.HTTPConnection(found.hostname, found.port, timeout=10)
        self._connection.request("GET", f"{found.path}events?after={after}")
        self.response = self._connection.getresponse()
        self.number = after

    def next(self) -> tuple[str, Any]:
        """The next event, which is waited for."""
        fields: dict[str, str] = {}
        while line := self.response.readline().decode().rstrip("\n"):
            name, _, value = line.partition(": ")
            fields[name] = value
        if "event" not in fields:
            assert fields, "the server has ended the stream"
            return self.next()
        self.number = int(fields.get("id", self.number))
        return fields["event"], json.loads(fields["data"])

    def titled(self, title: str) -> None:
        """Wait for a picture of this title, without errors."""
        right, event = False, self.next()
        while not (right and event == RIGHT):
            right = event[1]["title"] == title if event[0] == "drawing" else right
            event = self.next()

    def codes(self) -> list[str]:
        """Wait for errors, and give their codes."""
        while True:
            name, data = self.next()
            if name == "errors" and data["errors"]:
                return [error["code"] for error in data["errors"]]


@pytest.fixture
def events() -> Iterator[Callable[..., Events]]:
    """Connect as a page does; disconnected when the test ends."""
    made: list[Events] = []

    def connect(server: Server, after: int = 0) -> Events:
        made.append(Events(server.url, after))
        return made[-1]

    yield connect
    for client in made:
        client.response.close()
