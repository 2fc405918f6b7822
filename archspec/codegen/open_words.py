"""The words for paddings that a network has as params, and whether another gives a right network of the same source."""

from __future__ import annotations

from dataclasses import dataclass, field

from archspec.codegen.other_values import WORDS, NotRightError, with_value
from archspec.ir.graph import LayerGraph
from archspec.ir.op import Op
from archspec.limits import Budget


@dataclass(slots=True)
class OpenWords:
    """The words of a network that its source can have as arguments."""

    others: dict[str, list[Op]] = field(default_factory=dict[str, list[Op]])
    """By the path of a layer that is padded by such a word, what it is by the other words."""
    params: set[str] = field(default_factory=set[str])
    reasons: dict[str, str] = field(default_factory=dict[str, str])
    """By the name of a param that cannot be one, what it decides."""


def open_words(graph: LayerGraph, budget: Budget) -> OpenWords:
    """The words for paddings of which any gives a network: sizes differ, and nothing that source has as a number."""
    found = OpenWords()
    for param in graph.params:
        if param.value not in WORDS or param.fixed or param.expr is not None:
            continue
        others: dict[str, list[Op]] = {}
        try:
            for word in param.choices or WORDS:
                if word != param.value:
                    for path, op in with_value(graph, param, word, budget).items():
                        others.setdefault(path, []).append(op)
        except NotRightError as error:
            found.reasons[param.name] = error.what
            continue
        if others:
            found.params.add(param.name)
            for path, ops in others.items():
                found.others.setdefault(path, []).extend(ops)
    return found
