"""What the tests of the form for inference share: small networks, and how far two forms are apart."""

from __future__ import annotations

from collections import Counter

import numpy as np

import archspec
from archspec.ir.graph import LayerGraph
from archspec.parity import random_inputs, random_weights
from archspec.spec import load_text
from tests.fuzz.agreement import reference

HEAD = "archspec: 1\nname: net\ninput: {channels: 4, height: 9, width: 8}\n"


def graph_of(text: str) -> LayerGraph:
    return archspec.compile(load_text(HEAD + text))


def ops(graph: LayerGraph) -> Counter[str]:
    return Counter(node.op.name for node in graph.nodes.values() if node.op.name != "input")


def apart(graph: LayerGraph, form: LayerGraph) -> float:
    """How far the outputs of the two forms are apart, as a share of the largest number, in float64."""
    weights, inputs = random_weights(graph, 0), random_inputs(graph, batch=2, seed=1)
    wanted = reference(graph, weights, inputs, training=False).outputs
    found = reference(form, form.weights_of_form(weights), inputs, training=False).outputs
    assert wanted.keys() == found.keys()
    return max(
        float(np.abs(array - found[name]).max() / max(np.abs(array).max(), 1e-3)) for name, array in wanted.items()
    )
