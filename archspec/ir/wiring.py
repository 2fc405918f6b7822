"""Which nodes the scopes' references stand for."""

from __future__ import annotations

from dataclasses import dataclass, field

from archspec.errors import InternalError
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Body, Choice, Layer, Loop, Operand, Ref, Scope


@dataclass(frozen=True, slots=True)
class Wires:
    """The nodes that a scope's operands and results stand for, by path."""

    operands: tuple[str, ...]
    results: tuple[str, ...]


@dataclass(slots=True)
class Wiring:
    """Every scope's wires, and every layer's inputs as the scopes tell them."""

    scopes: dict[str, Wires] = field(default_factory=dict[str, Wires])
    layers: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


def trace(graph: LayerGraph) -> Wiring:
    """Follow the references of all scopes from the network's inputs to its outputs.

    Raises:
        InternalError: a reference stands for nothing, or a layer stands in two scopes.
    """
    wiring = Wiring()
    results = _body(graph.root.body, graph.inputs, {}, wiring)
    wiring.scopes[graph.root.path] = Wires(graph.inputs, results)
    return wiring


def pattern(scope: Scope) -> tuple[tuple[tuple[str, tuple[str, ...]], ...], tuple[str, ...]]:
    """How a scope is wired inside, wherever it stands: each layer with its inputs, then the results.

    Paths are those from the scope on; what enters it is called `#0`, `#1` ...
    """
    wiring = Wiring()
    results = _scope(scope, tuple(f"#{index}" for index in range(len(scope.operands))), wiring)

    def own(path: str) -> str:
        return path.removeprefix(f"{scope.path}.")

    layers = tuple((own(path), tuple(map(own, inputs))) for path, inputs in wiring.layers.items())
    return layers, tuple(map(own, results))


def _body(body: Body, operands: tuple[str, ...], known: dict[int, tuple[str, ...]], wiring: Wiring) -> tuple[str, ...]:
    def resolve(refs: tuple[Ref, ...]) -> tuple[str, ...]:
        try:
            return tuple(
                operands[ref.index] if isinstance(ref, Operand) else known[ref.site][ref.index] for ref in refs
            )
        except (IndexError, KeyError):
            raise InternalError(f"one of {refs} stands for nothing") from None

    for item in body.items:
        match item:
            case Layer():
                if item.path in wiring.layers:
                    raise InternalError(f"{item.path} stands in two scopes")
                wiring.layers[item.path] = resolve(item.operands)
                known[item.site] = (item.path,)
            case Scope():
                known[item.site] = _scope(item, resolve(item.operands), wiring)
            case Choice():
                # What its items give is known inside it alone. No copy of `known`: there may be many conditions.
                result = _body(item.body, operands, known, wiring)
                for inner in item.body.items:
                    del known[inner.site]
                known[item.site] = result
            case Loop():
                inside = resolve(item.operands)
                after: list[str] = []
                for scope in item.iterations:
                    if scope.operands != tuple(Operand(index) for index in range(len(inside))):
                        raise InternalError(f"{scope.path} is wired past its loop")
                    inside = (_scope(scope, inside, wiring)[0], *inside[1:])
                    after.append(inside[0])
                known[item.site] = (inside[0], *(after[mark] for mark in item.marks))
    return resolve(body.results)


def _scope(scope: Scope, operands: tuple[str, ...], wiring: Wiring) -> tuple[str, ...]:
    results = _body(scope.body, operands, {}, wiring)
    wiring.scopes[scope.path] = Wires(operands, results)
    return results
