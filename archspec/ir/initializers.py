"""Initializers by name: the distribution a weight is drawn from, the same on every backend.

`fan_in` is the number of inputs that feed one output (input channels per group x kernel area), `fan_out` the
number of outputs times the kernel area, as PyTorch counts them (`torch.nn.init._calculate_fan_in_and_fan_out`).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

FAN_MODES: Final = ("fan_in", "fan_out")


@dataclass(frozen=True, slots=True)
class Initializer:
    """A distribution with its options. `scalar` names the option that a spec may give without naming it."""

    name: ClassVar[str]
    scalar: ClassVar[str | None] = None


@dataclass(frozen=True, slots=True)
class Zeros(Initializer):
    """All zeros."""

    name: ClassVar[str] = "zeros"


@dataclass(frozen=True, slots=True)
class Ones(Initializer):
    """All ones."""

    name: ClassVar[str] = "ones"


@dataclass(frozen=True, slots=True)
class Constant(Initializer):
    """All `value`."""

    value: float
    name: ClassVar[str] = "constant"
    scalar: ClassVar[str | None] = "value"


@dataclass(frozen=True, slots=True)
class Normal(Initializer):
    """Normal with mean 0 and standard deviation `std`, not truncated."""

    std: float
    name: ClassVar[str] = "normal"
    scalar: ClassVar[str | None] = "std"

    def __post_init__(self) -> None:
        if self.std < 0:
            raise ValueError(f"`std` of `normal` must be 0 or more, this is {self.std}")


@dataclass(frozen=True, slots=True)
class KaimingNormal(Initializer):
    """Normal with mean 0 and variance 2 / fan, not truncated (He et al. 2015, "Delving Deep into Rectifiers")."""

    mode: str = "fan_in"
    name: ClassVar[str] = "kaiming_normal"
    scalar: ClassVar[str | None] = "mode"

    def __post_init__(self) -> None:
        if self.mode not in FAN_MODES:
            raise ValueError(f"kaiming_normal takes fan_in or fan_out, this is `{self.mode}`")


@dataclass(frozen=True, slots=True)
class FanInUniform(Initializer):
    """Uniform between -1/sqrt(fan_in) and 1/sqrt(fan_in): what PyTorch gives convolutions and dense layers.

    For a bias, fan_in is that of the weight beside it.
    """

    name: ClassVar[str] = "fan_in_uniform"


INITIALIZERS: Final[dict[str, type[Initializer]]] = {
    kind.name: kind for kind in (Zeros, Ones, Constant, Normal, KaimingNormal, FanInUniform)
}


def read_initializer(value: Mapping[str, object]) -> Initializer:
    """An initializer from `{name: option}`; the option is None, a scalar, or a mapping of options.

    Raises:
        ValueError: the name is unknown or the options do not fit.
    """
    if len(value) != 1:
        raise ValueError("an initializer has one name, as in `{kaiming_normal: fan_out}`")
    [(name, option)] = value.items()
    kind = INITIALIZERS.get(name)
    if kind is None:
        raise ValueError(f"`{name}` is not an initializer (they are: {', '.join(INITIALIZERS)})")
    if option is None:
        options: dict[str, object] = {}
    elif isinstance(option, Mapping):
        options = {str(key): item for key, item in option.items()}
    elif kind.scalar:
        options = {kind.scalar: option}
    else:
        raise ValueError(f"`{name}` takes no option")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for key, item in options.items():
        if key not in fields:
            raise ValueError(f"`{name}` has no option `{key}`")
        wants_text = fields[key].type == "str"
        if wants_text and isinstance(item, str):
            continue
        if wants_text or isinstance(item, bool) or not isinstance(item, int | float) or not math.isfinite(item):
            expected = "a word" if wants_text else "a finite number"
            raise ValueError(f"`{key}` of `{name}` is `{str(item)[:40]}`: {expected} is expected")
        options[key] = float(item)
    try:
        return kind(**options)
    except TypeError:
        raise ValueError(f"`{name}` needs an option: {', '.join(fields)}") from None
