"""Writing `reset_parameters`: every weight drawn once, by the rule of its kind, exceptions after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from archspec.codegen.layout import INDENT
from archspec.codegen.tree import CallUse, ChoiceUse, Definition, LayerUse, LoopUse, SequenceUse, Tree
from archspec.errors import BackendError, Diagnostic, InternalError
from archspec.expr import Const, source
from archspec.ir.attributes import InitKind
from archspec_torch.drawing import Rule, draw
from archspec_torch.forward import Spelling
from archspec_torch.ops import ROWS


@dataclass(frozen=True, slots=True)
class _Place:
    """One layer with weights: how `reset_parameters` of the network gets at it, and its rule."""

    headers: tuple[str, ...]
    target: str
    kind: str
    type: str
    rule: Rule | None
    optional_bias: bool
    """The bias may be None, for this layer or for a type checker."""
    reachable: bool
    """False where a condition decides its number, so that there is no expression for it."""


def rule_of(use: LayerUse) -> Rule | None:
    """How a layer's weights are drawn; None where the class's own `reset_parameters` is what is meant.

    The attribute `init` is for `weight`, and `bias_init` for `bias`, which may not be there.
    """
    row = ROWS[use.op.name]
    biased = "bias" not in use.op.attributes() or not use.fixed("bias") or use.value("bias")
    given = {
        info.name.removesuffix("init").removesuffix("_") or "weight": use.value(info.name)
        for info in use.op.attributes().values()
        if isinstance(info.kind, InitKind)
    }
    rule = tuple((name, initializer) for name, initializer in given.items() if name != "bias" or biased)
    return None if all(row.draws_itself(*pair) for pair in rule) else rule


def type_of(use: LayerUse) -> str:
    """The class in torch.nn of a layer with weights."""
    found = ROWS[use.op.name].type
    if found is None:
        raise InternalError(f"{use.op.name} has weights, and its row in PyTorch does not say of which class it is")
    return found(use)


def reset_parameters(definitions: Sequence[Definition], spellings: dict[int, Spelling], helpers: set[str]) -> list[str]:
    """The lines of the network's `reset_parameters`, two levels in. `helpers` gets those that the lines need."""
    places = [place for made in definitions for place in _places(made, spellings[id(made)])]
    lines: list[str] = []
    own: list[str] = []
    composed: list[str] = []
    usual: dict[str, Rule | None] = {}
    for kind in ROWS:
        rules = Counter(place.rule for place in places if place.kind == kind)
        if rules:
            most = [rule for rule, _ in rules.most_common()]
            usual[kind] = next((rule for rule in most[1:] if _covers(rule, most[0])), most[0])
    for kinds in _alike(usual):
        alike = [place for kind in kinds for place in places if place.kind == kind]
        types = list(dict.fromkeys(place.type for place in alike))
        rule, row = usual[kinds[0]], ROWS[kinds[0]]
        if rule is None:
            own += types
            continue
        target = lines if row.parts is None else composed
        target.append(f"{INDENT * 3}{'el' if target else ''}if isinstance(module, {' | '.join(types)}):")
        target += draw("module", rule, row, 4, any(place.optional_bias for place in alike), helpers)
    if own:
        lines.append(f"{INDENT * 3}{'el' if lines else ''}if isinstance(module, {' | '.join(own)}):")
        lines.append(f"{INDENT * 4}module.reset_parameters()")
    head = f"{INDENT * 2}for module in self.modules():"
    first = [head, *lines] if lines else []
    # Their parts are modules too, which what stands before may have drawn by another rule.
    second = [head, *composed] if composed else []
    apart = [place for place in places if not _covers(usual[place.kind], place.rule)]
    return [*first, *second, *_exceptions(apart, helpers)]


def _covers(rule: Rule | None, other: Rule | None) -> bool:
    """Whether a rule serves for another too: it may have a bias more, which is drawn where there is one."""
    return rule == other or (rule is not None and other is not None and rule[: len(other)] == other)


def _alike(usual: Mapping[str, Rule | None]) -> list[list[str]]:
    """The kinds of layer, those together that are drawn by the same lines."""
    found: dict[object, list[str]] = {}
    for kind, rule in usual.items():
        row = ROWS[kind]
        key = kind if row.parts is not None else (rule, rule and frozenset(row.draws.items()))
        found.setdefault(key, []).append(kind)
    return list(found.values())


def _exceptions(places: Sequence[_Place], helpers: set[str]) -> list[str]:
    lines: list[str] = []
    before: tuple[str, ...] = ()
    for place in places:
        if not place.reachable:
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
            lines += draw(place.target, place.rule, ROWS[place.kind], depth, place.optional_bias, helpers)
    return lines


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
    reachable: bool = True


def _inside(tree: Tree, owner: _Owner) -> Iterator[_Place]:
    for item in tree.items:
        if isinstance(item, ChoiceUse):
            for side in (item.then, item.other):
                yield from _inside(side, replace(owner, conditional=True))
            continue
        target = _access(item, owner)
        counted = item.number is not None and not isinstance(item.number, Const)
        unclear = owner.spelling is None and (owner.conditional or counted)
        reachable = owner.reachable and not unclear
        match item:
            case LayerUse() if item.has_weights:
                kind = type_of(item)
                headers = owner.headers
                if owner.spelling is None or owner.conditional:  # a type checker cannot know what it is otherwise
                    headers = (*headers, _check(item, owner, target, kind))
                sure = not kind.startswith("nn.Conv") and item.fixed("bias") and bool(item.values.get("bias"))
                yield _Place(headers, target, item.op.name, kind, rule_of(item), not sure, reachable)
            case SequenceUse():
                headers = owner.headers
                if owner.conditional:
                    headers = (*headers, _check(item, owner, target, "nn.Sequential"))
                yield from _inside(item.body, _Owner(headers, target, reachable=reachable))
            case LoopUse():
                headers = owner.headers
                if owner.conditional:
                    kind = "nn.Sequential" if len(item.operands) == 1 else "nn.ModuleList"
                    headers = (*headers, _check(item, owner, target, kind))
                for run in item.runs:
                    if isinstance(run.item, SequenceUse):
                        inner = (*headers, f"for layer in {target}")
                        yield from _inside(run.item.body, _Owner(inner, "layer", reachable=reachable))
            case _:
                pass


def _check(item: LayerUse | SequenceUse | LoopUse, owner: _Owner, target: str, kind: str) -> str:
    """The line that asks whether a member is there and of its class: a condition may have left it out."""
    checks = [f"isinstance({target}, {kind})"]
    if owner.conditional and item.site not in _joined(owner):
        checks.insert(0, f'hasattr({owner.target}, "{target.rpartition(".")[2]}")')
    return f"if {' and '.join(checks)}"


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
