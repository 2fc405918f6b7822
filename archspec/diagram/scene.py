"""A picture as shapes with places: what is painted, in groups, one for each box. Colors are still roles of a theme."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

from archspec.diagram.coordinates import FONT, HEAD, LINE, PAD, PORT, SMALL, NestedLayout, Placed, Size, words_width
from archspec.diagram.figure import Box, Line, Mark
from archspec.diagram.text_width import shortened, width
from archspec.ir.op import OP_KINDS

MARGIN: Final = 24.0
TITLE: Final = 16.0
_LEGEND_ROW: Final = 20.0
_TITLE_LINE: Final = 64
"""A title of so many characters is one line in any case, and no word is longer."""
_SHORT_LINE: Final = 40
"""Characters that a line of a longer title has about, where the picture beneath is not wider."""
_BETWEEN: Final = 40.0
"""Between two panels."""
_MARK_SIGNS: Final[dict[Mark, str]] = {"added": "+", "removed": "−", "changed": "≠"}


@dataclass(frozen=True, slots=True)
class Rect:
    """A box, a frame or a swatch: `fill` and `stroke` are roles, as `kind:norm`, `depth:0`, `mark:added`, `frame`."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    stroke: str
    radius: float = 4.0
    thick: float = 1.0


@dataclass(frozen=True, slots=True)
class Circle:
    """A sign's circle."""

    x: float
    y: float
    radius: float
    fill: str
    stroke: str
    thick: float = 1.0


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text; `y` is the middle of its small letters' height."""

    x: float
    y: float
    text: str
    size: float
    fill: str = "ink"
    bold: bool = False
    middle: bool = False
    """`x` is its middle, not its start."""

    @property
    def width(self) -> float:
        """No viewer draws it wider."""
        return width(self.text, self.size, bold=self.bold)


@dataclass(frozen=True, slots=True)
class Path:
    """A line with rounded corners; `index` is its number in its figure."""

    points: tuple[tuple[float, float], ...]
    dashed: bool = False
    arrow: bool = False
    index: int = 0


Shape: TypeAlias = Rect | Circle | Text | Path
Role: TypeAlias = Literal["", "mark", "closed", "open", "inside", "head", "fold"]
"""What a group is to its box: the sign of its mark; and where the box can be folded one of its two forms, what stands
inside the open one or on its top, or the sign that it is folded by."""


@dataclass(slots=True)
class Group:
    """Shapes with their own origin; those of a box, or of a panel."""

    x: float = 0.0
    y: float = 0.0
    box: Box | None = None
    shapes: list[Shape] = field(default_factory=list[Shape])
    groups: list[Group] = field(default_factory=list["Group"])
    role: Role = ""

    def walk(self, x: float = 0.0, y: float = 0.0) -> Iterator[tuple[float, float, Group]]:
        """This group and those in it, in the order of painting, each with the place of its origin."""
        x, y = x + self.x, y + self.y
        yield x, y, self
        for group in self.groups:
            yield from group.walk(x, y)


@dataclass(frozen=True, slots=True)
class Panel:
    """One network or block in a picture, with the words above it, if any."""

    title: str
    subtitle: str
    placed: Placed


@dataclass(frozen=True, slots=True)
class Scene:
    """All of a picture, in pixels."""

    width: float
    height: float
    root: Group
    title: str


