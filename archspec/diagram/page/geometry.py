"""What `placing.place` needs to give everything its place, as JSON: the page does the same when a box is folded."""

from __future__ import annotations

from typing import Any, Final

from archspec.diagram.placing import GAP, HEAD, PAD, TRACK, Part

LENGTHS: Final = {"gap": GAP, "track": TRACK, "head": HEAD, "pad": PAD}
"""The lengths that places are computed with."""


def geometry(part: Part) -> dict[str, Any]:
    """A part and all parts inside it. What is across has numbers; a corner of a line is (across, kind, at, track)."""
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
        "routes": [[[_rounded(point.across), *point.anchor] for point in route] for route in layout.routes],
        "boxes": [
            {
                "path": box.path,
                "closed": _rounded(closed.along),
                "tail": _rounded(closed.tail),
                "open": _rounded(size.along),
                "least": _rounded(size.least),
                "inside": None if inner is None else geometry(inner),
            }
            for box, closed, size, inner in zip(part.figure.boxes, part.closed, part.sizes, part.inside, strict=True)
        ],
    }


def _rounded(length: float) -> float:
    """Widths of texts have many digits; thousands of them together are still right to a tenth of a pixel."""
    return round(length, 5)
