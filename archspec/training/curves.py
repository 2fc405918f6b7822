"""The picture of runs: their losses, what else was measured, and their rates, by epoch; by matplotlib."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from archspec.errors import Diagnostic, OutputError
from archspec.picture_files import plot
from archspec.training.history import RunHistory

_SPLITS: Final[Mapping[str, Literal["-", "--"]]] = {"train": "-", "validation": "--"}
"""How the line of a split is drawn."""


def draw_curves(runs: Sequence[RunHistory], path: Path) -> None:
    """Draw the curves of runs, a color for each; the file is written whole or not at all.

    Raises:
        OutputError, BackendError: see `archspec.picture_files.check_picture`; or no run has anything to draw.
    """
    panels = _panels(runs)
    if not panels:
        help = "wait for the end of an epoch, or write steps down with --log-every"
        raise OutputError(Diagnostic("E0605", "there is nothing to draw: no run has an epoch or a step yet", help=help))
    with plot(path, 4.2 * len(panels) + 0.4, 3.8) as figure:
        for axes, (title, names) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
            _plot(axes, title, names, runs)
        handles = _legend(runs, panels)
        figure.legend(
            handles=handles, loc="outside lower center", ncols=min(len(handles), 5), fontsize=8, frameon=False
        )


def _panels(runs: Sequence[RunHistory]) -> dict[str, list[str]]:
    """What is drawn in which axes: numbers that differ by their split alone stand together; rates come last."""
    found: dict[str, list[str]] = {}
    if any(run.steps or run.epochs for run in runs):
        found["loss"] = []
    for run in runs:
        for name in run.measured():
            split, _, label = name.partition("_")
            if split in _SPLITS and name not in found.setdefault(label, []):
                found[label].append(name)
    if found:
        found["rate"] = []
    return found


def _plot(axes: Any, title: str, names: Sequence[str], runs: Sequence[RunHistory]) -> None:
    from matplotlib.ticker import MaxNLocator

    for number, run in enumerate(runs):
        color = f"C{number % 10}"
        if title in ("loss", "rate"):
            points = {line["step"]: line[title] for line in run.steps}
            if title == "rate":  # an epoch's is that of its last step
                points |= {line["step"] - 1: line["rate"] for line in run.epochs}
            places = sorted(points)
            faint = title == "loss" and bool(run.epochs)
            width, alpha = (0.6, 0.35) if faint else (1.3, 1.0)
            values = [points[step] for step in places]
            axes.plot([_epochs(run, step) for step in places], values, color=color, linewidth=width, alpha=alpha)
        for name in names:
            lines = [line for line in run.epochs if name in line]
            kind = _SPLITS[name.partition("_")[0]]
            marker = "." if len(lines) < 3 else None
            values = [line[name] for line in lines]
            axes.plot([line["epoch"] for line in lines], values, kind, color=color, linewidth=1.3, marker=marker)
    shown = [value for line in axes.get_lines() for value in line.get_ydata() if value > 0 and math.isfinite(value)]
    if title in ("loss", "rate") and shown and max(shown) > 20 * min(shown):
        axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title(title.replace("_", " "), fontsize=10)
    axes.set_xlabel("epoch" if any(run.epochs for run in runs) else "step", fontsize=9)
    axes.tick_params(which="both", labelsize=8)
    axes.grid(alpha=0.3)


def _epochs(run: RunHistory, step: int) -> float:
    """Where a step stands among the epochs; the step itself where no epoch has ended."""
    if not run.epochs:
        return float(step)
    first = run.epochs[0]
    return float(step * first["epoch"] / first["step"])


def _legend(runs: Sequence[RunHistory], panels: Mapping[str, Sequence[str]]) -> list[Any]:
    """A color for each run, and a kind of line for each split."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=f"C{number % 10}", label=run.name) for number, run in enumerate(runs)]
    splits = {name.partition("_")[0] for names in panels.values() for name in names}
    kinds = [Line2D([], [], color="gray", linestyle=style, label=f"{split}") for split, style in _SPLITS.items()]
    return [*handles, *(kind for kind in kinds if kind.get_label() in splits)]
