"""What a recipe may say and a program of Keras's does not do."""

from __future__ import annotations

from archspec.errors import BackendError, Diagnostic
from archspec.training.plan import TrainingPlan


def refused(what: str, help: str) -> BackendError:
    """The error of a plan that this backend writes no program for."""
    return BackendError(Diagnostic("E0607", f"Keras's training program does not do this: {what}", help=help))


def check(plan: TrainingPlan) -> None:
    """Refuse what the program cannot do.

    Raises:
        BackendError: there is such a thing (E0607).
    """
    last = plan.data.examples["train"] % plan.data.batch
    if plan.accumulate > 1 and not plan.data.drop_last and last % plan.accumulate:
        what = f"an epoch's last batch, of {last}, in {plan.accumulate} equal parts"
        raise refused(what, "write `drop_last: true`, or another `batch` or `accumulate`")
