"""The picture of a comparison: the difference of each layer by depth, one line for each pair, by matplotlib."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

from archspec.errors import Diagnostic, OutputError
from archspec.parity.report import Report
from archspec.parity.results import Profile
from archspec.picture_files import plot

_LEAST: Final = 1e-18
"""Where a difference of zero is drawn: a logarithm has no place for it."""


def draw(report: Report, path: Path) -> None:
    """Draw the differences of all layers in inference; the file is written whole or not at all.

    Raises:
        OutputError, BackendError: see `archspec.picture_files.check_picture`; or the report has no layers.
    """
    if not report.profiles:
        help = "compare layer by layer, in inference"
        raise OutputError(Diagnostic("E0605", "there is nothing to draw: no layers were compared", help=help))
    with plot(path, 9, 4.5) as figure:
        _plot(figure.subplots(), report)


def _plot(axes: Any, report: Report) -> None:
    for profile in report.profiles:
        values = [_drawn(value) for value in profile.layers.values()]
        dashed = profile.size != report.sizes[0]
        axes.plot(values, label=_label(profile, report), linewidth=1, linestyle="--" if dashed else "-")
    for row in {row.dtype: row for row in report.rows if row.check == "inference" and row.tolerance}.values():
        axes.axhline(row.tolerance, color="black", linewidth=0.8, linestyle=":")
        text = f"allowed in {row.dtype}"
        axes.annotate(text, (0, row.tolerance), xytext=(2, 2), textcoords="offset points", fontsize=7)
    axes.set_yscale("log")
    axes.set_xlabel("layers, in the order of computation")
    axes.set_ylabel("largest difference,\nas a share of the largest value")
    axes.set_title(f"{report.title or report.network}: inference, a batch of {report.batch}", fontsize=10)
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    axes.grid(alpha=0.3)


def _drawn(value: float | None) -> float:
    return max(value, _LEAST) if value is not None and math.isfinite(value) else math.nan


def _label(profile: Profile, report: Report) -> str:
    text = f"{' / '.join(profile.pair)}, {profile.dtype}"
    return f"{text}, {profile.size}" if len(report.sizes) > 1 else text
