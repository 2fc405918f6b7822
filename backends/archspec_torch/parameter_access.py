"""Where the layers with weights are: how a method of the network gets at each of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Final

from archspec.codegen.escaping import attribute, quoted
from archspec.codegen.pretty_printer import INDENT, Infix, call, lay_out
from archspec.codegen.reuse import is_reuse
from archspec.codegen.tree import CallUse, ChoiceUse, Definition, LayerUse, LoopUse, Run, SequenceUse, Tree
from archspec.errors import InternalError
from archspec.expr import Const, Expr, source
from archspec.reserved_names import in_sequence
from archspec_torch.constructors import members
from archspec_torch.ops import ROWS
from archspec_torch.ops.row import Parts
from archspec_torch.row_classes import row_class
from archspec_torch.spelling import Spelling

NOTHING: Final = frozenset[str]()
OVER_MODULES: Final = "for module in self.modules()"
"""The line that parameters of a class stand under, with one that asks for the class."""
_SCALE_AND_SHIFT: Final = frozenset({"weight", "bias"})


@dataclass(frozen=True, slots=True)
class ParameterAccess:
    """One layer with weights: how a method of the network gets at it, and what is known of it."""

    headers: tuple[str, ...]
    """The lines that its own stand under, each one level deeper."""
    target: str
    type: str
    use: LayerUse
    optional: frozenset[str]
    """Of `weight` and `bias` those that may be None."""
    reachable: bool
    """False where a condition decides its number, so that there is no expression for it."""
    drawn_by: Mapping[str, str] = field(default_factory=dict[str, str])
    """Expressions of what its weights are drawn by, by the names of the params and quantities."""
    is_own: bool = False
    """Whether it is the network's, and not a block's: then all methods of the network know what it is drawn by."""

    def spell(self, expr: Expr) -> str:
        """An expression of what its weights are drawn by, as source."""
        return source(expr, self.drawn_by)

    @property
    def kind(self) -> str:
        """The name of its op."""
        return self.use.op.name

    @property
    def untyped(self) -> frozenset[str]:
        """Those that are there, which a type checker does not know."""
        return frozenset({"bias"}) - self.optional if self.type.startswith("nn.Conv") else NOTHING

    @property
    def parts(self) -> Parts | None:
        """Its parameters, where it has more than `weight` and `bias`."""
        parts = ROWS[self.kind].parts
        return None if parts is None else parts(self.use)

    @property
    def is_bare(self) -> bool:
        """Whether it is a parameter itself, not a module that has one."""
        return ROWS[self.kind].bare_for(self.use) is not None

    @property
    def drawn_as(self) -> str:
        """What is drawn by the same lines: the name of its op, and where it has parts, of its class."""
        return self.kind if self.parts is None else f"{self.kind} {self.type}"


def own_parameter(target: str, name: str, untyped: frozenset[str]) -> str:
    """A parameter of a layer, as an expression; `untyped` are those that are there, which no type checker knows."""
    return f"{target}.get_parameter({quoted(name)})" if name in untyped else f"{target}.{name}"


def type_of(use: LayerUse) -> str:
    """The class in torch.nn of a layer with weights."""
    row = ROWS[use.op.name]
    found = row.type
    if row.bare_for(use) is not None:
        return "nn.Parameter"
    if found is None:
        raise InternalError(f"{use.op.name} has weights, and its row in PyTorch does not say of which class it is")
    return found(use)


def learns_nothing(use: LayerUse) -> bool:
    """Whether a layer with weights has neither `weight` nor `bias`: a batch norm that is not affine."""
    return _left_out(use) == _SCALE_AND_SHIFT


def _left_out(use: LayerUse) -> frozenset[str]:
    """Of a norm's `weight` and `bias` those that it does not have."""
    if "affine" not in use.op.attributes():
        return NOTHING
    if not use.value("affine"):
        return _SCALE_AND_SHIFT
    learned = {"scale": "weight", "shift": "bias"}
    return frozenset(weight for name, weight in learned.items() if name in use.values and not use.value(name))


def places(definitions: Sequence[Definition], spellings: dict[int, Spelling]) -> list[ParameterAccess]:
    """The layers with weights of all definitions, in order."""
    return [place for made in definitions for place in _places(made, spellings[id(made)])]


def is_one_of(types: Sequence[str], *, first: bool) -> list[str]:
    """The line that asks for the class of a module in a loop over all, broken where it is long."""
    check = call("isinstance", "module", Infix("|", tuple(types)))
    return lay_out(check, 3, "if " if first else "elif ", ":")


def by_place(lines: Iterable[tuple[ParameterAccess, Sequence[str]]]) -> list[str]:
    """Lines of a method for places by themselves, two levels in; neighbors share the headers that they can."""
    found: list[str] = []
    before: tuple[str, ...] = ()
    for place, own in lines:
        shared = next(
            (index for index, pair in enumerate(zip(before, place.headers, strict=False)) if pair[0] != pair[1]),
            min(len(before), len(place.headers)),
        )
        for level, header in enumerate(place.headers[shared:], start=shared):
            found.append(f"{INDENT * (2 + level)}{header}:")
        before = place.headers
        found += own
    return found


def _places(definition: Definition, spelling: Spelling) -> Iterator[ParameterAccess]:
    owner = _Owner((), "self", spelling)
    if not definition.is_network:
        headers = (OVER_MODULES, f"if isinstance(module, {definition.class_name})")
        owner = _Owner(headers, "module", spelling)
    known = {name: f"{owner.target}.{text}" for name, text in spelling.drawn_by.items()}
    tree = definition.tree
    if (row := row_class(definition)) is not None:
        tree, owner = row.parts, replace(owner, spelling=None, known=True)
    return (replace(place, drawn_by=known, is_own=definition.is_network) for place in _inside(tree, owner))


