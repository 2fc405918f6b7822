"""Run folders, and training programs as processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.numpy import save_file

import archspec
from archspec.ir.graph import LayerGraph
from archspec.recipe import load_text
from archspec.spec import load_text as load_spec
from archspec.training.data.conversion import data_config
from archspec.training.data.module import data_module
from archspec.training.facts import DataFacts
from archspec.training.plan import TrainingPlan, plan_of
from archspec.training.printing import shared_modules
from archspec_keras import backend
from tests.archspec_keras.arrays import weights_for

FACTS = DataFacts({"train": 1442, "test": 355}, (1, 8, 8), "classes", 10)
NETWORK = """
archspec: 1
name: small
params: {classes: {default: 10}}
input: {channels: 1, height: 8, width: 8}
layers:
  - conv: {name: conv1, filters: 4, kernel: 3, padding: 1, stride: 2, bias: false}
  - batch_norm: {name: bn1}
  - relu
  - global_avg_pool
  - flatten
  - dense: {name: fc, units: classes}
"""
KEYS = {
    "data": "{source: digits, validation: {share: 0.1, at: random}, test: test, prepare: [rescale: 1 / 16]}",
    "batch": "32",
    "steps": "200",
    "loss": "cross_entropy",
    "optimizer": "{sgd: {learning_rate: 0.1, momentum: 0.9}}",
    "metrics": "[accuracy]",
    "precision": "float64",
}


def planned(network: str = NETWORK, **keys: str | None) -> tuple[LayerGraph, TrainingPlan]:
    """A network, and a plan for it by a recipe with these keys; None leaves one out."""
    lines = [f"{key}: {value}" for key, value in {**KEYS, **keys}.items() if value is not None]
    if "\n" in network:
        graph = archspec.compile(load_spec(network))
    else:
        graph = archspec.compile(network, in_channels=1, size=8)
    recipe = load_text("\n".join(["archspec: 1", "recipe: tried", *lines]))
    return graph, plan_of(recipe, graph, FACTS)


def emitted(folder: Path, graph: LayerGraph, plan: TrainingPlan, target: Any = backend) -> Path:
    """A run folder with a program of a backend, and initial weights in it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "data.py").write_text(data_module(data_config(plan)), encoding="utf-8")
    (folder / "model.py").write_text(target.render(graph), encoding="utf-8")
    program = target.render_training(graph, plan)
    for name, text in {**shared_modules(program), **program}.items():
        (folder / name).write_text(text, encoding="utf-8")
    save_file(dict(target.to_checkpoint(graph, weights_for(graph))), folder / "initial.safetensors")
    return folder


def run(
    folder: Path, *arguments: str, engine: str = "tensorflow", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end."""
    return subprocess.run(
        [sys.executable, str(folder / "train.py"), *arguments],
        env=environment_of(engine, environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def environment_of(engine: str, more: Mapping[str, str]) -> dict[str, str]:
    """The environment in which a program runs on an engine."""
    return {**os.environ, **backend.environment(engine), "OMP_NUM_THREADS": "1", **more}


def history(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's history, without what depends on the clock."""
    lines = [json.loads(line) for line in (folder / "history.jsonl").read_text(encoding="utf-8").splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]
