"""Each optimizer against the recipe's meaning, written down once more in NumPy: 200 steps in float64."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from archspec.training.data.parts.arrays import Arrays
from archspec.training.data.parts.batches import Data
from tests.archspec_torch.training.run_folder import Run, changed, program

Weights = dict[str, NDArray[Any]]
STEPS, PER_EPOCH, RATE = 200, 25, 0.02
DENSE = """
archspec: 1
name: dense
input: {shape: [6]}
layers:
  - dense: {name: fc1, units: 5}
  - tanh
  - dense: {name: fc2, units: 3}
"""
OPTIMIZERS: Mapping[str, Any] = {
    "sgd": {"sgd": {}},
    "momentum": {"sgd": {"momentum": 0.9}},
    "nesterov": {"sgd": {"momentum": 0.9, "nesterov": True}},
    "adam": {"adam": {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3}},
    "adam_keras": {"adam": {"beta2": 0.95, "epsilon": 1e-3, "epsilon_added": "before_correction"}},
    "adamw": {"adamw": {"epsilon": 1e-4}},
    "rmsprop": {"rmsprop": {"rho": 0.8, "epsilon": 1e-3}},
    "rmsprop_centered": {"rmsprop": {"rho": 0.8, "momentum": 0.5, "epsilon": 1e-3, "centered": True}},
    "lion": {"lion": {"beta1": 0.8, "beta2": 0.95}},
}
CLIPS: Mapping[str, Any] = {"none": None, "norm": {"norm": 0.3}, "value": {"value": 0.05}}
SCHEDULE = {
    "by": "step",
    "phases": [
        {"linear": {"start": 0.1, "length": 20}},
        {"steps": {"at": [100, 150], "factors": [0.5, 0.1]}},
    ],
}
EMA = {"decay": 0.9, "every": 3, "start": 2}


def rate(step: int, scheduled: bool) -> float:
    """The rate of a step."""
    if not scheduled:
        return RATE
    if step < 20:
        return RATE * (0.1 + 0.9 * step / 20)
    return RATE * (1.0 if step < 100 else 0.5 if step < 150 else 0.1)


def update(kind: str, given: Mapping[str, Any]) -> Callable[..., Any]:
    """How much a weight loses in a step, counted from 1, by what the page on recipes says."""
    k: dict[str, Any] = {"momentum": 0.0, "beta1": 0.9, "beta2": 0.99 if kind == "lion" else 0.999, **given}

    def of(state: Weights, name: str, g: NDArray[Any], lr: float, t: int) -> Any:
        def kept(slot: str) -> NDArray[Any]:
            return state.setdefault(f"{slot}/{name}", np.zeros_like(g))

        def put(slot: str, value: NDArray[Any]) -> NDArray[Any]:
            state[f"{slot}/{name}"] = value
            return value

        if kind == "sgd":
            v = put("v", k["momentum"] * kept("v") + g)
            return lr * (g + k["momentum"] * v if k.get("nesterov") else v)
        if kind in ("adam", "adamw"):
            m = put("m", k["beta1"] * kept("m") + (1 - k["beta1"]) * g)
            v = put("v", k["beta2"] * kept("v") + (1 - k["beta2"]) * g**2)
            first, second = 1 - k["beta1"] ** t, 1 - k["beta2"] ** t
            if k.get("epsilon_added") == "before_correction":
                return lr * math.sqrt(second) / first * m / (np.sqrt(v) + k["epsilon"])
            return lr * (m / first) / (np.sqrt(v / second) + k["epsilon"])
        if kind == "rmsprop":
            s = put("s", k["rho"] * kept("s") + (1 - k["rho"]) * g**2)
            if k.get("centered"):
                s = s - put("a", k["rho"] * kept("a") + (1 - k["rho"]) * g) ** 2
            return lr * put("v", k["momentum"] * kept("v") + g / (np.sqrt(s) + k["epsilon"]))
        m = kept("m")
        put("m", k["beta2"] * m + (1 - k["beta2"]) * g)
        return lr * np.sign(k["beta1"] * m + (1 - k["beta1"]) * g)

    return of


def gradients(w: Weights, x: NDArray[Any], y: NDArray[Any]) -> tuple[float, Weights]:
    """The loss of the small network and its gradients."""
    hidden = np.tanh(x @ w["fc1.weight"].T + w["fc1.bias"])
    scores = hidden @ w["fc2.weight"].T + w["fc2.bias"]
    scores = scores - scores.max(1, keepdims=True)
    logs = scores - np.log(np.exp(scores).sum(1, keepdims=True))
    right = np.eye(3)[y]
    of_scores = (np.exp(logs) - right) / len(x)
    of_hidden = of_scores @ w["fc2.weight"] * (1 - hidden**2)
    found = {"fc1.weight": of_hidden.T @ x, "fc1.bias": of_hidden.sum(0)}
    found |= {"fc2.weight": of_scores.T @ hidden, "fc2.bias": of_scores.sum(0)}
    return float(-(right * logs).sum() / len(x)), found


def reference(
    run: Run, start: Weights, optimizer: Mapping[str, Any], decay: Mapping[str, Any] | None, *rest: Any
) -> tuple[list[float], Weights, Weights]:
    """The losses, the last weights and their average."""
    clip, scheduled, ema = rest
    (kind, given), *_ = optimizer.items()
    data = Data(Arrays(classes=3), run.folder, training=(), evaluation=(), batch=4, seed=0)
    w = {name: value.astype(np.float64) for name, value in start.items()}
    state: Weights = {}
    average, losses = dict(w), []
    change = update(kind, given)
    for step in range(STEPS):
        images, labels = data.training.batch(step)
        loss, found = gradients(w, images.astype(np.float64), labels)
        losses.append(loss)
        norm = math.sqrt(sum(float((g**2).sum()) for g in found.values()))
        for name in w:
            g, lr = found[name], rate(step, scheduled)
            if clip and "norm" in clip and norm > clip["norm"]:
                g = g * clip["norm"] / norm
            if clip and "value" in clip:
                g = np.clip(g, -clip["value"], clip["value"])
            amount = decay["amount"] if decay and not ("exempt" in decay and name.endswith("bias")) else 0.0
            factor = 0.5 if name.startswith("fc1") else 1.0
            if decay and decay["coupled"]:
                g = g + amount * w[name]
            before = w[name]
            if decay and not decay["coupled"]:
                before = before - lr * factor * amount * before
            w[name] = before - change(state, name, g, lr * factor, step + 1)
        if ema and step // PER_EPOCH < ema["start"]:
            average = dict(w)
        elif ema and (step + 1) % ema["every"] == 0:
            average = {name: ema["decay"] * average[name] + (1 - ema["decay"]) * w[name] for name in w}
    return losses, w, average


def cases() -> Iterator[Any]:
    """All optimizers, decays and ways to clip, without and with a schedule and an average; most of them are slow."""
    kinds = [pair for pair in product(OPTIMIZERS, (None, True, False)) if pair[0] != "adamw" or pair[1] is False]
    for turn, (name, coupled) in enumerate(kinds):
        for number, (clip, more) in enumerate(product(CLIPS, (True, False))):
            word = {None: "no decay", True: "coupled", False: "decoupled"}[coupled]
            marks = () if number in (turn % 6, (turn + 3) % 6) else (pytest.mark.slow,)
            label = f"{name}-{word}-{clip}-{'scheduled' if more else 'plain'}"
            yield pytest.param(name, coupled, clip, more, id=label, marks=marks)


def made(folder: Path, name: str, coupled: bool | None, clip: str, more: bool) -> tuple[Run, dict[str, Any]]:
    (kind, given), *_ = OPTIMIZERS[name].items()
    decay = None if coupled is None else {"amount": 0.05, "coupled": coupled, "exempt": ["biases"]}
    recipe = {
        "batch": 4,
        "epochs": STEPS // PER_EPOCH,
        "optimizer": {kind: {"learning_rate": RATE, **given}},
        "weight_decay": decay,
        "clip": CLIPS[clip],
        "schedule": SCHEDULE if more else None,
        "ema": EMA if more else None,
        "rates": {"fc1": 0.5},
        "metrics": None,
    }
    counts = {"train": 4 * PER_EPOCH, "validation": 4, "test": 4}
    return program(folder, recipe, DENSE, counts=counts), recipe


def differences(run: Run, recipe: Mapping[str, Any]) -> float:
    """The greatest difference of the program from the reference, as far as they went."""
    random = np.random.default_rng(1)
    start = {name: random.normal(size=weight.shape) for name, weight in run.graph.all_weights.items()}
    save_file(start, run.folder / "start.safetensors")
    run.here("--weights", run.folder / "start.safetensors")
    kept = [recipe[key] for key in ("optimizer", "weight_decay", "clip", "schedule", "ema")]
    losses, weights, average = reference(run, start, *kept)
    found = run.checkpoint()
    lines = [line["loss"] for line in run.history() if "epoch" not in line and "final" not in line]
    assert len(lines) == STEPS
    pairs = [(np.array(losses), np.array(lines))]
    pairs += [(weights[name], found[name]) for name in weights]
    if recipe["ema"]:
        pairs += [(average[name], found[f"ema/{name}"]) for name in weights]
    return max(float(np.abs(first - second).max()) for first, second in pairs)


@pytest.mark.parametrize(("name", "coupled", "clip", "more"), list(cases()))
def test_two_hundred_steps_are_those_of_the_recipe(
    name: str, coupled: bool | None, clip: str, more: bool, tmp_path: Path
) -> None:
    run, recipe = made(tmp_path, name, coupled, clip, more)
    assert differences(run, recipe) < 1e-9


FAULTS = [
    ("epsilon", "adam", None, "eps=0.001", "eps=0.002"),
    ("epsilon of the other kind", "adam_keras", None, " / math.sqrt(1 - 0.95 ** (step + 1))", ""),
    ("decoupled in place of coupled", "adam", True, "torch.optim.Adam(", "torch.optim.AdamW("),
    ("coupled in place of decoupled", "adamw", False, "torch.optim.AdamW(", "torch.optim.Adam("),
    ("decay of biases", "momentum", True, "decay = 0.0", "decay = 0.05"),
    ("no Nesterov", "nesterov", None, ", nesterov=True", ""),
    ("no centering", "rmsprop_centered", None, "centered=True", "centered=False"),
    ("one beta for two", "lion", None, "(0.8, 0.95)", "(0.95, 0.95)"),
    ("a schedule one step late", "sgd", None, "now = rate(step)", "now = rate(max(step - 1, 0))"),
    ("a rate for all", "sgd", None, 'now * group["factor"]', "now"),
    ("PyTorch's clipping", "momentum", None, "most / norm", "most / (norm + 1e-6)"),
    ("the other share of the average", "sgd", None, "decay=0.9", "decay=0.1"),
    ("an average of every step", "sgd", None, "(step + 1) % 3", "(step + 1) % 1"),
    ("an average from the start", "sgd", None, "step < 2 * EPOCH", "step < 0"),
    (
        "one batch swapped",
        "sgd",
        None,
        "on_device(next(batches), device)",
        "on_device(_swapped(next(batches)), device)",
    ),
]
_SWAPPED = """
_seen = []


def _swapped(batch):
    _seen.append(batch)
    return _seen[50] if len(_seen) == 50 + 2 else batch


"""


@pytest.mark.parametrize(
    ("name", "coupled", "before", "after"), [fault[1:] for fault in FAULTS], ids=[f[0] for f in FAULTS]
)
def test_a_planted_fault_is_caught(name: str, coupled: bool | None, before: str, after: str, tmp_path: Path) -> None:
    run, recipe = made(tmp_path, name, coupled, "norm", True)
    changed(run.folder, before, after)
    changed(run.folder, "def make_optimizer", f"{_SWAPPED}def make_optimizer")
    assert differences(run, recipe) > 1e-9
