"""Where an item is written: the tensors that arrive there, once for each time that it will be instantiated.

A block's body is written once and stands in a network several times, as does that of a `repeat`. So whatever is written
must be right in all of these frames at once, and each of them has its shape and its names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from archspec.ir.tensor_type import Shape, TensorType
from tests.fuzz.specs.values import Keep, Names, Yaml

Item = dict[str, Any]
START: Final[Item] = {}
"""Stands for the beginning of a list of items."""


@dataclass(eq=False)
class Frame:
    """One of the times that a body is instantiated: which call of its block, and in which round."""

    call: int
    parent: Frame | None = None
    index: int | None = None
    """What `i` is."""


@dataclass(eq=False)
class Group:
    """Calls of a block that are written as one: at one place, or as the units of a stage."""

    calls: Sequence[int]
    caller: Place | None = None
    units: int = 0
    """How many units, if it is a stage: the calls are those of the first frame, then those of the next."""
    arguments: dict[str, Yaml] = field(default_factory=dict[str, Yaml])
    fields: dict[str, list[Yaml]] = field(default_factory=dict[str, list[Yaml]])
    """Of a stage: the arguments that each unit has for itself."""


@dataclass(eq=False)
class Owner:
    """What has params: the network, or a block."""

    groups: list[Group]
    params: dict[str, Yaml] = field(default_factory=dict[str, Yaml])
    values: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """The params' values in each call."""
    inputs: dict[str, list[Shape]] = field(default_factory=dict[str, list[Shape]])
    """Of a block: the shapes of its further inputs in each call."""
    is_block: bool = True


@dataclass(eq=False)
class Spot:
    """A tensor that an item can start from: that after `anchor` in a list of items, or one that has a name."""

    items: list[Item]
    anchor: Item
    shapes: dict[Frame, Shape]
    name: str | None = None
    is_sealed: bool = False
    """Whether nothing may start from it any more: it is in what is used again, which gives one tensor."""

    is_result: bool = False
    """Whether it is one of several results of an item, which has a name for it."""

    @property
    def of_call(self) -> bool:
        """Whether it is one of the `outputs` of a block that is called."""
        return self.name is not None and "." in self.name

    def shape(self, frame: Frame) -> Shape:
        """Its shape in a frame, which may be one inside those that it was made in."""
        found: Frame | None = frame
        while found is not None and found not in self.shapes:
            found = found.parent
        assert found is not None, "it cannot be seen from here"
        return self.shapes[found]


@dataclass(eq=False)
class Made:
    """An item that may be used again in its scope, with what arrived at it and what it gave in each frame."""

    item: Item
    before: dict[Frame, Shape]
    after: dict[Frame, Shape]


@dataclass(eq=False)
class Place:
    """The end of a list of items that is being written."""

    owner: Owner
    frames: list[Frame]
    shapes: list[Shape]
    spots: list[Spot]
    keep: Keep
    nesting: int
    """How many levels of items there may be inside each other below."""
    items: list[Item] = field(default_factory=list[Item])
    made: list[Made] = field(default_factory=list[Made])
    """The items so far that can be used again here."""

    def inside(self, keep: Keep | None = None, *, scope: bool = False) -> Place:
        """A list of items of its own, that starts with the tensor that arrives here; in a scope of its own if so."""
        made = list[Made]() if scope else self.made
        keep = keep or self.keep
        return Place(
            self.owner, self.frames, list(self.shapes), list(self.spots), keep, self.nesting - 1, list[Item](), made
        )

    def some(self, chosen: Sequence[bool], *, scope: bool = False) -> Place:
        """The same for some of the frames; names in it are not known outside."""
        found = self.inside(scope=scope)
        found.made = list(found.made)
        found.frames = [frame for frame, taken in zip(self.frames, chosen, strict=True) if taken]
        found.shapes = [shape for shape, taken in zip(self.shapes, chosen, strict=True) if taken]
        return found

    def names(self, index: int) -> dict[str, Any]:
        """What expressions see in one of the frames."""
        frame = self.frames[index]
        seen = {"channels": TensorType.of_shape(self.shapes[index]).channels, **self.owner.values[frame.call]}
        return seen if frame.index is None else {**seen, "i": frame.index}

    @property
    def all_names(self) -> list[Names]:
        """What expressions see in each of the frames."""
        return [self.names(index) for index in range(len(self.frames))]

    @property
    def uniform(self) -> bool:
        """Whether the same shape arrives in all frames."""
        return len(set(self.shapes)) == 1

    @property
    def ranks(self) -> int:
        """How many axes the tensor has."""
        return len(self.shapes[0])

    def put(self, item: Item, shapes: Sequence[Shape]) -> None:
        """Add an item that gives tensors of these shapes."""
        self.items.append(item)
        before, after = (dict(zip(self.frames, given, strict=True)) for given in (self.shapes, shapes))
        self.made.append(Made(item, before, after))
        self.shapes = list(shapes)
        self.spots.append(Spot(self.items, item, dict(zip(self.frames, shapes, strict=True))))
