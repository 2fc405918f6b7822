"""Weights as a network takes them: found in a file, held against the graph, and only then read."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archspec.errors import Diagnostic, FoldedWeightsError, Note, WeightsError
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec.weights import shards
from archspec.weights.adaptation import Adaptation, adapted
from archspec.weights.files import WeightsFile, numbers, open_weights, reading, unreadable
from archspec.weights.hub import commit_of, local
from archspec.weights.map_misses import misses
from archspec.weights.map_rules import WeightMap
from archspec.weights.misfits import unfit
from archspec.weights.network_digest import network_digest
from archspec.weights.report import WeightsReport
from archspec.weights.state_dicts import COUNTER, FoundWeights, find_weights, state_dicts
from archspec.weights.tensors import INTEGERS, LazyTensor, of_array
from archspec.weights.translation import best_translation, in_order
from archspec.weights.weight_maps import found_map

if TYPE_CHECKING:
    from archspec.weights.tensors import Array, Arrays

BY_ORDER: Final = "order"
"""In the place of a map: the file's weights are the network's in their order."""
_SHOWN: Final = 4
_LISTED: Final = 8


def read_weights(
    weights: str | os.PathLike[str] | Arrays,
    graph: LayerGraph,
    *,
    partial: bool = False,
    key: str | None = None,
    prefix: str | None = None,
    adapt: Sequence[str] = (),
    map: str | os.PathLike[str] | None = None,
    as_stored: bool = False,
) -> tuple[dict[str, Array], WeightsReport]:
    """The weights of a file, or arrays by name, as a network has them, and what is to be said of them.

    Those of the whole network fit what taps have left of it. A training's checkpoint is looked through for the mapping
    that fits, and a prefix that a wrapper has put before all names is taken off.

    A form for inference takes the weights of the network as it is trained, and makes its own of them; its own, as
    `build` has written them, it takes as they are. Those of outputs of training alone it has no need of.

    Args:
        weights: a path, or arrays by name.
        graph: the network.
        partial: take those that fit by name and shape, and report the others.
        key: of the mapping in the file that holds them, such as `state_dict_ema`.
        prefix: that stands before the network's names, such as `backbone.`; what has another name is passed over.
        adapt: what is made to fit: `channels` of the input, the `head` (`head=281,282` takes these classes), and
            `positions` (`positions=torchvision`, `positions=geometric`); see `Adaptation`.
        map: whose names the file has: a map's file, the name of one that ships, or `order`, where weights are those
            of the network in its order, by shape. Without it names are looked for by all maps that ship.
        as_stored: do not put numbers in the order of PyTorch's axes: arrays of a file that has another are views, in
            whose memory axes lie as in the file. For whoever writes them in that order again.

    Raises:
        SpecError: the map is wrong.
        WeightsError: the file cannot be read, or the weights do not fit; with `partial`, none of them does.
    """
    asked = _Asked(key, prefix, _named_map(map), map == BY_ORDER, Adaptation.parse(adapt), as_stored)
    if graph.training_form is None:
        return _read(weights, graph, partial, asked)
    try:
        arrays, report = _read(weights, evaluated(graph.training_form), partial, asked)
    except FoldedWeightsError:
        return _read(weights, graph, partial, asked)
    except WeightsError:
        with suppress(WeightsError):
            return _read(weights, graph, partial, asked)
        raise
    if not report.complete:
        help = "give all of them, or leave --for inference out (form= in Python), and convert the network once trained"
        message = f"{len(report.missing) + len(report.reshaped)} weights are not there, and are needed to be folded"
        raise WeightsError(Diagnostic("E0702", message, help=help))
    return graph.weights_of_form(arrays), report


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is said of where in a file the weights are, and what is done to them."""

    key: str | None = None
    prefix: str | None = None
    weight_map: WeightMap | None = None
    by_order: bool = False
    adaptation: Adaptation = field(default_factory=Adaptation)
    as_stored: bool = False


def _named_map(given: str | os.PathLike[str] | None) -> WeightMap | None:
    return None if given is None or given == BY_ORDER else found_map(given)


