"""A participant's process: `python -m archspec.parity.worker BACKEND`.

It does what requests ask for, and writes the tensors that come of it into a folder. The first asks for the versions of
what it runs on, which are imported for it. A request prepares a comparison, whose files are in a
folder; or asks for a check of it; or for how far the results of a check are from themselves, where it is done again
from neighboring numbers.
"""

from __future__ import annotations

import ctypes
import gc
import os
import pickle
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from archspec.api import Form, generate
from archspec.codegen.backend import RunsModels, TrainsModels
from archspec.codegen.backend_errors import not_importable
from archspec.codegen.registry import backend
from archspec.errors import ArchspecError
from archspec.ir.graph import LayerGraph
from archspec.parity.capabilities import missing_capability
from archspec.parity.measure import Tensors, distances, has_channel_sizes
from archspec.parity.plan import NEIGHBORS, Check, ComparisonPlan
from archspec.parity.temporary_folders import load, save
from archspec.worker_process import serve

Arrays: TypeAlias = "dict[str, np.ndarray[Any, Any]]"
Put: TypeAlias = "Callable[[str, Mapping[str, np.ndarray[Any, Any]]], None]"
"""What is done with the tensors of a kind."""


class Worker:
    """A participant of one comparison, with its model, which is made anew when another dtype is asked for."""

    def __init__(self, target: RunsModels, folder: Path, index: int) -> None:
        self.target = target
        self.folder = folder
        # These are ours and come from our own process: no file from outside is unpickled.
        self.source, self.graphs, self.plan, self.form = _unpickled(folder / f"participant-{index}.pickle")
        self.model: Any = None
        self.dtype = ""

    def perform(self, check: Check, results: Path, leader: Path | None = None) -> None:
        """Write the tensors of a check; each step of a training run starts from what a leader's run had before it."""
        results.mkdir()
        followed = None if leader is None else Tensors(leader)
        self._perform(check, lambda what, arrays: save(results, what, arrays), 0, followed)

    def spread(self, check: Check, results: Path, spread: Path, leader: Path | None = None) -> None:
        """Write how far the tensors of a check are from those that were written, at the most, from any neighbor.

        A neighbor has weights that are each the number itself or one of the two beside it, drawn at random; so has each
        step of a training run that starts from what a leader's run had before it.
        """
        found: dict[str, Arrays] = {}
        before = Tensors(results)
        followed = None if leader is None else Tensors(leader)

        def put(what: str, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
            furthest = found.setdefault(what, {})
            for name, array in arrays.items():
                apart = distances(before.get(what, name), array)
                if not has_channel_sizes(what):
                    apart = apart.max(initial=0.0, keepdims=True).ravel()
                # What is not finite counts for nothing.
                furthest[name] = np.fmax(furthest.get(name, 0.0), apart)

        for neighbor in range(1, NEIGHBORS + 1):
            _let_go()  # what the pass before has left, an optimizer with a tensor for each weight
            self._perform(check, put, neighbor, followed)
        spread.mkdir()
        for what, furthest in found.items():
            save(spread, what, furthest)

    def rest(self) -> None:
        """Drop the model: while others train theirs, there may be no room for it."""
        self.model, self.dtype = None, ""

    def _perform(self, check: Check, put: Put, neighbor: int, leader: Tensors | None = None) -> None:
        graph = self.graphs[check.size]
        match check.kind:
            case "inference" | "training":
                self._forward(graph, check, put, neighbor, training=check.kind == "training")
            case "gradients":
                self._gradients(graph, check, put, neighbor)
            case "run":
                self._run(graph, check, put, neighbor, leader)

    def _model(self, dtype: str, what: str, neighbor: int) -> Any:
        """The model with the weights of a kind, or with a neighbor of these."""
        weights = load(self.folder, what if self.form == "training" else f"{what}-{self.form}")
        if neighbor:
            _move_beside(weights, dtype, np.random.default_rng(neighbor))
        if self.dtype != dtype:
            self.model = None  # before the next one is made: there may be no room for both
            _let_go()
            source = self.source
            if source is None:
                source = generate(self.graphs[0], self.target.name, dtype=dtype)
            self.model = self.target.build(source, self.graphs[0], weights=weights, dtype=dtype)
            self.dtype = dtype
        else:
            self.target.load_weights(self.model, self.graphs[0], weights)
        return self.model

    def _batch(self, check: Check, index: int) -> tuple[Arrays, Arrays]:
        """Inputs and targets, in the dtype of the check: a model without weights has none that it could be known by."""
        arrays = load(self.folder, f"batch-{check.size}-{index}")
        arrays = {
            name: array.astype(check.dtype) if array.dtype.kind == "f" else array for name, array in arrays.items()
        }
        return _inside(arrays, "inputs"), _inside(arrays, "targets")

    def _forward(self, graph: LayerGraph, check: Check, put: Put, neighbor: int, *, training: bool) -> None:
        model = self._model(check.dtype, "weights", neighbor)
        inputs, _ = self._batch(check, 0)
        outcome = self.target.run(model, graph, inputs, training=training, nodes=self.plan.layers)
        put("outputs", outcome.outputs)
        put("layers", outcome.nodes)
        if training:
            statistics = outcome.statistics
            del outcome  # the tensors of all layers may be large
            for index in range(1, self.plan.passes):
                inputs, _ = self._batch(check, index)
                statistics = self.target.run(model, graph, inputs, training=True).statistics
            put("statistics", statistics)

    def _gradients(self, graph: LayerGraph, check: Check, put: Put, neighbor: int) -> None:
        model = self._model(check.dtype, "weights", neighbor)
        inputs, targets = self._batch(check, 0)
        found = backend(self.target.name, TrainsModels).gradients(model, graph, inputs, targets, nodes=self.plan.layers)
        put("loss", {"loss": np.array([found.loss])})
        put("input gradients", found.inputs)
        put("weight gradients", found.weights)
        put("layer gradients", found.nodes)

    def _run(self, graph: LayerGraph, check: Check, put: Put, neighbor: int, leader: Tensors | None) -> None:
        """A training run: the loss of each step, and the weights and the running statistics after some.

        With a leader it goes on from the leader's weights and statistics wherever these were kept, or from neighbors of
        these. The optimizer keeps the velocities that its own gradients have given it.
        """
        model = self._model(check.dtype, "start", neighbor)

        def stepped(step: int) -> None:
            if step in self.plan.snapshots:
                arrays = self.target.export_weights(model, self.graphs[0])
                trained = {name for name, weight in self.graphs[0].all_weights.items() if weight.trainable}
                put(f"weights {step}", {name: array for name, array in arrays.items() if name in trained})
                put(f"statistics {step}", {name: array for name, array in arrays.items() if name not in trained})

        def batches() -> Iterator[tuple[Arrays, Arrays]]:
            for step in range(self.plan.steps):
                stepped(step)
                if leader is not None and step in self.plan.snapshots:
                    weights = _kept(leader, step)
                    if neighbor:
                        _move_beside(weights, check.dtype, np.random.default_rng((neighbor, step)))
                    self.target.load_weights(model, self.graphs[0], weights)
                yield self._batch(check, step)

        rate, momentum = self.plan.learning_rate, self.plan.momentum
        target = backend(self.target.name, TrainsModels)
        losses = target.train(model, graph, batches(), learning_rate=rate, momentum=momentum)
        stepped(self.plan.steps)
        put("losses", {str(step): np.array([loss], np.float64) for step, loss in enumerate(losses, 1)})


def _kept(tensors: Tensors, step: int) -> Arrays:
    """The weights and running statistics that a run had after a step."""
    found = {
        name: tensors.get(what, name)
        for what in (f"weights {step}", f"statistics {step}")
        for name in tensors.names(what)
    }
    return {name: array for name, array in found.items() if array is not None}


def _move_beside(weights: Arrays, dtype: str, rng: np.random.Generator) -> None:
    """Move each number to itself or to one of those beside it in the dtype."""
    for name, array in weights.items():
        weights[name] = _beside(array.astype(dtype), rng)


def _beside(array: np.ndarray[Any, Any], rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Numbers that are the given ones or, one in three each, the next smaller or larger; zero stays what it is."""
    moves = rng.integers(-1, 2, array.shape, np.int8)
    found: np.ndarray[Any, Any] = array + moves * (np.spacing(np.abs(array)) * (array != 0))
    return found


def _unpickled(path: Path) -> tuple[str | bytes | None, list[LayerGraph], ComparisonPlan, Form]:
    found: tuple[str | bytes | None, list[LayerGraph], ComparisonPlan, Form] = pickle.loads(path.read_bytes())
    return found


def _inside(arrays: Arrays, what: str) -> Arrays:
    return {name.removeprefix(f"{what}/"): array for name, array in arrays.items() if name.startswith(f"{what}/")}


def _versions(target: RunsModels) -> dict[str, str]:
    """The versions of what a backend runs on, which is imported for it.

    Raises:
        BackendError: it is not installed, or raises when it is imported.
    """
    target.require()
    gc.disable()  # a framework is some 100,000 objects that stay: to look for cycles among them takes a second
    try:
        return dict(target.versions())
    except ArchspecError:
        raise
    except Exception as error:  # whatever a framework raises
        raise not_importable(target.title, error) from error
    finally:
        gc.enable()


def _let_go() -> None:
    """Give memory that is no longer used back to the system: the other processes need theirs, and glibc keeps it."""
    gc.collect()  # models have cycles
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def _skip_unneeded_imports() -> None:
    """Keras and TensorFlow import these where they are installed, a second or two of them, and can do without."""
    for name in ("IPython", "jax", "matplotlib", "pandas", "sklearn"):
        if name != os.environ.get("KERAS_BACKEND"):
            sys.modules[name] = None  # type: ignore[assignment]  # so Python takes it for a module that is not there


def main(name: str) -> None:
    """Answer requests until there are no more."""
    _skip_unneeded_imports()
    target = backend(name, RunsModels)
    worker: Worker | None = None

    def handle(request: dict[str, Any]) -> dict[str, Any]:
        nonlocal worker
        if "versions" in request:
            return {"versions": _versions(target)}
        if "folder" in request:
            worker = None  # its model goes before the next one comes
            _let_go()
            gc.freeze()  # what is left belongs to the frameworks, and stays: it is not looked at again
            worker = Worker(target, Path(request["folder"]), request["index"])
            return {}
        assert worker is not None  # a comparison is prepared first
        return {"lacking": _checked(target, worker, request)}

    serve(handle)


def _checked(target: RunsModels, worker: Worker, request: dict[str, Any]) -> str:
    """Do a check, or do it again from neighbors; why it cannot be done, empty if it was."""
    check, results = Check(**request["check"]), worker.folder / request["results"]
    leader = worker.folder / request["leader"] if "leader" in request else None
    reason = missing_capability(target, check.kind, check.dtype, worker.graphs[0])
    if not reason and "spread" in request:
        worker.spread(check, results, worker.folder / request["spread"], leader)
    elif not reason:
        worker.perform(check, results, leader)
    if check.kind in ("gradients", "run"):
        worker.rest()
    _let_go()
    return reason


if __name__ == "__main__":
    main(sys.argv[1])
