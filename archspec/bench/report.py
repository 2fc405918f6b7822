"""What was measured, as a table, JSON, CSV and a picture."""

from __future__ import annotations

import csv
import io
import os
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from archspec.analysis.tables import Table, to_markdown, to_text
from archspec.bench.measurement import BenchResult, Row
from archspec.bench.roofline import bounds
from archspec.bench.statistics import Times

_MIB: Final = 2**20
QUANTILES: Final = (0.05, 0.95)


def to_lines(result: BenchResult, *, markdown: bool = False) -> list[str]:
    """The table, those that are not in it, what the machine could do, and the verdict."""
    draw = to_markdown if markdown else to_text
    task = result.task
    what = "a training step" if task.training else "a forward pass"
    lines = [
        f"{task.graph.name}: {what} of a batch of {task.batch}, {task.graph.input_text}, {task.dtype}",
        machine_text(result),
        "",
        *draw(_table(result)).splitlines(),
    ]
    lines += unranked(result)
    lines += ["", *_statements(result), "", *_roofline(result, draw), "", verdict(result)]
    return lines


def unranked(result: BenchResult) -> list[str]:
    """A line for each reason why engines are not in the ranking."""
    reasons: dict[str, list[str]] = {}
    for row in result.rows:
        if row.failed:
            reasons.setdefault(row.failed, []).append(row.contender.label)
    found = [f"not measured: {', '.join(labels)}: {reason}" for reason, labels in reasons.items()]
    return found + [row.apart(result.task) for row in result.rows if not row.failed and not row.ranked(result.task)]


def machine_text(result: BenchResult) -> str:
    """The machine, its clock and threads."""
    clock = f", {megahertz:.0f} MHz" if (megahertz := _megahertz()) else ""
    return f"{processor()}{clock}, {os.cpu_count()} cores, {result.threads} threads"


def verdict(result: BenchResult) -> str:
    """Who is the fastest, in a line."""
    if not (ranking := result.ranking):
        return "nothing could be measured"
    best = ranking[0]
    assert best.ratio is not None
    first = result.rows[0].contender.label
    compared = [row for row in ranking if row.difference is not None]
    agreed = f"; the outputs of {len(compared)} agree to {result.task.tolerance:g}" if len(compared) > 1 else ""
    if best.contender.label == first:
        return f"the fastest is {first}{agreed}"
    unknown = " (whose outputs are not compared)" if best.difference is None and compared else ""
    return f"the fastest is {best.contender.label}{unknown}: {best.ratio.value:.2f} times the time of {first}{agreed}"


def _table(result: BenchResult) -> Table:
    times = ("ms / batch", "5 %", "95 %", "images/s", "batch 1, ms", "first, s")
    heads = ("engine", *times, "MiB", "ratio", "95 % interval", "difference")
    rows = tuple(tuple(_cells(result, row)) for row in result.rows if row.times is not None)
    return Table(heads, rows, "l" + "r" * (len(heads) - 1))


def _cells(result: BenchResult, row: Row) -> Iterator[str]:
    assert row.times is not None and row.ratio is not None
    yield row.contender.label
    yield f"{row.times.median * 1e3:.2f}"
    for share in QUANTILES:
        yield f"{row.times.quantile(share) * 1e3:.2f}"
    yield f"{result.task.batch / row.times.median:.1f}"
    alone = row.times.median if result.task.batch == 1 else row.latency
    yield "" if alone is None else f"{alone * 1e3:.2f}"
    yield f"{row.first:.1f}"
    yield f"{row.memory / _MIB:.0f}"
    if not row.ranked(result.task):
        yield from ("not ranked", "")
    else:
        yield f"{row.ratio.value:.3f}"
        yield f"{row.ratio.low:.3f} to {row.ratio.high:.3f}"
    yield "not compared" if row.difference is None else f"{row.difference:.1e}"


def _statements(result: BenchResult) -> Iterator[str]:
    """`mean ± sd sec / batch`, as slim's benchmark says it."""
    for row in result.rows:
        if row.times is not None:
            times = row.times
            yield f"{row.contender.label}: {times.mean:.4f} ± {times.deviation:.4f} sec / batch, {len(times.all)} steps"


_ROOFLINE: Final = """\
Roofline: the least time of a forward pass on this machine. A layer takes at least as long as its multiply-adds at
{flops:.0f} GFLOP/s (a product of matrices, measured in this run), and at least as long as reading and writing its
tensors and weights at {bandwidth:.1f} GB/s (a copy, measured too). The longer of the two is its limit."""
_FUSED: Final = ": it fuses layers, or their tensors stay in caches, which the limit does not count"
_FASTER: Final = (
    ": its arithmetic is faster than the probe's: others used the machine meanwhile, or its convolutions have fewer "
    "multiply-adds (Winograd), or its numbers fewer bits"
)


