"""Specs whose tensors are more than their sizes: signals, volumes and ids, beside images, tokens and features."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import count, product
from typing import Any, Final

from hypothesis import strategies as st

from archspec.ir import OPS
from archspec.ir.attributes import AttributeValueError, PaddingKind, PerAxisKind
from archspec.ir.op import AttributeInfo, Op, ShapeError
from archspec.ir.tensor_type import (
    FEATURES,
    IDS,
    IMAGE,
    SIGNAL,
    SPATIAL,
    TOKENS,
    VOLUME,
    Axes,
    TensorType,
    features,
    ids,
    image,
    signal,
    tokens,
    volume,
)
from tests.fuzz.specs.expressions import Draw
from tests.fuzz.specs.values import MOST_CHANNELS, Yaml, evaluated, is_given, literals

Item = dict[str, Any] | str
MOST_PLACES: Final = 300
MOST_NUMBERS: Final = 1200
_KINDS: Final[Mapping[Axes, str]] = {
    IDS: "ids",
    SIGNAL: "signal",
    VOLUME: "volume",
    TOKENS: "tokens",
    IMAGE: "image",
    FEATURES: "features",
}
"""What an input may be, those first that are the point of these specs."""
_WORDS: Final = {IDS: ("tokens", "ids"), SIGNAL: ("channels", "length")}
_VOLUME: Final = ("channels", "depth", "height", "width")
MERGES: Final = ("add", "subtract", "maximum", "minimum", "multiply", "concat")


@st.composite
def typed_specs(draw: Draw) -> dict[str, Any]:
    """A valid spec, as YAML has it."""
    return _Writer(draw).spec()


def small(type: TensorType) -> bool:
    """Whether networks with such a tensor are fast."""
    places = type.count // type.channels if not type.is_ids else type.count
    return type.channels <= MOST_CHANNELS and places <= MOST_PLACES if type.rank > 1 else type.count <= MOST_NUMBERS


def output(name: str, attributes: Mapping[str, Yaml], *types: TensorType) -> TensorType | None:
    """What an op gives; None where it refuses an input or an attribute, gives several tensors, or one that is large."""
    op, seen = OPS[name], {"channels": types[0].channels}
    infos = op.attributes()
    try:
        given = {key: infos[key].kind.read(evaluated(infos[key], value, seen)) for key, value in attributes.items()}
        found = op(**given).fitted(types).output_types(types)
    except (AttributeValueError, ShapeError, ArithmeticError, IndexError):
        return None
    return found[0] if len(found) == 1 and small(found[0]) else None


def choices(info: AttributeInfo, type: TensorType) -> Sequence[Yaml]:
    """Values to try for an attribute, the simplest first; those by axis have a number for each axis that there is."""
    axes = len(type.places) if type.axes in SPATIAL else 1
    match info.kind:
        case PerAxisKind(least=least):
            few = [number for number in (1, 2, 3, 0) if number >= least]
            return (*few, *(list(sizes) for sizes in product(few[:3], repeat=axes)))
        case PaddingKind(words=words):
            sides = [[(at + side) % 3 for at in range(2 * axes)] for side in range(3)]
            return (0, 1, 2, *words, *([side] * axes for side in range(3)), *sides)
        case _:
            return literals(info, type.sizes)


@lru_cache(maxsize=4000)
def starts(type: TensorType) -> Mapping[str, Sequence[Mapping[str, Yaml]]]:
    """The ops of one input that take a tensor, each with some values of its required attributes that fit."""
    found: dict[str, list[Mapping[str, Yaml]]] = {}
    for name, op in OPS.items():
        if op.least_inputs == 1 and type.dtype == op.takes.dtype:
            fitting = [given for given in _required(op, type) if output(name, given, type) is not None]
            if fitting:
                found[name] = fitting[:: max(len(fitting) // 24, 1)]
    return found


def _required(op: type[Op], type: TensorType) -> Iterator[Mapping[str, Yaml]]:
    # Of several results one is chosen: names for all of them are not drawn.
    infos = [
        info for info in op.attributes().values() if is_given(op.name, info) or (op.several and info.name == "index")
    ]
    for values in product(*(choices(info, type) for info in infos)):
        yield dict(zip((info.name for info in infos), values, strict=True))


class _Writer:
    """Writes one spec."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.blocks: dict[str, Any] = {}
        self.numbers = count(1)
        self.inputs: dict[str, TensorType] = {}

    def spec(self) -> dict[str, Any]:
        """The whole of it: the inputs become vectors of equal length, which are joined."""
        single = self.draw(st.booleans())
        for name in ("input",) if single else ("one", "two"):
            self.inputs[name] = self._input()
        [(first, type), *others] = self.inputs.items()
        items, type = self._row(type, self.draw(st.integers(1, 6)))
        if others or type.is_ids:
            items += self._vector(type, 4)
            for name, other in others:
                branch, end = self._row(other, self.draw(st.integers(0, 3)))
                merge = self.draw(st.sampled_from(MERGES))
                items.append({merge: [[], {"from": name, "layers": [*branch, *self._vector(end, 4)]}]})
        given = {name: self._written(type) for name, type in self.inputs.items()}
        found: dict[str, Any] = {"archspec": 1, "name": "drawn"}
        found |= {"input": given[first]} if single else {"inputs": given}
        return {**found, **({"blocks": self.blocks} if self.blocks else {}), "layers": items}

    def _input(self) -> TensorType:
        width = self.draw(st.sampled_from((4, 1, 2, 3, 6)))
        match _KINDS[self.draw(st.sampled_from([*_KINDS]))]:
            case "ids":
                return ids(self.draw(st.integers(1, 8)), self.draw(st.sampled_from((9, 2, 1))))
            case "signal":
                return signal(width, self.draw(st.integers(4, 12)))
            case "volume":
                return volume(width, *(self.draw(st.integers(3, 6)) for _ in range(3)))
            case "image":
                return image(width, self.draw(st.integers(4, 9)), self.draw(st.integers(4, 9)))
            case "tokens":
                return tokens(self.draw(st.integers(1, 8)), width)
            case _:
                return features(width)

    def _written(self, type: TensorType) -> dict[str, Any]:
        if type.axes == VOLUME and self.draw(st.booleans()):
            return dict(zip(_VOLUME, type.sizes, strict=True))
        if type.axes in _WORDS:
            sizes = (type.sizes[0], type.vocabulary) if type.is_ids else type.sizes
            return dict(zip(_WORDS[type.axes], sizes, strict=True))
        return {"shape": list(type.sizes)}

    # -- items ------------------------------------------------------------------------------------

    def _row(
        self, type: TensorType, length: int, *, keep: bool = False, depth: int = 2
    ) -> tuple[list[Item], TensorType]:
        """Some items in a row, and what they give; with `keep` a tensor of the very type that arrives."""
        items: list[Item] = []
        for _ in range(length):
            kinds = ["op"] * 4 if type.is_ids else ["op"] * 4 + ["merge", "repeat", "condition", "block"] * (depth > 0)
            kind = self.draw(st.sampled_from([*kinds, *["sequence"] * (depth > 0)]))
            item, type = getattr(self, f"_{kind}")(type, keep, depth)
            items.append(item)
        return items, type

    def _op(self, type: TensorType, keep: bool, depth: int) -> tuple[Item, TensorType]:
        found = starts(type)
        names = [name for name in found if not keep or self._keeping(name, type)]
        name = self.draw(st.sampled_from(sorted(names, key=lambda name: len(OPS[name].attributes()))))
        attributes = dict(self.draw(st.sampled_from(self._keeping(name, type) if keep else found[name])))
        optional = [info for info in OPS[name].attributes().values() if info.name not in attributes]
        for info in self.draw(st.lists(st.sampled_from(optional), unique=True, max_size=3)) if optional else []:
            if values := choices(info, type):
                value = self.draw(st.sampled_from(values))
                given = output(name, {**attributes, info.name: value}, type)
                if given is not None and (given == type or not keep):
                    attributes[info.name] = value
        end = output(name, attributes, type)
        assert end is not None, (name, attributes, type)
        return {name: attributes} if attributes else name, end

    def _keeping(self, name: str, type: TensorType) -> list[Mapping[str, Yaml]]:
        return [given for given in starts(type)[name] if output(name, given, type) == type]

    def _sequence(self, type: TensorType, keep: bool, depth: int) -> tuple[Item, TensorType]:
        items, end = self._row(type, self.draw(st.integers(1, 2)), keep=keep, depth=depth - 1)
        named = {"name": f"s{next(self.numbers)}"} if self.draw(st.booleans()) else {}
        return {**named, "layers": items}, end

    def _merge(self, type: TensorType, keep: bool, depth: int) -> tuple[Item, TensorType]:
        """A residual, or branches side by side; the second one may start from ids that are as many."""
        merge = self.draw(st.sampled_from(MERGES))
        branch, _ = self._row(type, self.draw(st.integers(0, 2)), keep=True, depth=depth - 1)
        beside: Any = branch
        words = [name for name, given in self.inputs.items() if given.is_ids and given.sizes[0] == type.sizes[0]]
        if type.axes == TOKENS and words and self.draw(st.booleans()):
            embedding = {"embedding": {"features": type.channels}}
            beside = {"from": self.draw(st.sampled_from(words)), "layers": [embedding, *branch]}
        end = output(merge, {}, type, type)
        if end is None or (keep and end != type):
            merge, end = "add", type
        return {merge: [[], beside]}, end

    def _repeat(self, type: TensorType, keep: bool, depth: int) -> tuple[Item, TensorType]:
        items, _ = self._row(type, self.draw(st.integers(1, 2)), keep=True, depth=depth - 1)
        return {"repeat": {"times": self.draw(st.integers(0, 3)), "layers": items}}, type

    def _condition(self, type: TensorType, keep: bool, depth: int) -> tuple[Item, TensorType]:
        then, other = (self._row(type, 1, keep=True, depth=depth - 1)[0] for _ in range(2))
        item = {"when": f"channels > {self.draw(st.integers(0, 6))}", "layers": then}
        return {**item, **({"else": other} if self.draw(st.booleans()) else {})}, type

    def _block(self, type: TensorType, keep: bool, depth: int) -> tuple[Item, TensorType]:
        """A call of a new block, twice in a row where it keeps the type."""
        name = f"b{next(self.numbers)}"
        keep = keep or self.draw(st.booleans())
        items, end = self._row(type, self.draw(st.integers(1, 2)), keep=keep, depth=0)
        self.blocks[name] = {"layers": items}
        return ({"layers": [name, name]} if end == type else name), end

    def _vector(self, type: TensorType, width: int) -> list[Item]:
        """What makes so many features of any tensor."""
        items: list[Item] = []
        if type.is_ids:
            items.append({"embedding": {"features": width}})
            type = tokens(type.sizes[0], width)
        if type.rank > 1:
            items.append({"global_avg_pool": {"keep_axes": False}} if type.channel_axis is not None else "flatten")
        return [*items, {"dense": {"units": width}}]
