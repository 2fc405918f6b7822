"""`train.py` of a plan."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from archspec.codegen.escaping import literal, one_line, quoted
from archspec.codegen.pretty_printer import INDENT, Bracket, Code, Infix, Keyword, lay_out
from archspec.codegen.render import render
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec.recipe import EarlyStopping, Ema, Plateau
from archspec.recipe.losses import CrossEntropy, TopK
from archspec.recipe.optimizers import SGD, Adam, AdamW, Lion, RMSprop
from archspec.recipe.sections import ClipNorm, ClipValue
from archspec.recipe.sources import Digits
from archspec.training.plan import TrainingPlan
from archspec.training.printing import ProgramModule, network_name, part, sources
from archspec.training.schedule_source import rate_source, takes_reduction
from archspec_keras.names import function_name
from archspec_keras.training_program.losses import loss_name, loss_source, metric_source
from archspec_keras.training_program.parameter_rules import decay_rule, frozen_rule, rate_rule
from archspec_keras.training_program.refusals import check, refused

_BUILDER: Final = "build_network"
_TEMPLATES: Final = ("callbacks", "metrics", "network", "optimizers", "train")
_TITLES: Final = {
    "callbacks": '"""What is done around the steps of `fit`."""',
    "checkpoints": '"""Weights, and what else a run goes on from, as arrays by their names."""',
    "devices": '"""What the network runs on."""',
    "failures": '"""What ends a run before its time."""',
    "metrics": '"""What is measured."""',
    "network": '"""The network as `fit` trains it."""',
    "optimizers": '"""The optimizer, which means what the recipe does."""',
}
_LIBRARIES: Final = (
    (
        "import argparse",
        "import math",
        "import sys",
        "import time",
        "from collections.abc import Callable, Iterator",
        "from contextlib import AbstractContextManager, nullcontext",
        "from functools import partial",
        "from pathlib import Path",
        "from typing import Any",
    ),
    ("import keras", "import numpy as np", "from keras import ops", "from numpy.typing import NDArray"),
)
"""All that a program may import, in the order of its imports; only what it mentions is printed."""
_MIXED: Final = {"bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


def write_program(graph: LayerGraph, plan: TrainingPlan) -> dict[str, str]:
    """The source of `train.py` and of the modules that it imports, by file name.

    Raises:
        BackendError: the plan asks for what the program cannot do (E0607).
    """
    check(graph, plan)
    optimizer = _OptimizerText(graph, plan)
    losses = [loss_source(loss, plan, graph, loss_name(loss, plan)) for loss in plan.losses]
    metrics = metric_source(plan, graph)
    kinds = {metric.name for metric in plan.metrics}
    splits = ["validation"] * (plan.data.validation is not None) + ["test"] * (plan.data.test is not None)
    several = len(plan.losses) > 1 or graph.gives_names or any(loss.loss.weight != 1.0 for loss in plan.losses)
    counting = ["ahead"] * any(isinstance(metric, TopK) for metric in plan.metrics)
    counting += ["confusion"] * bool(kinds & {"confusion", "mean_iou"})
    counting += ["mean_of"] * (several and any(loss.function for loss in losses))
    random = any(node.op.random for node in graph.nodes.values())
    devices = (
        ["devices"]
        + ["own_drops"] * random
        + ["synchronized"] * plan.sync_batch_norm
        + ["float64"] * (plan.precision == "float64")
    )
    values: dict[str, Any] = {
        "plan": plan,
        "rate": rate_source(plan),
        "reduction": ", self.plateau.reduction" if takes_reduction(plan) else "",
        "optimizer": optimizer,
        "optimizer_parts": _parts(optimizer.parts),
        "network_parts": _parts(counting),
        "metric_parts": _parts(["numbers"] + ["filled"] * bool(splits)),
        "callback_parts": _parts(["average"] * (plan.ema is not None)),
        "functions": [loss.function for loss in losses if loss.function],
        "frozen": frozen_rule(graph, plan.frozen_layers) if plan.frozen_layers else [],
        "drops": any(graph.nodes[path].op.random for path in plan.frozen_layers),
        "sum_of_losses": _sum_of_losses(graph, plan, [loss.value for loss in losses]) if several else [],
        "evaluated": _evaluated(graph) if graph.training_outputs else [],
        "compiling": _compiling("" if several else losses[0].value),
        "metrics": metrics,
        "random": random,
        "axes": _axes(graph, plan),
        "one_device": _one_device(plan),
        "builder": _BUILDER,
        "sizes": _sizes(plan),
        "best": _best(plan),
        "every": plan.checkpoint.every if plan.checkpoint else 1,
        "plateau": _plateau(plan.plateau) if takes_reduction(plan) and plan.plateau else [],
        "stopping": _stopping(plan.early_stopping) if plan.early_stopping else [],
        "ema": plan.ema,
        "average": _average(plan.ema) if plan.ema else [],
        "validation": plan.data.validation is not None,
        "final_split": "test" if plan.data.test else "validation" if plan.data.validation else "",
        "splits": splits,
        "telling": next((metric.label for metric in plan.metrics if metric.single), "loss"),
        "precision": _precision(plan.precision),
        "parser": _parser(plan),
    }
    bodies = {each: render("archspec_keras", f"training/{each}.py.j2", **values) for each in _TEMPLATES}
    bodies |= {"checkpoints": "\n\n\n".join(_parts(["states"])), "failures": "\n\n\n".join(_parts(["failures"]))}
    bodies["devices"] = "\n\n\n".join(_parts(devices))
    name, imported = network_name(function_name(graph), _BUILDER, bodies["train"])
    bodies["train"] = render("archspec_keras", "training/train.py.j2", **values | {"builder": name})
    titles = {**_TITLES, "train": _title(graph, plan)}
    modules = {each: ProgramModule(titles[each], bodies[each].strip()) for each in (*sorted(_TITLES), "train")}
    return sources(modules, _LIBRARIES, imported)


def _parts(names: Iterable[str]) -> list[str]:
    return [part("archspec_keras.training_program.parts", name) for name in names]


def _title(graph: LayerGraph, plan: TrainingPlan) -> str:
    folder = "" if isinstance(plan.data.source, Digits) else " --data DIR"
    return (
        f'"""Trains {graph.name} by the recipe {plan.name}.\n\n    python train.py{folder}\n\n'
        'On TensorFlow, JAX or PyTorch, as KERAS_BACKEND says; --help says what else there is.\n"""'
    )


