"""The tensors of the graph's nodes, found in a model that runs. Its source is not touched.

A layer that has a module to itself gives what its module gives. Others are steps of a `forward`: calls and operators in
its source, which the writer of the source can name (see `labels`). The model runs with a copy of its source in which
each step is looked at. A source that somebody edited is compared with the one that is written for the graph, step by
step, so that what is left of a layer, or stands in its place, is found.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from threading import Lock
from typing import Any, Final, TypeVar

from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.weak import WeakIdKeyDictionary

from archspec.codegen.sharing import Sharing
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Choice, walk
from archspec_torch.node_labels import Rounds, aligned, labels, steps, word

T = TypeVar("T")
_LOCK: Final = Lock()
_LOOK: Final = "__look__"
"""What the copy of a source calls with the result of each step, the module, and the step's number."""
_NOTHING: Final[Mapping[int, Rounds]] = {}


def traced(
    model: nn.Module,
    graph: LayerGraph,
    inputs: Sequence[Tensor],
    keep: Callable[[Tensor], Any],
    *,
    change: Callable[[str, Tensor], Tensor] = lambda path, tensor: tensor,
    parameters: Mapping[str, Tensor] | None = None,
) -> tuple[Any, dict[str, Any]]:
    """What the model gives for the inputs, and what is kept of the tensors of the nodes, by path, in the graph's order.

    `keep` is called with each tensor at the moment it is made: later the model may change it in place. A node that
    cannot be found is left out. `change` gives what the model goes on with in a node's place; `parameters` are taken
    in the place of the model's own.
    """
    copy = _copied(type(model).__module__)
    trace = _Trace(model, graph, copy, keep, change)
    given = [trace.note(path, tensor) for path, tensor in zip(graph.inputs, inputs, strict=True)]
    with ExitStack() as stack:
        for module in model.modules():
            stack.callback(module.register_forward_pre_hook(trace.enter).remove)
        for module, paths in trace.own.values():
            stack.callback(module.register_forward_hook(trace.hook(paths)).remove)
        stack.enter_context(_watched(model, copy, trace.look))
        result = model(*given) if parameters is None else functional_call(model, {**parameters}, (*given,))
    return result, trace.finish()


class _Trace:
    def __init__(
        self,
        model: nn.Module,
        graph: LayerGraph,
        copy: _InstrumentedModule,
        keep: Callable[[Tensor], Any],
        change: Callable[[str, Tensor], Tensor],
    ) -> None:
        self.graph = graph
        self.keep = keep
        self.change = change
        self.labels = labels(graph)
        modules = dict(model.named_modules())
        places = _places(graph)
        self.own = {
            module: (modules[module], [path for path in paths if path in graph.nodes])
            for module, paths in places.items()
            if module in modules and all(len(self.labels.served.get(path, ())) < 2 for path in paths)
        }
        """The modules that serve one node alone each time that they are called; and the nodes, in order."""
        self.steps = {
            id(modules[module]): [self._steps(path, copy.forward_steps(type(modules[module]))) for path in paths]
            for module, paths in places.items()
            if module in modules and any(path in self.labels.nodes for path in paths)
        }
        """The nodes whose tensors the steps of a module's `forward` give, by the number of the step, for each call."""
        self.calls: Counter[int] = Counter()
        """How often each module has been called, by `id`."""
        self.rounds: dict[int, Counter[int]] = {}
        """How often each step has been done in the call of a module, by the module's `id`."""
        self.found: dict[str, Any] = {}
        self.called: set[str] = set()
        """The nodes whose own modules have been called."""
        self.versions: MutableMapping[Tensor, int] = WeakIdKeyDictionary()
        """The tensors of nodes, with how often they had been changed in place."""

    def _steps(self, path: str, theirs: Sequence[tuple[int, str]]) -> Mapping[int, Rounds]:
        if path not in self.labels.words:
            return _NOTHING
        place = aligned(self.labels.words[path], tuple(does for _, does in theirs))
        return {theirs[place[ours]][0]: nodes for ours, nodes in self.labels.nodes[path].items() if ours in place}

    def enter(self, module: nn.Module, args: Any) -> None:
        """A hook for all modules: one more call."""
        self.calls[id(module)] += 1
        self.rounds[id(module)] = Counter()

    def hook(self, paths: Sequence[str]) -> Callable[[nn.Module, Any, Any], Any]:
        """A hook for a module that serves one node in each call."""

        def leave(module: nn.Module, args: Any, result: Any) -> Any:
            path = _at(paths, self.calls[id(module)])
            if path is None:  # it serves no node
                return result
            self.called.add(path)
            return self._give((path,), result)

        return leave

    def look(self, value: Any, module: Any, step: int) -> Any:
        """Look at what a step gave; gives what is to stand in its place."""
        found = _at(self.steps.get(id(module), ()), self.calls[id(module)]) or _NOTHING
        rounds = self.rounds.setdefault(id(module), Counter())
        rounds[step] += 1
        paths = _at(found.get(step, ()), rounds[step]) or ()
        return value if self.called.intersection(paths) else self._give(paths, value)

    def _give(self, paths: tuple[str, ...], value: Any) -> Any:
        if isinstance(value, Tensor):
            return self.note(paths[0], value) if paths else value
        if type(value) not in (tuple, list):
            return value
        pairs = zip(paths, value, strict=False)
        parts = [self.note(path, part) if isinstance(part, Tensor) else part for path, part in pairs]
        return type(value)((*parts, *value[len(parts) :]))

    def note(self, path: str, tensor: Tensor) -> Tensor:
        """Keep a node's tensor. One that was only passed on becomes one of its own, on the same memory.

        So that nodes have tensors of their own, and gradients of their own, even where there was nothing to do.
        """
        if self.versions.get(tensor) == tensor._version:
            tensor = tensor.view_as(tensor)
        self.versions[tensor] = tensor._version
        self.found[path] = self.keep(tensor)
        return self.change(path, tensor)

    def finish(self) -> dict[str, Any]:
        """What is kept of the tensors of the nodes, in the graph's order."""
        found: dict[str, Any] = {}
        for path in self.graph.types:
            place = path
            if path not in self.found and path in self.labels.idle:
                [place] = self.graph.nodes[path].inputs
            if place in self.found:
                found[path] = self.found[path] = self.found[place]
        return found


