"""Every conformance case as an ONNX model: valid, and the same numbers in float32 on both engines as in float64."""

from __future__ import annotations

import pytest

from archspec.codegen.backend import backend
from tests.conformance.cases import CASES
from tests.conformance.graphs import graph_of
from tests.onnx.engines import agree

pytest.importorskip("onnxruntime")

ALL = [(op, case, size) for op, cases in CASES.items() for case in cases for size in ((8, 7), (9, 12))]


@pytest.mark.parametrize(("op", "case", "size"), ALL)
def test_a_case(op: str, case: str, size: tuple[int, int]) -> None:
    target, graph = backend("onnx"), graph_of(case, size)
    for dtype in ("float32", "float64"):
        target.verify(target.render(graph, dtype=dtype), graph)
    agree(graph)
