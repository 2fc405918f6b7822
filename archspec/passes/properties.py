"""What passes require and ensure."""

from __future__ import annotations

from typing import Final

from archspec.ir.attributes import Padding
from archspec.ir.graph import LayerGraph
from archspec.passes.pipeline import Property
from archspec.reserved_names import joined_name


def _open_padding(graph: LayerGraph) -> str:
    for path, node in graph.nodes.items():
        padding = getattr(node.op, "padding", None)
        if isinstance(padding, Padding) and padding.sides is None:
            return f"{path} pads by `{padding.mode}`, and its sides are not worked out"
    return ""


def _dead_layers(graph: LayerGraph) -> str:
    # A block's instances stay alike, so that what has no weights may be left in one that makes no use of it.
    return next((f"no output needs {node.path}" for node in graph.dead), "")


def _another_depth(graph: LayerGraph) -> str:
    if graph.depth is None or len(graph.weighted_path) == graph.depth.value:
        return ""
    return f"{graph.depth.value} is declared, {len(graph.weighted_path)} layers are weighted"


def _joined_names(graph: LayerGraph) -> str:
    joined = {joined_name(path) for path in graph.nodes}
    return "" if len(joined) == len(graph.nodes) else "two paths are one name where `_` joins their parts"


EXPLICIT_PADDING: Final = Property("explicit padding", _open_padding)
"""Each layer's padding has its sides."""
NO_DEAD_LAYERS: Final = Property("that each layer with weights is needed", _dead_layers)
DECLARED_DEPTH: Final = Property("the declared depth", _another_depth)
JOINED_NAMES: Final = Property("names that can be joined", _joined_names)
"""Paths stay apart where a framework has no dots in names."""
