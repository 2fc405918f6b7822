"""Lines that go sideways between two ranks: each has a track, so that none lies on another (channel routing)."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

_CLOSE = 1.0
"""Pixels: lines nearer than this lie on each other."""


@dataclass(slots=True)
class _Net:
    """The pieces of what is one line where it begins or ends."""

    near: list[float] = field(default_factory=list[float])
    """Where they go along between their track and the rank."""
    far: list[float] = field(default_factory=list[float])
    """Where they go along beyond their track."""

    @property
    def low(self) -> float:
        return min(*self.near, *self.far)

    @property
    def high(self) -> float:
        return max(*self.near, *self.far)


@dataclass(slots=True)
class RoutingChannel:
    """The tracks on one side of a rank, the first the nearest to it."""

    nets: dict[Hashable, _Net] = field(default_factory=dict[Hashable, _Net])
    track: dict[Hashable, int] = field(default_factory=dict[Hashable, int])
    count: int = 0

    def add(self, near: float, far: float, key: Hashable) -> None:
        """A piece between a place at the rank and one beyond; pieces of one key share a track."""
        net = self.nets.setdefault(key, _Net())
        net.near.append(near)
        net.far.append(far)

    def assign(self) -> None:
        """Give each net a track.

        Where one goes along to the rank just where another goes along beyond, its track is the nearer one, or they
        would lie on each other. Else the longest is nearest, so that those that end before it do not cross it.
        """
        nearer = self._nearer()
        taken: list[list[_Net]] = []
        waiting = sorted(self.nets, key=lambda key: self.nets[key].low - self.nets[key].high)
        while waiting:
            # One that must be nearer than another goes first; in a circle, which no order undoes, the longest does.
            key = next((key for key in waiting if all(other in self.track for other in nearer[key])), waiting[0])
            waiting.remove(key)
            net = self.nets[key]
            number = 1 + max((self.track[other] for other in nearer[key] if other in self.track), default=-1)
            while number < len(taken) and any(_meet(net, other) for other in taken[number]):
                number += 1
            taken += [[] for _ in range(number + 1 - len(taken))]
            taken[number].append(net)
            self.track[key] = number
        self.count = len(taken)

    def _nearer(self) -> dict[Hashable, set[Hashable]]:
        """For each net, those that must have a nearer track."""
        at: dict[int, set[Hashable]] = {}
        for key, net in self.nets.items():
            for x in net.near:
                for cell in range(round(x) - 1, round(x) + 2):  # to find all that are close without comparing all
                    at.setdefault(cell, set()).add(key)
        found: dict[Hashable, set[Hashable]] = {}
        for key, net in self.nets.items():
            close = {(other, x) for x in net.far for other in at.get(round(x), ()) if other != key}
            found[key] = {other for other, x in close if any(abs(x - y) < _CLOSE for y in self.nets[other].near)}
        return found


def _meet(one: _Net, other: _Net) -> bool:
    return one.low < other.high + _CLOSE and other.low < one.high + _CLOSE
