"""Random valid specs, each on every backend: they agree with the independent evaluator.

200 always, 300 more by `-m slow`, 5,000 by `-m fuzz`; `test_typed_specs` has others.

A failure shows the smallest spec that still fails, as YAML. Put in a file, it is run again by
`python -m tests.fuzz.agreement file.yaml`. docs/fuzzing.md lists what was found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, find, given, note, seed, settings
from hypothesis.internal.cache import LRUCache
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

import archspec
from archspec.codegen.backend import RunsModels
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.pretty_printer import Bracket, Code, Keyword
from archspec.codegen.registry import backend
from archspec.codegen.tree import LayerUse
from archspec.errors import ArchspecError, InternalError
from archspec.ir.graph import LayerGraph
from archspec.parity import random_inputs, random_weights
from tests.fuzz.agreement import TooLargeError, check, compiled, reference, same, text_of
from tests.fuzz.features import expected, features
from tests.fuzz.fuzz_loader import check as check_refusal
from tests.fuzz.specs.networks import specs
from tests.needed import needs

pytestmark = needs("torch", "keras")


PARTS: Final = 10
USUAL: Final = 1
"""So many of the parts are for every run; the others are slow."""
EXAMPLES: Final = 50
LONG_PARTS: Final = 10
LONG_EXAMPLES: Final = 500
ACCEPTED: Final = 0.95
"""The least share of the specs that compile: a strategy that draws what is refused tests nothing."""
DRAWN: Final = 1.6
"""How many specs are drawn for each that is run: hypothesis draws the smallest ones again and again."""
SETTINGS: Final = settings(
    deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=False, report_multiple_bugs=False
)


@contextmanager
def alike() -> Iterator[None]:
    """Draw the same specs whatever is imported: hypothesis would take constants out of all modules that are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(providers, "_get_local_constants", Constants)
        patch.setattr(providers, "CONSTANTS_CACHE", LRUCache(1024))
        yield


def agree(text: str) -> bool:
    """All backends agree on a spec; false if it is refused, with places and codes, or its numbers leave float32."""
    try:
        check(compiled(text))
    except TooLargeError:
        return False
    except ArchspecError as error:
        check_refusal(error)
        return False
    return True


def run(number: int, examples: int) -> None:
    """So many specs of a fixed seed agree, and few of them are refused."""
    outcomes: dict[str, bool] = {}

    @seed(number)
    @settings(SETTINGS, max_examples=round(examples * DRAWN))
    @given(specs())
    def drawn(spec: dict[str, Any]) -> None:
        text = text_of(spec)
        if not outcomes.get(text):
            note(f"A spec on which they do not agree:\n\n{text}")
            outcomes[text] = agree(text)

    with alike():
        drawn()
    assert len(outcomes) >= examples
    assert sum(outcomes.values()) >= ACCEPTED * len(outcomes)


@pytest.mark.parametrize(
    "part", [*range(USUAL), *(pytest.param(part, marks=pytest.mark.slow) for part in range(USUAL, PARTS))]
)
def test_fifty_specs_agree(part: int) -> None:
    run(part, EXAMPLES)


@pytest.mark.fuzz
@pytest.mark.parametrize("part", range(LONG_PARTS))
def test_five_hundred_specs_agree(part: int) -> None:
    run(1000 + part, LONG_EXAMPLES)


def sample() -> Sequence[dict[str, Any]]:
    """The specs of `test_fifty_specs_agree`."""
    found: dict[str, dict[str, Any]] = {}
    for part in range(PARTS):

        @seed(part)
        @settings(SETTINGS, max_examples=round(EXAMPLES * DRAWN), phases=[Phase.generate])
        @given(specs())
        def drawn(spec: dict[str, Any]) -> None:
            found[text_of(spec)] = spec

        with alike():
            drawn()
    return list(found.values())


@pytest.mark.slow
def test_the_sample_has_every_op_and_every_feature_in_small_specs() -> None:
    drawn = sample()
    assert expected() - {feature for spec in drawn for feature in features(spec)} == set()
    sizes = [size for spec in drawn[::5] if (size := _size(spec))]
    assert max(sizes) <= 60
    assert sum(sizes) / len(sizes) >= 8


def _size(spec: dict[str, Any]) -> int:
    """The layers of a spec; 0 if it is refused."""
    try:
        return len(compiled(text_of(spec)).nodes)
    except ArchspecError:
        return 0


def _without_stride(
    module: Callable[[LayerUse, ExpressionPrinter], Code],
) -> Callable[[LayerUse, ExpressionPrinter], Code]:
    """A row that forgets the stride."""

    def faulty(use: LayerUse, printer: ExpressionPrinter) -> Code:
        code = module(use, printer)
        if not isinstance(code, Bracket):
            return code
        kept = (part for part in code.args if not (isinstance(part, Keyword) and part.name == "stride"))
        return replace(code, args=tuple(kept))

    return faulty


def _right_in_pytorch(graph: LayerGraph) -> bool:
    """The least that `check` asks, since shrinking asks it some hundred times."""
    weights, inputs = random_weights(graph), random_inputs(graph)
    target = backend("torch", RunsModels)
    try:
        model = target.build(archspec.generate(graph, "torch"), graph, weights=weights, dtype="float64")
        found = target.run(model, graph, inputs, training=False)
        same(reference(graph, weights, inputs, training=False), found, "torch")
    except (AssertionError, InternalError):
        return False
    except TooLargeError:
        pass
    return True


@pytest.mark.slow
def test_a_planted_fault_is_shown_in_a_few_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    from archspec_torch.ops import ROWS

    row = ROWS["conv"]
    assert row.module is not None
    monkeypatch.setitem(ROWS, "conv", replace(row, module=_without_stride(row.module)))

    def fails(spec: dict[str, Any]) -> bool:
        try:
            graph = compiled(text_of(spec))
        except ArchspecError:
            return False
        return not _right_in_pytorch(graph)

    found = text_of(find(specs(layers=6), fails, settings=settings(SETTINGS, max_examples=1000), random=Random(3)))
    assert "conv: {" in found
    assert "stride: " in found
    assert len(found.splitlines()) <= 15, found
