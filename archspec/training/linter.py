"""The linter of recipes: what is allowed, and most likely not what was meant. Warnings, each with a fix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from archspec.errors import Diagnostic, Note
from archspec.ir.graph import LayerGraph
from archspec.recipe import ResolvedRecipe, Share
from archspec.recipe.losses import BinaryCrossEntropy, CrossEntropy
from archspec.recipe.schedules import ConstantRate
from archspec.recipe.settings import watched
from archspec.training.examples import batches
from archspec.training.facts import DataFacts, known_facts
from archspec.training.groups import ParameterGroup
from archspec.training.losses import LossPlan, ends_in

LINTS: Final = ("E0911", "E0912", "E0913", "E0914", "E0915", "E0916", "E0917", "E0918", "E0919", "E0920")
"""The codes of what it finds."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the linter knows beside the recipe; None is not known."""

    graph: LayerGraph | None = None
    groups: tuple[ParameterGroup, ...] = ()
    losses: tuple[LossPlan, ...] = ()
    training_examples: int | None = None
    steps_per_epoch: int | None = None


def lint(settings: ResolvedRecipe) -> list[Diagnostic]:
    """What can be said of a recipe alone, and of its data where their form says how many there are."""
    count = _known_examples(settings)
    steps = None if count is None else batches(count, settings.batch, settings.drop_last) or None
    return found_by(settings, Known(training_examples=count, steps_per_epoch=steps))


def found_by(settings: ResolvedRecipe, known: Known) -> list[Diagnostic]:
    """The findings in the order of their places."""
    checks = (
        *(_fight, _chosen_on_test, _decayed_twice, _other_meanings, _lonely, _two_softmaxes, _other_ends),
        *(_measured_on_training, _about_no_mean, _smooth_steps),
    )
    found = [finding for check in checks for finding in check(settings, known)]
    return sorted(found, key=lambda finding: (finding.span.line, finding.span.column) if finding.span else (0, 0))


def _known_examples(settings: ResolvedRecipe) -> int | None:
    facts: DataFacts | None = known_facts(settings.data.source)
    if facts is None or settings.data.train not in facts.examples:
        return None
    count, kept = facts.examples[settings.data.train], settings.data.validation
    if not isinstance(kept, Share):
        return count
    return count - facts.kept(settings.data.train, kept) if facts.tells(settings.data.train, kept) else None


def _warning(settings: ResolvedRecipe, code: str, message: str, place: str, help: str, *notes: Note) -> Diagnostic:
    return Diagnostic(code, message, settings.place(place), notes=notes, help=help, severity="warning")


def _fight(settings: ResolvedRecipe, known: Known) -> Iterator[Diagnostic]:
    if settings.plateau is None:
        return
    if settings.schedule is None:
        if settings.plateau.overridden_by_schedule:
            message = "a schedule is to override the plateau, and there is none: the plateau never acts"
            yield _warning(settings, "E0911", message, "plateau", "leave `overridden_by_schedule` out, and it acts")
        return
    note = Note("the schedule is here", settings.place("schedule"))
    if settings.plateau.overridden_by_schedule:
        message = "the schedule sets the rate anew at each epoch, so the plateau never acts"
        help = "leave the plateau out; or write `overridden_by_schedule: false`, and both act"
    else:
        message = "the schedule and the plateau both change the rate: it is the schedule's times all reductions"
        help = "leave one of them out"
    yield _warning(settings, "E0911", message, "plateau", help, note)


def _measured_on_training(settings: ResolvedRecipe, known: Known) -> Iterator[Diagnostic]:
    data = settings.data
    for role, split in (("validation", data.validation), ("test", data.test)):
        if split != data.train:
            continue
        message = f"`{role}` is `{split}`, which is trained on: its numbers say nothing of other examples"
        help = "name another split, or leave it out: the loss and the metrics of training are measured in any case"
        if role == "validation":
            help = "keep a part of the training examples for it: `validation: 0.1`"
        note = Note("it is trained on here", settings.place("data.train"))
        yield _warning(settings, "E0918", message, f"data.{role}", help, note)


_CENTERING: Final = {
    "divide_by_std": ("subtract_mean", "center_each", "normalize"),
    "scale_each": ("center_each", "subtract_mean", "normalize"),
    "zca_whitening": ("subtract_mean", "normalize"),
}
"""What divides by a deviation, or whitens, and what may subtract a mean before it; the first is what Keras does."""


