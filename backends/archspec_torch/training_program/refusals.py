"""What a plan may ask for and the programs of PyTorch do not do."""

from __future__ import annotations

from archspec.errors import BackendError, Diagnostic
from archspec.recipe.losses import CrossEntropy
from archspec.training.plan import TrainingPlan


def refused(message: str, help: str) -> BackendError:
    """The error for something that a program for PyTorch does not do (E0607)."""
    return BackendError(Diagnostic("E0607", f"PyTorch's training programs: {message}", help=help))


def smallest_batch(plan: TrainingPlan) -> int:
    """How many examples the last batch of an epoch has."""
    rest = plan.data.examples["train"] % plan.data.batch
    return plan.data.batch if plan.data.drop_last or not rest else rest


def check(plan: TrainingPlan, *, maps: bool) -> None:
    """See that the parts of a plan can be printed together.

    Args:
        plan: how the network is trained.
        maps: whether there is a target for each place of an image.

    Raises:
        BackendError: they cannot (E0607).
    """
    ignored = {each.loss.ignore if isinstance(each.loss, CrossEntropy) else None for each in plan.losses}
    if len(ignored) > 1:
        message = "the losses leave out different classes, so they are means over different examples"
        raise refused(message, "give all losses of the recipe the same `ignore`, or none")
    if plan.data.mixes and ignored != {None}:
        message = "targets that are mixed are shares of classes, of which none can be left out"
        raise refused(message, "leave out `mix` under `augment`, or `ignore` in the loss")
    smallest, parts = smallest_batch(plan), plan.accumulate
    if smallest < parts:
        message = f"the last batch of an epoch has {smallest} examples, and it is to be computed in {parts} parts"
        raise refused(message, "write `drop_last: true`, or a smaller `accumulate`")
    if plan.data.mixes and maps:
        message = "examples are mixed, and their targets are maps"
        raise refused(message, "leave out `mix` under `augment`")
