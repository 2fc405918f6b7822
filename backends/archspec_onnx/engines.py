"""What ONNX models can run on, and what they run on in this process."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

from archspec.codegen.backend_errors import not_importable

ENGINE: Final = "ARCHSPEC_ONNX_RUNTIME"
"""The environment variable that says what models run on."""
TITLES: Final[Mapping[str, str]] = {
    "onnxruntime": "ONNX Runtime",
    "openvino": "OpenVINO",
    "reference": "ONNX's reference evaluator",
}
ENGINES: Final = tuple(TITLES)


def current_engine() -> str:
    """What models run on in this process."""
    return os.environ.get(ENGINE) or ENGINES[0]


def openvino_model(model: Any, shapes: Mapping[str, Sequence[int]] | None = None) -> Any:
    """A model compiled by OpenVINO for the processor, in the precision that it is written in.

    Args:
        model: the bytes of an ONNX model, or an `openvino.Model`.
        shapes: of the inputs by name, where it is for these alone, which is a little faster; it changes the model.

    OpenVINO would take bfloat16 for float32 where the processor has it: another result, by three digits.

    Raises:
        BackendError: OpenVINO cannot be imported.
    """
    try:
        import openvino
    except Exception as error:  # whatever it raises
        raise not_importable("OpenVINO", error) from error
    core = openvino.Core()
    read = core.read_model(model) if isinstance(model, bytes) else model
    if shapes is not None:
        read.reshape({name: list(shape) for name, shape in shapes.items()})
    return core.compile_model(read, "CPU", {"PERFORMANCE_HINT": "LATENCY", "EXECUTION_MODE_HINT": "ACCURACY"})
