"""Rounds of a `forward` that take tensors of a list in turn, carry one along, or append to a list what they give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement, pairwise
from typing import Final

from archspec.codegen.equal_arms import with_refs
from archspec.codegen.escaping import variable_name
from archspec.codegen.tensor_lists import TensorList
from archspec.codegen.tree import ChoiceUse, ItemUse, LayerUse, Tree
from archspec.codegen.variable_allocation import uses
from archspec.expr import Const
from archspec.ir.scope import Ref, Result, listed
from archspec_torch.round_inputs import RoundInputs
from archspec_torch.round_items import (
    all_items,
    moved,
    results_of_item,
    uses_of_items,
    with_slots,
)
from archspec_torch.spelling import Spelling
from archspec_torch.turns import Turns, kind_of, sequence_of, variables

_FEWEST: Final = 3
"""Two rounds are read sooner one after the other."""
_APART: Final = 1 << 40
"""The items that the first round lacks stand this far from all others."""


@dataclass(frozen=True, slots=True)
class ListedRounds:
    """Rounds as a loop with an index, and the tree in which they are written so."""

    turns: Turns
    tree: Tree
    splits: Mapping[int, str]
    """The lists whose tensors the rounds take in turn, by the location of the item that gives one."""
    made: TensorList | None
    """The list to which the rounds append what they give."""
    carried: frozenset[Ref]
    """The tensors that are in the variable that goes from round to round; none where nothing does."""
    start: Ref | None
    """What is in that variable before the first round; `entering` is what it is called there."""
    entering: Ref
    results: tuple[Ref, ...]
    """What each round gives."""
    tests: Mapping[int, tuple[str, str]]
    """What `forward` asks in place of a condition's own attribute, by location, and the opposite of that."""
    inside: frozenset[Ref]
    """What the rounds give within themselves: it has no names of its own in any of them."""
    twins: Mapping[int, int]
    """The items that the first round lacks: their location there, and that of the item they are written as."""

    def spelled(self, spelling: Spelling) -> Spelling:
        """How the class calls its members, with what the first round lacks."""
        functions, flags = {**spelling.functions}, {**spelling.flags}
        for new, old in self.twins.items():
            if old in functions:
                functions[new] = functions[old]
            if old in flags:
                flags[new] = flags[old]
        return replace(spelling, functions=functions, flags=flags)


def listed_rounds(
    tree: Tree, spelling: Spelling, taken: Sequence[str], done: Collection[str], serial: int
) -> Iterator[ListedRounds]:
    """What may be loops over rounds that take from lists or append to one.

    `taken` are names that are not free, `done` the sequences whose members are called in a loop already; `serial` is
    how many such loops there are.
    """
    places: dict[str, list[int]] = {}
    for place, item in enumerate(tree.items):
        name, own = sequence_of(item)
        if name in spelling.lists and own == str(len(places.setdefault(name, []))):
            places[name].append(place)
    for name, found in places.items():
        count = spelling.lists[name]
        if count < _FEWEST or len(found) != count or name in done:
            continue
        length = found[1] - found[0]
        if any(after - before != length for before, after in pairwise(found)):
            continue
        for missing, lead in combinations_with_replacement(range(length), 2):
            starts = found[0] - lead + missing, found[1] - lead
            if starts[0] >= 0 and starts[1] + length * (count - 1) <= len(tree.items):
                entering = Result(-_APART * (serial + 1))
                made = _RoundsToList(tree, spelling, starts, length, count, missing, entering).made(taken)
                if made is not None:
                    yield made


