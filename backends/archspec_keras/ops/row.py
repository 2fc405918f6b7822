"""What a row is, what it is given, and the rows that need no more than a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.pretty_printer import Bracket, Code, call
from archspec.codegen.tree import LayerUse
from archspec.codegen.written_numbers import initializer_of
from archspec.ir.graph import LayerGraph
from archspec.ir.op import Op
from archspec.ir.tensor_type import spatial_rank
from archspec.weights.layouts import Layout

FAN: Final = "channels@fan"
"""The channels that arrive at the layer being written; no spec can contain this name."""


@dataclass(frozen=True, slots=True)
class StepCondition:
    """Where a Keras layer is there for some instances of a layer alone: as source, and for the op of one instance."""

    code: str
    holds: Callable[[Op], bool]


@dataclass(frozen=True, slots=True)
class LayerStep:
    """One Keras layer. `suffix` is added to the name of the graph's layer; the last step has none,
    or the one that owns weights (see `KerasRow.after`).

    `times` says how often the layer is passed its tensor: attention takes it as query and as value. With a `condition`
    there is such a layer only where it holds. `class_of` gives the class for one instance's op where source chooses it.
    """

    layer: Bracket
    suffix: str = ""
    times: int = 1
    condition: StepCondition | None = None
    class_of: Callable[[Op], str] | None = None

    def is_there(self, op: Op) -> bool:
        """Whether an instance with this op has the layer."""
        return self.condition is None or self.condition.holds(op)


@dataclass(frozen=True, slots=True)
class VariableLayout:
    """Where Keras keeps a weight: attributes of the layer, and how their axes make those of the weight.

    A weight that Keras keeps in several variables is cut along its first axis.
    """

    places: tuple[str, ...]
    layout: Layout | None = None
    """Where it is not the usual one of its number of axes."""

    def of(self, axes: int) -> Layout | None:
        """The layout of a weight of so many axes: those of one may stand at its end, which the variable has not."""
        return self.layout + ((),) * (axes - len(self.layout)) if self.layout else self.layout


@dataclass(frozen=True, slots=True)
class LayerContext:
    """A layer where it is written: how to print, the variable it takes, what is known of its input."""

    use: LayerUse
    printer: ExpressionPrinter
    graph: LayerGraph
    never_negative: bool
    single_pixel: bool

    @property
    def rank(self) -> int:
        """How many spatial axes its first input has."""
        return spatial_rank(self.use.axes[0])

    def of_rank(self, name: str) -> str:
        """A name with the number of axes in place of braces: `layers.Conv{}` on images is `layers.Conv2D`."""
        return name.format(f"{self.rank}D")

    def attribute(self, name: str) -> Code:
        """An attribute as source."""
        if name in self.use.draws:
            return self.printer.expr(self.use.draws[name])
        return self.printer.attribute(self.use, name)

    def given(self, **spelling: str) -> dict[str, Code]:
        """The attributes that differ from their defaults, as keywords."""
        return self.printer.given(self.use, spelling)

    def helper(self, name: str) -> str:
        """A helper, which the module must then contain; braces stand for the number of axes, as in `of_rank`."""
        name = self.of_rank(name)
        self.printer.helpers.add(name)
        return name

    def value(self, name: str) -> Any:
        """The value of an attribute that is no expression, or an initializer."""
        return initializer_of(self.use, name, self.printer.expr) if name in self.use.draws else self.use.value(name)

    def fixed(self, *names: str) -> bool:
        """None of these attributes is an expression."""
        return self.use.fixed(*names)


@dataclass(frozen=True, slots=True)
class KerasRow:
    """How one op is written: the Keras layers in turn, and where the one without a suffix keeps the op's weights.

    An attribute's name stands for a variable in the usual layout.
    """

    steps: Callable[[LayerContext], list[LayerStep]]
    variables: Mapping[str, str | VariableLayout] = field(default_factory=dict[str, str | VariableLayout])
    after: str = ""
    """The suffix of a step that may come after the one that owns weights."""
    helpers: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the row's package brings along: the text of each helper by the name that it defines."""


def layer(head: str, *args: Code) -> KerasRow:
    """The row of one Keras layer with these arguments."""
    return KerasRow(lambda context: [LayerStep(call(head, *args))])
