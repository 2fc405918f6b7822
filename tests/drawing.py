"""Drawing the weights of a PyTorch model anew, as after `to_empty`."""

from __future__ import annotations

from typing import Any


def draw_anew(module: Any) -> None:
    """Draw what a module draws, if anything; `nn.Module.apply` comes to the network, which has the last word, last."""
    if hasattr(module, "reset_parameters"):
        module.reset_parameters()
