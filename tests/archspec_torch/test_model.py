"""The running PyTorch model."""

from __future__ import annotations

from typing import Any

import archspec
from tests.needed import lazily, needs

torch: Any = lazily("torch")
pytestmark = needs("torch")


def test_a_model_whose_weights_are_given_draws_none() -> None:
    """Truncated normals are drawn again until they fit: what is not drawn must not be waited for."""
    graph = archspec.compile("convnext")
    weights = archspec.init_weights(graph, seed=0)
    state = torch.get_rng_state()
    model = archspec.build(graph, "torch", weights=weights)
    assert torch.equal(torch.get_rng_state(), state)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, torch.from_numpy(weights[name]))
