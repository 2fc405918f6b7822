"""A loop's next iteration that computes what the last one does: the same scope under another path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from archspec.ir.def_use import Node
from archspec.ir.scope import Body, Choice, Item, Layer, Loop, Scope
from archspec.records import record


@record
class Renaming:
    """What lies in a scope, with weights of its own, as it is in another that is equal but for its path."""

    old: str
    """The path of the scope."""
    new: str
    arriving: str
    """The one tensor that enters it."""
    arriving_next: str
    """The one that enters the other."""

    def scope(self, scope: Scope) -> Scope:
        """A scope in it, or itself; its location and name stay."""
        body, shares = self._body(scope.body), self._path(scope.shares)
        return replace(scope, path=self._path(scope.path), body=body, shares=shares)

    def nodes(self, nodes: Sequence[Node]) -> dict[str, Node]:
        """The nodes by their new paths."""
        found: dict[str, Node] = {}
        for node in nodes:
            path, inputs = self._path(node.path), tuple(map(self.tensor, node.inputs))
            # `dataclasses.replace` takes several times as long; so below, for layers.
            shared = self._shared(node.shared)
            found[path] = Node(path, node.op, inputs, node.types, node.exprs, node.span, shared, node.flat_name)
        return found

    def _path(self, path: str) -> str:
        """A path in it; what is empty stays so."""
        return self.new + path[len(self.old) :] if path else path

    def tensor(self, name: str) -> str:
        """The name of a tensor in it, or of the one that enters it."""
        return self.arriving_next if name == self.arriving else self._path(name)

    def _shared(self, shared: Mapping[str, str]) -> Mapping[str, str]:
        return {weight: self._path(name) for weight, name in shared.items()} if shared else shared

    def _body(self, body: Body) -> Body:
        return Body(tuple(map(self._item, body.items)), body.results)

    def _item(self, item: Item) -> Item:
        match item:
            case Layer():
                return Layer(
                    item.location,
                    item.name,
                    item.named,
                    self._path(item.path),
                    item.operands,
                    item.op,
                    item.types,
                    item.exprs,
                    item.span,
                    self._shared(item.shared),
                    item.flat_name,
                )
            case Scope():
                return self.scope(item)
            case Choice():
                return replace(item, body=self._body(item.body))
            case Loop():
                iterations = tuple(map(self.scope, item.iterations))
                shares = self._path(item.shares)
                return replace(item, path=self._path(item.path), iterations=iterations, shares=shares)
