"""Networks that take ids: compared in all checks, with no gradient by ids, and a wrong embedding is blamed."""

from __future__ import annotations

from typing import Final

import numpy as np
import pytest

from archspec.parity import random_inputs
from tests.needed import needs
from tests.parity.probe import compared, edited, graph

pytestmark = [needs("torch", "keras"), pytest.mark.parity]

NETWORK: Final = """
archspec: 1
name: ids
params: {words: 50}
inputs:
  text: {tokens: 7, ids: words}
  kinds: {tokens: 7, ids: 2}
  scale: {shape: [7, 6]}
layers:
  - embedding: {name: word, features: 6, weight_decay: 0.01}
  - add: [[], {from: kinds, layers: [embedding: {name: kind, features: 6}]}]
  - layer_norm
  - multiply: [[], {from: scale}]
  - to_signal
  - conv: {filters: 5, kernel: 3, padding: same}
  - relu
  - global_max_pool: {keep_axes: false}
  - dense: {name: fc, units: 3}
"""


def test_inputs_are_valid_ids() -> None:
    found = random_inputs(graph(NETWORK), batch=64)
    assert found["text"].dtype == found["kinds"].dtype == np.int64
    assert {*np.unique(found["kinds"])} == {0, 1}
    assert (found["text"].min(), found["text"].max()) == (0, 49)
    assert found["scale"].dtype == np.float64


def test_all_checks_agree() -> None:
    report = compared(network=NETWORK, dtypes=("float32", "float64"), sizes=None)
    report.require()
    assert {row.check for row in report.rows} >= {"inference", "training", "gradients", "run"}
    worst = {row.worst for row in report.rows if row.what == "input gradients"}
    assert worst == {"scale"}  # the only input that the loss has a derivative with respect to


FAULTS: Final = {
    "ids counted from 1": (
        *("inference", "outputs", {"word": "differs"}),
        ("self.word(text)", "self.word((text + 1) % 50)"),
    ),
    "the ids of another input": (
        *("inference", "outputs", {"word": "differs"}),
        ("self.word(text)", "self.word(kinds)"),
    ),
    "vectors that are not trained": (
        *("gradients", "weight gradients", {"kind": "layer gradients"}),
        ("self.kind(kinds)", "self.kind(kinds).detach()"),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_wrong_embedding_is_blamed(name: str) -> None:
    check, what, blamed, edit = FAULTS[name]
    report = compared(edited("torch", edit, network=NETWORK), network=NETWORK, checks=(check,), sizes=None)
    assert not report.agrees
    assert what in [row.what for row in report.rows if not row.agrees]
    assert {blame.path: blame.kind for blame in report.blamed} == blamed
