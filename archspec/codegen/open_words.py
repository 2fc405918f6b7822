"""The words for paddings that a network has as params, and whether another gives a right network of the same source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from archspec.codegen.anti_unification import without_sizes
from archspec.codegen.body_context import LAYERS
from archspec.expr import Expr, ExprError, Value, evaluate, names
from archspec.ir.attributes import PaddingKind
from archspec.ir.graph import LayerGraph, NetworkParam
from archspec.ir.mapping import map_layers
from archspec.ir.op import Op, ShapeError
from archspec.ir.scope import Body, Choice, Layer, Loop, Scope
from archspec.ir.tensor_type import TensorType
from archspec.limits import Budget

_WORDS: Final = ("same", "valid")
"""What frameworks take as the padding of a convolution."""


@dataclass(slots=True)
class OpenWords:
    """The words of a network that its source can have as arguments."""

    others: dict[str, list[Op]] = field(default_factory=dict[str, list[Op]])
    """By the path of a layer that is padded by such a word, what it is by the other words."""
    params: set[str] = field(default_factory=set[str])
    reasons: dict[str, str] = field(default_factory=dict[str, str])
    """By the name of a param that cannot be one, what it decides."""


def open_words(graph: LayerGraph, budget: Budget) -> OpenWords:
    """The words for paddings of which any gives a network: sizes differ, and nothing that source has as a number."""
    found = OpenWords()
    for param in graph.params:
        if param.value not in _WORDS or param.fixed or param.expr is not None:
            continue
        others: dict[str, list[Op]] = {}
        try:
            for word in param.choices or _WORDS:
                if word != param.value:
                    for path, op in _with_word(graph, param, word, budget).items():
                        others.setdefault(path, []).append(op)
        except _NotRightError as error:
            found.reasons[param.name] = error.what
            continue
        if others:
            found.params.add(param.name)
            for path, ops in others.items():
                found.others.setdefault(path, []).extend(ops)
    return found


class _NotRightError(Exception):
    """Another word gives another network: `what` it decides."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def _with_word(graph: LayerGraph, param: NetworkParam, word: Value, budget: Budget) -> Mapping[str, Op]:
    """The layers that are others where a param is this word; all else fits to what they give.

    Raises:
        _NotRightError: something does not.
    """
    frame: dict[str, Value] = {other.name: other.value for other in graph.params}
    frame |= {name: let.value for name, let in graph.root.lets.items()}
    changed = dict(_ByAnotherWord(budget).inside(graph.root.body, {**frame, param.name: word}, {param.name}))

    def in_place(layer: Layer, arriving: Sequence[TensorType]) -> Layer:
        before = graph.input_types(graph.nodes[layer.path])
        op = changed.get(layer.path, without_sizes(layer.op))
        try:
            op = op.resolved(arriving)
            types = op.infer_types(arriving)
        except ShapeError:
            raise _NotRightError(f"the sizes that arrive at {layer.path}") from None
        differs = tuple(arriving) != tuple(before)
        weights = [weight.shape for weight in op.weights(arriving)] != [weight.shape for weight in op.weights(before)]
        channels = [type.channels for type in arriving] != [type.channels for type in before]
        if differs and (op.sized or weights or (channels and layer.exprs)):
            raise _NotRightError(f"the sizes that arrive at {layer.path}")
        return replace(layer, op=op, types=types)

    if changed:
        map_layers(graph, in_place)
    return changed


@dataclass(slots=True)
class _ByAnotherWord:
    """Goes through the items of a network in which one param has another value."""

    budget: Budget

    def inside(self, body: Body, frame: Mapping[str, Value], other: set[str]) -> Iterator[tuple[str, Op]]:
        """The layers of a body that are others, by path; `other` are the names that have other values in a frame."""
        for item in body.items:
            match item:
                case Layer():
                    if (op := self._layer(item, frame, other)) is not None:
                        yield item.path, op
                case Scope(kind="block"):
                    values = {name: binding.value for name, binding in item.bindings.items()}
                    mine: set[str] = set()
                    for name, binding in item.bindings.items():
                        if self._mentions(binding.expr, other):
                            values[name] = self._value(binding.expr, frame, f"the {name} of {item.path}")
                            mine |= {name} if values[name] != binding.value else set()
                    for name, let in item.lets.items():
                        values[name] = let.value
                        if self._mentions(let.expr, mine):
                            values[name] = self._value(let.expr, values, f"the {name} of {item.path}")
                            mine |= {name} if values[name] != let.value else set()
                    if mine:
                        yield from self.inside(item.body, values, mine)
                case Scope():
                    yield from self.inside(item.body, frame, other)
                case Choice():
                    if self._mentions(item.condition, other):
                        outcome = self._value(item.condition, frame, LAYERS)
                        if outcome is not item.taken:
                            raise _NotRightError(LAYERS)
                    yield from self.inside(item.body, frame, other)
                case Loop():
                    if any(self._mentions(expr, other) for expr in (item.times, *item.structure) if expr is not None):
                        raise _NotRightError(f"how often {item.path} runs")
                    yield from self.inside(Body(item.iterations, ()), frame, other)

    def _layer(self, layer: Layer, frame: Mapping[str, Value], other: set[str]) -> Op | None:
        """A layer with another word for its padding; None where it stays."""
        op: Any = layer.op
        for name, expr in layer.exprs.items():
            if not self._mentions(expr, other):
                continue
            what = f"the {name} of {layer.path}"
            value, kind = self._value(expr, frame, what), op.attributes()[name].kind
            if not isinstance(kind, PaddingKind) or value not in _WORDS:
                raise _NotRightError(what)
            sides = op.padding.sides
            op = replace(op, padding=kind.spread(kind.read(value), len(sides) if sides else len(op.kernel)))
        return None if op is layer.op else op

    def _mentions(self, expr: Expr, other: set[str]) -> bool:
        return not other.isdisjoint(names(expr, self.budget))

    def _value(self, expr: Expr, frame: Mapping[str, Value], what: str) -> Value:
        try:
            return evaluate(expr, frame, self.budget)
        except ExprError:
            raise _NotRightError(what) from None
