"""Lines of prose are as long as an editor shows, in pages that come from the code and in those written by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs import gallery, tutorial
from docs.wrapping import WIDTH, wrapped

ROOT = Path(__file__).resolve().parents[2]
MOST = 200
_COMMENT = re.compile(r"<!--.*?-->")


def prose(text: str) -> Iterator[str]:
    """The lines of a page that are neither code nor rows of a table, without comments."""
    in_code = False
    for line in text.splitlines():
        is_fence = line.lstrip().startswith("```")
        in_code ^= is_fence
        if not (in_code or is_fence or line.startswith("|")):
            yield _COMMENT.sub("", line)


@pytest.mark.parametrize("page", [tutorial.page, gallery.page])
def test_what_comes_from_the_code_is_wrapped(page: object) -> None:
    assert callable(page)
    lines = [*page("")]
    assert max(map(len, "\n".join(lines).splitlines())) > WIDTH
    text = "\n".join(wrapped(lines))
    assert max(map(len, prose(text))) <= WIDTH
    assert text.split() == "\n".join(lines).split()
    assert [*wrapped(text.splitlines())] == text.splitlines()


@pytest.mark.parametrize("path", sorted((ROOT / "docs").rglob("*.md")), ids=lambda path: path.name)
def test_no_line_is_longer_than_anyone_reads(path: Path) -> None:
    assert max(map(len, prose(path.read_text(encoding="utf-8")))) <= MOST


@pytest.mark.parametrize("marker", ["-", "+", "*", "1.", "#", ">", "|", "<b>", "12)"])
def test_no_line_begins_another_block(marker: str) -> None:
    """A word that would begin a list, a heading or a quotation stays behind the one before it."""
    for length in range(WIDTH - 8, WIDTH + 1):
        line = "a" * (length - 3) + f" bc {marker} {marker} " + "word " * 30
        found = [*wrapped([line])]
        assert " ".join(found).split() == line.split()
        assert not any(part.split()[0] == marker for part in found)


def test_what_is_no_prose_stays_as_it_is() -> None:
    long = "word " * 60
    lines = [f"| {long} |", "```yaml", long, "```", f"# {long}", f"    {long}"]
    assert [*wrapped(lines)] == lines
    first, *others = wrapped([f"- {long}"])
    assert first.startswith("- word")
    assert all(line.startswith("  word") for line in others)
