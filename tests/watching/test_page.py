"""The page in a browser, while its spec is edited."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.watching.conftest import SPEC, Watch

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

DRAWN = "times => document.querySelector('#world').textContent.split('relu').length - 1 === times"
"""Whether so many activations are in the picture."""
SEEN = """seen => {
    Object.defineProperty(document, 'hidden', {value: !seen, configurable: true});
    document.dispatchEvent(new Event('visibilitychange'));
}"""
"""As when another tab is chosen, and this one again."""


def test_the_picture_and_the_errors_follow_the_edits(spec: Path, watched: Watch, browser: Browser) -> None:
    spec.write_text("archspec: 1\n", encoding="utf-8")
    server = watched(spec)
    page = browser.new_page()
    page.set_default_timeout(10_000)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(server.url)
    page.wait_for_selector("#errors:has-text('E0205')")  # nothing to draw yet

    spec.write_text(SPEC, encoding="utf-8")
    page.wait_for_selector("#title:has-text('A small one')")
    page.wait_for_selector("[data-live]:has-text('live')")
    page.wait_for_function(DRAWN, arg=1)
    assert page.locator("#errors").is_hidden()

    spec.write_text(f"{SPEC}  - relu\n", encoding="utf-8")
    page.wait_for_function(DRAWN, arg=2)

    spec.write_text(f"# a line more\n{SPEC}  - relu\n".replace("filters", "filter"), encoding="utf-8")
    page.wait_for_selector("#errors:has-text('did you mean `filters`?')")
    page.wait_for_selector(".line.wrong:has-text('filter: 4')")
    page.wait_for_selector("[data-live]:has-text('an error')")

    spec.write_text(f"{SPEC}  - relu\n", encoding="utf-8")
    page.wait_for_selector("#errors", state="hidden")
    assert page.locator("#pane-spec .line").first.inner_text() == "archspec: 1"

    page.evaluate(SEEN, False)
    spec.write_text(SPEC, encoding="utf-8")
    time.sleep(0.3)
    assert page.evaluate(DRAWN, 2)
    page.evaluate(SEEN, True)
    page.wait_for_function(DRAWN, arg=1)
    assert not said
    page.close()
