"""What an item sees while it is worked out: variables, taps, and the scope that it goes into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archspec.expr import Value
from archspec.ir.open_scopes import OpenScope, Tensor
from archspec.lowering.names import Plan


@dataclass(slots=True)
class Frame:
    """The variables of the network or of one block's instance."""

    env: dict[str, Value]
    root: bool


@dataclass(slots=True)
class Context:
    """Where items are put, what their names are, and which variables and taps they see."""

    scope: OpenScope
    plan: Plan
    frame: Frame
    taps: dict[str, Tensor]
    loop: Mapping[str, Value]
    """`i`, inside a repeat."""

    def env(self, tensor: Tensor) -> dict[str, Value]:
        """The variables that an item sees where this tensor arrives, `channels` among them."""
        return {**self.frame.env, **self.loop, "channels": tensor.type.channels}
