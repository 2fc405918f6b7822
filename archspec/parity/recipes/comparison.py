"""Does one recipe train a network alike in several frameworks?

The programs that `archspec train` writes are written in float64, run from the same weights, and held together: the
rate and the loss of every step, the numbers of every epoch, and the weights and statistics at the end. Training
magnifies rounding; so, where something is past its tolerance, each program is run again from neighboring weights, and
what that explains is allowed, as in `archspec.parity.training`. The rates and the first loss have no such allowance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from archspec.errors import Diagnostic, ParityError, SpecError
from archspec.initialization import draw
from archspec.ir.graph import LayerGraph
from archspec.parity.causes import Cause, CauseKind
from archspec.parity.measure import distance, largest, rank, share
from archspec.parity.plan import NEIGHBORS, allowed
from archspec.parity.processes import Participant, check_installed
from archspec.parity.recipes.runs import Program, ProgramRun
from archspec.parity.report import Report
from archspec.parity.results import PairResult
from archspec.parity.temporary_folders import temporary_folder
from archspec.recipe import Recipe, ResolvedRecipe
from archspec.recipe.sources import Digits
from archspec.spec import Spec
from archspec.training.plan import TrainingPlan
from archspec.training.program import make_program

if TYPE_CHECKING:
    import numpy as np

    Weights = Mapping[str, np.ndarray[Any, Any]]

Progress = Callable[[str, int, int], None]
TOLERANCE: Final = 1e-9
"""The largest difference that counts as agreement: a share of a loss, or of how far the weights of a layer moved."""
RATES: Final = 1e-12
"""That of rates, which are worked out anew by each program, and are no matter of rounding that grows."""
STEPS: Final = 200
CHECK: Final = "recipe"


def compare_recipe(
    spec: Spec,
    recipe: Recipe,
    participants: Sequence[Participant],
    *,
    data: Path | Literal["digits"] | None = None,
    weights: Weights | None = None,
    steps: int = STEPS,
    tolerance: float = TOLERANCE,
    change: Callable[[Participant, Path], None] | None = None,
    progress: Progress = lambda what, done, total: None,
) -> Report:
    """Train by a recipe in several frameworks, and compare all that the programs record.

    Args:
        spec, recipe: as they were loaded, with the values that their params were given.
        participants: two or more; the first is the measure.
        data: the folder of the data; `"digits"`: scikit-learn's digits in their place, enlarged to what the network
            takes; None for data that need no folder.
        weights: those that all begin from, by canonical name, in canonical layout; drawn by the recipe's seed if None.
        steps: how many are made, at the most as many as the recipe has.
        tolerance: the largest difference that counts as agreement.
        change: called with each program's folder before it runs, so that an edited program can be compared.
        progress: is called with what is done next, how much is done, and of how much.

    Raises:
        ParityError: a program failed, or there are less than two participants.
        BackendError: a framework is missing, or a backend cannot write such a program.
        SpecError, TrainingDataError: see `archspec.training.program.make_program`.
    """
    if len(participants) < 2:
        raise ParityError(Diagnostic("E0202", "parity compares two participants at the least"))
    check_installed(participants)
    folder = None if data == "digits" else data

    def adapt(settings: ResolvedRecipe, graph: LayerGraph) -> ResolvedRecipe:
        settings = replace(settings, precision="float64")
        return on_digits(settings, graph) if data == "digits" else settings

    made = [make_program(spec, recipe, participant.backend, folder, adapt) for participant in participants]
    graph, plan = made[0].graph, made[0].plan
    if weights is None:
        weights = draw(graph, plan.seed)
    start = {name: array.astype("float64") for name, array in weights.items()}
    with temporary_folder() as temporary:
        programs = []
        for number, (participant, program) in enumerate(zip(participants, made, strict=True)):
            place = temporary / f"program{number}"
            program.write(place, start)
            if change is not None:
                change(participant, place)
            programs.append(Program(participant, program, place, folder))
        return _RecipeComparison(graph, plan, programs, start, min(steps, plan.steps), tolerance, progress).report()


def on_digits(settings: ResolvedRecipe, graph: LayerGraph) -> ResolvedRecipe:
    """A recipe whose data are the digits, enlarged to what a network takes; its own splits become theirs.

    Raises:
        SpecError: the network takes no image, or one that is not square.
    """
    node = graph.input_nodes[0]
    channels, *size = node.shape
    if len(size) != 2 or size[0] != size[1]:
        message = f"{graph.name} takes {graph.input_text}, and the digits stand in for square images"
        raise SpecError(
            Diagnostic("E0901", message, settings.place("data.source"), help="give its own data by `--data`")
        )
    data = settings.data
    validation = "test" if isinstance(data.validation, str) else data.validation
    stand_in = Digits(size=size[0], channels=channels)
    test = None if data.test is None else "test"
    return replace(settings, data=replace(data, source=stand_in, train="train", validation=validation, test=test))


@dataclass
class _RecipeComparison:
    graph: LayerGraph
    plan: TrainingPlan
    programs: Sequence[Program]
    start: Weights
    steps: int
    tolerance: float
    progress: Progress
    done: int = 0
    causes: list[Cause] = field(default_factory=list)
    neighbors: dict[int, list[ProgramRun]] = field(default_factory=dict)

    def report(self) -> Report:
        runs = self._run([(program, self.start) for program in self.programs], self.steps, "training")
        rows = [row for other in range(1, len(runs)) for row in self._judged(runs, other)]
        return Report(
            network=self.graph.name,
            title=f"{self.graph.title or self.graph.name}, trained by {self.plan.name}",
            rows=tuple(rows),
            blamed=(),
            causes=tuple(self.causes),
            skipped=(),
            profiles=(),
            versions={program.participant.label: program.target.versions() for program in self.programs},
            batch=self.plan.data.batch,
            sizes=(self.graph.input_text,),
        )

    def _run(self, asked: Sequence[tuple[Program, Weights]], steps: int, what: str) -> list[ProgramRun]:
        """The runs of several programs; two at a time, since much of each is the import of a framework."""
        total = self.done + len(asked)

        def run(one: tuple[Program, Weights]) -> ProgramRun:
            program, weights = one
            self.progress(f"{program.participant.label}: {what}, {steps} steps", self.done, total)
            found = program.run(weights, steps)
            self.done += 1
            return found

        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(run, asked))

    # -- what is compared ------------------------------------------------------------------------------

    def _judged(self, runs: Sequence[ProgramRun], other: int) -> list[PairResult]:
        first, second = runs[0], runs[other]
        pair = (self.programs[0].participant.label, self.programs[other].participant.label)
        rows = list(self._rows(pair, first, second, None))
        if all(row.agrees for row in rows) or any(not row.agrees for row in rows if row.what in _STRICT):
            found = rows
        else:
            found = list(self._rows(pair, first, second, [self._spread(runs, index) for index in (0, other)]))
        if any(not row.agrees for row in found):
            self._find_cause(pair, (self.programs[0], self.programs[other]), first, second, found)
        return found

    def _spread(self, runs: Sequence[ProgramRun], index: int) -> tuple[ProgramRun, list[ProgramRun]]:
        """A participant's run, and its runs from neighboring weights."""
        if index not in self.neighbors:
            near = [(self.programs[index], _neighbor(self.start, seed)) for seed in range(1, NEIGHBORS + 1)]
            self.neighbors[index] = self._run(near, self.steps, "from neighboring weights")
        return runs[index], self.neighbors[index]

    def _rows(
        self,
        pair: tuple[str, str],
        first: ProgramRun,
        second: ProgramRun,
        spreads: Sequence[tuple[ProgramRun, list[ProgramRun]]] | None,
    ) -> Iterator[PairResult]:
        """A row for each kind of number, of the place where it is furthest past what is allowed."""
        for what, measured in _MEASURED.items():
            differences = measured(first, second, self.start)
            if not differences:
                continue
            selves: dict[str, float] = {}
            if spreads is not None and what not in _STRICT:
                selves = _least([_most([measured(run, one, self.start) for one in near]) for run, near in spreads])
                if what == "losses":
                    selves = _so_far(selves)
            yield self._row(pair, what, differences, selves)

    def _row(
        self, pair: tuple[str, str], what: str, differences: Mapping[str, float], selves: Mapping[str, float]
    ) -> PairResult:
        tolerance = RATES if what == "rates" else self.tolerance

        def limit(name: str) -> float | None:
            return allowed(tolerance, selves[name]) if name in selves else tolerance

        judged = {name: value for name, value in differences.items() if limit(name) is not None}
        drowned = not judged
        # How many times what is allowed a difference is: the worst is not the largest where what is allowed grows.
        worst = max(judged or differences, key=lambda name: rank(differences[name]) / (limit(name) or 1.0))
        return PairResult(
            pair,
            CHECK,
            "float64",
            self.graph.input_text,
            what
            if len(judged) == len(differences) or drowned
            else f"{what} (of {len(judged)} steps of {len(differences)})",
            worst,
            differences[worst],
            None if drowned else limit(worst),
            itself=selves.get(worst),
            step=self.steps,
            drowned=drowned,
        )

    # -- what it is that differs ----------------------------------------------------------------------

    def _find_cause(
        self,
        pair: tuple[str, str],
        programs: tuple[Program, Program],
        first: ProgramRun,
        second: ProgramRun,
        rows: Sequence[PairResult],
    ) -> None:
        """The first step in which the runs part: by its rate, its batch, or what it does to the weights."""
        losses, rates = _losses(first, second, self.start), _rates(first, second, self.start)
        wrong_rate = _first(rates, RATES)
        wrong_loss = _first(losses, self.tolerance) or (self.steps + 1)
        # The last step whose loss still agrees; weights may have come to differ before that.
        low, high = 0, wrong_loss - 1 if wrong_loss <= self.steps else self.steps
        ends: dict[int, tuple[ProgramRun, ProgramRun]] = {self.steps: (first, second)}
        if high == 0 or self._apart(programs, high, ends) is None:
            if wrong_loss <= self.steps:
                self._cause(pair, "batch", wrong_loss, (), losses[f"step {wrong_loss}"])
            return
        while high - low > 1:
            middle = (low + high) // 2
            if self._apart(programs, middle, ends) is None:
                low = middle
            else:
                high = middle
        layers, amount = self._apart(programs, high, ends) or ((), math.nan)
        if wrong_rate is not None and wrong_rate <= high:
            one, two = first.rates[wrong_rate], second.rates[wrong_rate]
            self._cause(pair, "learning rate", wrong_rate, (), two / one if one else math.inf)
        else:
            self._cause(pair, "step", high, layers, amount)

    def _apart(
        self, programs: tuple[Program, Program], steps: int, ends: dict[int, tuple[ProgramRun, ProgramRun]]
    ) -> tuple[tuple[str, ...], float] | None:
        """The layers whose weights differ after so many steps, and how far at the most; None where none do."""
        if steps not in ends:
            one, two = self._run([(program, self.start) for program in programs], steps, "finding the first difference")
            ends[steps] = (one, two)
        differences = _weights(*ends[steps], self.start)
        wrong = {name: value for name, value in differences.items() if not value <= self.tolerance}
        if not wrong:
            return None
        return tuple(dict.fromkeys(name.rpartition(".")[0] for name in wrong)), max(wrong.values(), key=rank)

    def _cause(self, pair: tuple[str, str], kind: CauseKind, step: int, layers: tuple[str, ...], amount: float) -> None:
        self.causes.append(Cause(pair, "float64", self.graph.input_text, kind, step, layers, amount))


