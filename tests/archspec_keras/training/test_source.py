"""The source of Keras's training programs: the shipped recipes', and of every word of the language."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

import archspec
from archspec.errors import BackendError
from archspec.ir.graph import LayerGraph
from archspec.passes import run_passes
from archspec.passes.remove_decay import RemoveDecay
from archspec.recipe import load, resolve, shipped_recipes
from archspec.recipe.losses import LOSSES, METRICS
from archspec.recipe.optimizers import OPTIMIZERS
from archspec.recipe.sections import CLIPS
from archspec.spec import load_text as load_spec
from archspec.training.facts import DataFacts, known_facts
from archspec.training.plan import TrainingPlan, plan_of
from archspec_keras import backend
from archspec_keras.training_program.parameter_rules import variables_of
from tests.archspec_keras.training.runs import NETWORK, planned
from tests.recipe.recipes import IMAGENET
from tests.training.modules import in_order

GOLDEN = Path(__file__).with_name("golden")
ROOT = Path(__file__).parents[3]
SAME = ("checkpoints.py", "devices.py", "failures.py")
"""The same for nearly all recipes."""
NEUTRAL = ("data", "model", "records", "watching")
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "cifar10_keras": ("cifar_resnet_keras", {}),
    "cifar10_paper": ("cifar_resnet", {}),
    "digits": ("cifar_resnet", {"in_channels": 1, "size": 8}),
    "imagenet_paper": ("resnet50", {}),
    "imagenet_torchvision": ("resnet50", {}),
}
FACTS: dict[str, DataFacts] = {"imagenet_paper": IMAGENET, "imagenet_torchvision": IMAGENET}
VARIANTS: dict[str, dict[str, str]] = {
    "sgd": {"optimizer": "{sgd: {learning_rate: 0.1}}"},
    "nesterov": {"optimizer": "{sgd: {learning_rate: 0.1, momentum: 0.9, nesterov: true}}"},
    "adam": {"optimizer": "{adam: {learning_rate: 0.1}}", "clip": "{norm: 1.0}", "accumulate": "2"},
    "hat": {"optimizer": "{adam: {learning_rate: 0.1, epsilon_added: before_correction}}", "clip": "{value: 1.0}"},
    "adamw": {"optimizer": "{adamw: {learning_rate: 0.1}}", "weight_decay": "{amount: 0.1, coupled: false}"},
    "rmsprop": {"optimizer": "{rmsprop: {learning_rate: 0.1}}", "precision": "float16"},
    "centered": {"optimizer": "{rmsprop: {learning_rate: 0.1, momentum: 0.5, centered: true}}"},
    "lion": {"optimizer": "{lion: {learning_rate: 0.1}}", "rates": "{fc: 0.1}", "precision": "bfloat16"},
    "decay": {"weight_decay": "{amount: 0.1, coupled: true, exempt: [norms, biases, conv1]}", "freeze": "[bn1]"},
    "plateau": {"plateau": "{watch: validation_loss}", "schedule": "{by: epoch, phases: [cosine]}"},
    "stopping": {"early_stopping": "{watch: validation_loss, restore_best: true}"},
    "best": {"checkpoint": "{best: validation_accuracy, every: 3}", "sync_batch_norm": "true"},
    "ema": {"ema": "{decay: 0.9, every: 3, start: 1}", "checkpoint": "{best: train_loss}"},
    "metrics": {"metrics": "[accuracy, top_k: 3, confusion, mean_iou]"},
    "iou": {"metrics": "[mean_iou, top_k: 2, top_k: 3]"},
    "no metrics": {"metrics": "[]", "precision": "float32"},
    "smoothed": {"loss": "{cross_entropy: {label_smoothing: 0.1}}"},
    "weighed": {"loss": "{cross_entropy: {weight: 0.5}}"},
    "probabilities": {"loss": "{binary_cross_entropy: {of: logits, label_smoothing: 0.1}}"},
    "ignored": {"loss": "{cross_entropy: {ignore: 3}}"},
    "squared": {"loss": "mean_squared_error"},
    "train only": {"data": "{source: digits}"},
    "mixed": {"data": "{source: digits, prepare: [rescale: 1 / 16], augment: [mix: {mixup: 0.2}]}"},
}


def _shipped(name: str) -> tuple[LayerGraph, TrainingPlan]:
    settings = resolve(load(name))
    facts = FACTS.get(name) or known_facts(settings.data.source)
    assert facts is not None
    network, params = NETWORKS[name]
    graph = archspec.compile(network, **params)
    return run_passes(graph, (RemoveDecay(),)).graph, plan_of(settings, graph, facts)


def _text(files: Mapping[str, str]) -> str:
    return "\n".join(files.values())


@pytest.mark.parametrize("name", shipped_recipes())
def test_the_programs_of_shipped_recipes(name: str, request: pytest.FixtureRequest) -> None:
    files = backend.render_training(*_shipped(name))
    text = "\n".join(f"# ---- {file}\n{files[file]}" for file in files if file not in SAME)
    path = GOLDEN / f"{name}.py.txt"
    if request.config.getoption("--update-golden"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_programs_are_formatted_and_clean(tmp_path: Path) -> None:
    programs = {name: backend.render_training(*planned(**keys)) for name, keys in VARIANTS.items()}
    programs |= {name: backend.render_training(*_shipped(name)) for name in shipped_recipes()}
    for name, files in programs.items():
        folder = tmp_path / name.replace(" ", "_")
        folder.mkdir()
        for file, text in files.items():
            (folder / file).write_text(text, encoding="utf-8")
    config = ["--config", str(ROOT / "generated" / "ruff.toml"), str(tmp_path)]
    own = sorted({file.removesuffix(".py") for files in programs.values() for file in files} | set(NEUTRAL))
    known = ["--config", f"lint.isort.known-first-party = {own}"]
    for command in (["format", "--diff"], ["check", "--extend-ignore", "D1", *known]):
        done = subprocess.run([sys.executable, "-m", "ruff", *command, *config], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", VARIANTS)
def test_nothing_is_defined_in_vain(name: str) -> None:
    files = backend.render_training(*planned(**VARIANTS[name]))
    assert in_order(files)[-1] == "train"
    trees = [ast.parse(text) for text in files.values()]
    body = [node for tree in trees for node in tree.body]
    defined = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assigned = (node for node in body if isinstance(node, ast.Assign))
    defined |= {target.id for node in assigned for target in node.targets if isinstance(target, ast.Name)}
    nodes = (node for tree in trees for node in ast.walk(tree))
    used = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    assert defined <= used


@pytest.mark.parametrize("name", shipped_recipes())
def test_the_program_is_short_enough_to_be_read(name: str) -> None:
    assert 150 <= len(backend.render_training(*_shipped(name))["train.py"].splitlines()) <= 250


def test_every_word_is_printed_or_refused() -> None:
    graph, plan = planned()
    loss = plan.losses[0]
    for optimizer in map(OPTIMIZERS.__getitem__, OPTIMIZERS):
        backend.render_training(graph, replace(plan, optimizer=optimizer(learning_rate=0.1)))
    most: dict[str, Any] = {"most": 1.0}
    for clip in map(CLIPS.__getitem__, CLIPS):
        backend.render_training(graph, replace(plan, clip=clip(**most)))
    for kind in map(LOSSES.__getitem__, LOSSES):
        backend.render_training(graph, replace(plan, losses=(replace(loss, loss=kind()),)))
    for metric in map(METRICS.__getitem__, METRICS):
        given = {"k": 2} if "k" in {field.name for field in fields(metric)} else {}
        text = _text(backend.render_training(graph, replace(plan, metrics=(metric(**given),))))
        assert metric(**given).label in text


def test_a_last_batch_that_has_no_equal_parts_is_refused() -> None:
    graph, plan = planned(batch="20", accumulate="4")
    with pytest.raises(BackendError) as caught:
        backend.render_training(graph, plan)
    assert caught.value.diagnostics[0].code == "E0607"
    assert "drop_last" in (caught.value.diagnostics[0].help or "")


@pytest.mark.parametrize("rates", ["{layer1: 0.5}", "{layer1.0: 0.5, layer2: 0.1}", "{conv1: 0.2, fc: 0.3}"])
@pytest.mark.parametrize("exempt", ["[]", "[norms]", "[norms, biases, layer2]", "[fc]"])
def test_rules_give_each_variable_what_the_plan_has(rates: str, exempt: str) -> None:
    recipe = {"rates": rates, "weight_decay": f"{{amount: 0.01, coupled: true, exempt: {exempt}}}"}
    graph, plan = planned("cifar_resnet", **recipe)
    space: dict[str, Any] = {}
    tree = ast.parse(_text(backend.render_training(graph, plan)))
    rules: list[ast.stmt] = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in ("decay", "rate_factor")
    ]
    exec(compile(ast.Module(rules, []), "rules", "exec"), space)
    variables = variables_of(graph)
    for group in plan.groups:
        for weight in group.weights:
            for variable in variables[weight]:
                path = f"{variable.layer}/{variable.name}"
                assert space["decay"](path) == group.decay if "decay" in space else group.decay == 0
                assert space["rate_factor"](path) == group.rate


def test_frozen_layers_are_found_by_their_names() -> None:
    graph, plan = planned("cifar_resnet", freeze="[conv1, layer1, layer2.0]")
    tree = ast.parse(_text(backend.render_training(graph, plan)))
    (given,) = (
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FROZEN"
    )
    frozen = ast.literal_eval(given)
    for path in graph.nodes:
        assert f"{path.replace('.', '_')}/".startswith(frozen) == (path in plan.frozen_layers)


def test_several_outputs_have_their_losses_added() -> None:
    graph, plan = planned()
    text = _text(backend.render_training(graph, replace(plan, losses=plan.losses * 2)))
    assert text.count("SparseCategoricalCrossentropy(from_logits=True)(y, y_pred, sample_weight)") == 2


def test_sizes_that_differ_are_for_networks_that_take_any() -> None:
    graph, plan = planned()
    differing = replace(plan, data=replace(plan.data, evaluation_shape=(1, 16, 16)))
    assert "found = small(input_size=(None, None))" in backend.render_training(graph, differing)["train.py"]
    bound = archspec.compile(load_spec(NETWORK.replace("  - global_avg_pool\n", "")))
    with pytest.raises(BackendError, match=r"E0607.*images of 8x8 in training and of 16x16 in evaluation"):
        backend.render_training(bound, differing)
