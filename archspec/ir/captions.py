"""Numbers of ops in a few letters, for the captions of pictures and the cells of tables."""

from __future__ import annotations

from archspec.ir.attributes import Padding, Pair


def pair(sizes: Pair) -> str:
    """Height and width: `3x3`."""
    return f"{sizes[0]}x{sizes[1]}"


def number(sizes: Pair) -> str:
    """A pair that is mostly two equal numbers: `2`, or `2x1`."""
    return str(sizes[0]) if sizes[0] == sizes[1] else pair(sizes)


def sides(padding: Padding) -> str:
    """`1` or `1x2` where opposite sides are equal, else all of them: `1/0/2/0`."""
    if (both := padding.symmetric) is not None:
        return number(both)
    return "/".join(map(str, padding.sides or ()))


def unless_one(sizes: Pair, text: str) -> str:
    """A text with the sizes in place of `{}`; empty where they are 1."""
    return "" if sizes == (1, 1) else text.format(number(sizes))


def joined(*parts: str) -> str:
    """Those that are not empty, with commas."""
    return ", ".join(part for part in parts if part)
