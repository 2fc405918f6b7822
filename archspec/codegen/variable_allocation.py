"""Which variable holds which tensor: names for values in straight-line code, reused once their tensor is spent."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count, pairwise
from typing import Final

from archspec.codegen.escaping import identifier, label_variable
from archspec.codegen.tree import ChoiceUse, LayerUse, Tree
from archspec.codegen.variable_roles import roles, usable
from archspec.ir.scope import Operand, Ref, Result, listed
from archspec.limits import Budget

_NAMES: Final = ("x", "y", "z", "w", "v", "u")


class VariableAllocator:
    """Hands out variable names in the order that code is written.

    A tensor is spent when every place that uses it has been written; its variable is then free for the next.
    """

    def __init__(
        self,
        tree: Tree,
        budget: Budget,
        operands: int,
        taken: Iterable[str] = (),
        inputs: Iterable[str] = (),
        *,
        is_network: bool = False,
    ) -> None:
        self.budget = budget
        self.left: Counter[Ref] = Counter(uses(tree))
        self.taken = set(taken)
        self.variable: dict[Ref, str] = {}
        """What holds each tensor that is still needed; of the others as well, while they have not been cleared."""
        self.tentative = 0
        self.holding: dict[str, list[Ref]] = {}
        """The tensors that each variable has been given, but for some that are not needed any more."""
        self.first = 0
        """The usual names before this one are not free, so that a large body is not looked through each time."""
        self.spent: list[Ref] | None = []
        """The tensors to clear, which are not needed any more; None where all have to be looked at."""
        together = Counter(ref.location for ref in tree.labels if isinstance(ref, Result))
        # A tap that nobody takes; of several results that are unpacked together, or in a list, each keeps its name.
        passed_on = {
            ref
            for ref in _passed_on(tree)
            if self.left[ref] == 1 and together[ref.location] < 2 and listed(tree.labels.get(ref, "")) is None
        }
        self.labels = {
            ref: label_variable(label, self.taken) for ref, label in tree.labels.items() if ref not in passed_on
        }
        found, becoming = roles(tree, budget, self.labels, is_network=is_network)
        found = usable(found, {*self.taken, *inputs, *self.labels.values()})
        self.labels = {**becoming, **found, **self.labels}
        self.kept = {*inputs, *self.labels.values()}.difference(_NAMES)
        """Variables with a meaning, which stay what they are even once they are spent."""
        for index, name in enumerate(operand_names(operands, inputs, self.taken)):
            self.hold(Operand(index), name)

    def uses(self, ref: Ref) -> int:
        """How many places that use a tensor have not been written."""
        return self.left[ref]

    def spend(self, refs: Iterable[Ref]) -> None:
        """These places have been written."""
        for ref in refs:
            self.left[ref] -= 1
            if self.left[ref] <= 0 and ref in self.variable:
                self.first = min(self.first, _place(self.variable[ref]))
                if self.spent is not None:
                    self.spent.append(ref)

    def hold(self, ref: Ref, name: str) -> str:
        """The variable that a tensor is in from now on."""
        if ref in self.variable:
            self.first = 0
        self.variable[ref] = name
        self.holding.setdefault(name, []).append(ref)
        if self.left[ref] <= 0 and self.spent is not None:
            self.spent.append(ref)
        return name

    def assign(self, ref: Ref, preferred: Iterable[Ref] = ()) -> str:
        """A variable for a new tensor: its label, one that `preferred` tensors no longer need, or a fresh one."""
        old = [self.variable[old] for old in preferred if old in self.variable]
        return self.hold(ref, self.labeled(ref) or self.fresh(old))

    def labeled(self, ref: Ref) -> str | None:
        """What the spec calls a tensor, unless another that is still needed is called so."""
        label = self.labels.get(ref)
        return label if label is not None and all(other == ref for other in self._held(label)) else None

    def join(self, choice: ChoiceUse) -> str:
        """A variable for what a choice gives, before its sides are written: one that nothing needs after them."""
        inside = Counter((*uses(choice.then), *uses(choice.other)))
        with self.keeping():
            self.left.subtract(inside)
            old = [self.variable[choice.operand]] if choice.operand in self.variable else []
            name = self.labeled(Result(choice.location)) or self.fresh(old)
            self.left.update(inside)
        return name

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """While uses are left out that will count again: no variable is cleared."""
        self.tentative += 1
        yield
        self.tentative -= 1
        self.first, self.spent = 0, None

    @contextmanager
    def side(self, other: Tree) -> Iterator[None]:
        """While one side of a choice is written: the other's uses do not count, and variables end with the side."""
        self.budget.spend(len(self.variable) // 4)
        hidden, variable = Counter(uses(other)), dict(self.variable)
        with self.keeping():
            self.left.subtract(hidden)
            yield
            self.left.update(hidden)
        self.variable = variable

    def live(self) -> set[str]:
        """The variables whose tensors are still needed."""
        self._clear()
        self.budget.spend(len(self.variable) // 4)
        return {name for ref, name in self.variable.items() if self.left[ref] > 0}

    def fresh(self, preferred: Iterable[str] = (), *, given: str | None = None) -> str:
        """A name that no tensor needs any more: one of the preferred, else the next of the usual ones.

        `given` is the variable of what the part that is written gives, which may be the spec's own word for it.
        """
        self._clear()
        for name in preferred:
            if self._free(name) or (name == given and name not in self.taken and not self._held(name)):
                return name
        start = 0 if self.tentative else self.first  # uses are left out there, so that any name may be free
        first = next(place for place in count(start) if self._free(_usual(place)))
        self.budget.spend((first - start) // 4)
        if not self.tentative:
            self.first = first
        return _usual(first)

    def _free(self, name: str) -> bool:
        """Whether nothing needs what a variable of this name holds; a tensor in a list is in no variable."""
        return name.isidentifier() and name not in self.kept and name not in self.taken and not self._held(name)

    def _held(self, name: str) -> list[Ref]:
        """The tensors that a variable holds and that are still needed."""
        given = self.holding.get(name, [])
        self.budget.spend(len(given) // 4)
        held = [ref for ref in given if self.left[ref] > 0 and self.variable.get(ref) == name]
        if not self.tentative:
            self.holding[name] = held
        return held

    def _clear(self) -> None:
        """Forget the variables of tensors that are not needed any more."""
        if self.tentative:
            return
        if self.spent is None:
            self.budget.spend(len(self.variable) // 4)
            self.spent = list(self.variable)
        for ref in self.spent:
            if self.left[ref] <= 0:
                self.variable.pop(ref, None)
        self.spent = []


def operand_names(operands: int, inputs: Iterable[str], taken: Iterable[str]) -> list[str]:
    """The parameters that a function's tensors come in by, used or not; those after the first as the spec says."""
    given = list(inputs)
    unusable = {*taken, *given}
    free = (name for name in map(_usual, count()) if name not in unusable)
    found: dict[str, None] = {}
    for name in given[:operands] + [""] * (operands - len(given)):
        found[identifier(name, taken if name not in found else (*taken, *found)) if name else next(free)] = None
    return list(found)


def _usual(place: int) -> str:
    """The usual names in order: x, y, z, ..., x1, x2 and so on."""
    return _NAMES[place] if place < len(_NAMES) else f"x{place - len(_NAMES) + 1}"


def _place(name: str) -> int:
    """The place of a name among the usual ones; past all of them for any other."""
    if name in _NAMES:
        return _NAMES.index(name)
    digits = name[1:]
    return int(digits) + len(_NAMES) - 1 if name[0] == "x" and digits.isdecimal() else sys.maxsize


def _passed_on(tree: Tree) -> Iterator[Result]:
    """The results that the item right after the one that gives them takes: a block's further inputs are no such."""
    for item, after in pairwise(tree.items):
        if isinstance(after, ChoiceUse):
            taken: Sequence[Ref] = (after.operand,)
        else:
            taken = after.operands if isinstance(after, LayerUse) else after.operands[:1]
        yield from (ref for ref in taken if isinstance(ref, Result) and ref.location == item.location)
    for item in tree.items:
        if isinstance(item, ChoiceUse):
            yield from _passed_on(item.then)
            yield from _passed_on(item.other)


def uses(tree: Tree) -> Iterator[Ref]:
    """Every place of a tree that uses a tensor of the body it belongs to."""
    for item in tree.items:
        if isinstance(item, ChoiceUse):
            yield from uses(item.then)
            yield from uses(item.other)
        else:
            yield from item.operands
    yield from tree.results
