"""The documentation site: it builds without a warning, its links lead somewhere, no page needs another host."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from archspec.spec import shipped

pytestmark = pytest.mark.slow  # the site is built; `.ci/run` builds it each time, as strictly
ROOT = Path(__file__).resolve().parents[2]
LOADED = {"audio", "embed", "iframe", "img", "input", "link", "object", "script", "source", "use", "video"}
"""The elements that a browser fetches something for, without being asked to."""
ASKED = re.compile(r"""(?:url\(|@import|href=|src=)\s*["']?((?:https?:)?//[^"')]+)""")
"""What a style sheet or a picture loads from elsewhere."""


class Page(HTMLParser):
    """What a page loads, where it links to, and the anchors that it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.anchors |= {value for key in ("id", "name") if (value := found.get(key))}
        for key in ("href", "src", "srcset", "data", "poster", "xlink:href"):
            if value := found.get(key):
                (self.loads if tag in LOADED else self.links).append(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    folder = tmp_path_factory.mktemp("site")
    build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder), strict=True))
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}


def test_no_page_asks_another_host(site: Path, pages: dict[Path, Page]) -> None:
    asked = {(path.name, at) for path, page in pages.items() for at in page.loads if urlsplit(at).netloc}
    for path in (*site.rglob("*.css"), *site.rglob("*.svg")):
        asked |= {(path.name, at) for at in ASKED.findall(path.read_text(encoding="utf-8"))}
    assert not asked
    assert sum(len(page.loads) for page in pages.values()) > len(pages)  # they load something


def test_links_lead_somewhere(site: Path, pages: dict[Path, Page]) -> None:
    lost = []
    for path, page in pages.items():
        for at in {*page.loads, *page.links}:
            where = urlsplit(at)
            if where.scheme or where.netloc:
                continue
            base = site if where.path.startswith("/") else path.parent  # 404.html is shown anywhere
            found = (base / unquote(where.path).lstrip("/")).resolve() if where.path else path
            if not found.exists() or (
                where.fragment and found in pages and unquote(where.fragment) not in pages[found].anchors
            ):
                lost.append((path.name, at))
    assert not lost


def test_the_gallery_shows_each_network_and_its_sources(pages: dict[Path, Page], site: Path) -> None:
    gallery = pages[site / "gallery.html"]
    for name in shipped():
        for theme in ("light", "dark"):
            assert f"pictures/gallery/{name}_{theme}.svg#only-{theme}" in gallery.loads
        sources = [f"source/generated/{backend}/{name}.py.html" for backend in ("torch", "keras")]
        assert {*sources} < {*gallery.links}
        assert any(re.fullmatch(rf"source/specs/(examples/)?{name}\.yaml\.html", link) for link in gallery.links)


def test_a_notebook_is_a_page_with_its_outputs(pages: dict[Path, Page], site: Path) -> None:
    path = site / "first_network.html"
    assert "pictures/notebooks/first_network_1.svg" in pages[path].loads
    text = unescape(re.sub("<[^>]+>", "", path.read_text(encoding="utf-8")))
    assert "error[E0409]: conv has no attribute `filter`" in text
    assert "class Stripes(nn.Module):" in text


def test_a_source_is_shown_as_it_is_and_not_searched(site: Path) -> None:
    text = (site / "source" / "specs" / "resnet50_v1.yaml.html").read_text(encoding="utf-8")
    shown = re.sub("<[^>]+>", "", text[text.index("<code>") : text.index("</code>")])
    assert unescape(shown) == (ROOT / "specs" / "resnet50_v1.yaml").read_text(encoding="utf-8")
    index = (site / "search" / "search_index.json").read_text(encoding="utf-8")
    assert '"location":"gallery.html' in index
    assert '"location":"source/' not in index
