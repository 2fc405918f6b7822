"""What must hold of a picture: nothing overlaps, no line goes through a box or a text. Read from the scene alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from archspec.diagram.scene import Circle, Group, Path, Rect, Scene, Text

SLACK = 0.6
"""Pixels: borders that touch do not overlap."""


class Area(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float


@dataclass
class Item:
    """A box or a frame, where it stands, and the boxes in it."""

    path: str
    area: Area
    boxes: list[Item] = field(default_factory=list)
    lines: list[list[tuple[float, float]]] = field(default_factory=list)
    texts: list[tuple[str, Area]] = field(default_factory=list)


def faults(scene: Scene) -> list[str]:
    """Everything that is wrong with a picture, in words."""
    root = Item("", Area(0, 0, scene.width, scene.height))
    _read(scene.root, 0.0, 0.0, root)
    items = list(_walk(root))
    found = list(_texts_overlap([text for item in items for text in item.texts], root.area))
    for item in items:
        found += _boxes_overlap(item)
        found += _lines_cross_boxes(item)
        found += _lines_end_nowhere(item)
        found += _lines_share_a_way(item)
    found += _lines_cross_texts(items)
    return found


def _read(group: Group, x: float, y: float, item: Item) -> None:
    x, y = x + group.x, y + group.y
    if group.box is not None:
        shape = next(shape for shape in group.shapes if isinstance(shape, Rect | Circle))
        inner = Item(group.box.path, _area(shape, x, y))
        item.boxes.append(inner)
        item = inner
    for drawn in group.shapes:
        if isinstance(drawn, Text):
            item.texts.append((drawn.text, _text_area(drawn, x, y)))
        elif isinstance(drawn, Path):
            item.lines.append([(x + px, y + py) for px, py in drawn.points])
    for inner_group in group.groups:
        _read(inner_group, x, y, item)


def _area(shape: Rect | Circle, x: float, y: float) -> Area:
    if isinstance(shape, Rect):
        return Area(x + shape.x, y + shape.y, x + shape.x + shape.width, y + shape.y + shape.height)
    cx, cy = x + shape.x, y + shape.y
    return Area(cx - shape.radius, cy - shape.radius, cx + shape.radius, cy + shape.radius)


def _text_area(text: Text, x: float, y: float) -> Area:
    left = x + text.x - (text.width / 2 if text.middle else 0)
    return Area(left, y + text.y - text.size * 0.4, left + text.width, y + text.y + text.size * 0.4)


def _walk(item: Item) -> Iterator[Item]:
    yield item
    for inner in item.boxes:
        yield from _walk(inner)


def _meet(one: Area, other: Area) -> bool:
    return (
        one.left < other.right - SLACK
        and other.left < one.right - SLACK
        and one.top < other.bottom - SLACK
        and other.top < one.bottom - SLACK
    )


def _within(inner: Area, outer: Area) -> bool:
    return (
        inner.left > outer.left - SLACK
        and inner.right < outer.right + SLACK
        and inner.top > outer.top - SLACK
        and inner.bottom < outer.bottom + SLACK
    )


def _texts_overlap(texts: list[tuple[str, Area]], page: Area) -> Iterator[str]:
    yield from (f"the text {text!r} leaves the page" for text, area in texts if not _within(area, page))
    left, top, right, bottom = np.array([area for _, area in texts]).T
    clash = (
        (left[:, None] < right - SLACK)
        & (left < right[:, None] - SLACK)
        & (top[:, None] < bottom - SLACK)
        & (top < bottom[:, None] - SLACK)
    )
    for one, other in np.argwhere(np.triu(clash, 1)):
        yield f"the texts {texts[one][0]!r} and {texts[other][0]!r} overlap"


def _boxes_overlap(item: Item) -> Iterator[str]:
    for number, box in enumerate(item.boxes):
        if not _within(box.area, item.area):
            yield f"{box.path} leaves {item.path or 'the page'}"
        yield from (
            f"{box.path} and {other.path} overlap" for other in item.boxes[:number] if _meet(box.area, other.area)
        )
        if not box.boxes:
            inside = [text for text, area in box.texts if _meet(area, box.area)]
            lost = [text for text, area in box.texts if _meet(area, box.area) and not _within(area, box.area)]
            yield from (f"the text {text!r} leaves its box {box.path}" for text in lost if len(text) > 1)
            if not inside:
                yield f"{box.path} says nothing"


def _segments(points: list[tuple[float, float]]) -> Iterator[Area]:
    for (x0, y0), (x1, y1) in pairwise(points):
        assert abs(x0 - x1) < SLACK or abs(y0 - y1) < SLACK, "a line is aslant"
        yield Area(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))


def _crosses(segment: Area, area: Area) -> bool:
    return (
        (segment.left < area.right - SLACK and area.left + SLACK < segment.right)
        or (segment.left == segment.right and area.left + SLACK < segment.left < area.right - SLACK)
    ) and (
        (segment.top < area.bottom - SLACK and area.top + SLACK < segment.bottom)
        or (segment.top == segment.bottom and area.top + SLACK < segment.top < area.bottom - SLACK)
    )


def _lines_cross_boxes(item: Item) -> Iterator[str]:
    for points in item.lines:
        for segment in _segments(points):
            for box in item.boxes:
                if _crosses(segment, box.area):
                    yield f"a line goes through {box.path}, in {item.path or 'the page'}"


def _lines_end_nowhere(item: Item) -> Iterator[str]:
    """Within a frame a line leads to a box or to the border; on the page it may be what the network gives."""
    if not item.path:
        return
    for points in item.lines:
        x, y = points[-1]
        end = Area(x, y, x, y)
        if not any(_within(end, box.area) for box in item.boxes) and not _touches_border(end, item.area):
            yield f"a line ends nowhere in {item.path}"


def _touches_border(point: Area, area: Area) -> bool:
    beside = min(abs(point.left - area.left), abs(point.left - area.right))
    above = min(abs(point.top - area.top), abs(point.top - area.bottom))
    return _within(point, area) and min(beside, above) <= SLACK


def _lines_cross_texts(items: list[Item]) -> Iterator[str]:
    segments = [segment for item in items for points in item.lines for segment in _segments(points)]
    if not segments:
        return
    left, top, right, bottom = np.array(segments).T
    for item in items:
        for text, area in item.texts:
            if len(text) <= 1:  # a sign or a badge, which stands in its box
                continue
            hit = (left < area.right - SLACK) & (right > area.left + SLACK)
            hit &= (top < area.bottom - SLACK) & (bottom > area.top + SLACK)
            if hit.any():
                yield f"a line goes through the text {text!r} of {item.path or 'the page'}"


def _lines_share_a_way(item: Item) -> Iterator[str]:
    """Two lines run along each other only where they come from one place, or go to one."""
    lines = item.lines
    for number, points in enumerate(lines):
        for other in lines[:number]:
            if points[0] == other[0] or points[-1] == other[-1]:
                continue
            for one in _segments(points):
                for two in _segments(other):
                    upright = one.left == one.right == two.left == two.right
                    level = one.top == one.bottom == two.top == two.bottom
                    if (upright and one.top < two.bottom - SLACK and two.top < one.bottom - SLACK) or (
                        level and one.left < two.right - SLACK and two.left < one.right - SLACK
                    ):
                        yield f"two lines lie on each other in {item.path or 'the page'}"
