"""int8 in PyTorch, by the scales of an int8 model of ONNX: exported as torchao takes it, or to be trained on with.

An exported program has pairs of `quantize` and `dequantize` where the ONNX model has them, and weights as int8: what
`convert_pt2e` of torchao gives, and `lower_pt2e_quantized_to_x86` or `torch.compile` makes int8 kernels of.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import torch
import torch.ao.quantization.fx._decomposed  # registers the operators that `torch.ops.quantized_decomposed` has
from torch import Tensor, nn

from archspec.digests import with_digest
from archspec.ir.def_use import Node
from archspec.ir.graph import LayerGraph
from archspec.quantization.scheme import HIGHEST, Quantization, TensorScale, to_int8
from archspec_torch.tensors import outputs_of, to_numpy, to_tensors
from archspec_torch.trace import traced

if TYPE_CHECKING:
    from archspec.codegen.backend import Arrays

_UINT8: Final = 255


def fake_quantized(
    model: nn.Module, graph: LayerGraph, quantization: Quantization, inputs: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """A forward pass in which what an int8 model rounds is rounded, and made float32 again.

    Gradients pass through the rounding as if it were not there, where nothing is cut off (`torch.fake_quantize_*`), so
    that training can go on with it.

    Args:
        model: of the graph's form for inference, as archspec builds it.
        graph: the network.
        quantization: its scales, `QuantizedModel.quantization`.
        inputs: a batch for each input, by path.

    Returns:
        The outputs by name.
    """

    def change(path: str, tensor: Tensor) -> Tensor:
        given = quantization.tensors.get(path)
        if given is None:
            return tensor
        low, high, _ = _levels(given)
        return torch.fake_quantize_per_tensor_affine(tensor, given.scale, given.zero_point, low, high)

    parameters = _rounded(model, graph, quantization)
    tensors = [inputs[path] for path in graph.inputs]
    result, _ = traced(model, graph, tensors, lambda tensor: None, change=change, parameters=parameters)
    return dict(outputs_of(result, graph))


def exported(model: nn.Module, graph: LayerGraph, quantization: Quantization, inputs: Arrays) -> bytes:
    """A program of `torch.export` in int8, for batches of any size, as the bytes of its file.

    Args:
        model: of the graph's form for inference, as archspec builds it; its weights that are rounded are taken out.
        graph: the network.
        quantization: its scales.
        inputs: a batch of two or more for each input, by path.
    """
    tensors = tuple(to_tensors(model, graph, inputs))
    batch = torch.export.Dim("batch")
    program = torch.export.export(
        _Int8Network(model.eval(), graph, quantization).eval(),
        tensors,
        dynamic_shapes=(({0: batch},) * len(tensors),),
        strict=False,
    )
    file = io.BytesIO()
    torch.export.save(program, file)
    return with_digest(file.getvalue(), ".pt")


def run_exported(data: bytes, graph: LayerGraph, inputs: Arrays) -> dict[str, Any]:
    """What an exported program gives for a batch, by the outputs' names, channels first."""
    program = torch.export.load(io.BytesIO(data)).module()
    with torch.no_grad():
        result = program(*(torch.from_numpy(inputs[path]) for path in graph.inputs))
    return {name: to_numpy(tensor) for name, tensor in outputs_of(result, graph).items()}


