"""Which networks that ship a file may be of, by the shapes of its tensors alone: without compiling any of them.

A sketch of a network is the smallest hashes of its weights' shapes, the sizes of each in order, so that other names,
other layouts and prefixes make no difference. Two networks that share a part of their weights share about this part of
their sketches. An outline is how many weights have each number of axes: it is the same for other widths of a network.
`sketches.json` holds those of the networks that ship, with their variants;
`python -m benchmarks.sketches` writes it. A network that is not in it is looked at in any case.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from archspec.ir.tensor_type import Shape
from archspec.spec import load
from archspec.spec.shipped_specs import NETWORKS

SIZE: Final = 48
"""Hashes of a sketch."""
_LIKELY: Final = 8
"""Networks that are looked at more closely."""
_LEAST: Final = 0.2


def sketch(shapes: Iterable[Shape]) -> list[str]:
    """The sketch of tensors of these shapes."""
    seen: Counter[str] = Counter()
    found: set[str] = set()
    for shape in shapes:
        text = "x".join(str(size) for size in sorted(size for size in shape if size != 1))
        seen[text] += 1
        found.add(hashlib.sha256(f"{text} {seen[text]}".encode()).hexdigest()[:8])
    return sorted(found)[:SIZE]


def outline(shapes: Iterable[Shape]) -> str:
    """How many tensors have each number of axes; those of size 1, which layouts have or have not, are none.

    Tensors of one number are not counted: a training keeps steps and metrics so, beside the weights.
    """
    counts = Counter(axes for shape in shapes if (axes := sum(size != 1 for size in shape)))
    return ",".join(f"{axes}:{count}" for axes, count in sorted(counts.items()))


def networks() -> Iterator[tuple[str, str]]:
    """The networks that ship, each with its variants; an empty one where it has none."""
    for name in NETWORKS.names():
        for variant in load(name).variants or ("",):
            yield name, variant


def likely(shapes: Iterable[Shape]) -> list[tuple[str, str]]:
    """The networks that tensors of these shapes may be of, with their variants, the likeliest first."""
    given, held = sketch(shapes), {name: each.sketch for name, each in _held().items()}
    ranked = sorted(held, key=lambda name: -_common(given, held[name]))
    found = [name for name in ranked if _common(given, held[name]) >= _LEAST][:_LIKELY]
    known = {name.partition(":")[0] for name in held}
    return [_parts(name) for name in found] + [(name, "") for name in NETWORKS.names() if name not in known]


def alike(shapes: Sequence[Shape]) -> list[tuple[str, str]]:
    """The networks, with their variants, that have as many weights of each number of axes, the likeliest first."""
    wanted, given, held = outline(shapes), sketch(shapes), _held()
    found = [name for name in held if held[name].outline == wanted]
    return [_parts(name) for name in sorted(found, key=lambda name: -_common(given, held[name].sketch))][:_LIKELY]


class _Held(NamedTuple):
    outline: str
    sketch: list[str]


def _common(left: list[str], right: list[str]) -> float:
    """About which part of their shapes two have in common, of those that either has."""
    both = sorted({*left, *right})[:SIZE]
    return len({*left} & {*right} & {*both}) / len(both) if both else 0.0


def _parts(name: str) -> tuple[str, str]:
    network, _, variant = name.partition(":")
    return network, variant


@cache
def _held() -> dict[str, _Held]:
    text = (files("archspec.checkpoints") / "sketches.json").read_text(encoding="utf-8")
    rows = {name: each.partition(" ") for name, each in json.loads(text).items()}
    return {
        name: _Held(axes, [hashes[start : start + 8] for start in range(0, len(hashes), 8)])
        for name, (axes, _, hashes) in rows.items()
    }