def _read(
    weights: str | os.PathLike[str] | Arrays, graph: LayerGraph, partial: bool, asked: _Asked
) -> tuple[dict[str, Array], WeightsReport]:
    """The same for the form that a graph has."""
    path = None if isinstance(weights, Mapping) else local(weights)
    choice = _choice(weights, path, graph, asked)
    if path is not None and (commit := commit_of(path)):
        choice = replace(choice, notes=(f"of the commit {commit[:12]}", *choice.notes))
    given = _in_question(choice.tensors, graph)
    wrong = _wrong(given, graph)
    given, changed = adapted(given, graph, asked.adaptation)
    notes = (*choice.notes, *changed.notes)
    report = replace(_compared(given, graph), notes=notes, drawn=changed.drawn, classes=changed.classes)
    nothing = bool(graph.all_weights) and not report.loaded
    if wrong or nothing or not (partial or report.complete):
        raise unfit(graph, given, report, wrong, choice.help)
    wanted = {name: given[name] for name in report.loaded}
    if path is not None:
        arrays = numbers(path, wanted, as_stored=asked.as_stored)
    else:
        arrays = {name: tensor.load() for name, tensor in wanted.items()}
    doubts = (*(choice.doubts if report.complete else ()), *changed.doubts, *_doubts(wanted, arrays))
    return arrays, replace(report, notes=(*report.notes, *_kinds(wanted)), doubts=doubts)


def fitting(
    weights: str | os.PathLike[str] | Arrays, graph: LayerGraph, *, key: str | None = None, prefix: str | None = None
) -> dict[str, Array]:
    """`read_weights` without its report, for those who have no use for it."""
    return read_weights(weights, graph, key=key, prefix=prefix)[0]


def fit(arrays: Arrays, graph: LayerGraph) -> dict[str, Array]:
    """The arrays that a network has, in its order; all differences are listed in one error.

    Raises:
        WeightsError: tensors are missing, unexpected, or of another shape.
    """
    given = _stated({name: of_array(array) for name, array in arrays.items()}, graph)
    report = _compared(given, graph)
    wrong = _wrong(given, graph)
    if wrong or not report.complete:
        raise unfit(graph, given, report, wrong, "")
    return {name: given[name].load() for name in graph.all_weights}


def _choice(
    weights: str | os.PathLike[str] | Arrays, path: Path | None, graph: LayerGraph, asked: _Asked
) -> FoundWeights:
    if path is None:
        assert isinstance(weights, Mapping)
        arrays = {name: of_array(array) for name, array in weights.items()}
        if asked.key is None and asked.prefix is None and not arrays:
            return FoundWeights(arrays)  # of a network without weights
        if asked.weight_map is None and not asked.by_order:
            return reading(Path("the weights"), lambda: find_weights(arrays, graph, asked.key, asked.prefix))
        return _chosen(Path("the weights"), WeightsFile(arrays, "arrays"), graph, asked)
    file = open_weights(path, len(graph.all_weights) + len(graph.dead_weights))
    if file.form and graph.training_form is None:
        message = f"{path.name} has weights of the form for {file.form}, which were made of those that were trained"
        help = f"give those, or ask for the form for {file.form}, which takes them as they are"
        raise FoldedWeightsError(Diagnostic("E0702", message, help=help))
    choice = _chosen(path, file, graph, asked)
    if (part := shards.shard(path)) is not None:
        help = f"give the index of all, `{part.index}`"
        if not part.index.is_file():
            help = f"download the other parts and their index, `{part.index.name}`, to one folder, and give the index"
        choice = replace(choice, help=f"it is part {part.number} of {part.count}, one of several files: {help}")
    if not file.network or graph.asked or asked.adaptation != Adaptation() or file.network == network_digest(graph):
        return choice
    doubt = f"{path.name} was written for another network than {graph.name}, or its spec has changed since"
    return replace(choice, doubts=(doubt,))


def found_in(
    path: Path, file: WeightsFile, graph: LayerGraph, *, prefix: str | None = None
) -> tuple[FoundWeights, WeightsReport]:
    """What of a file that is open would be a network's weights. Its numbers are not read.

    Args:
        path, file: the file.
        graph: the network.
        prefix: that stands before the network's names, beside others.

    Raises:
        WeightsError: it holds no weights at all.
    """
    choice = _chosen(path, file, graph, _Asked(prefix=prefix))
    return choice, _compared(_in_question(choice.tensors, graph), graph)