def scene(
    panels: Sequence[Panel], *, horizontal: bool = False, notes: Sequence[str] = (), foldable: bool = False
) -> Scene:
    """Panels side by side, or one below the other where the data goes to the right; below them a legend and notes.

    Where `foldable`, each open box has its closed form beside its open one, for a viewer that shows one of them; a
    legend and notes are left to that viewer, too.
    """
    root = Group()
    turn = _Turn(horizontal)
    at, reach = MARGIN, 0.0
    for panel in panels:
        placed = panel.placed
        beneath = placed.length if horizontal else placed.before + placed.after
        lines = _title_lines(panel.title, beneath)
        words = max(*(width(line, TITLE, bold=True) for line in lines), width(panel.subtitle, SMALL))
        title_height = len(lines) * (TITLE + 8)
        head = title_height + (LINE if panel.subtitle else 0) + 8 if panel.title else 0.0
        if horizontal:
            x, y = MARGIN, at + head + placed.before
            wide, high = max(placed.length, words), head + placed.before + placed.after
            corner = MARGIN, at
        else:
            x, y = at + max(placed.before, 0), MARGIN + head
            wide, high = max(placed.before + placed.after, words), head + placed.length
            corner = at, MARGIN
        group = Group(x, y, shapes=_heading(lines, panel.subtitle, corner[0] - x, corner[1] - y))
        _fill(group, placed, turn, 0, foldable=foldable)
        root.groups.append(group)
        at += (high if horizontal else wide) + _BETWEEN
        reach = max(reach, wide if horizontal else high)
    at -= _BETWEEN
    title = ", ".join(panel.title for panel in panels)
    across, along = (MARGIN + reach, at) if horizontal else (at, MARGIN + reach)
    if foldable:
        return Scene(across + MARGIN, along + MARGIN, root, title)
    legend = _legend(panels, max(reach if horizontal else at - MARGIN, 260.0), notes)
    legend.x, legend.y = MARGIN, along + 16
    root.groups.append(legend)
    right = max((shape.x + shape.width for shape in legend.shapes if isinstance(shape, Text)), default=0.0)
    bottom = max((shape.y for shape in legend.shapes if isinstance(shape, Text)), default=-16.0) + 10
    return Scene(max(across, MARGIN + right) + MARGIN, legend.y + bottom + MARGIN / 2, root, title)


def _title_lines(title: str, beneath: float) -> list[str]:
    """A long title in lines about as long as the picture beneath is wide: a line of it alone could be much wider."""
    if len(title) <= _TITLE_LINE:
        return [title]
    most = max(beneath, width("n" * _SHORT_LINE, TITLE, bold=True))
    lines = [""]
    for word in title.split():
        longer = f"{lines[-1]} {shortened(word, _TITLE_LINE)}".lstrip()
        if lines[-1] and width(longer, TITLE, bold=True) > most:
            lines.append(shortened(word, _TITLE_LINE))
        else:
            lines[-1] = longer
    return lines


def _heading(lines: Sequence[str], subtitle: str, x: float, y: float) -> list[Shape]:
    found: list[Shape] = []
    for line in filter(None, lines):
        found.append(Text(x, y + TITLE / 2, line, TITLE, bold=True))
        y += TITLE + 8
    if subtitle:
        found.append(Text(x, y + SMALL / 2, subtitle, SMALL, "quiet"))
    return found


@dataclass(frozen=True, slots=True)
class _Turn:
    """From along and across to x and y."""

    horizontal: bool
    up: bool = False
    """The data goes up, which `horizontal` does not have."""

    def point(self, along: float, across: float) -> tuple[float, float]:
        if self.horizontal:
            return along, across
        return across, -along if self.up else along

    def rect(self, along: float, before: float, after: float) -> tuple[float, float, float, float]:
        """x, y, width and height of a box from its beginning on its axis."""
        if self.horizontal:
            return 0.0, -before, along, before + after
        return -before, -along if self.up else 0.0, before + after, along

    @property
    def inset(self) -> float:
        """Where the inside of a frame begins, along."""
        return PAD if self.horizontal or self.up else HEAD


