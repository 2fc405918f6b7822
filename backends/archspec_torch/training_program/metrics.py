"""The metrics of a plan as lines of PyTorch: what is counted, and what is made of the counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archspec.recipe.losses import Accuracy, BinaryCrossEntropy, Confusion, MeanIoU, TopK
from archspec_torch.training_program.losses import Targets
from archspec_torch.training_program.refusals import refused


@dataclass(frozen=True, slots=True)
class Metrics:
    """The lines of the class `Measures`."""

    counts: int
    counted: str
    """What is counted, as a comment."""
    confusion: bool
    """Whether there is a matrix of classes that were taken for classes."""
    measuring: Sequence[str]
    numbers: Sequence[str]
    top_k: bool
    """Whether it is asked which classes are among the largest."""


def metrics_of(targets: Targets) -> Metrics:
    """What is measured of a plan."""
    plan = targets.plan
    names, counted, counting = ["examples"], ["places" if targets.maps else "examples"], [_count(targets)]
    results = ['f"{split}_loss": self.loss / max(examples, 1)']
    confusion: list[str] = []
    matrices: list[str] = []
    top_k = False
    known = "" if targets.ignored is None else " & known"
    scores, classes = _names(targets)
    for metric in plan.metrics:
        match metric:
            case Accuracy():
                counting.append(f"((found == {classes}){known}).sum()" if known else f"(found == {classes}).sum()")
                names.append("right")
                counted.append("right ones")
            case TopK(k=k):
                top_k = True
                among = f"among({scores}, {classes}, {k})"
                counting.append(f"({among}{known}).sum()" if known else f"{among}.sum()")
                names.append(f"top_{k}")
                counted.append(f"those right among {k}")
            case Confusion():
                matrices.append('f"{split}_confusion": confusion.tolist()')
                continue
            case MeanIoU():
                confusion = [
                    "shared = confusion.diagonal()",
                    "united = confusion.sum(0) + confusion.sum(1) - shared",
                    "there = united > 0  # classes that do not occur are left out",
                ]
                matrices.append('f"{split}_mean_iou": (shared[there] / united[there].double()).mean().item()')
                continue
            case other:
                help = "write a metric that the page on recipes lists"
                raise refused(f"there is nothing to print for the metric `{other.name}`", help)
        results.append(f'f"{{split}}_{metric.label}": {names[-1]} / max(examples, 1)')
    measuring = list(_classes(targets)) if len(counting) > 1 or matrices else []
    if targets.ignored is not None and not measuring:
        measuring = ["known = targets != IGNORED"]
    measuring += [f"self.counts[{index}] += {expression}" for index, expression in enumerate(counting)]
    if matrices:
        pairs = f"{classes} * CLASSES + found"
        pairs = f"({pairs})[known]" if known else f"({pairs}).flatten()" if targets.maps else pairs
        measuring.append(f"self.confusion += torch.bincount({pairs}, minlength=CLASSES**2)")
    numbers = [f"{', '.join(names)} = over_processes(self.counts).tolist()"]
    if len(names) == 1:
        numbers = ["examples = over_processes(self.counts).item()"]
    if matrices:
        numbers.append("confusion = over_processes(self.confusion).view(CLASSES, CLASSES)")
    numbers += confusion
    every = [*results, *matrices]
    line = f"return {{{', '.join(every)}}}"
    numbers += [line] if len(line) <= 92 else ["return {", *(f"    {each}," for each in every), "}"]
    return Metrics(len(names), ", ".join(counted), bool(matrices), measuring, numbers, top_k)


def _count(targets: Targets) -> str:
    if targets.ignored is not None:
        return "known.sum()"
    return "targets.numel()" if targets.maps else "len(targets)"


def _names(targets: Targets) -> tuple[str, str]:
    """What the outputs and the right classes are called."""
    changed = targets.ignored is not None or targets.plan.data.mixes
    return "scores" if targets.names else "outputs", "classes" if changed else "targets"


def _classes(targets: Targets) -> list[str]:
    """Lines for the right classes and for those that were found."""
    first = targets.plan.losses[0]
    scores, _ = _names(targets)
    lines = [f"scores = {targets.output(first.output)}"] if targets.names else []
    if targets.sizes(first)[0] == 1:
        most = "0.5" if isinstance(first.loss, BinaryCrossEntropy) and first.loss.of == "probabilities" else "0"
        lines.append(f"found = ({scores} > {most}).long().squeeze(1)")
    else:
        lines.append(f"found = {scores}.argmax(1)")
    if targets.ignored is not None:
        lines += ["known = targets != IGNORED", "classes = targets.where(known, 0)"]
    elif targets.plan.data.mixes:  # the class with the larger share
        lines.append("classes = targets.argmax(1) if targets.ndim > 1 else targets")
    return lines