@dataclass(slots=True)
class _RoundsToList(RoundInputs):
    """Rounds of equal items as a loop."""

    def made(self, taken: Sequence[str]) -> ListedRounds | None:
        """The loop; None where the rounds differ in more than what a list or the round before gives."""
        rounds = [self.round(number) for number in range(self.count)]
        kinds = [[*map(kind_of, items)] for items in rounds]
        if any(other != kinds[1] for other in kinds[1:]) or kinds[0] != kinds[1][self.missing :]:
            return None
        own = dict.fromkeys(name for item in rounds[1] if (name := sequence_of(item)[0]) in self.spelling.lists)
        if any(self.spelling.lists[name] != self.count for name in own):
            return None
        slots = self.slots(rounds)
        if slots is None or not all(self.settle(slot) for slot in slots):
            return None
        offset = self.length - 1 if self.offset is None else self.offset
        if offset < self.missing:
            return None
        results = tuple(
            Result(items[offset - (self.missing if number == 0 else 0)].location) for number, items in enumerate(rounds)
        )
        made = self._list(results, taken)
        if made is None and not self.splits:
            return None
        if not self._stay_within(rounds, results, made):
            return None
        index = variable_name("i", taken)
        after = self.starts[1] + (self.count - 1) * self.length
        turns = Turns(
            tuple(items[0].location for items in rounds),
            self.tree.items[after].location if after < len(self.tree.items) else None,
            variables(own, [*taken, index]),
            (index, frozenset(self.splits.values())) if self.splits or self.missing else None,
        )
        return self._written(rounds, results, made, turns)

    # -- what they give ---------------------------------------------------------------------------

    def _list(self, results: tuple[Ref, ...], taken: Sequence[str]) -> TensorList | None:
        """The list to which rounds append, if one concatenation takes what they give in order."""
        for item in self.tree.items:
            if not isinstance(item, LayerUse) or item.op.name != "concat" or results[0] not in item.operands:
                continue
            place = item.operands.index(results[0])
            others = item.operands[place + len(results) :]
            if place or item.operands[: len(results)] != results or {*others} & {*results}:
                return None
            label = listed(self.tree.labels.get(results[0], ""))
            name = variable_name(label[0] if label is not None else "outputs", taken)
            return TensorList(name, (), results, item.location, others, last_is_alone=False)
        return None

    def _stay_within(
        self, rounds: Sequence[Sequence[ItemUse]], results: Sequence[Ref], made: TensorList | None
    ) -> bool:
        """Whether what a round gives is taken by the next, the list, and, of the last round, by others alone."""
        counted = Counter(uses(self.tree))
        for number, items in enumerate(rounds[:-1]):
            inside = Counter(ref for ref in uses_of_items(items))
            after = Counter(uses_of_items(rounds[number + 1]))
            for item in all_items(items):
                for ref in (Result(item.location, index) for index in range(results_of_item(item))):
                    given = inside[ref]
                    if ref == results[number]:
                        given += after[ref] + (made is not None)
                    if counted[ref] != given:
                        return False
        return True

    # -- the loop ---------------------------------------------------------------------------------

    def _written(
        self,
        rounds: Sequence[Sequence[ItemUse]],
        results: tuple[Ref, ...],
        made: TensorList | None,
        turns: Turns,
    ) -> ListedRounds | None:
        tests: dict[int, tuple[str, str]] = {}
        twins: dict[int, int] = {}
        carried: set[Ref] = set(results) if self.offset is not None else set()
        written = [[*items] for items in rounds]
        if self.missing:
            choices = self._first_choices(rounds, turns.counted[0] if turns.counted else "i", tests, twins, results)
            if choices is None:
                return None
            for number, choice in enumerate(choices):
                old = Result(rounds[number][self.missing - 1].location) if number else None
                new = Result(choice.location)
                carried.add(new)
                begins = self.begins() if number == 0 else old
                rest = rounds[number][0 if number == 0 else self.missing :]
                assert begins is not None
                names: dict[Ref, Ref] = {begins: new}
                if number == 0:
                    kept = self.replaced_first(rounds)
                    tree = with_slots(rest, kept, new)
                else:
                    tree = [*with_refs(Tree(tuple(rest), ()), names).items]
                written[number] = [choice, *tree]
        elif self.offset is not None:
            assert self.start is not None
            slots = self.slots(rounds) or []
            here = [place for place, slot in enumerate(slots) if self.place_in(slot.refs[1], 0) is not None]
            written[0] = with_slots(written[0], frozenset(here), self.entering)
        if not carried:
            self.start = None
        first, second = self.starts
        end = second + (self.count - 1) * self.length
        items = (*self.tree.items[:first], *(item for some in written for item in some), *self.tree.items[end:])
        starts = tuple(some[0].location for some in written)
        return ListedRounds(
            replace(turns, starts=starts),
            replace(self.tree, items=items),
            self.splits,
            made,
            frozenset(carried),
            self.start,
            self.entering,
            results,
            tests,
            frozenset(Result(item.location) for some in written for item in all_items(some)),
            twins,
        )

    def _first_choices(
        self,
        rounds: Sequence[Sequence[ItemUse]],
        index: str,
        tests: dict[int, tuple[str, str]],
        twins: dict[int, int],
        results: tuple[Ref, ...],
    ) -> list[ChoiceUse] | None:
        """For each round the condition by which the first one lacks items."""
        begins = self.begins()
        if begins is None or self.offset is None:
            return None
        if self.start is None:
            self.start = begins
        listing = isinstance(begins, Result) and begins.location in self.splits
        found: list[ChoiceUse] = []
        for number in range(1, self.count):
            items = rounds[number][: self.missing]
            passed: Ref = results[number - 1]
            if listing:
                assert isinstance(begins, Result)
                passed = Result(begins.location, begins.index + number)
            [*_, last] = items
            match items:
                case [ChoiceUse() as choice] if self._passes(choice, passed) is not None:
                    flag, holds = self.spelling.flags.get(choice.location, ("", True))
                    if not flag:
                        return None
                    is_then = (self._passes(choice, passed) == "then") is holds
                    asked = (f"{index} == 0 or self.{flag}", f"{index} > 0 and not self.{flag}")
                    opposite = (f"{index} > 0 and self.{flag}", f"{index} == 0 or not self.{flag}")
                    tests[choice.location] = asked if is_then else opposite
                    found.append(choice)
                case _:
                    if not all(
                        isinstance(item, LayerUse) and item.location in self.spelling.functions for item in items
                    ):
                        return None
                    place = self.entering.location - number
                    apart = listing or begins != self.start
                    sides = Tree((), (passed,)), Tree(tuple(items), (Result(last.location),))
                    then, other = sides if apart else sides[::-1]
                    is_first, is_other = f"{index} == 0", f"{index} > 0"
                    tests[place] = (is_first, is_other) if apart else (is_other, is_first)
                    found.append(ChoiceUse(place, Const(apart), passed, then, other))
        first = self._twin(found[0], results[0], twins)
        if first is None:
            return None
        tests[first.location] = tests[found[0].location]
        return [first, *found]

    def _passes(self, choice: ChoiceUse, passed: Ref) -> str | None:
        """The side of a condition that is no more than to pass this tensor on."""
        sides = {"then": choice.then, "other": choice.other}
        return next((name for name, side in sides.items() if not side.items and side.results == (passed,)), None)

    def _twin(self, choice: ChoiceUse, carried: Ref, twins: dict[int, int]) -> ChoiceUse | None:
        """The condition of the second round as the first has it, in which nothing of it is a layer of the graph's."""
        names: dict[Ref, Ref] = {carried: self.entering}
        for split in self.splits:
            names |= {Result(split, number): Result(split, number - 1) for number in range(1, self.count)}
        own: dict[int, int] = {}
        for item in all_items([choice]):
            if not isinstance(item, LayerUse | ChoiceUse) or (isinstance(item, LayerUse) and item.has_weights):
                return None
            own[item.location] = self.entering.location - self.count - len(own)
            names[Result(item.location)] = Result(own[item.location])
        twins |= {new: old for old, new in own.items()}
        [made] = with_refs(Tree((moved(choice, own),), ()), names).items
        assert isinstance(made, ChoiceUse)
        return made
