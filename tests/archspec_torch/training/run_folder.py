"""Run folders of small networks and small data, and programs run in them."""

from __future__ import annotations

import io
import os
import runpy
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from safetensors.numpy import load_file

from archspec.api import compile as compile_spec
from archspec.ir.graph import LayerGraph
from archspec.recipe.loading import load_text
from archspec.spec.loading import load_text as load_spec
from archspec.training.data.config import DataConfig
from archspec.training.data.module import data_module
from archspec.training.data.parts.arrays import Arrays
from archspec.training.data.parts.mixing import Mix
from archspec.training.facts import DataFacts
from archspec.training.parts.records import read_history
from archspec.training.plan import TrainingPlan, plan_of
from archspec.training.printing import shared_modules
from archspec_torch import backend

SMALL = """
archspec: 1
name: small
input: {channels: 1, height: 4, width: 4}
layers:
  - conv: {name: conv1, filters: 3, kernel: 3, padding: 1}
  - batch_norm: {name: bn1}
  - relu
  - conv: {name: conv2, filters: 4, kernel: 3, stride: 2}
  - relu
  - flatten
  - dense: {name: fc, units: 3}
"""
PLAIN = SMALL.replace("  - batch_norm: {name: bn1}\n", "")
"""Without batch norm."""
DATA: Mapping[str, Any] = {"source": {"arrays": {"classes": 3}}, "validation": "validation", "test": "test"}
RECIPE: Mapping[str, Any] = {
    "archspec": 1,
    "recipe": "tried",
    "data": DATA,
    "batch": 8,
    "epochs": 3,
    "loss": "cross_entropy",
    "optimizer": {"sgd": {"learning_rate": 0.1}},
    "precision": "float64",
    "metrics": ["accuracy"],
}


@dataclass(frozen=True)
class Run:
    """A folder with a program."""

    folder: Path
    graph: LayerGraph
    plan: TrainingPlan

    def command(self, *arguments: object, processes: int = 1) -> list[str]:
        """The command that runs the program."""
        start = [sys.executable]
        if processes > 1:
            start += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
        options = ["--data", self.folder, "--workers", 0, "--device", "cpu", "--log-every", 1]
        return [str(each) for each in (*start, self.folder / "train.py", *options, *arguments)]

    def start(self, *arguments: object, processes: int = 1, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run the program to its end."""
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        found = subprocess.run(
            self.command(*arguments, processes=processes),
            capture_output=True,
            text=True,
            env=environment,
            check=False,
            cwd="/",
        )
        assert (found.returncode == 0) == (code == 0), found.stdout + found.stderr
        if processes == 1:
            assert found.returncode == code, found.stdout + found.stderr
        return found

    def here(self, *arguments: object) -> str:
        """Run the program in this process, which imports PyTorch once; what it printed."""
        before, path = list(sys.argv), list(sys.path)
        names = [each.stem for each in self.folder.glob("*.py")]
        printed = io.StringIO()
        sys.argv, sys.path[:] = self.command(*arguments)[1:], [str(self.folder), *path]
        try:
            with redirect_stdout(printed), redirect_stderr(io.StringIO()):
                runpy.run_path(str(self.folder / "train.py"), run_name="__main__")
        finally:
            sys.argv, sys.path[:] = before, path
            for name in names:
                sys.modules.pop(name, None)
        return printed.getvalue()

    def history(self, output: Path | None = None) -> list[dict[str, Any]]:
        """The lines of the history, without what goes by the clock."""
        lines = read_history((output or self.folder) / "history.jsonl")
        return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]

    def checkpoint(self, name: str = "last", output: Path | None = None) -> dict[str, NDArray[Any]]:
        """The arrays of a checkpoint."""
        return load_file((output or self.folder) / "checkpoints" / f"{name}.safetensors")


def changed(folder: Path, before: str, after: str) -> None:
    """Plant a fault: replace a text in those files of a program that have it."""
    found = [path for path in folder.glob("*.py") if before in path.read_text(encoding="utf-8")]
    assert found, before
    for path in found:
        path.write_text(path.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Keys over those of the base; None takes one away."""
    found = {**base, **changes}
    return {key: value for key, value in found.items() if value is not None}


def examples(counts: Mapping[str, int], shape: Sequence[int], classes: int) -> dict[str, tuple[NDArray[Any], Any]]:
    """Images of noise, whose class can be learned: it is that of their brightest row."""
    random = np.random.default_rng(7)
    found = {}
    for split, count in counts.items():
        images = random.normal(size=(count, *shape)).astype(np.float32)
        rows = images.reshape(count, classes, -1) if images[0].size % classes == 0 else images.reshape(count, 4, -1)
        found[split] = (images, rows.mean(2).argmax(1) % classes)
    return found


def program(
    folder: Path,
    recipe: Mapping[str, Any],
    spec: str = SMALL,
    *,
    counts: Mapping[str, int] | None = None,
    targets: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
    target: Any = backend,
) -> Run:
    """A run folder.

    Args:
        folder: where it is made.
        recipe: changes of `RECIPE`.
        spec: the network.
        counts: examples of each split.
        targets: of each split, in place of classes.
        facts: what else is known of the data.
        target: the backend that writes it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    graph = compile_spec(load_spec(spec))
    counts = counts or {"train": 22, "validation": 9, "test": 9}
    node = graph.input_nodes[0]
    shape = (*node.shape[1:], node.shape[0]) if len(node.shape) == 3 else node.shape
    for split, (images, labels) in examples(counts, shape, 3).items():
        found = labels if targets is None else targets[split]
        np.savez(folder / f"{split}.npz", images=images, labels=found)
    known: dict[str, Any] = {"targets": "classes", "classes": 3, **(facts or {})}
    plan = plan_of(
        load_text(yaml.safe_dump(merged(RECIPE, recipe), sort_keys=False)),
        graph,
        DataFacts(counts, tuple(node.shape), **known),
    )
    mixes = (Mix(mixup=0.3),) if plan.data.mixes else ()
    config = DataConfig(
        source=Arrays(classes=plan.data.classes if known["targets"] == "classes" else None),
        training=mixes,
        evaluation=(),
        batch=plan.data.batch,
        validation=plan.data.validation if isinstance(plan.data.validation, str) else None,
        test=plan.data.test,
        drop_last=plan.data.drop_last,
        seed=plan.seed,
    )
    (folder / "model.py").write_text(target.render(graph), encoding="utf-8")
    (folder / "data.py").write_text(data_module(config), encoding="utf-8")
    written = target.render_training(graph, plan)
    for name, text in {**shared_modules(written), **written}.items():
        (folder / name).write_text(text, encoding="utf-8")
    return Run(folder, graph, plan)
