"""What is said of weights that do not fit a network: what differs, the likely cause, and the option that helps."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Final

from archspec.errors import Diagnostic, Note, WeightsError, nearest
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec.weights.adaptation import missing_head, other_channels, possible
from archspec.weights.deciding_params import deciding_params
from archspec.weights.report import WeightsReport, notes_of
from archspec.weights.tensors import MAPPING, LazyTensor
from archspec.weights.translation import in_order

_SHOWN: Final = 4
_LOOKED_AT: Final = 64
"""Weights whose names are compared: each with each."""


def unfit(
    graph: LayerGraph, given: Mapping[str, LazyTensor], report: WeightsReport, wrong: Mapping[str, list[str]], help: str
) -> WeightsError:
    """The error of weights that do not fit.

    Args:
        graph: the network.
        given: the file's tensors, by the network's names where they have them.
        report: how they differ.
        wrong: the tensors whose numbers cannot be weights, by why.
        help: what may help, where it is known already.
    """
    message = f"the weights do not fit {graph.name}"
    notes = tuple(notes_of({**wrong, **report.lists()}))
    if pairs := _alike(graph, given, report):
        notes = (*notes, Note(f"of the same shape, by the nearest names: {', '.join(pairs)}"))
    if any("quantized" in reason for reason in wrong):
        help = "give the weights as they were before they were quantized, or dequantize them"
    return WeightsError(Diagnostic("E0702", message, notes=notes, help=help or _hint(graph, given)))


def _alike(graph: LayerGraph, given: Mapping[str, LazyTensor], report: WeightsReport) -> list[str]:
    """The first weights that are missing, each with the tensor of its shape that has the nearest name."""
    found: list[str] = []
    for name in report.missing[:_LOOKED_AT]:
        shape = graph.all_weights[name].shape
        alike = [other for other in report.unused[:_LOOKED_AT] if given[other].shape == shape]
        if alike and len(found) < _SHOWN:
            best = max(alike, key=lambda other: SequenceMatcher(None, name, other).ratio())
            found.append(f"`{name}` may be `{best}`")
    return found


def _hint(graph: LayerGraph, given: Mapping[str, LazyTensor]) -> str:
    """The likely cause, where one explains everything."""
    wanted = graph.all_weights
    nested = next((name for name, tensor in given.items() if tensor.kind == MAPPING), None)
    if nested is not None:
        example = f", such as `{next(iter(wanted))}`" if wanted else ""
        return (
            f"`{nested}` is a mapping: give arrays by their whole names{example}; of a checkpoint, the mapping of these"
        )
    if not given.keys() & wanted.keys() and in_order(given, graph) is not None:
        return (
            "numbers and shapes are those of the network in its order: `--map order` (map='order' in Python) takes them"
        )
    if given.keys() != wanted.keys():
        missing = [name for name in wanted if name not in given]
        if missing and graph.training_outputs and not {*missing} & evaluated(graph).all_weights.keys():
            return "they are of outputs of training alone: --for inference needs none of them, and --partial draws them"
        if missing_head(given, graph):
            return "the file has no head: `--adapt head` (adapt=['head'] in Python) draws it anew"
        fitting = [name for name in given if len(missing) == 1 and given[name].shape == wanted[missing[0]].shape]
        match = nearest(missing[0], set(fitting) - wanted.keys()) if fitting else None
        return f"is `{match}` meant to be `{missing[0]}`?" if match else ""
    if word := _shape_of_factors(graph, given):
        return f"the file keeps the factors of `scale` in another shape: write `shape: {word}`"
    odd = {
        (name, axis): (size, other)
        for name, weight in wanted.items()
        if len(given[name].shape) == len(weight.shape)
        for axis, (size, other) in enumerate(zip(weight.shape, given[name].shape, strict=True))
        if size != other
    }
    hints: list[str] = []
    if len({*odd.values()}) == 1:
        size, other = next(iter(odd.values()))
        deciding = frozenset.intersection(*(deciding_params(graph, name, axis) for name, axis in odd))
        hints += [
            f"the file may be of a network with --set {param.name}={other}"
            for param in graph.params
            if param.value == size and param.name in deciding
        ]
    if forms := possible(given, graph):
        options = " ".join(f"--adapt {form}" for form in forms)
        hints.append(f"{options} makes them fit (adapt={forms!r} in Python)")
    if channels := other_channels(given, graph):
        hints.append(f"the file's network takes {channels} channels: a spec that extends this one says it in `input`")
    return "; ".join(hints)


def _shape_of_factors(graph: LayerGraph, given: Mapping[str, LazyTensor]) -> str:
    """The `shape` of a `scale` that the file's has, if nothing but that keeps it from fitting; else nothing."""
    wrong = [name for name, weight in graph.all_weights.items() if given[name].shape != weight.shape]
    found: set[str] = set()
    for name in wrong:
        weight, shape = graph.all_weights[name], given[name].shape
        alike = [size for size in shape if size != 1] == [size for size in weight.shape if size != 1]
        is_other = len(shape) != len(weight.shape) and 1 in (len(shape), len(weight.shape))
        if graph.nodes[weight.layer_of(name)].op.name != "scale" or not alike or not is_other:
            return ""
        found.add("channels" if len(shape) == 1 else "broadcast")
    return found.pop() if len(found) == 1 else ""
