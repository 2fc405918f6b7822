"""Optimizers: what one step does to a parameter p, whose gradient is g, at the rate lr.

Where weight decay is coupled, g has `amount` * p added to it before all else but clipping; where it is decoupled,
p loses lr * `amount` * p before the step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from archspec.ir.attributes import BoolKind, FloatKind, WordKind, attribute
from archspec.recipe.part import Part, Problem, Registry

_DECAY: Final = "write the recipe's `weight_decay: {amount: 1e-4, coupled: true}`, beside `optimizer`"
_CLIP: Final = "write the recipe's `clip: {norm: 1.0}` or `clip: {value: 0.5}`, beside `optimizer`"
_EMA: Final = "write the recipe's `ema: {decay: 0.999}`, beside `optimizer`"
_FRAMEWORK: Final = "leave it out: how an update is computed is the framework's, and changes no result"
_RATE: Final = "write `learning_rate`"

OPTIMIZERS: Final = Registry["Optimizer"](
    "an optimizer",
    "What a step does. Every number is explicit once defaults are applied; they are archspec's, not a framework's.",
    {
        "adamax": "it is not in the language; `adam` is the nearest",
        "nadam": "it is not in the language; `adam` is the nearest",
        "adagrad": "it is not in the language; `rmsprop` is the nearest",
        "adadelta": "it is not in the language; `rmsprop` is the nearest",
        "lars": "it is not in the language; `sgd` with a warm-up is the nearest",
        "lamb": "it is not in the language; `adamw` with a warm-up is the nearest",
        "adafactor": "it is not in the language; `adamw` is the nearest",
        "lbfgs": "it is not in the language",
        "ftrl": "it is not in the language",
    },
)


@dataclass(frozen=True, slots=True)
class Optimizer(Part):
    """Base of all optimizers."""

    two_meanings: ClassVar[Mapping[str, str]] = {
        "lr": _RATE,
        "rate": _RATE,
        "base_lr": _RATE,
        "weight_decay": _DECAY,
        "l2": _DECAY,
        "wd": _DECAY,
        "clipnorm": "Keras's `clipnorm` goes by each variable; by the norm of all gradients: `clip: {norm: 1.0}`, "
        "beside `optimizer`",
        "global_clipnorm": _CLIP,
        "clipvalue": _CLIP,
        "use_ema": _EMA,
        "ema_momentum": "write the recipe's `ema: {decay: 0.99}`: `decay` is what Keras calls `ema_momentum`",
        "ema_overwrite_frequency": _EMA,
        "gradient_accumulation_steps": "write the recipe's `accumulate`; `batch` is then that of the whole step",
        "loss_scale_factor": "write the recipe's `precision: float16`, which scales the loss",
        "foreach": _FRAMEWORK,
        "fused": _FRAMEWORK,
        "capturable": _FRAMEWORK,
        "differentiable": _FRAMEWORK,
        "jit_compile": _FRAMEWORK,
        "name": "leave it out: there is one optimizer",
        "maximize": "leave it out: the loss is minimized",
        "params": "write the recipe's `freeze` and `rates`, by layer path",
    }
    decoupled_only: ClassVar[bool] = False
    """It is called what it is for its decoupled weight decay."""

    learning_rate: float = attribute(FloatKind(), "the rate, of which a schedule's factors are multiples")


_MOMENTUM_TO_BETA: Final = "write `beta1`, the share of the average that is kept"
_ADAM_WORDS: Final[Mapping[str, str]] = {
    **Optimizer.two_meanings,
    "eps": "write `epsilon`, and say with `epsilon_added` where it is added: PyTorch and Keras differ",
    "betas": "write `beta1` and `beta2`",
    "beta_1": "write `beta1`",
    "beta_2": "write `beta2`",
    "b1": "write `beta1`",
    "b2": "write `beta2`",
    "momentum": _MOMENTUM_TO_BETA,
    "amsgrad": "leave it out: it is not in the language",
    "decay": "write `weight_decay` or `schedule`, beside `optimizer`: old versions of Keras decay the rate by it",
}
_EPSILON: Final = "a small number that keeps the quotient finite"
_ADDED: Final = (
    "where epsilon is added: `after_correction`, to the root of the corrected second moment (the paper's algorithm, "
    "PyTorch); `before_correction`, to that of the second moment as it is kept (the paper's epsilon hat, Keras)"
)
_PLACES: Final = WordKind(words=("after_correction", "before_correction"))


@OPTIMIZERS.register
@dataclass(frozen=True, slots=True)
class SGD(Optimizer):
    """v = momentum * v + g; p = p - lr * v, or with Nesterov's momentum p = p - lr * (g + momentum * v).

    The velocity does not carry the rate, as in PyTorch: Keras's does, which differs once the rate changes.
    """

    name: ClassVar[str] = "sgd"
    example: ClassVar[str] = "sgd: {learning_rate: 0.1, momentum: 0.9}"
    known_as: ClassVar[Mapping[str, str]] = {
        "momentum": "`sgd: {learning_rate: 0.1, momentum: 0.9}`",
        "nesterov": "`sgd: {learning_rate: 0.1, momentum: 0.9, nesterov: true}`",
        "gradient_descent": "",
        "momentum_optimizer": "`sgd: {learning_rate: 0.1, momentum: 0.9}`",
    }
    two_meanings: ClassVar[Mapping[str, str]] = {
        **Optimizer.two_meanings,
        "dampening": "leave it out: the gradient enters the velocity whole",
        "velocity": "write `momentum`",
        "decay": "write `weight_decay` or `schedule`, beside `optimizer`: old versions of Keras decay the rate by it",
    }

    momentum: float = attribute(FloatKind(below=1.0), "the share of the velocity that a step keeps", default=0.0)
    nesterov: bool = attribute(BoolKind(), "look ahead by the velocity, as Nesterov's method does", default=False)

    def problems(self) -> Iterator[Problem]:
        """Nesterov's look ahead needs a velocity."""
        if self.nesterov and not self.momentum:
            yield Problem("nesterov", "there is no momentum to look ahead by", "give `momentum`, as in `momentum: 0.9`")


