"""The training plan: a recipe, a network and what is known of the data, made concrete. Backends print it.

Nothing in it is an expression, a default of a framework's, or a choice that is still open. `plan_of` makes it, and
refuses what does not fit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from archspec.errors import Diagnostic, Diagnostics, InternalError, SpecError
from archspec.ir.graph import LayerGraph
from archspec.recipe import (
    Checkpoint,
    Clip,
    EarlyStopping,
    Ema,
    Metric,
    Optimizer,
    Plateau,
    Recipe,
    ResolvedRecipe,
    Schedule,
    resolve,
)
from archspec.training.examples import DataPlan, fit_data
from archspec.training.facts import DataFacts
from archspec.training.groups import Groups, ParameterGroup, groups_of
from archspec.training.linter import Known, found_by
from archspec.training.losses import LossPlan, fit_losses, fit_metrics


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """All that a program for training is printed from, beside the network."""

    name: str
    title: str
    seed: int
    data: DataPlan
    losses: tuple[LossPlan, ...]
    """The first of them is the one whose output metrics are of."""
    optimizer: Optimizer
    groups: tuple[ParameterGroup, ...]
    """Every weight that is trained, once: with the decay and the factor of the rate that it has.

    Decay that the network's spec gives is in it; a program whose layers carry it, too, would give it twice.
    """
    coupled: bool
    """Whether decay is added to the gradient, or taken from the weights themselves times the rate."""
    frozen: tuple[str, ...]
    """The weights that do not change, by canonical name."""
    frozen_layers: tuple[str, ...]
    """The layers, by path, that are as in inference: their batch norms go by running statistics."""
    steps: int
    """How many steps the optimizer makes in all."""
    schedule: Schedule | None
    plateau: Plateau | None
    clip: Clip | None
    accumulate: int
    """In how many equal parts a batch is computed."""
    ema: Ema | None
    precision: str
    sync_batch_norm: bool
    metrics: tuple[Metric, ...]
    checkpoint: Checkpoint | None
    early_stopping: EarlyStopping | None
    findings: tuple[Diagnostic, ...] = field(default=(), compare=False)
    """What the linter says of it: warnings, with places in the recipe."""

    @property
    def steps_per_epoch(self) -> int:
        """How many steps the optimizer makes while all training examples are gone through once."""
        return self.data.batches

    @property
    def epochs(self) -> int:
        """How many epochs there are; the last may end early, where the recipe says `steps`."""
        return math.ceil(self.steps / self.steps_per_epoch)

    def rate(self, step: int, reduction: float = 1.0) -> float:
        """The optimizer's rate at a step, before a group's factor: a pure function.

        Args:
            step: which step, from 0.
            reduction: the product of all that the plateau has done so far; see `archspec.training.plateau`.
        """
        rate = self.optimizer.learning_rate * self.multiple(step)
        if self.plateau is None or self.plateau.overridden_by_schedule or reduction == 1.0:
            return rate
        return max(rate * reduction, min(rate, self.plateau.floor))

    def multiple(self, step: int) -> float:
        """What the schedule multiplies the rate by at a step, from 0."""
        schedule = self.schedule
        if schedule is None:
            return 1.0
        if schedule.by == "step":
            return schedule.multiple(float(step), float(self.steps))
        epoch = step / self.steps_per_epoch
        total = self.steps / self.steps_per_epoch
        return schedule.multiple(epoch if schedule.smooth else float(math.floor(epoch)), total)

    def rates(self) -> list[float]:
        """The rate at the first step of each epoch, as it is without a plateau."""
        return [self.rate(epoch * self.steps_per_epoch) for epoch in range(self.epochs)]


def plan_of(recipe: Recipe | ResolvedRecipe, graph: LayerGraph, facts: DataFacts) -> TrainingPlan:
    """The plan for training a network by a recipe.

    Args:
        recipe: what `archspec.recipe.load` gave, or what was worked out of it.
        graph: the network, compiled.
        facts: what is known of the data.

    Raises:
        SpecError: the recipe is wrong, or does not fit the network or the data: all of it, with places in the recipe.
        ValueError: the recipe keeps a share of each class, and the facts do not say how many there are of each.
    """
    settings = resolve(recipe) if isinstance(recipe, Recipe) else recipe
    found = Diagnostics()
    data = fit_data(settings, graph, facts, found)
    losses = fit_losses(settings, graph, facts, found)
    fit_metrics(settings, facts, found)
    groups = groups_of(settings, graph, found)
    found.raise_if_any(SpecError)
    if data is None:
        raise InternalError("the examples of a plan cannot be counted, and nobody said why")
    plan = _plan(settings, data, losses, groups)
    known = Known(graph, groups.groups, losses, data.examples["train"], plan.steps_per_epoch)
    return replace(plan, findings=tuple(found_by(settings, known)))


def _plan(settings: ResolvedRecipe, data: DataPlan, losses: tuple[LossPlan, ...], groups: Groups) -> TrainingPlan:
    steps = settings.steps if settings.steps is not None else (settings.epochs or 1) * data.batches
    return TrainingPlan(
        name=settings.recipe.name,
        title=settings.recipe.title,
        seed=settings.seed,
        data=data,
        losses=losses,
        optimizer=settings.optimizer,
        groups=groups.groups,
        coupled=groups.coupled,
        frozen=groups.frozen,
        frozen_layers=groups.frozen_layers,
        steps=steps,
        schedule=settings.schedule,
        plateau=settings.plateau,
        clip=settings.clip,
        accumulate=settings.accumulate,
        ema=settings.ema,
        precision=settings.precision,
        sync_batch_norm=settings.sync_batch_norm,
        metrics=settings.metrics,
        checkpoint=settings.checkpoint,
        early_stopping=settings.early_stopping,
    )
