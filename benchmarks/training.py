"""What generated training costs: `python -m benchmarks.training` from the repository's root.

A step of a generated program beside one of the same loop written by hand, in PyTorch; then images/s of the
data of generated programs beside torchvision's transforms in a DataLoader, which needs torchvision. What is compared is
measured in turn in one process. A step is measured by its processor time: on a busy machine the clock's says more of
the others.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import math
import os
import runpy
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import archspec
from archspec.recipe import load_text
from archspec.training.program import make_program
from benchmarks import training_data
from benchmarks.machine import describe

BOUND: Final = 1.02
"""Times a step of the loop by hand."""
RECIPE: Final = """
archspec: 1
recipe: measured
data:
  source: digits
  prepare: [rescale: 1 / 16]
  augment: [pad_crop: {padding: 1}]
batch: 64
drop_last: true
epochs: 2
loss: cross_entropy
optimizer: {sgd: {learning_rate: 0.05, momentum: 0.9, nesterov: true}}
schedule: {by: step, phases: [cosine]}
metrics: [accuracy]
"""
"""What people write by hand, too."""
Stamps = list[float]
"""The processor time after each step."""


def by_program(folder: Path, steps: int) -> Stamps:
    """Of the program, which counts its examples once a step."""
    stamps: Stamps = []
    before = list(sys.argv)
    with _modules_of(folder), tempfile.TemporaryDirectory() as output:
        import records  # type: ignore[import-not-found]

        count = records.Progress.count

        def stamped(self: Any, examples: int) -> None:
            count(self, examples)
            stamps.append(time.process_time())

        records.Progress.count = stamped
        sys.argv = ["train.py", "--output", output, "--limit-steps", str(steps)]
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                runpy.run_path(str(folder / "train.py"), run_name="__main__")
        finally:
            sys.argv = before
    return stamps


def by_hand_in_torch(folder: Path, steps: int) -> Stamps:
    """Of a loop as one would write it."""
    import torch
    import torch.nn.functional as F

    stamps: Stamps = []
    with _modules_of(folder):
        import data  # type: ignore[import-not-found]
        import model  # type: ignore[import-not-found]

        examples = data.open_data(folder)
        torch.manual_seed(0)
        network = model.CifarResNet().to(memory_format=torch.channels_last)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, nesterov=True)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 2 * len(examples.training))
        total, right = 0.0, torch.zeros((), dtype=torch.int64)
        network.train()
        for pixels, classes in data.load(examples.training, range(steps)):
            images, targets = torch.from_numpy(pixels).permute(0, 3, 1, 2), torch.from_numpy(classes)
            optimizer.zero_grad()
            outputs = network(images)
            loss = F.cross_entropy(outputs, targets)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += loss.item() * len(targets)
            right += (outputs.detach().argmax(1) == targets).sum()
            stamps.append(time.process_time())
    return stamps


BY_HAND: Final[dict[str, Callable[[Path, int], Stamps]]] = {"torch": by_hand_in_torch}


def compare_steps(backend: str, depth: int, turns: int) -> float:
    """Print what a step takes in the program and by hand, and give the ratio."""
    spec = archspec.load("cifar_resnet", depth=depth, in_channels=1, size=8)
    made = make_program(spec, load_text(RECIPE), backend, None)
    by_hand = BY_HAND[backend]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for each, text in made.files.items():
            (folder / each).write_bytes(text)
        steps = made.plan.steps_per_epoch
        by_program(folder, 3), by_hand(folder, 3)  # what is imported once
        pairs = [(_median(by_program(folder, steps)), _median(by_hand(folder, steps))) for _ in range(turns)]
    ratios = sorted(program / hand for program, hand in pairs)
    ratio, (low, high) = statistics.median(ratios), _interval(ratios)
    program, hand = (1e3 * statistics.median(times) for times in zip(*pairs, strict=True))
    print(
        f"{backend}: {program:.2f} ms of processor time a step, by hand {hand:.2f} ms; "
        f"ratio {ratio:.3f} (95 %: {low:.3f} to {high:.3f}, {turns} pairs; bound: {BOUND})",
        flush=True,
    )
    return ratio


@contextlib.contextmanager
def _modules_of(folder: Path) -> Iterator[None]:
    """The modules of a program can be imported."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in ("data", "model", "records"):
            sys.modules.pop(name, None)


def _median(stamps: Stamps) -> float:
    """Of a step, without the first ones, in which frameworks still prepare."""
    return statistics.median(after - before for before, after in pairwise(stamps[2:]))


def _interval(values: Sequence[float]) -> tuple[float, float]:
    """That of the median of what the sorted values are drawn from, at 95 %, whatever their distribution."""
    count, rank, below = len(values), 0, 0.0
    while below + math.comb(count, rank) / 2**count <= 0.025:
        below += math.comb(count, rank) / 2**count
        rank += 1
    rank = max(rank - 1, 0)
    return values[rank], values[count - 1 - rank]


def main() -> int:
    """Print every figure; 1 if a step is past its bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=("steps", "data"), default=("steps", "data"), help="of both")
    parser.add_argument("--backends", nargs="+", choices=tuple(BY_HAND), default=tuple(BY_HAND))
    parser.add_argument("--depth", type=int, default=8, help="of the CIFAR ResNet that is trained on the digits (8)")
    parser.add_argument("--turns", type=int, default=41, help="how often both steps are measured (41)")
    parser.add_argument("--seconds", type=float, default=20.0, help="for each figure of the data (20)")
    parser.add_argument("--only", type=int, nargs="*", help="of the cases of data, by number from 0")
    parser.add_argument("--workers", type=int, nargs="*", default=[0, 1, 2], help="how many, in turn (0 1 2)")
    arguments = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ[name] = "1"  # threads that wait for each other take processor time
    print(describe("numpy", "pillow", "torch", "torchvision", "keras", "tensorflow"))
    print(f"load average {os.getloadavg()[0]:.1f}")
    ratios = [0.0]
    if "steps" in arguments.parts:
        ratios += [compare_steps(backend, arguments.depth, arguments.turns) for backend in arguments.backends]
    if "data" in arguments.parts:
        training_data.compare_all(arguments.seconds, arguments.only, arguments.workers)
    return int(max(ratios) > BOUND)


if __name__ == "__main__":
    sys.exit(main())
