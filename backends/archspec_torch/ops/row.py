"""What a row is, and the rows that need no more than a name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Self, TypeAlias

from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.pretty_printer import Bracket, Code, Infix, MethodChain, call, flat
from archspec.codegen.tree import LayerUse
from archspec.ir.initializers import Initializer

Weight: TypeAlias = Literal["light", "heavy", "merge", "product"]


@dataclass(frozen=True, slots=True)
class Parts:
    """The parameters of a layer that has several matrices, as expressions of the layer `{0}`."""

    weights: tuple[str, ...]
    matrices: tuple[str, ...]
    """The weights, cut into the matrices that are drawn by themselves."""
    biases: tuple[str, ...]
    fan_in: str
    """What feeds each output; empty where each part says it of itself."""
    inner: str
    """The class in torch.nn of those parts that are modules of their own."""
    certain: tuple[str, ...] = ()
    """Further biases, which are always there."""
    resets: str = ""
    """The method that draws the layer's other parameters, for which the language has no initializer."""

    def drawn_as_inner(self, initializers: Iterable[Initializer]) -> bool:
        """Whether one that draws all modules of the `inner` class by these has drawn the weights and biases, too.

        That is so where all of them are such modules', each a matrix by itself or drawn by what asks for no fans.
        """
        owners = {name.removesuffix(".weight") for name in self.weights if name.endswith(".weight")}
        within = "{0}" not in owners and len(owners) == len(self.weights)
        return within and (self.matrices == self.weights or not any(given.by_fan for given in initializers))


@dataclass(frozen=True, slots=True)
class TensorPart:
    """One of `count` parts of a tensor, and the call that gives them all."""

    index: int
    count: int
    all: Callable[[Code], Code]


@dataclass(frozen=True, slots=True)
class BareParameter:
    """What a layer learns, as a parameter of the class around it."""

    shape: Callable[[LayerUse, ExpressionPrinter], tuple[Code, ...]]
    function: Callable[[LayerUse, ExpressionPrinter, str, Code], Code]
    """An expression of the parameter and the operand."""
    initializer: Callable[[LayerUse], Initializer] = lambda use: use.value("init")


@dataclass(frozen=True, slots=True)
class TorchRow:
    """How one op is written.

    `module` gives the constructor; `function` gives an expression of the operands, used in a `forward` where both
    exist. `weight` says how statements are cut: light calls are nested around heavier ones, a product in a sum. `type`
    gives the class in torch.nn of what `module` makes; a row whose op has weights needs it, since weights are drawn by
    class.
    `draws` has what the class's own `reset_parameters` draws of the weights that the op has initializers for; `parts`
    are the parameters of a layer that has more than `weight` and `bias`. `state`: it also sets what is not learned.
    `own_type` gives the class of the module's own, where it is a kind of `type`, and what else is of that may be drawn
    by another rule. `takes_channels` says whether the constructor takes how many channels arrive. `inline` says
    whether `function` can write a layer, for `forward` knows no parameter of the constructor.
    """

    weight: Weight
    module: Callable[[LayerUse, ExpressionPrinter], Code] | None = None
    function: Callable[[LayerUse, ExpressionPrinter, Sequence[Code]], Code] | None = None
    type: Callable[[LayerUse], str] | None = None
    draws: Mapping[str, Initializer] = field(default_factory=dict[str, Initializer])
    parts: Callable[[LayerUse], Parts] | None = None
    state: bool = False
    own_type: Callable[[LayerUse], str] | None = None
    takes_channels: Callable[[LayerUse], bool] = lambda use: use.has_weights
    inline: Callable[[LayerUse], bool] = lambda use: True
    part: Callable[[LayerUse], TensorPart] | None = None
    """For a layer that gives one of several parts of its operand."""
    helpers: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the row's package brings along: the text of each helper by the name that it defines."""
    bare: BareParameter | None = None
    """For a layer that asks to be `bare`, so that it has no module."""
    most_operands: int | None = None
    """How many operands one statement has at most: what more there are is merged with its result in the next ones."""

    def bare_for(self, use: LayerUse) -> BareParameter | None:
        """The parameter of the class around it that this layer is, if it is one."""
        return self.bare if self.bare is not None and use.value("bare") else None

    def has_module(self, use: LayerUse) -> bool:
        """Whether the layer can be a module."""
        return self.module is not None and self.bare_for(use) is None

    def function_for(self, use: LayerUse) -> Callable[[LayerUse, ExpressionPrinter, Sequence[Code]], Code] | None:
        """The function that writes this layer, if one does."""
        return self.function if self.inline(use) else None

    def draws_itself(self, weight: str, initializer: Initializer) -> bool:
        """Whether the class draws this weight so by itself."""
        return self.draws.get(weight) == initializer

    def without_state(self) -> Self:
        """The row of a layer whose state is set already."""
        return replace(self, state=False)


def owner(operand: Code) -> str:
    """An operand as what a method is called on."""
    return f"({flat(operand)})" if isinstance(operand, Infix) else flat(operand)


def chained(operand: Code, calls: Sequence[Bracket]) -> Code:
    """Methods of a tensor, one called on what the one before gives."""
    if not calls:
        return operand
    if isinstance(operand, Bracket) and len(calls) > 1:
        return MethodChain((operand, *calls))
    first = replace(calls[0], head=f"{owner(operand)}.{flat(calls[0].head)}")
    return MethodChain((first, *calls[1:])) if len(calls) > 1 else first


def light(name: str) -> TorchRow:
    """The row of a layer without arguments, such as an activation."""
    return TorchRow("light", lambda use, printer: call(name))
