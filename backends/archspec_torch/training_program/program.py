"""A training program: a plan and a network made into the text of `train.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from archspec.codegen.escaping import docstring, literal, quoted
from archspec.codegen.pretty_printer import Bracket, call, lay_out
from archspec.codegen.render import render
from archspec.ir.graph import LayerGraph
from archspec.recipe.losses import Accuracy
from archspec.recipe.sections import Ema
from archspec.training.plan import TrainingPlan
from archspec.training.printing import ProgramModule, network_name, part, sources
from archspec.training.schedule_source import rate_source, takes_reduction
from archspec_torch.names import class_name
from archspec_torch.training_program.groups import covering
from archspec_torch.training_program.losses import Targets, loss_source
from archspec_torch.training_program.metrics import metrics_of
from archspec_torch.training_program.optimizers import optimizer_source
from archspec_torch.training_program.refusals import check, smallest_batch
from archspec_torch.training_program.steps import count_of, drops, step_lines

_PACKAGE: Final = "archspec_torch.training_program"
_LIBRARIES: Final = (
    (
        "import argparse",
        "import copy",
        "import math",
        "import os",
        "import sys",
        "import time",
        "from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence",
        "from contextlib import AbstractContextManager, contextmanager, nullcontext",
        "from pathlib import Path",
        "from typing import Any",
    ),
    (
        "import numpy as np",
        "import torch",
        "import torch.distributed as dist",
        "import torch.nn.functional as F",
        "from numpy.typing import NDArray",
        "from torch import Tensor, nn",
        "from torch.distributed.fsdp import FSDPModule, fully_shard",
        "from torch.distributed.nn.functional import all_reduce",
        "from torch.distributed.tensor import DTensor, distribute_tensor",
        "from torch.nn.parallel import DistributedDataParallel",
        "from torch.utils._pytree import tree_leaves",
    ),
)
"""All that a program may import, in the order of its imports; only what it mentions is printed."""
_NETWORK: Final = "BuiltNetwork"
_IN_MEMORY: Final = ("digits", "csv")


def render_training(graph: LayerGraph, plan: TrainingPlan) -> dict[str, str]:
    """The files of a program; see `WritesTraining.render_training`."""
    targets = Targets(plan, graph)
    check(plan, maps=targets.maps)
    optimizer = optimizer_source(plan, graph)
    metrics = metrics_of(targets)
    images = len(plan.data.training_shape) == 3
    inputs = "images" if images else "features"
    helpers = [optimizer.groups] if optimizer.groups else []
    helpers += [_part(name) for name in (*optimizer.parts, *_parts(plan))]
    statistics = any(not weight.trainable for weight in graph.all_weights.values())
    splits = [split for split in ("validation", "test") if getattr(plan.data, split) is not None]
    distributed = (
        ["distributed"] + ["exchanging"] * (plan.accumulate > 1) + ["statistics"] * (statistics and any(splits))
    )
    distributed += ["sync_batch_norm"] * _synchronizes(plan, graph)
    autocast = plan.precision in ("bfloat16", "float16")
    computes = autocast or bool(targets.alone)
    final = "test" if plan.data.test is not None else "validation" if plan.data.validation is not None else ""
    values: dict[str, Any] = {
        **_numbers(plan),
        "classes": _classes(plan, [*metrics.measuring, loss_source(targets)]),
        "ignore": targets.ignored,
        "frozen": _frozen_line(_frozen(plan, graph)),
        "rate": rate_source(plan),
        "loss": loss_source(targets),
        "optimizer": optimizer.making,
        "measuring_parts": [_part(name) for name in ["among"] * metrics.top_k + ["losses"]],
        "counts": metrics.counts,
        "counted": metrics.counted,
        "confusion": metrics.confusion,
        "measuring": metrics.measuring,
        "numbers": metrics.numbers,
        "outputs": targets.outputs,
        "inputs": inputs,
        "images": images,
        "on_device_doc": _on_device(images),
        "dtype": ", torch.float64" if plan.precision == "float64" else "",
        "long": ".long()" if targets.maps else "",
        "precision": plan.precision,
        "shares_float64": plan.precision == "float64" and plan.data.mixes,
        "autocast": autocast,
        "alone": targets.alone,
        "computes": computes,
        "compute": f"compute({{}}, {inputs})" if computes else f"{{}}({inputs})",
        "statistics": statistics,
        "sync": _synchronizes(plan, graph),
        "drops": drops(graph),
        "setting": optimizer.setting,
        "stepping": step_lines(targets, inputs, computes=computes),
        "count": count_of(targets),
        "validation": plan.data.validation is not None,
        "network": _NETWORK,
        "workers": 0 if plan.data.source.name in _IN_MEMORY else 4,
        "parser": lay_out(
            call("argparse.ArgumentParser", description=quoted(f"Train by the recipe {plan.name}.")),
            1,
            "parser = ",
        ),
        "final_split": final,
        "decisive": _decisive(plan),
        "example": f"train_{_decisive(plan)}",
        "splits": splits,
        **_watched(plan),
    }
    train = render(_PACKAGE, "train.py.j2", p=values)
    name, imported = network_name(class_name(graph), _NETWORK, train)
    train = render(_PACKAGE, "train.py.j2", p=values | {"network": name})
    modules = {
        "checkpoints": ProgramModule(
            '"""Weights, and what else a run goes on from, as safetensors files."""', _part("checkpoints")
        ),
        "distributed": ProgramModule(
            '"""Processes that share each batch, and the devices that they use."""',
            "\n\n\n".join([*map(_part, distributed), render(_PACKAGE, "on_device.py.j2", p=values)]),
        ),
        "failures": ProgramModule(
            '"""What ends a run before its time."""',
            "\n\n\n".join(map(_part, ["failures"] + ["finite_sum"] * any(splits))),
        ),
        "metrics": ProgramModule('"""What is measured."""', render(_PACKAGE, "metrics.py.j2", p=values)),
        "optimizers": ProgramModule(
            '"""What PyTorch\'s optimizers do not do by themselves."""', "\n\n\n".join(helpers)
        ),
        "train": ProgramModule(_head(graph, plan), train),
    }
    return sources(modules, _LIBRARIES, imported, "from __future__ import annotations")


