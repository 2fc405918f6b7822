"""The fastest form of networks against the best that is got by hand: `python -m benchmarks.fast_forms`.

On our side the form for inference on each engine, as `archspec tune` tries them; on the other torchvision's model by
`torch.onnx.export` on OpenVINO and ONNX Runtime, and by `torch.compile` with freezing. All are measured in turn in one
run, and the fastest of each side are compared. It needs torchvision; `--networks`, `--batches` and `--no-compile` take
it in parts.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import archspec
from archspec.bench.contenders import Contender
from archspec.bench.measurement import Row, measure
from archspec.bench.statistics import ratio
from archspec.bench.task import Task
from benchmarks.machine import describe

BOUND: Final = 1.00
OURS: Final = ("onnx:openvino", "onnx:onnxruntime")
COMPILED: Final = "torch+freezing"


@dataclass(frozen=True)
class Pair:
    """A network of ours, and how torchvision makes the same."""

    spec: str
    theirs: str
    """An expression; `models` is `torchvision.models`."""


PAIRS: Final = {
    "resnet50": Pair("resnet50", "models.resnet50()"),
    "mobilenet_v2": Pair("mobilenet_v2", "models.mobilenet_v2()"),
    "vit_tiny": Pair(
        "vision_transformer",
        "models.VisionTransformer(image_size=224, patch_size=16, num_layers=12, num_heads=3, hidden_dim=192, "
        "mlp_dim=768)",
    ),
}

_FROZEN: Final = """
import torch
import torch._inductor.config
from torchvision import models

torch._inductor.config.freezing = True


def make():
    return torch.compile({theirs}.eval())
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", default=",".join(PAIRS), help=f"of {', '.join(PAIRS)}")
    parser.add_argument("--batches", default="1,8")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--no-compile", dest="compile", action="store_false", help="leave torch.compile out")
    arguments = parser.parse_args()
    print(describe("torch", "torchvision", "openvino", "onnxruntime", "onnxscript"))
    print(f"threads {arguments.threads}, load average {os.getloadavg()[0]:.1f}")
    for name in arguments.networks.split(","):
        with tempfile.TemporaryDirectory(prefix="archspec-fast-forms-") as folder:
            for batch in map(int, arguments.batches.split(",")):
                compared(name, batch, Path(folder), arguments)


def compared(name: str, batch: int, folder: Path, arguments: argparse.Namespace) -> None:
    """Print the times of one network at one batch, and the ratio of the fastest of both sides."""
    pair = PAIRS[name]
    ours = [Contender.parse(text) for text in (*OURS, *((COMPILED,) if arguments.compile else ()))]
    rivals = theirs(pair, batch, folder, compiled=arguments.compile)
    task = Task(archspec.compile(pair.spec, form="inference"), batch)
    result = measure(
        task,
        [*ours, *rivals],
        rounds=arguments.rounds,
        threads=arguments.threads,
        latency=False,
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )
    print(f"{name}, batch {batch}")
    for row in result.rows:
        print(f"  {row.contender.label}: {row.failed or f'{median(row) * 1e3:.2f} ms'}")
    sides = [
        min((row for row in result.rows if row.contender in side and row.ranked(task)), key=median, default=None)
        for side in (ours, rivals)
    ]
    if sides[0] is None or sides[1] is None or sides[0].times is None or sides[1].times is None:
        print("  not compared: one side could not be measured")
        return
    found = ratio(sides[0].times, sides[1].times)
    labels = f"{sides[0].contender.label} against {sides[1].contender.label}"
    print(f"  {labels}: {found.value:.3f} (95 %: {found.low:.3f} to {found.high:.3f}; bound: {BOUND:.2f})")


def median(row: Row) -> float:
    return row.times.median if row.times is not None else float("inf")


def theirs(pair: Pair, batch: int, folder: Path, *, compiled: bool) -> list[Contender]:
    """What a careful user makes of torchvision's model."""
    exported = folder / f"torchvision-{batch}.onnx"
    export(pair, batch, exported)
    found = [
        Contender(f"torchvision on {title}", "onnx", engine, file=str(exported))
        for engine, title in (("openvino", "OpenVINO"), ("onnxruntime", "ONNX Runtime"))
    ]
    if compiled:
        module = folder / "frozen.py"
        module.write_text(_FROZEN.format(theirs=pair.theirs))
        found.append(Contender("torchvision by torch.compile, freezing", file=str(module), function="make"))
    return found


def export(pair: Pair, batch: int, file: Path) -> None:
    """torchvision's model as ONNX, for this batch alone, which is the faster way."""
    import torch
    from torchvision import models

    made: Any = eval(pair.theirs, {"models": models})  # one of ours
    model: torch.nn.Module = made.eval()
    arguments = (torch.zeros(batch, 3, 224, 224),)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if find_spec("onnxscript") is not None:
            program = torch.onnx.export(model, arguments, dynamo=True)
            assert program is not None
            program.save(file)
        else:
            torch.onnx.export(model, arguments, str(file), dynamo=False, input_names=["input"])


if __name__ == "__main__":
    main()
