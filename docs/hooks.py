"""What the site has besides the pages of docs/: the files they link to and the notebooks, as pages, and pictures.

MkDocs calls the functions by their names. The pages themselves stay as they are, so that they can be read as files: a
link to `../specs/lenet.yaml` leads to the file there, and to a page that shows it here. `<!-- picture: lenet -->` is
nothing there, and the picture of that network here; a picture of docs/pictures has a dark twin, which shows here alone.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from posixpath import dirname, normpath, relpath
from typing import Final, Literal

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

import archspec
from docs.notebook import NOTEBOOKS, page, read

ROOT: Final = Path(__file__).resolve().parents[1]
WITHOUT_CONTENTS: Final = {"index.md"}
"""Pages of few headings, whose pictures have the room of the table of contents."""
LANGUAGES: Final = {".json": "json", ".py": "python", ".yaml": "yaml"}
THEMES: Final[dict[Literal["light", "dark"], str]] = {"light": "#only-light", "dark": "#only-dark"}
"""The themes of pictures, and what Material for MkDocs calls an image that only one of its schemes shows."""

_TARGET: Final = re.compile(r"(?<=\]\()(?![a-z]+:)([^)#\s]+)")
_MARK: Final = re.compile(r"<!-- picture: (\w+) -->")
_KEPT: Final = re.compile(r"!\[([^\]]*)\]\(((?:\.\./)*pictures/\w+)\.svg\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files that pages link to outside docs/, the pictures that they ask for, and the notebooks."""
    for notebook in NOTEBOOKS:
        text, pictures = page(read(notebook), f"pictures/notebooks/{notebook.stem}")
        files.append(_file(config, f"{notebook.stem}.md", text, InclusionLevel.INCLUDED))
        for at, picture in pictures.items():
            files.append(_file(config, at, picture))
    for written in files.documentation_pages():
        text = written.content_string
        for target in _TARGET.findall(text):
            path = _outside(target, written.src_uri)
            if path is not None and files.get_file_from_path(_shown_at(path)) is None:
                files.append(_file(config, _shown_at(path), _listing(path)))
        for name in _MARK.findall(text):
            for theme in THEMES:
                files.append(_file(config, _picture_at(name, theme), _picture(name, "stage", theme)))
            files.append(_file(config, _picture_at(name, "unit"), _picture(name, "unit", "light")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to the pages of those files, and show pictures in the scheme that the reader has chosen."""
    here = page.file.src_uri
    if here in WITHOUT_CONTENTS:
        page.meta["hide"] = ["toc"]
    folder = dirname(here) or "."

    def target(match: re.Match[str]) -> str:
        path = _outside(match[1], here)
        return match[1] if path is None else relpath(_shown_at(path), folder)

    def drawn(match: re.Match[str]) -> str:
        name = match[1]
        units = relpath(_picture_at(name, "unit"), folder)
        shown = (f"![The stages of {name}]({relpath(_picture_at(name, theme), folder)}" for theme in THEMES)
        return "\n".join(
            f"[{image}{mark}){{ loading=lazy }}]({units})" for image, mark in zip(shown, THEMES.values(), strict=True)
        )

    def kept(match: re.Match[str]) -> str:
        return f"![{match[1]}]({match[2]}.svg{THEMES['light']})\n![{match[1]}]({match[2]}_dark.svg{THEMES['dark']})"

    return _MARK.sub(drawn, _KEPT.sub(kept, _TARGET.sub(target, markdown)))


def _outside(target: str, page: str) -> str | None:
    """The path from the repository's root of a file that a page links to; None for what lies in docs/, or nowhere."""
    path = normpath(f"docs/{dirname(page)}/{target}")
    is_listed = not path.startswith(("docs/", "../", "/")) and Path(path).suffix in LANGUAGES
    return path if is_listed and (ROOT / path).is_file() else None


def _shown_at(path: str) -> str:
    return f"source/{path}.md"


def _picture_at(name: str, kind: str) -> str:
    return f"pictures/gallery/{name}_{kind}.svg"


def _file(config: MkDocsConfig, at: str, content: str, inclusion: InclusionLevel = InclusionLevel.NOT_IN_NAV) -> File:
    return File.generated(config, at, content=content, inclusion=inclusion)


def _listing(path: str) -> str:
    """A page with a file's text. Search passes over it: it would find each word in forty files."""
    text = (ROOT / path).read_text(encoding="utf-8").rstrip("\n")
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    head = f"---\ntitle: {Path(path).name}\nsearch: {{exclude: true}}\nhide: [toc]\n---\n"
    return f"{head}\n# {path}\n\n{fence}{LANGUAGES[Path(path).suffix]}\n{text}\n{fence}\n"


def _picture(name: str, level: Literal["stage", "unit"], theme: Literal["light", "dark"]) -> str:
    return archspec.draw(_graph(name), level=level, theme=theme).svg()


@cache
def _graph(name: str) -> archspec.LayerGraph:
    return archspec.compile(name)
