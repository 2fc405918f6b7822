"""The graph as text: one line a layer, stable from run to run, for tests, for `--emit ir` and for error messages."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from archspec.expr import source
from archspec.ir.attributes import Padding
from archspec.ir.def_use import Node
from archspec.ir.graph import LayerGraph
from archspec.ir.initializers import Initializer
from archspec.ir.scope import Choice, Layer, Loop, Scope


def dump(graph: LayerGraph) -> str:
    """The whole graph: a head with its counts, then scopes and layers, indented by scope."""
    lines = [f"network {graph.name}"]
    for param in graph.params:
        lines.append(f"  param {param.name} = {param.value!r}{' (fixed)' if param.fixed else ''}")
    lines.append(f"  parameters {graph.parameters:,} buffers {graph.buffers:,} macs {graph.macs:,}")
    for path in graph.inputs:
        lines.append(f"  {path}: {graph.nodes[path].type.whole_text} = input")
    lines += _scope(graph, graph.root, 1)
    for name, path in graph.outputs.items():
        lines.append(f"  {name} -> {path}{' (in training)' if name in graph.training_outputs else ''}")
    return "\n".join(lines) + "\n"


def _scope(graph: LayerGraph, scope: Scope | Choice, depth: int) -> Iterator[str]:
    pad = "  " * depth
    for item in scope.body.items:
        match item:
            case Layer(path=path):
                yield pad + layer_text(graph.nodes[path])
            case Scope():
                yield pad + _heading(item)
                yield from _scope(graph, item, depth + 1)
            case Choice():
                yield f"{pad}{'when' if item.taken else 'unless'} {source(item.condition)}"
                yield from _scope(graph, item, depth + 1)
            case Loop():
                times = f" x {source(item.times)}" if item.times is not None else ""
                shares = f" {{parameters of {item.shares}}}" if item.shares else ""
                yield f"{pad}loop {item.path}{times}{shares}"
                for iteration in item.iterations:
                    yield "  " + pad + _heading(iteration)
                    yield from _scope(graph, iteration, depth + 2)


def _heading(scope: Scope) -> str:
    shares = f" {{parameters of {scope.shares}}}" if scope.shares else ""
    if scope.block is None:
        return f"scope {scope.path}{shares}"
    arguments = ", ".join(f"{name}={binding.value!r}" for name, binding in scope.bindings.items())
    return f"scope {scope.path}: {scope.block}({arguments}){shares}"


def layer_text(node: Node) -> str:
    """One layer: its path, output shape, op with the attributes that are not defaults, and inputs."""
    attributes = [f"{name}={_value(value)}" for name, value in node.op.given()]
    behind = [f"{name}: {source(expr)}" for name, expr in node.exprs.items()]
    text = f"{node.path}: {node.type.text} = {node.op.name}({', '.join(attributes)})"
    text += f" [{', '.join(node.inputs)}]"
    shared = [f"{weight} = {name}" for weight, name in node.shared.items()]
    text += f" {{{', '.join(shared)}}}" if shared else ""
    text += f" called {node.flat_name}" if node.flat_name else ""
    return text + (f" <{', '.join(behind)}>" if behind else "")


def _value(value: Any) -> str:
    match value:
        case Padding(mode=mode, sides=sides):
            if sides is None:
                return mode
            numbers = str(tuple(number for side in sides for number in side))
            return f"{mode}{numbers}" if value.is_same else numbers
        case Initializer():
            return initializer_text(value)
        case _:
            return str(value)


def initializer_text(initializer: Initializer) -> str:
    """Its name and its options: `kaiming_normal(fan_out)`."""
    options = [getattr(initializer, field.name) for field in dataclasses.fields(initializer)]
    return f"{initializer.name}({', '.join(map(str, options))})"
