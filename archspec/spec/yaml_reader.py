"""Text to plain data that knows where it stands.

The data is built from PyYAML's parse events, so nothing is ever constructed from tags, and without
recursion, so no nesting can exhaust the stack.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

import yaml

from archspec.atomic_files import open_regular
from archspec.errors import Note, Source, Span
from archspec.spec.located_data import LoadContext, LocatedDict, LocatedList
from archspec.spec.scalars import NumberTooLargeError, describe, resolve

# libyaml's parser is some ten times faster; PyYAML may have been built without it.
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_COMMENT: Final = re.compile(rb"(?:^|\s)#[^\n]*")
_NODES: Final = {yaml.AliasEvent, yaml.SequenceStartEvent, yaml.MappingStartEvent}
"""The events of nodes, beside those of scalars."""
_ENDS: Final = {yaml.SequenceEndEvent, yaml.MappingEndEvent}
_OWN_KEY: Final = re.compile(rb"(?:archspec|^blocks)[\"']?\s*:", re.MULTILINE)
"""The keys of which each spec, recipe and library of blocks has one."""


def read_file(path: Path, load_context: LoadContext, asked_at: Span | None = None) -> object:
    """The data of a file; None where it cannot be read, with the reason noted.

    `asked_at` is the place that names the file, for the message.
    """
    text = file_text(path, load_context, asked_at)
    if text is None:
        return None
    load_context.files.append(path)
    return read_text(text, str(path), load_context)


def file_text(path: Path, load_context: LoadContext, asked_at: Span | None, *, has_keys: bool = True) -> str | None:
    """The text of a file that a spec is made of; None where it cannot be read, with the reason noted.

    Args:
        path: the file.
        load_context: where the reason is noted, and what has been read so far is counted.
        asked_at: the place that names the file, for the message.
        has_keys: it must have the keys of a spec. Others are any text, of which no program is known by its first lines.
    """

    def refuse(reason: str, code: str = "E0101", help: str = "") -> None:
        load_context.error(code, f"`{path}` {reason}", asked_at, help=help)

    most = load_context.limits.bytes
    if len(load_context.files) >= load_context.limits.files:
        refuse(f"is one file too many; at most {load_context.limits.files} are read", "E0104")
        return None
    try:
        with open_regular(path) as file:
            content = file.read(most + 1 - load_context.size) or b""  # None: a file of /proc that waits for news
    except FileNotFoundError:
        from archspec.spec.file_suggestions import file_help  # only needed on the way to an error

        refuse("does not exist", help=file_help(path, asked_at))
        return None
    except IsADirectoryError:
        from archspec.spec.file_suggestions import folder_help  # only needed on the way to an error

        refuse("is a folder, where a file must stand", help=_foreign_help(path) or folder_help(path, asked_at))
        return None
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        refuse(f"cannot be read: {reason}")
        return None
    load_context.size += len(content)
    if load_context.size > most:
        refuse(f"is larger than {most} bytes, or all files of the spec together are", "E0104")
        return None
    is_one = b"\0" not in content and (not has_keys or _OWN_KEY.search(_COMMENT.sub(b"", content)))
    if not is_one and (help := _foreign_help(path)):
        refuse("is no spec", help=help)
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        from archspec.spec.file_suggestions import NO_TEXT, encoding_help

        if help := _foreign_help(path) or ("" if encoding_help(content) or b"\0" not in content else NO_TEXT):
            refuse("is no text", help=help)
        else:
            refuse(f"is not UTF-8: byte {error.start} cannot be decoded", help=encoding_help(content))
        return None


def _foreign_help(path: Path) -> str:
    """What a file of another program is, and what to do; empty if it is not known."""
    from archspec.file_identification import identify_as_spec  # only needed on the way to an error

    try:
        found = identify_as_spec(path)
    except OSError:
        return ""
    return f"it is {found.what}; {found.as_spec}" if found else ""


def read_text(text: str, name: str, load_context: LoadContext) -> object:
    """The data of a text; None where it is empty or broken, with the reason noted."""
    source = Source(name, text)
    load_context.texts.append(source)
    return _DataBuilder(source, load_context).build()


class _StopError(Exception):
    """Nothing more can be read from this text; the reason is already noted."""


@dataclass(slots=True, eq=False)
class _OpenContainer:
    """A container under construction; `size` and `height` are those of the tree read so far."""

    value: LocatedDict | LocatedList
    anchor: str | None
    size: int = 1
    height: int = 1
    key: str | None = None
    key_span: Span | None = None  # set while a key waits for its value


class _Anchored(NamedTuple):
    value: object
    size: int
    height: int


class _DataBuilder:
    def __init__(self, source: Source, load_context: LoadContext) -> None:
        self._source = source
        self._reading = load_context
        self._stack: list[_OpenContainer] = []
        self._anchors: dict[str, _Anchored | None] = {}  # None: still being read
        self._root: object = None
        # Asked for once: they are compared for each of the values.
        self._most_values, self._longest_text = load_context.limits.values, load_context.limits.text

    def build(self) -> object:
        try:
            self._check_text()
            self._read_events()
        except _StopError:
            return None
        except yaml.YAMLError as error:
            self._not_yaml(error)
            return None
        return self._root

    def _check_text(self) -> None:
        text = self._source.text
        if len(text) > (most := self._reading.limits.bytes):
            self._stop("E0104", f"the text is larger than {most} bytes", None)
        try:
            text.encode()
        except UnicodeEncodeError as error:  # a lone surrogate, on which libyaml's binding fails
            place = self._at(error.start)
            self._stop("E0102", "not YAML: a character that no text may have", place)

    def _read_events(self) -> None:
        documents = 0
        loader = _LOADER(self._source.text)
        get_event, scalar = loader.get_event, yaml.ScalarEvent
        try:
            while (event := get_event()) is not None:
                kind = type(event)
                if kind is scalar:
                    self._count(1, event)
                    if event.tag is not None:
                        self._refuse_tag(event)
                    value, span = self._scalar(event), self._span(event)
                    if event.anchor is not None:
                        self._anchors[event.anchor] = _Anchored(value, 1, 0)
                    self._add(value, span, 1, 0)
                elif kind in _NODES:
                    self._node(event)
                elif kind in _ENDS:
                    self._close(event)
                elif kind is yaml.DocumentStartEvent:
                    documents += 1
                    if documents == 2:
                        self._stop("E0105", "a second document; a file holds one spec", self._span(event))
        finally:
            loader.dispose()

    def _node(self, event: Any) -> None:
        self._count(1, event)
        if type(event) is yaml.AliasEvent:
            self._alias(event)
            return
        if event.tag is not None:
            self._refuse_tag(event)
        self._open(event)

    def _refuse_tag(self, event: Any) -> None:
        self._reading.error(
            "E0105",
            f"the tag `{event.tag[:60]}`",
            self._span(event),
            label="specs use no tags",
            help="quote a value that must be a string",
        )

    def _open(self, event: Any) -> None:
        self._check_depth(len(self._stack) + 1, event)
        kind = LocatedDict if isinstance(event, yaml.MappingStartEvent) else LocatedList
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._stack.append(_OpenContainer(kind(self._span(event)), event.anchor))

    def _close(self, event: Any) -> None:
        frame = self._stack.pop()
        value = frame.value
        value.span = self._whole(value, event)
        if frame.anchor is not None:
            self._anchors[frame.anchor] = _Anchored(value, frame.size, frame.height)
        self._add(value, value.span, frame.size, frame.height)

    def _whole(self, value: LocatedDict | LocatedList, event: Any) -> Span:
        """A container's place: a block ends with its last child, not before the next token."""
        start, end = value.span, self._span(event)
        if (end.line, end.column) == (end.end_line, end.end_column):
            # Spans of aliased children and of zero-width ones lie where they were written, too.
            spans = value.value_spans.values() if isinstance(value, LocatedDict) else value.item_spans
            end = next(reversed(spans), start)
        return Span(start.source, start.line, start.column, end.end_line, end.end_column)

    def _scalar(self, event: Any) -> object:
        text: str = event.value
        if len(text) > self._longest_text:
            self._stop("E0104", f"a value of more than {self._longest_text} characters", self._span(event))
        if not event.implicit[0]:  # quoted, or a block scalar
            return text
        try:
            return resolve(text, self._reading.limits.digits)
        except NumberTooLargeError as error:
            self._reading.error("E0304", str(error), self._span(event))
            return 0

    def _alias(self, event: Any) -> None:
        anchored = self._anchors.get(event.anchor)
        if anchored is None:
            if event.anchor in self._anchors:
                self._stop("E0105", f"`*{event.anchor}` stands inside itself", self._span(event))
            self._stop("E0102", f"`*{event.anchor}` has no anchor", self._span(event))
        self._count(anchored.size - 1, event)
        self._check_depth(len(self._stack) + anchored.height, event)
        self._add(anchored.value, self._span(event), anchored.size, anchored.height)

    def _add(self, value: object, span: Span, size: int, height: int) -> None:
        if not self._stack:
            self._root = value
            return
        frame = self._stack[-1]
        frame.size += size
        if frame.height <= height:
            frame.height = height + 1
        container = frame.value
        if isinstance(container, LocatedList):
            container.put(value, span)
        elif frame.key_span is None:
            frame.key_span = span
            frame.key = self._key(container, value, span)
        else:
            if frame.key is not None:
                container.put(frame.key, value, frame.key_span, span)
            frame.key = frame.key_span = None

    def _key(self, mapping: LocatedDict, key: object, span: Span) -> str | None:
        """The key, or None where its value is to be passed over."""
        if not isinstance(key, str):
            help = f'write "{key}"' if isinstance(key, int | float) else ""
            message = f"a key must be a string, found {describe(key)}"
            self._reading.error("E0202", message, span, help=help)
            return None
        if key == "<<":
            help = "write the keys out, or use `extends`"
            self._reading.error("E0105", "the merge key `<<`", span, help=help)
            return None
        if key in mapping:
            first = Note("it stands first here", mapping.key_spans[key])
            self._reading.error("E0103", f"the key `{key[:80]}` stands twice", span, notes=(first,))
            return None
        return key

    def _count(self, nodes: int, event: Any) -> None:
        reading = self._reading
        reading.values += nodes
        if reading.values > self._most_values:
            message = f"more than {self._most_values} values, aliases written out"
            self._stop("E0104", message, self._span(event))

    def _check_depth(self, depth: int, event: Any) -> None:
        if depth > (most := self._reading.limits.depth):
            self._stop("E0104", f"nested more than {most} deep", self._span(event))

    def _span(self, event: Any) -> Span:
        start, end = event.start_mark, event.end_mark
        place = (self._source, start.line + 1, start.column + 1, end.line + 1, end.column + 1)
        return tuple.__new__(Span, place)  # in half the time that the class's own takes

    def _at(self, index: int) -> Span:
        before = self._source.text[:index]
        line = max(1, len((before + "x").splitlines()))
        column = len((before + "x").splitlines()[-1])
        return Span(self._source, line, column, line, column + 1)

    def _stop(self, code: str, message: str, span: Span | None) -> NoReturn:
        self._reading.error(code, message, span)
        raise _StopError

    def _not_yaml(self, error: yaml.YAMLError) -> None:
        """PyYAML's own words on what it could not read, at its place."""
        if isinstance(error, yaml.MarkedYAMLError):
            mark = error.problem_mark or error.context_mark
            if mark is not None and (tab := self._tab(mark)) is not None:
                help = "put spaces in its place; most editors can do so for the whole file"
                self._reading.error("E0102", "not YAML: a tab where only spaces may stand", tab, help=help)
                return
            from archspec.spec.form_suggestions import yaml_help  # only needed on the way to an error

            problem = error.problem or error.context or "it cannot be parsed"
            notes: tuple[Note, ...] = ()
            if error.context and error.context_mark:
                context = self._mark(error.context_mark)
                notes = (Note(error.context, context),)
            span = self._mark(mark) if mark else None
            lines = {place.line + 1: None for place in (mark, error.context_mark) if place}
            help = next(filter(None, (yaml_help(self._source.line(line)) for line in lines)), "")
            self._reading.error("E0102", f"not YAML: {problem}", span, notes=notes, help=help)
            return
        span = None
        match = next((i for i, char in enumerate(self._source.text) if not _may_stand(char)), None)
        if match is not None:
            span = self._at(match)
        self._reading.error("E0102", "not YAML: a character that YAML does not allow", span)

    def _tab(self, mark: Any) -> Span | None:
        """The tab that the parser stumbled over, if it was one: where it stopped, or in the indentation there."""
        line = self._source.line(mark.line + 1)
        indent = len(line) - len(line.lstrip())
        column = mark.column if line[mark.column : mark.column + 1] == "\t" else line.find("\t", 0, indent)
        return Span(self._source, mark.line + 1, column + 1, mark.line + 1, column + 2) if column >= 0 else None

    def _mark(self, mark: Any) -> Span:
        line, column = mark.line + 1, mark.column + 1
        return Span(self._source, line, column, line, column + 1)


def _may_stand(char: str) -> bool:
    return char in "\t\n\r\x85" or " " <= char <= "~" or char >= "\xa0"
