"""What a recipe holds: the models of its top level."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal, TypeAlias

from pydantic import Field

from archspec.ir.attributes import BoolKind, FloatKind, IntKind, WordKind
from archspec.recipe.augmentations import AUGMENTATIONS
from archspec.recipe.images import PREPARATIONS
from archspec.recipe.items import Item
from archspec.recipe.key_suggestions import DATA_WORDS, RECIPE_WORDS, SCHEDULE_WORDS
from archspec.recipe.kinds import SPLIT, TextsKind
from archspec.recipe.losses import LOSSES, METRICS
from archspec.recipe.optimizers import OPTIMIZERS
from archspec.recipe.schedules import PHASES, Cosine
from archspec.recipe.schema_fields import Scalar, by_name, list_of, numbers_by_path, one_of, section, split
from archspec.recipe.sections import CLIPS, Checkpoint, EarlyStopping, Ema, Plateau, Share, WeightDecay
from archspec.recipe.sources import SOURCES
from archspec.spec.base import NAME_SCHEMA, Attribute, Model, no_entries
from archspec.spec.checks import usable_name
from archspec.spec.document import Document
from archspec.spec.located_data import LoadContext
from archspec.spec.model import Reference
from archspec.spec.params import Params

_PATHS: Final = TextsKind(expects="a list of paths of layers")
FACTOR: Final = FloatKind()

Items: TypeAlias = tuple[Item, ...]
Truth: TypeAlias = Annotated[Attribute, Scalar(BoolKind(), False)]
Preparations: TypeAlias = Annotated[Items, list_of(PREPARATIONS)]
Split: TypeAlias = Annotated[Attribute | Item, split(Share)]


class DataSpec(Model):
    """Which examples there are, and what is done to them before a network gets them."""

    noun: ClassVar[str] = "`data`"
    other_words: ClassVar = DATA_WORDS

    source: Annotated[Item, one_of(SOURCES)] = Field(description="the form of the data; `--data` says where they are")
    train: Annotated[Attribute, Scalar(SPLIT, "train")] | None = Field(None, description="the split that is trained on")
    validation: Split | None = Field(
        None,
        description="the split that is looked at after each epoch: its name, or a share of the training examples, "
        "which are then not trained on",
    )
    test: Annotated[Attribute, Scalar(SPLIT)] | None = Field(
        None, description="the split that is measured once, at the end"
    )
    repeats: Annotated[Attribute, Scalar(IntKind(least=1), 1)] | None = Field(
        None,
        description="how often each example that is drawn comes, each time augmented anew (repeated augmentation, "
        "Hoffer et al. 2020); an epoch keeps its number of examples",
    )
    prepare: Preparations | None = Field(None, description="what is done to every example, first")
    augment: Annotated[Items, list_of(AUGMENTATIONS)] | None = Field(
        None, description="what is done to the examples of training batches alone, after `prepare`"
    )
    evaluation: Preparations | None = Field(
        None, description="what is done to all other examples in place of `augment`, such as a crop of the middle"
    )
    finish: Preparations | None = Field(
        None, description="what is done to every example after that; `erasing` and `mix` follow it"
    )

    attribute_keys: ClassVar[tuple[str, ...]] = (
        "source",
        "train",
        "validation",
        "test",
        "repeats",
        "prepare",
        "augment",
        "evaluation",
        "finish",
    )

    @classmethod
    def form_help(cls, value: object) -> str:
        """A source that stands alone, with its key."""
        return f"as in `data: {{source: {value if isinstance(value, str) and value in SOURCES else 'digits'}}}`"


class ScheduleSpec(Model):
    """What the optimizer's rate is multiplied by, phase after phase."""

    noun: ClassVar[str] = "`schedule`"
    other_words: ClassVar = SCHEDULE_WORDS
    attribute_keys: ClassVar[tuple[str, ...]] = ("by", "smooth", "phases")

    by: Annotated[Attribute, Scalar(WordKind(words=("step", "epoch")))] = Field(
        description="what positions and lengths are counted in; by `epoch` the rate changes between epochs alone"
    )
    smooth: Truth | None = Field(
        None, description="by epoch: the rate is set at each step, and positions are fractions of epochs"
    )
    phases: Annotated[Items, list_of(PHASES)] = Field(description="the phases, in turn")

    @classmethod
    def form_help(cls, value: object) -> str:
        """A phase that stands alone, with its keys."""
        phase = PHASES.get(value, Cosine) if isinstance(value, str) else Cosine
        return f"as in `schedule: {{by: epoch, phases: [{phase.example}]}}`"