def _fill(
    group: Group, placed: Placed, turn: _Turn, depth: int, frame: float | None = None, *, foldable: bool = False
) -> None:
    """The lines and boxes of a figure; `frame` is how long the frame around it is, if there is one."""
    part = placed.part
    for index, (line, route) in enumerate(zip(part.figure.lines, placed.routes, strict=True)):
        corners = list(route)
        if frame is not None:  # lines go on to the frame's border
            if line.source.box is None:
                corners[0] = -turn.inset, corners[0][1]
            if line.target.box is None:
                corners[-1] = frame - turn.inset, corners[-1][1]
        points = tuple(turn.point(*corner) for corner in corners)
        group.shapes.append(Path(points, line.dashed, has_arrow(line, placed, whole=frame is None), index))
    found = zip(part.figure.boxes, placed.spots, placed.frames, part.sizes, part.closed, placed.inside, strict=True)
    for box, spot, reach, size, closed, inside in found:
        x, y = turn.point(spot.along, spot.axis)
        inner = Group(x, y, box)
        group.groups.append(inner)
        way = replace(turn, up=turn.up or spot.up)
        if inside is None:
            _closed_box(inner, box, closed, way)
            continue
        opened = inner
        if foldable:
            shut, opened = Group(role="closed"), Group(role="open")
            inner.groups += (shut, opened)
            _closed_box(shut, box, closed, way)
            shut.groups.append(_fold_sign("+", *way.rect(closed.along, closed.before, closed.after)[:2]))
        area = way.rect(spot.length, *reach)
        opened.shapes.append(_frame(box, area, depth))
        content = Group(*way.point(way.inset, 0.0), role="inside" if foldable else "")
        opened.groups.append(content)
        _fill(content, inside, way, depth + 1, spot.length, foldable=foldable)
        words = list(_frame_words(box, size, way))
        opened.groups.append(Group(0.0, area[1], shapes=words, role="head" if foldable else ""))
        if box.mark:
            opened.groups.append(_badge(box.mark, *area))
        if foldable:
            opened.groups.append(_fold_sign("−", *area[:2]))


def _fold_sign(sign: str, x: float, y: float) -> Group:
    """What a box is folded or opened by, on its first corner."""
    shapes: list[Shape] = [Circle(0.0, 0.0, 6.5, "paper", "frame"), Text(0.0, 0.0, sign, SMALL + 1, middle=True)]
    return Group(x, y, shapes=shapes, role="fold")


def has_arrow(line: Line, placed: Placed, *, whole: bool) -> bool:
    """A line that goes on inside a frame, or outside it, has its head there."""
    target = line.target.box
    return whole if target is None else placed.inside[target] is None


def _closed_box(group: Group, box: Box, size: Size, turn: _Turn) -> None:
    mark = box.closed_mark
    stroke, thick = (f"mark:{mark}", 2.5) if mark else ("frame", 1.0)
    x, y, wide, high = _outline(box, size, turn)
    middle = x + wide / 2, y + high / 2
    if box.sign:
        group.shapes.append(Circle(*middle, wide / 2, f"kind:{box.kind}", stroke, thick))
        group.shapes.append(Text(*middle, box.sign, FONT + 3, middle=True, bold=True))
        _finish(group, box, size, turn)
        return
    if not turn.horizontal and box.inside is None:  # with several outputs it is wider on one side of its axis
        middle = 0.0, middle[1]
    radius = min(wide, high) / 2 if box.kind == "input" else 4.0
    group.shapes.append(Rect(x, y, wide, high, f"kind:{box.kind}", stroke, radius, thick))
    at = middle[1] - LINE * (len(box.words) - 1) / 2
    for number, words in enumerate(box.words):
        quiet = words.style == "quiet"
        group.shapes.append(
            Text(
                middle[0],
                at + LINE * number,
                words.text,
                SMALL if quiet else FONT,
                "quiet" if quiet else "ink",
                words.style == "strong",
                middle=True,
            )
        )
    _finish(group, box, size, turn)


def _finish(group: Group, box: Box, size: Size, turn: _Turn) -> None:
    """What stands around a closed box."""
    group.shapes += _said(box, size, turn)
    if mark := box.closed_mark:
        group.groups.append(_badge(mark, *_outline(box, size, turn)))


def _outline(box: Box, size: Size, turn: _Turn) -> tuple[float, float, float, float]:
    """x, y, width and height of a closed box; a sign's circle is around its axis, whatever is said above it."""
    before, after = (size.along / 2, size.along / 2) if box.sign else (size.before, size.after)
    return turn.rect(size.along, before, after)