def _roofline(result: BenchResult, draw: Callable[[Table], str]) -> Iterator[str]:
    """The least time by kind of layer, what it is bound by, and how near the fastest one comes to it."""
    found = bounds(result.task.graph, result.task.batch, result.task.dtype, result.machine)
    least = sum(bound.least for bound in found.values())
    rows: list[tuple[str, ...]] = []
    for kind, bound in sorted(found.items(), key=lambda pair: -pair[1].least):
        numbers = (f"{seconds * 1e3:.3f}" for seconds in (bound.arithmetic, bound.traffic, bound.least))
        rows.append((kind, *numbers, f"{bound.least / least:.0%}" if least else "", bound.limit))
    rows.append(("all", "", "", f"{least * 1e3:.3f}", "", ""))
    yield from _ROOFLINE.format(flops=result.machine.flops / 1e9, bandwidth=result.machine.bandwidth / 1e9).splitlines()
    yield ""
    heads = ("kind of layer", "arithmetic, ms", "memory, ms", "least, ms", "share", "mostly limited by")
    yield from draw(Table(heads, tuple(rows), "lrrrrl", foot=1)).splitlines()
    best = next((row for row in result.ranking if row.times is not None), None)
    if best is not None and best.times is not None and not result.task.training and least:
        taken, share = best.times.median, least / best.times.median
        beyond = sum(bound.arithmetic for bound in found.values()) > taken
        why = "" if share <= 1 else _FASTER if beyond else _FUSED
        yield ""
        yield f"{best.contender.label} takes {taken * 1e3:.2f} ms, and runs at {share:.0%} of the machine's limit{why}"


def as_dict(result: BenchResult) -> dict[str, Any]:
    """All of it, for JSON; seconds and bytes."""
    task = result.task
    return {
        "network": task.graph.name,
        "batch": task.batch,
        "dtype": task.dtype,
        "training": task.training,
        "machine": {
            "processor": processor(),
            "cores": os.cpu_count(),
            "threads": result.threads,
            "megahertz": _megahertz(),
            "flops": result.machine.flops,
            "bandwidth": result.machine.bandwidth,
        },
        "rows": [_row_dict(result, row) for row in result.rows],
        "least_seconds": {
            kind: bound.least for kind, bound in bounds(task.graph, task.batch, task.dtype, result.machine).items()
        },
    }


def _row_dict(result: BenchResult, row: Row) -> dict[str, Any]:
    found: dict[str, Any] = {"engine": row.contender.label, "ranked": row.ranked(result.task)}
    if row.times is None or row.ratio is None:
        return {**found, "failed": row.failed}
    return {
        **found,
        **as_numbers(row.times),
        "first": row.first,
        "memory": row.memory,
        "latency": row.latency,
        "ratio": row.ratio.value,
        "interval": [row.ratio.low, row.ratio.high],
        "difference": row.difference if row.difference is None or row.difference < float("inf") else "infinite",
    }


def as_numbers(times: Times) -> dict[str, Any]:
    """What is said of times in JSON: of all steps, and the median of each round."""
    return {
        "mean": times.mean,
        "deviation": times.deviation,
        "median": times.median,
        "quantiles": {str(share): times.quantile(share) for share in QUANTILES},
        "steps": len(times.all),
        "round_medians": times.round_medians,
    }


def to_csv(result: BenchResult) -> str:
    """A line for each engine that is ranked, with the columns of timm's `benchmark.py`."""
    task, kind = result.task, "train" if result.task.training else "infer"
    graph = task.graph
    size = next(iter(graph.spatial_sizes.values()), (0,))[0]
    columns = ["model", "engine", f"{kind}_img_size", f"{kind}_samples_per_sec", f"{kind}_step_time"]
    columns += [f"{kind}_batch_size", "param_count"] + ([] if task.training else ["infer_gmacs", "infer_macts"])
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for row in result.ranking:
        assert row.times is not None
        values: list[Any] = [graph.name, row.contender.label, size]
        values += [round(task.batch / row.times.median, 2), round(row.times.median * 1e3, 3), task.batch]
        values.append(round(graph.parameters / 1e6, 2))
        if not task.training:
            values += [round(graph.macs / 1e9, 2), round(graph.activations / 1e6, 2)]
        writer.writerow(values)
    return file.getvalue()


def processor() -> str:
    """The processor's name, as the system has it."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _megahertz() -> float:
    """The processor's clock as the system says it now, zero where it does not."""
    try:
        return float(_cpuinfo("cpu MHz") or 0)
    except ValueError:
        return 0.0


def _cpuinfo(field: str) -> str:
    """What Linux says of the first processor; empty where it does not."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(field)), "")
