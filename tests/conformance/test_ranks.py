"""Every op on every kind of tensor: refused with a place, or computed alike by all backends and by ONNX."""

from __future__ import annotations

import itertools
from typing import Final

import pytest

import archspec
from archspec.ir import OPS
from archspec.spec import load_text
from tests.conformance.test_ops import conforms
from tests.needed import needs

pytestmark = needs("torch", "keras")


INPUTS: Final = {
    "features": "{shape: [8]}",
    "tokens": "{shape: [4, 8]}",
    "signal": "{channels: 8, length: 6}",
    "image": "{shape: [8, 4, 6]}",
    "volume": "{shape: [4, 3, 6, 8]}",
    "unnamed": "{shape: [2, 4, 3, 2, 8]}",
    "ids": "{tokens: 6, ids: 9}",
}
"""Sizes that differ in each place, so that the wrong axis gives other numbers or another shape."""
MAPS: Final = ("signal", "image", "volume")
ATTRIBUTES: Final = {
    "conv": ["filters: 3, kernel: 3"],
    "standardized_conv": ["filters: 3, kernel: 3"],
    "scaled_standardized_conv": ["filters: 3, kernel: 3"],
    "conv_transpose": ["filters: 3, kernel: 3"],
    "dense": ["units: 3"],
    "group_norm": ["groups: 2"],
    "shift": ["learned: channel", "learned: all"],
    "scale": ["value: 0.5, shift: 0.25", "value: 0.5, learned: channel", "value: 0.5, learned: all"],
    "clip": ["min: -0.5"],
    "drop_path": ["rate: 0.25"],
    "drop_block": ["rate: 0.25, block: 3"],
    "max_pool": ["kernel: 2"],
    "avg_pool": ["kernel: 2"],
    "global_avg_pool": ["keep_axes: true", "keep_axes: false"],
    "global_max_pool": ["keep_axes: true", "keep_axes: false"],
    "adaptive_avg_pool": ["size: 2"],
    "adaptive_max_pool": ["size: 2"],
    "reshape": ["shape: [-1]", "shape: [2, -1]", "shape: [2, 4, -1]", "shape: [2, 2, -1, 2]"],
    "channel_shuffle": ["groups: 2"],
    "split": ["parts: 2, index: 1"],
    "slice_channels": ["start: 1, stop: 3"],
    "pad": ["padding: 1"],
    "crop": ["cropping: 1"],
    "pad_channels": ["before: 1, after: 2"],
    "upsample": ["factor: 2", "size: 5"],
    "depth_to_space": ["block: 2"],
    "space_to_depth": ["block: 2"],
    "register_tokens": ["count: 2"],
    "to_image": ["height: 2, width: 2"],
    "attention": ["heads: 2"],
    "embedding": ["features: 3"],
    "pad_to_multiple": ["multiple: 4"],
    "roll": ["shift: 1"],
    "rearrange": ['pattern: "a b c -> c b a"'],
    "window_attention": ["heads: 2, window: 3"],
}
GATES: Final = {
    "{shape: [4, 8]}": ["{shape: [1, 8]}", "{shape: [4, 1]}"],
    "{channels: 8, length: 6}": ["{channels: 8, length: 1}", "{channels: 1, length: 6}"],
    "{shape: [8, 4, 6]}": ["{shape: [8, 1, 1]}", "{shape: [1, 4, 6]}"],
    "{shape: [4, 2, 6, 8]}": ["{shape: [4, 1, 1, 1]}", "{shape: [1, 2, 6, 8]}"],
}
"""What scales whole channels, and what scales whole places."""


def _calls(name: str) -> list[str]:
    if name == "matmul":
        return ["matmul: {branches: [[], [tanh]], axis: features}"]
    if OPS[name].kind == "merge":
        axes = ["", ", axis: tokens"] if name == "concat" else [""]
        return [f"{name}: {{branches: [[], [tanh]]{axis}}}" for axis in axes]
    return [f"{name}: {{{given}}}" for given in ATTRIBUTES.get(name, [""])]


CALLS: Final = [call for name in OPS for call in _calls(name)]


def _compiled(call: str, input: str) -> archspec.LayerGraph:
    before = "#" if "ids" in input else "- sigmoid"
    text = f"archspec: 1\nname: ranks\ninput: {input}\nlayers:\n  {before}\n  - {call}\n"
    return archspec.compile(load_text(text))


