"""One spec on every backend, held against the independent evaluator: `python -m tests.fuzz.agreement spec.yaml`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import numpy as np
import yaml

import archspec
from archspec.codegen.backend import Gradients, Outcome, RunsModels, TrainsModels
from archspec.codegen.registry import backend
from archspec.ir.graph import LayerGraph
from archspec.parity import random_inputs, random_targets, random_weights
from archspec.parity.comparison import without_dropout
from archspec.spec import load_text
from archspec_onnx.engines import ENGINE
from tests.fuzz.gradients import same_gradients
from tests.reference.evaluate import evaluate

Arrays = Mapping[str, "np.ndarray[Any, Any]"]

BACKENDS: Final = ("torch", "keras", "onnx")
TOLERANCE: Final = 1e-9
FLOAT32: Final = 1e-4
"""ONNX Runtime computes in float32 alone."""
ROUNDINGS: Final = 10
"""How many times as far it may be off as ONNX's evaluator is in float32, where a norm makes rounding large."""
SMALL: Final = 1e-3
"""The largest value of a tensor counts as no less: a norm of equal numbers gives nothing but rounding."""
LARGEST: Final = 1e30
"""A spec with larger numbers than this, near the end of float32, is not judged: squares of squares have no end."""
SEEDS: Final = (0, 1, 2)


def text_of(spec: Mapping[str, Any]) -> str:
    """The spec as YAML."""
    return yaml.dump(dict(spec), Dumper=_Dumper, sort_keys=False, width=110)


def compiled(text: str) -> LayerGraph:
    """The graph of a spec, which is the same for every task: nothing is dropped in training."""
    return without_dropout(archspec.compile(load_text(text, name="drawn.yaml")))


class TooLargeError(Exception):
    """A spec's numbers leave float32, so that no backend could be held to them."""


def check(graph: LayerGraph, backends: Sequence[str] = BACKENDS) -> None:
    """These backends compute what the evaluator does.

    PyTorch and Keras: the outputs and running statistics in float64 and both modes, and the same gradients, see
    `tests.fuzz.gradients`; what is built in float32 is right in form. ONNX on ONNX Runtime: the outputs in float32 and
    inference, as near as the evaluator comes in float32; its checker's word.

    Raises:
        AssertionError: one of them does not; the message names backend, mode and tensor.
        TooLargeError: the evaluator's numbers are past `LARGEST`.
    """
    weights, inputs = random_weights(graph, SEEDS[0]), random_inputs(graph, batch=2, seed=SEEDS[1])
    targets = random_targets(graph, batch=2, seed=SEEDS[2])
    wanted = {training: reference(graph, weights, inputs, training=training) for training in (False, True)}
    gradients: dict[str, Gradients] = {}
    models: dict[str, Any] = {}
    sources: dict[str, Any] = {}
    for name in backends:
        target, source = backend(name, RunsModels), archspec.generate(graph, name)
        target.verify(source, graph)  # in float32, without a weight
        if not isinstance(target, TrainsModels):
            model = target.build(source, graph, weights=weights)
            outputs = target.run(model, graph, inputs, training=False).outputs
            try:
                same(replace(wanted[False], statistics={}), Outcome(outputs, {}), name, FLOAT32)
            except AssertionError:
                with patch.dict(os.environ, {ENGINE: "reference"}):
                    judged = target.run(model, graph, inputs, training=False).outputs
                for output, array in wanted[False].outputs.items():
                    rounding = _apart(array, judged[output])
                    if not _apart(array, outputs[output]) <= max(FLOAT32, ROUNDINGS * rounding):
                        raise
            continue
        sources[name] = source
        model = models[name] = target.build(source, graph, weights=weights, dtype="float64")
        # Inference first: a training step changes the running statistics that inference uses.
        for training, found in wanted.items():
            mode = "training" if training else "inference"
            same(found, target.run(model, graph, inputs, training=training), f"{name}, {mode}")
        gradients[name] = target.gradients(model, graph, inputs, targets)

    def of_nodes() -> Arrays:
        [name, *_] = gradients
        return backend(name, TrainsModels).gradients(models[name], graph, inputs, targets, nodes=True).nodes

    def again(name: str, weights: Arrays, inputs: Arrays) -> Gradients:
        target = backend(name, TrainsModels)
        model = target.build(sources[name], graph, weights=weights, dtype="float64")
        return target.gradients(model, graph, inputs, targets)

    same_gradients(graph, weights, inputs, targets, gradients, of_nodes, again)


def reference(graph: LayerGraph, weights: Arrays, inputs: Arrays, *, training: bool) -> Outcome:
    """What the graph means, by ONNX's reference evaluator.

    Raises:
        TooLargeError: some layer's numbers are past `LARGEST`.
    """
    with np.errstate(over="ignore"):
        found = evaluate(graph, weights, inputs, training=training)
    for path, array in found.values.items():
        if not np.isnan(array).any() and float(np.abs(array).max()) > LARGEST:
            raise TooLargeError(f"{path}: numbers past {LARGEST:g}")
    kept = {name: np.asarray(weights[name]) for name, weight in graph.all_weights.items() if not weight.trainable}
    outputs = {output: found.values[path] for output, path in graph.outputs.items()}
    return Outcome(outputs, {**kept, **found.statistics})


def same(wanted: Outcome, found: Outcome, where: str, tolerance: float = TOLERANCE) -> None:
    """Two outcomes agree in all outputs and running statistics."""
    for what, one, other in (
        ("output", wanted.outputs, found.outputs),
        ("statistic", wanted.statistics, found.statistics),
    ):
        assert one.keys() == other.keys(), f"{where}: {what}s {sorted(one)} and {sorted(other)}"
        for name, array in one.items():
            assert np.isfinite(array).all(), f"{where}: {what} {name} is not finite by the reference"
            assert array.shape == other[name].shape, f"{where}: {what} {name}: {array.shape}, {other[name].shape}"
            apart = _apart(array, other[name])
            assert apart <= tolerance, f"{where}: {what} {name} differs by {apart:.1e}"


def _apart(wanted: np.ndarray[Any, Any], found: np.ndarray[Any, Any]) -> float:
    """The largest difference, as a share of the largest number; not a number is not less than anything."""
    return float(np.abs(wanted - found).max()) / max(float(np.abs(wanted).max()), SMALL)


class _Dumper(yaml.SafeDumper):
    """Short lists and mappings stand in one line, as people write them."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> yaml.SequenceNode:
        return super().represent_sequence(tag, sequence, flow_style=_flat(sequence))

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        return super().represent_mapping(tag, mapping, flow_style=_flat(dict(mapping)))


def _flat(data: Any) -> bool:
    """Whether it is short and has nothing but plain values, or mappings and lists of such."""
    values = list(data.values()) if isinstance(data, dict) else list(data)
    return len(str(data)) < 90 and not any(key in str(data) for key in ("layers", "branches")) and bool(values)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        check(compiled(Path(argument).read_text(encoding="utf-8")))
        print(f"{argument}: all backends agree")
