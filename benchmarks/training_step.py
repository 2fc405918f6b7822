"""What a step of a training program costs beside one of a loop written by hand: `python -m benchmarks.training_step`.

Both train the same network on the same batches in one process, an epoch of the one and of the other in turn, and what
is compared is the processor time of a step: its median, and the median of the ratios of neighbors.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import runpy
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

import archspec
from archspec.recipe import load
from archspec.training.program import make_program


@contextlib.contextmanager
def modules_of(folder: Path) -> Iterator[None]:
    """The modules of a program can be imported."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in ("data", "model", "records"):
            sys.modules.pop(name, None)


def by_program(folder: Path, steps: int) -> list[float]:
    """The processor time at each step of the program, which counts its examples once a step."""
    stamps: list[float] = []
    before = list(sys.argv)
    with modules_of(folder), tempfile.TemporaryDirectory() as output:
        import records  # type: ignore[import-not-found]

        count = records.Progress.count

        def stamped(self: Any, examples: int) -> None:
            count(self, examples)
            stamps.append(time.process_time())

        records.Progress.count = stamped
        sys.argv = ["train.py", "--output", output, "--limit-steps", str(steps), "--device", "cpu"]
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                runpy.run_path(str(folder / "train.py"), run_name="__main__")
        finally:
            sys.argv = before
    return stamps


def by_hand(folder: Path, steps: int) -> list[float]:
    """The processor time at each step of the loop as one would write it."""
    stamps: list[float] = []
    with modules_of(folder):
        program = runpy.run_path(str(folder / "train.py"), run_name="program")
        import data  # type: ignore[import-not-found]
        import model  # type: ignore[import-not-found]

        examples = data.open_data(folder)
        torch.manual_seed(0)
        network: nn.Module = model.CifarResNet().to(memory_format=torch.channels_last)
        decayed = [weight for weight in network.parameters() if weight.ndim > 1]
        others = [weight for weight in network.parameters() if weight.ndim == 1]
        groups = [{"params": decayed, "weight_decay": 5e-4}, {"params": others, "weight_decay": 0.0}]
        optimizer = torch.optim.SGD(groups, lr=0.05, momentum=0.9, nesterov=True)
        total, confusion = 0.0, torch.zeros(100, dtype=torch.int64)
        right = torch.zeros((), dtype=torch.int64)
        network.train()
        for step, (pixels, classes) in enumerate(data.load(examples.training, range(steps))):
            for group in optimizer.param_groups:
                group["lr"] = program["rate"](step)
            images, targets = torch.from_numpy(pixels).permute(0, 3, 1, 2), torch.from_numpy(classes)
            optimizer.zero_grad()
            outputs: Any = network(images)
            loss = F.cross_entropy(outputs, targets)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.item() * len(targets)
            found = outputs.detach().argmax(1)
            right += (found == targets).sum()
            confusion += torch.bincount(targets * 10 + found, minlength=100)  # the recipe asks for both
            stamps.append(time.process_time())
    return stamps


def median(stamps: list[float]) -> float:
    """The median time of a step."""
    return statistics.median(after - before for before, after in pairwise(stamps[2:]))


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--depth", type=int, default=8, help="of the CIFAR ResNet that is trained on the digits")
    parser.add_argument("--turns", type=int, default=41, help="how often both are measured")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    spec = archspec.load("cifar_resnet", depth=arguments.depth, in_channels=1, size=8)
    made = make_program(spec, load("digits"), "torch", None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for each, text in made.files.items():
            (folder / each).write_bytes(text)
        steps = made.plan.steps_per_epoch
        by_program(folder, 3), by_hand(folder, 3)  # what is imported once
        pairs = [(median(by_program(folder, steps)), median(by_hand(folder, steps))) for _ in range(arguments.turns)]
    ratios = [first / second for first, second in pairs]
    print(f"program   {1000 * statistics.median(first for first, _ in pairs):.2f} ms of processor time a step")
    print(f"by hand   {1000 * statistics.median(second for _, second in pairs):.2f} ms")
    print(
        f"ratio     {statistics.median(ratios):.3f} (from {min(ratios):.3f} to {max(ratios):.3f}, {len(ratios)} pairs)"
    )


if __name__ == "__main__":
    main()