def _about_no_mean(settings: ResolvedRecipe, known: Known) -> Iterator[Diagnostic]:
    """Keras's ImageDataGenerator subtracts the mean by itself then, and warns."""
    found: dict[str, Diagnostic] = {}
    for training in (False, True):
        before: set[str] = set()
        for key, step in settings.data.steps(training=training):
            centering = _CENTERING.get(step.name)
            if centering is not None and before.isdisjoint(centering):
                message = f"no mean is subtracted before `{step.name}`, so what it gives is not around 0"
                first = "center_each" if centering[0] == "center_each" else "subtract_mean: {per: channel}"
                help = f"put `{first}` before it, as Keras's ImageDataGenerator does by itself"
                found[key] = _warning(settings, "E0919", message, key, help)
            before.add(step.name)
    yield from found.values()


def _smooth_steps(settings: ResolvedRecipe, known: Known) -> Iterator[Diagnostic]:
    schedule = settings.schedule
    if schedule is not None and schedule.smooth and schedule.by == "step":
        message = "`smooth` has no effect by step: the rate is set at each step in any case"
        help = "leave `smooth` out; or write `by: epoch`, and positions and lengths in epochs"
        yield _warning(settings, "E0920", message, "schedule.smooth", help)


def _chosen_on_test(settings: ResolvedRecipe, known: Known) -> Iterator[Diagnostic]:
    data = settings.data
    if not isinstance(data.validation, str) or data.validation not in {data.test, "test"}:
        return
    what = {
        "checkpoint.best": "the best weights are chosen",
        "early_stopping.watch": "the end of training is chosen",
        "plateau.watch": "the rate is lowered",
    }
    for place, name in watched(settings).items():
        if place == "plateau.watch" and settings.plateau is not None and settings.plateau.overridden_by_schedule:
            continue
        if name.startswith("validation_"):
            message = f"{what[place]} by the test examples, whose numbers are then too good"
            help = "keep a part of the training examples for it: `validation: 0.1` under `data`"
            note = Note("they are looked at after each epoch", settings.place("data.validation"))
            yield _warning(settings, "E0912", message, place, help, note)


def _decayed_twice(settings: ResolvedRecipe, known: Known) -> Iterator[Diagnostic]:
    if settings.weight_decay is None or known.graph is None:
        return
    weights = known.graph.all_weights
    amounts = [weight.decay for weight in weights.values() if weight.decay]
    given = {name: group.decay for group in known.groups for name in group.weights}
    if not amounts or (settings.weight_decay.coupled and all(weights[name].decay == given[name] for name in given)):
        return  # it is given once, or in both places alike
    shown = " and ".join(f"{amount:g}" for amount in sorted(set(amounts))[:3])
    count = "1 weight" if len(amounts) == 1 else f"{len(amounts)} weights"
    decay = settings.weight_decay
    ours = f"{decay.amount:g}" if decay.coupled else f"{decay.amount:g}, decoupled,"
    message = f"{known.graph.name} gives {count} a decay of {shown}; the recipe's {ours} holds"
    help = "leave `weight_decay` out of the recipe to have the network's, or out of the spec's `defaults`"
    yield _warning(settings, "E0913", message, "weight_decay", help)


_LEAST_SHARE: Final = 0.5


def _other_meanings(settings: ResolvedRecipe, known: Known) -> Iterator[Diagnostic]:
    """A share of what is kept that is nearly nothing: some libraries give the other share under the same word."""
    shares = {f"optimizer.{key}": key for key in ("momentum", "beta1", "beta2", "rho")}
    found = {place: getattr(settings.optimizer, key, 0.0) for place, key in shares.items()}
    if settings.ema is not None:
        found["ema.decay"] = settings.ema.decay
    for place, share in found.items():
        key = place.rpartition(".")[2]
        if 0.0 < share < _LEAST_SHARE:
            message = f"`{key}` is the share that is kept, and {share:g} keeps little of it"
            help = f"if it is the share of what is new, as PyTorch's batch norm has it, write `{key}: {1.0 - share:g}`"
            yield _warning(settings, "E0914", message, place, help)


