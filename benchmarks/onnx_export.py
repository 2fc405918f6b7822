"""Writing an ONNX model from a spec, and running it, against `torch.onnx.export`: `python -m benchmarks.onnx_export`.

Both begin with the compiled graph and the same weights, and end with the bytes of a model on ONNX Runtime. PyTorch's
exporter runs on the generated PyTorch model: with `dynamo=True` where onnxscript is installed, otherwise the older one.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from statistics import median
from typing import Any, Final

import numpy as np
import onnxruntime
import torch

import archspec
from archspec.codegen.backend import PacksModels
from archspec.codegen.registry import backend
from archspec.parity import random_inputs, random_weights
from benchmarks.machine import describe

ROUNDS: Final = 15
BOUND: Final = 0.1
"""Of the time that the exporter takes, with `dynamo=True`."""


def ours(graph: archspec.LayerGraph, weights: Any) -> bytes:
    """The model from the graph, checked against it as `archspec build` does."""
    target = backend("onnx", PacksModels)
    source = target.render(graph)
    target.verify(source, graph)
    model = target.build(source, graph, weights=weights)
    return target.packed(model, "model.onnx")["model.onnx"]


def theirs(graph: archspec.LayerGraph, model: torch.nn.Module, dynamo: bool) -> bytes:
    """What PyTorch's exporter makes of the PyTorch model, its batch open."""
    file: Any = io.BytesIO()  # its types want a path
    arguments = tuple(torch.zeros(2, *graph.nodes[path].shape) for path in graph.inputs)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            shapes = tuple({0: torch.export.Dim("batch")} for _ in arguments)
            program = torch.onnx.export(model, arguments, dynamo=True, dynamic_shapes=shapes)
            assert program is not None
            program.save(file)
        else:
            names = [*graph.inputs]
            axes = {name: {0: "batch"} for name in names}
            torch.onnx.export(model, arguments, file, dynamo=False, input_names=names, dynamic_axes=axes)
    found: bytes = file.getvalue()
    return found


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = os.cpu_count() or 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def measure(name: str, dynamo: bool) -> str:
    graph = archspec.compile(name)
    weights = {key: array.astype(np.float32) for key, array in random_weights(graph).items()}
    model = archspec.build(graph, "torch", weights=weights).eval()
    theirs(graph, model, dynamo)  # what it imports and compiles once is not counted
    ours(graph, weights)
    exports = [(seconds(lambda: ours(graph, weights)), seconds(lambda: theirs(graph, model, dynamo))) for _ in range(3)]
    sessions = [session(ours(graph, weights)), session(theirs(graph, model, dynamo))]
    image = next(iter(random_inputs(graph, batch=1).values())).astype(np.float32)
    feeds = [{one.get_inputs()[0].name: image} for one in sessions]
    first, second = (one.run(None, feed)[0] for one, feed in zip(sessions, feeds, strict=True))
    apart = float(np.abs(first - second).max() / np.abs(first).max())
    runs = []
    for _ in range(ROUNDS):  # in turn: the machine is not quiet
        runs.append([seconds(lambda i=i: sessions[i].run(None, feeds[i])) for i in range(2)])  # type: ignore[misc]
    writing = median(mine / other for mine, other in exports)
    running = median(mine / other for mine, other in runs)
    own = median(mine for mine, _ in exports)
    return (
        f"{name}: written in {own * 1000:.0f} ms, {writing:.2f} times the exporter's (bound: {BOUND}); "
        f"one image in {median(mine for mine, _ in runs) * 1000:.1f} ms, {running:.2f} times the exporter's model's; "
        f"outputs differ by {apart:.1e}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("specs", nargs="*", default=["resnet18", "resnet50"])
    specs = parser.parse_args().specs
    dynamo = find_spec("onnxscript") is not None
    print(describe("onnx", "onnxruntime", "torch", *(["onnxscript"] if dynamo else [])))
    print(f"torch.onnx.export(dynamo={dynamo})")
    for name in specs:
        print(measure(name, dynamo))


if __name__ == "__main__":
    main()
