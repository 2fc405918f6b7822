"""Watching a model run, to find the tensors of the graph's nodes in it. The source is not touched.

Modules that hold layers of the graph are containers: what is called in their `forward` is seen. All others are leaves:
their result is seen, and what happens inside is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakIdKeyDictionary

from archspec.ir.graph import LayerGraph
from archspec_torch.forms import kind_of
from archspec_torch.match import Matcher, Value


def traced(
    model: nn.Module, graph: LayerGraph, inputs: Sequence[Tensor], keep: Callable[[Tensor], Any]
) -> tuple[Any, dict[str, Any]]:
    """What the model gives for the inputs, and what is kept of the tensors of the nodes, by path.

    `keep` is called with each tensor at the moment it is made: later the model may change it in place.
    """
    trace = _Trace(model, graph, keep)
    for path, tensor in zip(graph.inputs, inputs, strict=True):
        trace.matcher.give(path, trace.value(tensor, "input"))
    with ExitStack() as stack:
        for handle in trace.hooks(model):
            stack.callback(handle.remove)
        stack.enter_context(trace)
        stack.enter_context(trace.muted)
        result = model(*inputs)
    return result, trace.matcher.finish()


class _Trace(TorchFunctionMode):
    """Sees every function of PyTorch that a container calls; its hooks see the modules."""

    def __init__(self, model: nn.Module, graph: LayerGraph, keep: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.keep = keep
        parts = [path.split(".") for path in graph.nodes]
        self.containers = {".".join(names[:length]) for names in parts for length in range(len(names))}
        self.matcher = Matcher(graph, {path for path, _ in model.named_modules()})
        self.values: MutableMapping[Tensor, Value] = WeakIdKeyDictionary()
        self.entered: list[str] = []
        """The containers whose `forward` runs, the innermost last."""
        self.leaves: list[list[tuple[Tensor, int]]] = []
        """For each leaf that runs, its inputs as they were: each with its version."""
        self.muted = ExitStack()
        """While a leaf runs, nothing is watched: some of PyTorch's layers have a faster way for that case."""
        self.order = 0

    # -- modules ------------------------------------------------------------------------------------

    def hooks(self, model: nn.Module) -> Iterator[Any]:
        """Hook the model's modules; gives what takes the hooks away."""
        for path, module in model.named_modules():
            enter, leave = self._container(path) if path in self.containers else self._leaf(path)
            yield module.register_forward_pre_hook(enter, with_kwargs=True)
            yield module.register_forward_hook(leave, with_kwargs=True)

    def _container(self, path: str) -> tuple[Callable[..., None], Callable[..., None]]:
        def enter(module: nn.Module, args: Any, keywords: Any) -> None:
            self.entered.append(path)

        def leave(module: nn.Module, args: Any, keywords: Any, result: Any) -> None:
            self.entered.pop()

        return enter, leave

    def _leaf(self, path: str) -> tuple[Callable[..., None], Callable[..., Any]]:
        container = path.rpartition(".")[0]

        def enter(module: nn.Module, args: Any, keywords: Any) -> None:
            if not self.leaves:
                self.muted.enter_context(torch._C.DisableTorchFunction())
            self.leaves.append(_versions((args, keywords)))

        def leave(module: nn.Module, args: Any, keywords: Any, result: Any) -> Any:
            before = self.leaves.pop()
            if self.leaves:  # a part of another leaf
                return result
            kind = kind_of(type(module).__name__)
            result = self._made(result, before, kind, self._known(args), self._known(keywords), path, container)
            self.muted.close()
            return result

        return enter, leave

    # -- functions ----------------------------------------------------------------------------------

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        before = _versions((args, kwargs))
        known, keywords = self._known(args), self._known(kwargs)  # as they are before `func` may change them
        result = func(*args, **kwargs)
        name = func.__name__
        if name.startswith("__r") and kind_of(name[3:]) in ("add", "sub", "mul"):  # `1 - x`
            name, known = name[3:], known[::-1]
        return self._made(result, before, kind_of(name), known, keywords, "", self.entered[-1])

    # -- both ---------------------------------------------------------------------------------------

    def _made(
        self,
        result: Any,
        before: list[tuple[Tensor, int]],
        kind: str,
        args: tuple[Any, ...],
        keywords: dict[str, Any],
        module: str,
        container: str,
    ) -> Any:
        """Note what a call gave. A tensor that it only passed on becomes one of its own, on the same memory.

        So that nodes have tensors of their own, and gradients of their own, even where there was nothing to do.
        """
        if isinstance(result, Tensor):
            passed_on = any(result is tensor and result._version == version for tensor, version in before)
            source = self.values.get(result) if passed_on else None
            if passed_on:
                result = result.view_as(result)
            value = self.value(result, kind, args, keywords, module, container)
            rest = self.matcher.add(value)
            if rest and source is not None:  # no layer, only a longer way
                self.values[result] = source
            else:
                self.matcher.loose += rest
        elif isinstance(result, tuple | list) and any(isinstance(part, Tensor) for part in result):
            whole = Value(kind, args, keywords, module, container, self.order, (), None)
            whole.trace()
            parts = [
                self.value(part, "getitem", (whole, index), {}, module, container)
                for index, part in enumerate(result)
                if isinstance(part, Tensor)
            ]
            self.matcher.loose += self.matcher.add(*parts)
        return result

    def value(
        self,
        tensor: Tensor,
        kind: str,
        args: tuple[Any, ...] = (),
        keywords: dict[str, Any] | None = None,
        module: str = "",
        container: str = "",
    ) -> Value:
        """Note a tensor that has just been made."""
        found = Value(kind, args, keywords or {}, module, container, self.order, tuple(tensor.shape), self.keep(tensor))
        self.order += 1
        self.values[tensor] = found
        return found

    def _known(self, given: Any) -> Any:
        """Arguments with what is known of the tensors in place of these."""
        if isinstance(given, Tensor):
            return self.values.get(given)
        if isinstance(given, tuple | list):
            return tuple(map(self._known, given))
        if isinstance(given, dict):
            return {name: self._known(part) for name, part in given.items()}
        return given


def _versions(given: Any) -> list[tuple[Tensor, int]]:
    """The tensors of arguments, each with its version: PyTorch counts the changes in place."""
    return [(tensor, tensor._version) for tensor in _tensors(given)]


def _tensors(given: Any) -> Iterable[Tensor]:
    if isinstance(given, Tensor):
        yield given
    elif isinstance(given, tuple | list):
        for part in given:
            yield from _tensors(part)
    elif isinstance(given, dict):
        for part in given.values():
            yield from _tensors(part)
