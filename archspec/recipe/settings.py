"""A recipe with all its values worked out: what a training plan is made from, together with a network and data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from archspec.errors import Diagnostics, Span, SpecError
from archspec.expr import Value
from archspec.limits import Budget, WorkError
from archspec.recipe.augmentations import Augmentation
from archspec.recipe.images import Preparation, Step
from archspec.recipe.items import Item
from archspec.recipe.kinds import SPLIT
from archspec.recipe.losses import LossFunction, Metric
from archspec.recipe.model import FACTOR, DataSpec, Recipe, ScheduleSpec
from archspec.recipe.optimizers import Optimizer
from archspec.recipe.part import Part
from archspec.recipe.schedules import Phase, Schedule
from archspec.recipe.schema_fields import Scalar
from archspec.recipe.sections import Checkpoint, Clip, EarlyStopping, Ema, Plateau, Share, WeightDecay
from archspec.recipe.sources import DataSource
from archspec.recipe.values import ValueResolver
from archspec.spec.base import Attribute, Model
from archspec.spec.located_data import LocatedList

P = TypeVar("P", bound=Part)


@dataclass(frozen=True, slots=True)
class DataSettings:
    """What `data` says, worked out."""

    source: DataSource
    train: str
    validation: str | Share | None
    test: str | None
    repeats: int
    prepare: tuple[Preparation, ...]
    augment: tuple[Augmentation, ...]
    evaluation: tuple[Preparation, ...]
    finish: tuple[Preparation, ...]

    def steps(self, *, training: bool) -> list[tuple[str, Step]]:
        """What is done to training examples, or to all others, in turn, each with its key."""
        lists: dict[str, tuple[Step, ...]] = {"prepare": self.prepare, "finish": self.finish}
        lists |= {"augment": self.augment} if training else {"evaluation": self.evaluation}
        found = [(f"data.{key}.{index}", step) for key, steps in lists.items() for index, step in enumerate(steps)]
        return sorted(found, key=lambda pair: _turn(*pair))


def _turn(key: str, step: Step) -> int:
    """When a step has its turn: lists keep their order."""
    if key.startswith("data.prepare"):
        return 0
    if key.startswith("data.finish"):
        return 2
    return 1 if not isinstance(step, Augmentation) or step.acts_on == "image" else 3


@dataclass(frozen=True, slots=True)
class ResolvedRecipe:
    """A recipe with all its values worked out."""

    recipe: Recipe = field(compare=False)
    params: Mapping[str, Value]
    data: DataSettings
    batch: int
    drop_last: bool
    epochs: int | None
    steps: int | None
    shuffle: bool
    seed: int
    losses: Mapping[str, LossFunction]
    """By the names of outputs; the key is empty where the recipe has one loss for whatever the network gives."""
    optimizer: Optimizer
    weight_decay: WeightDecay | None
    schedule: Schedule | None
    plateau: Plateau | None
    clip: Clip | None
    accumulate: int
    ema: Ema | None
    precision: str
    sync_batch_norm: bool
    freeze: tuple[str, ...]
    rates: Mapping[str, float]
    metrics: tuple[Metric, ...]
    checkpoint: Checkpoint | None
    early_stopping: EarlyStopping | None
    places: Mapping[str, Span] = field(compare=False)
    """Where things are written, by their keys: `batch`, `optimizer.learning_rate`, `data.augment.0.height`."""

    def place(self, path: str) -> Span:
        """Where something is written; where it is not, what is around it."""
        while path:
            if path in self.places:
                return self.places[path]
            path = path.rpartition(".")[0]
        return self.recipe.span


def resolve(recipe: Recipe) -> ResolvedRecipe:
    """Work out the values of a recipe.

    Raises:
        SpecError: with everything that is wrong with them.
    """
    try:
        return _Resolver(recipe, Budget(recipe.limits)).settings()
    except WorkError as error:
        raise SpecError(error.diagnostic(span=recipe.span)) from None


class _Resolver:
    """One recipe's values on the way."""

    def __init__(self, recipe: Recipe, budget: Budget) -> None:
        self.recipe = recipe
        self.values = ValueResolver(budget)
        self.places: dict[str, Span] = {}

    @property
    def found(self) -> Diagnostics:
        return self.values.found

    def settings(self) -> ResolvedRecipe:
        """All of them.

        Raises:
            SpecError: with everything that is wrong.
        """
        recipe = self.recipe
        self.values.params(recipe.params, recipe.overrides)
        losses = {"": recipe.loss} if recipe.loss is not None else recipe.losses or {}
        parts: dict[str, Any] = {
            "data": self._data(recipe.data),
            "losses": self._losses(losses),
            "optimizer": self._part("optimizer", recipe.optimizer, Optimizer),
            "weight_decay": self._part("weight_decay", recipe.weight_decay, WeightDecay),
            "schedule": self._schedule(recipe.schedule),
            "plateau": self._part("plateau", recipe.plateau, Plateau),
            "clip": self._part("clip", recipe.clip, Clip),
            "ema": self._part("ema", recipe.ema, Ema),
            "checkpoint": self._part("checkpoint", recipe.checkpoint, Checkpoint),
            "early_stopping": self._part("early_stopping", recipe.early_stopping, EarlyStopping),
            "metrics": tuple(self._list("metrics", recipe.metrics, Metric)),
            "rates": self._rates(recipe.rates or {}),
        }
        scalars = {key: self._scalar(recipe, key) for key in _SCALARS}
        own = {name: each for name, each in recipe.params.items() if each.name_span.source is recipe.span.source}
        self.values.unused(own, recipe.refused)  # what a parent uses, a child need not
        self.found.raise_if_any()
        settings = ResolvedRecipe(recipe=recipe, params=self.values.env, places=self.places, **parts, **scalars)
        _check(settings, self.found)
        self.found.raise_if_any()
        return settings

    def _scalar(self, model: Model, key: str, prefix: str = "") -> Any:
        given: Attribute | None = getattr(model, key)
        scalar = next(each for each in _scalars(type(model), key))
        if given is not None:
            self._locate(prefix + key, given)
        return self.values.scalar(key, scalar.kind, given, scalar.default)

    def _part(self, path: str, item: Item | None, kind: type[P]) -> P | None:
        if item is None:
            return None
        self._place(path, item)
        return self.values.part(item, kind)

    def _place(self, path: str, item: Item) -> None:
        if item.span is not None:
            self.places[path] = item.span
        for name, given in item.attributes.items():
            self._locate(f"{path}.{name}", given)

    def _locate(self, path: str, given: Attribute) -> None:
        """Keep where a value is written, and the items of a list."""
        if given.span is not None:
            self.places[path] = given.span
        if isinstance(given.raw, LocatedList):
            self.places |= {f"{path}.{index}": span for index, span in enumerate(given.raw.item_spans)}

    def _list(self, path: str, items: tuple[Item, ...] | None, kind: type[P]) -> list[P]:
        found: list[P] = []
        for item, part in self.values.items(items, kind):
            self._place(f"{path}.{len(found)}", item)
            found.append(part)
        return found

    def _losses(self, items: Mapping[str, Item]) -> dict[str, LossFunction]:
        found: dict[str, LossFunction] = {}
        for name, item in items.items():
            part = self._part(f"losses.{name}" if name else "loss", item, LossFunction)
            if part is not None:
                found[name] = part
        return found

    def _rates(self, rates: Mapping[str, Attribute]) -> dict[str, float]:
        for path, given in rates.items():
            if given.key_span is not None:
                self.places[f"rates.{path}"] = given.key_span
        return {path: self.values.scalar(path, FACTOR, given, 1.0) for path, given in rates.items()}

    def _schedule(self, model: ScheduleSpec | None) -> Schedule | None:
        if model is None:
            return None
        self.places["schedule"] = self.recipe.key_place("schedule")
        by, smooth = self._scalar(model, "by", "schedule."), self._scalar(model, "smooth", "schedule.")
        return Schedule(by, smooth, tuple(self._list("schedule.phases", model.phases, Phase)))

    def _data(self, data: DataSpec) -> DataSettings | None:
        self.places["data"] = self.recipe.key_place("data")
        source = self._part("data.source", data.source, DataSource)
        scalars = {key: self._scalar(data, key, "data.") for key in ("train", "test", "repeats")}
        lists = {key: self._list(f"data.{key}", getattr(data, key), Preparation) for key in _PREPARED}
        augment = self._list("data.augment", data.augment, Augmentation)
        validation = self._split("data.validation", data.validation)
        if source is None:
            return None
        tuples: dict[str, Any] = {key: tuple(items) for key, items in lists.items()}
        return DataSettings(source=source, validation=validation, augment=tuple(augment), **scalars, **tuples)

    def _split(self, path: str, given: Attribute | Item | None) -> Any:
        if given is None:
            return None
        if isinstance(given, Item):
            return self._part(path, given, Share)
        self._locate(path, given)
        return self.values.scalar("validation", SPLIT, given, None)


