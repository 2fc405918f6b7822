"""The page that `archspec watch` serves: the page of a picture, with a script that asks the server for news."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any, Final

from archspec.diagram.page.page import content_policy, document
from archspec.errors import Diagnostic
from archspec.reporting import to_text

_WAITING: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
<p>There is nothing to draw yet. The picture appears once the spec is right.</p>
<pre id="errors" role="alert"></pre>
<script>{script}</script>
</body>
</html>
"""
_STYLE: Final = ":root{color-scheme:light dark}body{font:16px system-ui,sans-serif;margin:2em}pre{white-space:pre-wrap}"


def live_page(shown: Mapping[str, Any], number: int) -> str:
    """The page of a picture, which is the server's picture number `number`."""
    return document(shown, script=_script(number))


def waiting_page(title: str) -> str:
    """The page before the spec was right for the first time; it shows what is wrong."""
    script = _script(0)
    policy = content_policy(_STYLE, [script], connects=True)
    return _WAITING.format(title=escape(title), policy=policy, style=_STYLE, script=script)


def errors_json(diagnostics: Sequence[Diagnostic]) -> bytes:
    """What is wrong, as the page shows it, and the texts in which it is, by the names that errors have for them."""
    sources = {diagnostic.span.source for diagnostic in diagnostics if diagnostic.span}
    shown = {
        "errors": [_error(diagnostic) for diagnostic in diagnostics],
        "texts": {source.name: source.text for source in sources},
    }
    return json.dumps(shown, separators=(",", ":")).encode()


def _error(diagnostic: Diagnostic) -> dict[str, Any]:
    span = diagnostic.span
    return {
        "code": diagnostic.code,
        "message": diagnostic.message,
        "file": span.source.name if span else None,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "text": to_text([diagnostic]),
        "help": diagnostic.help,
    }


def _script(number: int) -> str:
    live = resources.files(__package__).joinpath("live.js").read_text(encoding="utf-8")
    return f"const archspecPicture = {number};\n{live}"
