"""Every op that a spec can name: archspec's own, and those of other packages."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Final, TypeVar

from archspec.errors import ArchspecError, Diagnostic
from archspec.ir.op import OP_KINDS, Op

GROUP: Final = "archspec.ops"
"""The group of entry points by which a package adds ops: the op's name, and the class."""
_RECORD: Final = ("name", "kind", "takes", "example")

AnyOp = TypeVar("AnyOp", bound=type[Op])


class OpRegistry(Mapping[str, type[Op]]):
    """Ops by name, in the order of their registration.

    What other packages have is looked up when a name is asked for that is not among those registered, or when all are;
    a spec that names archspec's own ops alone does not wait for it.
    """

    def __init__(self) -> None:
        self._ops: dict[str, type[Op]] = {}
        self._elsewhere: dict[str, EntryPoint] | None = None
        self._twice: set[str] = set()
        """The names that two packages give to ops."""

    def register(self, op: AnyOp) -> AnyOp:
        """Let specs name an op: a decorator of its class.

        Raises:
            TypeError: its record lacks something.
            ValueError: another op has its name.
        """
        lacking = [part for part in _RECORD if not hasattr(op, part)] + ["__doc__"] * (not op.__doc__)
        if lacking:
            raise TypeError(f"the op {op.__name__} lacks `{lacking[0]}`")
        if "__slots__" not in op.__dict__:
            raise TypeError(f"the op {op.__name__} is no `@dataclass(frozen=True, slots=True)`")
        name = op.name
        if not name.isidentifier() or name != name.lower():
            raise TypeError(f"the op {op.__name__} is called {name!r}; small letters, digits and `_` are expected")
        if op.infer_type is Op.infer_type and op.infer_types is Op.infer_types:
            raise TypeError(f"the op {op.__name__} lacks `infer_type`")
        if op.reach is Op.reach:
            raise TypeError(f"the op {op.__name__} lacks `reach`")
        for attribute in dataclasses.fields(op):
            if "kind" not in attribute.metadata:
                raise TypeError(f"{attribute.name} of the op {op.__name__} is not made by `attribute`")
        if op.kind not in OP_KINDS:
            raise TypeError(f"the op {name} is of the kind {op.kind!r}, which is none of {', '.join(OP_KINDS)}")
        if self._ops.get(name, op) is not op:
            raise ValueError(f"two ops are called {name}")
        self._ops[name] = op
        return op

    def __getitem__(self, name: str) -> type[Op]:
        found = self._ops.get(name)
        if found is None:
            found = self._loaded(name)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._ops or name in self._others()

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._ops, *self._others())))

    def __len__(self) -> int:
        return len({*self._ops, *self._others()})

    def sound(self) -> Iterator[type[Op]]:
        """All that can be used, for hints: an error in one package is no reason to say nothing of another's op."""
        for name in self:
            try:
                yield self[name]
            except ArchspecError:
                continue

    @property
    def registered(self) -> frozenset[str]:
        """The names of those that are registered so far; nothing is looked up."""
        return frozenset(self._ops)

    def _others(self) -> dict[str, EntryPoint]:
        if self._elsewhere is None:
            self._elsewhere = {}
            for point in entry_points(group=GROUP):
                first = self._elsewhere.setdefault(point.name, point)
                if first is not point and first.value != point.value:
                    self._twice.add(point.name)
        return self._elsewhere

    def _loaded(self, name: str) -> type[Op]:
        point = self._others()[name]
        try:
            if name in self._twice:
                raise ValueError("another package has an op of this name, too")
            op: type[Op] = point.load()
            if op.name != name:
                raise ValueError(f"it is called {op.name}")
            self.register(op)
        except Exception as error:  # whatever another package raises
            raise ArchspecError(unusable(f"the op `{name}`", point, error)) from error
        return op


def unusable(what: str, point: EntryPoint, error: Exception) -> Diagnostic:
    """What is to be said of something that another package names in an entry point, and that cannot be used."""
    package = point.dist.name if point.dist is not None else point.value
    message = f"{what} of the package {package} cannot be used: {type(error).__name__}: {error}"
    return Diagnostic("E0602", message, help=f"install another version of {package}")


OPS: Final = OpRegistry()
register = OPS.register
