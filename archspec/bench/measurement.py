"""Contenders measured in turn, round by round, each in a process of its own, and held to the first one's outputs."""

from __future__ import annotations

import math
import os
import pickle
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from archspec.bench.contenders import Contender
from archspec.bench.devices import lacks_gpu
from archspec.bench.roofline import MachineLimits, probed
from archspec.bench.statistics import Ratio, Times, ratio
from archspec.bench.task import Task
from archspec.errors import ArchspecError, BackendError, Diagnostic
from archspec.ir.evaluation import evaluated
from archspec.parity import random_inputs, random_targets, random_weights
from archspec.worker_process import WorkerError, WorkerProcess

if TYPE_CHECKING:
    import numpy as np

    Arrays = Mapping[str, np.ndarray[Any, Any]]

Say: TypeAlias = Callable[[str], object]

BURN_IN: Final = 10
"""Steps before any is measured, as slim's benchmark has them."""
ROUNDS: Final = 5
STEPS: Final = 10
"""Of a round, at least."""
_LEAST: Final = 0.25
"""Seconds that a round of one contender takes at least: what is shorter is the machine's noise."""


@dataclass(frozen=True, slots=True)
class Row:
    """What was found of a contender."""

    contender: Contender
    failed: str = ""
    """Why it could not be measured; then all that follows is missing."""
    times: Times | None = None
    first: float = 0.0
    """Seconds from its start to its first result: the source read, the model made, compiled, run once."""
    memory: int = 0
    """Bytes that its process has held at the most."""
    difference: float | None = None
    """Of its outputs from the first contender's, as a share of the largest number; None where they are not compared."""
    ratio: Ratio | None = None
    """How many times as long it takes as the first."""
    latency: float | None = None
    """The median of the seconds of a batch of one."""

    def ranked(self, task: Task) -> bool:
        """It was measured, and computes the same network as far as that can be known."""
        return not self.failed and (self.difference is None or self.difference <= task.tolerance)

    def apart(self, task: Task) -> str:
        """Why one that was measured is not ranked, in a line."""
        return f"not ranked: {self.contender.label} differs by {self.difference:.1e}, {task.tolerance:g} is allowed"


@dataclass(frozen=True, slots=True)
class BenchResult:
    """All that was measured."""

    task: Task
    rows: tuple[Row, ...]
    machine: MachineLimits
    threads: int

    @property
    def ranking(self) -> list[Row]:
        """Those that are ranked, the fastest first."""
        found = [row for row in self.rows if row.ranked(self.task)]
        return sorted(found, key=lambda row: row.times.median if row.times else math.inf)


def _process(contender: Contender, threads: int | None) -> WorkerProcess:
    """A contender's process."""
    return WorkerProcess("archspec.bench.worker", environment={**contender.environment(), **_threads(threads)})


def prober(threads: int | None) -> WorkerProcess:
    """A process that measures the machine with as many threads."""
    return WorkerProcess("archspec.bench.probes", environment=_threads(threads))


