"""What became of the weights of a file: which were loaded, how they were found, and what is doubtful about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from archspec.errors import Note
from archspec.ir.tensor_type import Shape

_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class WeightsReport:
    """Which weights of a network were loaded, and which were not. All are canonical names: `fc.weight`."""

    loaded: tuple[str, ...]
    missing: tuple[str, ...] = ()
    """The network has them, the file does not."""
    unused: tuple[str, ...] = ()
    """The file has them, the network does not."""
    reshaped: Mapping[str, tuple[Shape, Shape]] = field(default_factory=dict[str, tuple[Shape, Shape]])
    """Both have them, in these shapes: the file's, and the network's."""

    notes: tuple[str, ...] = ()
    """How they were found: under which key of the file, and without which prefix; and what they are converted from."""
    doubts: tuple[str, ...] = ()
    """What is wrong with the numbers, such as NaN, or was asked for in vain; they were loaded all the same."""
    drawn: tuple[str, ...] = ()
    """Of the weights that were loaded, those that are not the file's, but drawn anew: a head."""
    classes: int = 0
    """How many classes the file has, where some of them were taken for the network's."""

    @property
    def complete(self) -> bool:
        """Nothing was left out, neither of the network nor of the file."""
        return not (self.missing or self.unused or self.reshaped)

    def lists(self) -> dict[str, list[str]]:
        """What was left out, by the reason, as people read it."""
        shapes = [
            f"{name} is {shape_text(given)}, the network's is {shape_text(wanted)}"
            for name, (given, wanted) in self.reshaped.items()
        ]
        found = {"missing": [*self.missing], "unexpected": [*self.unused], "of another shape": shapes}
        return {what: names for what, names in found.items() if names}


class WeightsWarning(UserWarning):
    """Weights were loaded, and something is doubtful about them. Its `report` says what."""

    def __init__(self, report: WeightsReport) -> None:
        self.report = report
        super().__init__("; ".join(report.doubts))


class PartialWeightsWarning(UserWarning):
    """Not all weights were loaded, as `partial` allows. Its `report` says which."""

    def __init__(self, report: WeightsReport) -> None:
        self.report = report
        left_out = "; ".join(note.message for note in notes_of(report.lists()))
        super().__init__(f"{len(report.loaded)} weights were loaded; {left_out}")


def notes_of(lists: Mapping[str, list[str]]) -> list[Note]:
    """A note for each list: how many, and the first of them."""
    return [
        Note(f"{len(found)} {what}: {', '.join(found[:_SHOWN])}{' ...' if len(found) > _SHOWN else ''}")
        for what, found in lists.items()
    ]


def shape_text(shape: Shape) -> str:
    """A shape as people read it."""
    return "x".join(map(str, shape)) or "a scalar"
