"""What people read of an op."""

from __future__ import annotations

import pytest

from archspec.ir.op import OP_KINDS
from archspec.ir.ops import OPS
from archspec.ir.ops.base import GraphInput
from tests.conformance.graphs import example_of, graph_of


def test_every_op_has_a_kind_and_every_kind_an_op() -> None:
    graphs = [example_of(op) for op in OPS]
    nodes = [node for graph in graphs for node in graph.nodes.values()]
    assert {type(node.op) for node in nodes} == {GraphInput, *OPS.values()}
    assert {node.op.kind for node in nodes} == set(OP_KINDS)


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ("conv: {filters: 64, kernel: 3, stride: 2}", "conv 3x3, 64, /2"),
        ("conv: {filters: 8, kernel: [1, 3], groups: 2, dilation: 2}", "conv 1x3, 8, 2 groups, dilation 2"),
        ("conv: {filters: 4, kernel: 3, groups: 4, stride: [2, 1]}", "depthwise conv 3x3, 4, /2x1"),
        ("conv_transpose: {filters: 8, kernel: 4, stride: 2}", "transposed conv 4x4, 8, x2"),
        ("max_pool: {kernel: 3, stride: 2}", "max pool 3x3, /2"),
        ("avg_pool: {kernel: 2}", "average pool 2x2, /2"),
        ("channel_avg_pool", "channel average pool"),
        ("batch_norm", "batch norm"),
        ("group_norm: {groups: 2}", "group norm, 2 groups"),
        ("pad: {padding: [1, 0, 2, 0], mode: edge}", "pad 1/0/2/0, edge"),
        ("upsample: {factor: 2, mode: bilinear}", "upsample x2, bilinear"),
        ("split: {parts: 2, index: 1}", "split, part 2 of 2"),
        ("scale: {value: -1, shift: 1}", "scale -1, +1"),
        ("scale: {learned: channel}", "scale, learned by channel"),
        ("reshape: {shape: [-1]}", "reshape to 1024"),
    ],
)
def test_an_op_is_told_in_a_few_words(item: str, text: str) -> None:
    graph = graph_of(item, (16, 16))
    assert graph.caption(graph.nodes[graph.outputs["output"]]) == text