_PREPARED: Final = ("prepare", "evaluation", "finish")
_SCALARS: Final = (
    *("batch", "drop_last", "epochs", "steps", "shuffle", "seed", "accumulate", "precision"),
    *("sync_batch_norm", "freeze"),
)


def _scalars(model: type[Model], key: str) -> list[Scalar]:
    """How the value of a key is read: pydantic keeps it with the field, or with that arm of its type."""
    info = model.model_fields[key]
    held = [*info.metadata, *(extra for arm in getattr(info.annotation, "__args__", ()) for extra in _metadata(arm))]
    return [each for each in held if isinstance(each, Scalar)]


def _metadata(annotation: Any) -> tuple[object, ...]:
    return tuple(getattr(annotation, "__metadata__", ()))


def _check(settings: ResolvedRecipe, found: Diagnostics) -> None:
    """What does not fit together in a recipe, whatever the network and the data."""
    _check_steps(settings, found)
    _check_decay(settings, found)
    _check_order(settings, found)
    _check_bytes(settings, found)
    _check_metrics(settings, found)
    written = settings.recipe.composed.get("metrics")
    if not isinstance(written, list) or len(written) == len(settings.recipe.metrics or ()):
        _check_watched(settings, found)  # else a metric is wrong, and what it would measure is not known