def _axes(graph: LayerGraph, plan: TrainingPlan) -> str:
    """The argument that says how many axes the losses of an example have; empty where it has one loss."""
    output = graph.types[plan.losses[0].path]
    return f", {len(output.sizes) - 1}" if output.is_spatial else ""


def _sizes(plan: TrainingPlan) -> str:
    """The argument that leaves sizes open, where they are others in evaluation than in training; else empty."""
    if not plan.data.sizes_differ:
        return ""
    return f"input_size=({', '.join(['None'] * (len(plan.data.training_shape) - 1))})"


def _one_device(plan: TrainingPlan) -> str:
    """What of the recipe cannot be done on several devices; empty if nothing."""
    if plan.accumulate > 1:  # TensorFlow cannot add up gradients of devices under a condition
        return "accumulate"
    left_out = any(isinstance(loss.loss, CrossEntropy) and loss.loss.ignore is not None for loss in plan.losses)
    return "a loss that leaves a class out" if left_out else ""  # devices have different counts of what is left


def _compiling(loss: str) -> list[str]:
    arguments = [Keyword("loss", loss)] if loss else []
    call = Bracket("network.compile", ("optimizer", *arguments, Keyword("jit_compile", "compiled")))
    return lay_out(call, 1)


def _parser(plan: TrainingPlan) -> list[str]:
    description = quoted(one_line(plan.title or plan.name))
    return lay_out(Bracket("argparse.ArgumentParser", (Keyword("description", description),)), 1, "parser = ")


class _OptimizerText:
    """The optimizer as source: the parts that it is made of, and the call that makes it."""

    def __init__(self, graph: LayerGraph, plan: TrainingPlan) -> None:
        kind, rule_parts, arguments = _rule(plan)
        self.parts = list(rule_parts)
        self.rules: list[str] = []
        bases: list[str] = []
        if {group.rate for group in plan.groups} != {1.0}:
            bases.append("LayerRates")
            self.parts.append("layer_rates")
            self.rules.append(rate_rule(graph, plan.groups))
            arguments.append(Keyword("rate_factor", "rate_factor"))
        if any(group.decay for group in plan.groups):
            bases.append("CoupledDecay" if plan.coupled else "DecoupledDecay")
            self.parts.append("coupled_decay" if plan.coupled else "decoupled_decay")
            self.rules.append(decay_rule(graph, plan.groups))
            arguments.append(Keyword("decay", "decay"))
        match plan.clip:
            case ClipNorm(most=most):
                arguments.append(Keyword("global_clipnorm", literal(most)))
            case ClipValue(most=most):
                arguments.append(Keyword("clipvalue", literal(most)))
            case None:
                pass
            case _:
                raise refused(f"the clipping `{plan.clip.name}`", "write `norm` or `value`")
        if plan.clip is not None:
            bases.append("WholeClipping")
            self.parts.append("whole_clipping")
        if plan.accumulate > 1:
            arguments.append(Keyword("gradient_accumulation_steps", "PARTS"))
        self.bases = [*bases, kind] if bases else []
        rate = literal(float(plan.optimizer.learning_rate))
        self.call = lay_out(Bracket("Optimizer" if bases else kind, (rate, *arguments)), 1, "optimizer = ")


