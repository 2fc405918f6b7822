"""What `archspec build` says of what it wrote: the network in numbers, what is left out, and how to use it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from archspec.atomic_files import resolved
from archspec.codegen.backend import Backend, BuildsModels, KnowsLimits, OffersArguments, PacksModels, SavesWeights
from archspec.codegen.simplify import fixed_params
from archspec.commands.shared import counted, left_out_text, parameters_text, saved_text, training_alone_text
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec.limits import WorkError
from archspec.reporting import plain

if TYPE_CHECKING:
    from archspec.weights import WeightsReport


def report_build(
    graph: LayerGraph,
    target: Backend,
    path: Path,
    arguments: argparse.Namespace,
    loaded: WeightsReport | None,
    weights: Path | None = None,
    *,
    checked: str,
    before: str,
    error: str,
    left_out: str = "",
) -> None:
    """What a user wants to know after a build."""
    rows = [
        ("parameters", parameters_text(graph)),
        ("MACs", f"{counted(graph.macs)} for an input of {graph.input_text}"),
        ("depth", f"{len(graph.weighted_path)} weighted layers on the longest path"),
        ("model" if isinstance(target, PacksModels) else "source", f"{path} ({checked})" if checked else str(path)),
    ]
    with suppress(WorkError):  # a model can be written that would take too long to write as source
        rows[3:3] = _fixed_rows(
            target.fixed_params(graph) if isinstance(target, OffersArguments) else fixed_params(graph)
        )
    if graph.training_outputs:
        more = graph.parameters - evaluated(graph).parameters
        fewer = f"{', '.join(graph.training_outputs)}: {more:,} of the parameters"
        rows.insert(-1, ("in training", fewer))
    if graph.training_form is not None:
        rows.insert(-1, ("inference", saved_text(graph, graph.training_form)))
        left_out = training_alone_text(graph)
    rows[-1:-1] = [("left out", found) for found in (left_out, left_out_text(graph)) if found]
    if isinstance(target, KnowsLimits):
        rows += [("limit", limit) for limit in target.limits(graph)]
    if weights is not None:
        rows.append(("weights", str(weights)))
    if loaded is not None:
        rows.append(("loaded", f"{len(loaded.loaded)} weights of {arguments.weights}"))
        rows += [("", note) for note in loaded.notes]
    if error:
        rows.append(("error", error))
    if before:
        rows.append(("replaced", before))
    print(plain(graph.title or graph.name))
    for name, value in rows:
        print(f"  {name:<11} {plain(value)}")
    if isinstance(target, BuildsModels):
        print()
        for line in _usage(graph, target, path, weights, arguments.dtype):
            print(f"  {line}")
    _report_partial(loaded.lists() if loaded else {}, arguments.weights)


def _report_partial(left_out: Mapping[str, Sequence[str]], weights: str) -> None:
    """Which weights of a file were not loaded."""
    for what, left in left_out.items():
        then = "not used" if what == "unexpected" else "drawn anew"
        print(f"\n{len(left)} {what} in {weights}, {then}:")
        print("\n".join(f"  {name}" for name in left))


def _usage(graph: LayerGraph, target: BuildsModels, path: Path, weights: Path | None, dtype: str | None) -> list[str]:
    """Lines that import the file, make the model, load its weights and call it."""
    if isinstance(target, PacksModels):
        return [*target.usage(graph, str(path), dtype=dtype or "float32")]
    if not path.stem.isidentifier() or path.suffix != ".py":
        return [f"{path.name} can be imported once its name is that of a Python module"]
    lines: list[str] = []
    module = path.stem
    if all(part.isidentifier() for part in path.parent.parts):
        module = ".".join((*path.parent.parts, path.stem))
    else:
        lines += ["import sys", f"sys.path.insert(0, {str(resolved(path.parent))!r})"]
    usage = list(target.usage(graph, module))
    if weights is not None and isinstance(target, SavesWeights):
        made = next((index for index, line in enumerate(usage) if line.startswith("model = ")), len(usage) - 2)
        usage.insert(made + 1, target.load_usage(str(weights)))
        if dtype not in (None, "float32"):
            usage.insert(made, target.dtype_usage(dtype))
    return [*lines, *usage]


def _fixed_rows(fixed: Mapping[str, str]) -> list[tuple[str, str]]:
    """The params that are no arguments of the source, those that decide the same together."""
    together: dict[str, list[str]] = {}
    for name, what in fixed.items():
        together.setdefault(what, []).append(name)
    lines = [
        f"{', '.join(names)}: " + (f"decides {what}" if len(names) == 1 else f"decide {what}")
        if what
        else f"{', '.join(names)}: nothing here follows from {'it' if len(names) == 1 else 'them'}"
        for what, names in together.items()
    ]
    if lines:
        lines[-1] += "; --set gives other values"
    return [("" if index else "fixed", line) for index, line in enumerate(lines)]
