"""A model of PyTorch that rounds by the scales of an int8 model, and can be trained on with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from archspec.ir.graph import LayerGraph
from archspec.quantization.scheme import HIGHEST, Quantization
from archspec_torch.tensors import outputs_of
from archspec_torch.trace import traced

_UINT8 = 255


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
        low, high = (-HIGHEST - 1, HIGHEST) if given.symmetric else (0, _UINT8)
        return torch.fake_quantize_per_tensor_affine(tensor, given.scale, given.zero_point, low, high)

    parameters = _rounded(model, graph, quantization)
    tensors = [inputs[path] for path in graph.inputs]
    result, _ = traced(model, graph, tensors, lambda tensor: None, change=change, parameters=parameters)
    return dict(outputs_of(result, graph))


def _rounded(model: nn.Module, graph: LayerGraph, quantization: Quantization) -> dict[str, Tensor]:
    """The weights that are of int8, and their biases of int32, where they are one layer's alone."""
    own = dict(model.named_parameters())
    uses = Counter(name for node in graph.nodes.values() for name in graph.parameters_of(node))
    found: dict[str, Tensor] = {}
    for node in graph.nodes.values():
        weight, *others = [*graph.parameters_of(node)] or [""]
        if weight not in quantization.weights:
            continue
        scales = torch.from_numpy(quantization.weights[weight])
        zeros = torch.zeros(len(scales), dtype=torch.int32)
        found[weight] = torch.fake_quantize_per_channel_affine(own[weight], scales, zeros, 0, -HIGHEST, HIGHEST)
        if others and uses[weight] == 1:
            steps = scales * quantization.tensors[node.inputs[0]].scale
            bias = own[others[0]]
            found[others[0]] = bias + (torch.round(bias / steps) * steps - bias).detach()
    return found
