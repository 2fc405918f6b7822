"""Running the participants, each in a process of its own, and comparing what they give."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archspec.codegen.backend import backend as find_backend
from archspec.errors import Diagnostic, Note, ParityError
from archspec.ir.graph import LayerGraph
from archspec.ir.ops import Dropout, DropPath
from archspec.parity.weights import random_inputs, random_weights

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

TOLERANCES: Final[Mapping[str, float]] = {"float32": 1e-5, "float64": 1e-12}
"""The largest difference that counts as agreement, as a share of the largest value (see docs/parity.md)."""
MODES: Final = ("inference", "training")


@dataclass(frozen=True, slots=True)
class Participant:
    """A backend, on one of the frameworks that it runs on: `torch`, `keras:tensorflow`, `keras:jax`.

    `source` replaces the source that archspec generates: the way to compare an edited file.
    """

    backend: str
    framework: str | None = None
    source: str | None = None

    @classmethod
    def parse(cls, text: str) -> Participant:
        """From the form in which it is named on the command line."""
        backend, _, framework = text.partition(":")
        return cls(backend, framework or None)

    @property
    def label(self) -> str:
        """How tables name it."""
        return f"{self.backend}:{self.framework}" if self.framework else self.backend


DEFAULT_PARTICIPANTS: Final = (Participant("torch"), Participant("keras", "tensorflow"))


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison: the worst of `what`, between the first participant and another."""

    pair: tuple[str, str]
    dtype: str
    mode: str
    what: str
    worst: str
    difference: float
    """The largest difference, as a share of the largest value."""
    tolerance: float

    @property
    def agrees(self) -> bool:
        """Within the tolerance; a difference that is not a number is not."""
        return self.difference <= self.tolerance


@dataclass(frozen=True, slots=True)
class Report:
    """All rows of a comparison, and what ran."""

    network: str
    rows: tuple[Row, ...]
    versions: Mapping[str, Mapping[str, str]]
    batch: int
    shapes: Mapping[str, tuple[int, ...]]

    @property
    def agrees(self) -> bool:
        """All rows do, and there are some."""
        return bool(self.rows) and all(row.agrees for row in self.rows)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **asdict(self),
            "agrees": self.agrees,
            "rows": [asdict(row) | {"agrees": row.agrees} for row in self.rows],
        }

    def require(self) -> None:
        """Raise unless everything agrees.

        Raises:
            ParityError: with each row that is past its tolerance.
        """
        if self.agrees:
            return
        notes = tuple(
            Note(
                f"{row.what} in {row.mode}, {row.dtype}, {row.pair[0]} against {row.pair[1]}: "
                f"{row.worst} differs by {row.difference:.2e}, {row.tolerance:.0e} is allowed"
            )
            for row in self.rows
            if not row.agrees
        )
        raise ParityError(Diagnostic("E0801", f"the models of {self.network} differ", notes=notes, help=self._help()))

    def _help(self) -> str:
        """What a difference in float32 alone points at."""
        wrong = {row.dtype for row in self.rows if not row.agrees}
        if wrong != {"float32"} or "float64" not in {row.dtype for row in self.rows}:
            return ""
        return (
            "float64 agrees, so the models are the same and the network magnifies float32's rounding: "
            "batch norm over few numbers does, as after a global pool; compare with a larger --batch"
        )


def compare(
    graph: LayerGraph,
    participants: Sequence[Participant] = DEFAULT_PARTICIPANTS,
    *,
    dtypes: Sequence[str] = ("float32", "float64"),
    modes: Sequence[str] = MODES,
    weights: Mapping[str, Array] | None = None,
    batch: int = 2,
    seed: int = 0,
) -> Report:
    """Run one network on several backends, with the same weights and inputs, and compare.

    In training mode, batch norm normalises by the batch, and its running statistics after the step are compared too.
    Dropout is left out: what it zeroes is drawn by each framework's own generator.

    Args:
        graph: the network.
        participants: the first is what the others are held against.
        dtypes: of weights and computation.
        modes: `inference`, `training`.
        weights: canonical arrays; random ones by default, running statistics included.
        batch: how many inputs.
        seed: of the random weights and inputs.

    Raises:
        ParityError: a participant could not be run. Differences are not raised: see `Report.require`.
    """
    import pickle

    import numpy as np
    from safetensors.numpy import save_file

    if len(participants) < 2:
        raise ParityError(Diagnostic("E0202", "parity needs two backends at the least"))
    graph = without_dropout(graph)
    arrays = random_weights(graph, seed) if weights is None else weights
    inputs = random_inputs(graph, batch, seed + 1)
    found: list[dict[str, Array]] = []
    versions: dict[str, Mapping[str, str]] = {}
    with tempfile.TemporaryDirectory(prefix="archspec-parity-") as name:
        folder = Path(name)
        # The graph is ours and goes to our own processes: no file from outside is unpickled.
        (folder / "graph.pickle").write_bytes(pickle.dumps(graph))
        save_file(inputs, folder / "inputs.safetensors")
        save_file({key: np.ascontiguousarray(array) for key, array in arrays.items()}, folder / "weights.safetensors")
        for index, participant in enumerate(participants):
            result, ran_on = _run(graph, participant, folder, index, dtypes, modes)
            found.append(result)
            versions[participant.label] = ran_on
    rows: list[Row] = []
    for participant, result in zip(participants[1:], found[1:], strict=True):
        pair = (participants[0].label, participant.label)
        rows += _rows(pair, found[0], result, dtypes, modes)
    return Report(graph.name, tuple(rows), versions, batch, {path: graph.nodes[path].shape for path in graph.inputs})


