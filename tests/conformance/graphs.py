"""A conformance case as a graph."""

from __future__ import annotations

import archspec
from archspec.ir import OPS
from archspec.spec import load_text


def graph_of(case: str, size: tuple[int, int]) -> archspec.LayerGraph:
    """The network of one case, for an image of 4 channels and this height and width, or for an input of its own."""
    if not case.startswith("input"):
        case = f"input: {{channels: 4, height: {size[0]}, width: {size[1]}}}\nlayers:\n  - {case}"
    return archspec.compile(load_text(f"archspec: 1\nname: case\n{case}\n"))


def example_of(op: str) -> archspec.LayerGraph:
    """The network of the example that an op's record has."""
    example = OPS[op].example
    text = f"archspec: 1\nname: example\ninput: {example.spec_input}\nlayers:\n  - {example.item}\n"
    return archspec.compile(load_text(text))
