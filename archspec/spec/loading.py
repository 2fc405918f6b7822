"""From a name, a path or a text to a spec."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Generic, TypeVar

from archspec.atomic_files import resolved
from archspec.errors import Diagnostic, InternalError, Source, Span, SpecError, did_you_mean
from archspec.limits import DEFAULT, Budget, Limits, WorkError
from archspec.records import record
from archspec.spec.base import Attribute
from archspec.spec.compose import Composer, check_version, is_library, is_recipe
from archspec.spec.document import Document
from archspec.spec.located_data import Example, LoadContext, LocatedDict
from archspec.spec.model import Spec
from archspec.spec.overrides import network_overrides
from archspec.spec.shipped_specs import NETWORKS, Shipped, shipped_folder
from archspec.spec.yaml_reader import read_text

_BARE_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")


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
    return NETWORK.load(source, overrides, example, limits=limits, root=root, asked=asked, check=check)


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
    return NETWORK.load_text(text, name, folder, overrides, limits=limits)


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
    from archspec.spec.other_names import network_help  # only needed on the way to an error

    beside = Path(f"{name_or_path[:80]}.yaml")
    if beside.is_file():
        help = f"did you mean the file `{beside}`?"
    else:
        help = (network_help(name_or_path) if kind is NETWORKS else "") or did_you_mean(name_or_path, kind.names())
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


def _check_network(data: LocatedDict, load_context: LoadContext) -> bool:
    if is_recipe(data):
        message = "this is a recipe for training, and no network: it has none of `name`, `input` and `layers`"
        help = "give a network here, and the recipe with `--recipe`; `archspec validate` takes both"
    elif is_library(data):
        message = "this is a library of blocks, and no network: it has none of `name`, `input` and `layers`"
        help = f"include it in a network: `include: [{Path(data.span.source.name).name}]`"
    else:
        return True
    load_context.error("E0205", message, data.span, help=help)
    return False


_D = TypeVar("_D", bound=Document)


@record
class DocumentKind(Generic[_D]):
    """A kind of documents, networks or recipes: how one becomes a model, from a name, a path or a text."""

    shipped: Shipped
    model: type[_D]
    composer: Callable[[LoadContext, Path], Composer]
    """What joins files, none of which leaves a folder."""
    check_kind: Callable[[LocatedDict, LoadContext], bool]
    """Whether a file may be of this kind; notes it where it is of another."""
    overrides: Callable[[_D, Mapping[str, object], LoadContext], dict[str, Attribute]]
    """The values that are given to its params from outside; what is wrong with them is noted."""

    def load(
        self,
        source: str | Path,
        overrides: Mapping[str, object] | None = None,
        example: Example | None = None,
        *,
        limits: Limits | None = None,
        root: str | os.PathLike[str] | None = None,
        asked: Callable[[Path], object] | None = None,
        check: Callable[[_D, Budget], object] | None = None,
    ) -> _D:
        """The document at a path, or the shipped one of a bare name: see `load`."""
        path = find(source, self.shipped)
        if root is not None:
            check_root(Path(root))
        with bounded(limits, path, example) as load_context:
            load_context.asked = asked
            composer = self.composer(load_context, Path(root) if root is not None else path.parent)
            found = self._validated(composer.file(path), load_context, overrides, check)
        found._path = path
        return found

    def flattened(
        self, source: str | Path, *, limits: Limits | None = None, root: str | os.PathLike[str] | None = None
    ) -> dict[str, object]:
        """The data of a document in one piece: what it extends and includes stands in it.

        Raises:
            SpecError: a file cannot be had, or does not fit the others.
        """
        path = find(source, self.shipped)
        with bounded(limits, path) as load_context:
            data = self.composer(load_context, Path(root) if root is not None else path.parent).file(path)
            load_context.diagnostics.raise_if_any(SpecError)
        if data is None:
            raise InternalError(f"a {self.shipped.noun} could not be read, and nobody said why")
        return {key: value for key, value in data.items() if key not in ("extends", "include")}

    def load_text(
        self,
        text: str,
        name: str,
        folder: Path | None,
        overrides: Mapping[str, object] | None,
        *,
        limits: Limits | None,
        check: Callable[[_D, Budget], object] | None = None,
    ) -> _D:
        """The document in a text: see `load_text`."""
        with bounded(limits, name) as load_context:
            data = read_text(text, name, load_context)
            if data is not None or not load_context.diagnostics:
                folder = folder or Path()
                data = self.composer(load_context, folder).data(data, folder, name)
            return self._validated(data, load_context, overrides, check)

    def _validated(
        self,
        data: LocatedDict | object,
        load_context: LoadContext,
        overrides: Mapping[str, object] | None,
        check: Callable[[_D, Budget], object] | None,
    ) -> _D:
        if not isinstance(data, LocatedDict):
            load_context.diagnostics.raise_if_any(SpecError)
            raise InternalError(f"a {self.shipped.noun} could not be read, and nobody said why")
        # Another version has other keys: to complain about them would mislead.
        if not check_version(data, f"a {self.shipped.noun}", load_context):
            load_context.diagnostics.raise_if_any(SpecError)
        if not self.check_kind(data, load_context):
            load_context.diagnostics.raise_if_any(SpecError)
        load_context.block_params = _block_params(data)
        load_context.tuple_blocks = _tuple_blocks(data)
        document = self.model.read(data, load_context)
        if document is None:
            load_context.diagnostics.raise_if_any(SpecError)
            raise InternalError(f"a {self.shipped.noun} is wrong, and nobody said why")
        document._overrides = self.overrides(document, overrides or {}, load_context)
        document._sources, document._texts = load_context.files, load_context.texts
        document._limits = load_context.limits
        if check is not None and load_context.diagnostics and not any(map(_of_files, load_context.diagnostics)):
            _check_too(check, document, load_context)
        load_context.diagnostics.raise_if_any(SpecError)
        return document


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


def _check_too(check: Callable[[_D, Budget], object], document: _D, load_context: LoadContext) -> None:
    """Note what a check finds in the sound parts of a document; of a place that is wrong already no more is said."""
    document._refused = frozenset(load_context.refused)
    try:
        check(document, load_context.budget)
    except SpecError as error:
        noted = {found.span for found in load_context.diagnostics}
        for found in error.diagnostics:
            if found.span not in noted:
                load_context.error(found.code, found.message, found.span, notes=found.notes, help=found.help)


NETWORK: Final = DocumentKind(NETWORKS, Spec, _composer, _check_network, network_overrides)