def _part(name: str) -> str:
    return part(f"{_PACKAGE}.parts", name)


def _head(graph: LayerGraph, plan: TrainingPlan) -> str:
    title = f": {plan.title}" if plan.title else ""
    *lines, last = docstring(f"Trains {class_name(graph)} by the recipe {plan.name}{title}", 0)
    last = last.removesuffix('"""')
    data = "" if plan.data.source.name == "digits" else " --data DIR"
    usage = [
        "",
        f"    python train.py{data}",
        f"    torchrun --nproc-per-node 2 train.py{data}",
        "",
        "Under torchrun the processes share each batch.",
        '"""',
    ]
    return "\n".join([*lines, *([last] if last else []), *usage])


def _numbers(plan: TrainingPlan) -> dict[str, Any]:
    data = plan.data
    return {
        "seed": plan.seed,
        "batch": _whole(data.batch),
        "examples": _whole(data.examples["train"]),
        "epoch": _whole(plan.steps_per_epoch),
        "steps": _whole(plan.steps),
        "epochs": _whole(plan.epochs),
        "accumulate": plan.accumulate,
        "smallest": smallest_batch(plan),
    }


def _whole(number: int) -> str:
    """A number as people write it: 64_000."""
    return f"{number:_}" if number >= 10_000 else str(number)


def _classes(plan: TrainingPlan, texts: Sequence[str]) -> int | None:
    return plan.data.classes if any("CLASSES" in text for text in texts) else None


def _on_device(images: bool) -> str:
    if not images:
        return '"""Features and targets as tensors."""'
    return '"""Images, channels first as PyTorch has them, and targets, as tensors."""'


def _parts(plan: TrainingPlan) -> list[str]:
    found = []
    if plan.clip is not None and plan.clip.name == "norm":
        found.append("clip_norm")
    if plan.ema is not None:
        found.append("average")
    return found


