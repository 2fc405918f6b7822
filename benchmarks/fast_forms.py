"""The fastest form of networks against the best that is got by hand: `python -m benchmarks.fast_forms`.

On our side the form for inference on each engine, as `archspec tune` tries them; on the other torchvision's model by
`torch.onnx.export` on OpenVINO and ONNX Runtime, and by `torch.compile` with freezing. All are measured in turn in one
run, and the fastest of each side are compared. It needs torchvision; `--networks`, `--batches` and `--no-compile` take
it in parts. On a machine that others use, `--processor` measures the ONNX models in one process, step by step in turn
on one thread, by the processor's time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

import archspec
from archspec.bench.contenders import Contender
from archspec.bench.measurement import Row, measure
from archspec.bench.statistics import Times, ratio
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
    parser.add_argument("--processor", action="store_true", help="the processor's time, of the ONNX models alone")
    parser.add_argument("--no-compile", dest="compile", action="store_false", help="leave torch.compile out")
    arguments = parser.parse_args()
    print(describe("torch", "torchvision", "openvino", "onnxruntime", "onnxscript"))
    print(f"threads {arguments.threads}, load average {os.getloadavg()[0]:.1f}")
    for name in arguments.networks.split(","):
        with tempfile.TemporaryDirectory(prefix="archspec-fast-forms-") as folder:
            for batch in map(int, arguments.batches.split(",")):
                if arguments.processor:
                    by_processor(name, batch, Path(folder), arguments.rounds)
                else:
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


def by_processor(name: str, batch: int, folder: Path, rounds: int) -> None:
    """Print the processor's time of the ONNX models of both sides on one thread, and the ratio of the fastest."""
    pair = PAIRS[name]
    exported = folder / f"torchvision-{batch}.onnx"
    export(pair, batch, exported)
    models = {
        "archspec": archspec.build(pair.spec, backend="onnx", form="inference", seed=0).SerializeToString(),
        "torchvision": exported.read_bytes(),
    }
    inputs = np.random.default_rng(0).standard_normal((batch, 3, 224, 224), np.float32)
    runs = {(side, engine): START[engine](model, inputs) for side, model in models.items() for engine in START}
    for run in (*runs.values(), *runs.values()):
        run()
    times: dict[tuple[str, str], list[float]] = {key: [] for key in runs}
    for turn in range(rounds):
        for key, run in [*runs.items()][:: -1 if turn % 2 else 1]:  # none always comes after the same other
            began = time.process_time()
            run()
            times[key].append(time.process_time() - began)
    print(f"{name}, batch {batch}, processor's time of {rounds} steps in turn")
    for (side, engine), found in times.items():
        print(f"  {side} on {engine}: {statistics.median(found) * 1e3:.2f} ms")
    best = [
        min((key for key in runs if key[0] == side), key=lambda key: statistics.median(times[key])) for side in models
    ]
    one, other = (Times(tuple((seconds,) for seconds in times[key])) for key in best)
    found_ratio = ratio(one, other)
    interval = f"95 %: {found_ratio.low:.3f} to {found_ratio.high:.3f}; bound: {BOUND:.2f}"
    print(f"  {' on '.join(best[0])} against {' on '.join(best[1])}: {found_ratio.value:.3f} ({interval})")


def on_onnxruntime(model: bytes, inputs: np.ndarray[Any, np.dtype[np.float32]]) -> Callable[[], object]:
    """A step on ONNX Runtime, on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    for dimension, size in zip(("batch", "height", "width"), (inputs.shape[0], *inputs.shape[2:]), strict=True):
        options.add_free_dimension_override_by_name(dimension, size)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    return lambda: session.run(None, {given.name: inputs})


def on_openvino(model: bytes, inputs: np.ndarray[Any, np.dtype[np.float32]]) -> Callable[[], object]:
    """A step on OpenVINO, on one thread and in float32."""
    import openvino

    core = openvino.Core()
    read = core.read_model(model)
    read.reshape([*inputs.shape])
    settings = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(read, "CPU", settings).create_infer_request()
    return lambda: request.infer({0: inputs}, share_inputs=True, share_outputs=True)


START: Final = {"OpenVINO": on_openvino, "ONNX Runtime": on_onnxruntime}


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
