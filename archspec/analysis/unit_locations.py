"""Where layers stand, in units: the iterations of loops, or else the top-level scopes.

What is alike in many units is listed once, so what is said of a layer is said in terms of its unit: another layer of
the unit, or the unit's k-th operand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from archspec.analysis.counting import items_of
from archspec.ir.def_use import producer, result_index, value_name
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Layer, Loop, Scope


@dataclass(frozen=True, slots=True)
class InputSource:
    """Where an input comes from: a layer, the `index`-th operand of the unit, or the `index`-th result of another."""

    kind: Literal["layer", "operand", "result"]
    path: str
    index: int
    text: str

    def is_same(self, other: InputSource, layers: Mapping[str, str], scopes: Mapping[str, str]) -> bool:
        """The same place in another network, whose layers and scopes are matched to these."""
        if (self.kind, self.index) != (other.kind, other.index):
            return False
        known = layers if self.kind == "layer" else scopes
        return self.kind == "operand" or known.get(self.path) == other.path


class UnitLocations:
    """The units of a network, and where each layer stands."""

    def __init__(self, graph: LayerGraph) -> None:
        self._wires = graph.def_use.scopes
        self._unit: dict[str, str] = {}
        self.units: list[str] = []
        for item in items_of(graph.root.body.items):
            self._place(item, "", outermost=True)

    def _place(self, item: Layer | Scope | Loop, unit: str, *, outermost: bool) -> None:
        """Note the unit of an item and of all below it; the outermost loop's iterations are units, whatever is in
        them.
        """
        self._unit[item.path] = unit
        match item:
            case Layer():
                pass
            case Scope(path=path, body=body):
                if not unit:
                    unit = path
                    self.units.append(path)
                for inner in items_of(body.items):
                    self._place(inner, unit, outermost=outermost)
            case Loop(iterations=iterations):
                for scope in iterations:
                    if outermost:
                        self.units.append(scope.path)
                        self._unit[scope.path] = unit
                        for inner in items_of(scope.body.items):
                            self._place(inner, scope.path, outermost=False)
                    else:
                        self._place(scope, unit, outermost=False)

    def within(self, path: str) -> tuple[str, str]:
        """The unit of a layer or scope, empty for the network's own, and the path in it."""
        unit = self._unit.get(path, "")
        return unit, path[len(unit) + 1 :] if unit else path

    def results(self, unit: str) -> tuple[str, ...]:
        """The layers whose tensors a unit gives."""
        return self._wires[unit].results

    def source(self, user: str, path: str) -> InputSource:
        """Where `user`, a layer or a unit, has its input `path` from."""
        ours, theirs = self._unit.get(user, ""), self._unit.get(producer(path), "")
        if ours != theirs:
            if ours and path in self._wires[ours].operands:
                index = self._wires[ours].operands.index(path)
                return InputSource("operand", ours, index, "what arrives" if index == 0 else f"operand {index + 1}")
            if theirs and path in self._wires[theirs].results:
                return InputSource("result", theirs, self._wires[theirs].results.index(path), path)
        layer, index = producer(path), result_index(path)
        return InputSource("layer", layer, index, value_name(self.within(layer)[1] if ours == theirs else layer, index))
