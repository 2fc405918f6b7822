"""The page's server: for this machine alone, and for who has the address with its token."""

from __future__ import annotations

import asyncio
import secrets
import socket
import sys
from collections.abc import AsyncIterator
from concurrent.futures import Future
from dataclasses import dataclass
from importlib.util import find_spec
from threading import Thread
from types import TracebackType
from typing import TYPE_CHECKING, Final

from archspec.errors import ArchspecError, BackendError, Diagnostic
from archspec.watching.page import errors_json, live_page, waiting_page
from archspec.watching.snapshot import Snapshot, ValidNetwork

if TYPE_CHECKING:
    import uvicorn
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

ADDRESS: Final = "127.0.0.1"
_STILL_THERE: Final = 15.0
"""Seconds of silence after which a page is written to, so that one which has gone is noticed."""
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",  # the rest of the policy stands in the page
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def require() -> None:
    """See that the packages are there which serve the page.

    Raises:
        BackendError: one is not installed.
    """
    absent = [name for name in ("starlette", "uvicorn") if find_spec(name) is None]
    if absent:
        message = f"{' and '.join(absent)}, which serve the page, are not installed"
        raise BackendError(Diagnostic("E0602", message, help="install them with `pip install starlette uvicorn`"))


@dataclass(frozen=True, slots=True)
class _View:
    """What pages show: the last picture that was right, and the errors since."""

    right: ValidNetwork | None = None
    number: int = 0
    """Of the picture, so that a page which has it already is not sent it again."""
    errors: bytes = errors_json(())


class Server:
    """Serves the page from a thread of its own, between `with` and its end.

    The token is a part of the path. Unlike a cookie, which all servers of one machine are sent, whatever their ports,
    it goes to this server alone.

    Args:
        title: of the page, until there is a picture.
        port: 0 for one that is free.

    Raises:
        ArchspecError: the port cannot be used.
    """

    def __init__(self, title: str, port: int = 0) -> None:
        self._title = title
        self._socket = _listening(port)
        self._port: int = self._socket.getsockname()[1]
        self._token = secrets.token_urlsafe()
        self._tickets: set[str] = set()
        self.url: Final = f"http://{ADDRESS}:{self._port}/{self._token}/"
        """The page's address, with the token."""
        self._view = _View()
        self._news = asyncio.Event()
        self._ended = False
        self._thread = Thread(target=self._run, name="archspec watch", daemon=True)
        self._started: Future[tuple[asyncio.AbstractEventLoop, uvicorn.Server]] = Future()

    def once(self) -> str:
        """An address that leads to the page once: all users of a machine see what a browser was called with."""
        ticket = secrets.token_urlsafe()
        self._tickets.add(ticket)
        return f"http://{ADDRESS}:{self._port}/{ticket}/"

    def show(self, look: Snapshot) -> None:
        """Let all pages show what a look found."""
        view, found = self._view, look.found
        if isinstance(found, ValidNetwork):
            same = view.right is not None and view.right.encoded == found.encoded
            self._view = _View(found, view.number if same else view.number + 1)
        else:
            self._view = _View(view.right, view.number, errors_json(found))
        loop, _ = self._started.result()
        loop.call_soon_threadsafe(self._report)

    def __enter__(self) -> Server:
        self._thread.start()
        self._started.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        loop, server = self._started.result()
        self._ended = server.should_exit = True
        loop.call_soon_threadsafe(self._report)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._started.done():
                raise
            self._started.set_exception(error)

    async def _serve(self) -> None:
        import uvicorn
        from starlette.applications import Starlette
        from starlette.routing import Route

        routes = [
            Route("/{token}/", self._page, methods=["GET"]),
            Route("/{token}/events", self._events, methods=["GET"]),
        ]
        hosts = [f"{name}:{self._port}" for name in (ADDRESS, "localhost")]
        config = uvicorn.Config(
            _Guard(Starlette(routes=routes), self._token, self._tickets, hosts),
            log_config=None,
            log_level="error",
            access_log=False,
            lifespan="off",
            loop="asyncio",
            http="h11",
            ws="none",
            proxy_headers=False,
            headers=list(_HEADERS.items()),
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        self._started.set_result((asyncio.get_running_loop(), server))
        await server.serve(sockets=[self._socket])

    def _report(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _page(self, request: Request) -> Response:
        from starlette.responses import HTMLResponse

        view = self._view
        text = live_page(view.right.shown, view.number) if view.right else waiting_page(self._title)
        return HTMLResponse(text)

    async def _events(self, request: Request) -> Response:
        from starlette.responses import StreamingResponse

        # A browser that connects again says which event it had last; a page says which picture it was made with.
        had = request.headers.get("last-event-id") or request.query_params.get("after") or ""
        number = int(had) if had.isascii() and had.isdigit() and len(had) < 10 else 0
        return StreamingResponse(self._stream(number), media_type="text/event-stream")

    async def _stream(self, had: int) -> AsyncIterator[bytes]:
        """Server-sent events, beginning with the state that there is."""
        yield b"retry: 500\n\n"
        sent: _View | None = None
        while not self._ended:
            news, view = self._news, self._view  # in this order: what comes after the view is waited for
            if view is not sent:  # the view comes from another thread, which may report it only after it was read
                if view.right and view.number != had:
                    had = view.number
                    yield b"event: drawing\nid: %d\ndata: %b\n\n" % (had, view.right.encoded)
                yield b"event: errors\ndata: %b\n\n" % view.errors
                sent = view
            while True:
                try:
                    await asyncio.wait_for(news.wait(), _STILL_THERE)
                    break
                except TimeoutError:
                    yield b": still there\n\n"


class _Guard:
    """Lets those requests through that have the token, and that are addressed to this machine by its own name.

    Another site's page can let a browser ask here under a name that this site has made to lead to 127.0.0.1; such a
    request still says the site's name.
    """

    def __init__(self, app: ASGIApp, token: str, tickets: set[str], hosts: list[str]) -> None:
        self._app = app
        self._token = token
        self._tickets = tickets
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(scope)(scope, receive, send)

    def _answer(self, scope: Scope) -> ASGIApp:
        from starlette.datastructures import Headers
        from starlette.responses import PlainTextResponse, RedirectResponse

        given = scope["path"].removeprefix("/").partition("/")[0]
        if Headers(scope=scope).get("host") in self._hosts:
            if _equal(given, self._token):
                return self._app
            for ticket in list(self._tickets):
                if _equal(given, ticket):
                    self._tickets.remove(ticket)
                    return RedirectResponse(f"/{self._token}/", 303)
        text = "This address is not the one that `archspec watch` has printed.\n"
        return PlainTextResponse(text, 403)


def _equal(given: str, secret: str) -> bool:
    """Compare in a time that does not depend on how much is right."""
    return secrets.compare_digest(given.encode(errors="replace"), secret.encode())


def _listening(port: int) -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":  # there it would let two servers have one port
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((ADDRESS, port))
        found.listen()
    except OSError as error:
        found.close()
        message = f"port {port} cannot be used: {error.strerror or error}"
        help = "choose another one; without --port a free one is found"
        raise ArchspecError(Diagnostic("E0804", message, help=help)) from None
    return found
