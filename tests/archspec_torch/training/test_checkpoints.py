"""The weights of a run: what a network works out when it is made is none, whether a file has it or not."""

from __future__ import annotations

import pytest

import archspec
from archspec.parity import random_weights
from archspec_torch.training_program.parts.checkpoints import load_weights, weights_of
from tests.conformance.graphs import graph_of
from tests.needed import lazily, needs

torch = lazily("torch")
pytestmark = needs("torch")


@pytest.mark.parametrize(
    "item", ["window_attention: {heads: 2, window: 4}", "window_attention: {heads: 2, window: 4, scores: cosine}"]
)
def test_what_follows_from_the_network_may_be_missing(item: str) -> None:
    graph = graph_of(item, (8, 8))
    arrays = random_weights(graph)
    network = archspec.build(graph, "torch")
    load_weights(network, arrays)
    state = network.state_dict()
    assert all((state[name].numpy() == array.astype("float32")).all() for name, array in arrays.items())
    load_weights(network, weights_of(network))
    first = next(iter(arrays))
    with pytest.raises(SystemExit, match=f"{first} are missing"):
        load_weights(network, {name: array for name, array in arrays.items() if name != first})


def test_running_statistics_may_not() -> None:
    graph = graph_of("batch_norm", (8, 8))
    arrays = {name: array for name, array in random_weights(graph).items() if not name.endswith("running_var")}
    with pytest.raises(SystemExit, match=r"running_var are missing"):
        load_weights(archspec.build(graph, "torch"), arrays)
