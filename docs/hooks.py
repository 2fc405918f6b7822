"""What the site has besides the pages of docs/: the files they link to, as pages, and the gallery's pictures.

MkDocs calls the functions by their names. The pages themselves stay as they are, so that they can be read as files: a
link to `../specs/lenet.yaml` leads to the file there, and to a page that shows it here. `<!-- picture: lenet -->` is
nothing there, and the picture of that network here.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from pathlib import Path
from posixpath import dirname, normpath, relpath
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

import archspec

ROOT: Final = Path(__file__).resolve().parents[1]
LANGUAGES: Final = {".json": "json", ".py": "python", ".yaml": "yaml"}
THEMES: Final = {"light": "#only-light", "dark": "#only-dark"}
"""The themes of pictures, and what Material for MkDocs calls an image that only one of its schemes shows."""

_TARGET: Final = re.compile(r"(?<=\]\()(?![a-z]+:)([^)#\s]+)")
_PICTURE: Final = re.compile(r"<!-- picture: (\w+) -->")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files that pages link to outside docs/, and the pictures that they ask for."""
    for page in files.documentation_pages():
        text = page.content_string
        for target in _TARGET.findall(text):
            path = _outside(target, page.src_uri)
            if path is not None and files.get_file_from_path(_shown_at(path)) is None:
                files.append(_file(config, _shown_at(path), _listing(path)))
        for name in _PICTURE.findall(text):
            for theme in THEMES:
                files.append(_file(config, _picture_at(name, theme), _picture(name, theme)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to the pages of those files, and show the pictures."""
    here = page.file.src_uri
    folder = dirname(here) or "."

    def target(match: re.Match[str]) -> str:
        path = _outside(match[1], here)
        return match[1] if path is None else relpath(_shown_at(path), folder)

    def picture(match: re.Match[str]) -> str:
        title = escape(f"{match[1]}: its stages", quote=True)
        return "\n".join(
            f"![{title}]({relpath(_picture_at(match[1], theme), folder)}{mark})" for theme, mark in THEMES.items()
        )

    return _PICTURE.sub(picture, _TARGET.sub(target, markdown))


def _outside(target: str, page: str) -> str | None:
    """The path from the repository's root of a file that a page links to; None for what lies in docs/, or nowhere."""
    path = normpath(f"docs/{dirname(page)}/{target}")
    is_listed = not path.startswith(("docs/", "../", "/")) and Path(path).suffix in LANGUAGES
    return path if is_listed and (ROOT / path).is_file() else None


def _shown_at(path: str) -> str:
    return f"source/{path}.md"


def _picture_at(name: str, theme: str) -> str:
    return f"pictures/gallery/{name}_{theme}.svg"


def _file(config: MkDocsConfig, at: str, content: str) -> File:
    return File.generated(config, at, content=content, inclusion=InclusionLevel.NOT_IN_NAV)


def _listing(path: str) -> str:
    """A page with a file's text. Search passes over it: it would find each word in forty files."""
    text = (ROOT / path).read_text(encoding="utf-8").rstrip("\n")
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    head = f"---\ntitle: {Path(path).name}\nsearch: {{exclude: true}}\nhide: [toc]\n---\n"
    return f"{head}\n# {path}\n\n{fence}{LANGUAGES[Path(path).suffix]}\n{text}\n{fence}\n"


@cache
def _picture(name: str, theme: str) -> str:
    """A network's stages, as SVG."""
    if not hasattr(archspec, "draw"):  # TODO: goes when drawing is merged
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="300" height="40"><text y="20">{name} {theme}</text></svg>'
        )
    return archspec.draw(name, level="stage", theme=theme).svg()
