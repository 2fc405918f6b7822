"""`archspec tune`: the fastest way to run a network here."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

from archspec.analysis.tables import Table, to_text
from archspec.api import FORMS, Form, form_of
from archspec.atomic_files import write_bytes
from archspec.bench.contenders import Contender
from archspec.bench.report import as_numbers, processor
from archspec.bench.task import TOLERANCES
from archspec.bench.tuning import ENGINES, Trial, Tuning, no_time, tune
from archspec.build_output import artifact
from archspec.codegen.backend import PacksModels, SavesWeights
from archspec.codegen.registry import backend
from archspec.commands.shared import (
    FAILED,
    OK,
    add_force,
    add_spec,
    add_weights,
    check_weights_usage,
    compiled,
    name_list,
    positive,
    taken,
    usage_error,
)
from archspec.digests import check_writable, with_digest
from archspec.initialization import draw
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec.reporting import plain

EXAMPLES: Final = (
    "archspec tune resnet50 --batch 8 --budget 120 --weights resnet50.safetensors",
    "archspec tune mobilenet_v2 --engines torch,onnx:openvino,onnx:onnxruntime",
)
"""What its help shows."""

_WRITTEN_BY: Final = {"onnx:openvino": "openvino"}
"""The backend that writes what an engine runs, where that is another than the one that it is measured by."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `tune`."""
    parser.description = (
        "Try a network and its form for inference on engines, with what layouts and compilers they have, measure the "
        "fastest in turn until the time is over, and write the one that won, the measurements beside it."
    )
    add_spec(parser)
    parser.add_argument("--batch", metavar="N", type=positive, default=1, help="inputs of a batch (1)")
    parser.add_argument("--budget", metavar="SECONDS", type=positive, default=120, help="for all of it (120)")
    parser.add_argument(
        "--engines",
        metavar="NAME,...",
        type=name_list,
        help=f"as for bench; the first is the measure (as far as installed: {', '.join(ENGINES)})",
    )
    parser.add_argument("--dtype", choices=tuple(TOLERANCES), default="float32", help="(float32)")
    parser.add_argument("--threads", metavar="N", type=positive, help="of each framework (as it chooses)")
    add_weights(parser, "the network's weights, as it is trained; drawn by seed 0 if not given")
    parser.add_argument("-o", "--output", metavar="FOLDER", type=Path, help="(generated/tuned)")
    add_force(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how errors and results are shown")


def run_tune(arguments: argparse.Namespace) -> int:
    """Try, measure, write, and say what won."""
    check_weights_usage(arguments)
    graph = evaluated(compiled(arguments.spec, arguments))  # what training alone needs is not run
    engines = _engines(arguments)
    folder = arguments.output or Path("generated") / "tuned"
    notes = folder / f"{graph.name}.tuning.json"
    for path in (notes, *(_path(folder, graph, one, form) for one in engines for form in FORMS)):
        check_writable(path, force=arguments.force)  # whoever wins
    weights = draw(graph, 0) if arguments.weights is None else taken(arguments, graph)[0]
    result = tune(
        graph,
        engines,
        batch=arguments.batch,
        budget=arguments.budget,
        weights=weights,
        dtype=arguments.dtype,
        threads=arguments.threads,
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )
    files: list[Path] = []
    if ranking := result.ranking:
        winner = ranking[0].candidate
        form = form_of(graph, winner.form)
        path = _path(folder, graph, winner.contender, winner.form)
        fitted = form.weights_of_form(weights)
        target = _written_by(winner.contender)
        files = artifact(form, target, path, fitted, dtype=arguments.dtype, force=arguments.force)
    found = _as_dict(result, files)
    write_bytes(notes, with_digest((json.dumps(found, indent=2) + "\n").encode(), ".json"))
    if arguments.format == "json":
        print(json.dumps(found, indent=2))
    else:
        print("\n".join(_lines(result, [*files, notes])))
    return OK if result.ranking else FAILED


def _written_by(engine: Contender) -> str:
    """The backend that writes what an engine runs."""
    return _WRITTEN_BY.get(engine.label.partition("+")[0], engine.backend)


def _path(folder: Path, graph: LayerGraph, engine: Contender, form: Form) -> Path:
    """Where the network goes in a form that an engine runs; the form that is no other one has no name of its own."""
    name = graph.name if form_of(graph, form) is graph else f"{graph.name}_{form}"
    return folder / f"{name}{backend(_written_by(engine)).suffix}"


def _engines(arguments: argparse.Namespace) -> list[Contender]:
    found = [Contender.parse(text) for text in arguments.engines or ENGINES]
    if arguments.engines is None:
        missing = {one.label: why for one in found if (why := one.missing(arguments.dtype, training=False))}
        for label, why in missing.items():
            print(f"{label}: left out: {why}", file=sys.stderr)
        found = [one for one in found if one.label not in missing]
    for one in found:
        backend(one.backend, PacksModels if one.backend == "onnx" else SavesWeights)
    if not found:
        usage_error("no engine is installed: install one, as with `pip install torch`")
    return found


def _lines(result: Tuning, files: list[Path]) -> list[str]:
    graph = result.graph
    lines = [
        f"{plain(graph.name)}: a batch of {result.batch}, {graph.input_text}, {result.dtype}",
        f"{processor()}, {result.threads} threads; {result.spent:.0f} of {result.budget:.0f} seconds",
        "",
    ]
    ranking = result.ranking
    rows = tuple(_cells(result, trial) for trial in ranking)
    heads = ("candidate", "ms / batch", "first, s", "ratio", "95 % interval", "difference")
    lines += to_text(Table(heads, rows, "lrrrrr")).splitlines()
    untried = [trial.candidate.label for trial in result.trials if trial.untried]
    lines += [
        f"not ranked: {trial.candidate.label}: {trial.failed}"
        for trial in result.trials
        if trial.failed and not trial.untried
    ]
    if untried:
        lines.append(f"{no_time(result.budget)} (--budget gives more): {'; '.join(untried)}")
    if any(trial.ratio is None for trial in ranking):
        lines.append("without a ratio: slower at first than the finalists, and measured once")
    if not ranking:
        said = "nothing was ready in time and is ranked: the measurements alone are written (--budget gives more time)"
        return [*lines, "", said, *(f"  {path}" for path in files)]
    alone = len(ranking) == 1
    best = "all that was measured" if alone else "the fastest"
    lines += ["", f"{best} is {ranking[0].candidate.label}, for batches of {result.batch} alone"]
    return lines + [f"  {path}" for path in files]


def _cells(result: Tuning, trial: Trial) -> tuple[str, ...]:
    assert trial.times is not None
    compared = ("", "")
    if trial.ratio is not None:
        compared = (f"{trial.ratio.value:.3f}", f"{trial.ratio.low:.3f} to {trial.ratio.high:.3f}")
    apart = "" if trial.difference is None else f"{trial.difference:.1e}"
    return (trial.candidate.label, f"{trial.times.median * 1e3:.2f}", f"{trial.first:.1f}", *compared, apart)


def _as_dict(result: Tuning, files: list[Path]) -> dict[str, Any]:
    """All of it but the single steps, in seconds."""
    return {
        "network": result.graph.name,
        "batch": result.batch,
        "dtype": result.dtype,
        "budget": result.budget,
        "spent": result.spent,
        "machine": {
            "processor": processor(),
            "threads": result.threads,
            "flops": result.machine.flops,
            "bandwidth": result.machine.bandwidth,
        },
        "winner": result.ranking[0].candidate.label if result.ranking else None,
        "files": [path.name for path in files],
        "trials": [_trial(trial) for trial in result.trials],
    }


def _trial(trial: Trial) -> dict[str, Any]:
    found: dict[str, Any] = {
        "engine": trial.candidate.contender.label,
        "form": trial.candidate.form,
        "failed": trial.failed or None,
    }
    if trial.times is None:
        return found
    return {
        **found,
        "first": trial.first,
        "difference": None if trial.difference is None or trial.difference == float("inf") else trial.difference,
        "ratio": None if trial.ratio is None else trial.ratio.value,
        "interval": None if trial.ratio is None else [trial.ratio.low, trial.ratio.high],
        **as_numbers(trial.times),
    }
