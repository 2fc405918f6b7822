"""The cases of every op that works along spatial axes, brought from images to signals and to volumes."""

from __future__ import annotations

import re
from typing import Final

import pytest

import archspec
from archspec.codegen.backend import PacksModels
from archspec.codegen.registry import backend
from archspec.ir import OPS
from archspec.ir.tensor_type import IMAGE, SPATIAL
from archspec.spec import load_text
from tests.archspec_onnx.engines import agree
from tests.conformance.cases import CASES
from tests.conformance.test_ops import conforms, judged
from tests.needed import needs

pytestmark = [needs("torch", "keras", "onnxruntime"), pytest.mark.slow]

INPUTS: Final = {1: "{channels: 4, length: 8}", 3: "{channels: 4, depth: 8, height: 7, width: 9}"}
_LIST: Final = re.compile(
    r"(kernel|stride|padding|output_padding|dilation|factor|cropping|size|shift|multiple): \[([0-9., -]+)\]"
)
_LINEAR: Final = {1: "linear", 3: "trilinear"}
IMAGES_ALONE: Final = {"depth_to_space", "space_to_depth", "to_image", "drop_block", "window_attention"}
"""Ops that make images, or take nothing else."""
OTHERS: Final = ("to_image", "reshape", "dense", "bicubic", "antialias", "rearrange")
"""What a case has that is said in another way of another number of axes."""
REARRANGED: Final = {
    1: ['{pattern: "c l -> l c"}', '{pattern: "(g c) (l a) -> (c a g) l", sizes: [2, -1, -1, 4]}'],
    3: [
        '{pattern: "c d h w -> w c h d"}',
        '{pattern: "c (d a) h (w b) -> (b c a) d h w", sizes: [-1, 2, -1, 3]}',
        '{pattern: "(g c) d h w -> c (d g) h w", sizes: [-1, 2]}',
    ],
}


def _along(axes: int, case: str) -> str:
    """A case for images with its lists as long as so many axes need: the first ones, and the first again."""

    def fitted(match: re.Match[str]) -> str:
        numbers = match[2].split(", ")
        each = len(numbers) // 2
        found = (numbers + numbers[:each])[: axes * each]
        return f"{match[1]}: [{', '.join(found)}]"

    case = _LIST.sub(fitted, case).replace("bilinear", _LINEAR[axes])
    return case.replace("factor: 41", "factor: 11") if axes == 3 else case  # 41 along each takes gigabytes


def _takes_maps(name: str, case: str) -> bool:
    if name in IMAGES_ALONE or any(word in case for word in OTHERS):
        return False
    accepted = OPS[name].takes.axes
    return IMAGE in accepted and accepted.issuperset(SPATIAL)


ALL: Final = [
    (name, _along(axes, case), axes)
    for name, cases in CASES.items()
    for case in cases
    if _takes_maps(name, case)
    for axes in INPUTS
] + [("rearrange", f"rearrange: {given}", axes) for axes, cases in REARRANGED.items() for given in cases]


def test_only_images_are_taken_by_what_is_left_out() -> None:
    for name, op in OPS.items():
        if op.takes.axes & {*SPATIAL} and not op.takes.axes.issuperset(SPATIAL):
            assert name in IMAGES_ALONE


def _graph(case: str, axes: int) -> archspec.LayerGraph:
    return archspec.compile(load_text(f"archspec: 1\nname: case\ninput: {INPUTS[axes]}\nlayers:\n  - {case}\n"))


@pytest.mark.parametrize(("name", "case", "axes"), ALL)
def test_every_backend_computes_a_case(name: str, case: str, axes: int) -> None:
    graph = _graph(case, axes)
    assert any(node.op.name == name for node in graph.nodes.values())
    wanted = judged(graph)
    conforms(graph, wanted)
    for dtype in ("float32", "float64"):
        target = backend("onnx", PacksModels)
        target.verify(target.render(graph, dtype=dtype), graph)
    for training, values in wanted.items():
        agree(graph, values, training=training)
