"""Give named sequences that branch a definition of their own, where a backend cannot write them in place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from archspec.codegen.argument_docs import documented
from archspec.codegen.equal_arms import with_refs
from archspec.codegen.equal_bodies import TakesChannels, body_key, one_of_equals, without_widths
from archspec.codegen.escaping import label_parameter, variable_name
from archspec.codegen.folding import iterations_of, renamed_tree
from archspec.codegen.lifting import is_stage, lifted
from archspec.codegen.merging import united
from archspec.codegen.singular import singular
from archspec.codegen.tree import (
    CHANNELS,
    CallUse,
    ChoiceUse,
    Definition,
    ItemUse,
    LayerUse,
    LoopUse,
    Module,
    Parameter,
    Run,
    SequenceUse,
    Tree,
    is_count,
    iteration_names,
)
from archspec.codegen.variable_allocation import uses
from archspec.codegen.walk import loops, used_names
from archspec.expr import Expr, Name, fold
from archspec.ir.scope import Operand, Ref


def outline(module: Module, keep: Callable[[SequenceUse], bool], takes_channels: TakesChannels) -> Module:
    """The module with every sequence that `keep` refuses turned into a definition and a call of it.

    Sequences that are the same are calls of one, and so are definitions of one name; of a layer the channels that
    arrive count where `takes_channels` says that they are written.
    """
    found = (made for old in module.definitions for made in _Outliner(old, keep, takes_channels).run())
    return one_of_equals(Module(tuple(found)), takes_channels)


@dataclass(frozen=True, slots=True)
class _OutlinedBody:
    """A sequence as the body of a definition."""

    item: SequenceUse
    order: tuple[str, ...]
    """The names that the definition takes."""
    arguments: Mapping[str, Expr]
    """What they are where the sequence stands."""


class _Outliner:
    def __init__(
        self,
        definition: Definition,
        keep: Callable[[SequenceUse], bool],
        takes_channels: TakesChannels,
    ) -> None:
        self.definition = definition
        self.keep = keep
        self.takes_channels = takes_channels
        self.budget = definition.budget
        self.made: list[Definition] = []
        self.bodies: list[tuple[object, SequenceUse, Definition]] = []
        """What makes two sequences the same, and the definition of each."""
        self.owners: dict[str, CallUse | SequenceUse] = {}
        """The sequences of the scope that is being looked at, by name; those that they have become."""
        self.alike: set[int] = set()
        """The locations of sequences of that tree that are made the same."""
        self.labels: Mapping[Ref, str] = {}
        """What the spec calls tensors of the tree that is being looked at."""
        self.entering: Mapping[Ref, str] = {}
        """What it calls those that enter the iterations that are being looked at."""

    def run(self) -> list[Definition]:
        self.definition.tree = self._tree(self.definition.tree)
        return [*self.made, self.definition]

    def _tree(self, tree: Tree) -> Tree:
        around = self.labels, self.alike
        self.labels = tree.labels or self.labels  # the sides of a choice share those around it
        self.alike = self._differing_in_channels(tree)
        items = tuple(self._item(item) for item in tree.items)
        self.labels, self.alike = around
        return Tree(items, tree.results, tree.labels, tree.counts)

    def _differing_in_channels(self, tree: Tree) -> set[int]:
        """The locations of sequences that would be the same but for what they call the channels that arrive."""
        found: list[tuple[object, object, list[int]]] = []
        alike: set[int] = set()
        for item in tree.items:
            if not isinstance(item, SequenceUse) or item.reuses or self.keep(item):
                continue
            own = self._with_own_channels(item)
            if own is None:
                continue
            plain, key = (body_key(one, self.takes_channels) for one in (item.body, own[0].body))
            for other, other_key, locations in found:
                self.budget.spend(len(item.body.items))
                if key == other_key:
                    locations.append(item.location)
                    alike |= {*locations} if plain != other or locations[0] in alike else set[int]()
                    break
            else:
                found.append((plain, key, [item.location]))
        return alike

    def _item(self, item: ItemUse) -> ItemUse:
        match item:
            case SequenceUse():
                return self._sequence(_started(item))
            case ChoiceUse():
                return replace(item, then=self._tree(item.then), other=self._tree(item.other))
            case LoopUse():
                own = bool(item.name) or item.number is not None
                around, self.entering = self.entering, _entering(item, self.labels)
                made = replace(item, runs=self._runs(item.runs, "" if own else item.pattern.partition("{")[0]))
                self.entering = around
                return made
            case _:
                return item

    def _runs(self, runs: Sequence[Run], prefix: str) -> tuple[Run, ...]:
        """All runs of a loop become calls of one definition, made from what they have in common.

        `prefix` is what the iterations' names begin with, where the loop itself has none.
        """
        general = runs[0].general if runs else None
        called = any(run.item.reuses for run in runs)  # what is called again has its definition, if it needs one
        if not called and general is not None and len(runs) == 1 and self.definition.is_network:
            stage = self._stage(runs[0], general)
            if stage is not None:
                return (stage,)
        if (
            called
            or general is None
            or all(not isinstance(one.item, SequenceUse) or self._stays(one.item) for one in runs)
        ):
            return tuple(
                replace(run, item=self._sequence(run.item)) if isinstance(run.item, SequenceUse) else run
                for run in runs
            )
        general = iterations_of(general, self.definition.whole, self.budget)
        general = replace(general, body=self._tree(general.body))
        if self.keep(general) and not self._carries(
            general.body
        ):  # only parts of it needed definitions; the iterations themselves can stand in place
            return tuple(
                replace(run, item=replace(general, body=renamed_tree(general.body, run.bound, self.budget)))
                for run in runs
            )
        call = self._call(general, called=prefix, in_loop=self.entering)
        return tuple(
            replace(
                run,
                item=replace(
                    call,
                    arguments={
                        key: fold(expr, self.budget, run.bound, whole=is_count) for key, expr in call.arguments.items()
                    },
                ),
            )
            for run in runs
        )

    def _stage(self, run: Run, general: SequenceUse) -> Run | None:
        """A run of calls, where an iteration is a row with conditions, or with a loop that carries channels along.

        None where that stays in place.
        """
        if run.count == 1:
            return None
        has_conditions, general = is_stage(general), iterations_of(general, self.definition.whole, self.budget)
        if not (has_conditions or self._carries(general.body)):
            return None
        if not self._kept(general) or (found := lifted(run, general, self.definition)) is None:
            return None
        call = self._call(found.item, found.types, is_one=True)
        arguments = {
            name: fold(found.given.get(name, expr), self.budget, run.bound, whole=is_count)
            for name, expr in call.arguments.items()
        }
        return replace(run, item=replace(call, arguments=arguments))

    def _stays(self, item: SequenceUse) -> bool:
        """Whether an iteration can stand in place: one that carries channels along itself has statements of its own."""
        return self._kept(item) and not self._carries(item.body)

    def _carries(self, tree: Tree) -> bool:
        """Whether a loop of a tree, or of its sequences, carries channels from one iteration to the next."""
        return any(
            run.carried is not None and iteration_names(run.depth)[1] in used_names(Tree((run.item,), ()), self.budget)
            for loop in loops(tree)
            for run in loop.runs
        )

    def _kept(self, item: SequenceUse) -> bool:
        """Whether nothing has to be taken out of a sequence, nor the sequence itself."""
        inner = all(self._kept(part) for part in _sequences(item.body))
        return inner and self.keep(item)

    def _sequence(self, item: SequenceUse) -> CallUse | SequenceUse:
        if item.reuses:
            owner = self.owners[item.reuses]
            if isinstance(owner, SequenceUse):
                return item
            return CallUse(
                item.location, item.name, item.number, owner.definition, {}, item.operands, item.paths, item.reuses
            )
        around, self.owners = self.owners, {}
        inside = replace(item, body=self._tree(item.body))
        self.owners = around
        found = self.owners[item.name] = inside if self.keep(inside) else self._call(inside)
        return found

    def _call(
        self,
        item: SequenceUse,
        more: Mapping[str, str] = MappingProxyType({}),
        *,
        is_one: bool = False,
        called: str = "",
        in_loop: Mapping[Ref, str] | None = None,
    ) -> CallUse:
        """A definition of a sequence's own, and the call that stands in its place.

        `more` has the types of names that stand for no parameter or quantity of the definition around; `is_one` says
        that it is one of several, by whose name it is called, or else by that which is given; `in_loop` has what enters
        an iteration, by name.
        """
        types = {**self.definition.types, **more}
        names = self.labels if in_loop is None else in_loop
        inputs = tuple(label_parameter(names.get(ref, "")) for ref in item.operands)
        if in_loop is not None or len(inputs) == 1:  # one tensor needs no name, nor does what goes through all
            inputs = ("", *inputs[1:])
        own = self._with_own_channels(item) if item.location in self.alike else None
        form = self._form(item, CHANNELS, types) if own is None else self._form(*own, types)
        twin = self._twin(form.item, inputs)
        if twin is None:
            twin = self._made(form, inputs, types, more, is_one=is_one, called=called)
        return CallUse(item.location, item.name, item.number, twin, form.arguments, item.operands, item.paths)

    def _form(self, item: SequenceUse, arriving: Expr, types: Mapping[str, str]) -> _OutlinedBody:
        """A sequence as the body of a definition; `arriving` are the channels that its definition gets."""
        tree = item.body
        free = used_names(without_widths(tree, self.takes_channels), self.budget)
        arrive = [name for name in sorted(free) if name.startswith("channels@") and name[9:].isdigit()]
        renamed: dict[str, str] = {}
        if CHANNELS.id not in free and len(arrive) == 1:
            renamed[arrive[0]] = CHANNELS.id  # what arrives in an iteration is what arrives in the class
            tree = renamed_tree(tree, {arrive[0]: CHANNELS}, self.budget)
        # Everything the sequence mentions becomes a parameter of the same name.
        order = [
            *(name for name in types if name in free),
            *sorted(free - types.keys() - {CHANNELS.id} - renamed.keys()),
        ]
        arguments: dict[str, Expr] = {name: Name(name) for name in order}
        arguments[CHANNELS.id] = arriving
        for old, new in renamed.items():
            arguments[new] = Name(old)
        return _OutlinedBody(replace(item, body=tree), tuple(order), arguments)

    def _made(
        self,
        form: _OutlinedBody,
        inputs: tuple[str, ...],
        types: Mapping[str, str],
        more: Mapping[str, str],
        *,
        is_one: bool,
        called: str,
    ) -> Definition:
        """A new definition of a sequence."""
        item, tree = form.item, form.item.body
        docs = {given.name: given.doc for given in self.definition.parameters if given.name not in more}
        parts = [part for part in item.paths[0].split(".") if not part.isdigit()]
        name = whole = variable_name(called.strip("_-") or (parts[-1] if parts else "sequence"))
        if is_one:
            name = singular(name)
        made = Definition(
            name=f"{self.definition.name}_{name}",
            class_name=_class_of_part(self.definition.class_name, name),
            doc=f"{'One of' if is_one else 'The part'} `{whole}` of {self.definition.class_name}.",
            parameters=tuple(
                Parameter(
                    name, types.get(name, "int"), None, docs.get(name, ""), is_obvious=name in self.definition.types
                )
                for name in form.order
            ),
            tree=tree,
            operands=len(item.operands),
            features=(),
            paths=item.paths,
            inputs=inputs,
            is_part=True,
            budget=self.budget,
        )
        made.parameters = documented(made)
        self.made.append(made)
        self.bodies.append((body_key(tree, self.takes_channels), item, made))
        return made

    def _with_own_channels(self, item: SequenceUse) -> tuple[SequenceUse, Expr] | None:
        """A sequence that calls the channels of what arrives as its definition will, and what they are outside.

        None where it speaks of the channels that arrive around it, too.
        """
        found = {
            (inner.arguments.get(CHANNELS.id, CHANNELS) if isinstance(inner, CallUse) else inner.features[0])
            for inner in item.body.items
            if isinstance(inner, CallUse | LayerUse) and inner.operands[0] == Operand(0) and not inner.reuses
            if isinstance(inner, CallUse) or inner.features
        }
        if len(found) != 1:
            return None
        arriving = found.pop()
        tree = replace(item.body, items=tuple(map(_by_own_channels, item.body.items)))
        mentioned = used_names(replace(item.body, items=tuple(map(_without_channels, tree.items))), self.budget)
        alone = arriving == CHANNELS or CHANNELS.id not in mentioned
        return (replace(item, body=tree), arriving) if alone else None

    def _twin(self, item: SequenceUse, inputs: tuple[str, ...]) -> Definition | None:
        """The definition of a sequence that is the same, which has the places of both from here on."""
        key = body_key(item.body, self.takes_channels)
        for place, (other, first, made) in enumerate(self.bodies):
            self.budget.spend(len(item.body.items))
            if key == other and made.operands == len(item.operands):
                both = united(first, [item])
                assert isinstance(both, SequenceUse)
                self.bodies[place] = other, both, made
                made.tree, made.paths = both.body, both.paths
                made.inputs = tuple(name or own for name, own in zip(made.inputs, inputs, strict=True))
                return made
        return None


def _by_own_channels(item: ItemUse) -> ItemUse:
    """An item that takes what arrives at its sequence, and calls its channels as the sequence's definition does."""
    if isinstance(item, CallUse) and item.operands[0] == Operand(0) and not item.reuses:
        return replace(item, arguments={**item.arguments, CHANNELS.id: CHANNELS})
    if isinstance(item, LayerUse) and Operand(0) in item.operands and item.features:
        pairs = zip(item.operands, item.features, strict=True)
        return replace(item, features=tuple(CHANNELS if ref == Operand(0) else width for ref, width in pairs))
    return item


