"""A picture as an SVG file: its own text, no fonts, no scripts, nothing from outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final, TypeAlias

from archspec.diagram.scene import Circle, Group, Path, Rect, Scene, Shape, Text
from archspec.diagram.theme import Theme

FONTS: Final = "Inter, 'Helvetica Neue', Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
"""Of what a viewer has, the first; DejaVu Sans is the widest of them, and what fits was measured with it."""
_CORNER: Final = 6.0


def svg(scene: Scene, theme: Theme, *, name: str) -> str:
    """The whole file. `name` distinguishes its markers from those of another picture in the same page."""
    wide, high = number(scene.width), number(scene.height)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" viewBox="0 0 {wide} {high}" '
        f'font-family="{FONTS}" role="img" aria-label="{escape(scene.title)}">',
        f"<title>{escape(scene.title)}</title>",
        f"<defs>{arrow(theme, name)}</defs>",
        f'<rect width="{wide}" height="{high}" fill="{theme.paper}"/>',
        *group_markup(scene.root, theme, name),
        "</svg>\n",
    ]
    return "\n".join(parts)


def arrow(theme: Theme, name: str) -> str:
    """The head of lines."""
    return (
        f'<marker id="arrow-{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0,0.8 L7.5,4 L0,7.2 z" fill="{theme.line}"/></marker>'
    )


def group_markup(group: Group, theme: Theme, name: str, *, tooltips: bool = True) -> Iterator[str]:
    """A group, with all that is in it; a box has its words and path as a tooltip."""
    moved = f' transform="translate({number(group.x)},{number(group.y)})"' if group.x or group.y else ""
    if group.box is None:
        yield f'<g class="{group.role}"{moved}>' if group.role else f"<g{moved}>"
    else:
        box = group.box
        about = f"<title>{escape(f'{box.path}: {box.title}')}</title>" if tooltips else ""
        yield f'<g class="box" data-path="{escape(box.path)}"{moved}>{about}'
    for shape in group.shapes:
        yield shape_markup(shape, theme, name)
    for inner in group.groups:
        yield from group_markup(inner, theme, name, tooltips=tooltips)
    yield "</g>"


def shape_markup(shape: Shape, theme: Theme, name: str) -> str:
    """One element."""
    match shape:
        case Rect():
            return (
                f'<rect x="{number(shape.x)}" y="{number(shape.y)}" width="{number(shape.width)}" '
                f'height="{number(shape.height)}" rx="{number(shape.radius)}" fill="{theme.color(shape.fill)}" '
                f'stroke="{theme.color(shape.stroke)}"{_thick(shape.thick)}/>'
            )
        case Circle():
            return (
                f'<circle cx="{number(shape.x)}" cy="{number(shape.y)}" r="{number(shape.radius)}" '
                f'fill="{theme.color(shape.fill)}" stroke="{theme.color(shape.stroke)}"{_thick(shape.thick)}/>'
            )
        case Text():
            bold = ' font-weight="bold"' if shape.bold else ""
            middle = ' text-anchor="middle"' if shape.middle else ""
            place = f'x="{number(shape.x)}" y="{number(shape.y + shape.size * 0.36)}"'
            look = f'font-size="{number(shape.size)}" fill="{theme.color(shape.fill)}"{bold}{middle}'
            return f"<text {place} {look}>{escape(shape.text)}</text>"
        case Path():
            dashed = ' stroke-dasharray="5 4"' if shape.dashed else ""
            head = f' marker-end="url(#arrow-{name})"' if shape.arrow else ""
            stroke = f'fill="none" stroke="{theme.line}" stroke-width="1.3"'
            return f'<path d="{outline(shape.points)}" {stroke}{dashed}{head}/>'


def _thick(thick: float) -> str:
    return "" if thick == 1.0 else f' stroke-width="{number(thick)}"'


Points: TypeAlias = Sequence[tuple[float, float]]


def outline(points: Points) -> str:
    """A line through the points, its corners rounded."""
    found = [f"M{_pair(points[0])}"]
    for first, at, second in corners(points):
        found.append(f"L{_pair(first)} Q{_pair(at)} {_pair(second)}")
    found.append(f"L{_pair(points[-1])}")
    return " ".join(found)


def corners(points: Points) -> Iterator[tuple[tuple[float, float], tuple[float, float], tuple[float, float]]]:
    """Each corner of a line: where its curve begins, itself, and where its curve ends."""
    for before, at, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(_CORNER, _apart(before, at) / 2, _apart(at, after) / 2)
        yield _towards(at, before, radius), at, _towards(at, after, radius)


def _apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])


def _towards(at: tuple[float, float], other: tuple[float, float], by: float) -> tuple[float, float]:
    length = _apart(at, other) or 1.0
    return at[0] + (other[0] - at[0]) * by / length, at[1] + (other[1] - at[1]) * by / length


def _pair(point: tuple[float, float]) -> str:
    return f"{number(point[0])},{number(point[1])}"


def number(value: float) -> str:
    """A length without needless digits."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text
