"""Records: dataclasses that are frozen and have slots, made in a fifth of the time.

The standard library compiles the source of six methods for each dataclass, and looks at each annotation by a regular
expression, which is most of what it takes to import a module of them. Here equality, hash, text and the refusal to
assign are the same functions for all records, and what initializes one is compiled when the first is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from types import MemberDescriptorType
from typing import Any, ClassVar, Final, NoReturn, TypeVar, cast, dataclass_transform, get_origin

T = TypeVar("T")


@dataclass(frozen=True)
class _Pattern:
    """What the standard library notes of a frozen dataclass and of a field, to be noted of records."""

    one: int = 0


_PARAMETERS: Final[Any] = vars(_Pattern)["__dataclass_params__"]
_KIND: Final[Any] = cast(Any, fields(_Pattern)[0])._field_type


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """Make a class what `dataclass(frozen=True, slots=True)` makes of it; methods that it has itself stay.

    Dataclasses of the standard library may inherit from it. Fields have defaults and factories; none is for keywords
    alone, and none is left out of what initializes a record.

    Raises:
        TypeError: a base is a dataclass that is not frozen, a field has no annotation, or the class has slots already.
        ValueError: a default can be changed.
    """
    own, found = vars(cls), _fields_of(cls)
    if "__slots__" in own:
        raise TypeError(f"{cls.__name__} already specifies __slots__")
    made: type[T]
    compared = _values_of([name for name, part in found.items() if part.compare])

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
    # A class gets its slots when it is made, so that another one is made; what is for the first one alone is left out.
    body = {name: part for name, part in own.items() if name not in found and name not in ("__dict__", "__weakref__")}
    body |= {name: method for name, method in methods.items() if own.get(name) is None} | _FROZEN
    inherited = {name for base in cls.__mro__[1:-1] for name in _slots_of(base)}
    body["__slots__"] = tuple(name for name in found if name not in inherited)
    body["__match_args__"] = tuple(found)
    body["__dataclass_fields__"] = found
    body["__dataclass_params__"] = _PARAMETERS
    made = cast(Any, type(cls))(cls.__name__, cls.__bases__, body)
    made.__qualname__ = cls.__qualname__
    return made


def _fields_of(cls: type) -> dict[str, Field[Any]]:
    """The fields of a class by name: those of its bases, and its own by their annotations."""
    found: dict[str, Field[Any]] = {}
    for base in reversed(cls.__mro__[1:]):
        if "__dataclass_fields__" in vars(base):
            if not cast(Any, base).__dataclass_params__.frozen:
                raise TypeError("cannot inherit frozen dataclass from a non-frozen one")
            found |= cast(Any, base).__dataclass_fields__
    annotations = cls.__annotations__
    for name, annotation in annotations.items():
        if _is_class_variable(annotation):
            continue
        default = getattr(cls, name, MISSING)
        if isinstance(default, MemberDescriptorType):  # the slot of a base
            default = MISSING
        part: Any = default if isinstance(default, Field) else field(default=default)
        if part.default.__class__.__hash__ is None:
            raise ValueError(f"mutable default {type(part.default)} for field {name} is not allowed")
        part.name, part.type, part.kw_only, part._field_type = name, annotation, False, _KIND
        found[name] = part
    for name, value in vars(cls).items():
        if isinstance(value, Field) and name not in annotations:
            raise TypeError(f"{name!r} is a field but has no type annotation")
    return {name: part for name, part in found.items() if cast(Any, part)._field_type is _KIND}


def _is_class_variable(annotation: object) -> bool:
    """Whether an annotation, as text or not, is of a class's own value."""
    if isinstance(annotation, str):
        return annotation.startswith(("ClassVar", "typing.ClassVar"))
    return annotation is ClassVar or get_origin(annotation) is ClassVar


def _slots_of(base: type) -> tuple[str, ...]:
    slots = vars(base).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


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