def without_dropout(graph: LayerGraph) -> LayerGraph:
    """The graph with a rate of zero in every dropout and every drop path."""
    changed = {
        path: replace(node, op=replace(node.op, rate=0.0), exprs={})
        for path, node in graph.nodes.items()
        if isinstance(node.op, Dropout | DropPath)
    }
    return replace(graph, nodes={**graph.nodes, **changed}) if changed else graph


def _run(
    graph: LayerGraph, participant: Participant, folder: Path, index: int, dtypes: Sequence[str], modes: Sequence[str]
) -> tuple[dict[str, Array], Mapping[str, str]]:
    """One participant's results by `dtype/mode/what/name`, from a process of its own.

    Frameworks disturb each other within a process, and Keras fixes its framework when it is imported.
    """
    from safetensors.numpy import load_file

    from archspec.api import generate

    find_backend(participant.backend)  # an unknown one is said here, not in the worker
    source = participant.source if participant.source is not None else generate(graph, participant.backend)
    out = folder / f"result-{index}.safetensors"
    request = {"backend": participant.backend, "source": source, "dtypes": list(dtypes), "modes": list(modes)}
    (folder / f"request-{index}.json").write_text(json.dumps(request), encoding="utf-8")
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    if participant.framework is not None:
        environment["KERAS_BACKEND"] = participant.framework
    # -P: the current folder is the user's, and may hold a numpy.py
    command = [sys.executable, "-P", "-m", "archspec.parity.worker", str(folder), str(index)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    refused = folder / f"refused-{index}.json"
    if refused.exists():
        raise ParityError([Diagnostic(**found) for found in json.loads(refused.read_text(encoding="utf-8"))])
    if done.returncode != 0:
        tail = [line for line in done.stderr.strip().splitlines() if line.strip()][-12:]
        notes = tuple(Note(line) for line in tail)
        raise ParityError(
            Diagnostic("E0802", f"{participant.label} failed on {graph.name} (exit {done.returncode})", notes=notes)
        )
    return load_file(out), json.loads((folder / f"versions-{index}.json").read_text(encoding="utf-8"))


def _rows(
    pair: tuple[str, str],
    first: Mapping[str, Array],
    second: Mapping[str, Array],
    dtypes: Sequence[str],
    modes: Sequence[str],
) -> Iterator[Row]:
    for dtype in dtypes:
        for mode in modes:
            for what in ("outputs", "statistics"):
                prefix = f"{dtype}/{mode}/{what}/"
                names = sorted({name for name in (*first, *second) if name.startswith(prefix)})
                if not names:
                    continue
                differences = {
                    name.removeprefix(prefix): difference(first.get(name), second.get(name)) for name in names
                }
                worst = max(differences, key=lambda name: _rank(differences[name]))
                yield Row(pair, dtype, mode, what, worst, differences[worst], TOLERANCES[dtype])


def _rank(value: float) -> float:
    return float("inf") if value != value else value


def difference(first: Array | None, second: Array | None) -> float:
    """The largest difference of two tensors as a share of the first's largest value.

    Infinite where one is missing or of another shape; not a number where one holds values that are not numbers.
    """
    import numpy as np

    if first is None or second is None or first.shape != second.shape:
        return float("inf")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return float("nan")
    if first.size == 0:
        return 0.0
    largest = float(np.abs(first).max())
    apart = float(np.abs(first.astype(np.float64) - second.astype(np.float64)).max())
    if apart == 0.0:
        return 0.0
    return apart / largest if largest > 0 else float("inf")
