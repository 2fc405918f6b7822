"""One recipe in several frameworks: its programs agree, and a program that was changed does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from archspec import ParityError
from archspec.cli import main
from archspec.parity import Participant, Report
from archspec.parity.recipes.comparison import compare_recipe
from archspec.recipe import load_text as recipe_of
from archspec.spec import load_text as spec_of
from tests.needed import needs

pytestmark = [needs("torch", "keras", "sklearn"), pytest.mark.parity]

NETWORK = """
archspec: 1
name: small
input: {channels: 1, height: 8, width: 8}
layers:
  - conv: {name: conv, filters: 4, kernel: 3, stride: 2, padding: 1, bias: false}
  - batch_norm: {name: norm}
  - relu
  - global_avg_pool
  - flatten
  - dense: {name: head, units: 10}
"""
RECIPE: Mapping[str, Any] = {
    "archspec": 1,
    "recipe": "all_of_it",
    "data": {
        "source": "digits",
        "validation": {"share": 0.1, "at": "random"},
        "test": "test",
        "prepare": [{"rescale": "1 / 16"}, {"subtract_mean": "pixel"}],
        "augment": [{"affine": {"width_shift": 0.1}}, {"flip": "horizontal"}],
    },
    "batch": 32,
    "epochs": 5,
    "loss": {"cross_entropy": {"label_smoothing": 0.1}},
    "weight_decay": {"amount": 1e-3, "coupled": True, "exempt": ["norms"]},
    "schedule": {
        "by": "step",
        "phases": [{"linear": {"start": 0.1, "length": 10}}, {"steps": {"at": [80, 160], "factor": 0.3}}],
    },
    "plateau": {"watch": "validation_loss", "factor": 0.5, "patience": 0, "threshold": 0.05},
    "clip": {"norm": 0.5},
    "ema": {"decay": 0.95, "every": 2},
    "metrics": ["accuracy", {"top_k": 3}],
}
OPTIMIZERS: Mapping[str, Mapping[str, Any]] = {
    "sgd": {"sgd": {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}},
    "adam": {"adam": {"learning_rate": 0.01, "epsilon": 1e-3}},
    "adamw": {"adamw": {"learning_rate": 0.01}},
    "rmsprop": {"rmsprop": {"learning_rate": 0.01, "momentum": 0.5, "centered": True}},
    "lion": {"lion": {"learning_rate": 0.001}},
}
TORCH, TENSORFLOW, JAX = Participant("torch"), Participant("keras", "tensorflow"), Participant("keras", "jax")


def compared(
    optimizer: str,
    *participants: Participant,
    steps: int,
    change: Callable[[Participant, Path], None] | None = None,
    **other: Any,
) -> Report:
    """`other` are keys of the recipe; `network` is another spec than the usual one."""
    network = other.pop("network", NETWORK)
    recipe = {**RECIPE, "optimizer": OPTIMIZERS[optimizer], **other}
    if optimizer in ("adamw", "lion"):
        recipe["weight_decay"] = {**recipe["weight_decay"], "coupled": False}
    text = yaml.safe_dump(recipe)
    return compare_recipe(spec_of(network), recipe_of(text), participants, steps=steps, change=change)


def second_program(file: str, old: str, new: str) -> Callable[[Participant, Path], None]:
    """A fault in the second program."""

    def change(participant: Participant, folder: Path) -> None:
        if folder.name == "program1":
            text = (folder / file).read_text(encoding="utf-8")
            assert text.count(old) == 1, f"{text.count(old)} times in {file}: {old}"
            (folder / file).write_text(text.replace(old, new), encoding="utf-8")

    return change


@pytest.mark.parametrize(
    "optimizer",
    [
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("sgd", "adam")),
        *(pytest.param(name, marks=pytest.mark.nightly) for name in ("adamw", "rmsprop", "lion")),
    ],
)
def test_frameworks_train_alike_for_two_hundred_steps(optimizer: str) -> None:
    """Warm-up, drops, plateau, clipping, averages and decay included; accumulation and a last, smaller batch, too."""
    participants = (TORCH, TENSORFLOW) if optimizer == "sgd" else (TORCH, TENSORFLOW, JAX)
    report = compared(optimizer, *participants, steps=200)
    assert report.agrees, str(report)
    assert {row.what for row in report.rows} == {
        "rates",
        "loss of step 1",
        "losses",
        "numbers of epochs",
        "final weights",
    }
    assert all(row.tolerance == (1e-12 if row.what == "rates" else 1e-9) for row in report.rows)
    assert str(report).splitlines()[0] == str(report).splitlines()[-1]


FAULTS: Mapping[str, tuple[str, str, str, str]] = {
    "nesterov": ("sgd", "nesterov=True", "nesterov=False", "step 1"),
    "momentum": ("sgd", "momentum=0.9", "momentum=0.9000001", "step 1"),
    "epsilon": ("adam", "eps=0.001", "eps=0.0010001", "step 1"),
    "decay that is decoupled": ("adam", "torch.optim.Adam(", "torch.optim.AdamW(", "step 1"),
    "a schedule one step late": ("sgd", "now = rate(step", "now = rate(max(step - 1, 0)", "learning rate in step 2"),
    "a batch swapped with the next": (
        "sgd",
        "load(data.training, steps,",
        "load(data.training, [{3: 4, 4: 3}.get(step, step) for step in steps],",
        "batch in step 4",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_and_named(fault: str) -> None:
    optimizer, old, new, cause = FAULTS[fault]
    report = compared(optimizer, TORCH, TORCH, steps=6, change=second_program("train.py", old, new))
    assert not report.agrees
    with pytest.raises(ParityError):
        report.require()
    [found] = report.causes
    assert cause in f"{found.kind} in step {found.step}"


AUXILIARY = f"""{NETWORK}  - tap: logits
  - {{from: middle, layers: [flatten, dense: {{name: aux, units: 10}}, tap: early]}}
outputs: [logits]
training_outputs: [early]
""".replace("  - global_avg_pool", "  - tap: middle\n  - global_avg_pool")


@pytest.mark.slow
def test_losses_of_outputs_of_training_alone() -> None:
    losses = {"logits": "cross_entropy", "early": {"cross_entropy": {"weight": 0.3}}}
    report = compared("sgd", TORCH, TENSORFLOW, JAX, steps=45, network=AUXILIARY, loss=None, losses=losses)
    assert report.agrees, str(report)


@pytest.mark.slow
def test_the_command_takes_digits_for_photographs(capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--set", "depth=8", "--set", "width=2"]
    assert (
        main(["parity", "cifar_resnet", *small, "--recipe", "cifar10_paper", "--data", "digits", "--steps", "3"]) == 0
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == lines[-1]
    assert lines[0].startswith("all agree: torch, keras:tensorflow")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--check", "run"], "--check compares models"),
        (["--momentum", "0"], "--momentum compares models"),
        (["--no-layers"], "--no-layers compares models"),
        (["--tolerance", "float32=1"], "--tolerance float32"),
    ],
)
def test_options_that_compare_models_are_refused(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["parity", "digits_resnet", "--recipe", "digits", *arguments])
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


def test_data_without_a_recipe_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["parity", "lenet", "--data", "digits"])
    assert caught.value.code == 2
    assert "--data and --recipe-set are for training by a --recipe" in capsys.readouterr().err
