"""A contender's process: `python -m archspec.bench.worker`.

The first request makes the model and computes the batch once; the others ask for the seconds of some steps.
"""

from __future__ import annotations

import os
import pickle
import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from archspec.api import generate
from archspec.bench.backend import TimedModel, TimesModels
from archspec.bench.contenders import Contender
from archspec.bench.task import Task
from archspec.codegen.registry import backend as find
from archspec.worker_process import serve

if TYPE_CHECKING:
    Arrays = Mapping[str, np.ndarray[Any, Any]]

_KIB: Final = 1024
_MOST_STEPS: Final = 2000


def prepare(folder: Path, contender: Contender) -> tuple[TimedModel, dict[str, Any]]:
    """The model, ready, and what is known of it: the seconds until its first result, and whose weights it has."""
    task: Task = pickle.loads((folder / "task.pickle").read_bytes())  # ours, from our own process
    arrays = dict(np.load(folder / "arrays.npz"))
    inputs, targets, weights, trained = (
        {name.partition("/")[2]: array for name, array in arrays.items() if name.startswith(f"{kind}/")}
        for kind in ("inputs", "targets", "weights", "trained")
    )
    began = time.perf_counter()
    if contender.file:
        from archspec.bench.rivals import check_outputs, errors_with_lines, rival

        with errors_with_lines(contender):
            forms = [weights, trained] if trained else [weights]
            timed, same_weights = rival(contender, task, inputs, targets if task.training else None, forms)
            timed.step()
    else:
        target = find(contender.backend, TimesModels)
        target.require(contender.engine)
        source = generate(task.graph, contender.backend, dtype=task.dtype)
        model = target.build(source, task.graph, weights=weights, device=task.device, dtype=task.dtype)
        given = targets if task.training else None
        timed, same_weights = target.timed(model, task.graph, inputs, variant=contender.variant, targets=given), True
        timed.step()
    first = time.perf_counter() - began
    if not task.training:
        outputs = {name: np.asarray(array, np.float64) for name, array in timed.outputs().items()}
        if contender.file:
            check_outputs(outputs, task)
        np.savez(folder / f"outputs-{os.getpid()}.npz", allow_pickle=False, **outputs)
    return timed, {"first": first, "same_weights": same_weights, "outputs": f"outputs-{os.getpid()}.npz"}


def measure(timed: TimedModel, steps: int, least: float) -> list[float]:
    """The seconds of each step.

    Args:
        timed: the model.
        steps: how many, at least.
        least: seconds that all of them take at least, as far as `_MOST_STEPS` allow it. How many steps that are is seen
            anew in each turn, since a machine that was free before may be busy now.
    """
    found: list[float] = []
    total = 0.0
    while len(found) < steps or (total < least and len(found) < _MOST_STEPS):
        began = time.perf_counter()
        timed.step()
        found.append(time.perf_counter() - began)
        total += found[-1]
    return found


def peak_memory() -> int:
    """Bytes that this process has held at the most."""
    status = Path("/proc/self/status")
    if status.is_file():  # on Linux a process begins with its parent's peak in what `getrusage` says
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * _KIB
    found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found if sys.platform == "darwin" else found * _KIB


def main() -> None:
    """Answer requests until there are no more."""
    timed: TimedModel | None = None

    def handle(request: dict[str, Any]) -> dict[str, Any]:
        nonlocal timed
        if "contender" in request:
            timed, found = prepare(Path(request["folder"]), Contender(**request["contender"]))
            return found
        assert timed is not None  # it is prepared first
        return {"seconds": measure(timed, request["steps"], request["least"]), "memory": peak_memory()}

    serve(handle)


if __name__ == "__main__":
    main()
