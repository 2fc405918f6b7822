"""From the results of a check to rows of the report, and to the layers that are to blame."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from archspec.ir.def_use import producer
from archspec.ir.graph import LayerGraph
from archspec.ir.ops.norms import BatchNorm
from archspec.parity.causes import Cause
from archspec.parity.fault_localization import (
    FaultyLayer,
    Kind,
    consequences,
    expressions,
    first_to_differ,
    last_to_differ,
)
from archspec.parity.measure import (
    Size,
    Tensors,
    apart,
    exceeds,
    furthest,
    has_channel_sizes,
    layer_sizes,
    sizes,
    spread,
    statistic_sizes,
    worst,
)
from archspec.parity.plan import Check, ComparisonPlan, allowed
from archspec.parity.results import PairResult, Profile

Pair = tuple[str, str]


@dataclass
class Evaluation:
    """What comparisons found."""

    rows: list[PairResult] = field(default_factory=list[PairResult])
    blamed: list[FaultyLayer] = field(default_factory=list[FaultyLayer])
    causes: list[Cause] = field(default_factory=list[Cause])
    profiles: list[Profile] = field(default_factory=list[Profile])

    def __iadd__(self, other: Evaluation) -> Self:
        self.rows += other.rows
        self.blamed += other.blamed
        self.causes += other.causes
        self.profiles += other.profiles
        return self


@dataclass
class PairEvaluation:
    """The comparison of what two participants gave for a check.

    Without `blames` no layer is blamed: an earlier check has found the layer, and this one differs because of it.
    """

    graph: LayerGraph
    check: Check
    pair: Pair
    tolerance: float | None
    """None: what is found is reported, and not judged."""
    first: Tensors
    second: Tensors
    spreads: Sequence[Tensors] = ()
    """How far each of the two is from itself, where that was measured: the tolerance then grows with it."""
    blames: bool = True
    found: Evaluation = field(default_factory=Evaluation)

    def judge(self, plan: ComparisonPlan) -> Evaluation:
        """Compare what came of a check that is no training run."""
        if self.check.kind == "gradients":
            self.gradients()
        else:
            self.forward(plan)
        return self.found

    def forward(self, plan: ComparisonPlan) -> None:
        """Outputs, layers, and running statistics."""
        outputs = self._apart("outputs")
        self.row("outputs", outputs, self._itself("outputs"))
        layers = self._by_node(self._apart("layers", optional=True))
        missing = len(self.graph.nodes) - len(layers)
        statistics = self._apart("statistics")
        if plan.layers:
            self.row("layers", layers, self._itself("layers"), missing=missing)
        self.row("statistics", statistics, self._itself("statistics"))
        if plan.layers and self.check.kind == "inference":
            profile = {path: layers.get(path) for path in self.graph.nodes}
            self.found.profiles.append(Profile(self.pair, self.check.dtype, self.graph.input_text, profile))
        if plan.layers and self.blames and (tolerance := self._most("outputs", "layers", "statistics")) is not None:
            self._blame_forward(layers, statistics, tolerance)
            for name, path in self.graph.outputs.items():
                if exceeds(outputs[name], tolerance) and not exceeds(layers.get(producer(path), math.inf), tolerance):
                    self.blame(producer(path), "outputs", "outputs", name, outputs[name], layers[producer(path)])

    def _by_node(self, found: Mapping[str, float]) -> dict[str, float]:
        """What is known of nodes, in the graph's order: of several results the worst."""
        nodes = self.graph.nodes.items()
        known = {path: [found[name] for name in node.values if name in found] for path, node in nodes}
        return {path: max(values) for path, values in known.items() if len(values) == len(self.graph.nodes[path].types)}

    def _blame_forward(self, layers: Mapping[str, float], statistics: Mapping[str, float], tolerance: float) -> None:
        differing = [path for path, value in layers.items() if exceeds(value, tolerance)]
        origins = first_to_differ(self.graph, layers, tolerance)
        for path, given in origins.items():
            kind: Kind = "differs" if path in layers else "not computed"
            after = consequences(self.graph, path, differing)
            self.blame(path, kind, "layers", path, layers.get(path, math.inf), given, consequences=after)
        behind = {after for path in origins for after in (path, *consequences(self.graph, path, self.graph.nodes))}
        for name, value in statistics.items():
            path = name.rpartition(".")[0]
            if exceeds(value, tolerance) and path not in behind:
                given = max(
                    (layers.get(producer(source), 0.0) for source in self.graph.nodes[path].inputs), default=0.0
                )
                self.blame(path, "statistics", "statistics", name, value, given)

    def gradients(self) -> None:
        """The loss, and its gradients with respect to inputs, weights, and layers."""
        self.row("loss", self._apart("loss"), self._itself("loss"))
        inputs = self._apart("input gradients")
        by = layer_sizes("weight gradients", self.first)
        weights = dict(apart("weight gradients", self.first, self.second, by))
        layers = self._apart("layer gradients", optional=True)
        self.row("input gradients", inputs, self._itself("input gradients"))
        self.row("weight gradients", weights, self._itself("weight gradients", by))
        # Those of layers show where a difference comes from; by themselves they mean nothing, see `last_to_differ`.
        self.row("layer gradients", layers, judged=False)
        tolerance = self._most("input gradients", "weight gradients")
        if (
            self.blames
            and tolerance is not None
            and any(exceeds(value, tolerance) for value in (*inputs.values(), *weights.values()))
        ):
            self._blame_gradients({**layers, **inputs}, weights, tolerance)

    def _blame_gradients(self, layers: Mapping[str, float], weights: Mapping[str, float], tolerance: float) -> None:
        """The layers whose gradients differ first on the way back; without those of layers, the last in order."""
        origins = last_to_differ(self.graph, layers, tolerance)
        wrong = list(wrong_layers(self.graph, weights, tolerance))
        for path, name, value in wrong:
            if path in layers and not exceeds(layers[path], tolerance):
                self.blame(path, "weight gradients", "weight gradients", name, value, layers[path])
        for path, (given, takers) in origins.items():
            what = "input gradients" if path in self.graph.inputs else "layer gradients"
            # Without the gradients of layers nothing distinguishes those of inputs from their consequences.
            if what == "layer gradients" or not set(layers) <= set(self.graph.inputs):
                self.blame(path, "layer gradients", what, path, layers[path], given, suspects=takers)
        if wrong and not self.found.blamed:
            order = list(self.graph.nodes)
            path, name, value = max(wrong, key=lambda found: order.index(found[0]))
            self.blame(path, "weight gradients", "weight gradients", name, value, 0.0)

    def rounding(self) -> None:
        """Everything of a forward pass, in one row."""
        whats = ("outputs", "layers", "statistics")
        self.row("all tensors", {name: value for what in whats for name, value in self._apart(what).items()})

    def _apart(self, what: str, *, optional: bool = False) -> dict[str, float]:
        return dict(apart(what, self.first, self.second, self.sizes(what), optional=optional))

    def sizes(self, what: str) -> Mapping[str, Size]:
        """What the tensors of a kind are measured by, each as it is: not by its layer, nor by how far it has moved."""
        if not has_channel_sizes(what):
            return sizes(what, self.first)
        nodes = self.graph.nodes.items()
        epsilons = {path: node.op.eps for path, node in nodes if isinstance(node.op, BatchNorm)}
        return statistic_sizes(what, self.first, epsilons)

    def _itself(self, what: str, by: Mapping[str, Size] | None = None) -> float | None:
        """How far one of the two is from itself; None where that was not measured."""
        return spread(what, self.spreads, by or self.sizes(what)) if self.spreads else None

    def _most(self, *whats: str) -> float | None:
        """The largest tolerance of rows; None where nothing is judged."""
        found = [row.tolerance for row in self.found.rows if row.what in whats and row.tolerance is not None]
        return max(found, default=None)

    def row(
        self,
        what: str,
        differences: Mapping[str, float],
        itself: float | None = None,
        *,
        judged: bool = True,
        strict: bool = False,
        missing: int = 0,
        step: int = 0,
        followed: bool = False,
    ) -> PairResult | None:
        """Report the worst of some differences; None where there are none. `strict`: with no allowance."""
        if not differences:
            return None
        name, value = worst([*differences.items()])
        tolerance = self.tolerance if judged else None
        drowned = False
        if tolerance is not None and itself is not None and not strict:
            tolerance = allowed(tolerance, itself)
            drowned = tolerance is None
        size, kind, dtype = self.graph.input_text, self.check.kind, self.check.dtype
        numbers = (value, tolerance, missing, itself, step)
        found = PairResult(self.pair, kind, dtype, size, what, name, *numbers, drowned=drowned, followed=followed)
        self.found.rows.append(found)
        return found

    def blame(
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
        """Blame a layer; `what` and `name` say which of its tensors differs, `given` how far its inputs are apart."""
        node = self.graph.nodes[path]
        one, other = self.first.get(what, name), self.second.get(what, name)
        values = furthest(one, other) if one is not None and other is not None else None
        self.found.blamed.append(
            FaultyLayer(
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


def wrong_layers(graph: LayerGraph, weights: Mapping[str, float], tolerance: float) -> Iterator[tuple[str, str, float]]:
    """The layers with weights past the tolerance, in order, each with its worst: path, name, difference."""
    found: dict[str, list[tuple[str, float]]] = {}
    for name, value in weights.items():
        if exceeds(value, tolerance):
            found.setdefault(name.rpartition(".")[0], []).append((name, value))
    for path in graph.nodes:
        if path in found:
            yield path, *worst(found[path])
