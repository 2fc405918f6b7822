"""How the arguments of a call are written: by place where they are obvious there, else by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from archspec.codegen.tree import (
    CallUse,
    ChoiceUse,
    Definition,
    LayerUse,
    LoopUse,
    Parameter,
    SequenceUse,
    Tree,
    is_count,
)
from archspec.expr import Const, Expr, Name, names

_WIDTHS: Final = frozenset({"filters", "units", "features"})
"""The attributes that are numbers of channels: who reads a call expects these."""


_SINGLE: Final = frozenset({"stride", "dilation", "groups"})
"""Those that are 1 unless they are given."""
_ONE: Final = Const(1)


def placed(taken: Sequence[Parameter], given: Mapping[str, Expr]) -> list[tuple[str | None, Expr]]:
    """The arguments of a call in order, each with its param's name where it is written.

    What is obvious stands by place; from the first on that is not, all are named, as Python wants it. What has its
    default is left out.
    """
    found: list[tuple[str | None, Expr]] = []
    named = False
    for parameter in taken:
        value = given[parameter.name]
        if value == parameter.default:
            continue
        named = named or parameter.default is not None or not parameter.is_obvious
        found.append((parameter.name if named else None, value))
    return found


def ordered(definition: Definition, made: Sequence[Mapping[str, Expr]]) -> tuple[Parameter, ...]:
    """The parameters of a block as a class or function has them: widths first, what may be left out last.

    What a layer takes as its stride, dilation or groups is 1 unless it is given, as it is of the layer. `made` are the
    arguments of all calls, which write each of them in one way: by place a width, and what is called as it is in all.
    """
    wide, single = _wide(definition), _single(definition)
    found = [
        replace(
            parameter,
            is_width=parameter.name in wide,
            is_obvious=parameter.name in wide or all(call.get(parameter.name) == Name(parameter.name) for call in made),
            is_single=parameter.name in single,
            default=_ONE if parameter.default is None and parameter.name in single else parameter.default,
        )
        for parameter in definition.parameters
    ]
    return tuple(
        sorted(
            found,
            key=lambda one: (one.default is not None, not one.is_width, one.default is None and not one.is_obvious),
        )
    )


def _wide(definition: Definition) -> set[str]:
    """The params of a definition that are numbers of channels somewhere in it; those of what it calls are known."""
    found: set[str] = set()
    factors = {name for name, type in definition.types.items() if type == "float"}  # a width times one is a width
    for expr in _widths(definition.tree):
        mentioned = names(expr, definition.budget) - factors
        found |= mentioned if len(mentioned) == 1 else set[str]()
    for local in reversed(definition.locals):
        mentioned = names(local.expr, definition.budget) - factors
        found |= mentioned if local.name in found and len(mentioned) == 1 else set[str]()
    return {
        parameter.name for parameter in definition.parameters if parameter.name in found or is_count(parameter.name)
    }


def _single(definition: Definition) -> set[str]:
    """The params that are taken as they are for what is 1 unless it is given, and for nothing else."""
    found: dict[str, bool] = {}
    for name, is_single in _taken_as(definition.tree):
        found[name] = found.get(name, True) and is_single
    return {name for name, is_single in found.items() if is_single and definition.types.get(name) == "int"}


def _taken_as(tree: Tree) -> Iterator[tuple[str, bool]]:
    """The params that layers and calls take as they are, each with whether it is 1 there unless it is given."""
    for item in tree.items:
        match item:
            case LayerUse():
                given = [(expr, name in _SINGLE) for name, expr in item.exprs.items()]
            case CallUse():
                taken = {given.name: given.is_single and given.default == _ONE for given in item.definition.parameters}
                given = [(expr, taken[name]) for name, expr in item.arguments.items() if name in taken]
            case SequenceUse():
                given = []
                yield from _taken_as(item.body)
            case ChoiceUse():
                given = []
                yield from _taken_as(item.then)
                yield from _taken_as(item.other)
            case LoopUse():
                given = []
                for run in item.runs:
                    yield from _taken_as(Tree((run.item,), ()))
        yield from ((expr.id, is_single) for expr, is_single in given if isinstance(expr, Name))


def _widths(tree: Tree) -> Iterator[Expr]:
    """The expressions that give numbers of channels."""
    for item in tree.items:
        match item:
            case LayerUse():
                yield from (expr for name, expr in item.exprs.items() if name in _WIDTHS)
            case CallUse():
                wide = {parameter.name for parameter in item.definition.parameters if parameter.is_width}
                yield from (expr for name, expr in item.arguments.items() if name in wide)
            case SequenceUse():
                yield from _widths(item.body)
            case ChoiceUse():
                yield from _widths(item.then)
                yield from _widths(item.other)
            case LoopUse():
                for run in item.runs:
                    yield from _widths(Tree((run.item,), ()))