# -- how far two runs are apart ---------------------------------------------------------------------


def _rates(first: ProgramRun, second: ProgramRun, start: Weights) -> dict[str, float]:
    return _of_steps(first.rates, second.rates)


def _losses(first: ProgramRun, second: ProgramRun, start: Weights) -> dict[str, float]:
    return _of_steps(first.losses, second.losses)


def _first_loss(first: ProgramRun, second: ProgramRun, start: Weights) -> dict[str, float]:
    return {name: value for name, value in _losses(first, second, start).items() if name == "step 1"}


def _later_losses(first: ProgramRun, second: ProgramRun, start: Weights) -> dict[str, float]:
    return {name: value for name, value in _losses(first, second, start).items() if name != "step 1"}


def _of_steps(first: Mapping[int, float], second: Mapping[int, float]) -> dict[str, float]:
    return {f"step {step}": _relative(first.get(step), second.get(step)) for step in sorted({*first, *second})}


def _measured(first: ProgramRun, second: ProgramRun, start: Weights) -> dict[str, float]:
    names = dict.fromkeys((*first.measured, *second.measured))
    return {name: _relative(first.measured.get(name), second.measured.get(name)) for name in names}


def _weights(first: ProgramRun, second: ProgramRun, start: Weights) -> dict[str, float]:
    """As shares of how far the weights of their layers have moved, so that a wrong step shows, however small."""
    moved: dict[str, float] = {}
    for name, before in start.items():
        after = first.weights.get(name)
        layer = name.rpartition(".")[0]
        size = largest(before) * 1e-6 if after is None else max(largest(after - before), largest(before) * 1e-6)
        moved[layer] = max(moved.get(layer, 0.0), size)
    least = max(moved.values(), default=0.0) / 1000
    return {
        name: share(
            distance(first.weights.get(name), second.weights.get(name)), max(moved[name.rpartition(".")[0]], least)
        )
        for name in start
    }


