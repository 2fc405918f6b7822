"""What a layer looks like where it runs: its row's own words, read back as patterns of calls."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from archspec.codegen.layout import flat
from archspec.codegen.printer import Printer
from archspec.codegen.settle import without_sizes
from archspec.codegen.tree import Definition, LayerUse, Tree
from archspec.errors import InternalError
from archspec.expr import Const
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Operand
from archspec.ir.wiring import Node
from archspec_torch.ops import ROWS

_OPERATORS: Final[Mapping[type[ast.operator], str]] = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul"}


@dataclass(frozen=True, slots=True)
class Source:
    """The tensor of a node."""

    path: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """A call of a kind (see `kind_of`) with these arguments: patterns, sources, tuples of them, or plain values."""

    kind: str
    args: tuple[Any, ...]
    keywords: Mapping[str, Any] = field(default_factory=dict[str, Any])


Form: TypeAlias = Source | Pattern


def kind_of(name: str) -> str:
    """The kind of a class of modules or of a function: the same for `nn.ReLU`, `F.relu` and `Tensor.relu_`."""
    return name.replace("_", "").lower()


def forms(graph: LayerGraph, node: Node) -> tuple[Form, ...]:
    """The ways in which the node's row writes it, on its inputs: as a function, as a module.

    A function may write nothing but its operand, where there is nothing to do.
    """
    row, use = ROWS[node.op.name], _use(graph, node)
    names = [f"x{index}" for index in range(len(node.inputs))]
    sources = dict(zip(names, map(Source, node.inputs), strict=True))
    # What is noted by a printer is of no use here: nothing is written.
    printer = Printer(Definition("", "", "", (), Tree((), ()), len(names), (), ()), "in_channels", frozenset())
    found: list[Form] = []
    if (function := row.function_for(use)) is not None:
        found.append(_read(ast.parse(flat(function(use, printer, names)), mode="eval").body, sources))
    if row.module is not None:
        constructor = ast.parse(flat(row.module(use, printer)), mode="eval").body
        assert isinstance(constructor, ast.Call)
        found.append(Pattern(kind_of(ast.unparse(constructor.func).rpartition(".")[2]), tuple(sources.values())))
    return tuple(found)


def _use(graph: LayerGraph, node: Node) -> LayerUse:
    """The node as a layer of a definition that has no other instance: no attribute is an expression."""
    arriving = graph.input_types(node)
    op = without_sizes(node.op)
    return LayerUse(
        site=0,
        name="layer",
        named=True,
        number=None,
        op=type(op),
        values={name: getattr(op, name) for name in op.attributes()},
        exprs={},
        has_weights=bool(graph.weights(node)),
        features=tuple(Const(type.channels) for type in arriving),
        axes=tuple(type.axes for type in arriving),
        operands=tuple(map(Operand, range(len(arriving)))),
        paths=(node.path,),
        sizes=tuple(type.places for type in arriving) if op.sized else (),
    )


def _read(code: ast.expr, sources: Mapping[str, Source]) -> Any:
    """An expression of a row as a pattern; what is constant in it as its value."""
    match code:
        case ast.Name(name):
            return sources[name]
        case ast.Constant(value):
            return value
        case ast.UnaryOp(ast.USub(), operand):
            return -_read(operand, sources)
        case ast.Tuple(items) | ast.List(items):
            return tuple(_read(item, sources) for item in items)
        case ast.Slice(lower, upper, None):
            return slice(*(None if bound is None else _read(bound, sources) for bound in (lower, upper)))
        case ast.BinOp(left, operator, right) if type(operator) in _OPERATORS:
            return Pattern(_OPERATORS[type(operator)], (_read(left, sources), _read(right, sources)))
        case ast.Subscript(value, index):
            return Pattern("getitem", (_read(value, sources), _read(index, sources)))
        case ast.Call(ast.Attribute(owner, name), args, keywords):
            of_module = isinstance(owner, ast.Name) and owner.id in ("torch", "F")
            operands = args if of_module else [owner, *args]
            named = {keyword.arg: _read(keyword.value, sources) for keyword in keywords if keyword.arg is not None}
            return Pattern(kind_of(name), tuple(_read(arg, sources) for arg in operands), named)
        case _:
            raise InternalError(f"the row of a PyTorch function has a form that cannot be read: {ast.unparse(code)}")
