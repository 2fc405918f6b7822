"""Which weights are trained, and how: frozen ones, rates of their own, decay. By the paths of the network's layers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from archspec.errors import Diagnostics, did_you_mean
from archspec.ir.graph import LayerGraph
from archspec.recipe import ResolvedRecipe
from archspec.recipe.sections import BIASES, NORMS


@dataclass(frozen=True, slots=True)
class ParameterGroup:
    """Weights that are trained alike."""

    decay: float
    """The amount of weight decay, before the rate."""
    rate: float
    """What the optimizer's rate is multiplied by."""
    weights: tuple[str, ...]
    """Canonical names, in the network's order."""


@dataclass(frozen=True, slots=True)
class Groups:
    """All weights of a network, by how they are trained."""

    groups: tuple[ParameterGroup, ...]
    coupled: bool
    """Whether decay is added to the gradient. That of a spec's ops always is."""
    frozen: tuple[str, ...]
    frozen_layers: tuple[str, ...]


def groups_of(settings: ResolvedRecipe, graph: LayerGraph, found: Diagnostics) -> Groups:
    """The weights of a network in groups; paths that it does not have are noted (E0903).

    Running statistics are in none of them: they are no weights that an optimizer changes.
    """
    paths = _paths(graph)
    _check_paths(settings, paths, found)
    frozen_layers = tuple(path for path in graph.nodes if _under(path, settings.freeze))
    decay = settings.weight_decay
    exempt = {name for name in (decay.exempt if decay is not None else ()) if name not in (NORMS, BIASES)}
    frozen: list[str] = []
    members: dict[tuple[float, float], list[str]] = {}
    seen: set[str] = set()
    for path, node in graph.nodes.items():
        for name, weight in graph.parameters_of(node).items():
            if name in seen or not weight.trainable:
                continue
            seen.add(name)
            owner = weight.layer_of(name)
            if _under(owner, settings.freeze):
                frozen.append(name)
                continue
            if decay is None:
                amount = weight.decay
            else:
                spared = (
                    (NORMS in decay.exempt and node.op.kind == "norm")
                    or (BIASES in decay.exempt and weight.name.endswith("bias"))
                    or _under(owner, exempt)
                    or _under(path, exempt)
                )
                amount = 0.0 if spared else decay.amount
            members.setdefault((amount, _rate(owner, settings)), []).append(name)
    if not members and not found:
        message = "all weights are frozen, and nothing is left to train"
        found.error("E0901", message, settings.place("freeze"), help="leave the last layers out of `freeze`")
    groups = tuple(ParameterGroup(amount, rate, tuple(names)) for (amount, rate), names in members.items())
    coupled = True if decay is None else decay.coupled
    return Groups(groups, coupled, tuple(frozen), frozen_layers)


def _rate(owner: str, settings: ResolvedRecipe) -> float:
    """The factor of the longest path that a layer is under."""
    paths = [path for path in settings.rates if _under(owner, (path,))]
    return settings.rates[max(paths, key=len)] if paths else 1.0


def _under(path: str, roots: Iterable[str]) -> bool:
    """Whether a layer is one of these, or within one of these."""
    return any(path == root or path.startswith(f"{root}.") for root in roots)


def _paths(graph: LayerGraph) -> list[str]:
    """The paths of layers, and of the scopes around them."""
    found: dict[str, None] = {}
    for path in graph.nodes:
        parts = path.split(".")
        for end in range(1, len(parts) + 1):
            found[".".join(parts[:end])] = None
    return list(found)


def _check_paths(settings: ResolvedRecipe, known: list[str], found: Diagnostics) -> None:
    decay = settings.weight_decay
    given = [
        *((f"freeze.{index}", path) for index, path in enumerate(settings.freeze)),
        *((f"rates.{path}", path) for path in settings.rates),
        *((f"weight_decay.exempt.{index}", path) for index, path in enumerate(decay.exempt if decay else ())),
    ]
    top = [path for path in known if "." not in path]
    for place, path in given:
        of_decay = place.startswith("weight_decay")
        if path in known or (of_decay and path in (NORMS, BIASES)):
            continue
        beside = [other for other in known if other.rpartition(".")[0] == path.rpartition(".")[0]]
        words = [NORMS, BIASES] if of_decay else []
        help = did_you_mean(path, [*words, *(beside or top)], [*words, *top])
        message = f"the network has no layer, stage or block `{path[:80]}`"
        found.error("E0903", message, settings.place(place), help=help)
