"""The losses and metrics of a training plan, held against the network's outputs and the data's targets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from archspec.errors import Diagnostics, Note, did_you_mean
from archspec.ir.def_use import Node
from archspec.ir.graph import LayerGraph
from archspec.recipe import LossFunction, ResolvedRecipe
from archspec.recipe.losses import BinaryCrossEntropy, CrossEntropy, MeanSquaredError, TopK
from archspec.training.facts import DataFacts


@dataclass(frozen=True, slots=True)
class LossPlan:
    """A loss, and the output that it is of."""

    output: str
    """The output's name."""
    path: str
    """The layer that gives it."""
    loss: LossFunction
    in_training_alone: bool = False
    """Whether evaluation has no such output."""


def fit_losses(
    settings: ResolvedRecipe, graph: LayerGraph, facts: DataFacts, found: Diagnostics
) -> tuple[LossPlan, ...]:
    """The losses by output, those of training alone last; what does not fit is noted."""
    outputs = graph.outputs
    if "" in settings.losses:
        if len(outputs) > 1:
            names = ", ".join(outputs)
            message = f"{graph.name} has {len(outputs)} outputs ({names}), and the recipe one loss"
            word = settings.losses[""].name
            auxiliary = f"{{{word}: {{weight: 0.3}}}}"
            example = ", ".join(f"{name}: {auxiliary if name in graph.training_outputs else word}" for name in outputs)
            found.error("E0902", message, settings.place("loss"), help=f"write `losses: {{{example}}}`")
            return ()
        name, path = next(iter(outputs.items()))
        pairs = {name: (path, settings.losses[""], "loss")}
    else:
        pairs = {}
        for name, loss in settings.losses.items():
            if name in outputs:
                pairs[name] = (outputs[name], loss, f"losses.{name}")
            else:
                message = f"{graph.name} has no output `{name[:80]}`"
                where = settings.recipe.entry_place("losses", name)
                found.error("E0902", message, where, help=did_you_mean(name, outputs))
    plans: list[LossPlan] = []
    for name, (path, loss, place) in pairs.items():
        _fit(name, path, loss, place, settings, graph, facts, found)
        plans.append(LossPlan(name, path, loss, name in graph.training_outputs))
    plans.sort(key=lambda plan: plan.in_training_alone)
    if plans and plans[0].in_training_alone:
        message = f"the recipe has losses of what {graph.name} gives in training alone, and no other"
        measured = [name for name in outputs if name not in graph.training_outputs]
        help = f"give a loss for what is measured, too: {', '.join(f'`{name}`' for name in measured)}"
        found.error("E0902", message, settings.place("losses"), help=help)
    return tuple(plans)


def ends_in(graph: LayerGraph, path: str) -> Node:
    """The layer that decides what the numbers of an output are: reshaping ones are passed over."""
    node = graph.nodes[path]
    while node.op.view and len(node.inputs) == 1:
        node = graph.nodes[node.inputs[0].partition(":")[0]]
    return node


PROBABILITIES: Final[Mapping[type[LossFunction], tuple[str, ...]]] = {
    CrossEntropy: ("softmax",),
    BinaryCrossEntropy: ("sigmoid", "softmax"),
}
"""What an output ends in that gives the probabilities which a loss takes."""


def _fit(
    name: str,
    path: str,
    loss: LossFunction,
    place: str,
    settings: ResolvedRecipe,
    graph: LayerGraph,
    facts: DataFacts,
    found: Diagnostics,
) -> None:
    type = graph.types[path]
    notes = (Note(f"{path} gives {type.text}", graph.nodes[path].span),)

    def error(message: str, help: str = "", code: str = "E0902") -> None:
        found.error(code, message, settings.place(place), notes=notes, help=help)

    if isinstance(loss, CrossEntropy | BinaryCrossEntropy) and loss.of == "probabilities":
        words = PROBABILITIES[loss.__class__]
        last = ends_in(graph, path)
        if last.op.name not in words:
            message = f"`{loss.name}` takes probabilities, and the output `{name}` ends in {last.op.name}"
            error(message, "write `of: logits`, or end the network in a softmax")
    if facts.targets == "numbers":
        shape = facts.target_shape or (1,)
        if not isinstance(loss, MeanSquaredError):
            error(f"the targets are numbers, and `{loss.name}` takes classes", "write `mean_squared_error`")
        elif type.sizes != shape:
            error(f"a target has {math.prod(shape):,} numbers, and the output `{name}` {math.prod(type.sizes):,}")
        return
    maps = facts.targets == "maps"
    if maps != type.is_spatial:
        what = "a class for each place" if maps else "a class for each example"
        error(f"the targets are {what}, and the output `{name}` is {type.text}", "train another network, or other data")
        return
    if maps and facts.target_shape and type.sizes[1:] != facts.target_shape:
        sizes = "x".join(str(size) for size in facts.target_shape)
        error(f"a target is a map of {sizes}, and the output `{name}` is {type.text}", "resize the maps, or the images")
        return
    if facts.classes is None or type.sizes[0] == facts.classes:
        return
    if isinstance(loss, BinaryCrossEntropy) and type.sizes[0] == 1 and facts.classes == 2:
        return
    message = f"{facts.have} {facts.classes:,} classes, and the output `{name}` is of {type.sizes[0]:,}"
    params = [param.name for param in graph.params if param.value == type.sizes[0] and "class" in param.name]
    help = f"build the network with --set {params[0]}={facts.classes}" if len(params) == 1 else ""
    error(message, help, "E0901")


def fit_metrics(settings: ResolvedRecipe, facts: DataFacts, found: Diagnostics) -> None:
    """Metrics are of classes, and a class is among fewer than all of them."""
    for index, metric in enumerate(settings.metrics):
        place = settings.place(f"metrics.{index}")
        if facts.targets == "numbers":
            message = f"the targets are numbers, and `{metric.name}` is of classes"
            found.error("E0904", message, place, help="leave it out: the loss is measured")
        elif isinstance(metric, TopK) and facts.classes is not None and metric.k >= facts.classes:
            message = f"there are {facts.classes} classes, and the right one is always among {metric.k}"
            found.error("E0904", message, place, help="write a smaller number, or `accuracy`")