def _rule(plan: TrainingPlan) -> tuple[str, list[str], list[Any]]:
    """The class of an optimizer, its parts, and its arguments."""
    optimizer = plan.optimizer
    match optimizer:
        case SGD():
            part_name, arguments = _momentum(optimizer.momentum, optimizer.nesterov)
            return "SGD", [part_name], arguments
        case Adam() | AdamW():
            arguments = _arguments(optimizer, "beta1", "beta2", "epsilon")
            if optimizer.epsilon_added == "before_correction":
                arguments.append(Keyword("before_correction", "True"))
            return "Adam", ["adam"], arguments
        case RMSprop():
            part_name, arguments = _momentum(optimizer.momentum, nesterov=False)
            own = "rmsprop_centered" if optimizer.centered else "rmsprop"
            return "RMSprop", [part_name, own], [*_arguments(optimizer, "rho", "epsilon"), *arguments]
        case Lion():
            return "Lion", ["lion"], _arguments(optimizer, "beta1", "beta2")
        case _:
            raise refused(f"the optimizer `{optimizer.name}`", "write one that docs/recipes.md has")


def _momentum(momentum: float, nesterov: bool) -> tuple[str, list[Any]]:
    if not momentum:
        return "sgd", []
    return "sgd_nesterov" if nesterov else "sgd_momentum", [Keyword("momentum", literal(float(momentum)))]


def _arguments(item: Any, *names: str) -> list[Any]:
    return [Keyword(name, literal(getattr(item, name))) for name in names]


def _sum_of_losses(graph: LayerGraph, plan: TrainingPlan, values: list[str]) -> list[str]:
    """The lines that return the loss. What are functions of ours get Keras's mean over the batch."""
    terms: list[tuple[str, Code]] = []
    for loss, value in zip(plan.losses, values, strict=True):
        weight = f"{loss.loss.weight!r} * " if loss.loss.weight != 1.0 else ""
        made = value if value.endswith(")") else f"MeanOf({value})"
        output = f"y_pred[{quoted(loss.output)}]" if graph.gives_names else "y_pred"
        terms.append((loss.output, Bracket(f"{weight}{made}", ("y", output, "sample_weight"))))
    # The weights of others get a gradient, which is 0: TensorFlow's would otherwise be none.
    without = [name for name in graph.outputs if name not in {loss.output for loss in plan.losses}]
    terms += [(name, f"0 * ops.sum(y_pred[{quoted(name)}])") for name in without]
    more = [term for name, term in terms if name in graph.training_outputs]
    always = tuple(term for name, term in terms if name not in graph.training_outputs)
    sum = always[0] if len(always) == 1 else Infix("+", always)
    if not more:
        return lay_out(sum, 2, "return ")
    return [
        *lay_out(sum, 2, "loss = "),
        f"{INDENT * 2}if {quoted(graph.training_outputs[0])} not in y_pred:  # in evaluation",
        f"{INDENT * 3}return loss",
        *lay_out(Infix("+", ("loss", *more)), 2, "return "),
    ]


def _evaluated(graph: LayerGraph) -> list[str]:
    """The lines that return what the network gives in evaluation, of what it gives in training."""
    kept = evaluated(graph).outputs
    pairs = tuple(f"{quoted(name)}: outputs[{quoted(name)}]" for name in kept)
    return lay_out(Bracket("", pairs, "{", "}"), 2, "return ")


def _best(plan: TrainingPlan) -> str:
    """The number by which weights are the best; empty where none are kept."""
    if plan.checkpoint is not None:
        return plan.checkpoint.best
    stopping = plan.early_stopping
    return stopping.watch if stopping is not None and stopping.restore_best else ""


def _plateau(plateau: Plateau) -> list[str]:
    arguments = _arguments(plateau, "factor", "patience", "cooldown", "threshold", "threshold_mode")
    return lay_out(Bracket("Plateau", (quoted(plateau.watch), *arguments)), 2, "self.plateau = ")


def _stopping(stopping: EarlyStopping) -> list[str]:
    arguments = _arguments(stopping, "patience", "threshold", "threshold_mode", "start")
    return lay_out(Bracket("EarlyStopping", (quoted(stopping.watch), *arguments)), 2, "self.stopping = ")


def _average(ema: Ema) -> list[str]:
    """The lines that move the average after a step."""
    moves = f"self.step % {ema.every} == 0" if ema.every > 1 else ""
    if not ema.start:
        return [f"if {moves}:", "    self.average.move(self.model)"] if moves else ["self.average.move(self.model)"]
    lines = [
        f"if self.step <= {ema.start} * self.epoch_steps:  # a copy until then, made when it is needed",
        "    if ends or self.step % self.epoch_steps == 0:",
        "        self.average.copy(self.model)",
    ]
    return [*lines, f"elif {moves}:" if moves else "else:", "    self.average.move(self.model)"]


def _precision(precision: str) -> list[str]:
    if precision == "float64":
        return ["allow_float64()"]
    return [f"keras.config.set_dtype_policy({quoted(_MIXED[precision])})"] if precision in _MIXED else []
