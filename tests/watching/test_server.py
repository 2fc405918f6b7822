"""The server is for this machine alone, and for who has the address."""

from __future__ import annotations

import http.client
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from archspec.watching.server import Server
from tests.watching.conftest import RIGHT, Events, Watch

Connect = Callable[..., Events]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("small") as server:
        yield server


def _ask(url: str, path: str, host: str | None = None, method: str = "GET") -> http.client.HTTPResponse:
    found = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", found.port, timeout=10)
    connection.request(method, path, headers={"Host": host or found.netloc})
    response = connection.getresponse()
    response.read()
    return response


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        ("{token}/", "127.0.0.1:{port}", 200),
        ("{token}/", "localhost:{port}", 200),
        ("{token}/", "evil.example:{port}", 403),
        ("{token}/", "127.0.0.1", 403),
        ("{token}/events", "evil.example:{port}", 403),
        ("/", "127.0.0.1:{port}", 403),
        ("/favicon.ico", "127.0.0.1:{port}", 403),
        ("/wrong/", "127.0.0.1:{port}", 403),
        ("/wrong/events", "127.0.0.1:{port}", 403),
        ("/%FC%00/", "127.0.0.1:{port}", 403),
        ("/.{token}/", "127.0.0.1:{port}", 403),
        ("{token}/small.yaml", "127.0.0.1:{port}", 404),
        ("{token}/../../etc/passwd", "127.0.0.1:{port}", 404),
        ("{token}/%2e%2e/%2e%2e/etc/passwd", "127.0.0.1:{port}", 404),
    ],
)
def test_only_the_address_with_its_token_is_served(server: Server, path: str, host: str, status: int) -> None:
    found = urlsplit(server.url)
    words = {"token": found.path.rstrip("/"), "port": found.port}
    response = _ask(server.url, path.format(**words).replace("/./", "/."), host.format(**words))
    assert response.status == status
    assert response.headers.get("Access-Control-Allow-Origin") is None
    assert response.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert (response.status == 200) == (response.headers["Content-Type"] == "text/html; charset=utf-8")


def test_nothing_is_taken_from_a_page(server: Server) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert _ask(server.url, urlsplit(server.url).path, method=method).status == 405


def test_what_is_no_path_is_refused_too(server: Server) -> None:
    assert _ask(server.url, "*", method="OPTIONS").status == 403


def test_the_address_that_the_browser_is_called_with_works_once(server: Server) -> None:
    path = urlsplit(server.once()).path
    assert _ask(server.url, path, host="evil.example").status == 403
    first = _ask(server.url, path)
    assert (first.status, first.headers["Location"]) == (303, urlsplit(server.url).path)
    assert _ask(server.url, path).status == 403


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")
def test_no_other_address_is_listened_on(server: Server) -> None:
    port = urlsplit(server.url).port
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), timeout=5)


def test_each_run_has_its_own_token(server: Server) -> None:
    with Server("small") as other:
        token = urlsplit(other.url).path
        assert len(token) > 40
        assert _ask(server.url, token).status == 403


def test_a_page_gets_the_state_at_once_and_all_pages_get_the_news(spec: Path, watched: Watch, events: Connect) -> None:
    server = watched(spec)
    first = events(server)
    first.titled("A small one")
    second, third = events(server), events(server, after=first.number)
    second.titled("A small one")
    assert third.next() == RIGHT  # it has the picture
    spec.write_text(spec.read_text().replace("A small one", "Another"), encoding="utf-8")
    for page in (first, second, third):
        page.titled("Another")


def test_the_server_ends_though_pages_are_connected(spec: Path, events: Connect) -> None:
    with Server("small") as server:
        page = events(server)
        assert page.next() == RIGHT
        start = time.perf_counter()
    assert time.perf_counter() - start < 2
    assert page.response.read() == b""
    with pytest.raises(ConnectionRefusedError):
        _ask(server.url, "/")
