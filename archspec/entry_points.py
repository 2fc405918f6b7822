"""What other packages add to archspec by entry points: ops, how backends write them, and backends.

What is installed is looked up once for each group, when a name is first asked for, and imported when it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from archspec.errors import ArchspecError, Diagnostic

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")


@dataclass(frozen=True)
class EntryPointGroup:
    """What packages register under one name, such as `archspec.ops`, by their own names for it."""

    name: str
    error: type[ArchspecError] = ArchspecError
    """What is raised where something that is registered cannot be used."""

    @cached_property
    def points(self) -> dict[str, list[EntryPoint]]:
        """The entry points by name: one of each, or those of several packages, which nobody can distinguish."""
        from importlib.metadata import entry_points  # a spec that names archspec's own ops alone does not wait for it

        found: dict[str, dict[str, EntryPoint]] = {}
        for point in entry_points(group=self.name):
            found.setdefault(point.name, {}).setdefault(point.value, point)  # one installation may be listed twice
        return {name: list(points.values()) for name, points in found.items()}

    def load(self, name: str, what: str, checked: Callable[[Any], T]) -> T:
        """What is registered under a name.

        Args:
            name: one of `points`.
            what: what it is, as people read it: "the op `snake`".
            checked: gives what was imported; whatever it raises is an error of the package.

        Raises:
            ArchspecError: of the kind `error`: several packages have this name, or the package raises an error.
            KeyError: nothing is.
        """
        points = self.points[name]
        if len(points) > 1:
            packages = sorted(map(_package, points))
            message = f"{what} is in more than one package: {', '.join(packages)}"
            raise self.error(Diagnostic("E0602", message, help="uninstall all of them but one"))
        try:
            return checked(points[0].load())
        except Exception as error:  # another's module may raise whatever it likes
            package, said = _package(points[0]), " ".join(str(error).split())
            message = (
                f"{what} of the package {package} cannot be used: {type(error).__name__}{f': {said}' * bool(said)}"
            )
            raise self.error(Diagnostic("E0602", message, help=f"install another version of {package}")) from error


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value