def _frame(box: Box, area: tuple[float, float, float, float], depth: int) -> Rect:
    stroke, thick = (f"mark:{box.mark}", 2.5) if box.mark else ("frame", 1.0)
    return Rect(*area, f"depth:{depth % 2}", stroke, 6.0, thick)


def _frame_words(box: Box, size: Size, turn: _Turn) -> Iterator[Shape]:
    """The words of a frame, from its top."""
    at, middle = 8.0 if turn.horizontal else size.head, HEAD / 2 + 1
    for words in box.words:
        quiet = words.style == "quiet"
        font, fill = (SMALL, "quiet") if quiet else (FONT, "ink")
        yield Text(at, middle, words.text, font, fill, words.style == "strong")
        at += words_width(words) + 6


def _badge(mark: Mark, x: float, y: float, wide: float, high: float) -> Group:
    """A mark's sign on the corner of its box: its color is not all that shows it."""
    disc = Circle(0.0, 0.0, 7.0, "paper", f"mark:{mark}", 1.5)
    sign = Text(0.0, 0.0, _MARK_SIGNS[mark], SMALL, f"mark:{mark}", bold=True, middle=True)
    return Group(x + wide, y, shapes=[disc, sign], role="mark")


def _said(box: Box, size: Size, turn: _Turn) -> Iterator[Shape]:
    """The shapes of a closed box's outputs, beside the lines that leave it."""
    said = [text for text in box.shapes if text]
    for number, text in enumerate(said):
        if turn.horizontal:
            yield Text(size.along + 5, -8 - LINE * (len(said) - 1 - number), text, SMALL, "quiet")
        else:
            x, y = turn.point(size.along + 8 + 13.0 * number, PORT * (len(box.shapes) - 1) + 6)
            yield Text(x, y, text, SMALL, "quiet")


def legend_entries(panels: Sequence[Panel]) -> list[tuple[str, Rect | Path]]:
    """What the colors and lines mean, of those that are there: words and a swatch."""
    boxes = [box for panel in panels for box in panel.placed.part.figure.walk()]
    lines = [line for panel in panels for line in _lines(panel.placed.part)]
    kinds = {box.kind for box in boxes}
    entries: list[tuple[str, Rect | Path]] = [
        (kind, Rect(0, -6, 14, 12, f"kind:{kind}", "frame", 7.0 if kind == "input" else 2.0))
        for kind in OP_KINDS
        if kind in kinds
    ]
    if any(box.kind == "part" and box.inside is None for box in boxes):
        entries.insert(1 if "input" in kinds else 0, ("stage or block", Rect(0, -6, 14, 12, "kind:part", "frame", 2.0)))
    dashes = {"in training" if line.training else "non-identity shortcut": None for line in lines if line.dashed}
    if dashes:
        entries.append((" or ".join(sorted(dashes, reverse=True)), Path(((0, 0), (22, 0)), dashed=True)))
    marks = {box.closed_mark for box in boxes}
    entries += [
        (f"{sign} {mark}", Rect(0, -6, 14, 12, "paper", f"mark:{mark}", 2.0, 2.5))
        for mark, sign in _MARK_SIGNS.items()
        if mark in marks
    ]
    return entries


def _legend(panels: Sequence[Panel], room: float, notes: Sequence[str]) -> Group:
    """The legend's entries in rows, then the notes, a line each."""
    group = Group()
    x = y = 0.0
    for words, swatch in legend_entries(panels):
        lead = 28.0 if isinstance(swatch, Path) else 20.0
        text = Text(x + lead, y, words, SMALL, "quiet")
        if x and x + lead + text.width > room:
            x, y = 0.0, y + _LEGEND_ROW
            text = Text(x + lead, y, words, SMALL, "quiet")
        inner = Group(x, y, shapes=[swatch])
        group.groups.append(inner)
        group.shapes.append(text)
        x += lead + text.width + 16
    for note in notes:
        y += _LEGEND_ROW
        group.shapes.append(Text(0.0, y, note, SMALL))
    return group


def _lines(part: NestedLayout) -> Iterator[Line]:
    yield from part.figure.lines
    for inner in part.inside:
        if inner is not None:
            yield from _lines(inner)
