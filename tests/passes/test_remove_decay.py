"""Layers without their own weight decay: in the graph, and in the source of it."""

from __future__ import annotations

import pytest

import archspec
from archspec.errors import InternalError
from archspec.ir.graph import LayerGraph
from archspec.passes import run_passes
from archspec.passes.remove_decay import NO_DECAY, RemoveDecay
from archspec.spec.loading import load_text

SPEC = """
archspec: 1
name: decayed
params:
  decay: {default: 1e-3}
  width: {default: 4}
input: {channels: 1, height: 8, width: 8}
blocks:
  pair:
    params: {filters: {}, strength: {default: 0.1}}
    layers:
      - conv: {filters: filters, kernel: 3, padding: same, weight_decay: strength}
      - batch_norm: {weight_decay: decay, bias_decay: decay}
layers:
  - pair: {filters: width, strength: decay * 2}
  - pair: {filters: width * 2, strength: 0.0}
  - flatten
  - dense: {units: 10, weight_decay: 0.5}
""".replace("      - batch_norm: {weight_decay: decay, bias_decay: decay}", "      - batch_norm: {weight_decay: 0.25}")


def _decays(graph: LayerGraph) -> set[float]:
    return {weight.decay for weight in graph.all_weights.values()}


def test_nothing_decays_and_all_else_stays() -> None:
    graph = archspec.compile(load_text(SPEC))
    assert _decays(graph) == {0.0, 0.002, 0.25, 0.5}
    after = run_passes(graph, (RemoveDecay(),)).graph
    assert _decays(after) == {0.0}
    assert list(after.all_weights) == list(graph.all_weights)
    assert after.types.keys() == graph.types.keys()
    assert _decays(graph) == {0.0, 0.002, 0.25, 0.5}, "the one that was given has changed"


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_the_source_says_nothing_of_decay_nor_of_params_that_only_it_used(backend: str) -> None:
    after = run_passes(archspec.compile(load_text(SPEC)), (RemoveDecay(),)).graph
    source = str(archspec.generate(after, backend))
    body = source.partition("digest")[2]
    assert "width" in body
    for word in ("decay: float", "strength", "regularizer"):
        assert word not in body


def test_a_graph_without_decay_is_the_very_same() -> None:
    graph = archspec.compile("digits_resnet")
    assert run_passes(graph, (RemoveDecay(),)).graph is graph


def test_what_still_decays_is_found() -> None:
    class Nothing(RemoveDecay):
        def run(self, graph: LayerGraph) -> LayerGraph:
            return graph

    with pytest.raises(InternalError, match=r"ensures layers without weight decay: .* decays"):
        run_passes(archspec.compile("cifar_resnet"), (Nothing(),))
    assert NO_DECAY.fault(archspec.compile("cifar_resnet"))
