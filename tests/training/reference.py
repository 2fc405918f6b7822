"""What a recipe means, step by step in NumPy: nothing of archspec's, nothing of a framework's.

The network is two dense layers with a batch norm and a ReLU between them, whose gradients are written out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Weights = dict[str, Array]

NETWORK: Final = """
archspec: 1
name: two_layers
params: {classes: {default: 10}}
input: {channels: 1, height: 8, width: 8}
layers:
  - flatten
  - dense: {name: fc1, units: 12, bias: false} # batch norm would leave its gradient nothing but rounding errors
  - batch_norm: {name: bn}
  - relu
  - dense: {name: fc2, units: classes}
"""
"""The same network as a spec; its weights have these canonical names."""
_EPSILON: Final = 1e-5
_MOMENTUM: Final = 0.1
STATISTICS: Final = ("bn.running_mean", "bn.running_var")


@dataclass(frozen=True)
class Meaning:
    """What a recipe says, as numbers."""

    optimizer: str
    """`sgd`, `adam`, `rmsprop`, `lion`."""
    numbers: Mapping[str, Any]
    """The optimizer's attributes, without its rate."""
    rate: Callable[[int], float]
    decay: Mapping[str, float] = field(default_factory=dict[str, float])
    """By weight; none for others."""
    coupled: bool = True
    clip_norm: float | None = None
    clip_value: float | None = None
    factors: Mapping[str, float] = field(default_factory=dict[str, float])
    """What the rate is multiplied by, by weight; 1 for others."""
    frozen: frozenset[str] = frozenset()
    parts: int = 1
    smoothing: float = 0.0
    ema: float | None = None
    ema_every: int = 1
    ema_start: int = 0
    """The step from which the average is one."""


@dataclass
class Trained:
    """What came out."""

    losses: list[float] = field(default_factory=list[float])
    rates: list[float] = field(default_factory=list[float])
    weights: Weights = field(default_factory=dict[str, Array])
    average: Weights = field(default_factory=dict[str, Array])


def train(meaning: Meaning, weights: Weights, batches: Iterable[tuple[Array, Array]]) -> Trained:
    """Trains on batches, images (n, 8, 8, 1) and classes (n,) each, in float64."""
    weights = {name: np.array(value, np.float64) for name, value in weights.items()}
    slots: dict[str, Weights] = {name: {} for name in weights}
    done = Trained(average={name: value.copy() for name, value in weights.items()})
    for step, (images, classes) in enumerate(batches):
        rate = meaning.rate(step)
        gradients: Weights = {}
        loss = 0.0
        for part in np.array_split(np.arange(len(images)), meaning.parts):
            found, slopes = _gradients(weights, images[part].astype(np.float64), classes[part], meaning.smoothing)
            loss += found * len(part) / len(images)
            for name, slope in slopes.items():
                gradients[name] = gradients.get(name, 0.0) + slope * len(part) / len(images)
        gradients = {name: slope for name, slope in gradients.items() if name not in meaning.frozen}
        _clip(gradients, meaning)
        for name, gradient in gradients.items():
            own, amount = rate * meaning.factors.get(name, 1.0), meaning.decay.get(name, 0.0)
            if meaning.coupled:
                gradient = gradient + amount * weights[name]
            else:
                weights[name] = weights[name] - own * amount * weights[name]
            weights[name] = weights[name] - own * _direction(meaning, slots[name], gradient, step + 1)
        done.losses.append(loss)
        done.rates.append(rate)
        if meaning.ema is not None:
            _average(meaning, done.average, weights, step)
    done.weights = weights
    return done


def _average(meaning: Meaning, average: Weights, weights: Weights, step: int) -> None:
    assert meaning.ema is not None
    for name, value in weights.items():
        if step < meaning.ema_start:
            average[name] = value.copy()
        elif (step + 1) % meaning.ema_every == 0:
            average[name] = meaning.ema * average[name] + (1 - meaning.ema) * value


