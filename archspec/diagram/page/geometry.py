"""What `coordinates.place` needs to give everything its place, as JSON: the page does the same when a box is folded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from archspec.diagram import columns, u_shape
from archspec.diagram.coordinates import GAP, HEAD, PAD, TRACK, NestedLayout
from archspec.diagram.layout import SPACE, Point
from archspec.diagram.u_shape import Half, UShape

LENGTHS: Final = {
    "gap": GAP,
    "track": TRACK,
    "head": HEAD,
    "pad": PAD,
    "space": SPACE,
    "columns": {"between": columns.BETWEEN, "lead": columns.LEAD, "turn": columns.TURN, "most": columns.MOST},
    "bend": {"between": u_shape.BETWEEN, "turn": u_shape.TURN},
}
"""The lengths that places are computed with."""


def geometry(part: NestedLayout, bend: UShape | None = None) -> dict[str, Any]:
    """A part and all parts inside it. What is across has numbers; a corner of a line is (across, kind, at, track)."""
    found = _layout(part) | {
        "boxes": [
            {
                "path": box.path,
                "closed": _rounded(closed.along),
                "tail": _rounded(closed.tail),
                "open": _rounded(size.along),
                "least": _rounded(size.least),
                "reach": [_rounded(closed.before), _rounded(max(closed.after, closed.said))],
                "margins": size.margins,
                "words": [_rounded(length) for length in size.words],
                "inside": None if inner is None else geometry(inner),
            }
            for box, closed, size, inner in zip(part.figure.boxes, part.closed, part.sizes, part.inside, strict=True)
        ],
    }
    if bend is not None:
        found["bend"] = {
            "halves": [_half(half) for half in bend.halves],
            "turn": bend.turn,
            "skips": [[skip.line, skip.leaves, skip.enters, *skip.ranks, skip.level] for skip in bend.skips],
        }
    return found


def _layout(part: NestedLayout) -> dict[str, Any]:
    layout = part.layout
    return {
        "enters": part.figure.inputs > 0,
        "ranks": layout.ranks,
        "rank": layout.rank,
        "across": [_rounded(axis) for axis in layout.across],
        "free": [[ear.boxes, ear.first, ear.last] for ear in layout.free],
        "leaving": layout.leaving,
        "entering": layout.entering,
        "lines": [[line.source.box, line.target.box] for line in part.figure.lines],
        "routes": _corners(layout.routes),
    }


def _half(half: Half) -> dict[str, Any]:
    """Its boxes are those of the whole with these numbers."""
    return _layout(half.part) | {
        "members": half.boxes,
        "numbers": half.lines,
        "taps": _corners(half.part.layout.taps),
    }


def _corners(routes: Sequence[Sequence[Point]]) -> list[list[list[Any]]]:
    return [[[_rounded(point.across), *point.anchor] for point in route] for route in routes]


def _rounded(length: float) -> float:
    """Widths of texts have many digits; thousands of them together are still right to a tenth of a pixel."""
    return round(length, 5)
