"""One mapping from several files: `extends` takes a parent's keys, `include` takes blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from archspec.atomic_files import resolved
from archspec.errors import Note, Source, Span, did_you_mean
from archspec.spec.form_suggestions import cut_texts
from archspec.spec.located_data import LoadContext, LocatedDict, LocatedList
from archspec.spec.pretrained import CLASSES, OF_NETWORK, OF_WEIGHTS
from archspec.spec.scalars import describe
from archspec.spec.yaml_reader import file_text, read_file

LIBRARY_KEYS: Final = ("archspec", "doc", "include", "blocks")
_NETWORK_KEYS: Final = frozenset({"name", "extends", "input", "inputs", "layers"})
"""A file with one of these is meant to be a network."""
MOST_OPEN: Final = 100
"""Files inside each other, since reading each takes some of Python's stack; side by side there may be more."""
_BY_NAME: Final = ("params", "let", "variants", "inputs", "blocks")
"""The mappings of names, of which `null` takes one away."""
_OWN_KEYS: Final = ("extends", "include", "blocks")

# Where a file is that a spec names: the name as written, the folder of the spec, the place.
Finder = Callable[[str, Path, Span], Path | None]


@dataclass(slots=True, eq=False)
class Composer:
    """Joins files. `parent` and `library` find the files that are named; None means not found."""

    load_context: LoadContext
    parent: Finder
    library: Finder
    roots: Sequence[Path]
    """The folders that no file which is named may lie outside of, links followed."""
    what: str = "a spec"
    """What the files hold, with its article."""
    one_of: frozenset[str] = frozenset()
    """The keys under which a mapping has one of several words: see `merge`."""
    _open: list[Path] = field(default_factory=list[Path])
    _libraries: dict[Path, LocatedDict] = field(default_factory=dict[Path, LocatedDict])

    def file(self, path: Path, asked_at: Span | None = None) -> LocatedDict | None:
        """A spec's file with all that it extends and includes; None if it cannot be had."""
        real = self._real(path, asked_at)
        if real is None or not self._enter(real, asked_at):
            return None
        try:
            return self.data(read_file(path, self.load_context, asked_at), path.parent, str(path))
        finally:
            self._open.pop()

    def data(self, data: object, folder: Path, name: str) -> LocatedDict | None:
        """The same for data that is read already; relative paths start from `folder`."""
        if not isinstance(data, LocatedDict):
            self._not_a_mapping(data, name, self.what)
            return None
        blocks, sound = self._included(data, folder)
        own = data.get("blocks")
        if isinstance(own, LocatedDict):
            for key in own:
                self._add_block(blocks, own, key)
        whole = LocatedDict(data.span)
        for key in data:
            if key != "blocks" or not isinstance(own, LocatedDict):
                whole.take(data, key)
        if blocks:
            whole.put("blocks", blocks, *_places(data, "blocks"))
        self._read_class_names(whole, folder)
        if data.get("extends") is not None:
            parent = self._parent(data, folder)
            if parent is None:
                return None
            own_names = set(own) if isinstance(own, LocatedDict) else set()
            self._check_inherited(blocks, parent.get("blocks"), own_names)
            whole = _without_nulls(merge(parent, _with_defaults(whole, parent), self.one_of), parent)
        return whole if sound else None

    def _parent(self, data: LocatedDict, folder: Path) -> LocatedDict | None:
        name, span = data["extends"], data.value_spans["extends"]
        if not isinstance(name, str):
            message = f"`extends` must be a string, found {describe(name)}"
            help = f"{self.what} has one parent" if isinstance(name, list) else ""
            self.load_context.error("E0202", message, span, help=help)
            return None
        path = self.parent(name, folder, span)
        found = self.file(path, span) if path is not None else None
        if found is None:
            return None
        # What the parent extends and includes is already in its data.
        inherited = LocatedDict(found.span)
        for key in found:
            if key not in ("extends", "include"):
                inherited.take(found, key)
        pretrained = found.get("pretrained")
        if isinstance(pretrained, LocatedDict):
            inherited["pretrained"] = _without(pretrained, OF_WEIGHTS)
        return inherited

    def _read_class_names(self, data: LocatedDict, folder: Path) -> None:
        """Put the names of classes in the place of the files that hold them."""
        pretrained = data.get("pretrained")
        if not isinstance(pretrained, LocatedDict):
            return
        for part in _with_entries(pretrained):
            if not isinstance(name := part.get(CLASSES), str):
                continue
            span = part.value_spans[CLASSES]
            path = self.library(name, folder, span)
            inside = path is not None and self._real(path, span) is not None
            text: str | None = None
            if path is not None and inside:
                text = file_text(path, self.load_context, span, has_keys=False)
            if text is None:
                del part[CLASSES]  # which has been said
                continue
            found = LocatedList(span)
            found.extend(filter(None, map(str.strip, text.splitlines())))
            found.item_spans = [span] * len(found)
            part[CLASSES] = found

    def _check_inherited(self, blocks: LocatedDict, inherited: object, own: set[str]) -> None:
        """A spec's own blocks change its parent's; an included library must not, unawares."""
        if not isinstance(inherited, LocatedDict):
            return
        for name in blocks:
            if name in inherited and name not in own and blocks[name] is not inherited[name]:
                self._twice(name, blocks.key_spans[name], inherited.key_spans[name])

    def _included(self, data: LocatedDict, folder: Path) -> tuple[LocatedDict, bool]:
        """The blocks of all libraries that are named, and whether all of them could be had."""
        blocks = LocatedDict(data.value_spans.get("blocks", data.span))
        names = data.get("include")
        if names is None:
            return blocks, True
        if not isinstance(names, LocatedList):
            message = f"`include` must be a list of files, found {describe(names)}"
            help = f"write `include: [{names[:60]}]`" if isinstance(names, str) else ""
            self.load_context.error("E0202", message, data.value_spans["include"], help=help)
            return blocks, False
        sound = True
        for name, span in zip(names, names.item_spans, strict=True):
            library = self._library(name, span, folder)
            if library is None:
                sound = False
                continue
            for key in library:
                self._add_block(blocks, library, key)
        return blocks, sound

    def _library(self, name: object, span: Span, folder: Path) -> LocatedDict | None:
        """The blocks of a library and of those that it includes."""
        if not isinstance(name, str):
            message = f"`include` must name files, found {describe(name)}"
            self.load_context.error("E0202", message, span)
            return None
        path = self.library(name, folder, span)
        if path is None:
            return None
        real = self._real(path, span)
        if real is None:
            return None
        if real in self._libraries:  # two that include the same third one are no mistake
            return self._libraries[real]
        if not self._enter(real, span):
            return None
        try:
            blocks = self._library_file(path, span)
        finally:
            self._open.pop()
        if blocks is not None:
            self._libraries[real] = blocks
        return blocks

    def _library_file(self, path: Path, span: Span) -> LocatedDict | None:
        errors = len(self.load_context.diagnostics.found)
        data = read_file(path, self.load_context, span)
        if not isinstance(data, LocatedDict):
            if len(self.load_context.diagnostics.found) == errors:
                self._not_a_mapping(data, str(path), "a library of blocks")
            return None
        check_version(data, "a library of blocks", self.load_context)
        cut = cut_texts(data)
        for key in data:
            if key not in LIBRARY_KEYS and cut.get(key) != "":
                help = cut.get(key) or did_you_mean(key, [name for name in LIBRARY_KEYS if name not in data])
                message = f"unknown key `{key[:80]}` in a library of blocks"
                self.load_context.error("E0201", message, data.key_spans[key], help=help)
        if not isinstance(data.get("doc", ""), str):
            message = f"`doc` must be a string, found {describe(data['doc'])}"
            self.load_context.error("E0202", message, data.value_spans["doc"])
        if "blocks" not in data and "include" not in data:
            self.load_context.error("E0205", "a library of blocks needs the key `blocks`", data.span)
        blocks, sound = self._included(data, path.parent)
        own = data.get("blocks")
        if isinstance(own, LocatedDict):
            for key in own:
                self._add_block(blocks, own, key)
        elif "blocks" in data:
            message = f"`blocks` must be a mapping of names, found {describe(own)}"
            self.load_context.error("E0202", message, data.value_spans["blocks"])
        return blocks if sound else None

    def _add_block(self, blocks: LocatedDict, other: LocatedDict, name: str) -> None:
        if name not in blocks:
            blocks.take(other, name)
        # The same block may come by two ways; an alias may give two blocks one body.
        elif blocks.key_spans[name] is not other.key_spans[name]:
            self._twice(name, other.key_spans[name], blocks.key_spans[name])

    def _twice(self, name: str, span: Span, first: Span) -> None:
        notes = (Note("it is defined first here", first),)
        message = f"the block `{name[:80]}` is defined twice"
        self.load_context.error("E0108", message, span, notes=notes)

    def _real(self, path: Path, asked_at: Span | None) -> Path | None:
        """The file itself, links followed; None where a spec must not name it."""
        if self.load_context.asked is not None:
            self.load_context.asked(
                path
            )  # a link is looked for as well as what it leads to: it may lead elsewhere later
        real = resolved(path)
        if asked_at is None or any(real.is_relative_to(root) for root in self.roots):
            return real  # what the user names may lie anywhere
        noun = self.what.partition(" ")[2]
        help = f"give the folder that holds all files of the {noun} with --root, or `root=` in Python"
        message = f"`{path}` lies outside the {noun}'s folder"
        self.load_context.error("E0109", message, asked_at, help=help)
        return None

    def _enter(self, real: Path, asked_at: Span | None) -> bool:
        if real in self._open:
            way = [*self._open[self._open.index(real) :], real]
            message = "files extend or include each other in a circle: " + " → ".join(path.name for path in way)
            self.load_context.error("E0107", message, asked_at, help="put what they share into a file of its own")
            return False
        if len(self._open) >= MOST_OPEN:
            message = f"files extend or include each other more than {MOST_OPEN} deep"
            self.load_context.error("E0304", message, asked_at, help="put what they have into fewer files")
            return False
        self._open.append(real)
        return True

    def _not_a_mapping(self, data: object, name: str, what: str) -> None:
        if self.load_context.diagnostics:  # it could not be read, and that has been said
            return
        span = data.span if isinstance(data, LocatedList) else Span(Source(name, ""), 1, 1, 1, 1)
        found = "nothing" if data is None else describe(data)
        self.load_context.error("E0202", f"`{name}` must hold {what}, a mapping; found {found}", span)