def _by_map(path: Path, file: WeightsFile, graph: LayerGraph, asked: _Asked) -> FoundWeights:
    """The weights by the names of a map that is given, or by the order of both."""
    dicts = state_dicts(file.tree)
    _check_key(path, file, dicts, asked.key)
    taken = {name: tensors for name, tensors in dicts.items() if asked.key in (None, name)}
    if asked.weight_map is not None:
        if wrong := asked.weight_map.check(graph):
            message = f"the map {asked.weight_map.path} does not fit {graph.name}"
            raise WeightsError(Diagnostic("E0703", message, notes=tuple(map(Note, wrong[:_LISTED]))))
        missed: list[str] = []
        for tensors in taken.values():
            found = best_translation(tensors, graph, file.library, asked.prefix, asked.weight_map)
            before = found.prefix if found is not None else asked.prefix or ""
            missed = missed or misses(asked.weight_map, graph, tensors, before)
            if found is not None and found.named:
                notes = [
                    f"read by {found.whose}{f', after `{found.prefix}`' if found.prefix else ''}",
                    *found.notes,
                ]
                if idle := asked.weight_map.idle(graph):
                    notes.append(f"rules that name nothing of {graph.name}: {_some(idle)}")
                return FoundWeights(found.tensors, tuple(notes), "; ".join(missed))
        reason = f"it has none of the names that the map {asked.weight_map.path.name} gives"
        raise unreadable(path, reason, "`archspec weights inspect FILE --tensors` lists its names", missed)
    if asked.prefix is not None:
        taken = {name: _beginning(tensors, asked.prefix) for name, tensors in taken.items()}
        if not any(taken.values()):
            raise _without(path, asked.prefix)
    for tensors in taken.values():
        if (names := in_order(tensors, graph)) is not None:
            first, name = next(iter(names.items()), ("", ""))
            note = f"taken by their order, as `{name}` for `{first}`: see that outputs are right"
            return FoundWeights({ours: tensors[theirs] for ours, theirs in names.items()}, (note,))
    help = "leave `--map order` out, or write a map: docs/weights.md says how"
    raise unreadable(path, f"its weights are not those of {graph.name} in their order, by number and shape", help)


def _check_key(path: Path, file: WeightsFile, dicts: Collection[str], key: str | None) -> None:
    """See that a file has the mapping that is asked for.

    Raises:
        WeightsError: it has not.
    """
    if key is not None and key not in dicts:
        keys = ", ".join(f"`{name}`" for name in list(dicts)[:_LISTED] if name)
        help = f"there is {keys}" if keys else "leave --weights-key out"
        raise unreadable(path, f"it is {file.format}, and has no key `{key[:80]}`", help)


