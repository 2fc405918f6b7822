"""What the tensors of a body are there for, where the graph says it: the names that a person would give variables.

The branch of a sum that has the layers is `residual`, the other one `shortcut`, unless it is what arrives; what a
product takes from a sigmoid is a `gate`; branches that are joined are called by what gives them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from archspec.codegen.branch_items import (
    COUNT,
    GATES,
    GENERAL,
    convolutions,
    ends_in_gate,
    has_own_name,
    is_pointwise,
    is_short,
    joins,
    resizes,
    taken_by,
    weight,
)
from archspec.codegen.tree import CallUse, ChoiceUse, ItemUse, LayerUse, SequenceUse, Tree
from archspec.codegen.walk import results_of
from archspec.ir.scope import Ref, Result
from archspec.limits import Budget

_UNARY_OF_GATES: Final = frozenset({"scale", "reshape", "flatten", "to_image", "dropout"})
_LONGEST: Final = 24
"""Items of a branch: where it has more, it is not what a person would call one thing."""
_LOOKED_AT: Final = 48
"""Tensors that are looked at, at most, to find where two branches part."""
_DEEPEST: Final = 8
"""Merges inside each other, at most, that are looked through for where a branch starts."""
_OTHERWISE: Final = {"out": "output"}
"""What a role is called where something else has its name, if not after what gives it."""
_BRANCH: Final = re.compile(r"branch\d+(_\d+)*")
"""What a branch is called that has no name of its own."""
_MOST: Final = 16
"""Branches that are joined: the names of more would not be read."""


def roles(
    tree: Tree, budget: Budget, labels: Mapping[Ref, str], *, is_network: bool = False
) -> tuple[dict[Ref, str], dict[Ref, str]]:
    """The role of each tensor of a body that has one, and the names of those that become a tensor with a name.

    A network's own branches are named where they are layers, or blocks of a few layers, alone, or one item: a path
    through whole stages is no residual.

    Args:
        tree: the body; what is in its conditions is named, too.
        budget: what it may take.
        labels: the variables of tensors that the spec has names for.
        is_network: whether it is the network's own.
    """
    finder = _Roles({}, {}, Counter(), budget, is_network, labels)
    finder.enter(tree)
    finder.name(tree)
    for ref in labels:
        finder.toward(ref)
    return finder.found, finder.becoming


@dataclass(slots=True)
class _Branch:
    """The tensors from the end of a branch back to where it starts, which is not one of them."""

    refs: list[Ref]
    start: Ref


class _Roles:
    def __init__(
        self,
        givers: dict[Ref, ItemUse],
        found: dict[Ref, str],
        taken: Counter[Ref],
        budget: Budget,
        is_network: bool,
        labels: Mapping[Ref, str],
    ) -> None:
        self.givers = givers
        self.found = found
        self.taken = taken
        self.budget = budget
        self.is_network = is_network
        self.labels = labels
        self.becoming: dict[Ref, str] = {}
        """Tensors on the way to one that has a name, by that."""
        self.depth = 0

    def enter(self, tree: Tree) -> None:
        """Note what gives each tensor, and how often it is taken; of two sides of a condition one takes it."""
        self.taken.update(self._entered(tree))

    def _entered(self, tree: Tree) -> Counter[Ref]:
        taken = Counter(tree.results)
        for item in tree.items:
            self.givers |= {Result(item.location, index): item for index in range(results_of(item))}
            if isinstance(item, ChoiceUse):
                taken += self._entered(item.then) | self._entered(item.other)
            else:
                taken.update(item.operands)
        return taken

    def name(self, tree: Tree) -> None:
        """Name what the merges of a body take, later ones first: a branch inside of another has its own name."""
        for item in reversed(tree.items):
            if isinstance(item, ChoiceUse):
                self.passed_on(item)
                self.name(item.then)
                self.name(item.other)
            elif isinstance(item, LayerUse) and len(item.operands) > 1:
                match item.op.name:
                    case "add" if len(item.operands) == 2:
                        self.sum(item)
                    case "multiply" if len(item.operands) == 2:
                        self.product(item)
                    case "concat" if len(item.operands) <= _MOST:
                        self.joined(item)
                    case _:
                        pass

    def passed_on(self, item: ChoiceUse) -> None:
        """What is the result where it is added to nothing: a condition says whether there is a shortcut."""
        for side, other in ((item.then, item.other), (item.other, item.then)):
            last = self.givers.get(side.results[0])
            if not isinstance(last, LayerUse) or last.op.name != "add" or last not in side.items:
                continue
            if not other.items and other.results == (item.operand,) and item.operand in self.givers:
                self.found |= {Result(item.location): "out", side.results[0]: "out"}
                for ref in last.operands:
                    if not self.is_past(ref, item, side):
                        self.to_start(ref, {Result(inner.location) for inner in side.items}, "out")
                past = set[Ref]().union(*(self.behind(ref) for ref in last.operands if self.is_past(ref, item, side)))
                branch = self.back(item.operand, past)
                self.call(branch or _Branch([item.operand], item.operand), "out")

    def is_past(self, ref: Ref, item: ChoiceUse, side: Tree) -> bool:
        """Whether a tensor that is added on a side of a condition comes from before the condition."""
        return ref != item.operand and all(ref != Result(inner.location) for inner in side.items)

    def sum(self, item: LayerUse) -> None:
        """A residual unit: the branch with the layers, and the way past it."""
        branches = self.branches(item.operands)
        if branches is None:
            return
        first, second = branches
        weights = self.weight(first), self.weight(second)
        apart = first.start not in self.behind(second.start) and second.start not in self.behind(first.start)
        residual, shortcut = (first, second) if weights[0] > weights[1] else (second, first)
        if weights[0] == weights[1] or apart or not self.passes_on(shortcut):  # two ways, of which one may be shorter
            named = self.own_names(branches)
            if first.start != second.start and all(named) and len({*named}) == len(named):
                for branch, name in zip(branches, named, strict=True):
                    self.call(branch, name)
            return
        self.call(residual, "attention" if self.attends(residual) else "residual")
        self.call(shortcut, "shortcut")

    def product(self, item: LayerUse) -> None:
        """What is weighed, and the gate."""
        gates = [ref for ref in item.operands if self.is_gate(ref)]
        branches = self.branches(item.operands)
        if len(gates) == 1 and branches is not None:
            self.call(branches[item.operands.index(gates[0])], "gate")

    def joined(self, item: LayerUse) -> None:
        """Branches that are joined, by the names of what gives them or by their places."""
        branches = self.branches(item.operands)
        if branches is None:
            return
        empty = [branch for branch in branches if not branch.refs]
        if len(branches) == 2 and empty:
            [made] = [branch for branch in branches if branch.refs]
            # Otherwise it is another tensor that is joined, not what arrives; or the stream, past a bridge.
            if made.start == empty[0].start and not any(map(resizes, (self.givers[ref] for ref in made.refs))):
                self.call(made, "new_features")
            return
        for end in item.operands:
            if end in self.labels:
                self.toward(end)
        places = [
            place for place, branch in enumerate(branches) if branch.refs and item.operands[place] not in self.labels
        ]
        named = self.own_names([branches[place] for place in places])
        if not all(named) or len({*named}) < len(named):
            if len(places) == 1:  # a number would tell it from none
                return
            around = self.found.get(Result(item.location), "")  # what is joined may be a part of a branch
            usual = f"{around}_" if _BRANCH.fullmatch(around) else "branch"
            named = [f"{usual}{place + 1}" for place in places]
        for place, name in zip(places, named, strict=True):
            self.call(branches[place], name)

    def toward(self, end: Ref) -> None:
        """Name what is on the way to a tensor that has a name, from where something else goes on, too."""
        refs: list[Ref] = []
        ref: Ref | None = end
        while ref in self.givers and len(refs) < _LONGEST:
            item = self.givers[ref]
            if results_of(item) > 1 or (refs and (self.taken[ref] > 1 or ref in self.labels or ref in self.found)):
                break
            refs.append(ref)
            ref = self.before(item)
        in_trunk = self.is_network and not all(isinstance(self.givers[inner], LayerUse) for inner in refs[1:])
        if ref is None or ref in refs or in_trunk or (self.taken[ref] < 2 and ref not in self.labels):
            return
        found, self.found = self.found, {**self.found}
        self.call(_Branch(refs, ref), self.labels[end])
        self.becoming |= {inner: name for inner, name in self.found.items() if inner not in found and inner != end}
        self.found = found

    # -- branches ---------------------------------------------------------------------------------

    def branches(self, ends: Sequence[Ref]) -> list[_Branch] | None:
        """The branches that end in these tensors and have no part in common; None where they are no such branches."""
        behind = [self.behind(ref) for ref in ends]
        found: list[_Branch] = []
        for place, end in enumerate(ends):
            others = set[Ref]().union(*(refs for other, refs in enumerate(behind) if other != place))
            branch = self.back(end, others)
            if branch is None:
                return None
            found.append(branch)
        return found if any(branch.refs for branch in found) else None

    def back(self, end: Ref, others: set[Ref]) -> _Branch | None:
        """The tensors from this one back to one that the other branches come from, too."""
        refs: list[Ref] = []
        takers, long = 1, False
        while end not in others and end in self.givers:
            item = self.givers[end]
            if results_of(item) > 1:  # each part has a name of its own; what is split belongs to the branch
                before = self.before(item) if isinstance(item, LayerUse) else None
                if before is None:
                    break
                end, takers = before, 1
                continue
            long = long or (self.is_network and not is_short(item))
            if len(refs) > _LONGEST or self.taken[end] > takers or (long and refs):
                return None
            refs.append(end)
            before = self.before(item)
            if before is None:
                return _Branch(refs, end)
            end, takers = before, self.takers(item, before)
        return _Branch(refs, end)

    def takers(self, item: ItemUse, before: Ref) -> int:
        """How often what an item works on may be taken, all of it for that item."""
        if isinstance(item, ChoiceUse):
            return max(self._entered(item.then)[before], self._entered(item.other)[before], 1)
        if joins(item):
            return len(item.operands)
        if isinstance(item, LayerUse) and item.op.name == "add" and before not in item.operands:  # two ways from there
            return sum(before in self.behind(ref) for ref in item.operands)
        is_weighed = isinstance(item, LayerUse) and item.op.name == "multiply" and before in item.operands
        return 2 if is_weighed and any(before in self.behind(ref) for ref in item.operands if ref != before) else 1

    def before(self, item: ItemUse) -> Ref | None:
        """What an item works on: of a merge the tensor that is weighed, or that a branch is added to."""
        if isinstance(item, ChoiceUse):
            return item.operand
        if len(item.operands) == 1 or not isinstance(item, LayerUse):
            return item.operands[0] if item.operands else None
        if len(item.operands) > _MOST:
            return None
        weighed = [ref for ref in item.operands if not self.is_gate(ref)] if item.op.name == "multiply" else []
        if len(weighed) == 1:
            return weighed[0]
        behind = [self.behind(ref) for ref in item.operands]
        common = [
            ref
            for place, ref in enumerate(item.operands)
            if all(ref in refs for other, refs in enumerate(behind) if other != place)
        ]
        if common:
            return common[0]
        if self.depth == _DEEPEST:
            return None
        self.depth += 1
        inner = self.branches(item.operands)
        self.depth -= 1
        starts = {branch.start for branch in inner or ()}
        if len(starts) == 1:
            return starts.pop()
        # Of branches that take each other's tensors: the last one that all come from.
        shared = set[Ref].intersection(*behind)
        return max(shared, key=lambda ref: len(self.behind(ref)), default=None) if joins(item) else None

    def behind(self, end: Ref) -> set[Ref]:
        """The tensors that one is made of, itself included, as far back as branches go."""
        found, left = {end}, [end]
        while left and len(found) < _LOOKED_AT:
            item = self.givers.get(left.pop())
            for ref in taken_by(item) if item is not None else ():
                if ref not in found:
                    found.add(ref)
                    left.append(ref)
        self.budget.spend(len(found) // 8)
        return found

    def weight(self, branch: _Branch) -> int:
        return sum(weight(self.givers[ref]) for ref in branch.refs)

    def passes_on(self, branch: _Branch) -> bool:
        """Whether a branch is what arrives, but for what it takes to bring that to another shape."""
        items = [self.givers[ref] for ref in branch.refs]
        if any(isinstance(item, ChoiceUse) and not (item.then.items and item.other.items) for item in items):
            return True  # where the shape stays, it is what arrives
        found = [layer for item in items for layer in convolutions(item)]
        return len(found) < 2 and all(is_pointwise(layer) for layer in found)

    def attends(self, branch: _Branch) -> bool:
        items = [self.givers[ref] for ref in branch.refs]
        return any(isinstance(item, LayerUse) and item.op.name == "attention" for item in items)

    def is_gate(self, end: Ref) -> bool:
        """Whether a tensor comes out of a sigmoid."""
        for _ in range(_LONGEST):
            item = self.givers.get(end)
            match item:
                case LayerUse() if item.op.name in _UNARY_OF_GATES and len(item.operands) == 1:
                    end = item.operands[0]
                case LayerUse():
                    return item.op.name in GATES
                case CallUse():
                    return ends_in_gate(item.definition.tree)
                case SequenceUse():
                    return ends_in_gate(item.body)
                case _:
                    return False
        return False

    def own_names(self, branches: Sequence[_Branch]) -> list[str]:
        """What the spec calls the items of branches, without numbers where these do not tell them apart."""
        full = [self.own_name(branch) for branch in branches]
        short = [COUNT.sub("", name) for name in full]
        return short if len({*short}) == len(short) else full

    def own_name(self, branch: _Branch) -> str:
        """What the spec calls the items of a branch: a name, or what several begin with; empty where there is none."""
        items = [self.givers[ref] for ref in branch.refs]
        if len(items) == 1 and isinstance(items[0], ChoiceUse):  # what there may be beside what arrives
            items = [*items[0].then.items, *items[0].other.items]
        named = [item.name for item in items if has_own_name(item)]
        if not named and len(items) == 1 and isinstance(items[0], LayerUse) and "pool" in items[0].op.name:
            return items[0].name
        parts = [name.split("_") for name in named]
        shared = "_".join(part for part, *_ in takewhile(_all_equal, zip(*parts, strict=False)))
        return shared if shared.isidentifier() and shared not in GENERAL else ""

    def call(self, branch: _Branch, name: str) -> None:
        """Name the tensors of a branch, those at its end in conditions too."""
        for ref in branch.refs:
            self.found.setdefault(ref, name)
            item = self.givers[ref]
            if isinstance(item, ChoiceUse):
                self.sides(item, name)

    def sides(self, item: ChoiceUse, name: str) -> None:
        for side in (item.then, item.other):
            self.to_start(side.results[0], {Result(inner.location) for inner in side.items}, name)

    def to_start(self, end: Ref | None, inside: set[Result], name: str) -> None:
        """Name the tensors from this one back to where a side of a condition starts, which has these."""
        while end in inside and self.taken[end] == 1:
            self.found.setdefault(end, name)
            inner = self.givers[end]
            if isinstance(inner, ChoiceUse):
                self.sides(inner, name)
            end = self.before(inner)


def _all_equal(parts: Sequence[str]) -> bool:
    return len({*parts}) == 1


def usable(found: Mapping[Ref, str], taken: set[str]) -> dict[Ref, str]:
    """The roles by names that can be used: where something else has the name, it is what that gives."""
    names = {name: name if name not in taken else _OTHERWISE.get(name, f"{name}_out") for name in found.values()}
    return {ref: names[name] for ref, name in found.items() if names[name] not in taken}
