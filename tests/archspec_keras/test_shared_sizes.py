"""Scopes that are called again: their model is open along the axes whose sizes inputs decide, and no others."""

from __future__ import annotations

import archspec
from archspec.spec import load_text
from tests.needed import needs

pytestmark = needs("keras")

HEAD = """
archspec: 1
name: again
inputs: {tokens: {shape: [3, 4]}, more: {channels: 4, height: 4, width: 4}}
blocks:
  mixed: {layers: [transpose, dense: {units: 3}, transpose]}
  plain: {layers: [conv: {filters: 4, kernel: 3, padding: 1}]}
layers:
"""


def source_of(items: str) -> str:
    graph = archspec.compile(load_text(HEAD + items, name="again.yaml"))
    archspec.build(graph, "keras")  # verified against the graph
    return str(archspec.generate(graph, "keras"))


def test_a_sequence_of_fixed_length_beside_images_of_any_size() -> None:
    """Its tokens become channels, which an open axis would leave without a number."""
    items = "  - from: tokens\n  - mixed: {name: m}\n  - relu\n  - reuse: m\n  - select_token\n"
    source = source_of(items + "  - add: [[], [{from: more, layers: [global_avg_pool, flatten]}]]\n")
    assert "keras.Input(tokens.shape[1:]" in source


def test_images_of_any_size_are_open() -> None:
    items = "  - from: more\n  - plain: {name: p}\n  - relu\n  - reuse: p\n  - global_avg_pool\n  - flatten\n"
    source = source_of(items + "  - add: [[], [{from: tokens, layers: [select_token]}]]\n")
    assert "keras.Input((None, None, " in source
