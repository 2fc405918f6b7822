"""Lines of prose in the pages that come from the code: as long as those that are written by hand."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

WIDTH: Final = 120
_FENCE: Final = "```"
_AS_THEY_ARE: Final = ("|", "#", "<", "    ", "!", _FENCE)
"""What begins a line that is no prose: a row of a table, a heading, HTML, code, a picture."""
_MARKER: Final = re.compile(r"(?:[-+*>#|]|\d+[.)])(?:\s|$)|[<|#>]")
"""What would begin another block at the start of a line."""
_ITEM: Final = re.compile(r"\s*(?:- |\d+\. )")


def wrapped(lines: Iterable[str]) -> Iterator[str]:
    """The lines of a page in Markdown, prose broken at `WIDTH`; it means the same."""
    in_code = False
    for line in "\n".join(lines).split("\n"):
        is_fence = line.lstrip().startswith(_FENCE)
        in_code ^= is_fence
        if in_code or is_fence or len(line) <= WIDTH or line.startswith(_AS_THEY_ARE):
            yield line
        else:
            yield from _broken(line)


def _broken(line: str) -> list[str]:
    item = _ITEM.match(line)
    indent = " " * len(item[0]) if item else ""
    found = textwrap.wrap(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    for index in range(len(found) - 1, 0, -1):
        words = found[index].split()
        while words and _MARKER.match(words[0]):  # it stays behind the word before it
            previous, _, last = found[index - 1].rpartition(" ")
            found[index - 1], words = previous, [last, *words]
        found[index] = indent + " ".join(words)
    return found