def is_library(data: LocatedDict) -> bool:
    """Whether a file that holds this is a library of blocks, and no network."""
    return bool(data.keys() & {"blocks", "include"}) and not data.keys() & _NETWORK_KEYS


def is_recipe(data: LocatedDict) -> bool:
    """Whether a file that holds this is a recipe for training, and no network."""
    return "recipe" in data and not data.keys() & {"input", "inputs", "layers", "stages"}


def check_version(data: LocatedDict, what: str, load_context: LoadContext) -> bool:
    """Whether a file is written in the version of the language that is read here; one that says none may be."""
    if "archspec" not in data:
        help = "begin with `archspec: 1`, the version of the language"
        load_context.error("E0205", f"{what} needs the key `archspec`", data.span, help=help)
        data.put("archspec", 1, data.span, data.span)
    version, span = data["archspec"], data.value_spans["archspec"]
    if isinstance(version, bool) or not isinstance(version, int) or version != 1:
        message = f"version 1 of the language is read here, found {describe(version)}"
        load_context.error("E0206", message, span, help="write `archspec: 1`")
        return False
    return True


def merge(parent: LocatedDict, child: LocatedDict, one_of: frozenset[str] = frozenset()) -> LocatedDict:
    """The parent's keys with the child's over them: mappings merge, all else is replaced.

    Under a key of `one_of` stands one word with its attributes: another word is another thing, and takes its place.
    `losses.*` are all keys under `losses`.
    """
    merged = LocatedDict(child.span)
    for key in parent:
        merged.take(parent, key)
    for key in child:
        merged.take(child, key)
        ours, theirs = parent.get(key), child[key]
        if not isinstance(ours, LocatedDict) or not isinstance(theirs, LocatedDict) or ours is theirs:
            continue
        if key == "default" and _is_call(ours) and _is_call(theirs) and ours.keys() != theirs.keys():
            continue  # another op for a param
        if key not in one_of or ours.keys() >= theirs.keys():
            merged[key] = merge(ours, theirs, frozenset(theirs) if f"{key}.*" in one_of else one_of)
    return merged


