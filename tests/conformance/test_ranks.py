"""Every op on inputs of one to five axes: refused with a place, or computed alike by all backends and by ONNX."""

from __future__ import annotations

from typing import Final

import numpy as np
import pytest

import archspec
from archspec.ir import OPS
from archspec.spec import load_text
from tests.conformance.test_ops import conforms
from tests.needed import needs

pytestmark = needs("torch", "keras")


SHAPES: Final = {1: [8], 2: [4, 8], 3: [8, 4, 6], 4: [4, 2, 6, 8], 5: [2, 4, 3, 2, 8]}
"""Sizes that differ in each place, so that the wrong axis gives other numbers or another shape."""
ATTRIBUTES: Final = {
    "conv": ["filters: 3, kernel: 3"],
    "conv_transpose": ["filters: 3, kernel: 3"],
    "dense": ["units: 3"],
    "group_norm": ["groups: 2"],
    "scale": ["value: 0.5, shift: 0.25", "value: 0.5, learned: channel", "value: 0.5, learned: all"],
    "drop_path": ["rate: 0.25"],
    "max_pool": ["kernel: 2"],
    "avg_pool": ["kernel: 2"],
    "global_avg_pool": ["keep_axes: true", "keep_axes: false"],
    "global_max_pool": ["keep_axes: true", "keep_axes: false"],
    "adaptive_avg_pool": ["size: 2"],
    "reshape": ["shape: [-1]", "shape: [2, -1]", "shape: [2, 4, -1]"],
    "channel_shuffle": ["groups: 2"],
    "split": ["parts: 2, index: 1"],
    "slice_channels": ["start: 1, stop: 3"],
    "pad": ["padding: 1"],
    "crop": ["cropping: 1"],
    "pad_channels": ["before: 1, after: 2"],
    "upsample": ["factor: 2"],
    "depth_to_space": ["block: 2"],
    "space_to_depth": ["block: 2"],
    "to_image": ["height: 2, width: 2"],
    "attention": ["heads: 2"],
}
GATES: Final = {
    2: [[1, 8], [4, 1]],
    3: [[8, 1, 1], [1, 4, 6]],
    4: [[4, 1, 1, 1], [1, 2, 6, 8], [4, 2, 6, 1], [1, 1, 1, 8]],
}


def _calls(name: str) -> list[str]:
    if OPS[name].most_inputs is None:
        axes = ["", ", axis: tokens"] if name == "concat" else [""]
        return [f"{name}: {{branches: [[], [tanh]]{axis}}}" for axis in axes]
    return [f"{name}: {{{given}}}" for given in ATTRIBUTES.get(name, [""])]


CALLS: Final = [call for name in OPS for call in _calls(name)]


def _compiled(call: str, shape: list[int]) -> archspec.LayerGraph:
    text = f"archspec: 1\nname: ranks\ninput: {{shape: {shape}}}\nlayers:\n  - sigmoid\n  - {call}\n"
    return archspec.compile(load_text(text))


def _takes(call: str, rank: int) -> bool:
    """What the documentation says of an op, apart from how the code decides it."""
    name, _, given = call.partition(":")
    if "axis: tokens" in given or name in ("to_image", "transpose", "attention", "class_token"):
        return rank == 2
    if name in ("position_embedding", "select_token"):
        return rank == 2
    if name in ("global_avg_pool", "global_max_pool"):
        return rank in (2, 3)
    if name == "batch_norm":
        return rank in (1, 3)
    if name == "dense":
        return rank != 3
    if "learned: channel" in given or name in ("layer_norm", "prelu", "softmax", "split", "slice_channels"):
        return rank <= 3
    if name in ("pad_channels", "channel_avg_pool", "channel_max_pool", "concat"):
        return rank <= 3
    elementwise = {"relu", "relu6", "leaky_relu", "elu", "selu", "silu", "gelu", "mish", "softplus", "tanh", "sigmoid"}
    elementwise |= {"hard_sigmoid", "hard_swish", "scale", "dropout", "drop_path", "identity"}
    elementwise |= {"add", "multiply", "maximum", "flatten", "reshape"}
    return True if name in elementwise else rank == 3


@pytest.mark.parametrize("rank", SHAPES)
@pytest.mark.parametrize("call", CALLS)
def test_an_op_on_a_number_of_axes(call: str, rank: int) -> None:
    if _takes(call, rank):
        conforms(_compiled(call, SHAPES[rank]))
        return
    with pytest.raises(archspec.SpecError) as caught:
        _compiled(call, SHAPES[rank])
    (found,) = caught.value.diagnostics
    assert found.code == "E0501"
    assert found.span is not None
    assert found.span.line == 6
    if rank > 3:
        assert "`reshape` makes an image" in found.help


@pytest.mark.parametrize("name", ["add", "multiply", "maximum", "concat"])
@pytest.mark.parametrize("ranks", [(1, 2), (2, 1), (2, 3), (3, 2), (3, 4), (4, 3), (1, 4)])
def test_branches_of_different_numbers_of_axes_are_refused(name: str, ranks: tuple[int, int]) -> None:
    """What frameworks would broadcast: (8,) over (4, 8)."""
    first, second = (SHAPES[rank] for rank in ranks)
    text = (
        f"archspec: 1\nname: ranks\ninputs:\n  a: {{shape: {first}}}\n  b: {{shape: {second}}}\n"
        f"layers:\n  - {name}: [[], {{from: b}}]\n"
    )
    with pytest.raises(archspec.SpecError) as caught:
        archspec.compile(load_text(text))
    (found,) = caught.value.diagnostics
    assert found.code in ("E0501", "E0502")
    assert found.span is not None


@pytest.mark.parametrize(("rank", "gate"), [(rank, gate) for rank, gates in GATES.items() for gate in gates])
@pytest.mark.parametrize("first", [True, False])
def test_gates(rank: int, gate: list[int], first: bool) -> None:
    """A tensor of four axes has no channels that a gate could scale."""
    full = SHAPES[rank]
    shapes = (gate, full) if first else (full, gate)
    text = (
        f"archspec: 1\nname: ranks\ninputs:\n  a: {{shape: {shapes[0]}}}\n  b: {{shape: {shapes[1]}}}\n"
        "layers:\n  - multiply: [[], {from: b}]\n"
    )
    if rank > 3:
        with pytest.raises(archspec.SpecError, match="equal shapes"):
            archspec.compile(load_text(text))
        return
    graph = archspec.compile(load_text(text))
    assert graph.nodes[graph.outputs["output"]].shape == tuple(full)
    conforms(graph)


@pytest.mark.parametrize("rank", [4, 5])
def test_what_is_said_of_a_network_of_many_axes(rank: int) -> None:
    """Counts, receptive fields and the summary: they know no places in such a tensor, and do not fail."""
    graph = _compiled("dense: {units: 3}", SHAPES[rank])
    count = int(np.prod(SHAPES[rank][:-1]))
    assert graph.macs == count * 8 * 3
    assert graph.nodes["dense"].shape == (*SHAPES[rank][:-1], 3)
    assert "dense" in str(archspec.summary(graph))
