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
from archspec.training.schedule_source import rate_source, takes_reduction
from archspec_torch.names import class_name
from archspec_torch.training_program.groups import covering
from archspec_torch.training_program.losses import Targets, loss_source
from archspec_torch.training_program.metrics import metrics_of
from archspec_torch.training_program.optimizers import optimizer_source
from archspec_torch.training_program.printing import imports, part
from archspec_torch.training_program.refusals import check, smallest_batch
from archspec_torch.training_program.steps import count_of, drops, step_lines

_PACKAGE: Final = "archspec_torch.training_program"
_IN_MEMORY: Final = ("digits", "csv")


def render_training(graph: LayerGraph, plan: TrainingPlan) -> str:
    """The text of `train.py`; see `WritesTraining.render_training`."""
    targets = Targets(plan, graph)
    check(plan, maps=targets.maps)
    optimizer = optimizer_source(plan, graph)
    metrics = metrics_of(targets)
    images = len(plan.data.training_shape) == 3
    inputs = "images" if images else "features"
    parts = ["states", "non_finite", "explained", *optimizer.parts, *_parts(plan, graph)]
    if metrics.top_k:
        parts.append("among")
    texts = [part(name) for name in parts] + ([optimizer.groups] if optimizer.groups else [])
    autocast = plan.precision in ("bfloat16", "float16")
    final = "test" if plan.data.test is not None else "validation" if plan.data.validation is not None else ""
    values: dict[str, Any] = {
        **_numbers(plan),
        "classes": _classes(plan, [*metrics.measuring, loss_source(targets)]),
        "ignore": targets.ignored,
        "frozen": _frozen_line(_frozen(plan, graph)),
        "rate": rate_source(plan),
        "loss": loss_source(targets),
        "parts": texts,
        "optimizer": optimizer.making,
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
        "autocast": autocast,
        "compute": f"compute({{}}, {inputs})" if autocast else f"{{}}({inputs})",
        "statistics": any(not weight.trainable for weight in graph.all_weights.values()),
        "sync": _synchronizes(plan, graph),
        "drops": drops(graph),
        "setting": optimizer.setting,
        "stepping": step_lines(targets, inputs, autocast=autocast),
        "count": count_of(targets),
        "validation": plan.data.validation is not None,
        "network": class_name(graph),
        "workers": 0 if plan.data.source.name in _IN_MEMORY else 4,
        "parser": lay_out(
            call("argparse.ArgumentParser", description=quoted(f"Train {class_name(graph)} by {plan.name}.")),
            1,
            "parser = ",
        ),
        "final_split": final,
        "decisive": _decisive(plan),
        "example": f"train_{_decisive(plan)}",
        "splits": [split for split in ("validation", "test") if getattr(plan.data, split) is not None],
        **_watched(plan),
    }
    body = render(_PACKAGE, "train.py.j2", p=values)
    head = _head(graph, plan)
    return f"{head}\n\n{imports(body, class_name(graph))}\n\n{body}"


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
        "Under torchrun each batch is shared by the processes, so the result is that of one process.",
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


def _parts(plan: TrainingPlan, graph: LayerGraph) -> list[str]:
    found = []
    if plan.clip is not None and plan.clip.name == "norm":
        found.append("clip_norm")
    if plan.ema is not None:
        found.append("average")
    if _synchronizes(plan, graph):
        biased = any(node.op.name == "batch_norm" and _is_biased(node.op) for node in graph.nodes.values())
        found.append("biased_sync_batch_norm" if biased else "sync_batch_norm")
    return found


def _is_biased(op: Any) -> bool:
    return bool(op.variance == "biased")


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
    return {
        "watching": lines,
        "watched": names,
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