def _beginning(tensors: Mapping[str, LazyTensor], prefix: str) -> dict[str, LazyTensor]:
    return {name: tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _without(path: Path, prefix: str) -> WeightsError:
    return unreadable(path, f"no name in it begins with `{prefix}`")


def _chosen(path: Path, file: WeightsFile, graph: LayerGraph, asked: _Asked) -> FoundWeights:
    key, prefix = asked.key, asked.prefix
    if asked.by_order or asked.weight_map is not None:
        return _by_map(path, file, graph, asked)
    if not file.tree and not graph.all_weights:
        return FoundWeights({})
    dicts = state_dicts(file.tree)
    if file.library:
        _check_key(path, file, dicts, key)
    own = None if file.library else reading(path, lambda: find_weights(file.tree, graph, key, prefix))
    best, found = "", None
    if own is None or _hits(own.tensors, graph) < len(graph.all_weights):
        for name, tensors in dicts.items():
            if key is None or name == key:
                new = best_translation(tensors, graph, file.library, prefix)
                if new is not None and (found is None or new.found > found.found):
                    best, found = name, new
    if found is None or (own is not None and found.found <= _hits(own.tensors, graph)):
        if own is not None:
            return own
        if prefix is not None and not any(name.startswith(prefix) for name in dicts.get("", ())):
            raise _without(path, prefix)
        return FoundWeights(next(iter(dicts.values()), {}))
    others = [name for name in dicts if name not in ("", best)] if file.library and not key else []
    also = f"; it also has `{others[0]}` (--weights-key takes it)" if others else ""
    notes = (f"the file's key `{best}`",) if best else ()
    before = f", after `{found.prefix}`" if found.prefix else ""
    notes = (*notes, f"read by {found.whose}{before}{also}", *found.notes)
    return FoundWeights(found.tensors, notes, whose=found.whose)


def _hits(tensors: Mapping[str, LazyTensor], graph: LayerGraph) -> int:
    """How many of a network's weights are there by name and shape."""
    return sum(
        (tensor := tensors.get(name)) is not None and tensor.shape == weight.shape
        for name, weight in graph.all_weights.items()
    )


def _in_question(tensors: Mapping[str, LazyTensor], graph: LayerGraph) -> dict[str, LazyTensor]:
    """The weights without what follows from attributes, and without those of layers that no tap needs."""
    return {name: tensor for name, tensor in _stated(tensors, graph).items() if name not in graph.dead_weights}


def _stated(tensors: Mapping[str, LazyTensor], graph: LayerGraph) -> dict[str, LazyTensor]:
    """The weights without counters and what follows from attributes."""
    return {
        name: tensor for name, tensor in tensors.items() if name not in graph.derived and not name.endswith(COUNTER)
    }


def _compared(given: Mapping[str, LazyTensor], graph: LayerGraph) -> WeightsReport:
    """How tensors fit a network by name and shape."""
    wanted = graph.all_weights
    both = [name for name in wanted if name in given and not given[name].problem]
    shapes = {name: (given[name].shape, wanted[name].shape) for name in both}
    return WeightsReport(
        loaded=tuple(name for name in both if shapes[name][0] == shapes[name][1]),
        missing=tuple(name for name in wanted if name not in given),
        unused=tuple(name for name in given if name not in wanted),
        reshaped={name: pair for name, pair in shapes.items() if pair[0] != pair[1]},
    )


def _wrong(given: Mapping[str, LazyTensor], graph: LayerGraph) -> dict[str, list[str]]:
    """The tensors whose numbers cannot be the network's weights, by why."""
    found: dict[str, list[str]] = {}
    for name in graph.all_weights:
        if name in given and (problem := given[name].problem):
            found.setdefault(f"cannot be weights ({problem})", []).append(name)
    return found


def _kinds(tensors: Mapping[str, LazyTensor]) -> list[str]:
    """What the numbers are converted from."""
    counts = Counter(tensor.kind for tensor in tensors.values())
    found: list[str] = []
    for kind, exact in (("float16", True), ("bfloat16", True), ("float64", False)):
        if counts[kind]:
            how = "which float32 holds exactly" if exact else "rounded where the model is of float32"
            found.append(f"{counts[kind]} of {kind}, {how}")
    return found


def _doubts(tensors: Mapping[str, LazyTensor], arrays: Arrays) -> list[str]:
    """What is wrong with numbers that can be loaded all the same."""
    import numpy as np

    odd: dict[str, list[str]] = {"NaN": [], "infinite numbers": []}
    for name, array in arrays.items():
        with np.errstate(all="ignore"):  # what overflows, or is no number, is looked for below
            total = array.sum(dtype=max(array.dtype, np.dtype(np.float32))) if array.dtype.kind == "f" else 0.0
        if np.isfinite(total):
            continue  # one pass, where nothing is wrong
        for what, count in (("NaN", np.isnan(array).sum()), ("infinite numbers", np.isinf(array).sum())):
            if count:
                odd[what].append(f"{name} ({count:,} of {array.size:,})")
    found = [f"{what} in {_some(names)}" for what, names in odd.items() if names]
    whole = [f"{name} ({tensor.kind})" for name, tensor in tensors.items() if tensor.kind in INTEGERS]
    return [*found, *([f"whole numbers, which no training gives, in {_some(whole)}"] if whole else [])]


def _some(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more weights" if len(names) > _SHOWN else "")
