"""Items in turn: rounds that do the same, of which only the numbers in names differ.

A repeat that is `inline` leaves such rounds in the scope around it, `norms.0`, `attns.0`, `norms.1`, `attns.1`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from archspec.codegen.counted_names import CountedNames, counted_names
from archspec.codegen.merging import likeness
from archspec.codegen.tensor_lists import SHORTEST
from archspec.codegen.tree import CallUse, ChoiceUse, ItemUse, LayerUse, LoopUse, SequenceUse, Tree
from archspec.codegen.variable_allocation import uses
from archspec.codegen.walk import loops
from archspec.expr import Const, Expr
from archspec.ir.scope import Ref, Result, iteration_at, listed
from archspec.limits import Budget

_LONGEST: Final = 48
"""Items of a round, at most."""
_EFFORT: Final = 64
"""How often items of one kind are looked through for rounds, at most: a merge of thousands of branches has none."""
_SPARED: Final = 3
"""Items that a loop has to spare, for its own line is read, too."""


@dataclass(frozen=True, slots=True)
class Carried:
    """A tensor that each round takes from the one before."""

    start: Ref
    """What the first round takes in its place."""
    results: tuple[Result, ...]
    """What each round gives for the next."""


@dataclass(frozen=True, slots=True)
class Collected:
    """Tensors of which each round gives one, and that a layer joins."""

    name: str
    """What the spec calls them; empty where it does not."""
    results: tuple[Result, ...]
    taker: int
    """The layer's location."""


@dataclass(frozen=True, slots=True, eq=False)
class Rounds:
    """Rounds of items, each of which does what the first does."""

    items: tuple[tuple[ItemUse, ...], ...]
    names: Mapping[int, CountedNames]
    """Of the items whose names count, by the location that they have in the second round."""
    carried: tuple[Carried, ...]
    parts: Mapping[Result, tuple[Result, ...]]
    """Of the tensors of a list of which each round takes the next: by what the second round takes, those of all."""
    collected: tuple[Collected, ...]
    ends: tuple[tuple[Result, Result], ...]
    """What is taken after the last round: where the second round has it, and where the last."""

    @property
    def all(self) -> tuple[ItemUse, ...]:
        """The items of all rounds."""
        return tuple(item for some in self.items for item in some)

    @property
    def unwritten(self) -> tuple[tuple[ItemUse, ...], ...]:
        """All rounds but the second, of which a loop is written: what it takes of the first all others have, too."""
        return (self.items[0], *self.items[2:])

    @property
    def start(self) -> int:
        """The number that the names of the first round have."""
        given = sorted(self.names.values(), key=lambda names: not names.are_given)
        return next((names.start for names in given if names.start is not None), 0)


def rounds_of(
    tree: Tree, labels: Mapping[Ref, str], plain: Callable[[ItemUse], ItemUse], budget: Budget
) -> list[Rounds]:
    """The rounds that stand in a tree, those in its conditions left out.

    Args:
        tree: the body.
        labels: what its tensors are called.
        plain: an item without what is not written of it.
        budget: what it may take.
    """
    tree = replace(tree, labels=labels)
    items = tree.items
    kinds = [_kind(item) for item in items]
    found: list[Rounds] = []
    place, known, effort, written = 0, dict[int, int](), Counter[int](), _Written(plain)
    while place < len(items):
        made = _at(place, tree, kinds, written, budget, known, effort)
        if made is None:
            place += 1
        else:
            found.append(made)
            place += len(made.all)
    return found


def counted_rounds(tree: Tree, count: int) -> Rounds | None:
    """The items of a tree as so many rounds, of which there could be any number; None where they are no such rounds.

    Each round has to do the same, with what the one before gives, and nothing else may take of it but the last result.
    """
    length, rest = divmod(len(tree.items), count)
    if count < SHORTEST or rest or not _is_boundary(tree.items, 0, length):
        return None
    items = [tree.items[place : place + length] for place in range(0, len(tree.items), length)]
    rounds = _Matching(items, tree, _Written(lambda item: item)).run()
    if rounds is None or rounds.parts or rounds.collected or not rounds.carried:
        return None
    is_end = [last for _, last in rounds.ends] == list(tree.results)
    return rounds if is_end and all(names.counts_alone for names in rounds.names.values()) else None


def counted_items(tree: Tree) -> Iterator[tuple[Expr, list[ItemUse]]]:
    """The items of rounds of which the count is open, with that."""
    for place, times in tree.counts.items():
        start = next(number for number, item in enumerate(tree.items) if item.location == place)
        found: list[ItemUse] = []
        for item in tree.items[start:]:
            around = iteration_at(item.location)
            if found and not 0 <= around - iteration_at(found[-1].location) <= 1:
                break
            found.append(item)
        yield times, found


def leaves_names(rounds: Rounds, tree: Tree) -> bool:
    """Whether more rounds would have names that nothing else of the tree has."""
    own = {*locations(rounds.all)}
    others = [name for place, name in _names(tree.items) if place not in own]
    return not any(names.reaches(name) for names in rounds.names.values() for name in others)


