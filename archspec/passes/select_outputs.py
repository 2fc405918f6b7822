"""Give the tensors that were asked for in place of the spec's outputs, and leave out what none of them needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from archspec.errors import Diagnostic, InternalError, SpecError, did_you_mean
from archspec.ir.dead_code import eliminate_dead_code
from archspec.ir.def_use import DefUse
from archspec.ir.graph import LayerGraph, ids_as_output
from archspec.ir.scope import Body, Choice, Item, Layer, Loop, Operand, Ref, Result, Scope, walk
from archspec.passes.pipeline import Property
from archspec.passes.properties import NO_DEAD_LAYERS
from archspec.passes.remove_dead_layers import without_dead_layers


@dataclass(frozen=True, slots=True)
class SelectOutputs:
    """The outputs become these tensors, under the names that they are asked for by.

    A name is, in this order: a tap of the network's body, an input, a path, an output. What a stage, a block's call or
    any other scope is called stands for what it gives.
    """

    names: tuple[str, ...]

    name: ClassVar[str] = "select_outputs"
    requires: ClassVar[tuple[Property, ...]] = ()
    ensures: ClassVar[tuple[Property, ...]] = (NO_DEAD_LAYERS,)

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph up to these tensors.

        Raises:
            SpecError: there is no such tensor, or it cannot be taken out of where it stands.
        """
        graph = graph.whole or graph
        names = tuple(dict.fromkeys(self.names))
        def_use = graph.def_use
        paths = _paths(graph, def_use)
        unknown = [name for name in names if name not in paths]
        if unknown or not names:
            raise SpecError([_unknown(name, graph, paths) for name in unknown] or _nothing(graph))
        if given := [name for name in names if graph.types[paths[name]].is_ids]:
            raise SpecError([ids_as_output(name) for name in given])
        taking = _Exporter(graph, def_use)
        root, results = graph.root, list[Ref]()
        for name in names:
            body, ref = taking.out_of(root.body, dict(_operands(graph.inputs)), paths[name], name)
            root = replace(root, body=body)
            results.append(ref)
        labels = dict(root.labels)
        for name, ref in zip(names, results, strict=True):
            if isinstance(ref, Result) and (label := name.replace(".", "_")).isidentifier():
                labels.setdefault(ref, label)
        root = replace(root, body=Body(root.body.items, tuple(results)), labels=labels)
        asked = replace(graph, root=root, output_names=names, training_outputs=())
        pruned = without_dead_layers(eliminate_dead_code(asked))
        title = f"{graph.title or graph.name}: {', '.join(names)}"
        return replace(pruned, asked=names, title=title)


def _operands(paths: Sequence[str]) -> Iterator[tuple[Ref, str]]:
    return ((Operand(index), path) for index, path in enumerate(paths))


def _paths(graph: LayerGraph, def_use: DefUse) -> dict[str, str]:
    """The node that each name stands for."""
    found = dict(graph.taps)
    for name, path in {**{path: path for path in graph.inputs}, "input": graph.inputs[0]}.items():
        found.setdefault(name, path)
    for item in walk(graph.root):
        match item:
            case Layer():
                found.setdefault(item.path, item.path)
            case Scope() if item is not graph.root and (results := def_use.scopes[item.path].results):
                found.setdefault(item.path, results[0])
            case Loop() if item.iterations:
                found.setdefault(item.path, def_use.scopes[item.iterations[-1].path].results[0])
            case _:
                pass
    for name, path in graph.outputs.items():
        found.setdefault(name, path)
    return found


def _offered(graph: LayerGraph) -> list[str]:
    """What to name to those who ask for something that is not there: taps, inputs, items, and units."""
    top: list[str] = []
    iterations: list[str] = []

    def see(items: Sequence[Item]) -> None:
        for item in items:
            if isinstance(item, Choice):
                see(item.body.items)
                continue
            if isinstance(item, Loop):
                iterations.extend(scope.path for scope in item.iterations)
                if not item.iterations:  # it gives what arrives, under another name
                    continue
            top.append(item.path)

    see(graph.root.body.items)
    return list(dict.fromkeys((*graph.taps, *graph.inputs, *top, *iterations)))


def _unknown(name: str, graph: LayerGraph, paths: dict[str, str]) -> Diagnostic:
    offered = _offered(graph)
    beside = [path for path in paths if path.rpartition(".")[0] == name.rpartition(".")[0]]
    help = did_you_mean(name, dict.fromkeys((*offered, *beside)), offered)
    return Diagnostic("E0406", f"{graph.name} has no tensor called `{name}`", help=help)


def _nothing(graph: LayerGraph) -> Diagnostic:
    return Diagnostic("E0406", "no taps are asked for", help=did_you_mean("", _offered(graph)))


