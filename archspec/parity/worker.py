"""A participant's process: `python -m archspec.parity.worker BACKEND`.

It reads requests from standard input, one line of JSON each, does what they ask for, writes the tensors that come of
it into a file, and answers with a line on standard output. A request either prepares a comparison, whose files are in a
folder, or asks for a check of it.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from safetensors.numpy import load_file, save_file

from archspec.api import generate
from archspec.codegen.backend import Backend, backend
from archspec.errors import ArchspecError
from archspec.ir.graph import LayerGraph
from archspec.parity.plan import Check, Plan

Arrays: TypeAlias = "dict[str, np.ndarray[Any, Any]]"


class Worker:
    """A participant of one comparison, with its model, which is made anew when another dtype is asked for."""

    def __init__(self, target: Backend, folder: Path, index: int) -> None:
        self.target = target
        self.folder = folder
        # These are ours and come from our own process: no file from outside is unpickled.
        self.source, self.graphs, self.plan = _unpickled(folder / f"participant-{index}.pickle")
        self.weights = load_file(folder / "weights.safetensors")
        self.model: Any = None
        self.dtype = ""

    def perform(self, check: Check) -> Arrays:
        """The tensors of a check, by `what/name`."""
        graph = self.graphs[check.size]
        match check.kind:
            case "inference":
                return self._forward(graph, check, training=False)
            case "training":
                return self._forward(graph, check, training=True)
            case "gradients":
                return self._gradients(graph, check)
            case "run":
                return self._run(graph, check)

    def _model(self, dtype: str, weights: Arrays) -> Any:
        if self.dtype != dtype:
            self.model = None  # before the next one is made: there may be no room for both
            source = self.source
            if source is None:
                source = generate(self.graphs[0], self.target.name, dtype=dtype)
            self.model = self.target.build(source, self.graphs[0], weights=weights, dtype=dtype)
            self.dtype = dtype
        else:
            self.target.load_weights(self.model, self.graphs[0], weights)
        return self.model

    def _batch(self, size: int, index: int) -> tuple[Arrays, Arrays]:
        arrays = load_file(self.folder / f"batch-{size}-{index}.safetensors")
        return _inside(arrays, "inputs"), _inside(arrays, "targets")

    def _forward(self, graph: LayerGraph, check: Check, *, training: bool) -> Arrays:
        model = self._model(check.dtype, self.weights)
        inputs, _ = self._batch(check.size, 0)
        outcome = self.target.run(model, graph, inputs, training=training, nodes=self.plan.layers)
        found = {**_named("outputs", outcome.outputs), **_named("layers", outcome.nodes)}
        statistics = outcome.statistics
        for index in range(1, self.plan.passes if training else 1):
            inputs, _ = self._batch(check.size, index)
            statistics = self.target.run(model, graph, inputs, training=True).statistics
        return {**found, **_named("statistics", statistics)} if training else found

    def _gradients(self, graph: LayerGraph, check: Check) -> Arrays:
        model = self._model(check.dtype, self.weights)
        inputs, targets = self._batch(check.size, 0)
        found = self.target.gradients(model, graph, inputs, targets, nodes=self.plan.layers)
        return {
            "loss/loss": np.array([found.loss]),
            **_named("input gradients", found.inputs),
            **_named("weight gradients", found.weights),
            **_named("layer gradients", found.nodes),
        }

    def _run(self, graph: LayerGraph, check: Check) -> Arrays:
        """A training run, and its first step by itself: after that no layer's weights depend on another's step.

        In float32 the run is made twice, to see what the framework itself does not repeat.
        """
        _, first = self._trained(graph, check, 1)
        found = _named("first step", first)
        for prefix in ("", "again ") if check.dtype == "float32" else ("",):
            losses, weights = self._trained(graph, check, self.plan.steps)
            found |= {f"{prefix}losses/losses": losses, **_named(f"{prefix}final weights", weights)}
        return found

    def _trained(self, graph: LayerGraph, check: Check, steps: int) -> tuple[np.ndarray[Any, Any], Arrays]:
        """The losses and the final weights of a run of so many steps."""
        model = self._model(check.dtype, load_file(self.folder / "start.safetensors"))
        losses = self.target.train(
            model,
            graph,
            [self._batch(check.size, index) for index in range(steps)],
            learning_rate=self.plan.learning_rate,
            momentum=self.plan.momentum,
        )
        return np.array(losses, np.float64), dict(self.target.export_weights(model, self.graphs[0]))


def _unpickled(path: Path) -> tuple[str | bytes | None, list[LayerGraph], Plan]:
    found: tuple[str | bytes | None, list[LayerGraph], Plan] = pickle.loads(path.read_bytes())
    return found


def _named(what: str, arrays: Mapping[str, np.ndarray[Any, Any]]) -> Arrays:
    return {f"{what}/{name}": np.ascontiguousarray(array) for name, array in arrays.items()}


def _inside(arrays: Arrays, what: str) -> Arrays:
    return {name.removeprefix(f"{what}/"): array for name, array in arrays.items() if name.startswith(f"{what}/")}


def main(name: str) -> None:
    """Answer requests until there are no more."""
    # Frameworks print to standard output; what we answer goes past them.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(**found: Any) -> None:
        answers.write(json.dumps(found) + "\n")
        answers.flush()

    try:
        target = backend(name)
        target.require()
        answer(versions=dict(target.versions()))
        worker: Worker | None = None
        for line in sys.stdin:
            request = json.loads(line)
            if "folder" in request:
                worker = None  # its model goes before the next one comes
                worker = Worker(target, Path(request["folder"]), request["index"])
                answer()
                continue
            assert worker is not None  # a comparison is prepared first
            check = Check(**request["check"])
            lacking = target.lacks("gradients" if check.kind == "run" else check.kind, check.dtype)
            if not lacking:
                save_file(worker.perform(check), worker.folder / request["file"])
            answer(lacking=lacking)
    except ArchspecError as error:  # said to the user as it is, not as the failure of a process
        answer(refused=[{"code": d.code, "message": d.message, "help": d.help} for d in error.diagnostics])


if __name__ == "__main__":
    main(sys.argv[1])
