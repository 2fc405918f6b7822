"""Folding every expression of a tree, and gathering the iterations of its loops into runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final, NamedTuple

from archspec.codegen.equal_arms import without_equal_arms, without_settled
from archspec.codegen.loop_channels import after_iterations
from archspec.codegen.merging import likeness, merged
from archspec.codegen.progressions import gathered
from archspec.codegen.symbolic import is_large
from archspec.codegen.tree import (
    CallUse,
    ChoiceUse,
    Definition,
    ItemUse,
    LayerUse,
    LoopUse,
    Run,
    SequenceUse,
    Tree,
    is_count,
    iteration_names,
)
from archspec.codegen.walk import item_number, used_names
from archspec.expr import ENDLESS, NOTHING_ASSUMED, Assumptions, Const, Expr, Name, Whole, fold, names
from archspec.ir.tensor_type import place_names
from archspec.limits import Budget

MOST_RUNS: Final = 3
"""Iterations that fall into more runs than this are written as one loop over `i`, where that is possible."""
MOST_SEQUENCES: Final = 2
"""The same where the iterations are sequences, which take more room than a call."""
MOST_COPIES: Final = 16
"""No sequence is written out more often than this by all the repeats around it, where one loop is possible."""


class TreeFold:
    """Folds every expression of a tree, and gathers iterations into runs."""

    def __init__(
        self,
        env: Mapping[str, Expr],
        new: Mapping[int, Definition],
        whole: Whole,
        budget: Budget,
        *,
        inline: bool = False,
        is_open: bool = False,
        copies: int = 1,
    ) -> None:
        self.env = env
        self.new = new
        self.whole = whole
        self.budget = budget
        self.inline = inline
        """Inside a sequence, which is one expression: no loop there can carry a variable along."""
        self.is_open = is_open
        """Repeats are left as they are, all iterations in one run that speaks of its own index and channels."""
        self.copies = copies
        """How often the tree is written, by all that is around it: a part of a repeat is one of several."""
        self.assumed = NOTHING_ASSUMED
        """What the indices of the iterations around go through, and the conditions that hold here."""
        self.quantities: Mapping[str, Expr] = {}
        """What the definition's own quantities are."""

    def under(self, more: Mapping[str, Expr], parts: int = 1) -> TreeFold:
        """The same with more names known; of a repeat it is one of so many parts."""
        return self._with({**self.env, **more}, self.inline, self.is_open, self.copies * parts)

    def open(self) -> TreeFold:
        """The same, which leaves repeats as they are."""
        return self._with(self.env, self.inline, True, self.copies)

    def _with(self, env: Mapping[str, Expr], inline: bool, is_open: bool, copies: int) -> TreeFold:
        found = TreeFold(env, self.new, self.whole, self.budget, inline=inline, is_open=is_open, copies=copies)
        found.assumed, found.quantities = self.assumed, self.quantities
        return found

    def assuming(self, assumed: Assumptions) -> TreeFold:
        """The same where this holds."""
        found = self._with(self.env, self.inline, self.is_open, self.copies)
        found.assumed = assumed
        return found

    def expr(self, expr: Expr) -> Expr:
        """An expression, folded."""
        return fold(expr, self.budget, self.env, whole=self.whole, assumed=self.assumed, quantities=self.quantities)

    def tree(self, tree: Tree) -> Tree:
        """A tree, folded; of a condition that an iteration's number settles, what it chooses."""
        counts = {place: expr for place, old in tree.counts.items() if not isinstance(expr := self.expr(old), Const)}
        folded = Tree(tuple(self.item(item) for item in tree.items), tree.results, tree.labels, counts)
        return without_equal_arms(without_settled(folded))

    def item(self, item: ItemUse) -> ItemUse:
        """An item with all that is in it."""
        self.budget.spend(8)  # an item is made anew, and will be compared and written
        number = None if item_number(item) is None else self.expr(item_number(item) or Const(0))
        match item:
            case LayerUse():
                exprs = {name: self.expr(expr) for name, expr in item.exprs.items()}
                kept = {name: expr for name, expr in exprs.items() if not isinstance(expr, Const)}
                known, axes = item.op.attributes(), len(place_names(item.axes[0]))
                values = {
                    name: known[name].kind.spread(known[name].kind.read(expr.value), axes)
                    for name, expr in exprs.items()
                    if isinstance(expr, Const)
                }
                features = tuple(self.expr(feature) for feature in item.features)
                draws = {name: expr for name, old in item.draws.items() if names(expr := self.expr(old), self.budget)}
                return dataclasses.replace(
                    item,
                    number=number,
                    values={**item.values, **values},
                    exprs=kept,
                    features=features,
                    draws=draws,
                    flat_name=None if item.flat_name is None else self.expr(item.flat_name),
                )
            case CallUse() | SequenceUse():
                return self.iteration(item, number)
            case ChoiceUse():
                condition = self.expr(item.condition)
                then, other = (self.side(condition, outcome) for outcome in (True, False))
                return dataclasses.replace(
                    item, condition=condition, then=then.tree(item.then), other=other.tree(item.other)
                )
            case LoopUse():
                return dataclasses.replace(item, number=number, runs=self.runs(item))

    def side(self, condition: Expr, outcome: bool) -> TreeFold:
        """The same on a side of a condition."""
        if isinstance(condition, Const):
            return self
        assumed = self.assumed.with_outcome(condition, outcome, self.whole)
        if isinstance(condition, Name) and condition.id in self.quantities:
            assumed = assumed.with_outcome(self.quantities[condition.id], outcome, self.whole)
        return self.assuming(assumed)

    def iteration(self, item: CallUse | SequenceUse, number: Expr | None) -> CallUse | SequenceUse:
        """A call or a sequence, which an iteration may be, with its number."""
        if isinstance(item, SequenceUse):
            inside = self._with(self.env, True, self.is_open, self.copies)
            return dataclasses.replace(item, number=number, body=inside.tree(item.body))
        arguments = {name: self.expr(expr) for name, expr in item.arguments.items()}
        definition = self.new.get(id(item.definition), item.definition)
        return dataclasses.replace(item, number=number, arguments=arguments, definition=definition)

    def runs(self, loop: LoopUse) -> tuple[Run, ...]:
        """The iterations of a loop, neighbors that are alike or follow a formula as one run."""
        runs = loop.runs
        if len(runs) == 1 and runs[0].carried is not None:
            return (self.carrying(runs[0]),) if self.is_open else self.repeated(runs[0], loop)
        folded = [
            dataclasses.replace(
                run,
                start=self.expr(run.start),
                stop=self.expr(run.stop),
                item=self.through(run, run.stop).iteration(run.item, run.item.number),
            )
            for run in runs
        ]
        return gathered(merged(folded), MOST_RUNS, self.whole, self.budget)

    def carrying(self, run: Run) -> Run:
        """A repeat's run with its expressions folded, all iterations still in one."""
        assert run.carried is not None and run.carried_next is not None
        _, channels = iteration_names(run.depth)
        carried, stop = self.expr(run.carried), self.expr(run.stop)
        inside = self.through(run, stop, {channels: carried})
        return dataclasses.replace(
            run,
            stop=stop,
            item=inside.iteration(run.item, run.item.number),
            carried=carried,
            carried_next=inside.expr(run.carried_next),
        )

    def through(self, run: Run, stop: Expr, start: Mapping[str, Expr] | None = None) -> TreeFold:
        """The same for the iterations of a run up to before `stop`; what names stand for in the first of a loop."""
        match run.start, stop:
            case Const(int() as first), Const(int() as last):
                pass
            case Const(int() as first), _:
                last = ENDLESS
            case _:
                return self
        return self.assuming(self.assumed.with_index(iteration_names(run.depth)[0], first, last, start))

    def repeated(self, run: Run, loop: LoopUse) -> tuple[Run, ...]:
        """A repeat: iteration by iteration where the count is known, else with a formula for the channels that arrive.

        What an iteration becomes is worked out for those that are written
        alone: a body in which others stand would else be walked several times by each of them, exponentially in all.
        """
        whole = self.open().carrying(run)
        general = whole.item if isinstance(whole.item, SequenceUse) else None
        known = dataclasses.replace(whole, item=run.item, general=general)
        formula = _formula(known, loop, self.budget)
        explicit = None if known.count is None else self._explicit(known, whole.item)
        # A sequence in a loop is long: written out at most twice. One without a formula has to be, inside another.
        longest = MOST_RUNS if general is None else min(MOST_SEQUENCES, MOST_COPIES // self.copies)
        if explicit is not None and (len(explicit) <= longest or (self.inline and formula is None)):
            parts = merged([self._bound(known, part, len(explicit)) for part in explicit])
            return gathered(parts, MOST_SEQUENCES, self.whole, self.budget)
        if formula is None:
            return (dataclasses.replace(known, item=self.iteration(run.item, run.item.number)),)
        return tuple(self._bound(known, part, len(formula)) for part in formula)

    def _explicit(self, run: Run, item: CallUse | SequenceUse) -> list[_IterationRange] | None:
        """The iterations, neighbors alike in one part; None where the channels are too long to be written.

        `item` is what all iterations were made from, what stands in repeats inside still open.
        """
        assert run.count is not None and run.carried is not None and run.carried_next is not None
        index, channels = iteration_names(run.depth)
        arriving, parts, last = run.carried, list[_IterationRange](), None
        for number in range(run.count):
            bound = {index: Const(number), channels: arriving}
            key = likeness(self.open().under(bound).iteration(item, item.number))
            if key == last:
                parts[-1] = parts[-1]._replace(stop=Const(number + 1))
            else:
                parts.append(_IterationRange(bound, Const(number), Const(number + 1)))
            last = key
            arriving = fold(run.carried_next, self.budget, {**self.env, **bound}, whole=self.whole, is_whole=True)
            if is_large(arriving):
                return None
        return parts

    def _bound(self, run: Run, part: _IterationRange, parts: int) -> Run:
        inside = self.under(part.bound, parts).through(dataclasses.replace(run, start=part.start), part.stop)
        item = inside.iteration(run.item, run.item.number)
        return Run(part.start, part.stop, item, run.depth, general=run.general, bound=part.bound)


class _IterationRange(NamedTuple):
    """Iterations `start` to `stop` of a repeat, in which its names stand for what `bound` has."""

    bound: Mapping[str, Expr]
    start: Expr
    stop: Expr


def _formula(run: Run, loop: LoopUse, budget: Budget) -> list[_IterationRange] | None:
    """All iterations at once, or the first by itself; None where the channels have to be carried along."""
    assert run.carried is not None and run.carried_next is not None
    index, channels = iteration_names(run.depth)
    if not loop.is_chain and channels not in used_names(Tree((run.item,), ()), budget):
        return [_IterationRange({}, run.start, run.stop)]  # whatever arrives from the one before, none takes it
    if not names(run.carried_next, budget) & {index, channels} and run.carried_next != run.carried:
        # All iterations but the first receive the same.
        if len(loop.iterations) <= 1 and run.count is not None:
            return [_IterationRange({index: Const(0), channels: run.carried}, Const(0), run.stop)]
        first = _IterationRange({index: Const(0), channels: run.carried}, Const(0), Const(1))
        return [first, _IterationRange({channels: run.carried_next}, Const(1), run.stop)]
    arriving = after_iterations(run, Name(index), budget)
    return None if arriving is None else [_IterationRange({channels: arriving}, run.start, run.stop)]


def iterations_of(general: SequenceUse, whole: Whole, budget: Budget) -> SequenceUse:
    """The sequence that the runs of a repeat were made from, with the repeats in it as runs in their turn."""
    settled = TreeFold({}, {}, whole, budget).iteration(general, general.number)
    assert isinstance(settled, SequenceUse)
    return settled


def renamed_tree(tree: Tree, names: Mapping[str, Expr], budget: Budget) -> Tree:
    """A tree that is already simplified, with other names in its expressions."""
    return TreeFold(names, {}, is_count, budget).tree(tree)
