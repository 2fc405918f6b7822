"""What training programs look like, and what they do where something goes wrong."""

from __future__ import annotations

import ast
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

import archspec
from archspec.errors import BackendError
from archspec.passes import run_passes
from archspec.passes.remove_decay import RemoveDecay
from archspec.recipe import load
from archspec.training.backend import WritesTraining
from archspec.training.facts import DataFacts
from archspec.training.parts.records import load_checkpoint
from archspec.training.plan import plan_of
from archspec_torch import backend
from tests.archspec_torch.training.run_folder import DATA, PLAIN, SMALL, changed, program
from tests.training.modules import in_order

GOLDEN = Path(__file__).parent / "golden"
OWN = {"checkpoints", "data", "distributed", "failures", "metrics", "model", "optimizers", "records", "watching"}
_CIFAR = DataFacts({"train": 50_000, "test": 10_000}, (3, 32, 32), "classes", 10)
_IMAGENET = DataFacts({"train": 1_281_167, "val": 50_000}, (3, None, None), "classes", 1000)
_DIGITS = DataFacts({"train": 1442, "test": 355}, (1, 8, 8), "classes", 10)
SHIPPED: Mapping[str, tuple[str, Mapping[str, Any], DataFacts]] = {
    "cifar10_keras": ("cifar_resnet_keras", {}, _CIFAR),
    "cifar10_paper": ("cifar_resnet", {}, _CIFAR),
    "digits": ("cifar_resnet", {"in_channels": 1, "size": 8}, _DIGITS),
    "imagenet_paper": ("resnet50", {}, _IMAGENET),
    "imagenet_torchvision": ("resnet50", {}, _IMAGENET),
}


def shipped(recipe: str) -> dict[str, str]:
    spec, params, facts = SHIPPED[recipe]
    graph = archspec.compile(spec, **params)
    plan = plan_of(load(recipe), graph, facts)
    return backend.render_training(run_passes(graph, (RemoveDecay(),)).graph, plan)


