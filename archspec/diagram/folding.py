"""Several boxes of a figure as one: a convolution with its norm and activation, or the middle of a very long row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from archspec.diagram.figure import Box, End, Figure, Line, Words, joint

_FOLLOWERS: Final = ("norm", "activation", "regularizer")


def joined(figure: Figure) -> Figure:
    """Norms, activations and regularizers stand in the box of the layer whose tensor they alone take."""
    users = Counter(line.source.box for line in figure.lines)
    arriving = {line.target.box: line.source.box for line in figure.lines}
    heads: list[int] = []
    for index, box in enumerate(figure.boxes):
        heads.append(index)
        before = arriving.get(index)
        if box.kind in _FOLLOWERS and box.inputs == 1 and before is not None and users[before] == 1:
            first = figure.boxes[before]
            if first.kind not in ("part", "input") and not first.sign:
                heads[index] = heads[before]
    groups: dict[int, list[int]] = {}
    for index, head in enumerate(heads):
        groups.setdefault(head, []).append(index)
    return _contracted(figure, list(groups.values()), _stacked)


def elided(figure: Figure, most: int) -> Figure:
    """A figure of at most so many boxes: the first ones, the last ones, and one that stands for the others."""
    number = len(figure.boxes)
    if number <= most:
        return figure
    first, last = most // 2, number - most // 2 + 1
    groups = [[index] for index in range(first)]
    groups.append(list(range(first, last)))  # no line leads back into a part of an order of computation
    groups += [[index] for index in range(last, number)]
    return _contracted(figure, groups, _left_out)


def _stacked(boxes: Sequence[Box]) -> Box:
    words = [boxes[0].words[0]]
    words += [Words(box.words[0].text, "quiet") for box in boxes[1:]]
    words += [word for box in boxes for word in box.words[1:]]
    return replace(boxes[0], words=tuple(words), paths=_paths(boxes), mark=joint(box.mark for box in boxes))


def _left_out(boxes: Sequence[Box]) -> Box:
    words = (Words(f"… {len(boxes):,} more …", "quiet"),)
    return Box(boxes[0].path, "part", words, paths=_paths(boxes), mark=joint(box.mark for box in boxes))


def _paths(boxes: Sequence[Box]) -> tuple[str, ...]:
    return tuple(path for box in boxes for path in box.paths)


def _contracted(figure: Figure, groups: Sequence[Sequence[int]], join: Callable[[Sequence[Box]], Box]) -> Figure:
    """Each group of boxes as one box, which takes what any of them takes from outside and gives what is used there."""
    home = {index: number for number, group in enumerate(groups) for index in group}
    inputs: list[dict[End, int]] = [{} for _ in groups]
    outputs: list[dict[End, int]] = [{} for _ in groups]
    shapes: list[dict[int, str]] = [{} for _ in groups]
    extents: list[dict[int, tuple[int, ...]]] = [{} for _ in groups]
    lines: list[Line] = []

    def entered(line: Line, single: bool) -> End:
        assert line.target.box is not None
        number = home[line.target.box]
        if single:
            return End(number, line.target.port)
        return End(number, inputs[number].setdefault(line.source, len(inputs[number])))

    def left(end: End) -> End:
        if end.box is None:
            return end
        number = home[end.box]
        if len(groups[number]) == 1:
            return End(number, end.port)
        port = outputs[number].setdefault(end, len(outputs[number]))
        shapes[number][port] = _shape(figure, end, groups[number])
        extents[number][port] = figure.boxes[end.box].extents[end.port]
        return End(number, port)

    for line in figure.lines:
        target = line.target.box
        if target is not None and line.source.box is not None and home[target] == home[line.source.box]:
            continue
        ours = line.target if target is None else entered(line, len(groups[home[target]]) == 1)
        added = replace(line, source=left(line.source), target=ours)
        if added not in lines[-1:]:
            lines.append(added)
    boxes = []
    for number, group in enumerate(groups):
        members = [figure.boxes[index] for index in group]
        if len(members) == 1:
            boxes.append(members[0])
            continue
        outs = tuple(shapes[number][port] for port in range(len(shapes[number]))) or ("",)
        sizes = tuple(extents[number][port] for port in range(len(extents[number])))
        boxes.append(replace(join(members), inputs=len(inputs[number]), shapes=outs, extents=sizes))
    return Figure(tuple(boxes), tuple(lines), figure.inputs, figure.outputs)


def _shape(figure: Figure, end: End, group: Sequence[int]) -> str:
    """What is said of a tensor that leaves a group: its own shape, or that of the last in the group that changes it."""
    assert end.box is not None
    said = [figure.boxes[index].shapes[0] for index in group if index <= end.box]
    return figure.boxes[end.box].shapes[end.port] or next((shape for shape in reversed(said) if shape), "")
