"""Every op that a spec can name: archspec's own, and those of other packages."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeVar

from archspec.entry_points import EntryPointGroup
from archspec.errors import ArchspecError
from archspec.ir.op import OP_KINDS, Op

_OTHERS: Final = EntryPointGroup("archspec.ops")
"""The ops that other packages add: the op's name, and the class."""
_RECORD: Final = ("name", "kind", "takes", "example")

AnyOp = TypeVar("AnyOp", bound=type[Op])


class OpRegistry(Mapping[str, type[Op]]):
    """Ops by name, in the order of their registration.

    A module whose ops are expected is imported when one of them is asked for. What other packages have is looked up
    when a name is asked for that is not among those, or when all are; a spec that names archspec's own ops alone does
    not wait for it.
    """

    def __init__(self) -> None:
        self._ops: dict[str, type[Op]] = {}
        self._expected: dict[str, tuple[str, Callable[[str], object]]] = {}
        """The ops that modules register when they are imported: the module's name, and what imports it."""

    def expect(self, module: str, names: Iterable[str], imported: Callable[[str], object]) -> None:
        """Say which ops a module registers, so that it need not be imported before one of them is used.

        Args:
            module: its whole name.
            names: of all its ops, in order.
            imported: imports a module by its name.
        """
        self._expected |= dict.fromkeys(names, (module, imported))

    def register(self, op: AnyOp) -> AnyOp:
        """Let specs name an op: a decorator of its class.

        Raises:
            TypeError: its record lacks something.
            ValueError: another op has its name.
        """
        lacking = [part for part in _RECORD if not hasattr(op, part)] + ["__doc__"] * (not op.__doc__)
        if lacking:
            raise TypeError(f"the op {op.__name__} lacks `{lacking[0]}`")
        if "__slots__" not in op.__dict__ or any(isinstance(part, dataclasses.Field) for part in vars(op).values()):
            raise TypeError(f"the op {op.__name__} is no `@dataclass(frozen=True, slots=True)`")
        name = op.name
        if not name.isidentifier() or name != name.lower():
            raise TypeError(f"the op {op.__name__} is called {name!r}; small letters, digits and `_` are expected")
        if op.infer_type is Op.infer_type and op.infer_types is Op.infer_types:
            raise TypeError(f"the op {op.__name__} lacks `infer_type`")
        if op.footprint is Op.footprint:
            raise TypeError(f"the op {op.__name__} lacks `footprint`")
        for attribute in dataclasses.fields(op):
            if "kind" not in attribute.metadata:
                raise TypeError(f"{attribute.name} of the op {op.__name__} is not made by `attribute`")
        if op.kind not in OP_KINDS:
            raise TypeError(f"the op {name} is of the kind {op.kind!r}, which is none of {', '.join(OP_KINDS)}")
        module, _ = self._expected.get(name, (op.__module__, None))
        if self._ops.get(name, op) is not op or module != op.__module__:
            raise ValueError(f"two ops are called {name}")
        self._ops[name] = op
        return op

    def __getitem__(self, name: str) -> type[Op]:
        found = self._ops.get(name)
        if found is None and name in self._expected:
            module, imported = self._expected[name]
            imported(module)
            if name not in self._ops:
                raise TypeError(f"{module} registers no op {name}")
            found = self._ops[name]
        if found is None:
            found = _OTHERS.load(name, f"the op `{name}`", lambda op: self._named(name, op))
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._ops or name in self._expected or name in _OTHERS.points

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._expected, *self._ops, *_OTHERS.points)))

    def __len__(self) -> int:
        return len({*self._expected, *self._ops, *_OTHERS.points})

    def sound(self) -> Iterator[type[Op]]:
        """All that can be used, for hints: an error in one package is no reason to say nothing of another's op."""
        for name in self:
            try:
                yield self[name]
            except ArchspecError:
                continue

    def _named(self, name: str, op: type[Op]) -> type[Op]:
        """Register the op that a package has under this name."""
        if op.name != name:
            raise ValueError(f"it is called {op.name}")
        return self.register(op)


OPS: Final = OpRegistry()
register = OPS.register
