"""What has the parameters of another item, and so is called again in source; and what no source can say."""

from __future__ import annotations

from dataclasses import dataclass, field

from archspec.codegen.anti_unification import without_sizes
from archspec.errors import Diagnostic
from archspec.ir.def_use import pattern
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Body, Choice, Layer, Loop, Scope, walk_layers
from archspec.reserved_names import in_sequence


@dataclass(slots=True)
class Sharing:
    """The items of a graph that are computed once more, and what is wrong with them for source."""

    reuses: dict[str, str] = field(default_factory=dict[str, str])
    """By path, the name of the item of the same scope whose module each is called with."""
    made_as: dict[str, str] = field(default_factory=dict[str, str])
    """By path, the name under which an item makes what others of its scope are called with.

    It stands in for the item of that name, which is gone, since nothing needs what it gives.
    """
    homes: dict[str, str] = field(default_factory=dict[str, str])
    """Where the parameters of items are, by path: an item's own, or that of the one which it computes once more."""
    problems: list[Diagnostic] = field(default_factory=list[Diagnostic])

    @classmethod
    def of(cls, graph: LayerGraph) -> Sharing:
        """What a graph shares."""
        found = cls()
        if any(node.shared for node in graph.nodes.values()):
            _SharedItems(graph, found).body(graph.root.body, "", "")
        return found


@dataclass(slots=True)
class _SharedItems:
    graph: LayerGraph
    found: Sharing
    items: dict[str, Layer | Scope | Loop] = field(default_factory=dict[str, "Layer | Scope | Loop"])
    """The items so far, by path; what stands in for one that is gone has that one's path, too."""

    def body(self, body: Body, around: str, home: str) -> None:
        """The items of a scope; `home` is where its parameters are."""
        for item in body.items:
            if isinstance(item, Choice):
                self.body(item.body, around, home)
            else:
                self.item(item, around, around, home)

    def item(self, item: Layer | Scope | Loop, around: str, scope: str, home: str) -> None:
        """An item of `around`; `scope` is the path of the scope whose items it may compute once more."""
        own = f"{home}.{item.name}" if home else item.name
        self.items[item.path] = item
        homes = self.found.homes
        homes[item.path] = own
        if isinstance(item, Layer):
            self.layer(item, own, scope, home)
            return
        if item.shares:
            of_scope, name = homes.get(scope, ""), _within(item.shares, scope)
            homes[item.path] = own = homes.setdefault(item.shares, f"{of_scope}.{name}" if of_scope else name)
            self.again(item, item.shares, scope)
        if isinstance(item, Scope):
            self.body(item.body, item.path, own)
            return
        for iteration in item.iterations:
            self.item(iteration, item.path, scope if iteration.shares else item.path, own)

    def layer(self, layer: Layer, own: str, scope: str, home: str) -> None:
        """A layer by itself: all of its parameters are those of one other layer of its scope, or it is no source."""
        if not layer.shared:
            return
        weights = self.graph.weights(self.graph.nodes[layer.path])
        if layer.shared == {weight.name: weight.at(own) for weight in weights}:
            return  # as the scope around it
        owners = {weight.layer_of(layer.shared.get(weight.name, "")) for weight in weights}
        owner = min(owners)
        name = _within(owner, home)
        if len(owners) == 1 and self.is_item(name, scope):
            self.found.homes[layer.path] = owner
            first = self.owner(layer, f"{scope}.{name}" if scope else name, name)
            if isinstance(first, Layer) and _same(self.graph, layer, first):
                self.numbered(layer, name)
                return
        shared = ", ".join(dict.fromkeys(layer.shared.values()))
        self.problem(layer, f"{layer.path} has {shared}, and is not one layer of the same scope that is computed again")

    def again(self, item: Scope | Loop, owner: str, scope: str) -> None:
        """A scope or a loop that is computed once more."""
        name = _within(owner, scope)
        if not self.is_item(name, scope):
            self.problem(item, f"{item.path} has the parameters of {owner}, which stands in another scope")
            return
        first = self.owner(item, owner, name)
        if isinstance(first, Scope | Loop) and first is not item:
            mine, its = (_wired(part) for part in (item, first))
            layers = zip(walk_layers(item), walk_layers(first), strict=False)
            if mine != its or not all(_same(self.graph, layer, other) for layer, other in layers):
                self.problem(item, f"{item.path} and {owner} have the same parameters, and do not compute the same")
        self.numbered(item, name)

    def is_item(self, name: str, scope: str) -> bool:
        """Whether something of this name would stand in a scope itself, and not in another scope there."""
        sequence, _ = in_sequence(name)
        if not name or not sequence:
            return name != ""
        return "." not in sequence and (f"{scope}.{sequence}" if scope else sequence) not in self.items

    def owner(self, item: Layer | Scope | Loop, path: str, name: str) -> Layer | Scope | Loop:
        """What makes the layers that an item is called with: the item of that path and name, or else this one."""
        first = self.items.setdefault(path, item)
        if first is item:
            self.found.made_as[item.path] = name
        else:
            self.found.reuses[item.path] = name
        return first

    def numbered(self, item: Layer | Scope | Loop, owner: str) -> None:
        """The parts of an `nn.Sequential` are computed in turn, once each."""
        is_iteration = isinstance(item, Scope) and item.path.rpartition(".")[0] in self.items
        if not is_iteration and (item.name.isdigit() or owner.isdigit()):
            self.problem(item, f"{item.path} is a numbered part, which cannot be one that is computed again")

    def problem(self, item: Layer | Scope | Loop, message: str) -> None:
        """Note what no source can say."""
        help = "ONNX models can have it; in source an item is called again, with all of its parameters"
        self.found.problems.append(Diagnostic("E0601", message, item.span, help=help))


def _within(path: str, scope: str) -> str:
    """What a path is called within a scope; empty where it is not in there."""
    if not scope:
        return path
    return path.removeprefix(f"{scope}.") if path.startswith(f"{scope}.") else ""


def _same(graph: LayerGraph, layer: Layer, first: Layer) -> bool:
    """Whether one module serves two layers: their ops are the same but for what follows from sizes."""
    if without_sizes(first.op) != without_sizes(layer.op):
        return False
    types = (graph.input_types(graph.nodes[path]) for path in (first.path, layer.path))
    return all((one.axes, one.channels) == (other.axes, other.channels) for one, other in zip(*types, strict=True))


def _wired(item: Scope | Loop) -> object:
    return pattern(item) if isinstance(item, Scope) else [pattern(scope) for scope in item.iterations]