def _takes(call: str, kind: str) -> bool:
    """What the documentation says of an op, apart from how the code decides it."""
    name, _, given = call.partition(":")
    if "ids" in (kind, {"embedding": "ids"}.get(name)):
        return (name, kind) == ("embedding", "ids")
    if "axis: tokens" in given or name in (
        "to_image",
        "transpose",
        "attention",
        "class_token",
        "register_tokens",
        "matmul",
    ):
        return kind == "tokens"
    if name in ("position_embedding", "select_token", "to_signal"):
        return kind == "tokens"
    if name in ("depth_to_space", "space_to_depth", "drop_block", "rearrange", "window_attention"):
        return kind == "image"  # of `rearrange` it is what the pattern has axes for
    if name in ("global_avg_pool", "global_max_pool", "global_response_norm"):
        return kind == "tokens" or kind in MAPS
    if name == "batch_norm":
        return kind == "features" or kind in MAPS
    if name == "dense":
        return kind not in MAPS
    if "learned: channel" in given or name in ("layer_norm", "prelu", "softmax", "split", "slice_channels"):
        return kind != "unnamed"
    if name in ("pad_channels", "channel_avg_pool", "channel_max_pool", "concat"):
        return kind != "unnamed"
    elementwise = {"relu", "relu6", "leaky_relu", "elu", "selu", "silu", "gelu", "mish", "softplus", "tanh", "sigmoid"}
    elementwise |= {"hard_sigmoid", "hard_swish", "scale", "shift", "dropout", "drop_path", "identity"}
    elementwise |= {"add", "subtract", "multiply", "divide", "maximum", "minimum", "clip", "flatten", "reshape"}
    return True if name in elementwise else kind in MAPS


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("call", CALLS)
def test_an_op_on_a_kind_of_tensor(call: str, kind: str) -> None:
    if _takes(call, kind):
        conforms(_compiled(call, INPUTS[kind]))
        return
    with pytest.raises(archspec.SpecError) as caught:
        _compiled(call, INPUTS[kind])
    (found,) = caught.value.diagnostics
    assert found.code == "E0501"
    assert found.span is not None
    assert found.span.line == 6
    if kind == "unnamed":
        assert "`reshape` makes a volume" in found.help or call.startswith("embedding")
    if kind == "ids":
        assert "embedding" in found.help


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "maximum", "minimum", "matmul", "concat"])
@pytest.mark.parametrize("kinds", [*itertools.permutations(INPUTS, 2)])
def test_branches_of_different_kinds_are_refused(name: str, kinds: tuple[str, str]) -> None:
    """What frameworks would broadcast, (8,) over (4, 8), and what has the same sizes: tokens and a signal."""
    first, second = (INPUTS[kind] for kind in kinds)
    text = f"archspec: 1\nname: ranks\ninputs:\n  a: {first}\n  b: {second}\nlayers:\n  - {name}: [[], {{from: b}}]\n"
    with pytest.raises(archspec.SpecError) as caught:
        archspec.compile(load_text(text))
    (found,) = caught.value.diagnostics
    assert found.code in ("E0501", "E0502")
    assert found.span is not None


@pytest.mark.parametrize(("full", "gate"), [(full, gate) for full, gates in GATES.items() for gate in gates])
@pytest.mark.parametrize("first", [True, False])
def test_gates(full: str, gate: str, first: bool) -> None:
    inputs = (gate, full) if first else (full, gate)
    text = (
        f"archspec: 1\nname: ranks\ninputs:\n  a: {inputs[0]}\n  b: {inputs[1]}\n"
        "layers:\n  - multiply: [[], {from: b}]\n"
    )
    graph = archspec.compile(load_text(text))
    assert graph.nodes[graph.outputs["output"]].shape == graph.nodes["b" if first else "a"].shape
    conforms(graph)


@pytest.mark.parametrize("gate", ["[4, 2, 6, 1]", "[1, 1, 1, 8]", "[4, 1, 6, 8]", "[1, 2, 1, 1]"])
@pytest.mark.parametrize("first", [True, False])
def test_no_other_axes_of_a_volume_make_a_gate(gate: str, first: bool) -> None:
    """What frameworks would broadcast: a number for each place but one axis, or for the places of one axis alone."""
    inputs = (gate, "[4, 2, 6, 8]") if first else ("[4, 2, 6, 8]", gate)
    text = (
        f"archspec: 1\nname: ranks\ninputs:\n  a: {{shape: {inputs[0]}}}\n  b: {{shape: {inputs[1]}}}\n"
        "layers:\n  - multiply: [[], {from: b}]\n"
    )
    with pytest.raises(archspec.SpecError, match="equal shapes, one number a channel") as caught:
        archspec.compile(load_text(text))
    assert [found.code for found in caught.value.diagnostics] == ["E0502"]


@pytest.mark.parametrize("gate", ["{shape: [2, 1, 1, 1, 1]}", "{shape: [1, 1, 1, 1, 8]}", "{shape: [2, 4, 3, 2, 1]}"])
def test_nothing_is_a_gate_of_unnamed_axes(gate: str) -> None:
    text = (
        f"archspec: 1\nname: ranks\ninputs:\n  a: {INPUTS['unnamed']}\n  b: {gate}\n"
        "layers:\n  - multiply: [[], {from: b}]\n"
    )
    with pytest.raises(archspec.SpecError, match="equal shapes"):
        archspec.compile(load_text(text))


def test_what_is_said_of_a_network_of_unnamed_axes() -> None:
    """Counts, receptive fields and the summary: they know no places in such a tensor, and do not fail."""
    graph = _compiled("dense: {units: 3}", INPUTS["unnamed"])
    count = 2 * 4 * 3 * 2
    assert graph.macs == count * 8 * 3
    assert graph.nodes["dense"].shape == (2, 4, 3, 2, 3)
    assert "dense" in str(archspec.summary(graph))
