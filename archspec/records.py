"""Records: dataclasses that are frozen and have slots, made in a fifth of the time.

The standard library compiles the source of six methods for each dataclass, which is most of what it takes to import a
module of them. Here equality, hash, text and the refusal to assign are the same functions for all records, and what
initializes one is compiled when the first is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from typing import Any, Final, NoReturn, TypeVar, cast, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """Make a class what `dataclass(frozen=True, slots=True)` makes of it; methods that it has itself stay.

    Dataclasses of the standard library may inherit from it. Fields have defaults and factories; none is for keywords
    alone, and none is left out of what initializes a record.

    Raises:
        TypeError: a base is a dataclass that is not frozen.
    """
    frozen = [cast(Any, base).__dataclass_params__ for base in cls.__mro__ if "__dataclass_params__" in vars(base)]
    for parameters in frozen:
        if not parameters.frozen:
            raise TypeError("cannot inherit frozen dataclass from a non-frozen one")
        parameters.frozen = False  # for dataclass, a class and its bases are frozen or none of them is
    made = dataclass(slots=True, init=False, repr=False, eq=False)(cls)
    for parameters in (*frozen, cast(Any, made).__dataclass_params__):
        parameters.frozen = True
    own = vars(made)
    compared = _values_of([part.name for part in fields(cast(Any, made)) if part.compare])

    def equal(self: T, other: object) -> bool:
        if self is other:  # as it is for parts of a tuple: what is not equal to itself, a NaN, is where it is the same
            return True
        return compared(self) == compared(other) if other.__class__ is self.__class__ else NotImplemented

    def hashed(self: T) -> int:
        return hash(compared(self))

    def initialize(self: T, *values: Any, **named: Any) -> None:
        cast(Any, made).__init__ = _compiled(made)
        made.__init__(self, *values, **named)

    methods: dict[str, Any] = {"__init__": initialize, "__eq__": equal, "__repr__": _text}
    if own.get("__hash__") is None:  # as Python has it where a class says what is equal, and not its hash
        methods["__hash__"] = hashed
    for name, method in ({name: found for name, found in methods.items() if own.get(name) is None} | _FROZEN).items():
        setattr(made, name, method)
    return made


def _values_of(names: list[str]) -> Callable[[object], tuple[object, ...]]:
    """What gives the values of these attributes."""
    if len(names) > 1:
        return attrgetter(*names)
    one = attrgetter(*names) if names else None
    return lambda self: () if one is None else (one(self),)  # within a tuple, what is not equal to itself is: a NaN


def _compiled(cls: type) -> Any:
    """The method that initializes a record: each value is put into its slot, which only it can do."""
    scope: dict[str, Any] = {"_missing": MISSING}
    parameters, lines = [], []
    for part in fields(cast(Any, cls)):
        name, value = part.name, part.name
        scope[f"_set_{name}"] = getattr(cls, name).__set__
        if part.default_factory is not MISSING:
            scope[f"_make_{name}"] = part.default_factory
            value = f"_make_{name}() if {name} is _missing else {name}"
            parameters.append(f"{name}=_missing")
        elif part.default is not MISSING:
            scope[f"_default_{name}"] = part.default
            parameters.append(f"{name}=_default_{name}")
        else:
            parameters.append(name)
        lines.append(f" _set_{name}(self, {value})")
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()")
    source = f"def __init__({', '.join(('self', *parameters))}):\n" + "\n".join(lines or [" pass"])
    exec(source, scope)  # names of fields alone, as the standard library does it
    method = scope["__init__"]
    method.__qualname__ = f"{cls.__qualname__}.__init__"
    return method


def _text(self: Any) -> str:
    shown = (f"{part.name}={getattr(self, part.name)!r}" for part in fields(self) if part.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _refuse_value(self: object, name: str, value: object) -> NoReturn:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse(self: object, name: str) -> NoReturn:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[object]:
    return [getattr(self, part.name) for part in fields(self)]


def _restore(self: Any, state: list[object]) -> None:
    for part, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, part.name, value)


_FROZEN: Final[dict[str, Any]] = {
    "__setattr__": _refuse_value,
    "__delattr__": _refuse,
    "__getstate__": _state,
    "__setstate__": _restore,
}
