"""Arguments that most layers of a kind have, written once: `conv2d = partial(layers.Conv2D, use_bias=False, ...)`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import chain, count
from typing import Final

from archspec.codegen.escaping import quoted
from archspec.codegen.pretty_printer import Bracket, Code, Keyword, Ternary, flat, lay_out
from archspec_keras.data_format import FORMAT
from archspec_keras.names import CHANNELS_LAST, COMMON
from archspec_keras.ops.initializers import DEFAULT_KERNEL, Serialized, serialized

_FEWEST: Final = 3
"""Calls from which on what they have in common is written once."""
_SAVED: Final = 60
"""Characters that this has to save: the lines that it takes are read, too."""
_SHARED: Final = re.compile(r"use_bias|momentum|epsilon|\w+_initializer|\w+_regularizer")
_DEFAULTS: Final = {
    "use_bias": "True",
    "kernel_initializer": flat(DEFAULT_KERNEL),
    "depthwise_initializer": flat(DEFAULT_KERNEL),
}
"""What a call has that does not say it."""
_LITERAL: Final = re.compile(r'"[^"\\]*"|True|False|None|-?\d[\d.e/ -]*')


@dataclass(frozen=True, slots=True)
class CommonArguments:
    """The layers of a module that have arguments in common, by what is called, and the lines that declare them."""

    keywords: Mapping[str, Mapping[str, str]]
    lines: Sequence[str]
    constants: Mapping[Serialized, str] = field(default_factory=dict[Serialized, str])
    """What initializers are made from that other layers have, too, by the constant's name."""

    @staticmethod
    def of(codes: Iterable[Code], spoken: Callable[[], Set[str]], *, once: bool) -> CommonArguments:
        """What the calls in these have in common; with `once` what an initializer is made from stands there once.

        `spoken` gives the names that the module says anyway: no constant may have one of them.
        """
        calls: dict[str, list[Bracket]] = {}
        drawn: Counter[Serialized] = Counter()
        for code in codes:
            for made in _layers(code):
                calls.setdefault(str(made.head), []).append(made)
            drawn.update(_initializers(code) if once else ())
        found = {head: shared for head, made in calls.items() if (shared := _shared(made))}
        if {"BatchNormalization", "layers.BatchNormalization"} <= found.keys():  # there is one name for both
            del found["layers.BatchNormalization"]
        constants: dict[Serialized, str] = {}
        for head, shared in found.items():
            for name, code in shared.items():
                if (made_from := serialized(code)) is not None:
                    users = [made for made in calls[head] if _has(made, name, code)]
                    drawn[made_from] -= len(users) if once else 0
                    if drawn[made_from] > 0 and made_from not in constants:  # no name of one kind of layer
                        constants[made_from] = _unlike("KERNEL_INITIALIZER", constants, spoken)
        for made_from, uses in drawn.items():
            if uses >= _FEWEST and made_from not in constants:
                constants[made_from] = _unlike("INITIALIZER", constants, spoken)
        declared: list[str] = []
        for head, shared in found.items():
            format = {"data_format": FORMAT} if head in CHANNELS_LAST else {}
            base = f"layers.{head}" if format else head
            made_by = {name: _once(head, name, code, constants, spoken) for name, code in shared.items()}
            arguments = (Keyword(name, code) for name, code in {**format, **made_by}.items())
            declared += lay_out(Bracket("partial", (base, *arguments)), 0, f"{COMMON[head]} = ")
        return CommonArguments(
            {head: {name: flat(code) for name, code in shared.items()} for head, shared in found.items()},
            [*_declared(constants), *declared],
            constants if once else {},
        )

    def applied(self, code: Code) -> Code:
        """The code with what is common left out."""
        match code:
            case Keyword(name, value) if _is_initializer(name) and (made_from := serialized(value)) in self.constants:
                assert made_from is not None
                return Keyword(name, self.constants[made_from])
            case Keyword(name, value):
                return Keyword(name, self.applied(value))
            case Ternary(then, _, other):
                return replace(code, then=self.applied(then), other=self.applied(other))
            case Bracket(str() as head, args) if head in self.keywords:
                return replace(code, head=COMMON[head], args=tuple(self._left(head, args)))
            case Bracket(head, args):
                return replace(code, head=self.applied(head), args=tuple(map(self.applied, args)))
            case _:
                return code

    def _left(self, head: str, args: Sequence[Code]) -> Iterator[Code]:
        shared = self.keywords[head]
        given = {arg.name for arg in args if isinstance(arg, Keyword)}
        for arg in args:
            if isinstance(arg, Keyword) and arg.name == "name":
                yield from (Keyword(name, _DEFAULTS[name]) for name in shared if name not in given)
            if not isinstance(arg, Keyword) or shared.get(arg.name) != flat(arg.value):
                yield self.applied(arg)


