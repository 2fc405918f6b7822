"""The parts of a recipe that have keys of their own: weight decay, plateau, clipping, averages, stopping, the best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from archspec.ir.attributes import BoolKind, FloatKind, IntKind, WordKind, attribute
from archspec.recipe.kinds import PositiveKind, TextKind, TextsKind
from archspec.recipe.part import Part, Registry

WATCHED: Final = TextKind(expects="a number that is measured, such as `validation_loss`")
_WATCH: Final = "which number is watched: a split and a metric, as in `validation_loss`, `validation_accuracy`"
_MODE: Final = "leave it out: losses are to fall, all other metrics to rise"
_VERBOSE: Final = "leave it out: the history says what happened"
_THRESHOLD_WORDS: Final[Mapping[str, str]] = {
    "monitor": "write `watch`, as in `watch: validation_loss` for Keras's `val_loss`",
    "mode": _MODE,
    "verbose": _VERBOSE,
    "min_delta": "write `threshold`, with `threshold_mode: absolute`, which is what Keras's `min_delta` means",
    "wait": "write `patience`",
}
_PATIENCE: Final = "how many epochs in a row may bring no improvement; "
_PATIENCE_HELP: Final = "PyTorch's `patience`, which is Keras's less 1"
_MODES: Final = WordKind(words=("relative", "absolute"))
_THRESHOLD: Final = "by how much a number must be better than the best so far to count as an improvement"
_THRESHOLD_MODE: Final = "whether the threshold is a share of the best number (PyTorch) or a difference (Keras)"

NORMS: Final = "norms"
BIASES: Final = "biases"


@dataclass(frozen=True, slots=True)
class WeightDecay(Part):
    """How weights are drawn to 0: said here or by the spec's ops, never by a framework's default.

    Where the spec's ops give decay, too, what the recipe says holds for all weights in its place; the linter says so.
    """

    name: ClassVar[str] = "weight_decay"
    example: ClassVar[str] = "weight_decay: {amount: 1e-4, coupled: true, exempt: [norms, biases]}"
    two_meanings: ClassVar[Mapping[str, str]] = {
        "value": "write `amount`",
        "rate": "write `amount`",
        "weight_decay": "write `amount`",
        "l2": "write `amount`: Keras's `l2(w)` is an amount of 2 * w with `coupled: true`",
        "decoupled": "write `coupled: false`",
        "except": "write `exempt`, a list such as `[norms, biases]`",
        "exclude": "write `exempt`, a list such as `[norms, biases]`",
        "exclude_from_weight_decay": "write `exempt`, a list such as `[norms, biases]`",
        "norm_weight_decay": "write `exempt: [norms]`",
        "bias_weight_decay": "write `exempt: [biases]`",
        "filter_bias_and_bn": "write `exempt: [norms, biases]`",
    }

    amount: float = attribute(FloatKind(), "how much of a weight is taken away")
    coupled: bool = attribute(
        BoolKind(),
        "true: `amount` * weight is added to the gradient and goes through the optimizer (L2; PyTorch's SGD and Adam); "
        "false: rate * `amount` * weight is taken from the weight itself (AdamW; Keras's optimizers)",
    )
    exempt: tuple[str, ...] = attribute(
        TextsKind(expects="a list of `norms`, `biases` and paths of layers"),
        "what has none: `norms` are all parameters of normalization layers, `biases` all biases; or paths of layers",
        default=(),
    )


@dataclass(frozen=True, slots=True)
class Plateau(Part):
    """Lowers the rate at the end of an epoch where a number has not become better for too long.

    It acts after more than `patience` epochs without improvement, and then counts anew, after `cooldown` epochs. Where
    a schedule is given, too, the rate is the schedule's times all reductions so far.
    """

    name: ClassVar[str] = "plateau"
    example: ClassVar[str] = "plateau: {watch: validation_loss, factor: 0.1, patience: 10}"
    two_meanings: ClassVar[Mapping[str, str]] = {
        **_THRESHOLD_WORDS,
        "min_lr": "write `floor`",
        "eps": "leave it out: every reduction is made, however small",
        "epsilon": "write `threshold`",
    }

    watch: str = attribute(WATCHED, _WATCH, default="validation_loss")
    factor: float = attribute(PositiveKind(most=1.0), "what the rate is multiplied by", default=0.1)
    patience: int = attribute(
        IntKind(), _PATIENCE + f"after one more the rate is reduced ({_PATIENCE_HELP})", default=10
    )
    cooldown: int = attribute(IntKind(), "how many epochs after a reduction are not counted", default=0)
    floor: float = attribute(FloatKind(), "the rate that no reduction goes below", default=0.0)
    threshold: float = attribute(FloatKind(), _THRESHOLD, default=1e-4)
    threshold_mode: str = attribute(_MODES, _THRESHOLD_MODE, default="relative")
    overridden_by_schedule: bool = attribute(
        BoolKind(),
        "the schedule sets the rate anew at each epoch, so that no reduction is ever seen, as with Keras's callbacks "
        "`LearningRateScheduler` and `ReduceLROnPlateau` together",
        default=False,
    )


@dataclass(frozen=True, slots=True)
class EarlyStopping(Part):
    """Ends the training at the end of an epoch where a number has not become better for too long."""

    name: ClassVar[str] = "early_stopping"
    example: ClassVar[str] = "early_stopping: {watch: validation_loss, patience: 20}"
    two_meanings: ClassVar[Mapping[str, str]] = {
        **_THRESHOLD_WORDS,
        "restore_best_weights": "write `restore_best`",
        "start_from_epoch": "write `start`",
        "baseline": "leave it out: it is not in the language",
    }

    watch: str = attribute(WATCHED, _WATCH, default="validation_loss")
    patience: int = attribute(IntKind(), _PATIENCE + f"after one more training ends ({_PATIENCE_HELP})", default=10)
    threshold: float = attribute(FloatKind(), _THRESHOLD, default=0.0)
    threshold_mode: str = attribute(_MODES, _THRESHOLD_MODE, default="absolute")
    start: int = attribute(IntKind(), "the epoch from which epochs are counted; the first is 0", default=0)
    restore_best: bool = attribute(BoolKind(), "go on with the best weights once training has ended", default=False)


@dataclass(frozen=True, slots=True)
class Checkpoint(Part):
    """Which weights are kept beside the last: those of the epoch with the best number. The first of equals is kept."""

    name: ClassVar[str] = "checkpoint"
    example: ClassVar[str] = "checkpoint: {best: validation_accuracy}"
    two_meanings: ClassVar[Mapping[str, str]] = {
        "monitor": "write `best`, as in `best: validation_accuracy` for Keras's `val_accuracy`",
        "watch": "write `best`",
        "mode": _MODE,
        "verbose": _VERBOSE,
        "save_best_only": "leave it out: the best and the last are kept",
        "save_weights_only": "leave it out: a checkpoint has all that `--resume` needs",
        "save_freq": "write `every`, in epochs",
        "filepath": "leave it out: checkpoints are in the folder of the run",
    }

    best: str = attribute(WATCHED, _WATCH, default="validation_loss")
    every: int = attribute(IntKind(least=1), "after how many epochs the last state is written", default=1)


@dataclass(frozen=True, slots=True)
class Ema(Part):
    """An exponential moving average of the weights and running statistics, which is what is evaluated and kept as best.

    average = decay * average + (1 - decay) * weights, every so many steps.
    """

    name: ClassVar[str] = "ema"
    example: ClassVar[str] = "ema: {decay: 0.999}"
    two_meanings: ClassVar[Mapping[str, str]] = {
        "momentum": "write `decay`, the share of the average that is kept: some libraries call the other one so",
        "ema_momentum": "write `decay`",
        "alpha": "write `decay`, which is 1 - alpha",
        "update_freq": "write `every`",
        "steps": "write `every`",
        "frequency": "write `every`",
        "warmup": "write `start`, in epochs",
    }

    decay: float = attribute(FloatKind(below=1.0), "the share of the average that is kept")
    every: int = attribute(IntKind(least=1), "after how many steps the average moves", default=1)
    start: int = attribute(
        IntKind(), "the epoch from which it is an average; before that it is a copy of the weights", default=0
    )


CLIPS: Final = Registry["Clip"](
    "a way to clip gradients",
    "How gradients are kept small, after accumulation and before weight decay.",
    {
        "clipnorm": "write `norm`: it goes by the norm of all gradients; Keras's `clipnorm` goes by each variable",
    },
)


@dataclass(frozen=True, slots=True)
class Clip(Part):
    """Base of the ways to clip gradients."""


@CLIPS.register
@dataclass(frozen=True, slots=True)
class ClipNorm(Clip):
    """All gradients are multiplied by most / norm where the norm of all of them together is greater than most."""

    name: ClassVar[str] = "norm"
    bare: ClassVar[str] = "most"
    example: ClassVar[str] = "clip: {norm: 1.0}"
    known_as: ClassVar[Mapping[str, str]] = {"global_clipnorm": "", "clip_grad_norm_": "", "max_norm": ""}

    most: float = attribute(PositiveKind(), "the greatest norm of all gradients together")


@CLIPS.register
@dataclass(frozen=True, slots=True)
class ClipValue(Clip):
    """Each number of a gradient is put between -most and most."""

    name: ClassVar[str] = "value"
    bare: ClassVar[str] = "most"
    example: ClassVar[str] = "clip: {value: 0.5}"
    known_as: ClassVar[Mapping[str, str]] = {"clipvalue": "", "clip_grad_value_": "", "clip_value": ""}

    most: float = attribute(PositiveKind(), "the greatest absolute value of each number")


@dataclass(frozen=True, slots=True)
class Share(Part):
    """A part of the training examples that is kept from training, for a split that the data do not have."""

    name: ClassVar[str] = "share"
    bare: ClassVar[str] = "share"
    example: ClassVar[str] = "{share: 0.1, at: random}"
    two_meanings: ClassVar[Mapping[str, str]] = {
        "fraction": "write `share`",
        "size": "write `share`",
        "validation_split": "write `share`",
        "shuffle": "write `at: random`",
        "shuffled": "write `at: random`",
        "stratify": "write `per_class: true`",
    }

    share: float = attribute(PositiveKind(below=1.0), "how much of the training examples; the count is rounded down")
    at: str = attribute(
        WordKind(words=("end", "start", "random")),
        "which: the last ones, the first ones (as ImageDataGenerator's `validation_split`), or some drawn by the seed",
        default="end",
    )
    per_class: bool = attribute(BoolKind(), "the share of each class, not of all together", default=False)
