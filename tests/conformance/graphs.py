"""A conformance case as a graph."""

from __future__ import annotations

import archspec
from archspec.spec import load_text


def graph_of(case: str, size: tuple[int, int]) -> archspec.LayerGraph:
    """The network of one case, for an image of 4 channels and this height and width."""
    text = (
        f"archspec: 1\nname: case\ninput: {{channels: 4, height: {size[0]}, width: {size[1]}}}\nlayers:\n  - {case}\n"
    )
    return archspec.compile(load_text(text))
