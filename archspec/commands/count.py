"""`archspec count`: what networks cost. No framework is imported."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from typing import Final

from archspec.analysis.counting import DTYPE_BYTES, Counts, NetworkCounts, count
from archspec.analysis.numbers import counted, sized
from archspec.analysis.paper import paper_dict, paper_table
from archspec.analysis.tables import Table, to_latex, to_markdown, to_text
from archspec.commands.shared import OK, add_set, compiled
from archspec.ir.graph import LayerGraph
from archspec.ir.op import shape_text

RENDER: Final[dict[str, Callable[[Table], str]]] = {"text": to_text, "markdown": to_markdown, "latex": to_latex}

NOTE: Final = (
    "MACs are the multiply-adds of convolutions, dense layers and attention for one example; FLOPs = 2 x MACs.\n"
    "Activations are the numbers that all layers compute; of weighted layers, those that convolutions, dense layers\n"
    "and attention do. Weight bytes are those of parameters and buffers (running statistics) in {dtype}."
)

_HEADS: Final = ("parameters", "buffers", "MACs", "FLOPs", "activations", "of weighted layers", "weight bytes")


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `count`."""
    parser.add_argument("specs", nargs="+", metavar="spec", help="paths, or bare names of specs that ship")
    add_set(parser)
    parser.add_argument(
        "--form",
        choices=("stages", "totals", "paper"),
        help="by stage, in all, or as in the ResNet paper's Table 1 (stages; for several specs totals)",
    )
    parser.add_argument("--dtype", choices=tuple(DTYPE_BYTES), default="float32", help="of the weight bytes (float32)")
    parser.add_argument("--format", choices=("text", "markdown", "latex", "json"), default="text", help="(text)")


def run(arguments: argparse.Namespace) -> int:
    """Count each spec, and show them side by side."""
    graphs = [compiled(spec, arguments) for spec in arguments.specs]
    form: str = arguments.form or ("stages" if len(graphs) == 1 else "totals")
    if arguments.format == "json":
        data = paper_dict(graphs) if form == "paper" else [count(graph).as_dict(arguments.dtype) for graph in graphs]
        print(json.dumps(data, indent=2))
        return OK
    print("\n".join(map(RENDER[arguments.format], tables(graphs, form, arguments.dtype))), end="")
    if arguments.format == "text" and form != "paper":
        print(f"\n{NOTE.format(dtype=arguments.dtype)}")
    return OK


def tables(graphs: Sequence[LayerGraph], form: str, dtype: str) -> list[Table]:
    """The tables of a form: one for each network by stage, else one for all."""
    if form == "paper":
        return [paper_table(graphs)]
    found = [count(graph) for graph in graphs]
    return [_stages(network, dtype) for network in found] if form == "stages" else [_totals(found, dtype)]


def _stages(network: NetworkCounts, dtype: str) -> Table:
    rows = [(stage.name, shape_text(stage.shape), *_figures(stage.counts, dtype)) for stage in network.stages]
    rows.append(("total", "", *_figures(network.total, dtype)))
    inputs = ", ".join(map(shape_text, network.inputs))
    title = f"{network.title or network.name}: input {inputs}, depth {network.depth}"
    return Table(("stage", "output", *_HEADS), tuple(rows), "lr" + "r" * len(_HEADS), title, foot=1)


def _totals(networks: Sequence[NetworkCounts], dtype: str) -> Table:
    rows = tuple(
        (
            network.name,
            ", ".join(map(shape_text, network.inputs)),
            str(network.depth),
            *_figures(network.total, dtype),
        )
        for network in networks
    )
    return Table(("network", "input", "depth", *_HEADS), rows, "lrr" + "r" * len(_HEADS))


def _figures(counts: Counts, dtype: str) -> tuple[str, ...]:
    return (
        f"{counts.parameters:,}",
        f"{counts.buffers:,}",
        counted(counts.macs),
        counted(counts.flops),
        counted(counts.activations),
        counted(counts.weighted_activations),
        sized(counts.weight_bytes(dtype)),
    )
