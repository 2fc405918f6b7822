"""Writing `reset_parameters`: every weight drawn once, by the rule of its kind, exceptions after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from archspec.codegen.layout import INDENT, lay_out
from archspec.codegen.text import literal
from archspec.codegen.tree import CallUse, ChoiceUse, Definition, LayerUse, LoopUse, SequenceUse, Tree
from archspec.errors import BackendError, Diagnostic
from archspec.expr import source
from archspec.ir.initializers import Constant, FanInUniform, Initializer, KaimingNormal, Normal, Ones, Zeros
from archspec.ir.op import Op
from archspec.ir.ops import Conv, Dense

from archspec_torch.forward import Spelling

_TYPES: dict[str, tuple[str, ...]] = {
    "conv": ("nn.Conv2d",),
    "dense": ("nn.Linear",),
    "batch_norm": ("nn.BatchNorm2d",),
}
_Rule = tuple[Initializer, Initializer | None] | None
"""The initializers of weight and bias; None where the module's own `reset_parameters` is what is meant."""


@dataclass(frozen=True, slots=True)
class _Place:
    """One layer with weights: how `reset_parameters` of the network gets at it, and its rule."""

    headers: tuple[str, ...]
    target: str
    kind: str
    rule: _Rule


def rule_of(op: Op) -> _Rule:
    """How a layer's weights are drawn."""
    if isinstance(op, Conv | Dense):
        same = isinstance(op.init, FanInUniform) and (not op.bias or isinstance(op.bias_init, FanInUniform))
        return None if same else (op.init, op.bias_init if op.bias else None)
    return None


def reset_parameters(definitions: Sequence[Definition], spellings: dict[int, Spelling], batch_norm_1d: bool) -> list[str]:
    """The lines of the network's `reset_parameters`, two levels in."""
    places = [place for made in definitions for place in _places(made, spellings[id(made)])]
    lines: list[str] = []
    own: list[str] = []
    usual: dict[str, _Rule] = {}
    for kind in _TYPES:
        rules = Counter(place.rule for place in places if place.kind == kind)
        if rules:
            usual[kind] = rules.most_common(1)[0][0]
    for kind, rule in usual.items():
        types = [*_TYPES[kind], *(["nn.BatchNorm1d"] if kind == "batch_norm" and batch_norm_1d else [])]
        if rule is None:
            own += types
            continue
        lines.append(f"{INDENT * 3}{'el' if lines else ''}if isinstance(module, {' | '.join(types)}):")
        biased = any(place.rule and place.rule[1] for place in places if place.kind == kind)
        some_without = any(place.rule and not place.rule[1] for place in places if place.kind == kind)
        lines += _draw("module", rule, 4, biased, some_without)
    if own:
        lines.append(f"{INDENT * 3}{'el' if lines else ''}if isinstance(module, {' | '.join(own)}):")
        lines.append(f"{INDENT * 4}module.reset_parameters()")
    head = [f"{INDENT * 2}for module in self.modules():"] if lines else []
    return [*head, *lines, *_exceptions([place for place in places if place.rule != usual[place.kind]])]


def _exceptions(places: Sequence[_Place]) -> list[str]:
    lines: list[str] = []
    before: tuple[str, ...] = ()
    for place in places:
        shared = next(
            (index for index, pair in enumerate(zip(before, place.headers, strict=False)) if pair[0] != pair[1]),
            min(len(before), len(place.headers)),
        )
        for level, header in enumerate(place.headers[shared:], start=shared):
            lines.append(f"{INDENT * (2 + level)}{header}:")
        before = place.headers
        depth = 2 + len(place.headers)
        if place.rule is None:
            lines.append(f"{INDENT * depth}{place.target}.reset_parameters()")
        else:
            lines += _draw(place.target, place.rule, depth, place.rule[1] is not None, some_without=False)
    return lines


def _draw(target: str, rule: tuple[Initializer, Initializer | None], depth: int, biased: bool, some_without: bool) -> list[str]:
    weight, bias = rule
    lines = lay_out(_init(weight, f"{target}.weight", f"{target}.weight"), depth)
    if biased and bias is not None:
        inner = lay_out(_init(bias, f"{target}.bias", f"{target}.weight"), depth + some_without)
        if some_without:
            lines.append(f"{INDENT * depth}if {target}.bias is not None:")
        lines += inner
    return lines


def _init(initializer: Initializer, target: str, weight: str) -> str:
    match initializer:
        case Zeros():
            return f"nn.init.zeros_({target})"
        case Ones():
            return f"nn.init.ones_({target})"
        case Constant(value):
            return f"nn.init.constant_({target}, {literal(value)})"
        case Normal(std):
            return f"nn.init.normal_({target}, std={literal(std)})"
        case KaimingNormal(mode):
            return f'nn.init.kaiming_normal_({target}, mode="{mode}", nonlinearity="relu")'
        case FanInUniform():
            return f"nn.init.uniform_({target}, -({weight}[0].numel() ** -0.5), {weight}[0].numel() ** -0.5)"
        case _:
            raise BackendError(Diagnostic("E0601", f"PyTorch has no row for the initializer {initializer.name}"))


def _places(definition: Definition, spelling: Spelling) -> list[_Place]:
    if definition.is_network:
        return list(_inside(definition.tree, (), "self", spelling))
    headers = ("for module in self.modules()", f"if isinstance(module, {definition.class_name})")
    return list(_inside(definition.tree, headers, "module", spelling))


def _inside(tree: Tree, headers: tuple[str, ...], owner: str, spelling: Spelling | None) -> Iterator[_Place]:
    for item in tree.items:
        if isinstance(item, ChoiceUse):
            for side in (item.then, item.other):
                for place in _inside(side, headers, owner, spelling):
                    # The member is another thing where the condition decides otherwise.
                    member = place.target.removeprefix(f"{owner}.").partition("[")[0].partition(".")[0]
                    guard = f"if not isinstance({owner}.{member}, nn.Identity)"
                    yield replace(place, headers=(*headers, guard, *place.headers[len(headers) :]))
            continue
        target = f"{owner}{_access(item, spelling)}"
        match item:
            case LayerUse() if item.op.name in _TYPES:
                yield _Place(headers, target, item.op.name, rule_of(item.op))
            case SequenceUse():
                yield from _inside(item.body, headers, target, None)
            case LoopUse():
                for run in item.runs:
                    if isinstance(run.item, SequenceUse):
                        inner = (*headers, f"for layer in {target}")
                        yield from _inside(run.item.body, inner, "layer", None)
            case _:
                pass


def _access(item: LayerUse | CallUse | SequenceUse | LoopUse, spelling: Spelling | None) -> str:
    """How an item is reached from what holds it: a class's member, or a part of an `nn.Sequential`."""
    if spelling is not None:
        return f".{spelling.members.get((item.site,), item.name)}"
    return f".{item.name}" if item.number is None else f"[{source(item.number)}]"
