"""Random specs of signals, volumes and ids, each on every backend: they agree with the independent evaluator.

50 always, 150 more by `-m slow`, 2,000 by `-m fuzz`; see `test_specs`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import pytest
from hypothesis import Phase, given, note, seed, settings

from archspec.errors import ArchspecError
from archspec.ir import OPS
from archspec.ir.graph import LayerGraph
from archspec.ir.tensor_type import IDS, SIGNAL, VOLUME, Axes
from tests.fuzz.agreement import compiled, text_of
from tests.fuzz.specs.typed import typed_specs
from tests.fuzz.test_specs import ACCEPTED, DRAWN, SETTINGS, agree, alike
from tests.needed import needs

pytestmark = needs("torch", "keras")

EXAMPLES: Final = 50
LONG_EXAMPLES: Final = 500


def run(number: int, examples: int) -> None:
    """So many specs of a fixed seed agree, and few of them are refused."""
    outcomes: dict[str, bool] = {}

    @seed(number)
    @settings(SETTINGS, max_examples=round(examples * DRAWN))
    @given(typed_specs())
    def drawn(spec: dict[str, Any]) -> None:
        text = text_of(spec)
        if not outcomes.get(text):
            note(f"A spec on which they do not agree:\n\n{text}")
            outcomes[text] = agree(text)

    with alike():
        drawn()
    assert len(outcomes) >= examples
    assert sum(outcomes.values()) >= ACCEPTED * len(outcomes)


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.slow) for part in (1, 2, 3))])
def test_fifty_specs_agree(part: int) -> None:
    run(part, EXAMPLES)


@pytest.mark.fuzz
@pytest.mark.parametrize("part", range(4))
def test_five_hundred_specs_agree(part: int) -> None:
    run(1000 + part, LONG_EXAMPLES)


def sample() -> Sequence[LayerGraph]:
    """Specs drawn as those above are, and compiled."""
    found: list[LayerGraph] = []

    @seed(0)
    @settings(SETTINGS, max_examples=2500, phases=[Phase.generate])
    @given(typed_specs())
    def drawn(spec: dict[str, Any]) -> None:
        with suppress(ArchspecError):
            found.append(compiled(text_of(spec)))

    with alike():
        drawn()
    return found


@pytest.mark.slow
def test_the_sample_has_every_op_on_all_that_it_takes() -> None:
    graphs = sample()
    seen: set[tuple[str, Axes]] = set()
    for graph in graphs:
        for node in graph.nodes.values():
            seen |= {(node.op.name, type.axes) for type in graph.input_types(node)}
    wanted = {
        (name, axes)
        for name, op in OPS.items()
        for axes in (SIGNAL, VOLUME, IDS)
        if axes in op.takes.axes and name != "local_response_norm"
    }
    assert wanted - seen == set()
    inputs = [{node.type.axes for node in graph.input_nodes} for graph in graphs]
    assert sum(IDS in axes for axes in inputs) > len(inputs) / 10
    assert sum(len(axes) > 1 for axes in inputs) > len(inputs) / 10