def _lonely(settings: ResolvedRecipe, known: Known) -> Iterator[Diagnostic]:
    """A part of a batch with one example: batch norm has no statistics of it."""
    graph = known.graph
    if graph is not None and not any(node.op.name == "batch_norm" for node in graph.nodes.values()):
        return
    norms = "batch norm" if graph is not None else "a batch norm in the network"
    if settings.batch == settings.accumulate:
        parts = "a batch has" if settings.batch == 1 else f"each of the {settings.accumulate} parts of a batch has"
        message = f"{parts} one example, of which {norms} takes no statistics"
        help = "write a larger `batch`" if settings.batch == 1 else "write a smaller `accumulate`"
        yield _warning(settings, "E0915", message, "batch" if settings.batch == 1 else "accumulate", help)
    elif known.training_examples is not None and not settings.drop_last:
        rest = known.training_examples % settings.batch
        if rest // settings.accumulate != 1:
            return
        examples = f"the last of {known.training_examples:,} examples"
        message = f"{examples} is a batch of its own, of which {norms} takes no statistics"
        if settings.accumulate > 1:
            parts = f"an epoch's last batch has {rest} examples in {settings.accumulate} parts"
            message = f"{parts}, some of one example, of which {norms} takes no statistics"
        yield _warning(settings, "E0915", message, "batch", "write `drop_last: true`, or another `batch`")


def _two_softmaxes(settings: ResolvedRecipe, known: Known) -> Iterator[Diagnostic]:
    for plan in known.losses:
        loss = plan.loss
        if known.graph is None or not isinstance(loss, CrossEntropy | BinaryCrossEntropy) or loss.of != "logits":
            continue
        last = ends_in(known.graph, plan.path)
        if last.op.name not in ("softmax", "sigmoid"):
            continue
        inner = "softmax" if isinstance(loss, CrossEntropy) else "sigmoid"
        message = f"`{loss.name}` takes logits and makes a {inner} of them, and the output ends in {last.op.name}"
        help = f"write `{loss.name}: {{of: probabilities}}`, or end the network in its logits"
        place = f"losses.{plan.output}" if "" not in settings.losses else "loss"
        note = Note(f"{last.path} of {known.graph.name} is here", last.span)
        yield _warning(settings, "E0916", message, place, help, note)


def _other_ends(settings: ResolvedRecipe, known: Known) -> Iterator[Diagnostic]:
    """The schedule and the training end together."""
    schedule = settings.schedule
    total = _total(settings, known)
    if schedule is None or not schedule.phases:
        return
    unit = "epoch" if schedule.by == "epoch" else "step"
    end: float | None = 0.0
    for index, phase in enumerate(schedule.phases):
        place = f"schedule.phases.{index}"
        if end is None:
            before = schedule.phases[index - 1].name
            message = f"`{phase.name}` never begins: `{before}` before it has no length, and lasts to the end"
            yield _warning(settings, "E0917", message, place, f"give `{before}` a `length`")
            return
        if total is not None and end >= total:
            message = f"`{phase.name}` begins at {unit} {end:g}, and training ends after {_count(total, unit)}"
            yield _warning(settings, "E0917", message, place, "train longer, or leave it out")
            return
        late = [at for at in phase.changes() if total is not None and at >= total]
        if late:
            message = f"the rate is to change at {unit} {late[0]}, and training ends after {_count(total or 0, unit)}"
            help = "train longer, or leave the position out"
            yield _warning(settings, "E0917", message, f"{place}.at", help)
        end = None if phase.length is None else end + phase.length
    if total is None or end is None or end == total:
        return
    last = f"schedule.phases.{len(schedule.phases) - 1}"
    help = f"leave out the `length` of `{schedule.phases[-1].name}`: then it lasts to the end"
    if end > total:
        message = f"the schedule ends after {_count(end, unit)}, and training after {_count(total, unit)} already"
        yield _warning(settings, "E0917", message, f"{last}.length", help)
    elif not isinstance(schedule.phases[-1], ConstantRate):
        message = f"the schedule ends after {_count(end, unit)}, and training after {_count(total, unit)}"
        yield _warning(settings, "E0917", message, f"{last}.length", help)


def _count(number: float, unit: str) -> str:
    shown = f"{int(number):,}" if float(number).is_integer() else f"{number:.2f}"
    return f"{shown} {unit}" if number == 1 else f"{shown} {unit}s"


def _total(settings: ResolvedRecipe, known: Known) -> float | None:
    """How long training is, in what the schedule counts; None where that is not known."""
    by_epoch = settings.schedule is not None and settings.schedule.by == "epoch"
    if by_epoch and settings.epochs is not None:
        return float(settings.epochs)
    if not by_epoch and settings.steps is not None:
        return float(settings.steps)
    if known.steps_per_epoch is None:
        return None
    if by_epoch:
        return (settings.steps or 0) / known.steps_per_epoch
    return float((settings.epochs or 0) * known.steps_per_epoch)
