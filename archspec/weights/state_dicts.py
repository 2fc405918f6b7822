"""Which of the mappings in a file holds a network's weights, and under which prefix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from archspec.ir.graph import LayerGraph
from archspec.weights.tensors import LazyTensor
from archspec.weights.torch_files import STATE_DICT, whole_object
from archspec.weights.unpickling import PickledObject

COUNTER: Final = ".num_batches_tracked"
"""PyTorch's batch norms count their steps in the state dict; the count is no part of a network."""
_AVERAGED: Final = ("ema", "avg", "average", "swa", "shadow")
"""Words in the keys of averaged weights, which a training keeps beside those that it trains."""
_MAPPINGS: Final = 64
_MOST_OF: Final = 0.9
"""The part of a network's weights under a prefix that is then offered: heads have other names."""
_VISITS: Final = 1000
"""A mapping may stand in itself."""
_TRAINING: Final = ("optim", "sched", "scaler", "loss", "criterion")
"""Words in the keys of what is no network's."""


@dataclass(frozen=True, slots=True)
class FoundWeights:
    """The tensors that were chosen from a file, by the network's names."""

    tensors: Mapping[str, LazyTensor]
    notes: tuple[str, ...] = ()
    help: str = ""
    """What may help where they do not fit."""
    doubts: tuple[str, ...] = ()
    whose: str = ""
    """The library whose names the file has, where they are not the network's own."""
    offered_prefix: str = ""
    """What stands before the network's names, where other names stand beside them."""


class ChoiceError(ValueError):
    """There is no such key or prefix in the file, or nothing to choose from; `help` says what there is."""

    def __init__(self, reason: str, help: str = "") -> None:
        super().__init__(reason)
        self.help = help


def state_dicts(tree: Mapping[str, Any]) -> dict[str, dict[str, LazyTensor]]:
    """The mappings of names to tensors in a file, by their keys joined by dots; those of the file itself by ''."""
    found: dict[str, dict[str, LazyTensor]] = {}
    left: list[tuple[str, Mapping[str, Any]]] = [("", tree)]
    for _ in range(_VISITS):
        if not left or len(found) == _MAPPINGS:
            break
        key, mapping = left.pop(0)
        tensors = {name: value for name, value in mapping.items() if isinstance(value, LazyTensor)}
        if tensors:
            found[key] = tensors
        for name, value in mapping.items():
            if isinstance(value, dict) and not any(word in name.lower() for word in _TRAINING):
                left.append((f"{key}.{name}" if key else name, value))
    return found


def find_weights(tree: Mapping[str, Any], graph: LayerGraph, key: str | None, prefix: str | None) -> FoundWeights:
    """The tensors of a file that are a network's weights.

    Args:
        tree: what the file holds.
        graph: the network.
        key: of the mapping that holds them; without it the one that fits best, averaged weights only by their key.
        prefix: that stands before the network's names; without it one that stands before all names of the file.

    Raises:
        ChoiceError: the file has no such key or prefix, or no tensors.
    """
    dicts = state_dicts(tree)
    if not dicts:
        raise ChoiceError(_without_tensors(tree), STATE_DICT)
    keys = ", ".join(f"`{name}`" for name in list(dicts)[:8] if name)
    if key is not None and key not in dicts:
        raise ChoiceError(
            f"it has no key `{key}` with tensors",
            f"there is {keys}" if keys else "it has no keys: leave the option out",
        )
    chosen = key if key is not None else _best(dicts, graph)
    tensors, stripped, dropped = _without_prefix(dicts[chosen], graph, prefix)
    notes = []
    if chosen:
        others = [name for name in dicts if name != chosen and _likeness(dicts[name], graph) == 1.0]
        also = (
            f"; it also has {', '.join(f'`{name}`' for name in others[:4])} (--weights-key takes another)"
            if others
            else ""
        )
        notes.append(f"the file's key `{chosen}`{also}")
    if stripped:
        others_left = f"; {dropped} without it passed over" if dropped else ""
        notes.append(f"the prefix `{stripped}` taken off the names{others_left}")
    help, offered = ("", "") if prefix is not None else _offered_prefix(dicts[chosen], graph)
    if not help and key is None and len(dicts) > 1:
        help = f"the file holds several mappings: {keys}; --weights-key takes one"
    return FoundWeights(tensors, tuple(notes), help, offered_prefix=offered)