def _names(items: Sequence[ItemUse]) -> Iterator[tuple[int, str]]:
    for item in items:
        if isinstance(item, ChoiceUse):
            yield from _names((*item.then.items, *item.other.items))
        else:
            yield item.location, item.name


def _kind(item: ItemUse) -> object:
    """What items of rounds have in common at least."""
    match item:
        case LayerUse():
            return item.op
        case CallUse():
            return id(item.definition)
        case _:
            return type(item)


def _at(
    place: int,
    tree: Tree,
    kinds: Sequence[object],
    written: _Written,
    budget: Budget,
    known: dict[int, int],
    effort: Counter[int],
) -> Rounds | None:
    """The rounds that begin at this place, as many as there are.

    `known` has, by the length of a round, where the kinds that were looked at last stop to come again; `effort`, by
    that end, how many items were held against each other in vain.
    """
    for length in range(1, min(_LONGEST, (len(kinds) - place) // SHORTEST) + 1):
        budget.spend(1)
        if not _is_boundary(tree.items, place, length):
            continue
        end = known.get(length, 0)
        if end < place + length:
            end = place + length
            while end < len(kinds) and kinds[end] == kinds[end - length]:
                end += 1
            budget.spend((end - place) // 8)
            known[length] = end
        count = (end - place) // length
        if count < SHORTEST or (count - 1) * length < _SPARED + (length == 1):
            continue
        if effort[end] > _EFFORT * (end - place):
            continue
        effort[end] += count * length
        budget.spend(count * length)
        for number in range(count, SHORTEST - 1, -1):
            rounds = [tree.items[place + k * length : place + (k + 1) * length] for k in range(number)]
            made = None
            if all(_is_boundary(tree.items, place + k * length, length) for k in range(number)):
                made = _Matching(rounds, tree, written).run()
            if made is not None:
                return made
            if number < count and count > 2 * SHORTEST:  # the last may be another; no more than that
                break
    return None


def _is_boundary(items: Sequence[ItemUse], place: int, length: int) -> bool:
    """Whether a round of so many items may begin here: where an iteration does, if they are of a repeat."""
    around = [iteration_at(item.location) for item in items[max(place - 1, 0) : place + length + 1]]
    if len({*around}) == 1:
        return around[0] == 0
    starts = place == 0 or around[0] != around[1]
    return starts and (place + length == len(items) or around[-2] != around[-1])


@dataclass(slots=True)
class _Written:
    """What is written of items but for names and what they take, worked out once for each."""

    plain: Callable[[ItemUse], ItemUse]
    found: dict[int, object] = field(default_factory=dict[int, object])
    """By the identity of items, which the tree keeps."""

    def of(self, item: ItemUse) -> object:
        if id(item) not in self.found:
            self.found[id(item)] = likeness(_bare(self.plain(item)))
        return self.found[id(item)]


@dataclass(slots=True)
class _Matching:
    """Holds rounds against each other."""

    rounds: Sequence[Sequence[ItemUse]]
    tree: Tree
    written: _Written
    names: dict[int, CountedNames] = field(default_factory=dict[int, CountedNames])
    own: list[dict[int, int]] = field(default_factory=list[dict[int, int]])
    """For each round where its items stand in the second one, by location."""
    taken: list[tuple[Ref, ...]] = field(default_factory=list[tuple[Ref, ...]])
    """What the rounds take, place by place."""
    arriving: list[tuple[Ref, ...]] = field(default_factory=list[tuple[Ref, ...]])
    """What arrives at their conditions, which need not be taken there."""

    def run(self) -> Rounds | None:
        self.own = [{} for _ in self.rounds]
        if not all(self.match(alike) for alike in zip(*self.rounds, strict=True)):
            return None
        if not any(names.counts_by_one for names in self.names.values()):
            return None
        starts: dict[tuple[Result, ...], Ref] = {}
        parts: dict[Result, tuple[Result, ...]] = {}
        for refs in (*self.taken, *self.arriving):
            at_home = [self.home(number, ref) for number, ref in enumerate(refs)]
            before = [self.home(number, ref) for number, ref in enumerate(refs[1:])]
            results = tuple(ref for ref in refs if isinstance(ref, Result))
            if at_home[0] is not None and len({*at_home}) == 1:
                continue
            if None in at_home and any(place is not None for place in at_home):
                return None
            if before[0] is not None and len({*before}) == 1:
                last = self.of_round(len(self.rounds) - 1, before[0])
                if starts.setdefault((*results[-(len(refs) - 1) :], last), refs[0]) != refs[0]:
                    return None
            elif any(place is not None for place in before):
                return None
            elif len({*refs}) > 1:
                if len(results) < len(refs) or not _count(results):
                    return None
                parts[results[1]] = results
        carried = tuple(Carried(start, results) for results, start in starts.items())
        return self.with_ends(carried, parts)

    def with_ends(self, carried: tuple[Carried, ...], parts: Mapping[Result, tuple[Result, ...]]) -> Rounds | None:
        """The rounds, unless something else takes what one of them gives."""
        inside = Counter(ref for refs in self.taken for ref in refs)
        takers = {ref: item for item in self.tree.items if isinstance(item, LayerUse) for ref in item.operands}
        left = Counter(uses(self.tree))
        left.subtract(inside)
        outside = [ref for ref, count in left.items() if count > 0 and isinstance(ref, Result)]
        ends: list[tuple[Result, Result]] = []
        collected: list[Collected] = []
        listed_refs: set[Ref] = set()
        for ref in outside:
            number = next((number for number, own in enumerate(self.own) if ref.location in own), None)
            if number is None or ref in listed_refs:
                continue
            home = self.home(number, ref)
            assert home is not None
            if number == len(self.rounds) - 1:
                ends.append((home, ref))
                continue
            together = tuple(self.of_round(other, home) for other in range(len(self.rounds)))
            taker = takers.get(ref)
            if taker is None or taker.op.name != "concat" or any(left[other] != 1 for other in together[:-1]):
                return None
            place = taker.operands.index(ref)
            if taker.operands[place : place + len(together)] != together:
                return None
            label = listed(self.tree.labels.get(ref, ""))
            collected.append(Collected(label[0] if label is not None else "", together, taker.location))
            left[together[-1]] -= 1
            listed_refs |= {*together}
        if len({one.taker for one in collected}) < len(collected):
            return None
        ends = [(home, ref) for home, ref in ends if left[ref] > 0]
        return Rounds(tuple(map(tuple, self.rounds)), self.names, carried, parts, tuple(collected), tuple(ends))

    def home(self, number: int, ref: Ref) -> Result | None:
        """Where the second round has what this round gives; None for another's tensor."""
        location = self.own[number].get(ref.location) if isinstance(ref, Result) else None
        return None if location is None or not isinstance(ref, Result) else Result(location, ref.index)

    def of_round(self, number: int, home: Result) -> Result:
        """What a round gives where the second gives this."""
        return Result(next(own for own, place in self.own[number].items() if place == home.location), home.index)

    def match(self, alike: Sequence[ItemUse]) -> bool:
        """Whether items do the same; notes their names, and what they take."""
        first, second = alike[0], alike[1]
        for own, item in zip(self.own, alike, strict=True):
            own[item.location] = second.location
        if isinstance(first, ChoiceUse):
            choices = [item for item in alike if isinstance(item, ChoiceUse)]
            if len(choices) < len(alike) or any(item.condition != first.condition for item in choices):
                return False
            self.arriving.append(tuple(item.operand for item in choices))
            return all(
                self.match_sides([item.then if side else item.other for item in choices]) for side in (True, False)
            )
        named = [item for item in alike if not isinstance(item, ChoiceUse)]
        if len(named) < len(alike) or any(item.reuses for item in named) or isinstance(first, LoopUse):
            return False
        if loops(Tree((first,), ())) or len({len(item.operands) for item in named}) > 1:
            return False
        if any(self.written.of(item) != self.written.of(first) for item in named[1:]):
            return False
        self.taken += zip(*(item.operands for item in named), strict=True)
        return self.match_names(named)

    def match_sides(self, sides: Sequence[Tree]) -> bool:
        if len({tuple(map(_kind, side.items)) for side in sides}) > 1:
            return False
        if not all(self.match(alike) for alike in zip(*(side.items for side in sides), strict=True)):
            return False
        self.taken += zip(*(side.results for side in sides), strict=True)
        return True

    def match_names(self, items: Sequence[LayerUse | CallUse | SequenceUse | LoopUse]) -> bool:
        flat = [item.flat_name for item in items if isinstance(item, LayerUse) and item.flat_name is not None]
        if flat:
            texts = [str(name.value) for name in flat if isinstance(name, Const)]
            found = counted_names(texts, are_given=True) if len(texts) == len(items) else None
        elif any(item.number is not None for item in items):
            return False  # parts of a row have the numbers of all
        else:
            are_given = not (isinstance(items[0], LayerUse) and not items[0].named)
            found = counted_names([item.name for item in items], are_given=are_given)
        if found is None:
            return False
        self.names[items[1].location] = replace(found, is_flat=bool(flat))
        return True


def _bare(item: ItemUse) -> ItemUse:
    """An item without its name, and without what it takes."""
    match item:
        case LayerUse():
            return replace(item, name="", operands=(), flat_name=None)
        case CallUse() | SequenceUse():
            return replace(item, name="", operands=())
        case _:
            return item


def _count(refs: Sequence[Result]) -> bool:
    """Whether these are results of one item, one after the other."""
    return all(ref == Result(refs[0].location, refs[0].index + place) for place, ref in enumerate(refs))


def locations(items: Sequence[ItemUse]) -> Iterator[int]:
    """Where items stand, those in conditions included."""
    for item in items:
        yield item.location
        if isinstance(item, ChoiceUse):
            yield from locations((*item.then.items, *item.other.items))
