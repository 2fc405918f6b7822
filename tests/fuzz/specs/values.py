"""What an op's attributes may be: literals by their kind, and whether an op takes them where it stands.

Everything is asked of the op classes themselves, so an op that is added is drawn without being named here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import product
from typing import Any, Final, Literal, TypeAlias

from archspec.ir import OPS
from archspec.ir.attributes import (
    AttributeValueError,
    BoolKind,
    FloatKind,
    IndexKind,
    InitKind,
    IntKind,
    PaddingKind,
    PartSizesKind,
    PerAxisKind,
    ShapeKind,
)
from archspec.ir.op import AttributeInfo, Op, ShapeError
from archspec.ir.ops.rearrange import PatternKind
from archspec.ir.tensor_type import Shape, TensorType

Names: TypeAlias = Mapping[str, Any]
"""What an expression sees, by name."""
Yaml: TypeAlias = Any
"""A value as the spec has it: a literal, a list of such, or the text of an expression."""
Keep: TypeAlias = Literal["nothing", "rank", "shape"]
"""What an item must not change: how many axes the tensor has, or its whole shape."""

MOST_CHANNELS: Final = 12
MOST_PIXELS: Final = 20
MOST_TOKENS: Final = 100
MOST_FEATURES: Final = 1200

_INTS: Final = (*range(13), 15, 16, 20)
_FEW: Final = range(4)
_PADDINGS: Final = (
    *(0, 1, 2, "same", "valid"),
    *(list(pair) for pair in product(range(3), repeat=2)),
    *(list(sides) for sides in product(range(3), repeat=4)),
)
_FLOATS: Final[Mapping[str, tuple[float, ...]]] = {
    # A norm divides by the root of its eps where all numbers are equal: a small one would magnify rounding.
    "eps": (1e-3, 1e-2, 0.1, 1.0),
    # What is divided by k + the squares needs a k where these are zero.
    "k": (1.0, 0.5, 2.0),
}
_PATTERNS: Final[Mapping[int, tuple[str, ...]]] = {
    1: ("(a b) -> (b a)", "(a b) -> a b", "(a b) -> b a"),
    2: ("t (a b) -> t (b a)", "(a b) f -> (b a) f", "t (a b) -> (t a) b", "(a b) f -> f (b a)", "t (a b) -> b t a"),
    3: (
        "(a b) h w -> (b a) h w",
        "c (h a) w -> (a c) h w",
        "c h (w a) -> c w (h a)",
        "(a b) h w -> b (h a) w",
        "(a b) h w -> (h w a) b",
    ),
    4: ("(a b) d h w -> (b a) d h w", "c (d a) h w -> (a c) d h w", "c d h (w a) -> c d w (h a)"),
}
"""Axes before and after by how many there are before, each with the two parts whose sizes are given."""
_ANY_FLOAT: Final = (0.5, 1.0, 0.25, 2.0, 0.1, -0.5, 0.0)


def _make_divisible(value: float, divisor: int = 8) -> int:
    found = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return found if found >= 0.9 * value else found + divisor


_FUNCTIONS: Final[Names] = {
    "min": min,
    "max": max,
    "sum": sum,
    "len": len,
    "ceil": math.ceil,
    "floor": math.floor,
    "round": round,
    "int": int,
    "make_divisible": _make_divisible,
}


def value_of(expression: str, names: Names) -> Any:
    """What Python makes of an expression: it is what the language says that it means."""
    return eval(expression, {"__builtins__": {}, **_FUNCTIONS}, dict(names))


def evaluated(info: AttributeInfo, value: Yaml, names: Names) -> Any:
    """The value that the kind is given to read: words stay, expressions are worked out, lists are tuples."""
    if isinstance(value, list):
        return tuple(evaluated(info, item, names) for item in value)
    if isinstance(value, str) and value not in info.kind.words and not info.kind.is_text:
        return value_of(value, names)
    return value


def small(shape: Shape) -> bool:
    """Whether networks with such a tensor are fast."""
    match shape:
        case (channels, height, width):
            return channels <= MOST_CHANNELS and max(height, width) <= MOST_PIXELS
        case (tokens, features):
            return tokens <= MOST_TOKENS and features <= 2 * MOST_CHANNELS
        case _:
            return shape[0] <= MOST_FEATURES


def outputs(
    op: type[Op],
    attributes: Mapping[str, Yaml],
    names: Sequence[Names],
    inputs: Sequence[Sequence[Shape]],
    keep: Keep = "nothing",
    *,
    any_size: bool = False,
    result_counts: set[int] | None = None,
) -> list[Shape] | None:
    """The op's first output for each of several places at once; None if it refuses one, or it would be too large.

    Args:
        op: the op's class.
        attributes: as the spec has them, the same everywhere.
        names: what their expressions see in each place.
        inputs: the shapes that arrive, for each place.
        keep: what of the first input's shape must stay.
        any_size: however large it is.
        result_counts: gets the numbers of outputs that there are in a place.
    """
    infos, found = op.attributes(), []
    for seen, shapes in zip(names, inputs, strict=True):
        try:
            given = {name: infos[name].kind.read(evaluated(infos[name], at, seen)) for name, at in attributes.items()}
            arriving = [TensorType.of_shape(shape) for shape in shapes]
            types = op(**given).fitted(arriving).output_types(arriving)
        except (AttributeValueError, ShapeError, ArithmeticError, IndexError):
            return None
        shape = types[0].sizes
        if types[0] != TensorType.of_shape(shape):  # these specs know no more of a tensor than its sizes
            return None
        if result_counts is not None:
            result_counts.add(len(types))
        if not (any_size or small(shape)) or (keep == "rank" and len(shape) != len(shapes[0])):
            return None
        if keep == "shape" and shape != shapes[0]:
            return None
        found.append(shape)
    return found


def literals(info: AttributeInfo, shape: Shape) -> Sequence[Yaml]:
    """Values to try for an attribute, the simplest first; none for initializers, which change no shape or number."""
    kind = info.kind
    match kind:
        case InitKind():
            return ()
        case BoolKind():
            return (True, False)
        case FloatKind():
            return [x for x in _FLOATS.get(info.name, _ANY_FLOAT) if kind.least <= x <= kind.most and x < kind.below]
        case IndexKind():
            return (*range(MOST_CHANNELS), *range(-1, -MOST_CHANNELS, -1))
        case IntKind():
            return (*(number for number in _INTS if number >= kind.least), "channels")
        case PerAxisKind():
            few = [number for number in (1, 2, 3, 4, 5, 7, 0) if number >= kind.least]
            return (*few, *(list(pair) for pair in product(few[:5], repeat=2)))
        case PaddingKind():
            return [value for value in _PADDINGS if not isinstance(value, str) or value in kind.words]
        case ShapeKind():
            return _shapes(math.prod(shape))
        case PatternKind():
            return _PATTERNS.get(len(shape), ())
        case PartSizesKind():
            return [sizes for size in range(1, MOST_CHANNELS) for sizes in ([size, -1], [-1, size])]
    return kind.words


def _shapes(count: int) -> list[list[int]]:
    found = [[-1], [count]]
    for size in (size for size in range(1, 2 * MOST_CHANNELS) if count % size == 0):
        found += [[-1, size], [size, -1], [count // size, size]]
        for other in (other for other in range(1, MOST_PIXELS) if count // size % other == 0):
            found += [[size, other, -1], [-1, size, other], [size, count // size // other, other]]
    return found


def is_given(op: str, info: AttributeInfo) -> bool:
    """Whether an op is written with this attribute from the beginning: where it must be, and the parts of a pattern."""
    return info.required or isinstance(info.kind, PartSizesKind) or info.name in OPS[op].one_of[:1]


@lru_cache(maxsize=10_000)
def starts(shapes: tuple[Shape, ...], keep: Keep) -> Mapping[str, Mapping[str, Yaml]]:
    """The ops of one input that fit tensors of these shapes, each with the simplest of its required attributes."""
    names = [{"channels": shape[0] if len(shape) == 3 else shape[-1]} for shape in shapes]
    inputs = [(shape,) for shape in shapes]
    found: dict[str, Mapping[str, Yaml]] = {}
    for name, op in OPS.items():
        if op.least_inputs != 1:
            continue
        required = [info for info in op.attributes().values() if is_given(name, info)]
        for values in product(*(literals(info, shapes[0]) for info in required)):
            attributes = dict(zip((info.name for info in required), values, strict=True))
            if outputs(op, attributes, names, inputs, keep) is not None:
                found[name] = attributes
                break
    return found


def fitting(values: Sequence[Yaml], fits: Callable[[Yaml], bool]) -> list[Yaml]:
    """Those that fit."""
    return [value for value in values if fits(value)]
