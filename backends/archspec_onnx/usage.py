"""Lines of Python that show how a model is run."""

from __future__ import annotations

from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph


def onnxruntime_usage(graph: LayerGraph, file: str) -> tuple[str, ...]:
    """Lines that run a file with ONNX Runtime."""
    return (
        "import numpy as np",
        "import onnxruntime",
        f"model = onnxruntime.InferenceSession({file!r})",
        f"output = model.run(None, {_random_batch(graph)})[0]{_other_outputs(graph)}",
    )


def openvino_usage(graph: LayerGraph, file: str) -> tuple[str, ...]:
    """Lines that run a file, ONNX's or OpenVINO's own, with OpenVINO.

    Without the hint it takes bfloat16 for float32 where the processor has it.
    """
    hint = '{"EXECUTION_MODE_HINT": "ACCURACY"}'
    return (
        "import numpy as np",
        "import openvino",
        f'model = openvino.Core().compile_model({file!r}, "CPU", {hint})',
        f"output = model({_random_batch(graph)})[0]{_other_outputs(graph)}",
    )


def _random_batch(graph: LayerGraph) -> str:
    """A mapping of random inputs, a batch of one, for NumPy as `np`."""
    arrays = []
    for path in graph.inputs:
        type = graph.nodes[path].type
        shape = ", ".join(map(str, (1, *type.sizes)))
        drawn = f'randn({shape}).astype("float32")'
        if type.is_ids:
            drawn = f'randint({type.vocabulary}, size=({shape}), dtype="int64")'
        arrays.append(f'"{path}": np.random.{drawn}')
    return f"{{{', '.join(arrays)}}}"


def _other_outputs(graph: LayerGraph) -> str:
    """A remark where there is more than one output."""
    names = evaluated(graph).output_names
    return f"  # the first of {', '.join(names)}" if len(names) > 1 else ""
