"""How diagnostics are shown: plain text, colored text, JSON; and the text of a spec on a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from archspec.errors import ArchspecError, Diagnostic, Note, Span

SHOWN_AT_MOST = 50

_COLORS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "edge": "\x1b[1;34m", "bold": "\x1b[1m", "end": "\x1b[0m"}


def to_text(diagnostics: Iterable[Diagnostic], *, color: bool = False) -> str:
    """The diagnostics as compilers print them: code, place, source line with a caret, help."""
    found = list(diagnostics)
    parts = [_one(diagnostic, color) for diagnostic in found[:SHOWN_AT_MOST]]
    if len(found) > SHOWN_AT_MOST:
        parts.append(f"and {len(found) - SHOWN_AT_MOST} more")
    return "\n\n".join(parts)


def error_text(error: ArchspecError) -> str:
    """What `str` gives of an error."""
    return to_text(error.diagnostics)


def to_json(diagnostics: Iterable[Diagnostic]) -> str:
    """The diagnostics as a JSON array of objects, for editors and CI."""
    import json  # what is right, and what is shown as text, does not wait for it

    return json.dumps([_as_dict(diagnostic) for diagnostic in diagnostics], indent=2)


def _as_dict(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "label": diagnostic.label,
        "help": diagnostic.help,
        "place": _place(diagnostic.span),
        "notes": [{"message": note.message, "place": _place(note.span)} for note in diagnostic.notes],
    }


def _place(span: Span | None) -> dict[str, Any] | None:
    if span is None:
        return None
    return {
        "file": span.source.name,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def _one(diagnostic: Diagnostic, color: bool) -> str:
    paint = _Paint(color)
    head = paint(diagnostic.severity, f"{diagnostic.severity}[{diagnostic.code}]")
    lines = [f"{head}{paint('bold', ': ' + one_line(diagnostic.message))}"]
    margin = _margin(diagnostic)
    if diagnostic.span:
        lines += _excerpt(diagnostic.span, diagnostic.label, margin, paint, diagnostic.severity)
    elif diagnostic.label:
        lines.append(f"{' ' * margin} {paint('edge', '=')} {one_line(diagnostic.label)}")
    for note in diagnostic.notes:
        lines.append(f"{' ' * margin} {paint('edge', '=')} note: {one_line(note.message)}")
        if note.span:
            lines += _excerpt(note.span, "", margin, paint, "edge")
    if diagnostic.help:
        lines.append(f"{' ' * margin} {paint('edge', '=')} help: {one_line(diagnostic.help)}")
    return "\n".join(lines)


def printable(text: str) -> str:
    """Text that a spec may have a part in: what a terminal would obey, or not show, is written as an escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text)


def one_line(text: str) -> str:
    """The same of what is one line, such as a message with a file's name in it: there an end of line is one, too."""
    return printable(text).replace("\n", "\\n")


def plain(text: str) -> str:
    """A spec's text on one line; what a terminal would obey, or not show, is written as an escape."""
    return printable(" ".join(text.split()))


def _margin(diagnostic: Diagnostic) -> int:
    notes: tuple[Note, ...] = diagnostic.notes
    spans = [diagnostic.span, *(note.span for note in notes)]
    return max((len(str(span.line)) for span in spans if span), default=1) + 1


def _excerpt(span: Span, label: str, margin: int, paint: _Paint, kind: str) -> list[str]:
    raw = span.source.line(span.line)
    start = span.column - 1
    end = span.end_column - 1 if span.end_line == span.line else len(raw)
    if len(raw) > 160:  # a long line is cut to a window around the caret
        left = max(0, min(start - 40, len(raw) - 160))
        raw, start, end = raw[left : left + 160], start - left, min(end - left, 160)
    # Tabs and control characters would put the caret under another column.
    text = "".join(char if char.isprintable() else " " for char in raw)
    carets = "^" * max(1, min(end, len(text)) - start)
    bar = paint("edge", "|")
    return [
        f"{' ' * (margin - 1)}{paint('edge', '-->')} {one_line(str(span))}",
        f"{' ' * margin} {bar}",
        f"{span.line:>{margin}} {bar} {text}",
        f"{' ' * margin} {bar} {' ' * start}{paint(kind, (carets + ' ' + one_line(label)).rstrip())}",
    ]


class _Paint:
    def __init__(self, color: bool) -> None:
        self._on = color

    def __call__(self, kind: str, text: str) -> str:
        return f"{_COLORS[kind]}{text}{_COLORS['end']}" if self._on else text
