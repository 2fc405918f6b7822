"""A picture as PNG or PDF, by matplotlib: from PyPI, with its own font, without a system library or a display."""

from __future__ import annotations

import io
from typing import Any, Final, Literal

from archspec.diagram.scene import Circle, Path, Rect, Scene, Shape, Text
from archspec.diagram.theme import THEMES, Theme, ThemeName

_DPI: Final = 72.0
"""One pixel of a scene is one point."""
_SHARPNESS: Final = 2.0
"""Pixels of a PNG file for each of a scene: legible on a slide."""
_MOST_PIXELS: Final = 60_000
"""Of a PNG file's height or width; the painter takes no more than 65,535."""
_MOST_AREA: Final = 120e6
"""Pixels of a PNG file in all, four bytes each while it is painted."""


def paint(scene: Scene, theme: ThemeName, kind: Literal["png", "pdf"]) -> bytes:
    """The bytes of a file, the same every time."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"font.family": "DejaVu Sans", "pdf.fonttype": 42, "path.simplify": False}):
        figure = Figure(figsize=(scene.width / _DPI, scene.height / _DPI), dpi=_DPI, facecolor=THEMES[theme].paper)
        painter = _Painter(figure, scene.height, THEMES[theme])
        for x, y, group in scene.root.walk():
            for shape in group.shapes:
                painter.paint(shape, x, y)
        file = io.BytesIO()
        if kind == "pdf":
            figure.savefig(file, format="pdf", dpi=_DPI, metadata={"CreationDate": None})
        else:
            area, longest = scene.width * scene.height, max(scene.width, scene.height)
            scale = min(_SHARPNESS, _MOST_PIXELS / longest, (_MOST_AREA / area) ** 0.5)
            figure.savefig(file, format="png", dpi=_DPI * scale, pil_kwargs={"compress_level": 4})
    return file.getvalue()


class _Painter:
    """Puts shapes on a figure of matplotlib, one over the other."""

    def __init__(self, figure: Any, height: float, theme: Theme) -> None:
        from matplotlib.transforms import Affine2D

        self.figure = figure
        self.theme = theme
        # Not on axes: to keep their limits takes longer than to paint.
        self.transform = Affine2D().scale(1, -1).translate(0, height).scale(1 / _DPI) + figure.dpi_scale_trans
        self.order = 0

    def paint(self, shape: Shape, x: float, y: float) -> None:
        """Paint a shape whose origin stands here."""
        from matplotlib.patches import Circle as Disc
        from matplotlib.patches import FancyBboxPatch
        from matplotlib.text import Text as Words

        match shape:
            case Rect():
                style = f"round,pad=0,rounding_size={shape.radius}"
                corner = x + shape.x, y + shape.y
                self._add(FancyBboxPatch(corner, shape.width, shape.height, boxstyle=style, **self._colors(shape)))
            case Circle():
                self._add(Disc((x + shape.x, y + shape.y), shape.radius, **self._colors(shape)))
            case Text():
                self._add(
                    Words(
                        x + shape.x,
                        y + shape.y + shape.size * 0.36,
                        shape.text,
                        color=self.theme.color(shape.fill),
                        fontsize=shape.size,
                        fontweight="bold" if shape.bold else "normal",
                        horizontalalignment="center" if shape.middle else "left",
                        verticalalignment="baseline",
                        parse_math=False,
                    )
                )
            case Path():
                self._line([(x + px, y + py) for px, py in shape.points], shape)

    def _line(self, points: list[tuple[float, float]], shape: Path) -> None:
        from matplotlib.patches import PathPatch, Polygon
        from matplotlib.path import Path as Outline

        codes, found = _rounded(points)
        style = (0, (4, 3)) if shape.dashed else "-"
        line = self.theme.line
        self._add(
            PathPatch(
                Outline(found, codes), fill=False, edgecolor=line, linewidth=1.3, linestyle=style, capstyle="butt"
            )
        )
        if shape.arrow:
            self._add(Polygon(_head(*points[-2:]), closed=True, color=line, linewidth=0))

    def _colors(self, shape: Rect | Circle) -> dict[str, Any]:
        fill, stroke = self.theme.color(shape.fill), self.theme.color(shape.stroke)
        return {"facecolor": fill, "edgecolor": stroke, "linewidth": shape.thick}

    def _add(self, artist: Any) -> None:
        self.order += 1
        artist.set_zorder(self.order)
        artist.set_transform(self.transform)
        self.figure.add_artist(artist)


def _rounded(points: list[tuple[float, float]]) -> tuple[list[int], list[tuple[float, float]]]:
    """The corners of a line as curves."""
    from archspec.diagram.svg import corners

    codes, found = [1], [points[0]]
    for first, at, second in corners(points):
        codes += [2, 3, 3]
        found += [first, at, second]
    return [*codes, 2], [*found, points[-1]]


def _head(before: tuple[float, float], at: tuple[float, float]) -> list[tuple[float, float]]:
    """A triangle that ends where the line does."""
    length = max(abs(at[0] - before[0]) + abs(at[1] - before[1]), 1e-9)
    dx, dy = (at[0] - before[0]) / length, (at[1] - before[1]) / length
    x, y, right, down = at[0] - 8 * dx, at[1] - 8 * dy, 3.6 * dy, 3.6 * dx
    return [at, (x - right, y + down), (x + right, y - down)]