class _Int8Network(nn.Module):
    """A model with weights in int8, whose tensors are rounded between layers."""

    def __init__(self, model: nn.Module, graph: LayerGraph, quantization: Quantization) -> None:
        super().__init__()
        self.graph = graph
        self.quantization = quantization
        self.rounded: dict[str, tuple[nn.Module, str]] = {}
        """The modules that hold weights of int8, by canonical name, with the beginning of their names there."""
        self.biases: dict[str, tuple[nn.Module, str]] = {}
        own = dict(model.named_parameters())
        for weight, scales, bias, steps in _quantized(graph, quantization):
            home, name = _home(self, weight)
            array = to_int8(own[weight].detach().numpy(), scales.numpy())
            home.register_buffer(f"{name}_int8", torch.from_numpy(array))
            home.register_buffer(f"{name}_scale", scales)
            home.register_buffer(f"{name}_zero_point", torch.zeros(len(scales), dtype=torch.int64))
            self.rounded[weight] = home, name
            if bias and steps is not None:
                home, name = _home(self, bias)
                home.register_buffer(name, torch.round(own[bias].detach() / steps) * steps)
                self.biases[bias] = home, name
        for name in (*self.rounded, *self.biases):
            path, _, last = name.rpartition(".")
            model.get_submodule(path)._parameters[last] = None  # the program would hold it beside the rounded one
        self.float32 = model

    def forward(self, *inputs: Tensor) -> Any:
        """The outputs, as the model gives them."""
        levels = torch.ops.quantized_decomposed

        def change(path: str, tensor: Tensor) -> Tensor:
            given = self.quantization.tensors.get(path)
            if given is None:
                return tensor
            by = (given.scale, given.zero_point, *_levels(given))
            found: Tensor = levels.dequantize_per_tensor.default(levels.quantize_per_tensor.default(tensor, *by), *by)
            return found

        parameters: dict[str, Tensor] = {}
        for weight, (home, name) in self.rounded.items():
            whole, *by = (getattr(home, f"{name}_{part}") for part in ("int8", "scale", "zero_point"))
            parameters[weight] = levels.dequantize_per_channel.default(whole, *by, 0, -HIGHEST, HIGHEST, torch.int8)
        parameters |= {bias: getattr(home, name) for bias, (home, name) in self.biases.items()}
        keep = lambda tensor: None  # noqa: E731
        return traced(self.float32, self.graph, inputs, keep, change=change, parameters=parameters)[0]


def _levels(given: TensorScale) -> tuple[int, int, torch.dtype]:
    """The lowest and the highest whole number of a tensor, and their type."""
    return (-HIGHEST - 1, HIGHEST, torch.int8) if given.symmetric else (0, _UINT8, torch.uint8)


def _home(root: nn.Module, name: str) -> tuple[nn.Module, str]:
    """The module below `root` that holds what has this canonical name, made where it is not there; the last part."""
    *path, last = name.split(".")
    for part in path:
        if part not in dict(root.named_children()):
            root.add_module(part, nn.Module())
        root = root.get_submodule(part)
    return root, last


def _quantized(graph: LayerGraph, quantization: Quantization) -> Iterator[tuple[str, Tensor, str, Tensor | None]]:
    """Each weight of int8 once, with its scales; and its bias where that is of int32, with the steps of that."""
    uses = Counter(name for node in graph.nodes.values() for name in graph.parameters_of(node))
    seen: set[str] = set()
    for node in graph.nodes.values():
        weight, *others = [*graph.parameters_of(node)] or [""]
        if weight not in quantization.weights or weight in seen:
            continue
        seen.add(weight)
        scales = torch.from_numpy(quantization.weights[weight])
        if others and uses[weight] == 1:
            yield weight, scales, others[0], scales * _arriving(node, quantization)
        else:
            yield weight, scales, "", None


def _arriving(node: Node, quantization: Quantization) -> float:
    return quantization.tensors[node.inputs[0]].scale


def _rounded(model: nn.Module, graph: LayerGraph, quantization: Quantization) -> dict[str, Tensor]:
    """The weights that are of int8, and their biases of int32, where they are one layer's alone."""
    own = dict(model.named_parameters())
    found: dict[str, Tensor] = {}
    for weight, scales, bias, steps in _quantized(graph, quantization):
        zeros = torch.zeros(len(scales), dtype=torch.int32)
        found[weight] = torch.fake_quantize_per_channel_affine(own[weight], scales, zeros, 0, -HIGHEST, HIGHEST)
        if bias and steps is not None:
            found[bias] = own[bias] + (torch.round(own[bias] / steps) * steps - own[bias]).detach()
    return found
