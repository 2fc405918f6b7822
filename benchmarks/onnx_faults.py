"""How far ONNX's reference evaluator is from ONNX's standard: `python -m benchmarks.onnx_faults`.

Each is one operator on a few numbers, by the evaluator's own code and by the corrected one of
`backends/archspec_onnx/reference.py`, on which archspec's models run; ONNX Runtime agrees with the latter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import onnxruntime
from onnx import ModelProto, helper
from onnx.reference import ReferenceEvaluator

from archspec_onnx.reference import CORRECTED
from benchmarks.machine import describe

Array = np.ndarray[Any, Any]
AVERAGE: Final = {"kernel_shape": [2, 3], "strides": [4, 3], "pads": [1, 0, 1, 0], "ceil_mode": 1}
CASES: Final[tuple[tuple[str, str, Mapping[str, Any], tuple[int, ...], tuple[int, ...]], ...]] = (
    ("two channels a group", "ConvTranspose", {"group": 2}, (1, 4, 3, 3), (4, 2, 2, 2)),
    ("ceil_mode, padding", "MaxPool", {"kernel_shape": [3, 3], "pads": [1] * 4, "ceil_mode": 1}, (1, 1, 5, 5), ()),
    ("ceil_mode", "AveragePool", AVERAGE, (1, 1, 8, 7), ()),
    ("fewer examples than channels", "LRN", {"size": 3, "alpha": 1.0}, (1, 4, 2, 2), ()),
    ("one spatial axis", "GlobalMaxPool", {}, (1, 2, 5), ()),
    ("float64", "Erf", {}, (1000,), ()),
)


def _model(kind: str, attributes: Mapping[str, Any], inputs: Mapping[str, Array]) -> ModelProto:
    values = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in inputs.items()
    ]
    rank = inputs["x"].ndim
    output = helper.make_tensor_value_info("y", helper.np_dtype_to_tensor_dtype(inputs["x"].dtype), [None] * rank)
    graph = helper.make_graph([helper.make_node(kind, [*inputs], ["y"], **attributes)], kind, values, [output])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=11)


def _apart(found: Any, wanted: Any) -> str:
    if found.shape != wanted.shape:
        return f"shape {found.shape} for {wanted.shape}"
    return f"{np.abs(found - wanted).max() / np.abs(wanted).max():.1e}"


def main() -> None:
    print(describe("onnx", "onnxruntime"))
    rng = np.random.default_rng(0)
    for what, kind, attributes, x, weight in CASES:
        inputs = {"x": rng.normal(size=x)}
        if weight:
            inputs["w"] = rng.normal(size=weight)
        model = _model(kind, attributes, inputs)
        wanted: Any = ReferenceEvaluator(model, new_ops=[*CORRECTED]).run(None, inputs)
        try:
            own: Any = ReferenceEvaluator(model).run(None, inputs)
            shown = _apart(own[0], wanted[0])
        except Exception as error:  # whatever it raises is its fault
            shown = f"{type(error).__name__}"
        single = {name: array.astype(np.float32) for name, array in inputs.items()}
        session = onnxruntime.InferenceSession(_model(kind, attributes, single).SerializeToString())
        runtime = _apart(session.run(None, single)[0], wanted[0])
        print(f"{kind:<14} {what}: the evaluator's own: {shown}; ONNX Runtime, in float32: {runtime}")


if __name__ == "__main__":
    main()