@dataclass(frozen=True, slots=True)
class _Owner:
    """What holds the items of a tree: an instance of a class, whose members `spelling` has, or a sequence."""

    headers: tuple[str, ...]
    target: str
    spelling: Spelling | None = None
    conditional: bool = False
    reachable: bool = True
    known: bool = False
    """A type checker knows that it has parts by number."""


@dataclass(frozen=True, slots=True)
class _ItemRow:
    """The tree whose items stand in a row, with those under its conditions."""

    tree: Tree
    numbered: bool
    """None of them has a name."""


def _inside(tree: Tree, owner: _Owner, whole: _ItemRow | None = None) -> Iterator[ParameterAccess]:
    """The places in a tree; `whole` is the one that it is a side of a condition in."""
    whole = whole or _ItemRow(tree, all(member.number is not None for member in members(tree)))
    for item in tree.items:
        if isinstance(item, ChoiceUse):
            for side in (item.then, item.other):
                yield from _inside(side, replace(owner, conditional=True), whole)
            continue
        if owner.spelling is None and item.number is not None and not owner.known:
            check = f"if isinstance({owner.target}, nn.Sequential)"
            around = replace(owner, headers=(*owner.headers, check), known=True)
        else:
            around = owner
        if is_reuse(item):  # what it has is found where it is made
            continue
        target = _access(item, around, whole)
        counted = item.number is not None and not isinstance(item.number, Const)
        unclear = owner.spelling is None and (owner.conditional or counted)
        reachable = owner.reachable and not unclear
        match item:
            case LayerUse() if item.has_weights:
                kind = type_of(item)
                headers = around.headers
                if owner.spelling is None or owner.conditional or in_sequence(item.name)[0]:
                    # A type checker cannot know what it is otherwise.
                    headers = (*headers, _check(target, kind))
                yield ParameterAccess(headers, target, kind, item, _optional(item), reachable)
            case SequenceUse():
                headers = around.headers
                if owner.conditional or in_sequence(item.name)[0]:
                    headers = (*headers, _check(target, "nn.Sequential"))
                known = owner.spelling is not None or owner.conditional
                yield from _inside(item.body, _Owner(headers, target, reachable=reachable, known=known))
            case LoopUse():
                headers = around.headers
                if owner.spelling is None or owner.conditional or in_sequence(item.name)[0]:
                    kind = "nn.Sequential" if item.is_sequential else "nn.ModuleList"
                    headers = (*headers, _check(target, kind))
                for run, part in _parts(item):
                    if not isinstance(run.item, SequenceUse):
                        continue
                    found = _Owner(headers, f"{target}{part}", reachable=reachable and part is not None)
                    if part is None or not part.strip("[]-").isdecimal():
                        variable = _variable(headers)
                        found = replace(found, headers=(*headers, f"for {variable} in {found.target}"), target=variable)
                    yield from _inside(run.item.body, found)
            case _:
                pass


def _parts(loop: LoopUse) -> Iterator[tuple[Run, str | None]]:
    """The runs of a loop, each with the index or slice of its iterations; None where that is not known."""
    counts = [run.count for run in loop.runs]
    for index, run in enumerate(loop.runs):
        start, after = _sum(counts[:index]), _sum(counts[index + 1 :])
        end = 0 if after == 0 else _sum(counts[: index + 1])
        if end is None and after is not None:
            end = -after
        if start is None and end is not None and run.count is not None:
            start = end - run.count
        if start is None or end is None:
            yield run, None
        elif run.count == 1:
            yield run, f"[{start}]"
        else:
            yield run, f"[{start or ''}:{end or ''}]" if start or end else ""


def _sum(counts: Sequence[int | None]) -> int | None:
    """The sum, if all are known."""
    return None if None in counts else sum(count or 0 for count in counts)


def _variable(headers: Sequence[str]) -> str:
    """The variable of a loop under these headers: each has its own, for lines that follow an inner one."""
    depth = sum(header.startswith("for layer") for header in headers)
    return f"layer_{depth + 1}" if depth else "layer"


def _optional(use: LayerUse) -> frozenset[str]:
    if "bias" not in use.op.attributes():
        return _left_out(use)
    sure = use.fixed("bias", "out_bias") and bool(use.values.get("bias")) and use.values.get("out_bias") is not False
    return NOTHING if sure else frozenset({"bias"})


def _check(target: str, kind: str) -> str:
    """The line that asks whether a member is of its class: a condition may have put another in its place."""
    return f"if isinstance({target}, {kind})"


def _access(item: LayerUse | CallUse | SequenceUse | LoopUse, owner: _Owner, row: _ItemRow) -> str:
    """How an item of a tree is reached from what holds it: a class's member, or a part of an `nn.Sequential`.

    Where some of its parts are named, the number of another is its name and not its place among them.
    """
    if owner.spelling is not None:
        name = owner.spelling.members.get((item.location,), item.name)
        if isinstance(item, LayerUse) and ROWS[item.op.name].bare_for(item) is not None:
            return attribute(owner.target, name)  # a parameter is under no key of an `nn.ModuleDict`
        return owner.spelling.member(name, owner.target)
    if item.number is None:
        return attribute(owner.target, item.name)
    if row.numbered:
        return f"{owner.target}[{source(item.number)}]"
    items = row.tree.items
    before = list(takewhile(lambda other: other is not item and not isinstance(other, ChoiceUse), items))
    if len(before) < len(items) and items[len(before)] is item:
        return f"{owner.target}[{len(before)}]"
    number = quoted(source(item.number)) if isinstance(item.number, Const) else f"str({source(item.number)})"
    return f"getattr({owner.target}, {number})"
