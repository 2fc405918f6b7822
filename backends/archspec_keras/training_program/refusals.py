"""What a recipe may say and a program of Keras's does not do."""

from __future__ import annotations

from archspec.errors import BackendError, Diagnostic
from archspec.ir.graph import LayerGraph
from archspec.training.plan import TrainingPlan
from archspec_keras.static_properties import size_bound


def refused(what: str, help: str) -> BackendError:
    """The error of a plan that this backend writes no program for."""
    return BackendError(Diagnostic("E0607", f"Keras's training program does not do this: {what}", help=help))


def check(graph: LayerGraph, plan: TrainingPlan) -> None:
    """Refuse what the program cannot do.

    Raises:
        BackendError: there is such a thing (E0607).
    """
    last = plan.data.examples["train"] % plan.data.batch
    if plan.accumulate > 1 and not plan.data.drop_last and last % plan.accumulate:
        what = f"an epoch's last batch, of {last}, in {plan.accumulate} equal parts"
        raise refused(what, "write `drop_last: true`, or another `batch` or `accumulate`")
    bound = size_bound(graph) if plan.data.sizes_differ else frozenset[str]()
    if bound is None or "" in bound:
        sizes = (plan.data.training_shape, plan.data.evaluation_shape)
        here, there = ("x".join(map(str, shape[1:])) for shape in sizes)
        what = (
            f"images of {here} in training and of {there} in evaluation, for a network whose layers depend on the size"
        )
        raise refused(what, "bring them to one size by `augment` and `evaluation` of the recipe")