def _layers(code: Code) -> Iterator[Bracket]:
    """The calls in a code that may have arguments in common with others."""
    match code:
        case Keyword(_, value):
            yield from _layers(value)
        case Bracket(head, args):
            if isinstance(head, str):
                if head in COMMON:
                    yield code
            else:
                yield from _layers(head)
            for arg in args:
                yield from _layers(arg)
        case _:
            pass


def _initializers(code: Code) -> Iterator[Serialized]:
    """What the initializers in a code are made from, where that is the same wherever they stand."""
    match code:
        case Keyword(name, value):
            made_from = serialized(value) if _is_initializer(name) and _is_constant(value) else None
            if made_from is not None:
                yield made_from
            else:
                yield from _initializers(value)
        case Ternary(then, _, other):
            yield from _initializers(then)
            yield from _initializers(other)
        case Bracket(head, args):
            for part in (head, *args):
                yield from _initializers(part)
        case _:
            pass


def _is_initializer(name: str) -> bool:
    """Whether a keyword takes what an initializer is made from, too."""
    return name.endswith("_initializer")


def _has(made: Bracket, name: str, code: Code) -> bool:
    """Whether a call has an argument of this value."""
    return any(isinstance(arg, Keyword) and arg.name == name and flat(arg.value) == flat(code) for arg in made.args)


def _unlike(name: str, constants: Mapping[Serialized, str], spoken: Callable[[], Set[str]]) -> str:
    """A name that neither a constant has nor what the spec names."""
    taken = {*constants.values(), *spoken()}
    numbered = (f"{name}_{number}" for number in count(max(2, len(constants) + 1)))
    return next(candidate for candidate in chain((name,), numbered) if candidate not in taken)


def _shared(calls: Sequence[Bracket]) -> dict[str, Code]:
    """The arguments that more than half of these calls have, where the others have their own or a known default."""
    if len(calls) < _FEWEST:
        return {}
    values: dict[str, list[Code]] = {}
    for made in calls:
        for arg in made.args:
            if isinstance(arg, Keyword) and _SHARED.fullmatch(arg.name):
                values.setdefault(arg.name, []).append(arg.value)
    found: dict[str, Code] = {}
    saved = 0
    for name, given in sorted(values.items(), key=lambda pair: pair[0] != "use_bias"):
        code, count = Counter(map(flat, given)).most_common(1)[0]
        value = next(value for value in given if flat(value) == code)
        if len(given) < len(calls) and name not in _DEFAULTS:
            continue
        if 2 * count > len(calls) and _is_constant(value):
            found[name] = value
            saved += count * (len(name) + len(code) + 3)
    return found if saved >= _SAVED else {}


def _is_constant(code: Code) -> bool:
    """Whether a value is the same wherever it stands: it speaks of no variable."""
    match code:
        case str():
            return _LITERAL.fullmatch(code) is not None
        case Keyword(_, value):
            return _is_constant(value)
        case Bracket(str() as head, args):
            return (head.startswith("keras.") or serialized(code) is not None) and all(map(_is_constant, args))
        case _:
            return False


def _once(head: str, name: str, code: Code, constants: dict[Serialized, str], spoken: Callable[[], Set[str]]) -> Code:
    """The value in a declaration; an initializer that draws by what it is made from, as one object would repeat."""
    made_from = serialized(code)
    if made_from is None:
        return code
    if made_from in constants:
        return constants[made_from]
    layer = head.removeprefix("layers.").partition("Conv")[0] or "Conv"
    name = f"{layer}_{name}" if not name.startswith(layer.lower()) else name
    constants[made_from] = _unlike(name.upper(), constants, spoken)
    return constants[made_from]


def _declared(constants: Mapping[Serialized, str]) -> list[str]:
    """The lines of what initializers are made from."""
    lines = ["# Each layer makes an initializer of its own of these, and so draws other numbers."] if constants else []
    for (kind, config), name in constants.items():
        items = tuple(f"{quoted(key)}: {value}" for key, value in config)
        parts = (f'"class_name": {quoted(kind)}', Bracket('"config": ', items, "{", "}"))
        lines += lay_out(Bracket("", parts, "{", "}"), 0, f"{name} = ")
    return lines