def _without_channels(item: ItemUse) -> ItemUse:
    """The same item, which says nothing of the channels of what arrives."""
    if isinstance(item, CallUse):
        return replace(item, arguments={key: expr for key, expr in item.arguments.items() if expr != CHANNELS})
    return replace(item, features=()) if isinstance(item, LayerUse) else item


def _entering(loop: LoopUse, labels: Mapping[Ref, str]) -> dict[Ref, str]:
    """What the spec calls that which enters the iterations of a loop besides what goes through them."""
    own = loop.own[0] if loop.columns else ()
    given = enumerate((*loop.common, *own), start=1 if loop.is_chain else 0)
    return {Operand(place): labels[ref] for place, ref in given if ref in labels}


def _started(item: SequenceUse) -> SequenceUse:
    """A sequence that takes what it starts from alone, where that is not what arrives."""
    if len(item.operands) < 2 or Operand(0) in uses(item.body):
        return item
    shifted: dict[Ref, Ref] = {Operand(index): Operand(index - 1) for index in range(1, len(item.operands))}
    body = with_refs(item.body, shifted)
    return replace(item, body=body, operands=item.operands[1:])


def _class_of_part(owner: str, name: str) -> str:
    """The class of a part: `ResNetHead`; what its owner's name ends with alone, as that writes it: `FPN`."""
    part = "".join(word[:1].upper() + word[1:] for word in name.split("_"))
    end = owner[len(owner) - len(part) :]
    return end if end.lower() == part.lower() and end[:1].isupper() and end != owner else owner + part


def _sequences(tree: Tree) -> Iterator[SequenceUse]:
    """The sequences that stand directly in a tree, those of its choices and loops included."""
    for item in tree.items:
        match item:
            case SequenceUse():
                yield item
            case ChoiceUse():
                yield from _sequences(item.then)
                yield from _sequences(item.other)
            case LoopUse():
                for run in item.runs:
                    yield from _sequences(Tree((run.item,), ()))
            case _:
                pass
