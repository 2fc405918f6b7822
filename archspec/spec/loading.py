"""From a name, a path or a text to a spec."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from archspec.atomic_files import resolved
from archspec.errors import Diagnostic, InternalError, Source, Span, SpecError, did_you_mean
from archspec.expr import ExprError, names, parse
from archspec.limits import DEFAULT, Budget, Limits, WorkError
from archspec.spec.base import Attribute
from archspec.spec.compose import Composer, check_version, is_library, is_recipe
from archspec.spec.located_data import Example, LoadContext, LocatedDict
from archspec.spec.model import Spec
from archspec.spec.parts import Param, shown
from archspec.spec.scalars import NumberTooLargeError, describe, resolve
from archspec.spec.shipped_specs import NETWORKS, Shipped, shipped_folder
from archspec.spec.yaml_reader import read_text

_BARE_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")


class FromSet(str):
    """A value that was given by `--set`, as errors about it say; others were given in Python."""

    __slots__ = ()


def load(
    source: str | Path,
    overrides: Mapping[str, object] | None = None,
    example: Example | None = None,
    *,
    limits: Limits | None = None,
    root: str | os.PathLike[str] | None = None,
    asked: Callable[[Path], object] | None = None,
    check: Callable[[Spec, Budget], object] | None = None,
) -> Spec:
    """The spec at a path, or the shipped spec of a bare name.

    Args:
        source: A path, or a name such as `resnet50`.
        overrides: Values for params. Strings are read as YAML's scalars, as from a command line.
        example: How a call of an op is written, for errors; see `LoadContext`.
        limits: What the spec may ask for at most.
        root: The folder that files named in it must not leave; the spec's own folder if not given.
        asked: Is called with each file that is looked for, before it is read and whether or not it is there.
        check: Raises what else is wrong with a spec some of whose parts are refused, so that all is said at once.

    Raises:
        SpecError: with everything that is wrong.
    """
    path = find(source)
    if root is not None:
        check_root(Path(root))
    with bounded(limits, path, example) as load_context:
        load_context.asked = asked
        composer = _composer(load_context, Path(root) if root is not None else path.parent)
        spec = _validated(composer.file(path), load_context, overrides, check)
    spec._path = path
    return spec


def check_root(root: Path) -> None:
    """See that the folder that files must lie in is one: else no file lies in it, for a reason that nobody sees."""
    try:
        if root.is_dir():
            return
        os.stat(root)
        reason = "it is not a folder"
    except (OSError, ValueError) as error:  # ValueError: a NUL character
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
    raise SpecError(Diagnostic("E0101", f"`{root}` cannot be the root of a spec's files: {reason}"))


@contextmanager
def bounded(limits: Limits | None, name: str | Path, example: Example | None = None) -> Iterator[LoadContext]:
    """A `LoadContext` under these limits; the one on work has no place of its own but the file."""
    load_context = LoadContext(Budget(limits or DEFAULT), example=example)
    try:
        yield load_context
    except WorkError as error:
        place = Span(Source(str(name), ""), 1, 1, 1, 1)
        raise SpecError([*load_context.diagnostics, error.diagnostic(span=place)]) from None


def load_text(
    text: str,
    name: str = "<text>",
    folder: Path | None = None,
    overrides: Mapping[str, object] | None = None,
    *,
    limits: Limits | None = None,
) -> Spec:
    """The spec in a text.

    Args:
        text: YAML.
        name: What errors call the text.
        folder: Where the paths in it start, and what they must not leave; the current folder if not given.
        overrides: As in `load`.
        limits: As in `load`.

    Raises:
        SpecError: with everything that is wrong.
    """
    with bounded(limits, name) as load_context:
        data = read_text(text, name, load_context)
        if data is not None or not load_context.diagnostics:
            folder = folder or Path()
            data = _composer(load_context, folder).data(data, folder, name)
        return _validated(data, load_context, overrides)


def find(name_or_path: str | Path, kind: Shipped = NETWORKS) -> Path:
    """The path of a spec, or of a recipe; a bare name is looked for among those that ship.

    A path is given back as it is, whether or not there is such a file.

    Raises:
        SpecError: none of that name ships.
    """
    if isinstance(name_or_path, str) and "\n" in name_or_path:
        help = f"write it to a file, or read it with `{kind.module}.load_text`"
        message = f"this is the text of a {kind.noun}, where a path or a name must stand"
        raise SpecError(Diagnostic("E0101", message, help=help))
    if isinstance(name_or_path, Path) or not _BARE_NAME.fullmatch(name_or_path):
        return Path(name_or_path)
    try:
        if (path := kind.path(name_or_path)) is not None:
            return path
        if Path(name_or_path).exists():
            return Path(name_or_path)
    except OSError:
        pass  # a name that no file can have
    beside = Path(f"{name_or_path[:80]}.yaml")
    help = f"did you mean the file `{beside}`?" if beside.is_file() else did_you_mean(name_or_path, kind.names())
    raise SpecError(Diagnostic("E0106", f"no {kind.noun} named `{name_or_path[:80]}` ships", help=help))


def _composer(load_context: LoadContext, root: Path) -> Composer:
    def parent(name: str, folder: Path, span: Span) -> Path | None:
        if not _BARE_NAME.fullmatch(name):
            return folder / name
        try:
            return find(name)
        except SpecError as error:
            found = error.diagnostics[0]
            load_context.error(found.code, found.message, span, help=found.help)
            return None

    def library(name: str, folder: Path, span: Span) -> Path | None:
        """Beside the spec; else among what ships, so that any spec can use the shipped blocks."""
        path, ours = folder / name, shipped_folder()
        if load_context.asked is not None:
            load_context.asked(path)
        try:
            if not path.exists() and ours and (ours / name).is_file():
                return ours / name
        except (OSError, ValueError):
            pass  # reading the file will say what is wrong
        return path

    # Whatever is named must lie in one of these, links followed: a spec is untrusted.
    roots = [resolved(folder) for folder in (root, shipped_folder()) if folder is not None]
    return Composer(load_context, parent, library, roots)


def _validated(
    data: LocatedDict | object,
    load_context: LoadContext,
    overrides: Mapping[str, object] | None,
    check: Callable[[Spec, Budget], object] | None = None,
) -> Spec:
    if not isinstance(data, LocatedDict):
        load_context.diagnostics.raise_if_any(SpecError)
        raise InternalError("a spec could not be read, and nobody said why")
    # Another version has other keys: to complain about them would mislead.
    if not check_version(data, "a spec", load_context):
        load_context.diagnostics.raise_if_any(SpecError)
    if is_recipe(data):
        message = "this is a recipe for training, and no network: it has none of `name`, `input` and `layers`"
        help = "give a network here, and the recipe with `--recipe`; `archspec validate` takes both"
        load_context.error("E0205", message, data.span, help=help)
        load_context.diagnostics.raise_if_any(SpecError)
    if is_library(data):
        message = "this is a library of blocks, and no network: it has none of `name`, `input` and `layers`"
        help = f"include it in a network: `include: [{Path(data.span.source.name).name}]`"
        load_context.error("E0205", message, data.span, help=help)
        load_context.diagnostics.raise_if_any(SpecError)
    load_context.block_params = _block_params(data)
    load_context.tuple_blocks = _tuple_blocks(data)
    spec = Spec.read(data, load_context)
    if spec is None:
        load_context.diagnostics.raise_if_any(SpecError)
        raise InternalError("a spec is wrong, and nobody said why")
    spec._overrides = _overrides(spec, overrides or {}, load_context)
    spec._sources, spec._texts = load_context.files, load_context.texts
    spec._limits = load_context.limits
    if check is not None and load_context.diagnostics and not any(map(_of_files, load_context.diagnostics)):
        _check_too(check, spec, load_context)
    load_context.diagnostics.raise_if_any(SpecError)
    return spec


def _block_params(data: LocatedDict) -> dict[str, tuple[str, ...]]:
    """The params of each block, in the order in which values without names give them."""
    found: dict[str, tuple[str, ...]] = {}
    blocks = data.get("blocks")
    for name, block in blocks.items() if isinstance(blocks, LocatedDict) else ():
        if isinstance(block, LocatedDict):
            unit, params = block.get("unit"), block.get("params")
            fields = [word for word in unit if isinstance(word, str)] if isinstance(unit, list) else []
            found[name] = tuple(dict.fromkeys([*fields, *(params if isinstance(params, dict) else ())]))
    return found


def _tuple_blocks(data: LocatedDict) -> frozenset[str]:
    """The blocks that say what a tuple means: a list after their name is one, and no list of branches."""
    blocks = data.get("blocks")
    named = blocks.items() if isinstance(blocks, LocatedDict) else ()
    return frozenset(name for name, block in named if isinstance(block, LocatedDict) and block.get("unit"))


def _of_files(found: Diagnostic) -> bool:
    """Whether something may be missing that stands in another file, or in the part of this one that is no YAML."""
    return found.code.startswith("E01") and found.code != "E0103"


def _check_too(check: Callable[[Spec, Budget], object], spec: Spec, load_context: LoadContext) -> None:
    """Note what a check finds in the sound parts of a spec; of a place that is wrong already no more is said."""
    spec._refused = frozenset(load_context.refused)
    try:
        check(spec, load_context.budget)
    except SpecError as error:
        noted = {found.span for found in load_context.diagnostics}
        for found in error.diagnostics:
            if found.span not in noted:
                load_context.error(found.code, found.message, found.span, notes=found.notes, help=found.help)


class _HasParams(Protocol):
    """A network or a recipe."""

    @property
    def name(self) -> str: ...

    @property
    def params(self) -> Mapping[str, Param]: ...


def _overrides(spec: Spec, overrides: Mapping[str, object], load_context: LoadContext) -> dict[str, Attribute]:
    """The values that are given to params: those of the variant, and over them those from outside."""
    tables = {name: _variant(spec, values, load_context) for name, values in spec.variants.items()}
    chosen = spec.variant
    if tables and "variant" in overrides:
        overrides = dict(overrides)
        given = overrides.pop("variant")
        chosen = str(given)
        if chosen not in tables:
            _, span, _ = _places("variant", given)
            message = f"no variant of {spec.name} is called `{chosen[:80]}`"
            load_context.error("E0411", message, span, help=did_you_mean(chosen, tables, [*tables]))
    spec._chosen_variant = chosen
    return {**tables.get(chosen or "", {}), **read_overrides(spec, overrides, load_context)}


def _variant(spec: Spec, values: Mapping[str, Attribute], load_context: LoadContext) -> dict[str, Attribute]:
    """What a variant gives to params; all of them are looked at, whichever is chosen."""
    found: dict[str, Attribute] = {}
    for name, given in values.items():
        if name in load_context.refused and name not in spec.params:
            continue
        read = _given(spec, name, given, load_context)
        if read is not None:
            found[name] = read
    return found


def read_overrides(
    spec: _HasParams, overrides: Mapping[str, object], load_context: LoadContext
) -> dict[str, Attribute]:
    """The values that are given to params from outside, with their places; what is wrong with them is noted."""
    return {
        name: found
        for name, value in overrides.items()
        if (found := _override(spec, str(name), value, load_context)) is not None
    }


def _places(name: str, value: object) -> tuple[Span, Span, str]:
    """Where a param that is given from outside stands, its name and its value; and what is written before the value."""
    written = value if isinstance(value, str) else _as_yaml(value)
    source = Source("--set" if isinstance(value, FromSet) else "argument", f"{name}={written}")
    start = len(name) + 1
    before = f"--set {name}=" if isinstance(value, FromSet) else f"{name}="
    return Span(source, 1, 1, 1, start), Span(source, 1, start + 1, 1, start + 1 + len(written)), before


def _override(spec: _HasParams, name: str, value: object, load_context: LoadContext) -> Attribute | None:
    name_span, span, before = _places(name, value)
    try:
        # As a plain string: YAML's parser takes any other kind, such as `FromSet`, for a file.
        raw = _from_string(str(value), load_context) if isinstance(value, str) else value
    except NumberTooLargeError as error:
        load_context.error("E0304", str(error), span)
        return None
    return _given(spec, name, Attribute(raw, span, name_span), load_context, before)


def _given(
    spec: _HasParams, name: str, given: Attribute, load_context: LoadContext, before: str = ""
) -> Attribute | None:
    """A value that a param is given; what is wrong with it is noted. `before` is what is written before the value."""
    raw, span, name_span = given.raw, given.span, given.key_span
    if name not in spec.params:
        help = did_you_mean(name, spec.params) or f"{spec.name} has no params"
        load_context.error("E0401", f"unknown param `{name[:80]}`", name_span, help=help)
        return None
    if isinstance(raw, tuple):
        raw = list(raw)
    if not isinstance(raw, int | float | str | list):
        message = f"`{name}` must be a number, a string or a list, found {describe(raw)}"
        load_context.error("E0202", message, span)
        return None
    param = spec.params[name]
    if param.choices is not None and not param.allows(raw):
        message = f"`{name}` cannot be {describe(raw)}"
        load_context.error("E0411", message, span, help=shown(param.choices))
        return None
    default = param.default.raw if param.default is not None else None
    if param.choices is None and isinstance(raw, float) and isinstance(default, int) and not isinstance(default, bool):
        if not raw.is_integer():
            message = f"`{name}` is {raw}; a whole number is expected, as its default {default} is"
            load_context.error("E0411", message, span, help="a default such as 2.0 would allow it")
            return None
        raw = int(raw)
    if param.choices is None and not _suits(raw, default, load_context.budget):
        expected = next((words for kind, words in _EXPECTED if isinstance(default, kind)), "a value of another kind")
        message = f"`{name}` is {describe(raw)}; {expected} is expected"
        help = "without `choices` a param takes numbers, `true`, `false`, and lists of them"
        if isinstance(raw, str) and raw.isidentifier() and isinstance(default, str) and default.isidentifier():
            listed = f"{{default: {default}, choices: [{default}, {raw[:40]}]}}"
            help = f"a word is one of the param's choices: `{name}: {listed}`"
        if param.default is not None and not isinstance(default, str):
            message += f", as its default {_as_yaml(default)} is"
            values = ("true", "false") if isinstance(default, bool) else (_as_yaml(default),)
            before = before or f"{name}: "
            help = "write " + " or ".join(f"`{before}{each}`" for each in values)
            help += "" if isinstance(default, bool) else f", or another {expected.split()[-1]}"
        load_context.error("E0411", message, span, help=help)
        return None
    return Attribute(raw, span, name_span)


_EXPECTED: Final = ((bool, "true or false"), (int | float, "a number"), (list, "a list"))


def _suits(raw: object, default: object, budget: Budget) -> bool:
    """Whether a value may stand for a param with this default, as far as it is plain to see."""
    if isinstance(raw, str):
        try:
            return not names(parse(raw, budget), budget)  # there is nothing that it could mention
        except ExprError as error:
            return error.too_large  # which is said where it is worked out
    if isinstance(raw, int | float) and isinstance(default, int | float):
        return isinstance(raw, bool) == isinstance(default, bool)
    return True


def _from_string(text: str, load_context: LoadContext) -> object:
    """A value from the command line: a scalar, or a list in brackets."""
    if not text.startswith("["):
        return resolve(text, load_context.limits.digits)
    trial = LoadContext(load_context.budget)
    value = read_text(text, "--set", trial)
    # What is not a list may still be an expression: `[1, 2] * 2`.
    return text if trial.diagnostics or not isinstance(value, list) else value


def _as_yaml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)[:200]
