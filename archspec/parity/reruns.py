"""What participants of a check do again where that is needed: from neighboring numbers, or from another's weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from archspec.parity.measure import Tensors
from archspec.parity.plan import Check
from archspec.parity.processes import Process


@dataclass
class Reruns:
    """The further runs of a check; each is made once, however many pairs need it."""

    check: Check
    processes: Sequence[Process]
    results: Mapping[int, Path]
    """Of the participants that have done the check, by their index: the folder of what they gave."""
    progress: Callable[[int, str], None]
    """Called before each, with the participant and with what it does."""
    made: dict[Path, Tensors] = field(default_factory=dict[Path, Tensors])

    def spreads(self, *indices: int) -> list[Tensors]:
        """How far participants are from themselves, from neighboring numbers."""
        return [self._spread(index, self.results[index]) for index in indices]

    def following(self, index: int, leader: int) -> Tensors:
        """The training run of a participant, each step from the weights that the leader had before it."""
        path = self._followed(index, leader)
        if path not in self.made:
            self.progress(index, "from the same weights")
            self._ask(index, path, leader=self.results[leader].name)
            self.made[path] = Tensors(path)
        return self.made[path]

    def single_steps(self, index: int, leader: int) -> list[Tensors]:
        """How far each of two is from itself in single steps, each from neighbors of the leader's weights before it."""
        self.following(index, leader)
        runs = {leader: self.results[leader], index: self._followed(index, leader)}
        return [self._spread(one, path, leader=self.results[leader].name) for one, path in runs.items()]

    def _followed(self, index: int, leader: int) -> Path:
        return self.results[index].with_name(f"{self.results[index].name}-following-{leader}")

    def _spread(self, index: int, of: Path, **leader: str) -> Tensors:
        path = of.with_name(f"{of.name}-{'steps-' if leader else ''}spread")
        if path not in self.made:
            self.progress(index, "single steps from neighboring numbers" if leader else "from neighboring numbers")
            self._ask(index, of, spread=path.name, **leader)
            self.made[path] = Tensors(path)
        return self.made[path]

    def _ask(self, index: int, results: Path, **given: str) -> None:
        self.processes[index].ask(check=asdict(self.check), results=results.name, **given)
