"""int8 in ONNX: pairs of QuantizeLinear and DequantizeLinear around what is rounded, weights as int8.

Runtimes make int8 kernels of a layer between such pairs (ONNX Runtime's QDQ format, TensorRT's explicit quantization).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from archspec.codegen.backend_errors import not_importable
from archspec.ir.graph import LayerGraph
from archspec.quantization.scheme import Quantization, to_int8
from archspec_onnx.names import names_of

if TYPE_CHECKING:
    from archspec.codegen.backend import Arrays

_INT32: Final = 2**31 - 1


def watched(model: ModelProto, graph: LayerGraph, tensors: Sequence[str]) -> Callable[[Arrays], Arrays]:
    """See `QuantizesModels.watched`; by ONNX Runtime."""
    try:
        import onnxruntime
    except Exception as error:  # whatever it raises
        raise not_importable("ONNX Runtime", error) from error
    values = names_of(graph).values
    asked = ModelProto()
    asked.CopyFrom(model)
    known = {value.name: value for value in (*asked.graph.value_info, *asked.graph.output)}
    within = [path for path in tensors if path not in graph.inputs]
    del asked.graph.output[:]
    asked.graph.output.extend(known[values[path]] for path in within)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.add_session_config_entry("session.qdqisint8allowed", "1")  # else it fails to make uint8 of some int8
    names = [values[path] for path in within]
    session = None
    if names:
        session = onnxruntime.InferenceSession(asked.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def run(inputs: Arrays) -> Arrays:
        found = {} if session is None else dict(zip(within, session.run(names, dict(inputs)), strict=True))
        return {path: found[path] if path in found else inputs[path] for path in tensors}

    return run


def quantized(model: ModelProto, graph: LayerGraph, quantization: Quantization) -> ModelProto:
    """See `QuantizesModels.quantized`."""
    found = ModelProto()
    found.CopyFrom(model)
    weights = _Weights(found, graph, quantization)
    names = names_of(graph)
    rounded = {names.values[path]: path for path in quantization.tensors}
    copies = {*names.copies}
    nodes: list[NodeProto] = weights.nodes()
    for value in found.graph.input:
        if value.name in rounded:
            nodes += _rounding(value.name, quantization, rounded[value.name])
    for node in found.graph.node:
        for index, name in enumerate(node.input):
            if name in weights.rounded or (name in rounded and not copies.intersection(node.output)):
                node.input[index] = f"{name}/rounded"
        nodes.append(node)
        for name in node.output:
            if name in rounded:
                nodes += _rounding(name, quantization, rounded[name])
    taken = {name for node in nodes for name in node.input} | {value.name for value in found.graph.output}
    kept = [node for node in nodes if not taken.isdisjoint(node.output)]
    taken = {name for node in kept for name in node.input} | {value.name for value in found.graph.output}
    kept = [node for node in kept if not taken.isdisjoint(node.output)]  # what only rounded for nobody
    copied = [NodeProto.FromString(node.SerializeToString()) for node in kept]
    del found.graph.node[:]
    found.graph.node.extend(copied)
    return found


def _rounding(name: str, quantization: Quantization, path: str) -> list[NodeProto]:
    """The pair for a tensor, with its scale and zero point."""
    given = quantization.tensors[path]
    place = f"/{name}"
    scale = helper.make_tensor("", TensorProto.FLOAT, [], [given.scale])
    kind = TensorProto.INT8 if given.symmetric else TensorProto.UINT8
    zero = helper.make_tensor("", kind, [], [given.zero_point])
    by, whole = [f"{name}/scale", f"{name}/zero_point"], f"{name}/quantized"
    return [
        helper.make_node("Constant", [], by[:1], f"{place}/scale", value=scale),
        helper.make_node("Constant", [], by[1:], f"{place}/zero_point", value=zero),
        helper.make_node("QuantizeLinear", [name, *by], [whole], f"{place}/QuantizeLinear"),
        helper.make_node(
            "DequantizeLinear", [f"{name}/quantized", *by], [f"{name}/rounded"], f"{place}/DequantizeLinear"
        ),
    ]


class _Weights:
    """The weights of layers that compute in int8, in a model that then holds them as whole numbers."""

    def __init__(self, model: ModelProto, graph: LayerGraph, quantization: Quantization) -> None:
        self.model = model
        self.scales: dict[str, np.ndarray[Any, Any]] = dict(quantization.weights)
        self.kinds = dict.fromkeys(self.scales, TensorProto.INT8)
        uses = Counter(name for node in graph.nodes.values() for name in graph.parameters_of(node))
        for node in graph.nodes.values():
            weight, *others = [*graph.parameters_of(node)] or [""]
            if weight in quantization.weights and others and uses[weight] == 1:
                scale = np.float64(quantization.tensors[node.inputs[0]].scale)
                self.scales[others[0]] = (scale * quantization.weights[weight]).astype(np.float32)
                self.kinds[others[0]] = TensorProto.INT32
        self.rounded = {*self.scales}

    def nodes(self) -> list[NodeProto]:
        """Round them in the model; the nodes that make float32 of them again."""
        found = []
        for tensor in self.model.graph.initializer:
            name = tensor.name
            if name not in self.scales:
                continue
            array, scales = numpy_helper.to_array(tensor), self.scales[name]
            if self.kinds[name] == TensorProto.INT8:
                whole = to_int8(array, scales)
            else:
                whole = np.clip(np.rint(array / scales.astype(np.float64)), -_INT32, _INT32).astype(np.int32)
            tensor.CopyFrom(numpy_helper.from_array(whole, name))
            by = f"{name}/scale"
            value = helper.make_tensor("", TensorProto.FLOAT, [len(scales)], scales.tolist())
            found += [
                helper.make_node("Constant", [], [by], f"/{name}/scale", value=value),
                helper.make_node(
                    "DequantizeLinear", [name, by], [f"{name}/rounded"], f"/{name}/DequantizeLinear", axis=0
                ),
            ]
        return found
