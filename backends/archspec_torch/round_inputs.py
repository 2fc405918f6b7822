"""What rounds of a `forward` take, place by place: tensors of a list in turn, or what the round before gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from archspec.codegen.escaping import variable_name
from archspec.codegen.tree import ItemUse, LayerUse, Tree
from archspec.ir.scope import Ref, Result, listed
from archspec_torch.round_items import (
    all_items,
    location_of,
    tensors_taken,
)
from archspec_torch.spelling import Spelling

_TAKEN: Final = ("self", "torch", "F", "Tensor", "layer")
"""What a list may not be called."""


def list_name(tree: Tree, layer: LayerUse) -> str:
    """What the list of the tensors that a layer gives is called."""
    label = listed(tree.labels.get(Result(layer.location), ""))
    return variable_name(label[0] if label is not None else "parts", _TAKEN)


class TensorOfRound(NamedTuple):
    """A tensor of a round: the place of the item, that of one on the sides of its condition, and which it is of it."""

    place: int
    inner: int
    output: int


@dataclass(slots=True)
class RoundSlot:
    """A place of a round where it takes a tensor: which, in each of them; None in the first, where it has none."""

    refs: list[Ref | None]


@dataclass(slots=True)
class RoundInputs:
    """Rounds of equal items, of which the first may lack those that the others begin with."""

    tree: Tree
    spelling: Spelling
    starts: tuple[int, int]
    """The places of the first items of the first and of the second round."""
    length: int
    count: int
    missing: int
    entering: Result
    """What is carried into the first round."""
    splits: dict[int, str] = field(default_factory=dict[int, str])
    offset: int | None = None
    """The place in a round of the item that gives what the next round takes."""
    start: Ref | None = None

    def round(self, number: int) -> Sequence[ItemUse]:
        """The items of a round."""
        first, second = self.starts
        if number == 0:
            return self.tree.items[first:second]
        begin = second + (number - 1) * self.length
        return self.tree.items[begin : begin + self.length]

    def slots(self, rounds: Sequence[Sequence[ItemUse]]) -> list[RoundSlot] | None:
        """All places where rounds take something; None where that is not as much in each."""
        taken = [[*tensors_taken(items)] for items in rounds]
        lacking = len(taken[1]) - len(taken[0])
        if any(len(refs) != len(taken[1]) for refs in taken[1:]):
            return None
        if lacking != len([*tensors_taken(rounds[1][: self.missing])]):
            return None
        return [
            RoundSlot([None if place < lacking else taken[0][place - lacking], *(refs[place] for refs in taken[1:])])
            for place in range(len(taken[1]))
        ]

    def settle(self, slot: RoundSlot) -> bool:
        """Whether what rounds take in a place follows one rule; what that needs is kept."""
        own = [self.place_in(ref, number) for number, ref in enumerate(slot.refs)]
        if own[1] is not None:  # the round's own tensor, which the first may have from elsewhere
            if any(place != own[1] for place in own[2:]) or (own[0] is not None and own[0] != own[1]):
                return False
            return own[0] is not None or slot.refs[0] is None or own[1] == (self.missing - 1, 0, 0)
        before = [self.place_in(ref, number - 1) for number, ref in enumerate(slot.refs)]
        if before[1] is not None:
            found = before[1]
            if any(other != found for other in before[2:]) or found.inner or found.output:
                return False
            if self.offset not in (None, found.place):
                return False
            self.offset = found.place
            begins = slot.refs[0]
            if begins is not None and self.start not in (None, begins):
                return False
            self.start = begins if begins is not None else self.start
            return True
        if all(ref == slot.refs[1] for ref in slot.refs[2:]) and slot.refs[0] in (None, slot.refs[1]):
            return True
        return self._from_list(slot)

    def _from_list(self, slot: RoundSlot) -> bool:
        """Whether rounds take the tensors of a list, each that of its own number."""
        for number, ref in enumerate(slot.refs):
            if ref is None:
                continue
            if not isinstance(ref, Result) or ref.index != number or ref.location != location_of(slot.refs[1]):
                return False
        item = next((item for item in self.tree.items if item.location == location_of(slot.refs[1])), None)
        if not isinstance(item, LayerUse) or item.results < self.count or item.location not in self.spelling.functions:
            return False
        self.splits[item.location] = list_name(self.tree, item)
        return True

    def place_in(self, ref: Ref | None, number: int) -> TensorOfRound | None:
        """Which item of a round gives a tensor."""
        if not isinstance(ref, Result) or number < 0:
            return None
        for place, item in enumerate(self.round(number), start=self.missing if number == 0 else 0):
            for inner, part in enumerate(all_items([item])):
                if part.location == ref.location:
                    return TensorOfRound(place, inner, ref.index)
        return None

    def begins(self) -> Ref | None:
        """What the first round takes in place of what the others have from the items that it lacks."""
        rounds = [self.round(number) for number in range(self.count)]
        found = {
            slot.refs[0]
            for slot in self.slots(rounds) or ()
            if slot.refs[0] is not None and self.place_in(slot.refs[1], 1) == (self.missing - 1, 0, 0)
        }
        return found.pop() if len(found) == 1 else None

    def replaced_first(self, rounds: Sequence[Sequence[ItemUse]]) -> frozenset[int]:
        """The places where the first round takes that, among all where it takes something."""
        slots = [slot for slot in self.slots(rounds) or () if slot.refs[0] is not None]
        return frozenset(
            place for place, slot in enumerate(slots) if self.place_in(slot.refs[1], 1) == (self.missing - 1, 0, 0)
        )
