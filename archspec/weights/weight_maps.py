"""Reading maps of weights: the files that ship, and people's own."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from archspec.errors import Diagnostic, Span, SpecError, WeightsOptionError, did_you_mean
from archspec.expr import Expr, ExprError, names, parse, split_pattern
from archspec.file_identification import identify_as_weights
from archspec.spec.loading import bounded
from archspec.spec.located_data import LoadContext, LocatedDict
from archspec.spec.yaml_reader import read_file
from archspec.weights.map_rules import MapRule, WeightMap

_KEY: Final = "archspec-map"
_KEYS: Final = (_KEY, "library", "reference", "layout", "variables", "let", "layers", "weights", "derived", "ignored")
_LAYOUTS: Final = ("torch", "keras")
_VARIABLES: Final = (
    *("kernel", "depthwise_kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "embeddings", "alpha"),
    *("weight", "running_mean", "running_var", "in_proj_weight", "in_proj_bias"),
)
"""What Keras and PyTorch call the variables of layers."""
_LARGEST_KERNEL: Final = 1000
_FORMS: Final = (
    "a rule gives a name, a list of names, `{constant: NUMBER}`, `{name: NAME, squeeze: true}` or "
    "`{name: NAME, kernel: 7}`"
)
_CAPTURE: Final = re.compile(r"([a-z_]\w*)(:word)?")


def load_map(path: Path) -> WeightMap:
    """The map in a file.

    Raises:
        SpecError: with everything that is wrong.
    """
    with bounded(None, path) as context:
        data = read_file(path, context)
        if data is not None and not (isinstance(data, LocatedDict) and _KEY in data):
            context.error("E0703", f"`{path}` is no map of weights", help=f"one begins with `{_KEY}: 1`")
        context.diagnostics.raise_if_any(SpecError)
        assert isinstance(data, LocatedDict)
        found = _Reader(path, data, context).read()
        context.diagnostics.raise_if_any(SpecError)
    return found


@cache
def shipped_maps() -> tuple[WeightMap, ...]:
    """The maps that come with archspec, by name."""
    folder = Path(str(files("archspec.weights") / "maps"))
    return tuple(load_map(path) for path in sorted(folder.glob("*.yaml")))


def found_map(name: str | os.PathLike[str]) -> WeightMap:
    """The map of a file, or the one that ships under a name.

    Raises:
        SpecError: the file's is wrong.
        WeightsError: there is none.
    """
    if isinstance(name, os.PathLike) or name.endswith((".yaml", ".yml")):
        return load_map(Path(name))
    maps = {each.path.stem: each for each in shipped_maps()}
    if name not in maps and Path(name).is_file():
        found = identify_as_weights(Path(name))
        what = found.what if found is not None else "a file of weights"
        message = f"`{name}` is no map of weights: it is {what}"
        raise WeightsOptionError(Diagnostic("E0703", message, help="a map is a file of YAML: name it FILE.yaml"))
    if name not in maps:
        help = did_you_mean(name, maps) or f"there are {', '.join(maps)}; or give the path of a file, FILE.yaml"
        raise WeightsOptionError(Diagnostic("E0703", f"no map named `{name[:80]}` ships", help=help))
    return maps[name]


def _is_constant(value: object) -> bool:
    return isinstance(value, LocatedDict) and [*value] == ["constant"]


def _is_part(value: object) -> bool:
    return isinstance(value, str) or _is_constant(value)


class _Reader:
    """Reads the data of a map, and notes what is wrong with it."""

    def __init__(self, path: Path, data: LocatedDict, context: LoadContext) -> None:
        self.path, self.data, self.context = path, data, context
        self.quantities: dict[str, Expr] = {}

    def read(self) -> WeightMap:
        for key in self.data:
            if key not in _KEYS:
                help = did_you_mean(key, _KEYS) or f"a map has {', '.join(_KEYS)}"
                self._wrong(f"a map has no key `{key[:80]}`", self.data.key_spans[key], help)
        if self.data[_KEY] != 1:
            self._wrong("this version of maps is not known", self.data.value_spans[_KEY], f"write `{_KEY}: 1`")
        layout = self.data.get("layout", "torch")
        if layout not in _LAYOUTS:
            self._wrong("there is no such layout", self.data.value_spans["layout"], "write `torch` or `keras`")
        variables = self._mapping("variables")
        for key, value in variables.items():
            if key not in _VARIABLES:
                known = f"they are {', '.join(_VARIABLES)}"
                self._wrong(f"there is no variable `{key[:80]}`", variables.key_spans[key], known)
            if not isinstance(value, str):
                self._wrong("a variable's name is a text", variables.value_spans[key])
        self._read_quantities()
        library = self.data.get("library")
        if not isinstance(library, str):
            self._wrong("a map says whose names it has", self.data.span, "as `library: keras.applications, ResNet50`")
        return WeightMap(
            self.path,
            str(library),
            "keras" if layout == "keras" else "torch",
            self._rules("layers"),
            self._rules("weights"),
            {key: str(value) for key, value in variables.items()},
            self._rules("derived"),
            self._ignored(),
        )

    def _wrong(self, message: str, span: Span | None, help: str = "") -> None:
        self.context.error("E0703", message, span, help=help)

    def _mapping(self, key: str) -> LocatedDict:
        found = self.data.get(key)
        if found is None:
            return LocatedDict(self.data.span)
        if not isinstance(found, LocatedDict):
            self._wrong(f"`{key}` is a mapping", self.data.value_spans[key])
            return LocatedDict(self.data.span)
        return found

    def _read_quantities(self) -> None:
        given = self._mapping("let")
        for name, text in given.items():
            try:
                if not name.isidentifier() or not isinstance(text, str | int) or isinstance(text, bool):
                    raise ExprError("`let` holds expressions by names")
                self.quantities[name] = parse(str(text), self.context.budget)
            except ExprError as error:
                self._wrong(str(error), given.value_spans[name])

    def _rules(self, key: str) -> tuple[MapRule, ...]:
        rules = self._mapping(key)
        read = self._derived_rule if key == "derived" else self._rule
        return tuple(
            rule
            for text, value in rules.items()
            if (rule := read(text, value, rules.key_spans[text], rules.value_spans[text])) is not None
        )

    def _ignored(self) -> tuple[re.Pattern[str], ...]:
        """Patterns of names of the file that are passed over."""
        given = self.data.get("ignored", [])
        if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
            self._wrong("`ignored` is a list of the library's names", self.data.value_spans["ignored"])
            return ()
        span = self.data.value_spans["ignored"] if given else self.data.span
        found = (self._compiled(each, span) for each in given)
        return tuple(each[0] for each in found if each is not None)

    def _derived_rule(self, text: str, value: object, key_span: Span, span: Span) -> MapRule | None:
        """A rule for a tensor that follows from the network: a name, or `{name: NAME, saved: false}`."""
        saved: object = True
        if isinstance(value, LocatedDict) and value.keys() == {"name", "saved"}:
            saved, value = value["saved"], value["name"]
        if not isinstance(value, str) or not isinstance(saved, bool):
            self._wrong("what is derived has a name, or `{name: NAME, saved: false}`", span)
            return None
        if self.data.get("layout") == "keras":
            self._wrong("`derived` is for names in PyTorch's layout", span, "Keras saves nothing that it derives")
            return None
        rule = self._rule(text, value, key_span, span)
        return replace(rule, saved=saved) if rule is not None else None

    def _rule(self, text: str, value: object, key_span: Span, span: Span) -> MapRule | None:
        compiled = self._compiled(text, key_span)
        given: tuple[str, ...] = ()
        constants: tuple[float | None, ...] = ()
        constant: float | None = None
        squeezed = isinstance(value, LocatedDict) and value.keys() == {"name", "squeeze"} and value["squeeze"] is True
        kernel = value.get("kernel") if isinstance(value, LocatedDict) and value.keys() == {"name", "kernel"} else 0
        if isinstance(kernel, bool) or not isinstance(kernel, int) or not 0 <= kernel < _LARGEST_KERNEL:
            self._wrong("a kernel is a whole number, 1 or more", span)
            return None
        if isinstance(value, LocatedDict) and (squeezed or kernel):
            value = value["name"]
        if _is_constant(value):
            constant = self._number(value)
            if constant is None:
                return None
        elif isinstance(value, str):
            given = (value,)
        elif isinstance(value, list) and any(isinstance(each, str) for each in value) and all(map(_is_part, value)):
            given = tuple(each if isinstance(each, str) else "" for each in value)
            constants = tuple(None if isinstance(each, str) else self._number(each) for each in value)
            if any(not name and number is None for name, number in zip(given, constants, strict=True)):
                return None
        else:
            self._wrong(_FORMS, span)
            return None
        if compiled is None:
            return None
        pattern, numbers = compiled
        for name in filter(None, given):
            self._check_name(name, set(pattern.groupindex), numbers, span)
        if self.data.get("layout") == "keras" and (squeezed or kernel or len(given) > 1):
            self._wrong(
                "lists, `squeeze` and `kernel` are for names in PyTorch's layout", span, "leave `layout: keras` out"
            )
        return MapRule(
            pattern,
            text,
            numbers,
            given,
            constants,
            constant,
            squeezed,
            kernel,
            quantities=self.quantities,
            span=key_span,
        )

    def _number(self, value: Any) -> float | None:
        """The number of `{constant: NUMBER}`; None where it is none, which is noted."""
        number = value["constant"]
        if isinstance(number, bool) or not isinstance(number, int | float):
            self._wrong("a constant is a number", value.value_spans["constant"])
            return None
        return float(number)

    def _compiled(self, text: str, span: Span) -> tuple[re.Pattern[str], frozenset[str]] | None:
        """The pattern, and which of its names take numbers."""
        parts: list[str] = []
        seen: dict[str, bool] = {}
        try:
            pieces = split_pattern(text)
        except ValueError as error:
            self._wrong(str(error), span)
            return None
        for piece, is_capture in pieces:
            if not is_capture:
                parts.append(re.escape(piece))
                continue
            match = _CAPTURE.fullmatch(piece)
            if match is None:
                self._wrong(f"`{{{piece[:80]}}}` is no place for a name", span, "as `{unit}`, or `{name:word}`")
                return None
            name, kind = match.groups()
            if name in seen:
                parts.append(f"(?P={name})")
                continue
            seen[name] = kind is None
            parts.append(f"(?P<{name}>{'[^.]+' if kind else '[0-9]+'})")
        return re.compile("".join(parts)), frozenset(name for name, is_number in seen.items() if is_number)

    def _check_name(self, name: str, captured: set[str], numbers: frozenset[str], span: Span) -> None:
        try:
            for text, is_expression in split_pattern(name):
                if not is_expression or text in captured:
                    continue
                used = names(parse(text, self.context.budget), self.context.budget)
                for own in used & self.quantities.keys() - captured:
                    used = used - {own} | names(self.quantities[own], self.context.budget)
                if unknown := sorted(used - captured):
                    self._wrong(
                        f"`{unknown[0]}` stands in no braces on the left", span, did_you_mean(unknown[0], captured)
                    )
                elif words := sorted(used - numbers):
                    self._wrong(f"`{words[0]}` is a word, with which nothing is worked out", span)
        except (ValueError, ExprError) as error:
            self._wrong(str(error), span)
