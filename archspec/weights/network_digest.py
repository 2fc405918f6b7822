"""A digest of what a network computes in evaluation, by which a weights file knows whose weights it holds."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any, Final

from archspec.ir.attributes import Padding
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph

KEY: Final = "archspec.spec"
"""The entry of a safetensors file's metadata."""
_TRAINING: Final = ("init", "decay")
"""In the names of attributes that evaluation does not depend on."""


def network_digest(graph: LayerGraph) -> str:
    """Of the layers, what they compute and of what; not of the input's size, nor of what only training has."""
    found = hashlib.sha256()
    network = evaluated(graph)
    for path, node in network.nodes.items():
        values = [
            f"{field.name}={_of_any_size(getattr(node.op, field.name))!r}"
            for field in dataclasses.fields(node.op)
            if not any(word in field.name for word in _TRAINING)
            and not node.op.random
            # One that an op has newly got is not there by default: older files' digests stay.
            and getattr(node.op, field.name) != field.default
        ]
        if path not in network.inputs:
            found.update(f"{path} {node.op.name} {' '.join(values)} of {' '.join(node.inputs)}\n".encode())
    return found.hexdigest()[:32]


def _of_any_size(value: Any) -> Any:
    """An attribute without what follows from the input's size: the sides of `same`, whose rule stays."""
    return dataclasses.replace(value, sides=None) if isinstance(value, Padding) and value.is_same else value
