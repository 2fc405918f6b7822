"""Statements of rounds of items: one loop, `for i in range(4)`, in which layers have names that count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from archspec.codegen.merging import united
from archspec.codegen.pretty_printer import call
from archspec.codegen.rounds import Collected, Rounds, locations, rounds_of
from archspec.codegen.tensor_lists import MOST_NAMED, TensorList
from archspec.codegen.tree import ChoiceUse, ItemUse, LayerUse, Tree, iteration_names
from archspec.codegen.variable_allocation import uses
from archspec.ir.scope import Ref, Result, listed
from archspec_keras.carried_statements import CarriedStatements, without_widths


class CountedStatements(CarriedStatements):
    """Writes them."""

    def _item(self, item: ItemUse, tree: Tree) -> None:
        """Write an item of a tree."""
        raise NotImplementedError

    def _rounds(self, tree: Tree) -> list[Rounds]:
        """The rounds of a tree; none of what is called again."""
        found = rounds_of(tree, self.labels, without_widths, self.definition.budget)
        lists = {item.location for item in tree.items if isinstance(item, LayerUse) and not self.shared.has(item)}
        usable = [
            rounds
            for rounds in found
            if not any(map(self._is_shared, rounds.all)) and lists.issuperset(ref.location for ref in rounds.parts)
        ]
        for rounds in usable:
            for one in rounds.collected:  # a list has them, and what the spec calls parts of the list
                self.allocator.labels = {
                    ref: label
                    for ref, label in self.allocator.labels.items()
                    if ref not in one.results and (listed(self.labels.get(ref, "")) or ("",))[0] != one.name
                }
            for ref in rounds.parts:
                name = listed(self.labels.get(ref, ""))
                self.parts[ref.location] = self._variable(name[0] if name is not None else "parts")
        many = (item for item in tree.items if isinstance(item, LayerUse) and item.results > MOST_NAMED)
        for item in many:
            if item.location in lists and item.location not in self.parts:
                name = listed(self.labels.get(Result(item.location), ""))
                self.parts[item.location] = self._variable(name[0] if name is not None else "parts")
        return usable

    def _is_shared(self, item: ItemUse) -> bool:
        if isinstance(item, ChoiceUse):
            return any(map(self._is_shared, (*item.then.items, *item.other.items)))
        return self.shared.has(item)

    def _in_turn(self, rounds: Rounds, tree: Tree) -> None:
        """A loop over rounds."""
        allocator, outside = self.allocator, _outside(rounds)
        allocator.spend(_inside(rounds))
        collected = [(one, self._list(one, tree)) for one in rounds.collected]
        for one in rounds.carried:  # the first round's
            allocator.left[one.start] += 1
        allocator.spend(ref for ref in outside.elements() if ref in {one.start for one in rounds.carried})
        pairs: list[tuple[str, str]] = []
        for one in rounds.carried:
            given = allocator.variable[one.start]
            allocator.spend([one.start])
            wanted = [given] if self.preferred is None else [self.preferred, given]
            target = allocator.labeled(one.results[0]) or allocator.fresh(wanted, given=self.preferred)
            pairs.append((allocator.hold(one.results[0], target), given))
            allocator.labels[one.results[1]] = target
        self._move([(target, start) for target, start in pairs if target != start])
        allocator.left.update(home for home, _ in rounds.ends)  # what is taken after the loop stays where it is
        counter = self.printer.spelled[iteration_names(self.loops + 1)[0]]
        start, count = rounds.start, len(rounds.items)
        span = f"{start}, {start + count}" if start else f"{count}"
        place = rounds.all[0].location
        if place in tree.counts and not rounds.parts:
            start, span = 0, self.printer.expr(tree.counts[place])
            self.open_counts += 1
        self._emit("", f"for {counter} in range({span}):")
        around = self.counted
        self.counted = {
            **around,
            **{place: self.prefix.counted(names, counter, start) for place, names in rounds.names.items()},
        }
        for home, refs in rounds.parts.items():
            first = refs[0].index - start
            index = counter if first == 0 else f"{counter} {'+' if first > 0 else '-'} {abs(first)}"
            allocator.hold(home, f"{self.parts[home.location]}[{index}]")
        self.loops += 1
        with self._part(pairs[0][0] if len(pairs) == 1 else None) as lines:
            for alike in zip(*rounds.items, strict=True):
                self._item(_united(alike), tree)
            for joined, tensors in collected:
                self._emit("", call(f"{tensors}.append", allocator.variable[joined.results[1]]))
            made = [allocator.variable[one.results[1]] for one in rounds.carried]
            self._move(
                [(target, variable) for (target, _), variable in zip(pairs, made, strict=True) if target != variable]
            )
        self.loops -= 1
        self.lines += lines
        self.counted = around
        allocator.spend(ref for ref in outside.elements() if ref not in {one.start for one in rounds.carried})
        targets = {one.results[1]: target for one, (target, _) in zip(rounds.carried, pairs, strict=True)}
        for home, last in rounds.ends:
            allocator.hold(last, targets.get(home) or allocator.variable[home])
            allocator.spend([home])
        for place in set(locations(rounds.items[1])):  # later rounds are not written
            for ref in [ref for ref in allocator.variable if isinstance(ref, Result) and ref.location == place]:
                allocator.spend([ref] * max(allocator.left[ref], 0))

    def _move(self, pairs: list[tuple[str, str]]) -> None:
        """Variables by what they become, one after the other where none is read after it was given another tensor."""
        targets = [target for target, _ in pairs]
        if any(made in targets for _, made in pairs):
            self._emit(", ".join(targets), ", ".join(made for _, made in pairs))
            return
        for target, made in pairs:
            self._emit(target, made)

    def _list(self, one: Collected, tree: Tree) -> str:
        """The line of an empty list, or of what is joined before the rounds' tensors; the list's variable."""
        [taker] = (item for item in tree.items if isinstance(item, LayerUse) and item.location == one.taker)
        place, count = taker.operands.index(one.results[0]), len(one.results)
        before, after = taker.operands[:place], taker.operands[place + count :]
        name = self._variable(one.name or "outputs")
        self.collecting[one.results[0].location] = TensorList(
            name, before, one.results, one.taker, after, last_is_alone=False
        )
        self.lists[one.taker] = name
        self._emit(name, f"[{', '.join(self._take(before))}]")
        self.allocator.spend(one.results)
        return name


def _outside(rounds: Rounds) -> Counter[Ref]:
    """What the rounds that are not written take of what stands before them, as often as they do."""
    own = {*locations(rounds.all)}
    found = Counter(
        ref
        for items in rounds.unwritten
        for ref in uses(Tree(items, ()))
        if not (isinstance(ref, Result) and ref.location in own)
    )
    found.update(refs[1] for refs in rounds.parts.values())
    return found


def _inside(rounds: Rounds) -> Iterator[Ref]:
    """What the rounds that are not written take of themselves."""
    for items in rounds.unwritten:
        own = {*locations(items)}
        yield from (ref for ref in uses(Tree(items, ())) if isinstance(ref, Result) and ref.location in own)


def _united(alike: tuple[ItemUse, ...]) -> ItemUse:
    """The second round's item, with the places of all."""
    first, item, *others = alike
    if not isinstance(item, ChoiceUse):
        return united(item, [first, *others])
    choices = [one for one in alike if isinstance(one, ChoiceUse)]
    return ChoiceUse(
        item.location,
        item.condition,
        item.operand,
        _united_tree(item.then, [one.then for one in choices]),
        _united_tree(item.other, [one.other for one in choices]),
    )


def _united_tree(tree: Tree, sides: list[Tree]) -> Tree:
    return Tree(
        tuple(_united(alike) for alike in zip(*(side.items for side in sides), strict=True)), tree.results, tree.labels
    )
