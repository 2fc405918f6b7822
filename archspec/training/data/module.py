"""A program's `data.py`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, Final

from archspec.training.data.config import DataConfig
from archspec.training.data.printing import PARTS, printed

_WIDTH: Final = 100
_HEAD: Final = '''"""The data of this program: `open_data` reads them, `load` gives their batches.

A batch is a function of its step alone. Random numbers depend on the seed, on what they are for, and on the step, so a
program that goes on in the middle sees the batches that it would have seen, whatever the number of its workers.
"""'''
_END: Final = '''# What this program trains on.


def open_data(folder: str | Path = ".") -> Data:
    """The batches of this program's data: `training`, `validation`, `test`.

    Raises:
        DataError: the data are not there, are damaged, or do not fit.
    """
    return {data}'''


def data_module(config: DataConfig, head: str = _HEAD) -> str:
    """The source of a `data.py` for these data. It imports NumPy, and what the format needs, but never archspec.

    Its `open_data(folder)` gives a `Data`, whose `training`, `validation` and `test` are `Batches`: `len(batches)` is
    the number of steps in an epoch, `len(batches.examples)` of examples, and `batches.batch(step)` gives images (n,
    height, width, channels) float32 and targets. `load(batches, range(start, stop), workers=4)` goes through batches.

    Args:
        config: what the data are.
        head: the docstring of the module, with its quotes.
    """
    objects = list(_objects(config))
    parts = {_part(each) for each in objects} | {"batches", "loader"}
    call = _printed_call("Data", _arguments(config), 4)
    text = printed({type(each).__name__ for each in objects} | {"Data", "Path", "load"}, parts)
    return f"{head}\n\n{text}\n\n\n{_END.replace('{data}', call)}\n"


def _objects(config: DataConfig) -> Iterator[Any]:
    yield from (config.source, *config.training, *config.evaluation)
    if is_dataclass(config.validation):
        yield config.validation


def _part(item: object) -> str:
    module = type(item).__module__
    if not module.startswith(f"{PARTS}."):
        raise TypeError(f"{type(item).__qualname__} is none of the formats and steps of {PARTS}")
    return module.removeprefix(f"{PARTS}.")


def _arguments(config: DataConfig) -> list[tuple[str, Any]]:
    """Those of `Data`, without what is as it is by default."""
    found: list[tuple[str, Any]] = [("", config.source), ("", _Identifier("folder"))]
    for field in fields(config):
        value = getattr(config, field.name)
        if field.name != "source" and (field.name in ("training", "evaluation") or value != field.default):
            found.append((field.name, list(value) if field.name in ("training", "evaluation") else value))
    return found


class _Identifier(str):
    """A name in the source, not a text."""

    __slots__ = ()


def _printed_call(name: str, arguments: list[tuple[str, Any]], indent: int) -> str:
    """A call in one line, if it fits; else with a line for each argument."""
    texts = [(f"{key}=" if key else "") + _value(value, indent + 4) for key, value in arguments]
    line = f"{name}({', '.join(texts)})"
    if len(line) + indent <= _WIDTH - 8 and "\n" not in line:
        return line
    inner = "".join(f"{' ' * (indent + 4)}{text},\n" for text in texts)
    return f"{name}(\n{inner}{' ' * indent})"


def _value(value: Any, indent: int) -> str:
    if isinstance(value, _Identifier):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        given = [(each.name, getattr(value, each.name)) for each in fields(value) if _differs(value, each)]
        return _printed_call(type(value).__name__, given, indent)
    if isinstance(value, list):
        texts = [_value(each, indent + 4) for each in value]
        line = f"[{', '.join(texts)}]"
        if len(line) + indent <= _WIDTH - 20 and "\n" not in line:
            return line
        inner = "".join(f"{' ' * (indent + 4)}{text},\n" for text in texts)
        return f"[\n{inner}{' ' * indent}]"
    if isinstance(value, tuple):
        return f"({', '.join(_value(each, indent) for each in value)}{',' if len(value) == 1 else ''})"
    if isinstance(value, str):
        return _quoted(value)
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    raise TypeError(f"{value!r} cannot be printed")


def _quoted(text: str) -> str:
    plain = repr(text)
    return f'"{plain[1:-1]}"' if plain[0] == "'" and '"' not in text else plain


def _differs(value: Any, field: Field[Any]) -> bool:
    return field.default is MISSING or getattr(value, field.name) != field.default