@dataclass(slots=True, eq=False)
class _Exporter:
    """Carries tensors out of the scopes that they stand in."""

    graph: LayerGraph
    def_use: DefUse
    instances: Counter[str] = field(init=False)
    """How often each block is called."""
    shared: frozenset[str] = field(init=False)
    """The paths of what is computed more than once with the same parameters: one module gives the same each time."""

    def __post_init__(self) -> None:
        self.instances = Counter(
            item.block for item in walk(self.graph.root) if isinstance(item, Scope) and item.block is not None
        )
        again = [item for item in walk(self.graph.root) if isinstance(item, Scope | Loop) and item.shares]
        self.shared = frozenset((*(item.path for item in again), *(item.shares for item in again)))

    def out_of(self, body: Body, known: dict[Ref, str], path: str, name: str) -> tuple[Body, Ref]:
        """The body and a reference of it to a node; what stands deeper has been carried out of its scope.

        Args:
            body: where to look.
            known: the nodes that the tensors from outside stand for. Those of the body's items are added.
            path: the node.
            name: what was asked for, for the message if the node cannot be carried out.
        """
        for item in body.items:
            known |= {Result(item.location, index): given for index, given in enumerate(self._results(item, known))}
        for ref, given in known.items():
            if given == path:
                return body, ref
        for place, item in enumerate(body.items):
            changed, index = self._from(item, known, path, name)
            if index is not None:
                items = (*body.items[:place], changed, *body.items[place + 1 :])
                return Body(items, body.results), Result(item.location, index)
        raise InternalError(f"{path} stands in no scope")

    def _results(self, item: Item, known: dict[Ref, str]) -> Sequence[str]:
        """The nodes of what an item gives."""
        match item:
            case Layer():
                return self.graph.nodes[item.path].values
            case Scope():
                return self.def_use.scopes[item.path].results
            case Choice():
                inside = dict(known)
                for inner in item.body.items:
                    inside |= {Result(inner.location, index): p for index, p in enumerate(self._results(inner, inside))}
                return [inside[ref] for ref in item.body.results]
            case Loop():
                after = [self.def_use.scopes[scope.path].results[0] for scope in item.iterations]
                return [after[-1] if after else known[item.operands[0]], *(after[mark] for mark in item.marks)]

    def _from(self, item: Item, known: dict[Ref, str], path: str, name: str) -> tuple[Item, int | None]:
        """An item that gives a node as one of its results, and which; None where the node is not in it."""
        match item:
            case Choice() if any(_holds(inner, path) for inner in _all(item.body.items)):
                body, ref = self.out_of(item.body, dict(known), path, name)
                results, index = _with(body.results, ref)
                return replace(item, body=Body(body.items, results)), index
            case Scope() if _holds(item, path):
                operands = dict(_operands(self.def_use.scopes[item.path].operands))
                body, ref = self.out_of(item.body, operands, path, name)
                if not self._can_give(item, body, ref):
                    raise SpecError(_inside(name, item, again=item.path in self.shared))
                results, index = _with(body.results, ref)
                return replace(item, body=Body(body.items, results)), index
            case Loop() if _holds(item, path):
                if item.path in self.shared:
                    raise SpecError(_inside(name, item, again=True))
                for index, scope in enumerate(item.iterations):
                    if self.def_use.scopes[scope.path].results[0] == path:
                        marks = (*item.marks, index)
                        return replace(item, marks=marks), len(marks)
                raise SpecError(_inside(name, next(scope for scope in item.iterations if _holds(scope, path)), item))
            case _:
                return item, None

    def _can_give(self, scope: Scope, body: Body, ref: Ref) -> bool:
        """Whether generated code can give one more tensor of a scope."""
        if ref in body.results or isinstance(ref, Operand):
            return True
        if scope.path in self.shared:
            return False
        if scope.block is not None:  # all calls of a block are of one definition
            return self.instances[scope.block] == 1
        # A row of numbered parts can be cut between two of them, not within one.
        numbered = any(not isinstance(item, Choice) and item.name.isdigit() for item in _all(body.items))
        return (
            not numbered
            or ref.index == 0
            or any(isinstance(i, Choice) and i.location == ref.location for i in body.items)
        )


def _all(items: Sequence[Item]) -> Iterator[Item]:
    """The items of a scope, those under its conditions included."""
    for item in items:
        yield item
        if isinstance(item, Choice):
            yield from _all(item.body.items)


def _holds(item: Item, path: str) -> bool:
    """Whether a node is in an item; what stands under a condition is seen by itself."""
    return not isinstance(item, Choice) and (item.path == path or path.startswith(f"{item.path}."))


def _with(results: tuple[Ref, ...], ref: Ref) -> tuple[tuple[Ref, ...], int]:
    """The results with one more, if it is not there, and its place."""
    results = results if ref in results else (*results, ref)
    return results, results.index(ref)


def _inside(name: str, holder: Scope | Loop, loop: Loop | None = None, *, again: bool = False) -> Diagnostic:
    """A tensor that generated code cannot give, since it stands inside something that gives one tensor."""
    help = f"ask for `{holder.path}`"
    if again:
        why = "computed more than once with the same weights, by one module"
    elif isinstance(holder, Loop) or holder.block is None:
        why = f"an iteration of `{loop.path}`" if loop is not None else "part of a row that is numbered"
    else:
        why = f"a call of block `{holder.block}`, which is written once for all its calls"
        if loop is None:
            help += f", or make the tensor one of the block's `outputs` and ask for `{holder.path}.OUTPUT`"
    return Diagnostic("E0406", f"`{name}` cannot be taken out of `{holder.path}`: it is {why}", help=help)
