"""Degradation, seen on the handwritten digits: `python -m benchmarks.degradation`.

Plain and residual networks of 20 and 56 layers, of one spec, are trained alike in both frameworks; then, in the first
of them, the kinds of shortcuts and the orders of activations at 56 layers. Each run is an `archspec train` of its own,
two at a time. The tables and the curves are those of docs/ideas/degradation.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.machine import describe

SMALL: Final[Mapping[str, object]] = {"in_channels": 1, "size": 8, "width": 8}
PLAIN: Final[Mapping[str, object]] = {"shortcut": "constant_scaling", "shortcut_scale": 0, "residual_scale": 1}
"""Each shortcut times 0: what is left of a unit is its two convolutions."""
SHORTCUTS: Final = (
    "identity",
    "constant_scaling",
    "exclusive_gating",
    "shortcut_only_gating",
    "convolution",
    "dropout",
)
ORDERS: Final = (
    "original",
    "bn_after_addition",
    "relu_before_addition",
    "relu_only_preactivation",
    "full_preactivation",
)
DEPTHS: Final = (20, 56)


@dataclass(frozen=True)
class Run:
    """A network that is trained."""

    name: str
    spec: str
    backend: str
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Trained:
    """What came of it."""

    loss: float
    """Of the last epoch, on training images as they were augmented."""
    error: float
    """Likewise: the share of training images that were taken for another digit."""
    test_error: float
    seconds: float
    """Processor time, the import of the framework included."""


def networks(backend: str) -> list[Run]:
    """The plain and the residual networks."""
    kinds: Mapping[str, Mapping[str, object]] = {"plain": PLAIN, "residual": {"shortcut": "identity"}}
    return [
        Run(f"{kind} {depth}", "cifar_resnet_shortcuts", backend, {**params, "depth": depth})
        for kind, params in kinds.items()
        for depth in DEPTHS
    ]


def ablations(backend: str) -> Mapping[str, list[Run]]:
    """The shortcuts and the orders of He et al. 2016, Tables 1 and 2, by the param that they are values of."""
    params: Mapping[str, tuple[str, Sequence[str]]] = {
        "shortcut": ("cifar_resnet_shortcuts", SHORTCUTS),
        "order": ("cifar_resnet_activations", ORDERS),
    }
    return {
        param: [Run(value, spec, backend, {param: value, "depth": DEPTHS[-1]}) for value in values]
        for param, (spec, values) in params.items()
    }


def train(run: Run, folder: Path, epochs: int) -> Trained:
    """Train a network in a folder. One thread: layers as small as these are no faster with more."""
    params = {**SMALL, **run.params}
    given = [word for name, value in params.items() for word in ("--set", f"{name}={value}")]
    recipe = ["--recipe", "digits", "--recipe-set", f"epochs={epochs}", "--backend", run.backend]
    command = [sys.executable, "-m", "archspec", "train", run.spec, *given, *recipe, "-o", str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    lines = [json.loads(line) for line in (folder / "history.jsonl").read_text(encoding="utf-8").splitlines()]
    last = [line for line in lines if "epoch" in line][-1]
    final = next(line for line in lines if "final" in line)
    seconds = used.ru_utime + used.ru_stime
    return Trained(last["train_loss"], 1 - last["train_accuracy"], 1 - final["test_accuracy"], seconds)


def table(title: str, rows: Iterable[tuple[str, Trained]]) -> None:
    """Print a table in Markdown, its rows as they come."""
    print(f"\n| {title} | training loss | training error, % | test error, % | processor time, s |")
    print("|---|---:|---:|---:|---:|", flush=True)
    for name, found in rows:
        errors = f"{100 * found.error:.1f} | {100 * found.test_error:.1f}"
        print(f"| {name} | {found.loss:.3f} | {errors} | {found.seconds:.0f} |", flush=True)


def draw(runs: Sequence[Path], picture: Path) -> None:
    """Draw the curves of runs in one picture."""
    command = [sys.executable, "-m", "archspec", "curves", *map(str, runs), "-o", str(picture), "--force"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Train all of them, print the tables, and draw the curves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backends", nargs="+", default=("torch", "keras"), metavar="BACKEND")
    parser.add_argument("--epochs", type=int, default=20, help="of the digits (20)")
    parser.add_argument(
        "--tables", nargs="+", choices=("networks", "ablations"), default=("networks", "ablations"), help="of both"
    )
    parser.add_argument("--jobs", type=int, default=2, help="networks that are trained at once (2)")
    parser.add_argument(
        "--picture", type=Path, metavar="FOLDER", help="where the curves are drawn: degradation_BACKEND.svg"
    )
    arguments = parser.parse_args()
    if arguments.picture is not None:
        arguments.picture.mkdir(parents=True, exist_ok=True)
    print(describe("torch", "keras", "tensorflow", "scikit-learn"))
    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(arguments.jobs) as pool:

        def tried(title: str, runs: Sequence[Run], folder: Path) -> list[Path]:
            """A table of runs, and their folders."""
            folders = [folder / run.name.replace(" ", "_") for run in runs]
            found = pool.map(lambda run, place: train(run, place, arguments.epochs), runs, folders)
            table(title, zip([run.name for run in runs], found, strict=True))
            return folders

        for backend in arguments.backends if "networks" in arguments.tables else ():
            name = backend.replace(":", "_")
            folders = tried(f"{backend}: network", networks(backend), Path(temporary) / name)
            if arguments.picture is not None:
                draw(folders, arguments.picture / f"degradation_{name}.svg")
        if "ablations" in arguments.tables:
            backend = arguments.backends[0]
            for param, runs in ablations(backend).items():
                tried(f"{backend}: `{param}`", runs, Path(temporary) / param)


if __name__ == "__main__":
    main()