def _without_tensors(tree: Mapping[str, Any]) -> str:
    for name, value in tree.items():
        if (
            isinstance(value, PickledObject)
            and not any(word in name.lower() for word in _TRAINING)
            and value.state is not None
        ):
            return f"under `{name[:80]}` {whole_object(value.name)}"
    return "it holds no state dict"


def _best(dicts: Mapping[str, Mapping[str, LazyTensor]], graph: LayerGraph) -> str:
    """The key of the mapping that has most of the network's weights; the first of those that have as many."""
    ranked = sorted(
        dicts,
        key=lambda name: (-_likeness(dicts[name], graph), any(word in name.lower() for word in _AVERAGED)),
    )
    return ranked[0]


def _likeness(tensors: Mapping[str, LazyTensor], graph: LayerGraph) -> float:
    """The part of the network's weights that a mapping has by name and shape, under whichever prefix."""
    wanted = graph.all_weights
    if not wanted:
        return 1.0
    before = max(_prefixes(tensors, graph), key=lambda each: _hits(tensors, graph, each), default="")
    return _hits(tensors, graph, before) / len(wanted)


def _hits(tensors: Mapping[str, LazyTensor], graph: LayerGraph, before: str) -> int:
    return sum(
        (found := tensors.get(before + name)) is not None and found.shape == weight.shape
        for name, weight in graph.all_weights.items()
    )


def _prefixes(tensors: Iterable[str], graph: LayerGraph) -> list[str]:
    """What may stand before the network's names in a file: what stands before the first of them that is found there."""
    names = list(graph.all_weights)
    for wanted in (*names[:2], *names[-2:]):
        found = {name[: -len(wanted)] for name in tensors if name.endswith("." + wanted) or name == wanted}
        if found:
            return sorted(found, key=lambda each: (len(each), each))[:8]
    return [""]


def _without_prefix(
    tensors: Mapping[str, LazyTensor], graph: LayerGraph, prefix: str | None
) -> tuple[Mapping[str, LazyTensor], str, int]:
    """The tensors by the network's names, the prefix that was taken off, and how many had none."""
    if prefix is None:
        prefix = _common_prefix(tensors, graph)
    elif prefix and not any(name.startswith(prefix) for name in tensors):
        first = list(dict.fromkeys(name.partition(".")[0] for name in tensors))[:8]
        raise ChoiceError(
            f"no name in it begins with `{prefix}`", f"names begin with {', '.join(f'`{name}.`' for name in first)}"
        )
    if not prefix:
        return tensors, "", 0
    kept = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    return kept, prefix, len(tensors) - len(kept)


def _common_prefix(tensors: Mapping[str, LazyTensor], graph: LayerGraph) -> str:
    """A prefix of all names of the file, counters and single numbers apart, without which they are the network's.

    A training keeps such numbers beside the weights: of steps that were averaged, of metrics.
    """
    for before in _prefixes(tensors, graph):
        if not before:
            return ""
        if all(name.startswith(before) or name.endswith(COUNTER) or not tensors[name].shape for name in tensors):
            return before
    return ""


def _offered_prefix(tensors: Mapping[str, LazyTensor], graph: LayerGraph) -> tuple[str, str]:
    """What is said of a prefix under which some names of the file are the network's, beside others, and the prefix."""
    wanted = len(graph.all_weights)
    for before in _prefixes(tensors, graph):
        found = _hits(tensors, graph, before) if before else 0
        others = sum(not name.startswith(before) and not name.endswith(COUNTER) for name in tensors)
        if found > _MOST_OF * wanted and others:
            count = f"all {wanted}" if found == wanted else f"{found} of {wanted}"
            head = "" if found == wanted else "; where only the head is missing, --adapt head draws it anew"
            return (
                f"{count} stand in the file under `{before}`, beside {others} others: "
                f"--strip-prefix {before} (strip_prefix={before!r} in Python) takes them{head}",
                before,
            )
    return "", ""