def _is_call(data: LocatedDict) -> bool:
    """Whether a mapping may be an op with its arguments: it has one key, under which are others."""
    return len(data) == 1 and all(isinstance(value, LocatedDict | None) for value in data.values())


def _without_nulls(merged: LocatedDict, parent: LocatedDict) -> LocatedDict:
    """What is merged without the keys, and the names, that the child's `null` takes away."""
    for key in [key for key, value in merged.items() if value is None]:
        del merged[key]
    for key in _BY_NAME:
        found, inherited = merged.get(key), parent.get(key)
        if not isinstance(found, LocatedDict) or not isinstance(inherited, LocatedDict) or found is inherited:
            continue
        for name in [name for name, value in found.items() if value is None and name in inherited]:
            del found[name]
    variants, inherited = merged.get("variants"), parent.get("variants")
    if isinstance(variants, LocatedDict) and isinstance(inherited, LocatedDict):
        for name, values in variants.items():
            known = inherited.get(name)
            if isinstance(values, LocatedDict) and isinstance(known, LocatedDict) and values is not known:
                for param in [param for param, value in values.items() if value is None and param in known]:
                    del values[param]
    return merged


def _with_defaults(child: LocatedDict, parent: LocatedDict) -> LocatedDict:
    """The child, where a plain value of a param that the parent describes is its default: the rest stays as it is."""
    ours, theirs = parent.get("params"), child.get("params")
    if not isinstance(ours, LocatedDict) or not isinstance(theirs, LocatedDict):
        return child
    params = LocatedDict(theirs.span)
    for name, value in theirs.items():
        params.take(theirs, name)
        if isinstance(ours.get(name), LocatedDict) and value is not None and not isinstance(value, LocatedDict):
            described = LocatedDict(theirs.value_spans[name])
            described.put("default", value, theirs.key_spans[name], theirs.value_spans[name])
            params[name] = described
    found = LocatedDict(child.span)
    for key in child:
        found.take(child, key)
    found["params"] = params
    return found


def _with_entries(pretrained: LocatedDict) -> list[LocatedDict]:
    """What is said of weights, and what is different for variants and for other weights."""
    named = [pretrained.get(key) for key in OF_NETWORK]
    entries = [entry for each in named if isinstance(each, LocatedDict) for entry in each.values()]
    return [pretrained, *(part for entry in entries if isinstance(entry, LocatedDict) for part in _with_entries(entry))]


def _without(data: LocatedDict, keys: Sequence[str]) -> LocatedDict:
    found = LocatedDict(data.span)
    for key in data:
        if key not in keys:
            found.take(data, key)
    return found


def _places(data: LocatedDict, key: str) -> tuple[Span, Span]:
    """Where a key and its value are; the start of the mapping if they are not written."""
    return data.key_spans.get(key, data.span), data.value_spans.get(key, data.span)
