"""What an item sees while it is worked out: variables, taps, and the scope that it goes into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from archspec.expr import Expr, Value
from archspec.ir.open_scopes import OpenLoop, OpenScope, Tensor
from archspec.ir.scope import Layer
from archspec.lowering.naming import NamePlan
from archspec.records import record


@dataclass(slots=True, eq=False)
class Variables:
    """The variables of the network or of one block's instance."""

    env: dict[str, Value]
    root: bool
    outer: Mapping[str, Expr] = field(default_factory=dict[str, Expr])
    """What names stand for in the frame that layers stand in: a block's params for the caller, where it is called
    inline, and the indices of repeats that are inline.
    """

    def without(self, index: str) -> Variables:
        """The same inside of a loop whose index has this name."""
        if index not in self.outer:
            return self
        return replace(self, outer={name: expr for name, expr in self.outer.items() if name != index})


@record
class Made:
    """An item that has been worked out."""

    item: Layer | OpenScope | OpenLoop
    outputs: Mapping[str, int] = field(default_factory=dict[str, int])
    """The places of a block's `outputs` among what its call gives."""
    inputs: tuple[str, ...] = ()
    """What a block calls the tensors that it takes besides the one that arrives."""


@dataclass(slots=True, eq=False)
class Context:
    """Where items are put, what their names are, and which variables and taps they see."""

    scope: OpenScope
    plan: NamePlan
    variables: Variables
    taps: dict[str, Tensor]
    loop: Mapping[str, Value]
    """`i`, inside a repeat."""
    lists: dict[str, tuple[Tensor, ...]] = field(default_factory=dict[str, tuple[Tensor, ...]])
    """What repeats have collected, and what ops of several results give, by the name of the list."""
    made: dict[str, Made] = field(default_factory=dict[str, Made])
    """What has a name in this scope so far, for `reuse`."""

    def env(self, tensor: Tensor) -> dict[str, Value]:
        """The variables that an item sees where this tensor arrives, `channels` among them."""
        return {**self.variables.env, **self.loop, "channels": tensor.type.channels}
