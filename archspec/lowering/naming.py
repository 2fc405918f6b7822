"""The locations and names that the items of a body have, before anything is computed.

A location is an item's place in the YAML. A name is its part of the path: what the spec gives, else the op's or block's
own name with a count from the second on (`relu`, `relu_2`), else, in a named sequence, its number, which is only
known once the conditions before it are. A named sequence numbers its items only while they are a plain chain, as in
`nn.Sequential`; one that branches names them as a block does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from archspec.ir.scope import ITERATION
from archspec.lowering.bodies import list_named, lists_in, result_names
from archspec.lowering.units import single_reuse
from archspec.reserved_names import in_sequence
from archspec.spec import Block, Call, Item, Repeat, Reuse, Stage, Tap
from archspec.spec import Sequence as Seq
from archspec.spec.checks import tap_and_index


class Slot(NamedTuple):
    """An item's location and name; `choice` is the location of its condition, where it has one."""

    location: int
    name: str | None
    named: bool
    choice: int | None


@dataclass(slots=True, eq=False)
class NamePlan:
    """The slots of all items that share one scope, looked up by the item itself."""

    numbered: bool
    slots: dict[int, Slot] = field(default_factory=dict[int, Slot])
    keep: list[Item] = field(default_factory=list[Item])  # slots go by id(): their items must stay alive
    inlined: dict[int, NamePlan] = field(default_factory=dict[int, "NamePlan"])
    """The slots of what stands in each item that has no scope of its own, by `id` of the item."""
    joins: dict[int, Slot] = field(default_factory=dict[int, Slot])
    """The slots of the merges that join branches which may be left out, by `id` of the branch."""
    names: set[str] = field(default_factory=set[str])
    """All names that items of the scope have by their places."""
    shift: int = 0
    """What is added to each location: the iterations of a repeat that is inline have locations of their own."""

    @property
    def is_iteration(self) -> bool:
        """Whether the slots are those of an iteration that has no scope of its own."""
        return self.shift != 0

    def __getitem__(self, item: Item) -> Slot:
        return self._shifted(self.slots[id(item)])

    def join(self, branch: Item) -> Slot:
        """The slot of the merge that joins a branch which may be left out."""
        return self._shifted(self.joins[id(branch)])

    def _shifted(self, slot: Slot) -> Slot:
        if not self.shift:
            return slot
        choice = None if slot.choice is None else slot.choice + self.shift
        return slot._replace(location=slot.location + self.shift, choice=choice)

    def inside(self, item: Item, iteration: int | None = None) -> NamePlan:
        """The slots of what stands in an item that has no scope of its own; of a repeat those of an iteration.

        Where iterations are scopes, they are called by the item's own slot.
        """
        found = self.inlined.get(id(item), self)
        if iteration is None and not self.shift:
            return found
        shift = self.shift if iteration is None else (self.shift + iteration + 1) * ITERATION
        return replace(found, shift=shift)


def apart(branches: Sequence[Seq]) -> tuple[list[Seq], list[Seq]]:
    """The branches that are always there, and those that may be left out."""
    found: tuple[list[Seq], list[Seq]] = [], []
    for branch in branches:
        found[branch.is_omissible].append(branch)
    return found


def make_plan(
    items: Sequence[Item], blocks: Mapping[str, Block], lists: Collection[str], *, numbered: bool
) -> NamePlan:
    """Number the locations of one scope's items and name those that can be named beforehand.

    Items are numbered where `numbered` says so, or the first of them is called `0`, if they are a plain chain. `lists`
    are the names of lists of tensors anywhere in the spec.
    """
    flat = list(_in_scope(items, blocks))
    numbered = numbered or bool(flat and _label(flat[0]) == "0")
    numbered = numbered and not any(isinstance(item, Call) and item.branches is not None for item in flat)
    numbered = numbered and not any(isinstance(item, Reuse) or _repeats_one(item) for item in flat)
    numbered = numbered and not _fed(items, blocks) and not _crossed(items, blocks)
    return _Planning(blocks, lists, numbered, {part for item in flat for part in _parts(item)}).plan(items)


@dataclass(slots=True, eq=False)
class _Planning:
    """Gives the items of one scope their slots, in order."""

    blocks: Mapping[str, Block]
    lists: Collection[str]
    numbered: bool
    labels: set[str]
    counts: Counter[str] = field(default_factory=Counter[str])
    location: int = 0
    names: set[str] = field(default_factory=set[str])

    def plan(self, items: Sequence[Item]) -> NamePlan:
        """The slots of the items, those of blocks that are called inline apart: each call has its own."""
        plan = NamePlan(self.numbered, names=self.names)
        chosen: dict[int, str] = {}  # by the item that calls a param: what it may stand for has one name
        for item in items_of_scope(items):
            choice = None
            if item.when is not None:
                choice, self.location = self.location, self.location + 1
            if (block := inlined(item, self.blocks)) is not None:
                plan.slots[id(item)] = Slot(self.location, None, False, choice)
                plan.inlined[id(item)] = self.plan(block.layers)
                plan.keep.append(item)
                continue
            if isinstance(item, Repeat) and item.inline:
                plan.slots[id(item)] = Slot(self.location, None, False, choice)
                self.location += 1
                if item.names is None:
                    plan.inlined[id(item)] = self.plan(item.layers)
                plan.keep.append(item)
                continue
            name = label = _label(item)
            if name is None and not self.numbered:
                key = id(item.composed) if isinstance(item, Call) and item.param is not None else None
                name = chosen.get(key or 0) or _fresh(base_name(item), self.counts, self.labels)
                chosen |= {key: name} if key is not None else {}
            plan.slots[id(item)] = Slot(self.location, name, label is not None, choice)
            plan.keep.append(item)
            self.names |= {name} if name is not None else set[str]()
            self.location += 1
            if isinstance(item, Call) and name is not None:
                self.join(item, name, plan)
        return plan

    def join(self, item: Call, name: str, plan: NamePlan) -> None:
        """The slots of the merges that join what may be left out of a merge of this name, in order."""
        always, omissible = apart(item.branches or ())
        is_one = (
            len(always) == 1 and always[0].origin not in self.lists
        )  # else a merge of what is always there is first
        for place, branch in enumerate(omissible, start=1 if is_one else 2):
            own = name if place == 1 else _fresh(base_name(item), self.counts, self.labels)
            self.names.add(own)
            plan.joins[id(branch)] = Slot(self.location, own, item.label is not None and place == 1, None)
            self.location += 1


