"""The depth that a spec declares, and the `n` that its rule gives."""

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, TypeAlias

from pydantic import Field, ValidationInfo

from archspec.spec.base import (
    Attribute,
    Model,
    Reads,
    Size,
    definition,
)
from archspec.spec.checks import parses
from archspec.spec.key_suggestions import DEPTH_WORDS
from archspec.spec.located_data import LoadContext, LocatedDict
from archspec.spec.problems import wrong
from archspec.spec.scalars import describe

_RULE: Final = re.compile(r"\s*([0-9]{1,6})\s*n\s*(?:([+-])\s*([0-9]{1,6}))?\s*")


def _rule(value: object) -> str:
    if isinstance(value, str):
        match = _RULE.fullmatch(value)
        if match and int(match[1]) > 0:
            return value
    raise wrong("a rule such as `6n+2`")


class Depth(Model):
    """How many weighted layers lie on the longest path, and how `n` follows from it."""

    noun: ClassVar[str] = "`depth`"
    other_words: ClassVar[Mapping[str, str]] = DEPTH_WORDS
    attribute_keys: ClassVar[tuple[str, ...]] = ("value", "counted")

    value: Size = Field(description="the depth: a number or an expression")
    rule: Annotated[str, Reads(_rule, {"type": "string", "pattern": f"^{_RULE.pattern}$"})] | None = Field(
        None, description="which depths are possible, as `6n+2`; it gives `n`"
    )
    counted: Size | None = Field(
        None, description="how many weighted layers there are, where a param leaves some out; the depth unless given"
    )

    @property
    def coefficients(self) -> tuple[int, int] | None:
        """`(a, b)` of the rule `an+b`; None without a rule."""
        match = _RULE.fullmatch(self.rule) if self.rule is not None else None
        if match is None:
            return None
        offset = int(match[3] or 0)
        return int(match[1]), -offset if match[2] == "-" else offset

    def n(self, depth: int) -> int | None:
        """The `n` of a depth; None if the rule does not allow the depth, or there is no rule."""
        if self.coefficients is None:
            return None
        factor, offset = self.coefficients
        n, rest = divmod(depth - offset, factor)
        return n if rest == 0 and n >= 1 else None

    def nearest(self, depth: int) -> list[tuple[int, int]]:
        """The depths next to `depth` that the rule allows, below and above, each with its `n`."""
        if self.coefficients is None:
            return []
        factor, offset = self.coefficients
        below = (depth - offset) // factor
        counts = sorted({max(1, below), max(1, below + 1)})
        if self.n(depth) is not None:
            counts = [below]
        return [(factor * n + offset, n) for n in counts]

    def _check(self, load_context: LoadContext) -> None:
        for size in (self.value, self.counted):
            if size is None:
                continue
            if isinstance(size.raw, str):
                parses(size.raw, size.span, load_context)
            elif isinstance(size.raw, bool) or not isinstance(size.raw, int):
                message = f"the depth must be an integer or an expression, found {describe(size.raw)}"
                load_context.error("E0202", message, size.span)


def _depth(value: object, info: ValidationInfo) -> Depth:
    if isinstance(value, Attribute):
        if isinstance(value.raw, LocatedDict):
            return Depth.model_validate(value.raw, context=info.context)
        if value.span is not None:
            data = LocatedDict(value.span)
            data.put("value", value.raw, value.key_span or value.span, value.span)
            return Depth.model_validate(data, context=info.context)
    raise wrong("a number, an expression, or a mapping with `value` and `rule`")


DepthField: TypeAlias = Annotated[
    Depth,
    Reads(_depth, {"anyOf": [{"type": "integer", "minimum": 1}, definition("Expression"), definition("Depth")]}),
]
