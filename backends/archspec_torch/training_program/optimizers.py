"""The optimizer of a plan as lines of PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archspec.codegen.escaping import literal
from archspec.codegen.pretty_printer import call, lay_out
from archspec.ir.graph import LayerGraph
from archspec.recipe.optimizers import SGD, Adam, AdamW, Lion, RMSprop
from archspec.training.plan import TrainingPlan
from archspec.training.schedule_source import takes_reduction
from archspec_torch.training_program.groups import common, groups_source
from archspec_torch.training_program.refusals import refused


@dataclass(frozen=True, slots=True)
class OptimizerSource:
    """How the optimizer is made and set."""

    parts: Sequence[str]
    """The parts that it needs."""
    groups: str
    """The function `parameter_groups`, or nothing."""
    making: Sequence[str]
    """The body of `make_optimizer`."""
    setting: Sequence[str]
    """Lines before each step."""


def optimizer_source(plan: TrainingPlan, graph: LayerGraph) -> OptimizerSource:
    """The optimizer of a plan; PyTorch's own, where it means the same."""
    optimizer = plan.optimizer
    decays = any(group.decay for group in plan.groups)
    decoupled = decays and not plan.coupled
    keywords = {"lr": literal(optimizer.learning_rate)}
    parts: list[str] = []
    key, setting = "weight_decay", []
    match optimizer:
        case SGD():
            name = "torch.optim.SGD"
            if optimizer.momentum:
                keywords["momentum"] = literal(optimizer.momentum)
            if optimizer.nesterov:
                keywords["nesterov"] = "True"
            if decoupled:
                name, key, parts = "DecoupledSGD", "decay", ["decoupled_sgd"]
        case Adam() | AdamW():
            name = "torch.optim.AdamW" if decoupled else "torch.optim.Adam"
            keywords["betas"] = f"({literal(optimizer.beta1)}, {literal(optimizer.beta2)})"
            if optimizer.epsilon_added == "after_correction":
                keywords["eps"] = literal(optimizer.epsilon)
            else:  # PyTorch divides the root by the correction before it adds epsilon
                correction = f"math.sqrt(1 - {literal(optimizer.beta2)} ** (step + 1))"
                setting = [f'group["eps"] = {literal(optimizer.epsilon)} / {correction}  # added before correction']
        case RMSprop():
            name = "torch.optim.RMSprop"
            keywords |= {"alpha": literal(optimizer.rho), "eps": literal(optimizer.epsilon)}
            if optimizer.momentum:
                keywords["momentum"] = literal(optimizer.momentum)
            if optimizer.centered:
                keywords["centered"] = "True"
            if decoupled:
                name, key, parts = "DecoupledRMSprop", "decay", ["decoupled_rmsprop"]
        case Lion():
            name, parts = "Lion", ["lion"]
            keywords["betas"] = f"({literal(optimizer.beta1)}, {literal(optimizer.beta2)})"
            if decays and not decoupled:
                keywords["coupled"] = "True"
        case _:
            help = "write an optimizer that the page on recipes lists"
            raise refused(f"there is nothing to print for the optimizer `{optimizer.name}`", help)
    decay = common(group.decay for group in plan.groups)
    groups = groups_source(plan, graph, key)
    given = "network.parameters()"
    if groups:
        given = "parameter_groups(network)"
    elif plan.frozen:
        given = "[weight for weight in network.parameters() if weight.requires_grad]"
    if decay is not None and key == "decay":
        given = f'[{{"params": {given}, "decay": {literal(decay)}}}]' if not groups else given
        setting = [*setting, f'group["decay"] = {literal(decay)}'] if groups else setting
    elif decay:
        keywords["weight_decay"] = literal(decay)
    making = lay_out(call(name, given, **keywords), 1, "return ")
    factor = common(group.rate for group in plan.groups)
    scaled = 'now * group["factor"]' if factor is None else "now" if factor == 1.0 else f"now * {literal(factor)}"
    reduced = ", plateau.reduction" if takes_reduction(plan) else ""
    return OptimizerSource(
        parts,
        groups,
        [f'    """{_doc(plan, decays)}"""', *making],
        [
            f"now = rate(step{reduced})",
            "for group in optimizer.param_groups:",
            f'    group["lr"] = {scaled}',
            *(f"    {line}" for line in setting),
        ],
    )


def _doc(plan: TrainingPlan, decays: bool) -> str:
    name = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop", "lion": "Lion"}[plan.optimizer.name]
    if not decays:
        return f"{name}, whose rate is set before each step."
    how = "added to gradients" if plan.coupled else "taken from weights"
    return f"{name}, whose rate is set before each step; decay is {how}."