def _relative(one: float | None, other: float | None) -> float:
    """The difference of two numbers as a share of the first; of one that is missing it is infinite."""
    if one is None or other is None:
        return math.inf
    if one == other or (math.isnan(one) and math.isnan(other)):
        return 0.0
    if not (math.isfinite(one) and math.isfinite(other)):
        return math.nan
    return share(abs(one - other), max(abs(one), 1e-3))


_MEASURED: Final[Mapping[str, Callable[[ProgramRun, ProgramRun, Weights], dict[str, float]]]] = {
    "rates": _rates,
    "loss of step 1": _first_loss,
    "losses": _later_losses,
    "numbers of epochs": _measured,
    "final weights": _weights,
}
_STRICT: Final = ("rates", "loss of step 1")
"""Nothing magnifies what differs in these."""


def _first(differences: Mapping[str, float], tolerance: float) -> int | None:
    """The first step whose difference is past a tolerance."""
    wrong = [name for name, value in differences.items() if not value <= tolerance]
    return int(wrong[0].removeprefix("step ")) if wrong else None


def _most(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The largest of several differences of each name; what is not finite counts for nothing."""
    names = dict.fromkeys(name for one in found for name in one)
    return {
        name: max((one[name] for one in found if math.isfinite(one.get(name, math.nan))), default=0.0) for name in names
    }


def _so_far(found: Mapping[str, float]) -> dict[str, float]:
    """The largest up to each step: how far a run is from itself grows, but for chance."""
    return dict(zip(found, accumulate(found.values(), max), strict=True))


def _least(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """That of the participant that repeats best: sensitivity is the network's, see `archspec.parity.measure.spread`."""
    return {name: min(one.get(name, 0.0) for one in found) for name in found[0]}


def _neighbor(weights: Weights, seed: int) -> dict[str, Any]:
    """Weights that are each one of the two numbers beside the given one."""
    import numpy as np

    draw = np.random.default_rng(seed)
    return {name: np.nextafter(array, draw.choice((-np.inf, np.inf), array.shape)) for name, array in weights.items()}