def _check_metrics(settings: ResolvedRecipe, found: Diagnostics) -> None:
    """Each is asked for once: what is measured goes by its name."""
    labels = [metric.label for metric in settings.metrics]
    for index, label in enumerate(labels):
        if label in labels[:index]:
            message = f"`{label}` is asked for twice"
            found.error("E0202", message, settings.place(f"metrics.{index}"), help="leave one of them out")


def _check_steps(settings: ResolvedRecipe, found: Diagnostics) -> None:
    if settings.batch % settings.accumulate:
        message = f"a batch of {settings.batch} cannot be computed in {settings.accumulate} equal parts"
        near = max(settings.accumulate, settings.batch // settings.accumulate * settings.accumulate)
        help = f"write `batch: {near}`, or another `accumulate`: it divides the batch"
        found.error("E0411", message, settings.place("accumulate"), help=help)


def _check_decay(settings: ResolvedRecipe, found: Diagnostics) -> None:
    if not settings.optimizer.decoupled_only:
        return
    name, place = settings.optimizer.name, settings.place("optimizer")
    if settings.weight_decay is None:
        help = (
            "write `weight_decay: {amount: 0.01, coupled: false}` beside it; PyTorch's default is 0.01, Keras's 0.004"
        )
        found.error("E0205", f"`{name}` decays weights, and the recipe does not say by how much", place, help=help)
    elif settings.weight_decay.coupled:
        help = "write `coupled: false`, or `adam` for the optimizer, which the gradient of the decay goes through"
        message = f"the weight decay of `{name}` is decoupled, and here it is coupled"
        found.error("E0411", message, settings.place("weight_decay.coupled"), help=help)


_STAGES: Final = ("image", "finished", "batch")


def _check_order(settings: ResolvedRecipe, found: Diagnostics) -> None:
    """Augmentations stand in the order in which they are done: on images, on finished images, on batches."""
    last = 0
    before: Augmentation | None = None
    for index, item in enumerate(settings.data.augment):
        stage = _STAGES.index(item.acts_on)
        if stage < last and before is not None:
            message = f"`{item.name}` is done before `{before.name}`, and stands after it"
            help = "put those that work on images first, `erasing` after them, `mix` last"
            found.error("E0202", message, settings.place(f"data.augment.{index}"), help=help)
        else:
            last, before = stage, item


def _check_bytes(settings: ResolvedRecipe, found: Diagnostics) -> None:
    """What takes pictures as they are stands before what makes other numbers of them."""
    for training in (True, False):
        changed: Step | None = None
        for key, step in settings.data.steps(training=training):
            if changed is not None and step.takes_bytes:
                message = f"`{step.name}` takes numbers from 0 to 255, and `{changed.name}` before it changes them"
                help = f"put `{changed.name}` after it" + (
                    ", under `finish`" if isinstance(changed, Preparation) else ""
                )
                found.error("E0202", message, settings.place(key), help=help)
            changed = changed or (None if step.keeps_bytes else step)


def measured(settings: ResolvedRecipe) -> list[str]:
    """The numbers that are measured after each epoch, by the names that `watch` and `best` use."""
    splits = ["train", *(["validation"] if settings.data.validation is not None else [])]
    labels = ["loss", *(metric.label for metric in settings.metrics if metric.single)]
    return [f"{split}_{label}" for split in splits for label in labels]


def watched(settings: ResolvedRecipe) -> dict[str, str]:
    """The numbers that decide something after each epoch, by the keys that name them."""
    found: dict[str, str] = {}
    if settings.plateau is not None:
        found["plateau.watch"] = settings.plateau.watch
    if settings.early_stopping is not None:
        found["early_stopping.watch"] = settings.early_stopping.watch
    if settings.checkpoint is not None:
        found["checkpoint.best"] = settings.checkpoint.best
    return found


def _check_watched(settings: ResolvedRecipe, found: Diagnostics) -> None:
    known = measured(settings)
    for path, name in watched(settings).items():
        if name in known:
            continue
        split, _, label = name.partition("_")
        if split in ("val", "valid") and f"validation_{_METRICS.get(label, label)}" in known:
            help = f"write `validation_{_METRICS.get(label, label)}`"
        elif name in ("loss", *(metric.label for metric in settings.metrics)):
            help = f"say of which split: `validation_{name}`" if settings.data.validation else f"write `train_{name}`"
        elif split == "validation" and settings.data.validation is None:
            help = "no split is looked at after each epoch: write `validation: 0.1` under `data`"
        elif split == "test":
            help = "the test split is measured once, at the end: watch `validation_" + label + "`"
        elif split in ("train", "validation"):
            metric = f"top_k: {label[4:]}" if label[:4] == "top_" and label[4:].isdecimal() else label
            help = f"write `metrics: [{metric}]`, or watch one of: {', '.join(known)}"
        else:
            help = f"known here: {', '.join(known)}"
        found.error("E0905", f"`{name[:80]}` is not measured", settings.place(path), help=help)


_METRICS: Final = {"acc": "accuracy", "acc1": "accuracy", "categorical_accuracy": "accuracy"}
