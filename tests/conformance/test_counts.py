"""What each op counts: multiply-adds against PyTorch's own counter, numbers computed against those that there are."""

from __future__ import annotations

import math
from typing import Any

import pytest

import archspec
from archspec.codegen.backend import BuildsModels
from archspec.codegen.registry import backend
from archspec.ir import OPS, Op
from archspec.parity import random_inputs, random_weights
from tests.conformance.cases import CASES
from tests.conformance.graphs import graph_of
from tests.needed import lazily, needs
from tests.reference.evaluate import evaluate

torch: Any = lazily("torch")
pytestmark = needs("torch")

MULTIPLY = [name for name, op in OPS.items() if op.macs is not Op.macs]
VIEWS = {
    *("input", "identity", "flatten", "reshape", "to_tokens", "to_image", "to_signal", "transpose", "rearrange"),
    *("split", "slice_channels", "crop", "select_token"),
}


def test_the_ops_that_multiply() -> None:
    assert MULTIPLY == [
        "conv",
        "standardized_conv",
        "scaled_standardized_conv",
        "conv_transpose",
        "dense",
        "matmul",
        "attention",
        "window_attention",
    ]


@pytest.mark.parametrize(("op", "case"), [(op, case) for op in MULTIPLY for case in CASES[op]])
def test_multiply_adds(op: str, case: str) -> None:
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    graph = graph_of(case, (9, 12))
    source, target = archspec.generate(graph, "torch"), backend("torch", BuildsModels)
    target.verify(source, graph)  # a model whose weights are given draws none
    model = target.build(source, graph, weights=random_weights(graph))
    model.eval()
    inputs = [torch.from_numpy(array).float() for array in random_inputs(graph, batch=1).values()]
    # Without gradients PyTorch's attention, and its fused kernels anyway, go a way that is not counted.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        model(*inputs)
    assert counter.get_total_flops() == 2 * graph.macs


@pytest.mark.parametrize("op", OPS)
def test_numbers_computed(op: str) -> None:
    """Of every layer its output's, but for those that only give numbers of their input."""
    graph = graph_of(CASES[op][0], (8, 7))
    values = evaluate(graph, random_weights(graph), random_inputs(graph, batch=1), training=False).values
    counted = 0
    for path, node in graph.nodes.items():
        assert values[path].shape[1:] == node.shape
        if node.op.name not in VIEWS:
            counted += math.prod(values[path].shape)
    assert graph.activations == counted


@pytest.mark.parametrize(
    ("norm", "learned"),
    [
        ("{scale: false}", 8),
        ("{shift: false}", 8),
        ("{scale: false, shift: false}", 0),
        ("{affine: false}", 0),
        ("{}", 16),
    ],
)
def test_a_batch_norm_counts_the_scale_and_the_shift_that_it_has(norm: str, learned: int) -> None:
    graph = graph_of(f"conv: {{filters: 8, kernel: 3, bias: false}}\n  - batch_norm: {norm}", (8, 8))
    assert graph.parameters == 8 * 4 * 3 * 3 + learned
