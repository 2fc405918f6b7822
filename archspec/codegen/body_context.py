"""What is known while a body is built: its instances side by side, their tensors and names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, TypeAlias

from archspec.codegen.anti_unification import NotUnifiable, anti_unify
from archspec.codegen.rounds import Rounds
from archspec.codegen.symbolic import is_large
from archspec.codegen.tree import CHANNELS, is_count
from archspec.expr import Binary, Const, Expr, Name, Value, evaluate, fold, items_of, names
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Layer, Loop, Operand, Ref, Scope, tensor_named
from archspec.ir.tensor_type import TOKENS
from archspec.limits import Budget

LAYERS: Final = "which layers there are"
"""What a condition decides."""


ChoiceKey: TypeAlias = tuple[str | None, int]
"""A condition of a spec: the block that it stands in, and its location there."""


class Deciding(NamedTuple):
    """An expression that no generated source can take as it is, and what of the structure it decides."""

    expr: Expr
    what: str
    choice: ChoiceKey | None = None
    """The condition that it is, where that could be kept in source as it stands."""
    within: tuple[Expr, ...] = ()
    """The conditions around it in source: for instances that come out otherwise it decides nothing."""
    said: str = ""
    """What that is in words, with its path, where `what` is a word for all such."""
    asked: bool = False
    """Whether it is a condition that source asks for itself, in whichever instance."""


@dataclass(slots=True)
class BodyContext:
    """The instances of one body, side by side, and what is known of its tensors."""

    graph: LayerGraph
    budget: Budget
    envs: list[dict[str, Value]]
    features: dict[Ref, Expr]
    nodes: dict[Ref, tuple[str, ...]]
    """The node that each reference stands for in each instance."""
    structural: list[Deciding]
    required: dict[str, Expr] = field(default_factory=dict[str, Expr])
    """What arguments, and channels of further inputs, have to be: what is made of them is joined with it."""
    numbered: Expr | None = None
    """The next number, in a named sequence."""
    hole: Const | None = None
    """The next number after a layer that is there under a condition, if it counts where it is not there, too."""
    alias: dict[Ref, Ref] = field(default_factory=dict[Ref, Ref])
    """Results of conditions that all instances decide alike, whose items were taken into the body."""
    depth: int = 0
    """How many repeats are around."""
    indices: Mapping[str, Expr] = field(default_factory=dict[str, Expr])
    """What the indices of the loops around are here, by what the spec calls them."""
    own: Mapping[str, Expr] = field(default_factory=dict[str, Expr])
    """What the language's own names are everywhere in the definition."""
    arguments: Collection[str] = ()
    """The names of what the definition is given, and of its quantities: what a method of its own can speak of, too."""
    block: str | None = None
    """The block that the instances are of; None for the network."""
    counted: dict[Rounds, Expr] | None = None
    """Rounds of items in turn, with how many there are; None where that is settled."""
    joined: Mapping[int, bool] = field(default_factory=dict[int, bool])
    """The locations of loops all of whose tensors are one while the body is built, a list of any length: each with
    whether it must not be empty.
    """
    lists: dict[int, Expr] = field(default_factory=dict[int, Expr])
    """The channels of each tensor of such a list, by the location of the loop."""
    around: BodyContext | None = None
    """What is known around a sequence or a loop."""
    places: dict[Ref, tuple[Expr, ...]] = field(default_factory=dict[Ref, tuple[Expr, ...]])
    """The sizes of a tensor beside its channels, where one follows from channels: after a `transpose`, a `reshape`."""
    in_turn: bool = False
    """Whether each item of the body takes what the one before it gives, and nothing else."""
    is_level: bool = True
    """Whether the spec has a scope or a loop here, too, that it counts."""

    def at(self, expr: Expr, features: Sequence[Expr]) -> Expr:
        """An expression of the spec, where a tensor of these features arrives, in the definition's own terms."""
        known = {**self.own, **({CHANNELS.id: features[0]} if features else {}), **self._elsewhere(expr)}
        return self.folded(expr, {**known, **self.indices})

    def _elsewhere(self, expr: Expr) -> dict[str, Expr]:
        """The channels of tensors that an expression speaks of besides those that arrive."""
        found: dict[str, Expr] = {}
        for name in names(expr, self.budget):
            if (place := tensor_named(name)) is None:
                continue
            level, ref = place
            context = self
            while (context.level > level or not context.is_level) and context.around is not None:
                context = context.around
            found[name] = context.features[context.ref(ref)]
        return found

    def folded(self, expr: Expr, values: Mapping[str, Expr], *, is_whole: bool = False) -> Expr:
        """An expression with these values, in terms of the names that are known here."""
        return fold(expr, self.budget, values, whole=self.whole, is_whole=is_whole)

    def unified(self, expr: Expr | None, values: Sequence[Value]) -> Expr:
        """An expression that has these values in the instances; see `anti_unify`."""
        return anti_unify(expr, values, self.envs, self.budget)

    def whole(self, name: str) -> bool:
        """Whether a name stands for a whole number in all instances; by `items_of`, for a list of such."""
        listed = name.removesuffix(items_of(""))
        if listed != name:
            return all(_is_whole_list(env.get(listed)) for env in self.envs)
        return is_count(name) or all(type(env.get(name)) is int for env in self.envs)

    @property
    def level(self) -> int:
        """How many scopes and loops are around this one within the definition."""
        return 0 if self.around is None else self.around.level + self.is_level

    def ref(self, ref: Ref) -> Ref:
        """What a reference stands for here."""
        return self.alias.get(ref, ref)

    def inside(self, operands: Sequence[Ref], envs: list[dict[str, Value]] | None = None) -> BodyContext:
        """The frame of a scope that takes these tensors and sees the variables around it."""
        self.fix_places(operands)
        return BodyContext(
            self.graph,
            self.budget,
            self.envs if envs is None else envs,
            {Operand(index): self.features[ref] for index, ref in enumerate(operands)},
            {Operand(index): self.nodes[ref] for index, ref in enumerate(operands)},
            self.structural,
            self.required,
            depth=self.depth,
            indices=self.indices,
            own=self.own,
            arguments=self.arguments,
            block=self.block,
            around=self,
        )

    def chosen(self, instances: Sequence[int]) -> BodyContext:
        """The same frame for some of the instances: those that took one side of a condition."""
        return replace(
            self,
            required={},
            envs=[self.envs[index] for index in instances],
            features=dict(self.features),
            nodes={key: tuple(paths[index] for index in instances) for key, paths in self.nodes.items()},
            alias=dict(self.alias),
            places=dict(self.places),
            counted=None,
        )

    def name(self, items: Sequence[Layer | Scope | Loop]) -> tuple[str, Expr | None]:
        """The item's name in all instances, or its number in a row, which conditions before it may change."""
        name = items[0].name
        hole, self.hole = self.hole, None
        if self.numbered is None or not name.isdigit():
            return name, None
        counted = [
            item.name == str(evaluate(self.numbered, env, self.budget))
            for item, env in zip(items, self.envs, strict=True)
        ]
        if not any(counted):
            return name, None
        if not all(counted) and hole is not None and all(item.name == str(hole.value) for item in items):
            self.numbered = hole
        elif not all(counted):
            raise NotUnifiable(counted)
        number = self.numbered
        self.numbered = fold(Binary("+", number, Const(1)), self.budget)
        return "", number

    def operands(self, items: Sequence[Layer | Scope | Loop]) -> tuple[Ref, ...]:
        """The tensors that an item takes, which must be the same in all instances."""
        found = [tuple(self.ref(ref) for ref in item.operands) for item in items]
        if len(set(found)) > 1:
            raise NotUnifiable(found)
        return found[0]

    def require_equal(self, features: Iterable[Expr]) -> None:
        """All of these are one number, whatever the arguments are."""
        found = set(features)
        if len(found) < 2 or self.depth or self.block is None:
            return
        own = {one.id for one in found if isinstance(one, Name)} - {CHANNELS.id}
        if CHANNELS in found:
            self.required |= dict.fromkeys(own, CHANNELS)
        elif others := [one for one in found if not isinstance(one, Name) and _is_own(one, self.budget)]:
            self.required |= {name: others[0] for name in own if is_count(name)}

    def record(self, ref: Ref, expr: Expr | None, paths: Iterable[str]) -> None:
        """A new tensor: which node it is in each instance, and how many channels it has."""
        self.nodes[ref] = tuple(paths)
        counts = [self.graph.types[path].channels for path in self.nodes[ref]]
        short = expr if expr is None or not is_large(expr) else self._with_known(expr)
        usable = short if short is not None and not is_large(short) else None
        found = self.features[ref] = self.unified(usable, counts)
        if expr is not None and found != expr:
            # What was found instead holds for these values alone.
            self.structural.append(Deciding(expr, f"the channels of {self.nodes[ref][0]}, a number in the source"))

    def _with_known(self, expr: Expr) -> Expr:
        """An expression with the values of what has the same one in all instances: what is left is shorter."""
        known: dict[str, Expr] = {}
        for name in names(expr, self.budget):
            values = [env.get(name) for env in self.envs]
            if not is_count(name) and values[0] is not None and all(value == values[0] for value in values):
                known[name] = Const(values[0])
        return self.folded(expr, known, is_whole=True)

    def record_places(self, ref: Ref, exprs: tuple[Expr, ...]) -> None:
        """The sizes of a tensor beside its channels, as far as expressions say them in all instances."""
        places = zip(*(self.graph.types[path].places for path in self.nodes[ref]), strict=True)
        try:
            found = tuple(
                self.unified(None if is_large(expr) else expr, sizes) for expr, sizes in zip(exprs, places, strict=True)
            )
        except NotUnifiable:
            found = ()
        if found != exprs:
            self.structural += [Deciding(expr, f"the sizes of {self.nodes[ref][0]}") for expr in exprs]
        if found:
            self.places[ref] = found

    def fix_places(self, refs: Iterable[Ref]) -> None:
        """A scope of their own, or a number in what is written, makes sizes hold for these values alone."""
        for ref in refs:
            for expr in self.places.get(ref, ()):
                path = self.nodes[ref][0]
                is_sequence = self.graph.types[path].axes == TOKENS
                what = f"how many tokens {path} has" if is_sequence else f"the sizes of {path}"
                self.structural.append(Deciding(expr, what))


def _is_whole_list(value: Value | None) -> bool:
    return isinstance(value, tuple) and all(type(item) is int for item in value)


def _is_own(expr: Expr, budget: Budget) -> bool:
    """Whether an expression mentions nothing but arguments and the channels that arrive first."""
    found = names(expr, budget)
    return bool(found) and not any(name != CHANNELS.id and is_count(name) for name in found)
