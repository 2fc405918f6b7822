"""Reading an initializer: a name, or a name with its options; and what other libraries call them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Final

from archspec.errors import did_you_mean
from archspec.ir.initializers.kinds import INITIALIZERS, Initializer

_WHICH: Final = "write {}: the bare name means one or the other, by library"
_LACKING: Final = ("orthogonal", "identity", "eye", "dirac", "sparse", "stft")
OTHER_NAMES: Final[Mapping[str, str]] = {
    "glorot_uniform": "write `xavier_uniform`, which is the same",
    "he_uniform": "write `kaiming_uniform`, which is the same",
    "random_normal": "write `normal`",
    "gaussian": "write `normal`",
    "random_uniform": "write `uniform`",
    "trunc_normal": "write `truncated_normal`: cut at 2 standard deviations, where PyTorch cuts at -2 and 2",
    "zero": "write `zeros`",
    "one": "write `ones`",
    "const": "write `constant`",
    "kaiming": _WHICH.format("`kaiming_normal` or `kaiming_uniform`"),
    "he": _WHICH.format("`he_normal` (Keras's, truncated), `kaiming_normal` (not truncated) or `kaiming_uniform`"),
    "xavier": _WHICH.format("`xavier_uniform` or `xavier_normal`"),
    "glorot": _WHICH.format("`xavier_uniform`, `xavier_normal` or `glorot_normal` (Keras's, truncated)"),
    "lecun": _WHICH.format("`lecun_normal` (Keras's, truncated) or `lecun_uniform`"),
    "msra": "write `kaiming_normal`, which is Caffe's, or `{kaiming_normal: fan_out}`, which is Detectron's",
    "variance_scaling_initializer": "write `slim_variance_scaling`, which is TF-slim's, or `variance_scaling`, Keras's",
}
"""Names that other libraries use, each with what to write here. Case and `_` are no matter."""


class InitializerError(ValueError):
    """What is given is no initializer. `help` is the way out, if one is known."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help


def parse_initializer(value: Mapping[str, object]) -> Initializer:
    """An initializer from `{name: option}`; the option is None, a scalar, or a mapping of options.

    Raises:
        InitializerError: the name is unknown or the options do not fit.
    """
    name, kind, options = _parts(value)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for key, item in options.items():
        if key not in fields:
            raise InitializerError(f"`{name}` has no option `{key[:40]}`", did_you_mean(key, fields))
        wants_text = fields[key].type == "str"
        if wants_text and isinstance(item, str):
            continue
        if wants_text or isinstance(item, bool) or not isinstance(item, int | float) or not math.isfinite(item):
            expected = "a word" if wants_text else "a finite number"
            raise InitializerError(f"`{key}` of `{name}` is `{str(item)[:40]}`: {expected} is expected")
        options[key] = float(item)
    required = [field.name for field in fields.values() if field.default is dataclasses.MISSING]
    if not options.keys() >= set(required):
        raise InitializerError(f"`{name}` needs an option: {', '.join(required)}", f"write `{{{name}: ...}}`")
    try:
        return kind(**options)
    except ValueError as error:
        raise InitializerError(str(error)) from None


def expressions(value: Mapping[str, object]) -> dict[str, str]:
    """The options that are given as text where a number is wanted, by name: expressions.

    Where what is given is no initializer there is none; reading it says what is wrong.
    """
    try:
        _, kind, options = _parts(value)
    except InitializerError:
        return {}
    numbers = {field.name for field in dataclasses.fields(kind) if field.type == "float"}
    return {key: item for key, item in options.items() if key in numbers and isinstance(item, str)}


def with_numbers(value: Mapping[str, object], numbers: Mapping[str, object]) -> Mapping[str, object]:
    """The same initializer with numbers for the expressions among its options."""
    name, _, options = _parts(value)
    return {name: {**options, **numbers}}


def _parts(value: Mapping[str, object]) -> tuple[str, type[Initializer], dict[str, object]]:
    """The name, what it stands for, and the options by name."""
    if len(value) != 1:
        raise InitializerError("an initializer has one name, as in `{kaiming_normal: fan_out}`")
    [(name, option)] = value.items()
    kind = INITIALIZERS.get(name)
    if kind is None:
        raise InitializerError(f"`{str(name)[:40]}` is not an initializer", _instead(str(name)))
    if option is None:
        return name, kind, {}
    if isinstance(option, Mapping):
        return name, kind, {str(key): item for key, item in option.items()}
    if kind.scalar:
        return name, kind, {kind.scalar: option}
    raise InitializerError(f"`{name}` takes no option")


def _instead(name: str) -> str:
    """What to write instead of a name that is no initializer."""
    plain = _plain(name)
    for known in INITIALIZERS:
        if _plain(known) == plain:
            return f"write `{known}`"
    for other, help in OTHER_NAMES.items():
        if _plain(other) == plain:
            return help
    if plain in _LACKING:
        return "it is not in the language; draw the weights in the framework, and give them to `archspec.build`"
    return did_you_mean(name, INITIALIZERS) or f"they are: {', '.join(INITIALIZERS)}"


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
