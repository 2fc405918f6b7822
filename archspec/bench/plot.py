"""The picture of a measurement: the time of each engine that is ranked, its quantiles as a line, by matplotlib."""

from __future__ import annotations

from pathlib import Path

from archspec.bench.measurement import BenchResult
from archspec.bench.report import QUANTILES
from archspec.errors import Diagnostic, OutputError
from archspec.picture_files import plot


def draw(result: BenchResult, path: Path) -> None:
    """Draw the times; the file is written whole or not at all.

    Raises:
        OutputError, BackendError: see `archspec.picture_files.check_picture`; or nothing was measured.
    """
    ranking = result.ranking
    if not ranking:
        raise OutputError(Diagnostic("E0605", "there is nothing to draw: no engine is ranked"))
    with plot(path, 8, 1.2 + 0.35 * len(ranking)) as figure:
        axes = figure.subplots()
        names = [row.contender.label for row in ranking]
        times = [row.times for row in ranking if row.times is not None]
        medians = [1e3 * each.median for each in times]
        low, high = ([1e3 * each.quantile(share) for each in times] for share in QUANTILES)
        errors = [
            [median - least for median, least in zip(medians, low, strict=True)],
            [most - median for median, most in zip(medians, high, strict=True)],
        ]
        bars = axes.barh(names, medians, xerr=errors, color="#4c78a8", height=0.6, error_kw={"linewidth": 1})
        axes.bar_label(bars, [f"{median:.2f}" for median in medians], padding=4, fontsize=8)
        axes.invert_yaxis()
        what = "a training step" if result.task.training else "a forward pass"
        axes.set_xlabel(f"milliseconds of {what}, a batch of {result.task.batch}; lines from 5 to 95 %")
        title = result.task.graph.title or result.task.graph.name
        axes.set_title(f"{title}: {result.task.graph.input_text}, {result.task.dtype}", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
