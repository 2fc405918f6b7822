"""Recipes of every optimizer with decay, clipping, schedules and averages, each with its meaning in numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.training.reference import Meaning

STEPS: Final = 200
EPOCH: Final = 41
"""Steps of an epoch: 1,298 examples in batches of 32, the last of 18."""


@dataclass(frozen=True)
class Case:
    """A recipe's keys, and what they mean."""

    keys: dict[str, str]
    meaning: Meaning


def _adam(place: str) -> dict[str, Any]:
    return {"beta1": 0.9, "beta2": 0.99, "epsilon": 1e-3, "epsilon_added": place}


OPTIMIZERS: Final[dict[str, tuple[str, dict[str, Any], float]]] = {
    "sgd": ("sgd", {}, 0.2),
    "momentum": ("sgd", {"momentum": 0.9}, 0.05),
    "nesterov": ("sgd", {"momentum": 0.9, "nesterov": True}, 0.05),
    "adam": ("adam", _adam("after_correction"), 0.01),
    "adam_hat": ("adam", _adam("before_correction"), 0.01),
    "rmsprop": ("rmsprop", {"rho": 0.9, "epsilon": 1e-3}, 0.003),
    "rmsprop_whole": ("rmsprop", {"rho": 0.95, "epsilon": 1e-3, "momentum": 0.8, "centered": True}, 0.001),
    "lion": ("lion", {"beta1": 0.9, "beta2": 0.98}, 0.002),
}


def _steps(lr: float) -> Callable[[int], float]:
    def rate(step: int) -> float:
        if step < 10:
            return lr * (0.1 + 0.9 * (step / 10))
        return lr * (1.0 if step < 90 else 0.1 if step < 150 else 0.01)

    return rate


def _cosine(lr: float) -> Callable[[int], float]:
    return lambda step: lr * (0.02 + 0.98 * (1 + math.cos(math.pi * (step // EPOCH / (STEPS / EPOCH)))) / 2)


def _constant(lr: float) -> Callable[[int], float]:
    return lambda step: lr


SCHEDULES: Final[dict[str, tuple[str | None, Callable[[float], Callable[[int], float]]]]] = {
    "constant": (None, _constant),
    "steps": (
        "{by: step, phases: [linear: {start: 0.1, length: 10}, steps: {at: [90, 150], factor: 0.1}]}",
        _steps,
    ),
    "cosine": ("{by: epoch, phases: [cosine: {to: 0.02}]}", _cosine),
}
DECAYS: Final[dict[str, tuple[str | None, tuple[str, ...], bool]]] = {
    "none": (None, (), True),
    "coupled": ("{amount: 0.01, coupled: true, exempt: [norms, biases]}", ("fc1.weight", "fc2.weight"), True),
    "decoupled": (
        "{amount: 0.02, coupled: false, exempt: [fc1]}",
        ("bn.weight", "bn.bias", "fc2.weight", "fc2.bias"),
        False,
    ),
}
CLIPS: Final = {"none": None, "norm": "{norm: 0.3}", "value": "{value: 0.01}"}
AVERAGES: Final[dict[str, tuple[str | None, dict[str, Any]]]] = {
    "none": (None, {}),
    "each": ("{decay: 0.9}", {"ema": 0.9}),
    "later": ("{decay: 0.8, every: 3, start: 2}", {"ema": 0.8, "ema_every": 3, "ema_start": 2 * EPOCH}),
}


def case(optimizer: str, decay: str, clip: str, schedule: str, average: str) -> Case:
    """A recipe of these."""
    word, numbers, rate = OPTIMIZERS[optimizer]
    decays, decayed, coupled = DECAYS[decay]
    phases, schedule_of = SCHEDULES[schedule]
    averages, ema = AVERAGES[average]
    attributes = ", ".join(f"{key}: {str(value).lower()}" for key, value in {"learning_rate": rate, **numbers}.items())
    keys = {"optimizer": f"{{{word}: {{{attributes}}}}}", "steps": str(STEPS)}
    given = {"weight_decay": decays, "clip": CLIPS[clip], "schedule": phases, "ema": averages}
    meaning = Meaning(
        word,
        numbers,
        schedule_of(rate),
        decay=dict.fromkeys(decayed, 0.01 if coupled else 0.02),
        coupled=coupled,
        clip_norm=0.3 if clip == "norm" else None,
        clip_value=0.01 if clip == "value" else None,
        **ema,
    )
    return Case(keys | {key: value for key, value in given.items() if value is not None}, meaning)


def _covering() -> dict[str, Case]:
    """Every optimizer with every decay; the rest in turn, so that each pair of an optimizer and another word comes."""
    found: dict[str, Case] = {}
    for row, optimizer in enumerate(OPTIMIZERS):
        for column, decay in enumerate(DECAYS):
            others = [
                list(words)[(row * step + column) % len(words)]
                for step, words in ((1, CLIPS), (2, SCHEDULES), (1, AVERAGES))
            ]
            found["-".join((optimizer, decay, *others))] = case(optimizer, decay, *others)
    return found


CASES: Final = _covering()
CASES["rates"] = Case(
    {
        "optimizer": "{sgd: {learning_rate: 0.1, momentum: 0.9}}",
        "rates": "{fc1: 0.25}",
        "weight_decay": "{amount: 0.01, coupled: false}",
        "loss": "{cross_entropy: {label_smoothing: 0.1}}",
    },
    Meaning(
        "sgd",
        {"momentum": 0.9},
        lambda step: 0.1,
        decay=dict.fromkeys(("fc1.weight", "bn.weight", "bn.bias", "fc2.weight", "fc2.bias"), 0.01),
        coupled=False,
        factors={"fc1.weight": 0.25},
        smoothing=0.1,
    ),
)
CASES["parts"] = Case(
    {"optimizer": "{adam: {learning_rate: 0.01}}", "accumulate": "2", "clip": "{norm: 0.3}"},
    Meaning(
        "adam",
        {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "epsilon_added": "after_correction"},
        lambda step: 0.01,
        parts=2,
        clip_norm=0.3,
    ),
)
CASES["frozen"] = Case(
    {"optimizer": "{sgd: {learning_rate: 0.1}}", "freeze": "[fc2]"},
    Meaning("sgd", {}, lambda step: 0.1, frozen=frozenset({"fc2.weight", "fc2.bias"})),
)
