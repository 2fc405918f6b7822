"""The fastest way to run a network here, found within a time budget."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archspec.api import FORMS, Form, form_of
from archspec.bench.contenders import Contender
from archspec.bench.measurement import Entrant, Say, burn_in, difference, entered, prober, write_task
from archspec.bench.roofline import MachineLimits, probed
from archspec.bench.statistics import Ratio, Times, ratio
from archspec.bench.task import Task
from archspec.ir.graph import LayerGraph

if TYPE_CHECKING:
    import numpy as np

    Arrays = Mapping[str, np.ndarray[Any, Any]]

ENGINES: Final = (
    "torch",
    "onnx:openvino",
    "onnx:onnxruntime",
    "torch+channels_last",
    "torch+freezing",
    "torch+compile",
    "keras:jax",
    "keras:tensorflow+xla",
    "keras:tensorflow",
    "torch+max-autotune",
    "torch+aot",
)
"""What is tried unless others are named, as far as it is installed; what takes long to compile comes last."""
_FINALISTS: Final = 3
_NEAR: Final = 1.3
"""Who took more than so many times the time of the fastest at first is no finalist."""
_LOOK: Final = 0.3
"""The share of the budget that is left for the rounds of the finalists."""
_SHORTEST: Final = 1.0
"""Seconds in which no engine is ready: where no more are left, none is started."""
_LEAST_ROUNDS: Final = 3
_MOST_ROUNDS: Final = 50
"""Of the finals: more would not make the interval narrower than the machine's own drift."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A form of the network on an engine in some way."""

    form: Form
    contender: Contender

    @property
    def label(self) -> str:
        """How it is named."""
        return f"{self.contender.label}, {self.form} form"


@dataclass(frozen=True, slots=True)
class Trial:
    """What was found of a candidate."""

    candidate: Candidate
    failed: str = ""
    """Why it is not ranked: it could not be measured, its outputs differ, or there was no time left."""
    untried: bool = False
    """The time was over before its turn came."""
    times: Times | None = None
    first: float = 0.0
    """Seconds until its first result."""
    difference: float | None = None
    ratio: Ratio | None = None
    """Of its time to that of the first candidate; only of the finalists, which were measured in turn."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """All that was tried."""

    graph: LayerGraph
    batch: int
    dtype: str
    budget: float
    spent: float
    trials: tuple[Trial, ...]
    machine: MachineLimits
    threads: int

    @property
    def ranking(self) -> list[Trial]:
        """Those that are ranked, the fastest first; finalists before all others."""
        found = [trial for trial in self.trials if not trial.failed and trial.times is not None]
        return sorted(found, key=lambda trial: (trial.ratio is None, trial.times.median if trial.times else 0.0))


def candidates(graph: LayerGraph, engines: Sequence[Contender]) -> list[Candidate]:
    """What is tried, in order: the network as it is on the first engine, then its forms, the fewer layers first."""
    forms: tuple[Form, ...] = FORMS if form_of(graph, "inference") is not graph else ("training",)
    fast: Form = forms[-1]
    found = [Candidate("training", engines[0])]
    found += [Candidate(fast, engine) for engine in engines]
    found += [Candidate("training", engine) for engine in engines[1:]]
    return list(dict.fromkeys(found))


def tune(
    graph: LayerGraph,
    engines: Sequence[Contender],
    *,
    batch: int,
    budget: float,
    weights: Arrays,
    dtype: str = "float32",
    threads: int | None = None,
    say: Say = lambda text: None,
) -> Tuning:
    """Try forms of a network on engines, and then those that are fastest in turn, until the time is over.

    The first candidate, the network as it is on the first engine, is what others' outputs are held against. Each
    candidate has a process of its own; one that is not ready in time is left out.

    Args:
        graph: the network as it is trained.
        engines: what it may run on.
        batch: how many inputs.
        budget: seconds for all of it.
        weights: all of them, by canonical name.
        dtype: of weights and computation.
        threads: of each framework; as it chooses if not given.
        say: told what is being done.
    """
    began = time.monotonic()
    with prober(threads) as probes:
        machine = probed(probes)
    found: dict[Candidate, Trial] = {}
    ready: dict[Candidate, Entrant] = {}
    until = began + budget * (1 - _LOOK)
    with tempfile.TemporaryDirectory(prefix="archspec-tune-") as name, ExitStack() as stack:
        tasks = _tasks(graph, batch, dtype, weights, Path(name))
        for candidate in candidates(graph, engines):
            if (left := until - time.monotonic()) < _SHORTEST and ready:
                found[candidate] = Trial(candidate, no_time(budget), untried=True)
                say(f"{candidate.label}: {found[candidate].failed}")
                continue
            task, folder = tasks[candidate.form]
            limit = max(left, budget / 2) if not ready else left
            entrant = entered(task, candidate.contender, folder, threads, stack, say, limit=limit)
            burn_in(entrant)
            found[candidate] = trial = _looked_at(candidate, entrant, ready, task)
            if trial.failed:
                say(f"{candidate.label}: not ranked: {trial.failed}")
            if not trial.failed:
                ready[candidate] = entrant
                _end_others(ready)
        finalists = _fastest(ready)
        _measure_in_turn(finalists, began + budget, say)
        found |= _finished(found, ready, finalists)
    spent = time.monotonic() - began
    return Tuning(graph, batch, dtype, budget, spent, tuple(found.values()), machine, threads or os.cpu_count() or 1)


def no_time(budget: float) -> str:
    """Why a candidate was not tried: the rest of the time is the finals'."""
    return f"not tried: {1 - _LOOK:.0%} of the {budget:.0f} s were over, and the rest is for the finalists"


