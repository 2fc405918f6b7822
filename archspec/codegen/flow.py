"""Which variable holds which tensor: names for values in straight-line code, reused once their tensor is spent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, count
from typing import Final

from archspec.codegen.text import identifier
from archspec.codegen.tree import ChoiceUse, Tree
from archspec.ir.scope import Operand, Ref, Result
from archspec.limits import meter

_NAMES: Final = ("x", "y", "z", "w", "v", "u")


class Flow:
    """Hands out variable names in the order that code is written.

    A tensor is spent when every place that uses it has been written; its variable is then free for the next.
    """

    def __init__(self, tree: Tree, operands: int, taken: Iterable[str] = (), inputs: Iterable[str] = ()) -> None:
        self.left: Counter[Ref] = Counter(uses(tree))
        self.taken = set(taken)
        self.variable: dict[Ref, str] = {}
        """What holds each tensor that is still needed; of the others as well, while they have not been cleared."""
        self.tentative = 0
        self.labels = {ref: identifier(label, self.taken) for ref, label in tree.labels.items()}
        self.kept = {*inputs, *self.labels.values()}
        """Variables with a meaning, which stay what they are even once they are spent."""
        self.called: dict[str, list[Ref]] = {}
        for ref, label in self.labels.items():
            self.called.setdefault(label, []).append(ref)
        for index, name in enumerate(operand_names(operands, inputs, self.taken)):
            self.variable[Operand(index)] = name
            self.called.setdefault(name, []).append(Operand(index))

    def uses(self, ref: Ref) -> int:
        """How many places that use a tensor have not been written."""
        return self.left[ref]

    def spend(self, refs: Iterable[Ref]) -> None:
        """These places have been written."""
        for ref in refs:
            self.left[ref] -= 1

    def assign(self, ref: Ref, preferred: Iterable[Ref] = ()) -> str:
        """A variable for a new tensor: its label, one that `preferred` tensors no longer need, or a fresh one."""
        old = [self.variable[old] for old in preferred if old in self.variable]
        self.variable[ref] = self.labelled(ref) or self.fresh(old)
        return self.variable[ref]

    def labelled(self, ref: Ref) -> str | None:
        """What the spec calls a tensor, unless another that is still needed is called so."""
        label = self.labels.get(ref)
        if label is None:
            return None
        others = (other for other in self.called[label] if other != ref)
        return None if any(self.variable.get(other) == label and self.left[other] > 0 for other in others) else label

    def join(self, choice: ChoiceUse) -> str:
        """A variable for what a choice gives, before its sides are written: one that nothing needs after them."""
        inside = Counter((*uses(choice.then), *uses(choice.other)))
        with self.keeping():
            self.left.subtract(inside)
            old = [self.variable[choice.operand]] if choice.operand in self.variable else []
            name = self.labelled(Result(choice.site)) or self.fresh(old)
            self.left.update(inside)
        return name

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """While uses are left out that will count again: no variable is cleared."""
        self.tentative += 1
        yield
        self.tentative -= 1

    @contextmanager
    def side(self, other: Tree) -> Iterator[None]:
        """While one side of a choice is written: the other's uses do not count, and variables end with the side."""
        meter().spend(len(self.variable) // 4)
        hidden, variable = Counter(uses(other)), dict(self.variable)
        with self.keeping():
            self.left.subtract(hidden)
            yield
            self.left.update(hidden)
        self.variable = variable

    def live(self) -> set[str]:
        """The variables whose tensors are still needed."""
        needed = {ref: name for ref, name in self.variable.items() if self.left[ref] > 0}
        if not self.tentative:
            self.variable = needed
        return set(needed.values())

    def fresh(self, preferred: Iterable[str] = ()) -> str:
        """A name that no tensor needs any more: one of the preferred, else the next of the usual ones."""
        meter().spend(len(self.variable) // 4)  # each is looked at: a body of very many layers would take hours
        live = self.live() | self.kept
        return next(name for name in chain(preferred, _all_names()) if name not in live and name not in self.taken)


def operand_names(operands: int, inputs: Iterable[str], taken: Iterable[str]) -> list[str]:
    """The parameters that a function's tensors come in by, used or not; those after the first as the spec says."""
    given = list(inputs)
    unusable = {*taken, *given}
    free = (name for name in _all_names() if name not in unusable)
    found: dict[str, None] = {}
    for name in given[:operands] + [""] * (operands - len(given)):
        found[identifier(name, taken if name not in found else (*taken, *found)) if name else next(free)] = None
    return list(found)


def _all_names() -> Iterator[str]:
    yield from _NAMES
    yield from (f"x{index}" for index in count(1))


def uses(tree: Tree) -> Iterator[Ref]:
    """Every place of a tree that uses a tensor of the body it belongs to."""
    for item in tree.items:
        if isinstance(item, ChoiceUse):
            yield from uses(item.then)
            yield from uses(item.other)
        else:
            yield from item.operands
    yield from tree.results
