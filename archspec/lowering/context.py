"""What an item sees while it is worked out: variables, taps, and the scope that it goes into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from archspec.expr import Expr, Value
from archspec.ir.open_scopes import OpenLoop, OpenScope, Tensor
from archspec.ir.scope import Layer
from archspec.lowering.naming import NamePlan


@dataclass(slots=True)
class Variables:
    """The variables of the network or of one block's instance."""

    env: dict[str, Value]
    root: bool
    outer: Mapping[str, Expr] = field(default_factory=dict[str, Expr])
    """Inside a block that is called inline, what its params are for its caller, whose frame the layers stand in."""


@dataclass(frozen=True, slots=True)
class Made:
    """An item that has been worked out."""

    item: Layer | OpenScope | OpenLoop
    outputs: Mapping[str, int] = field(default_factory=dict[str, int])
    """The places of a block's `outputs` among what its call gives."""
    inputs: tuple[str, ...] = ()
    """What a block calls the tensors that it takes besides the one that arrives."""


@dataclass(slots=True)
class Context:
    """Where items are put, what their names are, and which variables and taps they see."""

    scope: OpenScope
    plan: NamePlan
    variables: Variables
    taps: dict[str, Tensor]
    loop: Mapping[str, Value]
    """`i`, inside a repeat."""
    made: dict[str, Made] = field(default_factory=dict[str, Made])
    """What has a name in this scope so far, for `reuse`."""

    def env(self, tensor: Tensor) -> dict[str, Value]:
        """The variables that an item sees where this tensor arrives, `channels` among them."""
        return {**self.variables.env, **self.loop, "channels": tensor.type.channels}