def labels_of(items: Sequence[Item]) -> Iterator[str]:
    """The names that items of one scope are given."""
    return (label for item in items_of_scope(items) if (label := _label(item)) is not None)


def is_named(item: Item) -> bool:
    """Whether an item has a name, the spec's or one of its op; a tap, or where another one stands, has none."""
    return not isinstance(item, Tap) and not (isinstance(item, Seq) and item.label is None)


def inlined(item: Item, blocks: Mapping[str, Block]) -> Block | None:
    """The block whose layers stand in place of a call."""
    return blocks.get(item.name) if isinstance(item, Call) and item.inline else None


def items_of_scope(items: Sequence[Item]) -> Iterator[Item]:
    """The items that share their names with these: through branches, conditions and unnamed sequences."""
    for item in items:
        if isinstance(item, Call):
            for branch in item.branches or ():
                yield from items_of_scope((branch,))
        yield item
        if isinstance(item, Seq) and item.label is None:
            yield from items_of_scope(item.layers)
        yield from items_of_scope(item.otherwise or ())


def _in_scope(items: Sequence[Item], blocks: Mapping[str, Block]) -> Iterator[Item]:
    """The same, with those of blocks that are called inline in place of the calls."""
    for item in items_of_scope(items):
        if (block := inlined(item, blocks)) is not None:
            yield from _in_scope(block.layers, blocks)
        elif isinstance(item, Repeat) and item.inline and item.names is None:
            yield from _in_scope(item.layers, blocks)
        else:
            yield item


def _fed(items: Sequence[Item], blocks: Mapping[str, Block]) -> bool:
    """Whether a block is called here, or below, that takes or gives more than the one tensor."""
    for item in items:
        name = item.name if isinstance(item, Call) else item.block if isinstance(item, Stage) else None
        block = blocks.get(name) if name is not None else None
        if (block is not None and (block.inputs or block.outputs)) or _fed(_inside(item, blocks), blocks):
            return True
    return False


def _crossed(items: Sequence[Item], blocks: Mapping[str, Block]) -> bool:
    """Whether tensors go in or out past the chain: through a tap, or a `from`."""
    for item in items:
        match item:
            case Tap():
                return True
            case Seq() if item.origin is not None:
                return True
            case Repeat() if item.collect is not None:
                return True
            case Repeat():
                taps, starts = _marks(item.layers, blocks)
                if starts - taps:  # a tap inside a repeat is not seen outside
                    return True
            case Seq() | Stage() if _crossed(item.layers, blocks):
                return True
            case Call() if result_names(item) or list_named(item) or _crossed(item.branches or (), blocks):
                return True
            case Call() if (block := inlined(item, blocks)) is not None and _crossed(block.layers, blocks):
                return True
        if _crossed(item.otherwise or (), blocks):
            return True
    return False


def _marks(items: Sequence[Item], blocks: Mapping[str, Block]) -> tuple[set[str], set[str]]:
    """The names of the taps and of the `from`s below these items."""
    taps: set[str] = set()
    starts: set[str] = set()
    for item in items:
        if isinstance(item, Tap):
            taps.add(item.name)
        taps |= result_names(item).keys() | lists_in((item,)).keys()
        if isinstance(item, Seq) and item.origin is not None:
            starts.add(tap_and_index(item.origin)[0])
        inner_taps, inner_starts = _marks(_inside(item, blocks), blocks)
        taps |= inner_taps
        starts |= inner_starts
    return taps, starts


def _inside(item: Item, blocks: Mapping[str, Block]) -> tuple[Item, ...]:
    """The items that stand in an item: its layers, its branches, those of its `else`, those of a block inline."""
    block = inlined(item, blocks)
    return (
        *(block.layers if block is not None else ()),
        *(item.layers if isinstance(item, Seq | Repeat | Stage) else ()),
        *((item.branches or ()) if isinstance(item, Call) else ()),
        *(item.otherwise or ()),
    )


def _repeats_one(item: Item) -> bool:
    """Whether all iterations of a repeat are what stands before it."""
    return isinstance(item, Repeat) and single_reuse(item.layers) is not None


def base_name(item: Item) -> str:
    """What an item is called that has no name of its own."""
    if isinstance(item, Reuse):
        return item.item
    return (item.param or item.name) if isinstance(item, Call) else item.kind


def _label(item: Item) -> str | None:
    return item.label if isinstance(item, Call | Seq | Repeat | Stage | Reuse) else None


def _parts(item: Item) -> Iterator[str]:
    """The name that an item is given, and that of the sequence it stands in."""
    label = _label(item)
    if label is not None:
        yield label
        yield in_sequence(label)[0]


def _fresh(base: str, counts: Counter[str], taken: set[str]) -> str:
    while True:
        counts[base] += 1
        name = base if counts[base] == 1 else f"{base}_{counts[base]}"
        if name not in taken:
            return name
