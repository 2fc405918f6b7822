"""Running the participants on the same weights and inputs, and comparing what they give."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archspec.api import form_of
from archspec.errors import Diagnostic, ParityError, WeightsError
from archspec.initialization import draw
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec.ir.mapping import map_layers
from archspec.ir.scope import Layer
from archspec.ir.tensor_type import TensorType
from archspec.parity.data import random_inputs, random_targets, random_weights
from archspec.parity.evaluation import Evaluation, PairEvaluation
from archspec.parity.measure import Tensors
from archspec.parity.plan import (
    DTYPES,
    KINDS,
    Check,
    ComparisonPlan,
    Kind,
    Size,
    checks,
    kept_steps,
    sized,
    smallest,
    unfit,
)
from archspec.parity.processes import Participant, Process, ProcessPool, check_installed
from archspec.parity.report import Report
from archspec.parity.reruns import Reruns
from archspec.parity.results import Skipped
from archspec.parity.temporary_folders import save, temporary_folder
from archspec.parity.training import drowning, judge_run, judge_steps, jumped, parting, run_apart
from archspec.weights import fitting

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

DEFAULT_PARTICIPANTS: Final = (Participant("torch"), Participant("keras", "tensorflow"))
FORM_TOLERANCES: Final = {"float32": 1e-6, "float64": 1e-12}
"""How far the form for inference may be from the one that is trained, as shares of the largest output."""
_SHOWN: Final = 4
"""Of the weights that are not finite."""
Progress = Callable[[str, int, int], None]
"""Told what is done next, how many steps are done, and how many there are."""


def compare(
    graph: LayerGraph,
    participants: Sequence[Participant] = DEFAULT_PARTICIPANTS,
    *,
    dtypes: Sequence[str] = DTYPES,
    checks: Sequence[Kind] = KINDS,
    sizes: Sequence[Size] | None = None,
    weights: Mapping[str, Array] | None = None,
    batch: int = 2,
    seed: int = 0,
    passes: int = 3,
    steps: int = 3,
    learning_rate: float = 0.01,
    momentum: float = 0.9,
    layers: bool = True,
    tolerances: Mapping[str, float] | None = None,
    progress: Progress | None = None,
    pool: ProcessPool | None = None,
) -> Report:
    """Run one network on several backends, with the same weights and inputs, and compare.

    In training mode, batch norm normalizes by the batch. Dropout is left out: what it zeroes is drawn by each
    framework's own generator. A check that a participant's engine cannot do is left out, and the report says why.

    Args:
        graph: the network.
        participants: the first that can do a check is what the others are held against in it.
        dtypes: of weights and computation.
        checks: `inference`: a forward pass, layer by layer. `training`: forward passes in training mode, the first
            layer by layer, and the running statistics after the last. `gradients`: those of a loss with respect to the
            inputs, the weights and, where a framework gives them, the layers. `run`: a training run from the spec's
            initial weights, step by step, held against how far each engine is from itself from neighboring numbers.
        sizes: of the inputs along their spatial axes, as (height, width); the spec's own, and a smaller one that the
            network takes, if None. Inference runs at all of them, what is in training mode at the smallest.
        weights: canonical arrays by name, of the whole network or of what taps have left of it; random ones by default,
            running statistics included.
        batch: how many inputs.
        seed: of the random weights and inputs.
        passes: how many forward passes in training mode.
        steps: how many steps the training run has.
        learning_rate, momentum: of the training run; weight decay is the spec's.
        layers: compare layer by layer, and not only what the network gives.
        tolerances: by dtype (`float64`), or by dtype and check (`float64.run`), in place of those of `TOLERANCES`; what
            is only measured otherwise is judged by it. They are kept to, however far an engine is from itself.
        progress: called before each step.
        pool: processes that are used for several comparisons; those of this one alone if None.

    Raises:
        BackendError: there is no such backend, or what it runs on is not installed.
        ParityError: a participant could not be run. Differences are not raised: see `Report.require`.
        OutputError: there is no room for temporary files.
        SpecError: the network does not take one of the sizes.
        WeightsError: the weights do not fit the network, or are not all finite.
    """
    if len(participants) < 2:
        raise ParityError(Diagnostic("E0202", "parity needs two backends at the least"))
    given = dict(tolerances or {})
    plan = ComparisonPlan(
        dtypes, checks, batch, seed, passes, steps, learning_rate, momentum, layers, given, kept_steps(graph)
    )
    graphs, unsized = sized(without_dropout(graph), sizes)
    own = None if weights is None else _finite(fitting(weights, graph))
    check_installed(participants)
    for participant in participants:
        _check_syntax(participant)
    # The folder goes after the processes, which write into it.
    with temporary_folder() as folder, ExitStack() as stack:
        processes = (pool or stack.enter_context(ProcessPool())).processes(participants)
        comparison = _Comparison(graphs, participants, plan, folder, progress or (lambda what, done, total: None))
        comparison.prepare(own)
        comparison.run(processes)
    return comparison.report(unsized)


def _finite(weights: dict[str, Array]) -> dict[str, Array]:
    """The weights, if a comparison of what is computed by them says anything."""
    import numpy as np

    wrong = [name for name, array in weights.items() if not np.isfinite(array).all()]
    if wrong:
        message = f"weights with numbers that are not finite cannot be compared: {', '.join(wrong[:_SHOWN])}"
        message += f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        help = "they agree with nothing, not even with themselves: give weights from before the training diverged"
        raise WeightsError(Diagnostic("E0702", message, help=help))
    return weights


def _check_syntax(participant: Participant) -> None:
    """See that a source that was given is Python, before a framework is started for it."""
    if isinstance(participant.source, str):
        try:
            compile(participant.source, "<given source>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            raise ParityError(
                Diagnostic("E0802", f"the source that was given for {participant.backend} is no Python: {error}")
            ) from None


def without_dropout(graph: LayerGraph) -> LayerGraph:
    """The graph with a rate of zero in every op that is random in training."""
    return map_layers(graph, _undropped)


def _undropped(layer: Layer, _: Sequence[TensorType]) -> Layer:
    known: Any = layer.op
    if not known.random:
        return layer
    exprs = {name: expr for name, expr in layer.exprs.items() if name != "rate"}
    return replace(layer, op=replace(known, rate=0.0), exprs=exprs)


@dataclass
class _Comparison:
    """One comparison at work: its files, its processes, and what it has found so far."""

    graphs: list[LayerGraph]
    participants: Sequence[Participant]
    plan: ComparisonPlan
    folder: Path
    progress: Progress
    found: Evaluation = field(default_factory=Evaluation)
    skipped: dict[Skipped, None] = field(default_factory=dict[Skipped, None])
    versions: dict[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    parted: dict[tuple[str, tuple[str, str]], str] = field(default_factory=dict[tuple[str, tuple[str, str]], str])
    """The first check in which a pair differs, by dtype and pair; what differs in others may be no more than that."""

    def prepare(self, weights: Mapping[str, Array] | None) -> None:
        """Write what the processes read."""
        plan, graph = self.plan, self.graphs[0]
        arrays = random_weights(graph, plan.seed) if weights is None else weights
        save(self.folder, "weights", {name: arrays[name] for name in graph.all_weights})
        if "run" in plan.kinds:
            start: Mapping[str, Array] = draw(graph, plan.seed) if weights is None else arrays
            save(self.folder, "start", {name: start[name] for name in graph.all_weights})
        small = smallest(self.graphs)
        for size, resized in enumerate(self.graphs):
            for index in range(plan.batches(training=size == small)):
                seed = plan.seed + 1 + 2 * index
                inputs = random_inputs(resized, plan.batch, seed)
                targets = random_targets(resized, plan.batch, seed + 1)
                batch = {f"inputs/{name}": array for name, array in inputs.items()}
                batch |= {f"targets/{name}": array for name, array in targets.items()}
                save(self.folder, f"batch-{size}-{index}", batch)
        for index, participant in enumerate(self.participants):
            formed = [form_of(resized, participant.form) for resized in self.graphs]
            if participant.form != "training":
                save(self.folder, f"weights-{participant.form}", formed[0].weights_of_form(arrays))
            given = (participant.source, formed, plan, participant.form)
            # The graphs are ours and go to our own processes: no file from outside is unpickled.
            (self.folder / f"participant-{index}.pickle").write_bytes(pickle.dumps(given))

    def run(self, processes: Sequence[Process]) -> None:
        """All checks, one after the other."""
        todo = list(checks(self.plan, self.graphs))
        total, done = len(todo) * len(processes), 0
        self.progress("starting the frameworks", done, total)
        for index, (participant, process) in enumerate(zip(self.participants, processes, strict=True)):
            self.versions[participant.label] = process.versions
            process.ask(folder=str(self.folder), index=index)
        for check in todo:
            results: dict[int, Path] = {}
            if reason := unfit(self.graphs[check.size], check, self.plan.batch):
                self.skipped |= {Skipped(one.label, check.kind, check.dtype, reason): None for one in self.participants}
                done += len(processes)
                continue
            for index, process in enumerate(processes):
                self.progress(self._text(check, index), done, total)
                if self._perform(check, process, index):
                    results[index] = self._result(index, check)
                done += 1
            self._judge(check, results, processes, done, total)

    def _graph(self, check: Check) -> LayerGraph:
        """The network that a check computes: in training there may be more of it."""
        graph = self.graphs[check.size]
        return evaluated(graph) if check.kind == "inference" else graph

    def _text(self, check: Check, index: int) -> str:
        text = f"{check.kind} in {check.dtype}, {self.graphs[check.size].input_text}"
        return f"{self.participants[index].label}: {text}"

    def _perform(self, check: Check, process: Process, index: int) -> bool:
        results = self._result(index, check)
        lacking: str = process.ask(check=asdict(check), results=results.name)["lacking"]
        if lacking:
            self.skipped[Skipped(self.participants[index].label, check.kind, check.dtype, lacking)] = None
        return not lacking

    def _judge(
        self, check: Check, results: Mapping[int, Path], processes: Sequence[Process], done: int, total: int
    ) -> None:
        """Compare the results of a check; then they are no longer needed, but for what `_between_dtypes` compares."""
        labels = [participant.label for participant in self.participants]
        reruns = Reruns(
            check,
            processes,
            results,
            lambda index, what: self.progress(f"{self._text(check, index)}, {what}", done, total),
        )
        for first, index in ((min(results), index) for index in list(results)[1:]):
            pair = (labels[first], labels[index])
            earlier = self.parted.get((check.dtype, pair))
            judging = PairEvaluation(
                self._graph(check),
                check,
                pair,
                self.plan.tolerance(check.dtype, check.kind),
                Tensors(results[first]),
                Tensors(results[index]),
                blames=earlier is None or check.kind in ("inference", "training", earlier),
            )
            found = self._judged(judging, reruns, first, index)
            if not all(row.agrees for row in found.rows):
                self.parted.setdefault((check.dtype, pair), check.kind)
            self.found += found
        for path in reruns.made:
            shutil.rmtree(path)
        # Of forward passes the first participant alone says what rounding does, and only its results are kept.
        kept = [] if check.kind == "gradients" else [*results][: None if check.kind == "run" else 1]
        for index in kept:
            self.found += self._between_dtypes(self._graph(check), check, index, Tensors(results[index]))
        for index, path in results.items():
            if index not in kept or check.dtype == self.plan.dtypes[-1]:
                shutil.rmtree(path)

    def _judged(self, judging: PairEvaluation, reruns: Reruns, first: int, index: int) -> Evaluation:
        """What is found of a pair: by how far each is from itself, of runs that are judged, of others where needed."""
        check = judging.check
        strict = self.plan.given_tolerance(check.dtype, check.kind) is not None
        if check.kind == "run":
            judging.spreads = () if strict or judging.tolerance is None else reruns.spreads(first, index)
            judge_run(judging, self.plan, Tensors(self.folder))
            return judging.found if strict else self._followed(judging, reruns, first, index)
        found = judging.judge(self.plan)
        if strict or all(row.agrees for row in found.rows):
            return found
        return replace(judging, spreads=reruns.spreads(first, index), found=Evaluation()).judge(self.plan)

    def _followed(self, judging: PairEvaluation, reruns: Reruns, first: int, index: int) -> Evaluation:
        """What is found of a run; where it is not judged to its end, or the two part, by single steps, too."""
        parted = parting(judging.found)
        step = parted or drowning(judging.found)
        if step < 2 or step - 1 not in self.plan.snapshots:
            return judging.found
        second, start = reruns.following(index, first), Tensors(self.folder)
        steps = replace(judging, second=second, spreads=(), found=Evaluation())
        since = 2 if parted else step
        judge_steps(steps, self.plan, start, since, parted)
        if not all(row.agrees for row in steps.found.rows if row.step <= parted):
            return judging.found
        if not all(row.agrees for row in steps.found.rows):
            steps = replace(steps, spreads=reruns.single_steps(index, first), found=Evaluation())
            judge_steps(steps, self.plan, start, since, parted)
        found = jumped(judging.found, parted) if parted else judging.found
        found += steps.found
        return found

    def _between_dtypes(self, graph: LayerGraph, check: Check, index: int, tensors: Tensors) -> Evaluation:
        """How far a participant is from itself in the other dtype."""
        label = self.participants[index].label
        found = Evaluation()
        for dtype in self.plan.dtypes:
            earlier = self._result(index, replace(check, dtype=dtype))
            if dtype != check.dtype and earlier.exists():
                both = replace(check, dtype=f"{dtype} / {check.dtype}")
                judging = PairEvaluation(graph, both, (label, label), None, Tensors(earlier), tensors, blames=False)
                if check.kind == "run":
                    run_apart(judging, self.plan, Tensors(self.folder))
                else:
                    judging.rounding()
                found += judging.found
                shutil.rmtree(earlier)
        return found

    def _result(self, index: int, check: Check) -> Path:
        return self.folder / f"result-{index}-{check.kind}-{check.dtype}-{check.size}"

    def report(self, unsized: str) -> Report:
        """What was found."""
        graph = self.graphs[0]
        return Report(
            graph.name,
            graph.title,
            tuple(self.found.rows),
            tuple(self.found.blamed),
            tuple(self.found.causes),
            tuple(self.skipped),
            tuple(self.found.profiles),
            self.versions,
            self.plan.batch,
            tuple(resized.input_text for resized in self.graphs),
            unsized,
        )
