"""What a spec says of weights that exist for it: where they are, how images are prepared for them, what classes mean.

Preparation is that of torchvision on Pillow's images: resize, crop the middle, from bytes to numbers, normalize.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias

from pydantic import Field, ValidationInfo

from archspec.errors import did_you_mean
from archspec.spec.base import NAME_SCHEMA, Model, Reads, definition, no_entries
from archspec.spec.checks import usable_name
from archspec.spec.key_suggestions import PRETRAINED_WORDS
from archspec.spec.located_data import LoadContext, LocatedDict
from archspec.spec.problems import load_context_of, wrong
from archspec.spec.scalars import describe
from archspec.weights_addresses import canonical

CLASSES: Final = "classes"
"""The key under which class names stand, or the file that has them."""
DIGESTS: Final = ("sha256", "md5")
"""The keys of what holds the file against what is meant."""
OF_NETWORK: Final = ("variants", "others")
"""The keys under which further entries stand, by name: of other variants, and of other weights of the same network."""
OF_WEIGHTS: Final = ("weights", *DIGESTS, "license", "source", *OF_NETWORK)
"""The keys that are about a file: a spec that extends another has other weights."""
_MOST_PIXELS: Final = 2**14
_ADDRESS: Final = re.compile(r"(hf|https)://[!-~]+")
_DIGEST: Final = re.compile(r"[0-9a-f]{8,64}")
_MD5: Final = re.compile(r"[0-9a-f]{32}")


def _side(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST_PIXELS


def _sides(value: object) -> int | tuple[int, int]:
    if isinstance(value, int) and _side(value):
        return value
    if isinstance(value, list) and len(value) == 2 and all(map(_side, value)):
        return int(value[0]), int(value[1])
    raise wrong(f"a number of pixels, 1 to {_MOST_PIXELS:,}, or a list of height and width")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _numbers(value: object) -> tuple[float, ...]:
    given: list[object] = value if isinstance(value, list) else [value]
    numbers = tuple(float(number) for number in given if isinstance(number, int | float) and _is_number(number))
    if not 1 <= len(given) <= 4 or len(numbers) != len(given):
        raise wrong("a number, or a list with one for each channel")
    return numbers


def _weights(value: object) -> str:
    if isinstance(value, str):
        if _ADDRESS.fullmatch(value):
            return value
        parts = value.split("/")
        if "://" not in value and value.isprintable() and "" not in parts and ".." not in parts and "\\" not in value:
            return value
    raise wrong("hf://owner/name, an address that begins with https://, or a file beside the spec")


def _digest(value: object) -> str:
    if isinstance(value, str) and _DIGEST.fullmatch(value):
        return value
    raise wrong(
        "a text of 8 to 64 hexadecimal digits, in lower case: the beginning of the file's SHA-256",
        help="put it in quotes: digits alone are a number" if isinstance(value, int | float) else "",
    )


def _md5(value: object) -> str:
    if isinstance(value, str) and _MD5.fullmatch(value):
        return value
    raise wrong(
        "a text of 32 hexadecimal digits, in lower case: the file's MD5",
        help="put it in quotes: digits alone are a number" if isinstance(value, int | float) else "",
    )


def _names(value: object) -> tuple[str, ...]:
    # A file's name stands for the names in it: they are read where files are put together.
    if isinstance(value, list) and {*map(type, value)} == {str}:
        return tuple(value)
    raise wrong("a list of names in the order of the outputs, or a file with one on each line")


def _entries(value: object, info: ValidationInfo) -> dict[str, LocatedDict]:
    load_context = load_context_of(info)
    if not isinstance(value, LocatedDict):
        raise wrong("a mapping of names to what is different for each")
    found: dict[str, LocatedDict] = {}
    for name, own in value.items():
        usable_name(name, value.key_spans[name], load_context, "an entry")
        if isinstance(own, LocatedDict):
            found[name] = own
        else:
            message = f"`{name[:80]}` must be a mapping, found {describe(own)}"
            load_context.error("E0202", message, value.value_spans[name])
    return found


_PIXELS: Final[dict[str, Any]] = {"type": "integer", "minimum": 1, "maximum": _MOST_PIXELS}
_NUMBERS: Final[dict[str, Any]] = {
    "anyOf": [{"type": "number"}, {"type": "array", "minItems": 1, "maxItems": 4, "items": {"type": "number"}}]
}
_ENTRIES: Final[dict[str, Any]] = {
    "type": "object",
    "propertyNames": NAME_SCHEMA,
    "additionalProperties": definition("Pretrained"),
}
Sides: TypeAlias = Annotated[
    int | tuple[int, int],
    Reads(_sides, {"anyOf": [_PIXELS, {"type": "array", "minItems": 2, "maxItems": 2, "items": _PIXELS}]}),
]
Numbers: TypeAlias = Annotated[tuple[float, ...], Reads(_numbers, _NUMBERS)]


class Pretrained(Model):
    """Weights that exist for a network, and how images are prepared for them."""

    noun: ClassVar[str] = "`pretrained`"
    other_words: ClassVar[Mapping[str, str]] = PRETRAINED_WORDS
    stand_ins: ClassVar[Mapping[str, object] | None] = {}

    weights: Annotated[str, Reads(_weights, {"type": "string"})] | None = Field(
        None, description="where they are: `hf://owner/name`, an `https://` address, or a file beside the spec"
    )
    sha256: Annotated[str, Reads(_digest, {"type": "string", "pattern": f"^{_DIGEST.pattern}$"})] | None = Field(
        None, description="the SHA-256 of that file, or its first digits, 8 at least"
    )
    md5: Annotated[str, Reads(_md5, {"type": "string", "pattern": f"^{_MD5.pattern}$"})] | None = Field(
        None, description="the MD5 of that file, where its publisher gives no other, as keras.applications"
    )
    size: Sides | None = Field(
        None,
        description="images are resized to this shorter side, or to this height and width; not at all unless given",
    )
    crop: Sides | None = Field(None, description="then the middle is cut out: one number for both sides, or two")
    interpolation: Literal["nearest", "bilinear", "bicubic"] = Field(
        "bilinear", description="how pixels between pixels are found, by Pillow: `nearest`, `bilinear`, `bicubic`"
    )
    channels: Literal["rgb", "bgr"] = Field("rgb", description="the order of the colors: `rgb`, or `bgr` as in Caffe")
    range: Literal[1, 255] = Field(
        1, description="what white is before mean and deviation: `1`, as in PyTorch, or `255`, as in Caffe and Keras"
    )
    mean: Numbers = Field((0.0,), description="what is subtracted, from each channel or from all")
    std: Numbers = Field((1.0,), description="the deviation, by which is divided then")
    classes: (
        Annotated[
            tuple[str, ...],
            Reads(
                _names,
                {"anyOf": [{"type": "string"}, {"type": "array", "minItems": 1, "items": {"type": "string"}}]},
            ),
        ]
        | None
    ) = Field(None, description="the names of the classes in order: a list, or a file with one on each line")
    license: str = Field("", description="of the weights, as the hub names it: `apache-2.0`")
    source: str = Field("", description="who trained them, and where that is said")
    variants: Annotated[dict[str, LocatedDict], Reads(_entries, _ENTRIES)] = Field(
        default_factory=no_entries, description="what is different for a variant of the spec"
    )
    others: Annotated[dict[str, LocatedDict], Reads(_entries, _ENTRIES)] = Field(
        default_factory=no_entries,
        description="other weights of the same network, by a name for each, and what is different for them",
    )

    def of_variant(
        self, name: str | None, known: Mapping[str, object], load_context: LoadContext
    ) -> "Pretrained | None":
        """What holds for a variant of the spec; errors in what any of them changes are noted."""
        found: Pretrained | None = self
        self._check_others(load_context)
        for variant, own in self.variants.items():
            if variant not in known:
                help = did_you_mean(variant, known) or "list it under the spec's `variants`"
                span = self.entry_place("variants", variant)
                load_context.error("E0411", f"no variant is called `{variant[:80]}`", span, help=help)
            if "variants" in own:
                message = "what is different for a variant has no variants"
                load_context.error("E0202", message, own.key_spans["variants"])
                continue
            read = Pretrained.read(self._changed(own), load_context)
            if read is not None:
                read._check_others(load_context)
            if variant == name:
                found = read
        return found

    def of_weights(self, address: str) -> "Pretrained | None":
        """What holds for weights by their address, these or those of `others`; None if neither is there."""
        wanted = canonical(address)
        if self.weights is not None and canonical(self.weights) == wanted:
            return self
        for own in self.others.values():
            if canonical(str(own.get("weights", ""))) == wanted:
                return Pretrained.read(self._changed(own), LoadContext()) or self
        return None

    def addresses(self) -> Iterator[tuple[str, str]]:
        """The address of all weights that are named, each behind the variant whose they are; empty if not said."""
        if self.weights is not None:
            yield "", self.weights
        yield from (("", str(own["weights"])) for own in self.others.values() if "weights" in own)
        for variant, own in self.variants.items():
            others = own.get("others")
            rows = [own, *(others.values() if isinstance(others, LocatedDict) else ())]
            yield from (
                (variant, str(row["weights"])) for row in rows if isinstance(row, LocatedDict) and "weights" in row
            )

    def _check_others(self, load_context: LoadContext) -> None:
        for name, own in self.others.items():
            if odd := [key for key in OF_NETWORK if key in own]:
                message = f"what is different for other weights has no `{odd[0]}`"
                load_context.error("E0202", message, own.key_spans[odd[0]])
            elif "weights" not in own:
                help = "write where they are: images are prepared so where these weights are given"
                span = self.entry_place("others", name)
                load_context.error("E0205", f"`{name[:80]}` needs the key `weights`", span, help=help)
            else:
                Pretrained.read(self._changed(own), load_context)

    def _changed(self, own: LocatedDict) -> LocatedDict:
        """What is written, with an entry's keys over it. Another file has another digest."""
        changed = LocatedDict(own.span)
        for key in self._located:
            if key not in OF_NETWORK and key not in own and not (key in DIGESTS and "weights" in own):
                changed.take(self._located, key)
        for key in own:
            changed.take(own, key)
        return changed

    def _check(self, load_context: LoadContext) -> None:
        if len(self.mean) != len(self.std) and 1 not in (len(self.mean), len(self.std)):
            message = f"`mean` has {len(self.mean)} numbers, and `std` {len(self.std)}"
            load_context.error("E0202", message, self.place("std"))
        if min(self.std) <= 0:
            load_context.error("E0202", "`std` divides: its numbers are above 0", self.place("std"))
        given = [key for key in DIGESTS if getattr(self, key) is not None]
        if given and self.weights is None and not self.variants:
            message = f"`{given[0]}` is of `weights`, which are not given"
            load_context.error("E0202", message, self.key_place(given[0]))
