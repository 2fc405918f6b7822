"""The groups of a plan's weights as lines of PyTorch: by a rule where there is one, else by paths and names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from archspec.codegen.escaping import literal, quoted
from archspec.codegen.pretty_printer import WIDTH, Bracket, Code, Infix, call, flat, lay_out
from archspec.ir.graph import LayerGraph
from archspec.ir.op import Weight
from archspec.training.plan import TrainingPlan

_NORMS: Final[Mapping[str, str]] = {
    "batch_norm": "nn.modules.batchnorm._BatchNorm",
    "layer_norm": "nn.LayerNorm",
    "group_norm": "nn.GroupNorm",
    "instance_norm": "nn.modules.instancenorm._InstanceNorm",
}
"""The classes of normalizations, with those that are derived from them, by op."""


@dataclass(frozen=True, slots=True)
class _TrainedWeight:
    """What is known of a weight."""

    weight: Weight
    op: str
    norm: bool


def groups_source(plan: TrainingPlan, graph: LayerGraph, decay_key: str) -> str:
    """The function `parameter_groups`; empty where all weights of the network are trained alike.

    Args:
        plan: how the network is trained.
        graph: the network.
        decay_key: what the optimizer calls the weight decay of a group.
    """
    if len(plan.groups) == 1:
        return ""
    decays = {name: group.decay for group in plan.groups for name in group.weights}
    rates = {name: group.rate for group in plan.groups for name in group.weights}
    known = _known(graph, decays)
    by_decay, by_rate = len(set(decays.values())) > 1, len(set(rates.values())) > 1
    says = [*(["their weight decay"] if by_decay else []), *(["what the rate is multiplied by"] if by_rate else [])]
    choice = _RuleSearch(known)
    inner = [*(choice.lines("decay", decays) if by_decay else []), *(choice.lines("factor", rates) if by_rate else [])]
    keys = [*(["decay"] if by_decay else []), *(["factor"] if by_rate else [])]
    key = keys[0] if len(keys) == 1 else f"({', '.join(keys)})"
    names = {"decay": decay_key, "factor": "factor"}
    entries = ", ".join(['"params": weights', *(f'"{names[each]}": {each}' for each in keys)])
    type = "float" if len(keys) == 1 else "tuple[float, float]"
    shown = [f"    return [{{{entries}}} for {key}, weights in groups.items()]"]
    broken = ["    return [", f"        {{{entries}}}", f"        for {key}, weights in groups.items()", "    ]"]
    loop = "name, weight in network.named_parameters()" if choice.by_name else "weight in network.parameters()"
    lines = [
        "def parameter_groups(network: nn.Module) -> list[dict[str, Any]]:",
        f'    """The weights that are trained, by {" and ".join(says)}."""',
        *(f"    {line}" for line in choice.before),
        f"    groups: dict[{type}, list[Tensor]] = {{}}",
        f"    for {loop}:",
        *(["        if not weight.requires_grad:", "            continue"] if plan.frozen else []),
        *inner,
        f"        groups.setdefault({key}, []).append(weight)",
        *(shown if len(shown[0]) <= WIDTH else broken),
    ]
    return "\n".join(lines)


def common(values: Iterable[float]) -> float | None:
    """The value that all have, if they have one."""
    found = set(values)
    return found.pop() if len(found) == 1 else None


def _known(graph: LayerGraph, names: Mapping[str, float]) -> dict[str, _TrainedWeight]:
    found: dict[str, _TrainedWeight] = {}
    for node in graph.nodes.values():
        for name, weight in graph.parameters_of(node).items():
            if name in names and name not in found:
                found[name] = _TrainedWeight(weight, node.op.name, node.op.kind == "norm")
    return found


class _RuleSearch:
    """Lines that give a weight its value, by rules."""

    def __init__(self, known: Mapping[str, _TrainedWeight]) -> None:
        self.known = known
        self.before: list[str] = []
        """Lines before the loop over weights."""
        self.by_name = False

    def lines(self, target: str, values: Mapping[str, float]) -> list[str]:
        """Lines that set `target` for the weight `weight`, which is called `name`."""
        counts = Counter(values.values())
        usual, _ = max(counts.items(), key=lambda pair: (pair[1] * (pair[0] != 0.0), pair[0]))
        lines = [f"        {target} = {literal(usual)}"]
        for value in sorted({each for each in values.values() if each != usual}):
            for condition in self._conditions({name for name, each in values.items() if each == value}):
                lines += lay_out(condition, 2, "if " if len(lines) == 1 else "elif ", ":")
                lines.append(f"            {target} = {literal(value)}")
        return lines

    def _conditions(self, names: set[str]) -> list[Code]:
        """Conditions one of which holds for each of these weights, and none for any other."""
        for test, code in self._rules():
            if {name for name, known in self.known.items() if test(name, known)} == names:
                return [self._used(code)]
        return self._paths(names)

    def _used(self, code: str) -> str:
        self.by_name = self.by_name or "name" in code
        if "norms" in code and not self.before:
            ops = list(dict.fromkeys(each.op for each in self.known.values() if each.norm))
            types = Infix("|", tuple(dict.fromkeys(_NORMS[op] for op in ops)))
            self.before = [
                "norms = set()",
                "for module in network.modules():",
                f"    if {flat(call('isinstance', 'module', types))}:",
                "        norms.update(module.parameters())",
            ]
        return code

    def _rules(self) -> Iterator[tuple[Callable[[str, _TrainedWeight], bool], str]]:
        yield lambda name, known: len(known.weight.shape) == 1, "weight.ndim == 1"
        yield lambda name, known: len(known.weight.shape) == 4, "weight.ndim == 4"
        yield lambda name, known: len(known.weight.shape) > 1, "weight.ndim > 1"
        yield lambda name, known: len(known.weight.shape) != 4, "weight.ndim != 4"
        yield lambda name, known: name.endswith("bias"), 'name.endswith("bias")'
        if all(each.op in _NORMS for each in self.known.values() if each.norm):
            yield lambda name, known: known.norm, "weight in norms"
            yield (
                lambda name, known: known.norm or name.endswith("bias"),
                'weight in norms or name.endswith("bias")',
            )

    def _paths(self, names: set[str]) -> list[Code]:
        self.by_name = True
        roots, single = covering(names, self.known)
        terms: list[Code] = []
        if roots:
            texts = tuple(quoted(f"{root}.") for root in roots)
            terms.append(call("name.startswith", texts[0] if len(texts) == 1 else Bracket("", texts)))
        if single:
            texts = tuple(quoted(name) for name in single)
            terms.append(f"name == {texts[0]}" if len(texts) == 1 else Bracket("name in ", texts, "{", "}"))
        return terms


def covering(names: Iterable[str], all: Iterable[str]) -> tuple[list[str], list[str]]:
    """The shortest paths under which there are these names and no others, and the names that are under none."""
    wanted, others = list(names), set(all) - set(names)
    roots: dict[str, None] = {}
    single: list[str] = []
    for name in sorted(wanted):
        parts = name.split(".")
        for end in range(1, len(parts)):
            root = ".".join(parts[:end])
            if not any(other.startswith(f"{root}.") for other in others):
                roots[root] = None
                break
        else:
            single.append(name)
    return list(roots), single
