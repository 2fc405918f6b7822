"""Which of the tensors that a model makes is which node's.

What is known of a tensor is the call that made it, and where that call stands. Nodes with a module of their own are
told by its path. All others are told by what the call does, to the tensors of which nodes, in which container. In
source as it was generated that is exact. In source that somebody edited, calls that fit less well are taken, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from archspec.ir.graph import LayerGraph
from archspec.ir.wiring import Node
from archspec_torch.forms import Form, Pattern, Source, forms


@dataclass(eq=False, slots=True)
class Value:
    """A tensor that a model made: the call that it comes from, and what is kept of it.

    `args` and `keywords` have a `Value` for each tensor. `module` is the path of the module that was called, empty for
    a function, and `container` that of the module in whose `forward` the call stands.
    """

    kind: str
    args: tuple[Any, ...]
    keywords: Mapping[str, Any]
    module: str
    container: str
    order: int
    shape: tuple[int, ...]
    kept: Any
    node: str | None = None
    """The path of the node whose tensor it is, as far as is known."""
    origins: frozenset[str] = frozenset()
    """That node, or else those that it was made from."""

    @property
    def inputs(self) -> Iterator[Value]:
        """The tensors that it was made from, in order."""
        yield from _values((self.args, tuple(self.keywords.values())))

    def trace(self) -> None:
        """Find its origins anew, from those of its inputs."""
        known = (value.origins for value in self.inputs)
        self.origins = frozenset((self.node,)) if self.node is not None else frozenset().union(*known)


def _values(found: Any) -> Iterator[Value]:
    if isinstance(found, Value):
        yield found
    elif isinstance(found, tuple):
        for part in found:
            yield from _values(part)


@dataclass(slots=True)
class _Fit:
    """How a value fits a form: the values that it takes, each with the node that is meant, and those inside of it."""

    sources: list[tuple[Value, str]] = field(default_factory=list[tuple[Value, str]])
    parts: list[Value] = field(default_factory=list[Value])


class Matcher:
    """Gives values to nodes, one by one in order of computation; `finish` takes what is left."""

    def __init__(self, graph: LayerGraph, modules: Collection[str]) -> None:
        """`modules` are the paths of all modules of the model."""
        self.graph = graph
        self.forms: Final = {path: forms(graph, node) for path, node in graph.nodes.items() if node.inputs}
        self.found: dict[str, Value] = {}
        self.loose: list[Value] = []
        """Those that are no node's yet, in order of computation, for `finish`."""
        self.own = self._own_modules(modules)
        self.transparent = {
            path
            for path, written in self.forms.items()
            if path not in modules and any(isinstance(form, Source) for form in written)
        }
        """Nodes that have nothing to do: their input is their tensor."""
        self.stands = {path: self._through(path) for path in graph.nodes}
        self.waiting: dict[tuple[str, str], list[str]] = {}
        """The nodes without a module of their own, by container and kind, in the graph's order."""
        for path, written in self.forms.items():
            if path not in self.own and path not in self.transparent:
                for kind in _kinds(written):
                    self.waiting.setdefault((_parent(path), kind), []).append(path)
        self.settled: set[str] = set()
        """Nodes that a later layer has confirmed."""

    def _own_modules(self, modules: Collection[str]) -> set[str]:
        """The nodes whose module serves no other: one without a module of its own is served by one beside it."""
        served = {
            (_parent(path), kind)
            for path, written in self.forms.items()
            if path not in modules
            for kind in _kinds(written)
        }
        return {
            path
            for path, written in self.forms.items()
            if path in modules
            and (self._weighted(path) or not any((_parent(path), kind) in served for kind in _kinds(written)))
        }

    def _weighted(self, path: str) -> bool:
        return bool(self.graph.weights(self.graph.nodes[path]))

    def _through(self, path: str) -> str:
        while path in self.transparent:
            [path] = self.graph.nodes[path].inputs
        return path

    # -- as it runs ---------------------------------------------------------------------------------

    def give(self, path: str, value: Value) -> None:
        """Say which node's tensor a value is."""
        self.found[path] = value
        value.node, value.origins = path, frozenset((path,))

    def add(self, *values: Value) -> list[Value]:
        """Give values that one call has just made to their nodes; gives back those that have none."""
        for value in values:
            value.trace()
        rest = [value for value in values if not self._add_fitting(value)]
        return [value for value in rest if not self._add_alike(value)]

    def _add_fitting(self, value: Value) -> bool:
        if value.module in self.own:
            earlier = self.found.get(value.module)
            if earlier is not None and not _made_from(value, earlier):
                return False
            if earlier is not None:  # the module is called again on what it gave: the last call gives the tensor
                earlier.node = None
                earlier.trace()
            self.give(value.module, value)
            self._confirm(self._taken(value))
            return True
        fits = [(path, fit) for path in self._waiting(value) if (fit := self._fit(path, value)) is not None]
        if not fits:
            return False
        path, fit = min(fits, key=lambda pair: (pair[0] in self.found, len(pair[1].parts)))
        for part in fit.parts:
            self._take_back(part)
        if path in self.found:
            value.node, value.origins = path, frozenset((path,))  # what follows shows which of them it is
        else:
            self.give(path, value)
        self._confirm(fit.sources)
        return True

    def _add_alike(self, value: Value) -> bool:
        """What does it in another way, to the same."""
        for path in self._waiting(value):
            inputs = {self.stands[source] for source in self.graph.nodes[path].inputs}
            if path not in self.found and value.origins == inputs:
                self.give(path, value)
                return True
        return False

    def _waiting(self, value: Value) -> list[str]:
        """The nodes that a value may be the tensor of, by what made it."""
        if value.module in self.own:
            return []
        return [path for path in self.waiting.get((value.container, value.kind), ()) if path not in self.settled]

    def _fit(self, path: str, value: Value) -> _Fit | None:
        """How a value fits one of the node's forms, exactly."""
        for form in self.forms[path]:
            fit = _Fit()
            if self._fits(form, value, fit):
                fit.parts.remove(value)
                return fit
        return None

    def _fits(self, form: Any, found: Any, fit: _Fit) -> bool:
        match form:
            case Source(path):
                if not isinstance(found, Value) or found.node is None:
                    return False
                wanted = self.stands[path]
                fit.sources.append((found, wanted))
                return found.node == wanted or self._are_twins(found.node, wanted)
            case Pattern(kind, args, keywords):
                if not isinstance(found, Value) or found.kind != kind or keywords.keys() - found.keywords.keys():
                    return False
                fit.parts.append(found)
                given = {name: found.keywords[name] for name in keywords}
                return self._fits(args, found.args, fit) and all(
                    self._fits(wanted, given[name], fit) for name, wanted in keywords.items()
                )
            case tuple():
                return (
                    isinstance(found, tuple)
                    and len(found) == len(form)
                    and all(self._fits(*pair, fit) for pair in zip(form, found, strict=True))
                )
            case _:
                return not isinstance(found, Value) and bool(found == form)

    def _take_back(self, part: Value) -> None:
        """What stands inside a longer expression is no node's, whatever it looked like before the rest was seen."""
        if part.node is not None and self.found.get(part.node) is part:
            del self.found[part.node]
        if part in self.loose:
            self.loose.remove(part)
        part.node = part.kept = None

    # -- layers that do the same to the same -------------------------------------------------------

    def _taken(self, value: Value) -> list[tuple[Value, str]]:
        """The values that the module of a node takes, each with the node that is meant, as far as that fits."""
        assert value.node is not None
        wanted = [self.stands[path] for path in self.graph.nodes[value.node].inputs]
        taken = list(value.inputs)
        if len(wanted) != len(taken):
            return []
        return [
            (found, path)
            for found, path in zip(taken, wanted, strict=True)
            if found.node is not None and self._are_twins(found.node, path)
        ]

    def _are_twins(self, one: str, other: str) -> bool:
        """Whether two nodes do the same to the same, in one place, so that only what follows tells them apart."""
        if one == other:
            return True
        first, second = self.graph.nodes[one], self.graph.nodes[other]
        return (
            not {one, other} & (self.own | self.settled)
            and _parent(one) == _parent(other)
            and first.op == second.op
            and len(first.inputs) == len(second.inputs)
            and all(
                self._are_twins(self.stands[left], self.stands[right])
                for left, right in zip(first.inputs, second.inputs, strict=True)
            )
        )

    def _confirm(self, sources: list[tuple[Value, str]]) -> None:
        """A layer tells the tensors that it takes apart from others like them."""
        for value, path in sources:
            assert value.node is not None
            if path not in self.settled:
                self._exchange(value.node, path)
                self.give(path, value)
                self.settled.add(path)

    def _exchange(self, one: str, other: str) -> None:
        if one == other:
            return
        values = self.found.pop(one, None), self.found.pop(other, None)
        for path, value in zip((other, one), values, strict=True):
            if value is not None:
                self.give(path, value)
        first, second = self.graph.nodes[one], self.graph.nodes[other]
        for left, right in zip(first.inputs, second.inputs, strict=True):
            self._exchange(self.stands[left], self.stands[right])

    # -- what is left -------------------------------------------------------------------------------

    def finish(self) -> dict[str, Any]:
        """What is kept of the tensors of the nodes, in the graph's order. A node that cannot be found is left out."""
        while self._take_one():
            pass
        places = {path: self.stands[path] for path in self.graph.nodes}
        return {path: self.found[place].kept for path, place in places.items() if place in self.found}

    def _take_one(self) -> bool:
        """Give one value to a node that has none: the first that fits best."""
        missing = [path for path in self.graph.nodes if path not in self.found and path not in self.transparent]
        if not missing or not self.loose:
            return False
        for value in self.loose:
            value.trace()
        behind = self._behind()
        last_first = self.loose[::-1]  # of several calls in place of one, the last gives the tensor
        rules = ((self._same_inputs, self.loose), (self._same_place, self.loose), (self._other_kind, last_first))
        for rule, values in rules:
            for path in missing:
                for value in values:
                    if value.module not in self.own and rule(self.graph.nodes[path], value, behind):
                        self.loose.remove(value)
                        self.give(path, value)
                        return True
        return False

    def _behind(self) -> dict[str, frozenset[str]]:
        """The nodes that stand for each node: itself if it was found, else those that stand for its inputs."""
        behind: dict[str, frozenset[str]] = {}
        for path, node in self.graph.nodes.items():
            inputs = (behind[source] for source in node.inputs)
            behind[path] = frozenset((path,)) if path in self.found else frozenset().union(*inputs)
        return behind

    def _same_inputs(self, node: Node, value: Value, behind: Mapping[str, frozenset[str]]) -> bool:
        """It does what the node does, to what there is of the node's inputs."""
        return value.kind in _kinds(self.forms[node.path]) and value.origins == _inputs(node, behind)

    def _same_place(self, node: Node, value: Value, behind: Mapping[str, frozenset[str]]) -> bool:
        """It does what the node does, to something else, in its container, after its inputs and before its users."""
        if value.kind not in _kinds(self.forms[node.path]) or value.container != _parent(node.path):
            return False
        before = [self.found[path].order for path in _inputs(node, behind)]
        users = (path for path, user in self.graph.nodes.items() if node.path in user.inputs and path in self.found)
        after = [self.found[path].order for path in users]
        return max(before, default=-1) < value.order < min(after, default=value.order + 1)

    def _other_kind(self, node: Node, value: Value, behind: Mapping[str, frozenset[str]]) -> bool:
        """It does something else, to what there is of the node's inputs, in its container."""
        return (
            value.container == _parent(node.path)
            and value.shape[1:] == node.shape
            and value.origins == _inputs(node, behind)
        )


def _made_from(value: Value, other: Value) -> bool:
    """Whether one tensor was made from another, by whatever calls."""
    seen: set[Value] = set()
    waiting = [value]
    while waiting:
        for found in waiting.pop().inputs:
            if found is other:
                return True
            if found not in seen and found.order > other.order:
                seen.add(found)
                waiting.append(found)
    return False


def _inputs(node: Node, behind: Mapping[str, frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*(behind[source] for source in node.inputs))


def _kinds(written: tuple[Form, ...]) -> set[str]:
    return {form.kind for form in written if isinstance(form, Pattern)}


def _parent(path: str) -> str:
    return path.rpartition(".")[0]