def _tasks(graph: LayerGraph, batch: int, dtype: str, weights: Arrays, folder: Path) -> dict[Form, tuple[Task, Path]]:
    """The task of each form, with the folder that it is written to."""
    found: dict[Form, tuple[Task, Path]] = {}
    for form in FORMS:
        task = Task(form_of(graph, form), batch, dtype)
        (folder / form).mkdir()
        write_task(task, folder / form, task.graph.weights_of_form(weights))
        found[form] = task, folder / form
    return found


def _looked_at(candidate: Candidate, entrant: Entrant, ready: Mapping[Candidate, Entrant], task: Task) -> Trial:
    """What is known of a candidate after its first steps."""
    trial = Trial(candidate, entrant.row.failed, first=entrant.row.first)
    if trial.failed:
        return trial
    if (seconds := entrant.measure(1)) is None:
        return replace(trial, failed=entrant.row.failed)
    entrant.rounds.append(tuple(seconds))
    reference = next(iter(ready.values()), entrant)
    apart = difference(entrant, reference)
    trial = replace(trial, times=Times(tuple(entrant.rounds)), difference=apart)
    if apart is not None and apart > task.tolerance:
        return replace(trial, failed=f"its outputs differ by {apart:.1e}, {task.tolerance:g} is allowed")
    return trial


def _end_others(ready: Mapping[Candidate, Entrant]) -> None:
    """End the processes of those that will not be in the finals: they hold memory, and may hold threads."""
    kept = {id(entrant) for entrant in _fastest(ready)}
    for entrant in ready.values():
        if id(entrant) not in kept and entrant.process is not None:
            entrant.process.end()


def _fastest(ready: Mapping[Candidate, Entrant]) -> list[Entrant]:
    """The finalists: the first, which others are compared with, and those that are nearly the fastest.

    Who is none stays none, however many come: their processes can be ended.
    """
    if not (entrants := list(ready.values())):
        return []
    medians = {id(entrant): Times(tuple(entrant.rounds[:1])).median for entrant in entrants}
    best = min(medians.values())
    near = sorted((one for one in entrants if medians[id(one)] <= _NEAR * best), key=lambda one: medians[id(one)])
    return list({id(one): one for one in (*entrants[:1], *near[:_FINALISTS])}.values())


def _measure_in_turn(finalists: Sequence[Entrant], until: float, say: Say) -> None:
    """Rounds of the finalists, as long as there is time and they say more, some in any case."""
    for entrant in finalists:
        entrant.rounds.clear()
    turn = 0
    while finalists and (turn < _LEAST_ROUNDS or (turn < _MOST_ROUNDS and time.monotonic() < until)):
        turn += 1
        say(f"finals, round {turn}: {len(finalists)} candidate{'s' * (len(finalists) > 1)}")
        for entrant in finalists:
            if not entrant.row.failed and (seconds := entrant.measure(1)) is not None:
                entrant.rounds.append(tuple(seconds))


def _finished(
    found: Mapping[Candidate, Trial], ready: Mapping[Candidate, Entrant], finalists: Sequence[Entrant]
) -> dict[Candidate, Trial]:
    """The trials of the finalists, with all their rounds, and ratios to the first."""
    changed: dict[Candidate, Trial] = {}
    for candidate, entrant in ready.items():
        if not any(entrant is one for one in finalists):
            continue
        if entrant.row.failed:
            changed[candidate] = replace(found[candidate], failed=entrant.row.failed)
            continue
        times = Times(tuple(entrant.rounds))
        first = finalists[0]
        compared = None if first.row.failed else ratio(times, Times(tuple(first.rounds)))
        changed[candidate] = replace(found[candidate], times=times, ratio=compared)
    return changed
