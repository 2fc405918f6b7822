"""Schedules: what the optimizer's rate is multiplied by, phase after phase, as pure functions of the position.

Positions are counted in optimizer steps or in epochs from the start of training; the first is 0. What is computed here
is what the frameworks' programs must compute: `math` alone, in float64.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from archspec.ir.attributes import BoolKind, FloatKind, WordKind, attribute
from archspec.recipe.kinds import NumbersKind, PositiveKind
from archspec.recipe.part import Part, Problem, Registry, words_for

PHASES: Final = Registry["Phase"](
    "a phase of a schedule",
    "What the optimizer's rate is multiplied by: one phase after the other, each from where the one before it ended.",
    {
        "ReduceLROnPlateau": "write the recipe's `plateau`, beside `schedule`",
        "LearningRateScheduler": "write the values as phases, as in `steps: {at: [81], factors: [0.1]}`",
        "LambdaLR": "write the values as phases, as in `steps: {at: [81], factors: [0.1]}`",
        "MultiplicativeLR": "write `exponential`",
        "SequentialLR": "leave it out: phases follow each other",
        "ChainedScheduler": "leave it out: phases follow each other",
        "CyclicLR": "it is not in the language; `one_cycle` is one cycle",
        "CosineAnnealingWarmRestarts": "write a `cosine` with a `length` for each restart",
        "CosineDecayRestarts": "write a `cosine` with a `length` for each restart",
        "SWALR": "write `constant`, and the recipe's `ema`",
        "warmup": "write `linear: {start: 0.01, length: 5}` or `constant: {factor: 0.1, length: 400}` first",
        "InverseTimeDecay": "it is not in the language; `polynomial` is the nearest",
    },
)

_LENGTH: Final = "how long it lasts, in steps or epochs as `by` says; to the end of training unless given"
_WORDS: Final[Mapping[str, str]] = {
    "T_max": "write `length`",
    "eta_min": "write `to`, a factor: the lowest rate over the optimizer's",
    "min_lr": "write `to`, a factor: the lowest rate over the optimizer's",
    "alpha": "write `to`",
    "decay_steps": "write `length`",
    "total_steps": "write `length`",
    "total_iters": "write `length`",
    "epochs": "write `length`",
    "steps": "write `length`",
    "start_factor": "write `start`",
    "from": "write `start`",
    "end_factor": "write `to`",
    "gamma": "write `factor`",
    "decay_rate": "write `factor`",
    "milestones": "write `at`",
    "boundaries": "write `at`",
    "values": "write `factors`, which are multiples of the optimizer's rate",
    "step_size": "write `every`",
    "last_epoch": "leave it out: a run is gone on with by `--resume`",
    "initial_learning_rate": "write the optimizer's `learning_rate`",
    "end_learning_rate": "write `to`, a factor: the last rate over the optimizer's",
    "max_lr": "write the optimizer's `learning_rate`",
    "warmup_target": "write a phase `linear` before it",
    "warmup_steps": "write a phase `linear` before it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase(Part):
    """Base of all phases."""

    two_meanings: ClassVar[Mapping[str, str]] = words_for(("length",), _WORDS)

    length: float | None = attribute(PositiveKind(), _LENGTH, default=None)

    def multiple(self, position: float, start: float, length: float) -> float:
        """What the optimizer's rate is multiplied by.

        Args:
            position: where, from the start of training; at `start` or after it.
            start: where the phase begins.
            length: how long it lasts; the phase is asked for `start + length` at most.
        """
        raise NotImplementedError

    def changes(self) -> tuple[float, ...]:
        """The positions from the start of training at which it is said to change the rate; those must come about."""
        return ()


@PHASES.register
@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantRate(Phase):
    """The same factor all the time; as a first phase, a warm-up at a lower rate."""

    name: ClassVar[str] = "constant"
    example: ClassVar[str] = "constant: {factor: 0.1, length: 400}"
    known_as: ClassVar[Mapping[str, str]] = {"ConstantLR": ""}
    two_meanings: ClassVar[Mapping[str, str]] = words_for(("length", "factor"), _WORDS)

    factor: float = attribute(FloatKind(), "the factor", default=1.0)

    def multiple(self, position: float, start: float, length: float) -> float:
        """The factor."""
        return self.factor


@PHASES.register
@dataclass(frozen=True, slots=True, kw_only=True)
class Linear(Phase):
    """From one factor to another in equal steps: start + (to - start) * t / length, at t from its own begin."""

    name: ClassVar[str] = "linear"
    example: ClassVar[str] = "linear: {start: 0.01, length: 5}"
    known_as: ClassVar[Mapping[str, str]] = {"LinearLR": "`start_factor` is `start`, `total_iters` is `length`"}
    two_meanings: ClassVar[Mapping[str, str]] = words_for(("length", "start", "to"), _WORDS)

    start: float = attribute(FloatKind(), "the factor at its begin", default=0.0)
    to: float = attribute(FloatKind(), "the factor at its end", default=1.0)

    def multiple(self, position: float, start: float, length: float) -> float:
        """On the line between the factors."""
        return self.start + (self.to - self.start) * ((position - start) / length)


@PHASES.register
@dataclass(frozen=True, slots=True, kw_only=True)
class Steps(Phase):
    """Another factor from each of some positions on; before the first of them it is 1.

    The positions are counted from the start of training, whatever the phases before it, and are those at which a factor
    begins to hold: Keras's `if epoch > 80` is `at: [81]`.
    """

    name: ClassVar[str] = "steps"
    example: ClassVar[str] = "steps: {at: [32000, 48000], factor: 0.1}"
    known_as: ClassVar[Mapping[str, str]] = {
        "MultiStepLR": "`milestones` is `at`, `gamma` is `factor`",
        "PiecewiseConstantDecay": "`at` is a boundary plus 1: a boundary of Keras's still has the rate before it",
        "piecewise_constant": "",
    }
    two_meanings: ClassVar[Mapping[str, str]] = words_for(("length", "at", "factors", "factor"), _WORDS)

    at: tuple[int, ...] = attribute(
        NumbersKind(least=0, whole=True, expects="a list of whole numbers"), "the positions, rising"
    )
    factors: tuple[float, ...] | None = attribute(
        NumbersKind(least=0), "the factor from each position on, of the optimizer's rate", default=None
    )
    factor: float | None = attribute(
        PositiveKind(most=1.0), "in place of `factors`: what the rate is multiplied by at each position", default=None
    )

    def multiple(self, position: float, start: float, length: float) -> float:
        """The factor of the last position that is reached."""
        reached = sum(1 for at in self.at if at <= position)
        if self.factor is not None:
            return float(self.factor**reached)
        return self.factors[reached - 1] if reached and self.factors is not None else 1.0

    def changes(self) -> tuple[float, ...]:
        """The positions."""
        return self.at

    def problems(self) -> Iterator[Problem]:
        """Positions have factors."""
        if (self.factors is None) == (self.factor is None):
            yield Problem(
                "factors", "either `factors` or `factor` is given", "write `factors: [0.1, 0.01]` or `factor: 0.1`"
            )
        elif self.factors is not None and len(self.factors) != len(self.at):
            counts = f"{len(self.at)} position{'s' * (len(self.at) > 1)} and {len(self.factors)} factor"
            message = f"there are {counts}{'s' * (len(self.factors) > 1)}"
            yield Problem("factors", message, "give a factor for each position")


@PHASES.register
@dataclass(frozen=True, slots=True, kw_only=True)
class Exponential(Phase):
    """factor ** (t / every), at t from its own begin; with `staircase` t / every is rounded down."""

    name: ClassVar[str] = "exponential"
    example: ClassVar[str] = "exponential: {factor: 0.94, every: 2, staircase: true}"
    known_as: ClassVar[Mapping[str, str]] = {
        "ExponentialLR": "`gamma` is `factor`",
        "StepLR": "`step_size` is `every`, `gamma` is `factor`, and `staircase: true`",
        "ExponentialDecay": "`decay_rate` is `factor`, `decay_steps` is `every`",
    }
    two_meanings: ClassVar[Mapping[str, str]] = {
        **words_for(("length", "factor", "every"), _WORDS),
        "decay_steps": "write `every`",
    }

    factor: float = attribute(PositiveKind(most=1.0), "what the rate is multiplied by", default=0.95)
    every: float = attribute(PositiveKind(), "over how many steps or epochs", default=1.0)
    staircase: bool = attribute(BoolKind(), "all at once, after so many", default=False)

    def multiple(self, position: float, start: float, length: float) -> float:
        """A power of the base."""
        passed = (position - start) / self.every
        return float(self.factor ** (math.floor(passed) if self.staircase else passed))


@PHASES.register
@dataclass(frozen=True, slots=True, kw_only=True)
class Polynomial(Phase):
    """to + (1 - to) * (1 - t / length) ** power, at t from its own begin."""

    name: ClassVar[str] = "polynomial"
    example: ClassVar[str] = "polynomial: {power: 0.9}"
    known_as: ClassVar[Mapping[str, str]] = {"PolynomialLR": "", "PolynomialDecay": "", "poly": "`power: 0.9`"}
    two_meanings: ClassVar[Mapping[str, str]] = words_for(("length", "to"), _WORDS)

    power: float = attribute(PositiveKind(), "1 is a line", default=1.0)
    to: float = attribute(FloatKind(), "the factor at its end", default=0.0)

    def multiple(self, position: float, start: float, length: float) -> float:
        """A power of what is left."""
        left = max(1.0 - (position - start) / length, 0.0)  # where it ends, rounding may leave less than nothing
        return float(self.to + (1.0 - self.to) * left**self.power)


@PHASES.register
@dataclass(frozen=True, slots=True, kw_only=True)
class Cosine(Phase):
    """to + (1 - to) * (1 + cos(pi * t / length)) / 2, at t from its own begin (Loshchilov and Hutter 2017)."""

    name: ClassVar[str] = "cosine"
    example: ClassVar[str] = "cosine"
    known_as: ClassVar[Mapping[str, str]] = {
        "CosineAnnealingLR": "`T_max` is `length`, `eta_min` over the rate is `to`",
        "CosineDecay": "`decay_steps` is `length`, `alpha` is `to`; its warm-up is a phase `linear`",
        "CosineLRScheduler": "its warm-up is a phase `linear`",
    }
    two_meanings: ClassVar[Mapping[str, str]] = words_for(("length", "to"), _WORDS)

    to: float = attribute(FloatKind(), "the factor at its end", default=0.0)

    def multiple(self, position: float, start: float, length: float) -> float:
        """On half a wave."""
        return self.to + (1.0 - self.to) * (1.0 + math.cos(math.pi * ((position - start) / length))) / 2.0


@PHASES.register
@dataclass(frozen=True, slots=True, kw_only=True)
class OneCycle(Phase):
    """Up to 1 and down again (Smith and Topin 2019): from `start` to 1 in the first part, to `to` in the rest.

    The first factor is `start`, and the last step of the phase has `to`, as with PyTorch's OneCycleLR.
    """

    name: ClassVar[str] = "one_cycle"
    example: ClassVar[str] = "one_cycle: {rise: 0.3}"
    known_as: ClassVar[Mapping[str, str]] = {
        "OneCycleLR": "`pct_start` is `rise`, `start` is 1 / `div_factor`, `to` is `start` / `final_div_factor`; "
        "the momentum does not change",
    }
    two_meanings: ClassVar[Mapping[str, str]] = {
        **words_for(("length", "start", "to"), _WORDS),
        "pct_start": "write `rise`",
        "div_factor": "write `start`, which is 1 / `div_factor`",
        "final_div_factor": "write `to`, which is `start` / `final_div_factor`",
        "anneal_strategy": "write `shape`",
        "cycle_momentum": "leave it out: the momentum does not change",
        "three_phase": "leave it out: it has two parts",
    }

    rise: float = attribute(PositiveKind(below=1.0), "the share of its length in which the rate rises", default=0.3)
    start: float = attribute(FloatKind(), "the factor at its begin", default=0.04)
    to: float = attribute(FloatKind(), "the factor at its end", default=4e-6)
    shape: str = attribute(WordKind(words=("cosine", "linear")), "the way between two factors", default="cosine")

    def multiple(self, position: float, start: float, length: float) -> float:
        """On the way up, or down."""
        at, top, last = position - start, self.rise * length - 1.0, length - 1.0
        if top > 0.0 and at <= top:
            return self._between(self.start, 1.0, at / top)
        return self._between(1.0, self.to, min((at - top) / (last - top), 1.0) if last > top else 1.0)

    def _between(self, first: float, last: float, share: float) -> float:
        if self.shape == "linear":
            return first + (last - first) * share
        return last + (first - last) * (1.0 + math.cos(math.pi * share)) / 2.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """Phases in turn, and what their positions are counted in."""

    by: str
    """`step` or `epoch`."""
    smooth: bool
    """By epoch: the rate is set at each step, and positions are fractions of epochs."""
    phases: tuple[Phase, ...]

    def spans(self, total: float) -> Iterator[tuple[Phase, float, float]]:
        """Each phase with its begin and its length; one without a length lasts to the end, at `total`."""
        start = 0.0
        for phase in self.phases:
            length = phase.length if phase.length is not None else max(total - start, 0.0)
            yield phase, start, length
            start += length

    def multiple(self, position: float, total: float) -> float:
        """What the optimizer's rate is multiplied by.

        After the last phase its last value is kept. A phase of no length gives nothing.

        Args:
            position: from the start of training, in steps or epochs as `by` says.
            total: the length of the training, in the same.
        """
        found = 1.0
        for phase, start, length in self.spans(total):
            if position < start:
                break
            if length > 0.0:
                found = phase.multiple(min(position, start + length), start, length)
        return found
