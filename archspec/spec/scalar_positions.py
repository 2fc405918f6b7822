"""Places within a scalar."""

from __future__ import annotations

from archspec.errors import Span


def span_within(span: Span | None, text: str, start: int, end: int) -> Span | None:
    """The place of `text[start:end]`, where `text` is the scalar at `span`.

    Only where the scalar is written on one line and without escapes; otherwise `span` itself.
    """
    if span is None or span.line != span.end_line:
        return span
    written = span.source.line(span.line)[span.column - 1 : span.end_column - 1]
    if written == text:
        first = span.column
    elif written[1:-1] == text and written[0] in "'\"":
        first = span.column + 1
    else:
        return span
    return Span(span.source, span.line, first + start, span.line, first + end)
