"""Degradation, seen on the handwritten digits: `python -m benchmarks.degradation`.

Plain and residual networks of 20 and 56 layers, of one spec, are trained alike in both frameworks; then the kinds of
shortcuts and the places of activations at one depth. The tables are those of docs/ideas/degradation.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.machine import describe

SMALL: Mapping[str, object] = {"in_channels": 1, "size": 8, "width": 8}
PLAIN: Mapping[str, object] = {"shortcut": "constant_scaling", "shortcut_scale": 0, "residual_scale": 1}
RESIDUAL: Mapping[str, object] = {"shortcut": "identity"}
SHORTCUTS = ("identity", "constant_scaling", "exclusive_gating", "shortcut_only_gating", "convolution")
ORDERS = (
    "original",
    "bn_after_addition",
    "relu_before_addition",
    "relu_only_preactivation",
    "full_preactivation",
)


def trained(folder: Path, spec: str, params: Mapping[str, object], backend: str, epochs: int) -> Mapping[str, float]:
    """The last numbers of a run in a folder."""
    given = [word for name, value in params.items() for word in ("--set", f"{name}={value}")]
    recipe = ["--recipe", "digits", "--recipe-set", f"epochs={epochs}"]
    command = [
        sys.executable,
        "-m",
        "archspec",
        "train",
        spec,
        *given,
        *recipe,
        "--backend",
        backend,
        "-o",
        str(folder),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lines = [json.loads(line) for line in (folder / "history.jsonl").read_text(encoding="utf-8").splitlines()]
    last = [line for line in lines if "epoch" in line][-1]
    final = next(line for line in lines if "final" in line)
    return {
        "train_loss": last["train_loss"],
        "train_error": 1 - last["train_accuracy"],
        "error": 1 - final["test_accuracy"],
    }


def table(title: str, rows: Sequence[tuple[str, Mapping[str, float], float]]) -> None:
    """Print a table in Markdown."""
    print(f"\n| {title} | training loss | training error, % | test error, % | seconds |")
    print("|---|---:|---:|---:|---:|")
    for name, found, seconds in rows:
        errors = f"{100 * found['train_error']:.2f} | {100 * found['error']:.2f}"
        print(f"| {name} | {found['train_loss']:.4f} | {errors} | {seconds:.0f} |", flush=True)


def main() -> None:
    """Train all of them, print the tables, and draw the curves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backends", nargs="+", default=("torch", "keras"), metavar="BACKEND")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--ablations", action="store_true", help="kinds of shortcuts and places of activations, too")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="where the curves are drawn")
    arguments = parser.parse_args()
    print(describe("torch", "keras", "tensorflow", "scikit-learn"))
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)

        def row(
            name: str, spec: str, params: Mapping[str, object], backend: str
        ) -> tuple[str, Mapping[str, float], float]:
            start = time.monotonic()
            found = trained(place / name.replace(" ", "_"), spec, {**SMALL, **params}, backend, arguments.epochs)
            return name, found, time.monotonic() - start

        for backend in arguments.backends:
            kinds = {"plain": PLAIN, "residual": RESIDUAL}
            rows = [
                row(f"{kind} {depth} {backend}", "cifar_resnet_shortcuts", {**params, "depth": depth}, backend)
                for kind, params in kinds.items()
                for depth in (20, 56)
            ]
            table("network", rows)
        if arguments.picture is not None:
            runs = [str(run) for run in sorted(place.iterdir())]
            command = [sys.executable, "-m", "archspec", "curves", *runs, "-o", str(arguments.picture), "--force"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        if arguments.ablations:
            backend = arguments.backends[0]
            shortcuts = [
                row(kind, "cifar_resnet_shortcuts", {"shortcut": kind, "depth": 20}, backend) for kind in SHORTCUTS
            ]
            table("shortcut", shortcuts)
            orders = [row(kind, "cifar_resnet_activations", {"order": kind, "depth": 20}, backend) for kind in ORDERS]
            table("activations", orders)


if __name__ == "__main__":
    main()