def _clip(gradients: Weights, meaning: Meaning) -> None:
    if meaning.clip_norm is not None:
        norm = np.sqrt(sum(float(np.sum(slope**2)) for slope in gradients.values()))
        if norm > meaning.clip_norm:
            for name in gradients:
                gradients[name] = gradients[name] * (meaning.clip_norm / norm)
    if meaning.clip_value is not None:
        for name in gradients:
            gradients[name] = np.clip(gradients[name], -meaning.clip_value, meaning.clip_value)


def _direction(meaning: Meaning, slots: Weights, g: Array, steps: int) -> Array:
    """What the rate is multiplied by and the weight loses."""
    n = meaning.numbers

    def average(name: str, beta: float, value: Array) -> Array:
        slots[name] = beta * slots.get(name, np.zeros_like(g)) + (1 - beta) * value
        return slots[name]

    def velocity(value: Array) -> Array:
        slots["v"] = n.get("momentum", 0.0) * slots.get("v", np.zeros_like(g)) + value
        return slots["v"]

    match meaning.optimizer:
        case "sgd":
            v = velocity(g)
            return np.asarray(g + n["momentum"] * v if n.get("nesterov") else v)
        case "adam":
            m, s = average("m", n["beta1"], g), average("s", n["beta2"], g * g)
            first, second = 1 - n["beta1"] ** steps, 1 - n["beta2"] ** steps
            if n["epsilon_added"] == "after_correction":
                return np.asarray((m / first) / (np.sqrt(s / second) + n["epsilon"]))
            return np.asarray(m * (np.sqrt(second) / first) / (np.sqrt(s) + n["epsilon"]))
        case "rmsprop":
            s = average("s", n["rho"], g * g)
            if n.get("centered"):
                m = average("m", n["rho"], g)
                s = np.maximum(s - m * m, 0.0)
            return velocity(g / (np.sqrt(s) + n["epsilon"]))
        case "lion":
            m = slots.get("m", np.zeros_like(g))
            slots["m"] = n["beta2"] * m + (1 - n["beta2"]) * g
            return np.asarray(np.sign(n["beta1"] * m + (1 - n["beta1"]) * g))
        case other:
            raise ValueError(other)


def _gradients(w: Weights, images: Array, classes: Array, smoothing: float) -> tuple[float, Weights]:
    """The loss and its gradients in training mode; running statistics move."""
    count = len(images)
    x = images.reshape(count, -1)
    a = x @ w["fc1.weight"].T
    mean, variance = a.mean(0), a.var(0)
    deviation = np.sqrt(variance + _EPSILON)
    normal = (a - mean) / deviation
    b = normal * w["bn.weight"] + w["bn.bias"]
    r = np.maximum(b, 0.0)
    logits = r @ w["fc2.weight"].T + w["fc2.bias"]
    shifted = logits - logits.max(1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    shares = np.eye(logits.shape[1])[classes] * (1 - smoothing) + smoothing / logits.shape[1]
    loss = float(-(shares * logs).sum(1).mean())

    d_logits = (np.exp(logs) - shares) / count
    d_b = (d_logits @ w["fc2.weight"]) * (b > 0)
    d_normal = d_b * w["bn.weight"]
    d_a = (d_normal - d_normal.mean(0) - normal * (d_normal * normal).mean(0)) / deviation
    unbiased = variance * count / (count - 1)
    for name, value in (("bn.running_mean", mean), ("bn.running_var", unbiased)):
        w[name] = (1 - _MOMENTUM) * w[name] + _MOMENTUM * value
    return loss, {
        "fc1.weight": d_a.T @ x,
        "bn.weight": (d_b * normal).sum(0),
        "bn.bias": d_b.sum(0),
        "fc2.weight": d_logits.T @ r,
        "fc2.bias": d_logits.sum(0),
    }
