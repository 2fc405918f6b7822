"""Judging a training run by the network's own sensitivity, step by step.

Training magnifies rounding at every step: two engines drift apart, and so does one engine from itself, started from
neighboring numbers. The first step is held strictly. What comes later may differ so far as that explains it.

It does not explain all. Where the input of a ReLU is zero but for rounding, or two inputs of a max pool are equal but
for it, the gradient jumps; two engines may come to lie on the two sides of that, and no neighbor of either. So where
two runs part, or where too much would have to be allowed, the second engine makes the steps again, each from the
weights that the first had before it. Up to the one in which they part all are held strictly, as the first step is; if
one differs, that is a fault. Later ones are held strictly, too, or else by how far the engines are from themselves in
that single step: a fault that begins after a jump shows as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from archspec.parity.causes import Cause, CauseKind, TrainingStep, of_step
from archspec.parity.evaluation import Evaluation, PairEvaluation, wrong_layers
from archspec.parity.measure import Size, Tensors, apart, exceeds, moved_sizes, sizes, spread
from archspec.parity.plan import ComparisonPlan
from archspec.parity.results import PairResult


def judge_run(judging: PairEvaluation, plan: ComparisonPlan, start: Tensors) -> None:
    """Compare two runs, whose `PairEvaluation` this is: a row for each loss, and for weights and statistics after a
    step.

    How far weights are apart is a share of how far those of their layer have moved from the start, so that a wrong step
    shows however small steps are.
    """
    _TrainingRun(judging, plan, start).judge()


def parting(found: Evaluation) -> int:
    """The first step of a run in which something is past its tolerance; 0 where nothing is."""
    return min((row.step for row in found.rows if not row.agrees), default=0)


def drowning(found: Evaluation) -> int:
    """The first step of a run that is not judged though its losses are finite; 0 where all are judged."""
    return min((row.step for row in found.rows if row.drowned and math.isfinite(row.itself or 0.0)), default=0)


def judge_steps(judging: PairEvaluation, plan: ComparisonPlan, start: Tensors, first: int, strict: int) -> None:
    """Compare a run with one that followed it, from a step on, wherever the weights before a step were kept.

    The steps up to `strict` are held strictly; later ones by the spreads of the `PairEvaluation`, if it has any.
    """
    _TrainingRun(judging, plan, start).follow(first, strict)


def jumped(found: Evaluation, step: int) -> Evaluation:
    """What is found of a run that is not judged from a step on, since each step agrees from the same weights."""
    rows = [replace(row, tolerance=None, jumped=True) if row.step >= step else row for row in found.rows]
    return Evaluation(rows, profiles=found.profiles)


def run_apart(judging: PairEvaluation, plan: ComparisonPlan, start: Tensors) -> None:
    """How far two runs are apart at their ends, where nothing of it is judged."""
    run = _TrainingRun(judging, plan, start)
    judging.row(f"loss of step {plan.steps}", run.losses(plan.steps), step=plan.steps)
    judging.row(f"weights after step {plan.steps}", run.weights(plan.steps)[0], step=plan.steps)


class _TrainingRun:
    def __init__(self, judging: PairEvaluation, plan: ComparisonPlan, start: Tensors) -> None:
        self.judging = judging
        self.plan = plan
        self.start = start
        self.first, self.second = judging.first, judging.second
        self.caused = not judging.blames or judging.tolerance is None
        """A cause of what follows is known, or none is looked for."""
        self.statistics_agree = not self.caused

    def judge(self) -> None:
        diverged = False
        for number in range(1, self.plan.steps + 1):
            diverged = diverged or (number > 1 and self._diverges(number))
            self._judge(number, strict=number == 1, diverged=diverged)

    def follow(self, first: int, strict: int) -> None:
        for number in range(first, self.plan.steps + 1):
            if self._diverges(number):
                return
            if number - 1 in self.plan.snapshots:
                self._judge(number, strict=number <= strict, followed=True)

    def _judge(self, number: int, *, strict: bool, diverged: bool = False, followed: bool = False) -> None:
        row = partial(self.judging.row, strict=strict, step=number, followed=followed)
        step = f"step {number} from the same weights" if followed else f"step {number}"
        by: Mapping[str, Size] = {str(number): sizes("losses", self.first).get(str(number), 0.0)}
        loss = row(f"loss of {step}", self.losses(number), self._itself("losses", by, diverged))
        if number not in self.plan.snapshots:
            self._note_unseen(loss, number)
            return
        weights, by = self.weights(number)
        moved = row(f"weights after {step}", weights, self._itself(f"weights {number}", by, diverged))
        self._note_step(loss, moved, number, weights)
        statistics, by = self.statistics(number)
        kept = row(f"statistics after {step}", statistics, self._itself(f"statistics {number}", by, diverged))
        if self.statistics_agree and kept is not None and not kept.agrees:
            self.statistics_agree = False
            self._note_statistics(kept, number, statistics)

    def _itself(self, what: str, by: Mapping[str, Size], diverged: bool) -> float | None:
        """How far one of the two is from itself, infinite where there is nothing to compare; None: not measured."""
        if diverged:
            return math.inf
        return spread(what, self.judging.spreads, by) if self.judging.spreads else None

    def _diverges(self, number: int) -> bool:
        """Whether the loss of a step is not finite in either run: there is nothing to compare from here on."""
        found = (run.get("losses", str(number)) for run in (self.first, self.second))
        return all(loss is not None and not math.isfinite(loss.item()) for loss in found)

    def losses(self, number: int) -> Mapping[str, float]:
        by = sizes("losses", self.first)
        return {name: value for name, value in apart("losses", self.first, self.second, by) if name == str(number)}

    def weights(self, number: int) -> tuple[dict[str, float], dict[str, float]]:
        """How far they are apart after a step, and how far they have moved."""
        what = f"weights {number}"
        by = moved_sizes(what, self.first, self.start, "start")
        return dict(apart(what, self.first, self.second, by)), by

    def statistics(self, number: int) -> tuple[dict[str, float], Mapping[str, Size]]:
        """How far the running statistics are apart after a step, and how large they are."""
        what = f"statistics {number}"
        by = self.judging.sizes(what)
        return dict(apart(what, self.first, self.second, by)), by

    # -- what it is that differs ----------------------------------------------------------------------

    def _note_unseen(self, loss: PairResult | None, number: int) -> None:
        """A loss differs at a step whose weights were not kept: it is this step's batch, or a step's weights before."""
        if not self.caused and loss is not None and not loss.agrees:
            self.caused = True
            self._cause("batch", number, (), loss.difference)

    def _note_step(
        self, loss: PairResult | None, weights: PairResult | None, number: int, differences: Mapping[str, float]
    ) -> None:
        loss_differs = loss is not None and not loss.agrees
        weights_differ = weights is not None and not weights.agrees
        if self.caused or not (loss_differs or weights_differ):
            return
        self.caused = True
        kind, amount, nesterov, layers = self._explained(weights, number, differences)
        # A wrong decay is part of the loss, too, where the framework has it there. Nothing else of a step is.
        if loss is not None and loss_differs and not (kind == "weight decay" and number == 1):
            self._cause("batch", number, (), loss.difference)
            return
        self._cause(kind, number, layers, amount, nesterov=nesterov)
        if number == 1 and weights is not None and weights.tolerance is not None:
            for path, name, value in wrong_layers(self.judging.graph, differences, weights.tolerance):
                self.judging.blame(path, "first step", "weights 1", name, value, 0.0)

    def _explained(
        self, row: PairResult | None, number: int, differences: Mapping[str, float]
    ) -> tuple[CauseKind, float, bool, tuple[str, ...]]:
        if row is None or row.agrees or row.tolerance is None:
            return "step", 0.0, False, ()
        tolerance = row.tolerance
        wrong = tuple(name for name, value in differences.items() if exceeds(value, tolerance))
        layers = tuple(path for path, _, _ in wrong_layers(self.judging.graph, differences, tolerance))
        if (number > 1 and number - 1 not in self.plan.snapshots) or not all(map(self._comparable, wrong)):
            return "step", row.difference, False, layers
        step = TrainingStep(number, self.first, self.second, self.start, wrong)
        kind, amount, nesterov = of_step(step, self.plan.learning_rate, self.plan.momentum)
        return kind, row.difference if kind == "step" else amount, nesterov, layers

    def _comparable(self, name: str) -> bool:
        one, other = self.first.get("weights 1", name), self.second.get("weights 1", name)
        return one is not None and other is not None and one.shape == other.shape

    def _note_statistics(self, row: PairResult, number: int, differences: Mapping[str, float]) -> None:
        """Running statistics that differ, unless the batch or the weights that they come from did before."""
        if self._behind(number):
            return
        assert row.tolerance is not None  # it does not agree
        layers = []
        for path, name, value in wrong_layers(self.judging.graph, differences, row.tolerance):
            layers.append(path)
            self.judging.blame(path, "statistics", f"statistics {number}", name, value, 0.0)
        self._cause("running statistics", number, tuple(layers), row.difference)

    def _behind(self, number: int) -> bool:
        """Another cause explains statistics of this step: weights of a step before it, or this step's own batch."""
        return any(
            cause.step < number or (cause.kind == "batch" and cause.step <= number)
            for cause in self.judging.found.causes
        )

    def _cause(
        self, kind: CauseKind, step: int, layers: tuple[str, ...], amount: float, *, nesterov: bool = False
    ) -> None:
        judging = self.judging
        found = Cause(judging.pair, judging.check.dtype, judging.graph.input_text, kind, step, layers, amount, nesterov)
        judging.found.causes.append(found)
