"""What is decided about the members of a class, for those who print it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from archspec.codegen.escaping import attribute, quoted
from archspec.codegen.pretty_printer import Code
from archspec.expr import Expr
from archspec.reserved_names import in_sequence

ACTIVATION: Final = "activation"
"""The member that is one of several activations, whatever each is called."""


@dataclass(slots=True)
class Spelling:
    """What the class writer has decided about members, by location."""

    members: dict[tuple[int, ...], str] = field(default_factory=dict[tuple[int, ...], str])
    flags: dict[int, tuple[str, bool]] = field(default_factory=dict[int, tuple[str, bool]])
    """Conditions that `forward` has to ask again: the attribute that keeps each, or, if not True, its opposite."""
    finals: list[str] = field(default_factory=list[str])
    """Those of the attributes that TorchScript must know when it compiles: it leaves out a side whose members an
    instance has not got, which it could not compile where they are indexed, or give several tensors."""
    joined: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    """Choices that members stand for: layers in one case, identities in the other."""
    functions: dict[int, Callable[[Sequence[Code]], Code]] = field(
        default_factory=dict[int, Callable[[Sequence[Code]], Code]]
    )
    again: set[str] = field(default_factory=set[str])
    """Members that several items are called with: each call has a statement of its own, in the order of the graph."""
    counts: dict[int, str] = field(default_factory=dict[int, str])
    """How often a loop calls its member, where all iterations call the same one."""
    labeled: bool = False
    """Whether `forward` says of each of its layers which expression it is."""
    drawn_by: dict[str, str] = field(default_factory=dict[str, str])
    """The attributes of an instance that weights are drawn by, by the names of the params and quantities."""
    keyed: bool = False
    """Whether the class is an `nn.ModuleDict`, since the name of a member cannot be an attribute."""

    lists: dict[str, int] = field(default_factory=dict[str, int])
    """The sequences of members that are an `nn.ModuleList`, with how many; others are an `nn.ModuleDict`."""

    open_lists: dict[str, Expr] = field(default_factory=dict[str, Expr])
    """Those that may have another number of members, with what says it."""
    looped: set[str] = field(default_factory=set[str])
    """Those whose members `forward` calls in a loop alone."""

    def member(self, name: str, target: str = "self") -> str:
        """How a member is reached in an instance."""
        sequence, own = in_sequence(name)
        if sequence:
            return f"{attribute(target, sequence)}[{own if sequence in self.lists else quoted(own)}]"
        return f"{target}[{quoted(name)}]" if self.keyed else attribute(target, name)
