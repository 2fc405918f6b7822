"""Random networks compute in their form for inference what they do after training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, note, seed, settings

import archspec
from archspec.codegen.backend import BuildsModels
from archspec.codegen.registry import backend
from archspec.errors import ArchspecError
from archspec.passes.inference import inference_form
from tests.fuzz.agreement import TooLargeError, compiled, text_of
from tests.fuzz.specs.networks import specs
from tests.fuzz.specs.typed import typed_specs
from tests.fuzz.test_specs import SETTINGS, alike
from tests.needed import needs
from tests.passes.inference.forms import apart

pytestmark = needs("onnx", "torch")


def agree(text: str) -> bool:
    """The two forms of a spec agree; false if it is refused, or has nothing to fold."""
    try:
        graph = compiled(text)
        form = inference_form(graph)
        assert inference_form(form) is form
        backend("torch", BuildsModels).verify(archspec.generate(form, "torch"), form)
        assert apart(graph, form) < 1e-9
    except (TooLargeError, ArchspecError):
        return False
    return form is not graph


@pytest.mark.parametrize("strategy", [specs, typed_specs])
def test_random_networks_compute_the_same(strategy: Callable[[], Any]) -> None:
    outcomes: dict[str, bool] = {}

    @seed(0)
    @settings(SETTINGS, max_examples=60)
    @given(strategy())
    def drawn(spec: dict[str, Any]) -> None:
        text = text_of(spec)
        if not outcomes.get(text):
            note(f"A spec whose forms do not agree:\n\n{text}")
            outcomes[text] = agree(text)

    with alike():
        drawn()
    assert sum(outcomes.values()) >= len(outcomes) / 20
