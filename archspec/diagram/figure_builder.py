"""From a graph's tree of scopes to the figure of a level."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

from archspec.analysis.counting import counts_of, layers_below
from archspec.analysis.levels import LEVELS, Level
from archspec.analysis.number_format import counted
from archspec.analysis.shortcuts import shortcuts
from archspec.diagram.figure import Box, End, Figure, Line, Mark, Words, joint
from archspec.diagram.folding import elided, joined
from archspec.diagram.runs import from_to, is_most, item_runs, iteration_runs, parts_from_to, paths_of
from archspec.diagram.text_width import shortened
from archspec.ir.def_use import DefUse, pattern
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Body, Choice, Item, Layer, Loop, Operand, Ref, Scope, owners_of, walk
from archspec.ir.tensor_type import shape_text

MOST_BOXES: Final = 1500
"""More are not drawn: a coarser level is. ResNet-200 has 707 layers."""
MOST_IN_A_ROW: Final = 300
"""Of the boxes of the coarsest level; those in the middle become one."""

_SIGNS: Final = {"add": "+", "subtract": "−", "multiply": "×", "divide": "÷"}


@dataclass(frozen=True, slots=True)
class Details:
    """What boxes say besides what they are."""

    parameters: bool = False
    macs: bool = False
    marks: Mapping[str, Mark] = field(default_factory=dict[str, Mark])
    """What a comparison says of layers and parts, by path."""


def figure(graph: LayerGraph, level: Level, details: Details) -> tuple[Figure, Level]:
    """The network at a level, or at the next coarser one that can be drawn, and which that is."""
    for coarser in LEVELS[LEVELS.index(level) : 0 : -1]:
        if _count(graph, coarser, details) <= MOST_BOXES:
            return _FigureBuilder(graph, coarser, details).network(), coarser
    return _FigureBuilder(graph, "stage", details).network(), "stage"


def block_figures(graph: LayerGraph, block: str, details: Details) -> list[tuple[tuple[Scope, ...], Figure]]:
    """One figure for each form that a block has in the network, with the block's calls that have it.

    Forms differ in the layers that they have, in their kernels and strides, and in how they are wired, not in their
    channels: with a projection, without. The most frequent stands first, and is drawn as in its first call. If a
    comparison marks some of the calls, their forms and they themselves come before the others.
    """
    instances = [item for item in walk(graph.root) if isinstance(item, Scope) and item.block == block]
    forms: dict[Hashable, list[Scope]] = {}
    for scope in instances:
        ops = [graph.nodes[layer.path].op for layer in layers_below(scope)]
        looks = tuple((getattr(op, "kernel", None), getattr(op, "stride", None)) for op in ops)
        forms.setdefault((pattern(scope), looks), []).append(scope)
    marked = {scope.path for scope in instances if any(details.marks.get(path) for path in paths_of([scope]))}
    ordered = [sorted(scopes, key=lambda scope: scope.path not in marked) for scopes in forms.values()]
    ordered.sort(key=lambda scopes: (scopes[0].path in marked, len(scopes)), reverse=True)
    reader = _FigureBuilder(graph, "unit", details, framed=False)
    return [(tuple(scopes), reader.costed(reader.part(scopes[0]))) for scopes in ordered]


def _count(graph: LayerGraph, level: Level, details: Details) -> int:
    if level == "layer":
        return len(graph.nodes)
    total = 0
    stack: list[Item] = [graph.root]
    while stack and total <= MOST_BOXES:
        item = stack.pop()
        match item:
            case Layer():
                total += 1
            case Scope(kind="block", body=body) | Choice(body=body):
                stack.extend(body.items)
            case Scope(body=body):
                for found in item_runs(graph, body, details.marks):
                    stack.append(found[0] if isinstance(found, tuple) else found)
            case Loop():
                stack.extend(run[0] for run in iteration_runs(graph, item, details.marks))
    return total


Dash: TypeAlias = Literal["", "shortcut", "training"]
_Known: TypeAlias = dict[int, tuple[End, ...]]


@dataclass(slots=True)
class _GrowingFigure:
    """A figure in the making."""

    boxes: list[Box] = field(default_factory=list[Box])
    lines: list[Line] = field(default_factory=list[Line])
    dashes: dict[int, Dash] = field(default_factory=dict[int, "Dash"])
    """The boxes whose lines are dashed, and why."""

    def add(self, box: Box, sources: Sequence[End], dash: Dash = "") -> tuple[End, ...]:
        """Put a box in, with lines to it, dashed at both sides of what is `dash`; gives its outputs."""
        index = len(self.boxes)
        self.boxes.append(box)
        if dash:
            self.dashes[index] = dash
        for port, source in enumerate(sources):
            self.lines.append(self._line(source, End(index, port)))
        return tuple(End(index, port) for port in range(len(box.shapes)))

    def done(self, results: Sequence[End], inputs: int) -> Figure:
        """The figure, whose border gives these tensors."""
        for port, end in enumerate(results):
            self.lines.append(self._line(end, End(None, port)))
        return Figure(tuple(self.boxes), tuple(self.lines), inputs, len(results))

    def _line(self, source: End, target: End) -> Line:
        found = {self.dashes.get(end.box, "") if end.box is not None else "" for end in (source, target)}
        return Line(source, target, found != {""}, "training" in found)


class _FigureBuilder:
    """Makes the figures of one graph at one level."""

    def __init__(self, graph: LayerGraph, level: Level, details: Details, *, framed: bool = True) -> None:
        self.graph = graph
        self.level = level
        self.details = details
        self.framed = framed
        """Named sequences have frames; in a block drawn alone they have none, as in the papers' figures of units."""
        self.def_use: DefUse = graph.def_use
        self.projections = shortcuts(graph, calls=True)
        self.in_training = graph.nodes.keys() - graph.evaluated_nodes.keys()
        self.last_in_run: dict[str, str] = {}
        """Of a layer in the first of a run of parts: the same layer in the last of them."""

    def network(self) -> Figure:
        """The whole network: its inputs are boxes, its outputs lines that leave the picture."""
        drawing = _GrowingFigure()
        inputs = [drawing.add(self._input(path), ())[0] for path in self.graph.inputs]
        results = self._body(self.graph.root.body, self.graph.root, inputs, {}, drawing)
        whole = self._told(drawing.done(results, 0), results)
        return self.costed(elided(joined(whole), MOST_IN_A_ROW) if self.level == "stage" else whole)

    def part(self, scope: Scope) -> Figure:
        """What stands in one scope; what enters it and what it gives are the figure's ports."""
        drawing = _GrowingFigure()
        operands = self.def_use.scopes[scope.path].operands
        results = self._body(scope.body, scope, [End(None, port) for port in range(len(operands))], {}, drawing)
        return drawing.done(results, len(operands))

    def _first_of(self, run: Sequence[Scope]) -> Figure:
        """What stands in each part of a run, drawn once."""
        layers = (layers_below(scope) for scope in (run[0], run[-1]))
        self.last_in_run.update((first.path, last.path) for first, last in zip(*layers, strict=True))
        return self.part(run[0])

    def _told(self, whole: Figure, results: Sequence[End]) -> Figure:
        """Each output of the network says its shape, and its names where the network has names for them."""
        names: dict[End, list[str]] = {}
        shapes: dict[End, str] = {}
        for end, (name, path) in zip(results, self.graph.outputs.items(), strict=True):
            names.setdefault(end, []).append(f"{name} in training" if name in self.graph.training_outputs else name)
            shapes[end] = shape_text(self.graph.types[path].sizes)
        for end, text in shapes.items():
            called = f"{shortened(', '.join(names[end]), 32)}: " if self.graph.gives_names else ""
            whole = _said(whole, end, called + text)
        return whole

    def _input(self, path: str) -> Box:
        node = self.graph.nodes[path]
        name = path if len(self.graph.inputs) > 1 else "input"
        words = (Words(f"{shortened(name, 24)} {shape_text(node.shape)}"),)
        return Box(path, "input", words, 0, ("",), paths=(path,), extents=(node.shape[1:],))

    def _body(
        self, body: Body, within: Scope, operands: Sequence[End], known: _Known, drawing: _GrowingFigure
    ) -> list[End]:
        def resolve(refs: Sequence[Ref]) -> list[End]:
            return [operands[ref.index] if isinstance(ref, Operand) else known[ref.location][ref.index] for ref in refs]

        for item in self._items(body, within):
            match item:
                case tuple():
                    known[item[-1].location] = self._part(item[0], item, resolve(item[0].operands), drawing)
                case Layer():
                    sources = resolve(item.operands)
                    known[item.location] = drawing.add(self._layer(item), sources, self._dash(item))
                case Choice():
                    results = self._body(item.body, within, operands, known, drawing)
                    for inner in item.body.items:
                        known.pop(inner.location, None)  # not there: one of a run but its last
                    known[item.location] = tuple(results)
                case Scope():
                    sources = resolve(item.operands)
                    known[item.location] = self._part(item, (item,), sources, drawing)
                case Loop():
                    known[item.location] = self._loop(item, resolve(item.operands), drawing)
        return resolve(body.results)

    def _items(self, body: Body, within: Scope) -> Iterable[Item | tuple[Scope, ...]]:
        """What stands in a scope, equal neighbors as one; the parts of a block have each a place of their own."""
        if self.level == "layer" or within.kind == "block":
            return body.items
        return item_runs(self.graph, body, self.details.marks)

    def _part(
        self, scope: Scope, run: Sequence[Scope], sources: Sequence[End], drawing: _GrowingFigure
    ) -> tuple[End, ...]:
        """A scope's box, or nothing where it holds no layer: then it gives what arrives."""
        bare = len(run) == 1 and (
            (scope.kind == "sequence" and not self.framed) or is_most(self.graph, scope, self.details.marks)
        )
        if bare or not any(True for _ in layers_below(scope)):
            return tuple(self._body(scope.body, scope, sources, {}, drawing))
        inside = None if self.level == "stage" else self._first_of(run)
        box = Box(
            scope.path,
            "part",
            self._scope_words(run),
            len(sources),
            self._shapes(scope.path, self.def_use.scopes[run[-1].path].results),
            inside=inside,
            paths=tuple(paths_of(run)),
            **self._marks(run, inside),
            times=len(run),
            extents=self._extents(self.def_use.scopes[run[-1].path].results),
        )
        return drawing.add(box, sources, self._dash(scope))

    def _loop(self, loop: Loop, sources: Sequence[End], drawing: _GrowingFigure) -> tuple[End, ...]:
        if not any(True for _ in layers_below(loop)):
            return (sources[0],) * (1 + len(loop.marks))
        runs = (
            [(scope,) for scope in loop.iterations]
            if self.level == "layer"
            else iteration_runs(self.graph, loop, self.details.marks)
        )
        results = [self.def_use.scopes[scope.path].results[0] for scope in loop.iterations]
        ends = (results[-1], *(results[mark] for mark in loop.marks))
        arriving = self.def_use.scopes[loop.iterations[0].path].operands
        inside = None
        if self.level != "stage":  # a frame around one frame would say nothing
            inside = self._first_of(runs[0]) if len(runs) == 1 else self._iterations(runs, loop.marks, len(sources))
        box = Box(
            loop.path,
            "part",
            self._loop_words(loop),
            len(sources),
            self._shape_texts(arriving, ends),
            inside=inside,
            paths=tuple(paths_of([loop])),
            **self._marks([loop], inside),
            times=len(loop.iterations) if len(runs) == 1 else 1,
            extents=self._extents(ends),
        )
        return drawing.add(box, sources, self._dash(loop))

    def _iterations(self, runs: Sequence[tuple[Scope, ...]], marks: Sequence[int], inputs: int) -> Figure:
        drawing = _GrowingFigure()
        at = End(None, 0)
        after: dict[int, End] = {}
        index = -1
        for run in runs:
            at = self._part(run[0], run, [at, *(End(None, port) for port in range(1, inputs))], drawing)[0]
            index += len(run)
            after[index] = at
        return drawing.done([at, *(after[mark] for mark in marks)], inputs)

    def _dash(self, item: Layer | Scope | Loop) -> Dash:
        if self.in_training and all(layer.path in self.in_training for layer in layers_below(item)):
            return "training"
        if isinstance(item, Loop) or not self.projections:
            return ""
        return "shortcut" if all(layer.path in self.projections for layer in layers_below(item)) else ""

    def _layer(self, layer: Layer) -> Box:
        node = self.graph.nodes[layer.path]
        op = node.op
        last = self.graph.nodes[self.last_in_run.get(layer.path, layer.path)]
        words = [Words(shortened(parts_from_to(self.graph.caption(node), self.graph.caption(last), " ")))]
        kind = op.kind
        if layer.named and not layer.name.isdecimal() and op.weighted and self.level != "stage":
            words.append(Words(shortened(layer.name), "quiet"))
        words += _shared_words(owner for owner in owners_of(layer.shared) if owner.rpartition(".")[2] != layer.name)
        arriving = self.graph.input_shapes(node)
        shapes = [
            ""
            if arriving and arriving[0] == type.sizes
            else parts_from_to(shape_text(type.sizes), shape_text(end.sizes), "x")
            for type, end in zip(node.types, last.types, strict=True)
        ]
        sign = _SIGNS.get(op.name, "")
        return Box(
            layer.path,
            kind,
            tuple(words),
            len(node.inputs),
            tuple(shapes),
            sign,
            paths=(layer.path,),
            mark=self.details.marks.get(layer.path, ""),
            extents=tuple(type.sizes[1:] for type in node.types),
        )

    def _marks(self, items: Sequence[Scope | Loop], inside: Figure | None) -> dict[str, Mark]:
        """A part's own mark; and that of all its layers, or `changed` if some of it is marked.

        Where there is no inside the second is its own, too.
        """
        marks = self.details.marks
        if not marks:
            return {}
        own: Mark = next((marks[item.path] for item in items if marks.get(item.path)), "")
        inner = joint(marks.get(layer.path, "") for item in items for layer in layers_below(item))
        inner = inner or ("changed" if any(marks.get(path) for path in paths_of(items)) else "")
        return {"mark": own, "inner_mark": inner} if inside is not None else {"mark": own or inner}

    def _extents(self, results: Sequence[str]) -> tuple[tuple[int, ...], ...]:
        return tuple(self.graph.types[path].sizes[1:] for path in results)

    def _shapes(self, path: str, results: Sequence[str]) -> tuple[str, ...]:
        return self._shape_texts(self.def_use.scopes[path].operands, results)

    def _shape_texts(self, arriving: Sequence[str], results: Sequence[str]) -> tuple[str, ...]:
        types = self.graph.types
        before = types[arriving[0]].sizes if arriving else ()
        return tuple("" if types[path].sizes == before else shape_text(types[path].sizes) for path in results)

    def _scope_words(self, run: Sequence[Scope]) -> tuple[Words, ...]:
        scope = run[0]
        name = _name(scope)
        if len(run) > 1:
            name += f" – {run[-1].name}"
        words = [Words(shortened(name), "strong")]
        times = f"× {len(run)}" if len(run) > 1 else ""
        block = "" if scope.block in (None, scope.name) else shortened(scope.block or "", 32)
        what = " ".join(part for part in (block, times) if part)
        if what:
            words.append(Words(what, "quiet"))
        return (*words, *_shared_words([scope.shares]))

    def _loop_words(self, loop: Loop) -> tuple[Words, ...]:
        blocks = Counter(scope.block or "" for scope in loop.iterations)
        what = ", ".join(f"{shortened(block, 32)} × {times}".strip() for block, times in blocks.items())
        shares = {scope.shares for scope in loop.iterations} if not loop.shares else {loop.shares}
        return Words(shortened(_name(loop)), "strong"), Words(what, "quiet"), *_shared_words(shares)

    def costed(self, drawn: Figure) -> Figure:
        """The figure with what its boxes cost, where that is to be said."""
        if not (self.details.parameters or self.details.macs):
            return drawn
        boxes = (
            replace(box, words=(*box.words, *self._costs(box)), inside=box.inside and self.costed(box.inside))
            for box in drawn.boxes
        )
        return replace(drawn, boxes=tuple(boxes))

    def _costs(self, box: Box) -> Iterator[Words]:
        paths = [path for path in box.paths if path in self.graph.nodes]
        ends = [self.last_in_run.get(path, path) for path in paths]
        whole = not set(paths).isdisjoint(end for path, end in zip(paths, ends, strict=True) if path != end)
        one, last = (counts_of(self.graph, each) for each in (paths, paths if whole else ends))
        if self.details.parameters and one.parameters:
            yield Words(f"{from_to(f'{one.parameters:,}', f'{last.parameters:,}')} parameters", "quiet")
        if self.details.macs and one.macs:
            yield Words(f"{from_to(counted(one.macs), counted(last.macs))} MACs", "quiet")


def _name(part: Scope | Loop) -> str:
    """A part's name; that of one around it stands before a number, which says little by itself."""
    return part.name if part.name[:1].isalpha() else ".".join(part.path.split(".")[-2:])


def _shared_words(owners: Iterable[str]) -> list[Words]:
    """What says that weights are those of another item, by its path."""
    names = sorted({owner.rpartition(".")[2] for owner in owners} - {""})
    return [Words(f"weights of {shortened(name, 24)}", "quiet") for name in names]


def _said(drawn: Figure, end: End, text: str) -> Figure:
    """The figure with a text beside a tensor: where it leaves its box and, if that is open, the one in it as well."""
    if end.box is None:
        return drawn
    box = drawn.boxes[end.box]
    inside = box.inside
    if inside is not None:
        source = next(line.source for line in inside.lines if line.target == End(None, end.port))
        inside = _said(inside, source, text)
    shapes = (*box.shapes[: end.port], text, *box.shapes[end.port + 1 :])
    boxes = list(drawn.boxes)
    boxes[end.box] = replace(box, shapes=shapes, inside=inside)
    return replace(drawn, boxes=tuple(boxes))
