"""What source is spared by what is known of a tensor: every op's entry, held against what the op computes."""

from __future__ import annotations

import numpy as np
import pytest

import archspec
from archspec.ir import OPS
from archspec.parity import random_inputs, random_weights
from archspec_keras.static_properties import never_negative, single_pixel
from tests.conformance.cases import CASES
from tests.conformance.graphs import graph_of
from tests.needed import needs
from tests.reference.evaluate import evaluate

pytestmark = needs("onnx")


WINDOWS = {
    "conv",
    "standardized_conv",
    "scaled_standardized_conv",
    "conv_transpose",
    "max_pool",
    "avg_pool",
    "crop",
    "space_to_depth",
}
"""Of these, an attribute decides whether a single pixel stays one; the table knows convolutions of 1x1 alone."""


def _behind(first: str, case: str, size: tuple[int, int] = (8, 8)) -> archspec.LayerGraph | None:
    """A case behind another layer, where it takes what that gives."""
    try:
        return graph_of(f"{first}\n  - {case}", size)
    except archspec.SpecError:
        return None


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("first", ["identity", "relu"])
def test_the_table_knows_which_ops_give_no_negative_number(op: str, first: str) -> None:
    """Behind a ReLU nothing negative arrives, and behind the other nothing else."""
    ever, unknown = False, []
    for case in CASES[op]:
        graph = _behind(first, case)
        if graph is None:
            continue
        known = never_negative(graph)
        inputs = {
            path: np.abs(array) * (1 if first == "relu" else -1) for path, array in random_inputs(graph, 3).items()
        }
        values = evaluate(graph, random_weights(graph), inputs, training=False).values
        for path, node in graph.nodes.items():
            negative = bool((np.asarray(values[path]) < 0).any())
            assert not (negative and path in known), f"{case}: {path} gives negative numbers"
            if node.op.name == op and (first == "identity" or known.issuperset(node.inputs)):
                # Tokens are learned, and a bias.
                ever = ever or negative or op in ("class_token", "register_tokens", "global_response_norm")
                unknown += [case] if path not in known else []
    assert ever or not unknown, f"{op} never gives a negative number here, and its record does not say it: {unknown}"


@pytest.mark.parametrize("op", sorted(OPS.keys() - WINDOWS))
def test_the_table_knows_which_ops_leave_a_single_pixel(op: str) -> None:
    """An op after which a single pixel is one in all of its cases, at two sizes of the input."""
    always, unknown = True, []
    for case in CASES[op]:
        for first in ("identity", "global_avg_pool"):
            one, other = (_behind(first, case, size) for size in ((8, 8), (16, 24)))
            if one is None or other is None:
                continue
            known = single_pixel(one)
            for path, node in one.nodes.items():
                if len(node.shape) != 3:
                    continue
                single = node.shape[1:] == (1, 1) == other.nodes[path].shape[1:]
                assert single or path not in known, f"{case}: {path} is no single pixel"
                if node.op.name == op and first == "global_avg_pool":
                    always = always and single
                    unknown += [case] if path not in known else []
    assert not (always and unknown), f"{op} leaves a single pixel one, and its record does not say it: {unknown}"


@pytest.mark.parametrize("op", [name for name, op in OPS.items() if op.sign != "any"])
def test_an_entry_that_is_missing_is_found_out(op: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = "identity" if OPS[op].sign == "never negative" else "relu"
    monkeypatch.setattr(OPS[op], "never_negative", lambda self, inputs, open: False)
    with pytest.raises(AssertionError, match=f"its record does not say it|{op}"):
        test_the_table_knows_which_ops_give_no_negative_number(op, first)