def _synchronizes(plan: TrainingPlan, graph: LayerGraph) -> bool:
    return plan.sync_batch_norm and any(node.op.name == "batch_norm" for node in graph.nodes.values())


def _frozen(plan: TrainingPlan, graph: LayerGraph) -> list[str]:
    """The modules that are frozen whole: those of frozen layers, or the ones around them.

    A layer without weights, such as a dropout, has a module of its own where its path has one in the network.
    """
    owners = {name.rpartition(".")[0] for name in graph.all_weights}
    random = {path for path, node in graph.nodes.items() if node.op.random}
    layers = {f"{path}.": None for path in (*owners, *random)}
    frozen = [f"{path}." for path in plan.frozen_layers if f"{path}." in layers]
    roots, _ = covering(frozen, [*layers, *(f"{path}." for path in graph.nodes)])
    return roots


def _frozen_line(paths: Sequence[str]) -> list[str]:
    if len(paths) < 2:
        return [f"FROZEN = ({quoted(path)},)" for path in paths]
    return lay_out(Bracket("", tuple(map(quoted, paths))), 0, "FROZEN = ")


def _watched(plan: TrainingPlan) -> Mapping[str, Any]:
    """What is watched from epoch to epoch."""
    lines: list[str] = []
    names: list[str] = []
    stopping, checkpoint = plan.early_stopping, plan.checkpoint
    restores = stopping is not None and stopping.restore_best
    best = checkpoint.best if checkpoint is not None else stopping.watch if stopping and restores else None
    if best is not None:
        names.append("best")
        lines.append(f"    best = Watched({quoted(best)})")
    plateau = plan.plateau if takes_reduction(plan) else None
    if plateau is not None:
        names.append("plateau")
        keywords = {
            "factor": literal(plateau.factor),
            "patience": literal(plateau.patience),
            "cooldown": literal(plateau.cooldown),
            "threshold": literal(plateau.threshold),
            "threshold_mode": quoted(plateau.threshold_mode),
        }
        lines += lay_out(call("Plateau", quoted(plateau.watch), **keywords), 1, "plateau = ")
    if stopping is not None:
        names.append("stopping")
        keywords = {
            "patience": literal(stopping.patience),
            "threshold": literal(stopping.threshold),
            "threshold_mode": quoted(stopping.threshold_mode),
            "start": literal(stopping.start),
        }
        lines += lay_out(call("EarlyStopping", quoted(stopping.watch), **keywords), 1, "stopping = ")
    kept = {
        **({"average": "average.network"} if plan.ema is not None else {}),
        "writes": "failed is None",
        **({"scaler": "scaler"} if plan.precision == "float16" else {}),
        **{name: name for name in names},
    }
    folder = 'arguments.output / "checkpoints"'
    return {
        "checkpoints": lay_out(call("Checkpoints", folder, "network", "optimizer", **kept), 1, "checkpoints = "),
        "watching": lines,
        "best": best,
        "plateau": plateau.watch if plateau is not None else None,
        "overridden": plan.plateau is not None and plateau is None,
        "stopping": stopping.watch if stopping is not None else None,
        "restore": restores,
        "every": checkpoint.every if checkpoint is not None else 1,
        "measured": "average.network" if plan.ema is not None else "network",
        "ema": plan.ema is not None,
        "ema_decay": literal(plan.ema.decay) if plan.ema is not None else None,
        "averaging": _averaging(plan.ema) if plan.ema is not None else [],
    }


def _averaging(ema: Ema) -> list[str]:
    """Lines for what the average does after a step."""
    moves = f"(step + 1) % {ema.every} == 0" if ema.every > 1 else ""
    if ema.start:
        other = f"elif {moves}:" if moves else "else:"
        first = "EPOCH" if ema.start == 1 else f"{ema.start} * EPOCH"
        copy = [f"if step < {first}:", "    average.copy(network)"]
        return [*copy, other, "    average.update(network)"]
    return [f"if {moves}:", "    average.update(network)"] if moves else ["average.update(network)"]


def _decisive(plan: TrainingPlan) -> str:
    """The number that the last line of the output says."""
    return "accuracy" if any(isinstance(metric, Accuracy) for metric in plan.metrics) else "loss"
