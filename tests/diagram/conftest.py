"""Pages that are open in the browser."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

import archspec
from archspec.diagram.drawing import Drawing
from archspec.diagram.page.page import html

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page, Route

ADDRESS = "http://page.invalid/"


@functools.cache
def drawn(name: str, *, horizontal: bool = False) -> Drawing:
    return archspec.draw(name, horizontal=horizontal)


@functools.cache
def text_of(name: str) -> str:
    return html(drawn(name))


@dataclass
class Visit:
    """A page that is open, and what it must not do."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def folded(self) -> set[str]:
        return set(self.page.evaluate("archspecPage.folded()"))

    def chosen(self) -> str | None:
        found: str | None = self.page.evaluate("document.querySelector('.chosen')?.dataset.path ?? null")
        return found

    def lit(self, holder: str) -> set[int]:
        """The lines of a text that are lit."""
        script = "holder => [...document.querySelectorAll(`${holder} .lit`)].map(line => Number(line.dataset.line))"
        return set(self.page.evaluate(script, holder))

    def area(self, selector: str) -> Any:
        """Where something is on the screen."""
        area = self.page.locator(selector).first.bounding_box()
        assert area is not None
        return area

    def box(self, path: str) -> Any:
        """The part of a box that can be pointed at: of a folded one or a layer all of it, of an open one its frame."""
        shape = "rect:visible, circle:visible"
        return self.page.locator(f'g.box[data-path="{path}"]').locator(shape).first


Opener = Callable[..., Visit]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Opener]:
    """Opens pages, and sees that none complains or asks for anything."""
    visits: list[Visit] = []
    contexts = []

    def opened(text: str, *, width: int = 1280, height: int = 800, dark: bool = False, touch: bool = False) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            has_touch=touch,
            is_mobile=touch,
        )
        contexts.append(context)
        found = Visit(context.new_page())
        visits.append(found)
        page = found.page
        page.set_default_timeout(5000)
        page.on("console", lambda message: found.complaints.append(message.text))
        page.on("pageerror", lambda error: found.complaints.append(str(error)))

        def dismiss(dialog: Dialog) -> None:
            found.complaints.append(dialog.message)
            dialog.dismiss()

        page.on("dialog", dismiss)

        def answer(route: Route) -> None:
            if route.request.url == ADDRESS:
                route.fulfill(body=text, content_type="text/html; charset=utf-8")
            else:
                found.requests.append(route.request.url)
                route.abort()

        context.route("**/*", answer)
        page.goto(ADDRESS)
        return found

    yield opened
    for context in contexts:
        context.close()
    for found in visits:
        assert found.complaints == []
        assert found.requests == []
