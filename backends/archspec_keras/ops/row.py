"""What a row is, what it is told, and the rows that need no more than a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from archspec.codegen.layout import Bracket, Code, call
from archspec.codegen.printer import Printer
from archspec.codegen.tree import LayerUse
from archspec.ir.graph import LayerGraph

FAN: Final = "channels@fan"
"""The channels that arrive at the layer being written; no spec can contain this name."""


@dataclass(frozen=True, slots=True)
class Step:
    """One Keras layer. `suffix` is added to the name of the graph's layer; the last step has none."""

    layer: Bracket
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """A layer where it is written: how to print, the variable it takes, what is known of its input."""

    use: LayerUse
    printer: Printer
    graph: LayerGraph
    never_negative: bool
    single_pixel: bool

    def attribute(self, name: str) -> Code:
        """An attribute as source."""
        return self.printer.attribute(self.use, name)

    def given(self, **spelling: str) -> dict[str, Code]:
        """The attributes that differ from their defaults, as keywords."""
        return self.printer.given(self.use, spelling)

    def helper(self, name: str) -> str:
        """A helper, which the module must then contain."""
        self.printer.helpers.add(name)
        return name

    def value(self, name: str) -> Any:
        """The value of an attribute that is no expression."""
        return self.use.value(name)

    def fixed(self, *names: str) -> bool:
        """None of these attributes is an expression."""
        return self.use.fixed(*names)


@dataclass(frozen=True, slots=True)
class Row:
    """How one op is written: the Keras layers in turn, and what the last of them calls the op's weights."""

    steps: Callable[[Site], list[Step]]
    variables: Mapping[str, str] = field(default_factory=dict[str, str])


def layer(head: str, *args: Code) -> Row:
    """The row of one Keras layer with these arguments."""
    return Row(lambda site: [Step(call(head, *args))])