@OPTIMIZERS.register
@dataclass(frozen=True, slots=True)
class Adam(Optimizer):
    """Adam (Kingma and Ba 2015): the average of gradients, over the root of the average of their squares.

    m = beta1 * m + (1 - beta1) * g; v = beta2 * v + (1 - beta2) * g**2; both are corrected for having begun at 0.
    """

    name: ClassVar[str] = "adam"
    example: ClassVar[str] = "adam: {learning_rate: 1e-3}"
    two_meanings: ClassVar[Mapping[str, str]] = _ADAM_WORDS

    beta1: float = attribute(FloatKind(below=1.0), "the share of the average of gradients that is kept", default=0.9)
    beta2: float = attribute(FloatKind(below=1.0), "the share of the average of squares that is kept", default=0.999)
    epsilon: float = attribute(FloatKind(), _EPSILON, default=1e-8)
    epsilon_added: str = attribute(_PLACES, _ADDED, default="after_correction")


@OPTIMIZERS.register
@dataclass(frozen=True, slots=True)
class AdamW(Optimizer):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019), which the recipe's `weight_decay` gives."""

    name: ClassVar[str] = "adamw"
    example: ClassVar[str] = "adamw: {learning_rate: 1e-3}"
    two_meanings: ClassVar[Mapping[str, str]] = _ADAM_WORDS
    decoupled_only: ClassVar[bool] = True

    beta1: float = attribute(FloatKind(below=1.0), "the share of the average of gradients that is kept", default=0.9)
    beta2: float = attribute(FloatKind(below=1.0), "the share of the average of squares that is kept", default=0.999)
    epsilon: float = attribute(FloatKind(), _EPSILON, default=1e-8)
    epsilon_added: str = attribute(_PLACES, _ADDED, default="after_correction")


@OPTIMIZERS.register
@dataclass(frozen=True, slots=True)
class RMSprop(Optimizer):
    """s = rho * s + (1 - rho) * g**2; v = momentum * v + g / (sqrt(s) + epsilon); p = p - lr * v.

    Where `centered`, the square of the average of gradients is taken from s in the root. Epsilon is outside of the
    root, as in PyTorch; Keras has it inside.
    """

    name: ClassVar[str] = "rmsprop"
    example: ClassVar[str] = "rmsprop: {learning_rate: 1e-3, rho: 0.99}"
    two_meanings: ClassVar[Mapping[str, str]] = {
        **Optimizer.two_meanings,
        "alpha": "write `rho`, which is what PyTorch calls `alpha`",
        "decay": "write `rho`: the share of the average that is kept",
        "beta": "write `rho`",
        "eps": "write `epsilon`: it is added outside of the root, as in PyTorch; Keras and TensorFlow add it inside",
    }

    rho: float = attribute(FloatKind(below=1.0), "the share of the average of squares that is kept", default=0.9)
    momentum: float = attribute(FloatKind(below=1.0), "the share of the velocity that a step keeps", default=0.0)
    epsilon: float = attribute(FloatKind(), _EPSILON, default=1e-8)
    centered: bool = attribute(BoolKind(), "divide by the standard deviation of the gradient", default=False)


@OPTIMIZERS.register
@dataclass(frozen=True, slots=True)
class Lion(Optimizer):
    """p = p - lr * sign(beta1 * m + (1 - beta1) * g); then m = beta2 * m + (1 - beta2) * g (Chen et al. 2023)."""

    name: ClassVar[str] = "lion"
    example: ClassVar[str] = "lion: {learning_rate: 1e-4}"
    two_meanings: ClassVar[Mapping[str, str]] = {
        key: help for key, help in _ADAM_WORDS.items() if key not in ("eps", "amsgrad")
    }

    beta1: float = attribute(FloatKind(below=1.0), "the share of the average in what a step goes by", default=0.9)
    beta2: float = attribute(FloatKind(below=1.0), "the share of the average that is kept", default=0.99)
