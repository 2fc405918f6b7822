"""What commands share that read recipes."""

from __future__ import annotations

import argparse

from archspec.api import compile
from archspec.commands.shared import limits, params, read_spec
from archspec.errors import Diagnostic
from archspec.recipe import ResolvedRecipe, Share, load, resolve
from archspec.reporting import one_line
from archspec.training.facts import known_facts
from archspec.training.linter import lint
from archspec.training.plan import plan_of


def checked(name: str, arguments: argparse.Namespace) -> tuple[ResolvedRecipe, list[Diagnostic], str]:
    """A recipe's values, what the linter says of it, and what else is to be said of the check.

    With `--network` the recipe is held against that network, as far as the form of its data says what they are.

    Raises:
        SpecError: the recipe or the network is wrong, or they do not fit.
    """
    settings = resolve(load(name, params(arguments.params), limits=limits(arguments.limits), root=arguments.root))
    if arguments.network is None:
        return settings, lint(settings), ""
    graph = compile(read_spec(arguments.network, {}, None, None))
    facts, data = known_facts(settings.data.source), settings.data
    if facts is None or (isinstance(data.validation, Share) and not facts.tells(data.train, data.validation)):
        command = f"archspec train {one_line(arguments.network)}"
        note = f"; whether it fits {graph.name} is seen once its data are: `{command}`"
        return settings, lint(settings), note
    plan = plan_of(settings, graph, facts)
    note = f"; with {graph.name}: {plan.epochs:,} epochs of {plan.steps_per_epoch:,} steps, {plan.steps:,} in all"
    return settings, list(plan.findings), note


def findings(path: str, network: str) -> list[Diagnostic]:
    """What is wrong with a recipe, or doubtful; held against a network, if one is named.

    Raises:
        SpecError: the recipe or the network is wrong, or they do not fit.
    """
    none: list[str] = []
    arguments = argparse.Namespace(params=none, limits=none, root=None, network=network or None)
    return checked(path, arguments)[1]


def summary(settings: ResolvedRecipe) -> str:
    """A recipe in a few words."""
    length = f"{settings.epochs:,} epochs" if settings.epochs is not None else f"{settings.steps:,} steps"
    return f"{settings.data.source.name}, {settings.optimizer.name}, batches of {settings.batch:,}, {length}"
