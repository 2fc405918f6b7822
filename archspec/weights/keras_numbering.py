"""Names that Keras itself gives to layers: `conv2d_94`, numbered by class through the whole process."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

_DIMENSIONS: Final = ("1d", "2d", "3d")
LAYER_CLASSES: Final = frozenset(
    [
        *("dense", "einsum_dense", "embedding", "p_re_lu"),
        *("batch_normalization", "group_normalization", "layer_normalization", "rms_normalization"),
        *("multi_head_attention", "group_query_attention", "attention", "additive_attention"),
        *("lstm", "gru", "simple_rnn", "bidirectional"),
        *(f"conv{each}" for each in _DIMENSIONS),
        *(f"conv{each}_transpose" for each in _DIMENSIONS),
        *(f"depthwise_conv{each}" for each in _DIMENSIONS[:2]),
        *(f"separable_conv{each}" for each in _DIMENSIONS[:2]),
    ]
)
"""Classes of Keras whose layers have weights, as Keras writes them in the names that it gives."""
_NUMBERED: Final = re.compile(r"(.+?)(?:_([1-9][0-9]{0,8}))?")


def layer_of(name: str) -> tuple[str, int] | None:
    """The class and number of the layer that has a variable, `("conv2d", 94)` of `conv2d_94/kernel`.

    None where Keras has not named it. The first layer of a class has no number in its name, and the number 0 here.
    """
    match = _NUMBERED.fullmatch(name.partition("/")[0])
    if match is None or match[1] not in LAYER_CLASSES:
        return None
    return match[1], int(match[2] or 0)


def numbers_by_class(names: Iterable[str]) -> dict[str, set[int]]:
    """The numbers of the layers of each class that have these variables."""
    found: dict[str, set[int]] = {}
    for name in names:
        if (layer := layer_of(name)) is not None:
            found.setdefault(layer[0], set()).add(layer[1])
    return found


def renumbered(name: str, starts: Mapping[str, int]) -> str:
    """The name of a variable where layers of these classes are numbered from 0 on, and from these numbers in `name`."""
    layer = layer_of(name)
    if layer is None or layer[0] not in starts:
        return name
    _, slash, rest = name.partition("/")
    return f"{_called(layer[0], layer[1] - starts[layer[0]])}{slash}{rest}"


def shifts(starts: Mapping[str, int]) -> tuple[str, ...]:
    """That layers of these classes are taken for others than their names say, for people: one line or none."""
    pairs = ", ".join(f"`{_called(kind, first)}` as `{kind}`" for kind, first in starts.items())
    return (f"layers numbered from Keras's first on: {pairs}",) if starts else ()


def _called(kind: str, number: int) -> str:
    return f"{kind}_{number}" if number else kind