class Recipe(Document):
    """How networks are trained, as it is written."""

    noun: ClassVar[str] = "a recipe"
    other_words: ClassVar = RECIPE_WORDS
    stand_ins: ClassVar = {"archspec": 1, "recipe": "recipe"}

    archspec: Literal[1] = Field(description="the version of the language: `1`")
    name: str = Field(
        alias="recipe",
        description="the recipe's name, which makes the file a recipe",
        json_schema_extra=NAME_SCHEMA,
    )
    title: str = Field("", description="one line about it")
    doc: str = Field("", description="more about it")
    reference: Reference | None = Field(None, description="where it was published: a string or a list of strings")
    extends: str | None = Field(
        None, description="the recipe that this one changes: a path, or the name of one that ships"
    )
    params: Params = Field(default_factory=no_entries, description="what a user may choose")
    data: DataSpec = Field(description="the examples, and what is done to them")
    batch: Annotated[Attribute, Scalar(IntKind(least=1))] = Field(
        description="how many examples a step has, on all devices together"
    )
    drop_last: Truth | None = Field(
        None, description="leave out the last batch of an epoch where it is smaller; `false` keeps it"
    )
    epochs: Annotated[Attribute, Scalar(IntKind(least=1))] | None = Field(
        None, description="how often all training examples are gone through"
    )
    steps: Annotated[Attribute, Scalar(IntKind(least=1))] | None = Field(
        None, description="how many steps the optimizer makes, in place of `epochs`"
    )
    shuffle: Annotated[Attribute, Scalar(BoolKind(), True)] | None = Field(
        None, description="take the training examples in another order in each epoch"
    )
    seed: Annotated[Attribute, Scalar(IntKind(), 0)] | None = Field(
        None, description="from which initial weights, orders and augmentations are drawn"
    )
    loss: Annotated[Item, one_of(LOSSES)] | None = Field(None, description="what is made small")
    losses: Annotated[dict[str, Item], by_name(LOSSES)] | None = Field(
        None, description="in place of `loss`: losses by the names of the network's outputs, which are added"
    )
    optimizer: Annotated[Item, one_of(OPTIMIZERS)] = Field(description="what a step does")
    weight_decay: Annotated[Item, section(WeightDecay)] | None = Field(
        None, description="how weights are drawn to 0; what the network's spec says unless given"
    )
    schedule: ScheduleSpec | None = Field(None, description="how the rate changes; it does not unless given")
    plateau: Annotated[Item, section(Plateau)] | None = Field(
        None, description="lower the rate where a number no longer becomes better"
    )
    clip: Annotated[Item, one_of(CLIPS)] | None = Field(None, description="how gradients are kept small")
    accumulate: Annotated[Attribute, Scalar(IntKind(least=1), 1)] | None = Field(
        None,
        description="in how many parts a batch is computed, whose gradients are added before the step; "
        "batch norm sees each part by itself",
    )
    ema: Annotated[Item, section(Ema)] | None = Field(None, description="keep an average of the weights")
    precision: (
        Annotated[Attribute, Scalar(WordKind(words=("float32", "bfloat16", "float16", "float64")), "float32")] | None
    ) = Field(
        None,
        description="what layers compute in; with `bfloat16` and `float16` the weights stay float32, "
        "and with `float16` the loss is scaled",
    )
    sync_batch_norm: Truth | None = Field(
        None, description="let batch norm go by the whole batch, not by each device's part of it"
    )
    freeze: Annotated[Attribute, Scalar(_PATHS, ())] | None = Field(
        None,
        description="paths of layers, stages or blocks whose weights do not change; their batch norms go by running "
        "statistics, as in inference",
    )
    rates: Annotated[dict[str, Attribute], numbers_by_path(FACTOR)] | None = Field(
        None,
        description="what the rate is multiplied by for the weights under paths of layers; the longest path counts",
    )
    metrics: Annotated[Items, list_of(METRICS)] | None = Field(None, description="what is measured beside the loss")
    checkpoint: Annotated[Item, section(Checkpoint)] | None = Field(
        None, description="which weights are kept as the best; the last are kept in any case"
    )
    early_stopping: Annotated[Item, section(EarlyStopping)] | None = Field(
        None, description="end where a number no longer becomes better"
    )

    attribute_keys: ClassVar[tuple[str, ...]] = (
        *("batch", "drop_last", "epochs", "steps", "shuffle", "seed", "loss", "losses", "optimizer", "weight_decay"),
        *("plateau", "clip", "accumulate", "ema", "precision", "sync_batch_norm", "freeze", "rates", "metrics"),
        *("checkpoint", "early_stopping"),
    )

    def __repr__(self) -> str:
        return f"<Recipe {self.name}: {self.path or 'from text'}>"

    def _check(self, reading: LoadContext) -> None:
        usable_name(self.name, self.place("name"), reading, "a recipe")
        for first, second in (("epochs", "steps"), ("loss", "losses")):
            given = [key for key in (first, second) if self.written(key) and self.raw(key) is not None]
            if len(given) == 2:
                message = f"a recipe has either `{first}` or `{second}`, found both"
                help = f"leave one out; `{first}: null` takes away that of the recipe which this one extends"
                reading.error("E0202", message, self.key_place(second), help=help)
            elif not given:
                help = f"or the key `{second}`"
                reading.error("E0205", f"a recipe needs the key `{first}`", self.span, help=help)
