"""Lines of a condition that is all there is under the `else` of another: `elif`."""

from __future__ import annotations

from collections.abc import Sequence

from archspec.codegen.marked_text import as_marked
from archspec.codegen.pretty_printer import INDENT


def is_condition(lines: Sequence[str], depth: int) -> bool:
    """Whether lines, so many levels in, are one `if` with all that belongs to it."""
    heads = [line.strip() for line in lines if not line.startswith(INDENT * (depth + 1))]
    words = [head.partition(" ")[0].rstrip(":") for head in heads if not head.startswith(")")]
    return bool(words) and words[0] == "if" and {*words[1:]} <= {"elif", "else"}


def as_elif(lines: Sequence[str]) -> list[str]:
    """These lines one level further out, after the lines of another condition."""
    first = lines[0].replace("if ", "elif ", 1)
    return [as_marked(new.removeprefix(INDENT), old) for new, old in zip((first, *lines[1:]), lines, strict=True)]
