"""What networks cost as tables: one by stage, or several side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from archspec.analysis.counting import Counts, NetworkCounts
from archspec.analysis.number_format import counted, sized
from archspec.analysis.tables import Table
from archspec.analysis.tables import to_markdown as table_to_markdown
from archspec.analysis.tables import to_text as table_to_text
from archspec.ir.tensor_type import shape_text

NOTE: Final = (
    "MACs are the multiply-adds of convolutions, dense layers and attention for one example; FLOPs = 2 x MACs.\n"
    "Activations are the numbers that all layers compute; of weighted layers, those that convolutions, dense layers\n"
    "and attention do. Weight bytes are those of parameters and buffers (running statistics) in {dtype}."
)
_HEADS: Final = ("parameters", "buffers", "MACs", "FLOPs", "activations", "of weighted layers", "weight bytes")


def to_text(network: NetworkCounts) -> str:
    """What `print` shows of a network's counts."""
    return table_to_text(by_stage(network)).rstrip("\n")


def to_markdown(network: NetworkCounts) -> str:
    """What a notebook shows of them."""
    return table_to_markdown(by_stage(network))


def by_stage(network: NetworkCounts, dtype: str = "float32") -> Table:
    """A row for each stage, and one for all; `dtype` is that of the weight bytes."""
    rows = [(stage.name, shape_text(stage.shape), *_figures(stage.counts, dtype)) for stage in network.stages]
    rows.append(("total", "", *_figures(network.total, dtype)))
    if network.in_training is not None:
        rows.append(("total in training", "", *_figures(network.in_training, dtype)))
    inputs = ", ".join(map(shape_text, network.inputs))
    title = f"{network.title or network.name}: input {inputs}, depth {network.depth}"
    foot = 1 if network.in_training is None else 2
    return Table(("stage", "output", *_HEADS), tuple(rows), "lr" + "r" * len(_HEADS), title, foot=foot)


def in_all(networks: Sequence[NetworkCounts], dtype: str = "float32") -> Table:
    """A row for each network, and one more for each that gives more outputs in training."""
    rows = tuple(
        (name, ", ".join(map(shape_text, network.inputs)), str(network.depth), *_figures(counts, dtype))
        for network in networks
        for name, counts in ((network.name, network.total), (f"{network.name} in training", network.in_training))
        if counts is not None
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
