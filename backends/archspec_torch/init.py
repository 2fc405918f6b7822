"""Writing `reset_parameters`: every weight drawn once, by the rule of its kind, exceptions after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from archspec.codegen.layout import INDENT, Code, call, lay_out
from archspec.codegen.text import literal
from archspec.codegen.tree import CallUse, ChoiceUse, Definition, LayerUse, LoopUse, SequenceUse, Tree
from archspec.errors import BackendError, Diagnostic
from archspec.expr import Const, source
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
    path: str | None
    """The layer's path in one instance; None where a condition decides its number, so that it cannot be reached."""


def rule_of(op: Op) -> _Rule:
    """How a layer's weights are drawn."""
    if isinstance(op, Conv | Dense):
        same = isinstance(op.init, FanInUniform) and (not op.bias or isinstance(op.bias_init, FanInUniform))
        return None if same else (op.init, op.bias_init if op.bias else None)
    return None


def reset_parameters(
    definitions: Sequence[Definition], spellings: dict[int, Spelling], batch_norm_1d: bool
) -> list[str]:
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
        lines += _draw("module", rule, 4, biased, guarded=kind == "conv")
    if own:
        lines.append(f"{INDENT * 3}{'el' if lines else ''}if isinstance(module, {' | '.join(own)}):")
        lines.append(f"{INDENT * 4}module.reset_parameters()")
    head = [f"{INDENT * 2}for module in self.modules():"] if lines else []
    return [*head, *lines, *_exceptions([place for place in places if place.rule != usual[place.kind]])]


def _exceptions(places: Sequence[_Place]) -> list[str]:
    lines: list[str] = []
    before: tuple[str, ...] = ()
    for place in places:
        if place.path is None:
            message = f"PyTorch cannot draw the weights of {place.target} apart: its number depends on a condition"
            raise BackendError(Diagnostic("E0601", message, help="give the layer a name, or its kind one initializer"))
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
            lines += _draw(place.target, place.rule, depth, place.rule[1] is not None, guarded=place.kind == "conv")
    return lines


def _draw(
    target: str, rule: tuple[Initializer, Initializer | None], depth: int, biased: bool, guarded: bool
) -> list[str]:
    weight, bias = rule
    indent = INDENT * depth
    # PyTorch's own rule is the one for both; what differs from it is drawn again.
    uniform = isinstance(weight, FanInUniform), biased and isinstance(bias, FanInUniform)
    lines = [f"{indent}{target}.reset_parameters()"] if any(uniform) else []
    if not uniform[0]:
        lines += lay_out(_init(weight, f"{target}.weight"), depth)
    if biased and bias is not None and not uniform[1]:
        if guarded:  # a convolution's bias may be None, says its type
            lines.append(f"{indent}if {target}.bias is not None:")
        lines += lay_out(_init(bias, f"{target}.bias"), depth + guarded)
    return lines


def _init(initializer: Initializer, target: str) -> Code:
    match initializer:
        case Zeros():
            return call("nn.init.zeros_", target)
        case Ones():
            return call("nn.init.ones_", target)
        case Constant(value):
            return call("nn.init.constant_", target, literal(value))
        case Normal(std):
            return call("nn.init.normal_", target, std=literal(std))
        case KaimingNormal(mode):
            return call("nn.init.kaiming_normal_", target, mode=literal(mode), nonlinearity=literal("relu"))
        case _:
            raise BackendError(Diagnostic("E0601", f"PyTorch has no row for the initializer {initializer.name}"))


def _places(definition: Definition, spelling: Spelling) -> Iterator[_Place]:
    owner = _Owner((), "self", spelling)
    if not definition.is_network:
        headers = ("for module in self.modules()", f"if isinstance(module, {definition.class_name})")
        owner = _Owner(headers, "module", spelling)
    return _inside(definition.tree, owner)


@dataclass(frozen=True, slots=True)
class _Owner:
    """What holds the items of a tree: an instance of a class, whose members `spelling` has, or a sequence."""

    headers: tuple[str, ...]
    target: str
    spelling: Spelling | None = None
    conditional: bool = False


def _inside(tree: Tree, owner: _Owner) -> Iterator[_Place]:
    for item in tree.items:
        if isinstance(item, ChoiceUse):
            for side in (item.then, item.other):
                yield from _inside(side, replace(owner, conditional=True))
            continue
        target = _access(item, owner)
        match item:
            case LayerUse() if item.op.name in _TYPES:
                headers = owner.headers
                if owner.spelling is None or owner.conditional:  # a type checker cannot know what it is otherwise
                    attribute = f'hasattr({owner.target}, "{target.rpartition(".")[2]}")'
                    optional = owner.conditional and item.site not in _joined(owner)
                    checks = [attribute] if optional else []
                    checks.append(f"isinstance({target}, {_TYPES[item.op.name][0]})")
                    headers = (*headers, f"if {' and '.join(checks)}")
                counted = item.number is not None and not isinstance(item.number, Const)
                unclear = owner.spelling is None and (owner.conditional or counted)
                yield _Place(headers, target, item.op.name, rule_of(item.op), None if unclear else item.paths[0])
            case SequenceUse():
                yield from _inside(item.body, _Owner(owner.headers, target))
            case LoopUse():
                for run in item.runs:
                    if isinstance(run.item, SequenceUse):
                        inner = (*owner.headers, f"for layer in {target}")
                        yield from _inside(run.item.body, _Owner(inner, "layer"))
            case _:
                pass


def _joined(owner: _Owner) -> set[int]:
    """The sites whose member is there whichever side of its condition was taken."""
    if owner.spelling is None:
        return set()
    names = set(owner.spelling.joined.values())
    return {site for (site,), name in owner.spelling.members.items() if name in names}


def _access(item: LayerUse | CallUse | SequenceUse | LoopUse, owner: _Owner) -> str:
    """How an item is reached from what holds it: a class's member, or a part of an `nn.Sequential`."""
    if owner.spelling is not None:
        return f"{owner.target}.{owner.spelling.members.get((item.site,), item.name)}"
    return f"{owner.target}.{item.name}" if item.number is None else f"{owner.target}[{source(item.number)}]"