def _places(graph: LayerGraph) -> dict[str, list[str]]:
    """The nodes and scopes that each module computes, by its path, in the order in which it is called for them."""
    homes = Sharing.of(graph).homes
    found: dict[str, list[str]] = {}
    for item in walk(graph.root):
        if not isinstance(item, Choice):
            found.setdefault(homes.get(item.path, item.path), []).append(item.path)
    return found


def _at(given: Sequence[T], call: int) -> T | None:
    """What is there for the n-th call of a module; an edited source may call it more often: then for the last."""
    return given[min(call, len(given)) - 1] if given and call > 0 else None


@dataclass(frozen=True, slots=True)
class _InstrumentedModule:
    """A module of Python whose classes look at each step of their `forward`, and of methods that it calls."""

    names: dict[str, Any]
    """What is defined in it."""
    steps: Mapping[str, Sequence[tuple[int, str]]]
    """The steps by class: the number of each, and what it does."""

    def has(self, kind: type) -> bool:
        """Whether a class is one of those that were copied."""
        return kind.__module__ == self.names["__name__"] and kind.__qualname__ in self.steps

    def forward_steps(self, kind: type) -> Sequence[tuple[int, str]]:
        """The steps of the `forward` that objects of a class have; none where it is not in this source."""
        written = next(base for base in kind.__mro__ if "forward" in vars(base))
        return self.steps[written.__qualname__] if self.has(written) else ()


@contextmanager
def _watched(model: nn.Module, copy: _InstrumentedModule, look: Callable[[Any, Any, int], Any]) -> Iterator[None]:
    """While it holds, the model's modules are of the classes that look at each step."""
    with _LOCK:  # the copy of a module is one for all threads
        copy.names[_LOOK] = look
        before = [(module, type(module)) for module in model.modules() if copy.has(type(module))]
        try:
            for module, kind in before:
                module.__class__ = copy.names[kind.__name__]
            yield
        finally:
            for module, kind in before:
                module.__class__ = kind
            del copy.names[_LOOK]


@lru_cache
def _copied(name: str) -> _InstrumentedModule:
    module = sys.modules[name]
    tree, numbers = ast.parse(inspect.getsource(module)), count()
    found = {made.name: _looking(made, numbers) for made in tree.body if isinstance(made, ast.ClassDef)}
    names = {"__name__": name, "__file__": module.__file__}
    exec(compile(ast.fix_missing_locations(tree), inspect.getfile(module), "exec", dont_inherit=True), names)
    return _InstrumentedModule(names, found)


def _looking(made: ast.ClassDef, numbers: Iterator[int]) -> list[tuple[int, str]]:
    """Let the `forward` of a class look at its steps; gives these."""
    methods = {method.name: method for method in made.body if isinstance(method, ast.FunctionDef) and method.args.args}
    called: list[ast.FunctionDef] = []
    found = {step: next(numbers) for step in _in_order("forward", methods, called)}
    written = [(number, word(step)) for step, number in found.items()]
    for method in called:
        _Looker(found, method.args.args[0].arg).generic_visit(method)
    return written


def _in_order(name: str, methods: Mapping[str, ast.FunctionDef], called: list[ast.FunctionDef]) -> Iterator[ast.AST]:
    """The steps of a method, those of each method that it calls in their place; `called` gets the methods."""
    if name not in methods or methods[name] in called:
        return
    method = methods[name]
    called.append(method)
    for statement in method.body:
        for step in steps(statement):
            match step:
                case ast.Call(func=ast.Attribute(ast.Name(owner), other)) if owner == method.args.args[0].arg:
                    yield from _in_order(other, methods, called)
            yield step


class _Looker(ast.NodeTransformer):
    """Puts a call around each step."""

    def __init__(self, numbers: Mapping[ast.AST, int], module: str) -> None:
        self.numbers = numbers
        self.module = module

    def visit(self, node: ast.AST) -> Any:
        """Put calls around a step and those inside of it."""
        self.generic_visit(node)
        match node:
            case ast.AugAssign(ast.Name(name) as target) if node in self.numbers:
                assigned = ast.Assign([target], self._looked(node, ast.Name(name, ast.Load())))
                return [node, ast.copy_location(assigned, node)]
            case ast.expr() if node in self.numbers:
                return self._looked(node, node)
        return node

    def _looked(self, step: ast.AST, value: ast.expr) -> ast.expr:
        module, number = ast.Name(self.module, ast.Load()), ast.Constant(self.numbers[step])
        return ast.copy_location(ast.Call(ast.Name(_LOOK, ast.Load()), [value, module, number], []), step)
