"""Numbers of ops in a few letters, for the captions of pictures and the cells of tables."""

from __future__ import annotations

from archspec.ir.attributes import Factors, Padding, PerAxis


def extents(sizes: Factors) -> str:
    """One number for each axis: `3x3`, or `3` along a signal."""
    return "x".join(map(_short, sizes))


def _short(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:.4g}"


def number(sizes: Factors) -> str:
    """Numbers that are mostly equal: `2`, or `2x1`."""
    return _short(sizes[0]) if len(set(sizes)) == 1 else extents(sizes)


def sides(padding: Padding) -> str:
    """`1` or `1x2` where opposite sides are equal, else all of them: `1/0/2/0`."""
    if (both := padding.symmetric) is not None:
        return number(both)
    return "/".join(f"{before}/{after}" for before, after in padding.sides or ())


def unless_one(sizes: PerAxis, text: str) -> str:
    """A text with the sizes in place of `{}`; empty where they are 1."""
    return "" if set(sizes) == {1} else text.format(number(sizes))


def joined(*parts: str) -> str:
    """Those that are not empty, with commas."""
    return ", ".join(part for part in parts if part)