def _threads(threads: int | None) -> Mapping[str, str]:
    """The environment variables by which libraries take so many threads."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
    return {} if threads is None else dict.fromkeys(names, str(threads))


def _asked(process: WorkerProcess, **request: Any) -> dict[str, Any]:
    """What a process answers; where it failed, why, in a line."""
    try:
        return process.ask(**request)
    except ArchspecError as error:
        return {"failed": "; ".join(diagnostic.message for diagnostic in error.diagnostics)}
    except WorkerError as error:
        if error.code < 0:
            killed = f"its process was killed by signal {-error.code}"
            return {"failed": f"{killed}: there may be too little memory for the batch"}
        last = "".join(f": {line}" for line in error.lines[-1:])
        return {"failed": error.said or f"its process ended with {error.code}{last}"}


@dataclass(slots=True)
class Entrant:
    """A contender that takes part, with its process."""

    row: Row
    process: WorkerProcess | None = None
    """None where it cannot be measured here."""
    outputs: Arrays | None = None
    rounds: list[tuple[float, ...]] = field(default_factory=list[tuple[float, ...]])

    def measure(self, steps: int, least: float = _LEAST) -> Sequence[float] | None:
        """The seconds of so many steps, or of more that take `least` seconds; None where it failed: see the row."""
        assert self.process is not None  # those without one have failed
        found = _asked(self.process, steps=steps, least=least)
        if "failed" in found:
            self.row = replace(self.row, failed=found["failed"])
            return None
        self.row = replace(self.row, memory=found["memory"])
        seconds: Sequence[float] = found["seconds"]
        return seconds


def measure(
    task: Task,
    contenders: Sequence[Contender],
    *,
    rounds: int = ROUNDS,
    steps: int = STEPS,
    threads: int | None = None,
    latency: bool = True,
    weights: Arrays | None = None,
    trained: Arrays | None = None,
    say: Say = lambda text: None,
) -> BenchResult:
    """Measure contenders in turn; the first is the one that others are compared with.

    Args:
        task: the network, the batch, and what is done with it.
        contenders: who is measured.
        rounds: how often each has its turn.
        steps: of a turn, at least; more where they are short.
        threads: of each framework; as it chooses if not given.
        latency: also measure a batch of one.
        weights: by canonical name; random ones if not given.
        trained: those of which the weights of a form for inference were made, for rivals that have their names.
        say: told what is being done.
    """
    with tempfile.TemporaryDirectory(prefix="archspec-bench-") as name, ExitStack() as stack:
        probes = stack.enter_context(prober(threads))
        machine = probed(probes)
        entrants = _ready(task, contenders, Path(name), threads, (weights, trained), stack, say)
        for entrant in entrants:
            burn_in(entrant)
            if entrant.row.failed:
                say(f"{entrant.row.contender.label}: not measured: {entrant.row.failed}")
        for turn in range(rounds):
            for entrant in entrants:
                if entrant.row.failed:
                    continue
                label = entrant.row.contender.label
                if (seconds := entrant.measure(steps)) is None:
                    say(f"{label}: not measured: {entrant.row.failed}")
                    continue
                entrant.rounds.append(tuple(seconds))
                mean, count = sum(seconds) / len(seconds), sum(map(len, entrant.rounds))
                say(f"{label}: round {turn + 1} of {rounds}, step {count}, {mean:.4f} sec / batch")
            machine = probed(probes, machine)
        rows = _rows(entrants, rounds)
    for row in rows:
        if not row.failed and not row.ranked(task):
            say(row.apart(task))
    if latency and task.batch > 1:
        rows = _with_latency(task, rows, threads, (weights, trained), say)
    return BenchResult(task, tuple(rows), machine, threads or os.cpu_count() or 1)


def _ready(
    task: Task,
    contenders: Sequence[Contender],
    folder: Path,
    threads: int | None,
    weights: tuple[Arrays | None, Arrays | None],
    stack: ExitStack,
    say: Say,
) -> list[Entrant]:
    """All contenders with their models made, one after the other, so that none disturbs another's compilation."""
    write_task(task, folder, *weights)
    return [entered(task, contender, folder, threads, stack, say) for contender in contenders]


def write_task(task: Task, folder: Path, weights: Arrays | None, trained: Arrays | None = None) -> None:
    """Write what the processes of contenders read: the task, its inputs, and weights, random ones if not given.

    Those of the form that is trained are written, too, where it is another and they are known.

    Raises:
        BackendError: the batch does not fit in memory.
    """
    import numpy as np

    _check_batch(task)
    whole = task.graph.training_form
    if weights is None:
        trained = random_weights(whole or task.graph)
        weights = task.graph.weights_of_form(trained)
    arrays = {f"weights/{name}": array for name, array in weights.items()}
    if whole is not None and trained is not None:
        kept = evaluated(whole).all_weights
        arrays |= {f"trained/{name}": trained[name] for name in kept}
    arrays |= {f"inputs/{name}": array for name, array in random_inputs(task.graph, task.batch).items()}
    arrays |= {f"targets/{name}": array for name, array in random_targets(task.graph, task.batch).items()}
    precision = np.float64 if task.dtype == "float64" else np.float32
    np.savez(
        folder / "arrays.npz",
        allow_pickle=False,
        **{name: array.astype(precision) if array.dtype.kind == "f" else array for name, array in arrays.items()},
    )
    (folder / "task.pickle").write_bytes(pickle.dumps(task))


