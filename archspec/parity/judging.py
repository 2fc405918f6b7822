"""From the results of a check to rows of the report, and to the layers that are to blame."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from archspec.ir.graph import LayerGraph
from archspec.parity.blame import Blame, Kind, consequences, expressions, first_to_differ, last_to_differ
from archspec.parity.measure import Tensors, apart, apart_by_layer, exceeds, furthest, worst
from archspec.parity.plan import Check, Plan
from archspec.parity.report import Profile, Row

Pair = tuple[str, str]


@dataclass
class Judged:
    """What comparisons found."""

    rows: list[Row] = field(default_factory=list[Row])
    blamed: list[Blame] = field(default_factory=list[Blame])
    profiles: list[Profile] = field(default_factory=list[Profile])

    def __iadd__(self, other: Judged) -> Self:
        self.rows += other.rows
        self.blamed += other.blamed
        self.profiles += other.profiles
        return self


def judge(
    graph: LayerGraph, check: Check, plan: Plan, pair: Pair, first: Tensors, second: Tensors, *, blames: bool = True
) -> Judged:
    """Compare what two participants gave for a check.

    Without `blames` no layer is blamed: an earlier check has found the layer, and this one differs because of it.
    """
    judging = _Judging(graph, check, pair, plan.tolerance(check.dtype, check.kind), first, second, blames)
    match check.kind:
        case "inference" | "training":
            judging.forward(plan)
        case "gradients":
            judging.gradients()
        case "run":
            judging.first_step()
            judging.run()
    return judging.found


def run_twice(graph: LayerGraph, check: Check, label: str, tensors: Tensors) -> Judged:
    """How far a training run is from itself, where it was run twice."""
    judging = _Judging(graph, check, (label, f"{label}, again"), None, tensors, tensors, blames=False)
    if tensors.names("again losses"):
        judging.run("again ")
    return judging.found


def spread_by_dtype(
    graph: LayerGraph, check: Check, label: str, dtypes: tuple[str, str], first: Tensors, second: Tensors
) -> Judged:
    """How far a participant is from itself in another dtype: what rounding alone does to this network."""
    check = replace(check, dtype=" / ".join(dtypes))
    judging = _Judging(graph, check, (label, label), None, first, second, blames=False)
    if check.kind == "run":
        judging.run()
    else:
        judging.rounding()
    return judging.found


@dataclass
class _Judging:
    graph: LayerGraph
    check: Check
    pair: Pair
    tolerance: float | None
    first: Tensors
    second: Tensors
    blames: bool
    found: Judged = field(default_factory=Judged)

    def forward(self, plan: Plan) -> None:
        """Outputs, layers, and running statistics."""
        outputs = dict(apart("outputs", self.first, self.second))
        self._row("outputs", outputs.items())
        layers = dict(apart("layers", self.first, self.second, optional=True))
        layers = {path: layers[path] for path in self.graph.nodes if path in layers}
        missing = len(self.graph.nodes) - len(layers)
        statistics = dict(apart("statistics", self.first, self.second))
        if plan.layers:
            self._row("layers", layers.items(), missing=missing)
        self._row("statistics", statistics.items())
        if plan.layers and self.check.kind == "inference":
            profile = {path: layers.get(path) for path in self.graph.nodes}
            self.found.profiles.append(Profile(self.pair, self.check.dtype, self.graph.input_text, profile))
        if plan.layers and self.blames and self.tolerance is not None:
            self._blame_forward(layers, statistics, self.tolerance)
            for name, path in self.graph.outputs.items():
                if exceeds(outputs[name], self.tolerance) and not exceeds(layers.get(path, math.inf), self.tolerance):
                    self._blame(path, "outputs", "outputs", name, outputs[name], layers[path])

    def _blame_forward(self, layers: Mapping[str, float], statistics: Mapping[str, float], tolerance: float) -> None:
        differing = [path for path, value in layers.items() if exceeds(value, tolerance)]
        origins = first_to_differ(self.graph, layers, tolerance)
        for path, given in origins.items():
            kind: Kind = "differs" if path in layers else "not computed"
            after = consequences(self.graph, path, differing)
            self._blame(path, kind, "layers", path, layers.get(path, math.inf), given, consequences=after)
        behind = {after for path in origins for after in (path, *consequences(self.graph, path, self.graph.nodes))}
        for name, value in statistics.items():
            path = name.rpartition(".")[0]
            if exceeds(value, tolerance) and path not in behind:
                given = max((layers.get(source, 0.0) for source in self.graph.nodes[path].inputs), default=0.0)
                self._blame(path, "statistics", "statistics", name, value, given)

    def gradients(self) -> None:
        """The loss, and its gradients with respect to inputs, weights, and layers."""
        self._row("loss", apart("loss", self.first, self.second))
        inputs = dict(apart("input gradients", self.first, self.second))
        weights = dict(apart_by_layer("weight gradients", self.first, self.second))
        layers = dict(apart("layer gradients", self.first, self.second, optional=True))
        self._row("input gradients", inputs.items())
        self._row("weight gradients", weights.items())
        # Those of layers tell where a difference comes from; by themselves they mean nothing, see `last_to_differ`.
        self._row("layer gradients", layers.items(), judged=False)
        if (
            self.blames
            and self.tolerance is not None
            and any(exceeds(value, self.tolerance) for value in (*inputs.values(), *weights.values()))
        ):
            self._blame_gradients({**layers, **inputs}, weights, self.tolerance)

    def _blame_gradients(self, layers: Mapping[str, float], weights: Mapping[str, float], tolerance: float) -> None:
        """The layers whose gradients differ first on the way back; without those of layers, the last in order."""
        origins = last_to_differ(self.graph, layers, tolerance)
        wrong = list(_by_layer(self.graph, weights, tolerance))
        for path, name, value in wrong:
            if path in layers and not exceeds(layers[path], tolerance):
                self._blame(path, "weight gradients", "weight gradients", name, value, layers[path])
        for path, (given, takers) in origins.items():
            what = "input gradients" if path in self.graph.inputs else "layer gradients"
            # Without the gradients of layers nothing tells those of inputs from their consequences.
            if what == "layer gradients" or set(layers) != set(self.graph.inputs):
                self._blame(path, "layer gradients", what, path, layers[path], given, suspects=takers)
        if wrong and not self.found.blamed:
            order = list(self.graph.nodes)
            path, name, value = max(wrong, key=lambda found: order.index(found[0]))
            self._blame(path, "weight gradients", "weight gradients", name, value, 0.0)

    def rounding(self) -> None:
        """Everything of a forward pass, in one row."""
        whats = ("outputs", "layers", "statistics")
        self._row("all tensors", (found for what in whats for found in apart(what, self.first, self.second)))

    def first_step(self) -> None:
        """The weights after one step of training."""
        weights = dict(apart_by_layer("first step", self.first, self.second))
        self._row("first step", weights.items())
        if self.blames and self.tolerance is not None:
            for path, name, value in _by_layer(self.graph, weights, self.tolerance):
                self._blame(path, "first step", "first step", name, value, 0.0)

    def run(self, again: str = "") -> None:
        """Losses and final weights of training runs; the second's are called so, with `again` before it."""
        for what in ("losses", "final weights"):
            self._row(what, apart_by_layer(what, self.first, self.second, f"{again}{what}"))

    def _row(
        self, what: str, differences: Iterable[tuple[str, float]], *, judged: bool = True, missing: int = 0
    ) -> None:
        found = list(differences)
        if found:
            name, value = worst(found)
            size, kind, dtype = self.graph.input_text, self.check.kind, self.check.dtype
            tolerance = self.tolerance if judged else None
            self.found.rows.append(Row(self.pair, kind, dtype, size, what, name, value, tolerance, missing))

    def _blame(
        self,
        path: str,
        kind: Kind,
        what: str,
        name: str,
        difference: float,
        given: float,
        *,
        suspects: tuple[str, ...] = (),
        consequences: tuple[str, ...] = (),
    ) -> None:
        node = self.graph.nodes[path]
        one, other = self.first.get(what, name), self.second.get(what, name)
        values = furthest(one, other) if one is not None and other is not None else None
        self.found.blamed.append(
            Blame(
                self.pair,
                self.check.kind,
                self.check.dtype,
                self.graph.input_text,
                path,
                node.op.name,
                kind,
                difference,
                given,
                values,
                "" if node.span is None else str(node.span),
                expressions(node),
                suspects,
                consequences,
                node.span,
            )
        )


def _by_layer(graph: LayerGraph, weights: Mapping[str, float], tolerance: float) -> Iterator[tuple[str, str, float]]:
    """The layers with weights past the tolerance, in order, each with its worst: path, name, difference."""
    found: dict[str, list[tuple[str, float]]] = {}
    for name, value in weights.items():
        if exceeds(value, tolerance):
            found.setdefault(name.rpartition(".")[0], []).append((name, value))
    for path in graph.nodes:
        if path in found:
            yield path, *worst(found[path])