@pytest.mark.parametrize("recipe", SHIPPED)
def test_programs_of_shipped_recipes(recipe: str, request: pytest.FixtureRequest) -> None:
    files = shipped(recipe)
    varying = {name: text for name, text in files.items() if name in ("train.py", "metrics.py", "optimizers.py")}
    text = "\n".join(f"# ---- {name}\n{text}" for name, text in varying.items())
    path = GOLDEN / f"{recipe}.txt"
    if request.config.getoption("--update-golden"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
    for text in files.values():
        assert "archspec" not in {name for node in ast.walk(ast.parse(text)) for name in _imported(node)}


@pytest.mark.parametrize("recipe", SHIPPED)
def test_the_loop_is_short_enough_to_be_read(recipe: str) -> None:
    assert 150 <= len(shipped(recipe)["train.py"].splitlines()) <= 250


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    return [(node.module or "").partition(".")[0]] if isinstance(node, ast.ImportFrom) else []


def test_all_shipped_recipes_are_tried() -> None:
    found = {path.stem for path in Path(archspec.__file__).parents[1].glob("specs/recipes/*.yaml")}
    assert found == SHIPPED.keys()


ODD: Mapping[str, Mapping[str, Any]] = {
    "everything": {
        "accumulate": 4,
        "clip": {"norm": 1.0},
        "precision": "float16",
        "ema": {"decay": 0.9, "every": 4, "start": 1},
        "plateau": {"watch": "train_loss", "factor": 0.5, "floor": 1e-3, "patience": 1},
        "early_stopping": {"watch": "validation_loss", "restore_best": True},
        "metrics": ["accuracy", {"top_k": 2}, "confusion", "mean_iou"],
        "optimizer": {"lion": {"learning_rate": 1e-4}},
        "checkpoint": {"every": 3, "best": "validation_mean_iou"},
        "sync_batch_norm": True,
        "weight_decay": {"amount": 1e-4, "coupled": False},
        "schedule": {"by": "epoch", "phases": ["cosine"]},
        "loss": {"cross_entropy": {"label_smoothing": 0.1, "ignore": 2}},
    },
    "groups": {
        "weight_decay": {"amount": 1e-4, "coupled": False, "exempt": ["norms", "conv2"]},
        "rates": {"fc": 0.5, "conv2": 0.1},
        "freeze": ["conv1"],
        "optimizer": {"rmsprop": {"learning_rate": 1e-3, "centered": True}},
    },
    "bfloat16": {
        "precision": "bfloat16",
        "clip": {"value": 0.1},
        "loss": {"binary_cross_entropy": {"label_smoothing": 0.1}},
        "weight_decay": {"amount": 1e-4, "coupled": True, "exempt": ["norms", "biases"]},
    },
    "nothing": {"metrics": None, "data": {"source": {"arrays": {"classes": 3}}}},
}


@pytest.mark.parametrize("name", [*SHIPPED, *ODD])
def test_programs_are_as_formatters_have_them(name: str, tmp_path: Path) -> None:
    ruff = shutil.which("ruff")
    if ruff is None:
        pytest.skip("ruff is not installed")
    if name in SHIPPED:
        for file, text in shipped(name).items():
            (tmp_path / file).write_text(text, encoding="utf-8")
    else:
        program(tmp_path, ODD[name])
        for file in ("model.py", "data.py", "records.py", "watching.py"):
            (tmp_path / file).unlink(missing_ok=True)
    rules = ["--select", "E,W,F,I,N,UP,B,C4,PIE,RET,SIM,RUF,D1", "--ignore", "D105,D107,N812,SIM108"]
    own = ["--config", f"lint.isort.known-first-party = {sorted(OWN)}"]
    common = ["--isolated", "--config", "line-length = 100", str(tmp_path)]
    found = subprocess.run([ruff, "check", *rules, *own, *common], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout
    found = subprocess.run([ruff, "format", "--diff", *common], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("name", ODD)
def test_nothing_is_defined_in_vain(name: str, tmp_path: Path) -> None:
    """But in the modules that are the same for all recipes."""
    program(tmp_path, ODD[name])
    files = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.glob("*.py")}
    assert in_order(files)[-1] == "train"
    trees = {name.removesuffix(".py"): ast.parse(text) for name, text in files.items()}
    used = {
        node.id
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    for module in ("train", "metrics", "optimizers", "failures", "distributed"):
        body = trees[module].body if module in trees else []
        defined = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        assigned = (node for node in body if isinstance(node, ast.Assign))
        defined |= {target.id for node in assigned for target in node.targets if isinstance(target, ast.Name)}
        assert defined <= used


@pytest.mark.parametrize("name", ODD)
def test_odd_programs_run(name: str, tmp_path: Path) -> None:
    run = program(tmp_path, ODD[name])
    last = run.here().splitlines()[-1]
    assert last.startswith("train loss" if name == "nothing" else "test accuracy")


def test_the_backend_writes_training() -> None:
    assert isinstance(backend, WritesTraining)


def test_checkpoints_have_the_weights_by_canonical_name(tmp_path: Path) -> None:
    run = program(tmp_path, {"optimizer": {"sgd": {"learning_rate": 0.1, "momentum": 0.9}}, "ema": {"decay": 0.9}})
    run.here()
    found = run.checkpoint()
    weights = backend.from_checkpoint(run.graph, found)
    assert weights.keys() == run.graph.all_weights.keys()
    assert backend.to_checkpoint(run.graph, weights).keys() == weights.keys()
    assert "optimizer/fc.weight/momentum_buffer" in found
    assert "ema/bn1.running_mean" in found


def test_what_is_frozen_stays_as_it_is(tmp_path: Path) -> None:
    spec = SMALL.replace(
        "  - relu\n  - conv: {name: conv2", "  - dropout: {name: drop, rate: 0.9}\n  - conv: {name: conv2"
    )
    run = program(tmp_path, {"freeze": ["conv1", "bn1", "drop"], "epochs": 2}, spec)
    text = (run.folder / "train.py").read_text(encoding="utf-8")
    assert 'FROZEN = ("bn1", "conv1", "drop")' in text
    random = np.random.default_rng(0)
    start = {name: random.random(weight.shape) for name, weight in run.graph.all_weights.items()}
    save_file(start, run.folder / "start.safetensors")
    run.here("--weights", run.folder / "start.safetensors")
    found = run.checkpoint()
    for name in start:
        assert np.array_equal(start[name], found[name]) == name.startswith(("conv1", "bn1")), name


def test_a_loss_that_is_not_finite_is_said_with_the_layer(tmp_path: Path) -> None:
    run = program(tmp_path, {})
    random = np.random.default_rng(0)
    start = {name: random.random(weight.shape) for name, weight in run.graph.all_weights.items()}
    start["conv2.weight"][0, 0, 0, 0] = np.nan
    save_file(start, run.folder / "start.safetensors")
    with pytest.raises(SystemExit, match=r"step 0: the loss is nan; the first layer with one is conv2 \(Conv2d\)"):
        run.here("--weights", run.folder / "start.safetensors")


def test_a_loss_that_grows_without_bound_is_said_with_its_step(tmp_path: Path) -> None:
    run = program(tmp_path, {"optimizer": {"sgd": {"learning_rate": 1e15}}, "loss": "mean_squared_error"}, PLAIN)
    with pytest.raises(SystemExit, match=r"step [1-9]: the loss is (inf|nan); ") as every_step:
        run.here("--output", tmp_path / "one")
    # Losses that are read seldom: the same step and the same layer, and no checkpoint of spoiled weights. Whether there
    # is one of the first epoch depends on the last bits of its losses.
    with pytest.raises(SystemExit) as late:
        run.here("--output", tmp_path / "late", "--log-every", 50)
    assert late.value.code == every_step.value.code
    if (tmp_path / "late" / "checkpoints").exists():
        assert all(np.isfinite(array).all() for array in run.checkpoint(output=tmp_path / "late").values())


@pytest.mark.parametrize("more", [{}, {"accumulate": 2}, {"plateau": {"watch": "train_loss", "patience": 0}}])
def test_a_step_that_is_found_late_is_found_in_a_later_epoch_as_well(more: dict[str, Any], tmp_path: Path) -> None:
    spec = PLAIN.replace("  - flatten\n", "  - flatten\n  - dropout: {name: drop, rate: 0.3}\n")
    run = program(tmp_path, {**more, "epochs": 6, "checkpoint": {"best": "train_loss", "every": 4}}, spec)
    fault = "network.get_parameter('conv2.weight').data[0, 0, 0, 0] = math.nan if step == 13 else 0.5"
    line = "            optimizer.zero_grad()\n"
    changed(
        run.folder,
        "            if failed is not None and step",
        f"            {fault}\n            if failed is not None and step",
    )
    changed(run.folder, "import argparse\n", "import argparse\nimport math\n")
    assert line
    for every in (1, 50):
        output = tmp_path / f"every{every}"
        with pytest.raises(SystemExit, match=r"step 13: the loss is nan; the first layer with one is conv2 \(Conv2d\)"):
            run.here("--output", output, "--log-every", every)
        assert max(line["step"] for line in run.history(output)) == 12


def test_a_validation_loss_that_is_not_finite_ends_the_run_with_the_layer(tmp_path: Path) -> None:
    run = program(tmp_path, {"batch": 4})
    changed(run.folder, "    network.eval()\n", "    network.eval()\n    network.bn1.running_var[0] = math.nan\n")
    changed(run.folder, "import argparse\n", "import argparse\nimport math\n")
    said = r"the validation loss is nan, first in batch 0; the first layer with one is bn1 \(BatchNorm2d\)"
    with pytest.raises(SystemExit, match=said):
        run.here()
    random = np.random.default_rng(0)
    start = {name: random.random(weight.shape) for name, weight in run.graph.all_weights.items()}
    save_file(start, run.folder / "start.safetensors")
    with pytest.raises(SystemExit, match=said):
        run.here("--evaluate", run.folder / "start.safetensors")


def test_examples_that_are_not_finite_are_said(tmp_path: Path) -> None:
    run = program(tmp_path, {"batch": 4})
    changed(run.folder, "        outputs = network(images)\n", "        outputs = network(images * 1e200 * 1e200)\n")
    changed(run.folder, "return first_non_finite(network, [images])", "return first_non_finite(network, [images / 0])")
    with pytest.raises(SystemExit, match=r"the validation loss is nan, .*; the examples have one themselves"):
        run.here()


@pytest.mark.parametrize("more", [{}, {"accumulate": 2}])
@pytest.mark.parametrize("step", [0, 3, 4])
def test_a_batch_that_cannot_be_read_leaves_a_checkpoint_to_go_on_from(
    more: dict[str, Any], step: int, tmp_path: Path
) -> None:
    """Epochs have three steps."""
    run = program(tmp_path, {**more, "optimizer": {"sgd": {"learning_rate": 0.1, "momentum": 0.9}}})
    whole, damaged = tmp_path / "whole", tmp_path / "damaged"
    run.here("--output", whole)
    line = "        epoch, within_epoch = divmod(step, len(self))\n"
    there = f"step == {step} and self.shuffle and self.size > 2 and rank == ranks - 1"  # the last part of a batch
    fault = f'        if {there}:\n            raise DataError("cat/3.png: damaged")\n'
    changed(run.folder, line, fault + line)
    with pytest.raises(SystemExit, match=r"^cat/3\.png: damaged\nset it right, .* with --resume$"):
        run.here("--output", damaged)
    assert read_checkpoint_step(damaged) == step
    changed(run.folder, fault, "")
    run.here("--output", damaged, "--resume")
    assert run.history(whole) == run.history(damaged)
    for name, array in run.checkpoint(output=whole).items():
        assert np.array_equal(array, run.checkpoint(output=damaged)[name]), name


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_batches_are_copied_to_a_gpu_from_pinned_memory(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = program(tmp_path, {})
    text = (run.folder / "distributed.py").read_text(encoding="utf-8")
    space: dict[str, Any] = {"torch": torch, "Any": Any, "Tensor": torch.Tensor}
    exec(text[text.index("def on_device") :], space)
    asked: list[object] = []

    def pin_memory(tensor: torch.Tensor) -> torch.Tensor:
        asked.append("pinned")
        return tensor

    def to(tensor: torch.Tensor, device: torch.device, *, non_blocking: bool) -> torch.Tensor:
        asked.append((device.type, non_blocking))
        return tensor

    monkeypatch.setattr(torch.Tensor, "pin_memory", pin_memory)
    monkeypatch.setattr(torch.Tensor, "to", to)
    images, _ = space["on_device"]((np.zeros((2, 4, 5, 1), np.float32), np.zeros(2, np.int64)), torch.device(kind))
    assert asked == (["pinned"] * 2 if kind == "cuda" else []) + [(kind, kind == "cuda")] * 2
    assert images.shape == (2, 1, 4, 5)


def read_checkpoint_step(folder: Path) -> int:
    _, state = load_checkpoint(folder / "checkpoints" / "last.safetensors")
    return int(state["step"])


@pytest.mark.parametrize(
    "error",
    [
        'torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")',
        "MemoryError()",
        'RuntimeError("[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: can\'t allocate memory")',
    ],
)
def test_memory_that_does_not_suffice_is_said(error: str, tmp_path: Path) -> None:
    run = program(tmp_path, {})
    line = "            optimizer.zero_grad()\n"
    changed(run.folder, line, f"{line}            if step == 4:\n                raise {error}\n")
    with pytest.raises(SystemExit, match=r"step 4: out of memory(.|\n)*accumulate: 2"):
        run.here()


def test_another_error_is_no_lack_of_memory(tmp_path: Path) -> None:
    run = program(tmp_path, {})
    changed(run.folder, "optimizer.zero_grad()\n", 'raise RuntimeError("shapes")\n')
    with pytest.raises(RuntimeError, match="shapes"):
        run.here()


def test_a_dry_run_measures_and_writes_everything(tmp_path: Path) -> None:
    run = program(tmp_path, {"checkpoint": {"best": "validation_loss"}})
    said = run.here("--limit-steps", 2)
    assert said.splitlines()[-1].startswith("test accuracy ")
    assert {path.name for path in (run.folder / "checkpoints").iterdir()} == {"last.safetensors", "best.safetensors"}
    assert [line["step"] for line in run.history()] == [0, 1, 2, 2]


@pytest.mark.parametrize("steps", [2, 4])
def test_a_run_goes_on_from_a_dry_run_as_if_there_had_been_none(steps: int, tmp_path: Path) -> None:
    """Epochs have three steps."""
    watched = {
        "plateau": {"watch": "validation_loss", "factor": 0.5, "patience": 0, "threshold": 0.5},
        "early_stopping": {"watch": "validation_accuracy", "patience": 9, "restore_best": True},
        "checkpoint": {"best": "validation_accuracy"},
        "optimizer": {"sgd": {"learning_rate": 0.1, "momentum": 0.9}},
    }
    run = program(tmp_path, watched)
    whole, dry = tmp_path / "whole", tmp_path / "dry"
    run.here("--output", whole)
    run.here("--output", dry, "--limit-steps", steps)
    assert [line["epoch"] for line in run.history(dry) if "partial" in line] == [steps // 3 + 1]
    run.here("--output", dry, "--resume")
    assert run.history(whole) == run.history(dry)
    for kind in ("last", "best"):
        for name, array in run.checkpoint(kind, whole).items():
            assert np.array_equal(array, run.checkpoint(kind, dry)[name]), name


def test_weights_of_another_network_and_damaged_data_are_said(tmp_path: Path) -> None:
    run = program(tmp_path, {})
    save_file({"fc.weight": np.zeros((2, 4))}, run.folder / "other.safetensors")
    with pytest.raises(SystemExit, match=r"the weights do not fit this network: conv1\.weight are missing"):
        run.here("--weights", run.folder / "other.safetensors")
    (run.folder / "train.npz").write_bytes(b"no arrays")
    with pytest.raises(SystemExit, match=r"train\.npz"):
        run.here()


def test_compiled_and_in_bfloat16(tmp_path: Path) -> None:
    run = program(tmp_path, {"precision": "bfloat16", "epochs": 1})
    assert run.here().splitlines()[-1].startswith("test accuracy")


@pytest.mark.slow
def test_a_compiled_program_gives_the_same(tmp_path: Path) -> None:
    run = program(tmp_path, {})
    run.here("--output", tmp_path / "plain")
    run.here("--output", tmp_path / "compiled", "--compile")
    torch.compiler.reset()
    first, second = run.checkpoint(output=tmp_path / "plain"), run.checkpoint(output=tmp_path / "compiled")
    for name, array in first.items():
        np.testing.assert_allclose(array, second[name], atol=1e-10, err_msg=name)


REFUSED: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "mixed and left out": (
        {
            "data": {**DATA, "augment": [{"mix": {"mixup": 0.3}}]},
            "loss": {"cross_entropy": {"ignore": 1}},
        },
        "targets that are mixed are shares of classes",
    ),
    "more parts than examples": (
        {"batch": 7, "accumulate": 7},
        "the last batch of an epoch has 1 examples, and it is to be computed in 7 parts",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_printed_is_refused(name: str, tmp_path: Path) -> None:
    recipe, said = REFUSED[name]
    with pytest.raises(BackendError, match=said) as error:
        program(tmp_path, recipe)
    assert error.value.diagnostics[0].code == "E0607"
    assert error.value.diagnostics[0].help