def _check_batch(task: Task) -> None:
    """See that a batch can be drawn and computed at all: else the system would end some process, not always ours.

    Raises:
        BackendError: what is certainly needed is more than there is.
    """
    nodes = task.graph.nodes.values()
    inputs = sum(node.type.count for node in task.graph.input_nodes)
    layer = max((sum(type.count for type in (*task.graph.input_types(node), node.type)) for node in nodes), default=0)
    drawn = 12 * inputs  # in float64, and what is written of it in float32
    computed = 0 if task.device else 4 * (inputs + layer)
    size, memory = task.batch * max(drawn, computed), _free_memory()
    if size > memory:
        needed = f"it takes {size / 2**30:.1f} GiB at least, and {memory / 2**30:.1f} GiB are free"
        message = f"a batch of {task.batch} does not fit in memory: {needed}"
        raise BackendError(Diagnostic("E0603", message, help="take a smaller --batch"))


def _free_memory() -> float:
    """Bytes that new processes can have; what the machine has in all where the system does not say it."""
    table = Path("/proc/meminfo")
    if table.is_file() and (found := re.search(r"MemAvailable:\s*(\d+) kB", table.read_text())):
        return 1024.0 * int(found[1])
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else math.inf


def entered(
    task: Task,
    contender: Contender,
    folder: Path,
    threads: int | None,
    stack: ExitStack,
    say: Say,
    *,
    limit: float | None = None,
) -> Entrant:
    """A contender with its model made, and one batch computed, in a process that ends with the stack.

    Args:
        task, contender: what is computed, by whom.
        folder: where the task is written.
        threads: of the framework; as it chooses if not given.
        stack: ends the process.
        say: told what is being done.
        limit: so many seconds it may take; without end if not given.
    """
    import numpy as np

    row = Row(contender, contender.missing(task.dtype, training=task.training) or lacks_gpu(task.device))
    if row.failed:
        return Entrant(row)
    process = stack.enter_context(_process(contender, threads))
    say(f"{contender.label}: making the model, and its first batch")
    with process.limited(limit):
        answer = _asked(process, folder=str(folder), contender=asdict(contender))
    if "failed" in answer:
        reason = f"not ready within {limit:.1f} s" if process.is_over_limit else answer["failed"]
        return Entrant(replace(row, failed=reason), process)
    entrant = Entrant(replace(row, first=answer["first"]), process)
    if not task.training and answer["same_weights"]:
        with np.load(folder / answer["outputs"]) as given:
            entrant.outputs = dict(given)
    return entrant


def burn_in(entrant: Entrant) -> None:
    """Steps that do not count."""
    if not entrant.row.failed:
        entrant.measure(BURN_IN, least=0)


def _rows(entrants: Sequence[Entrant], rounds: int) -> list[Row]:
    reference = next((entrant for entrant in entrants if len(entrant.rounds) == rounds), None)
    found: list[Row] = []
    for entrant in entrants:
        row = entrant.row
        if not row.failed:
            times = Times(tuple(entrant.rounds))
            assert reference is not None
            base = Times(tuple(reference.rounds))
            row = replace(row, times=times, ratio=ratio(times, base), difference=difference(entrant, reference))
        found.append(row)
    return found


def difference(entrant: Entrant, reference: Entrant) -> float | None:
    """How far outputs are apart; None where there are none to compare."""
    import numpy as np

    if entrant.outputs is None or reference.outputs is None:
        return None
    if entrant.outputs.keys() != reference.outputs.keys():
        return math.inf
    worst = 0.0
    for name, array in reference.outputs.items():
        other = entrant.outputs[name]
        if other.shape != array.shape or not np.isfinite(other).all():
            return math.inf
        worst = max(worst, float(np.abs(other - array).max()) / max(float(np.abs(array).max()), 1e-30))
    return worst


def _with_latency(
    task: Task, rows: Sequence[Row], threads: int | None, weights: tuple[Arrays | None, Arrays | None], say: Say
) -> list[Row]:
    """The rows with the median of a batch of one, of those that were ranked."""
    say("a batch of one")
    ranked = [row.contender for row in rows if row.ranked(task)]
    given, trained = weights
    single = measure(
        replace(task, batch=1),
        ranked,
        rounds=2,
        threads=threads,
        latency=False,
        weights=given,
        trained=trained,
        say=say,
    )
    medians = {row.contender: row.times.median for row in single.rows if row.times is not None}
    return [replace(row, latency=medians.get(row.contender)) for row in rows]
