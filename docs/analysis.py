"""The output of commands in `docs/analysis.md`, from running them; the rest of the page is written by hand.

It stands between `<!-- run: ARGUMENTS -->` and `<!-- end of run -->`; the golden table of complexities between
`<!-- complexities -->` and `<!-- end of complexities -->`.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from archspec.cli import main

COMPLEXITIES: Final = Path(__file__).resolve().parents[1] / "tests" / "analysis" / "complexities.json"
_RUN: Final = re.compile(r"<!-- run: ([^\n]*) -->\n.*?<!-- end of run -->\n", re.DOTALL)
_COMPLEXITIES: Final = re.compile(r"<!-- complexities -->\n.*?<!-- end of complexities -->\n", re.DOTALL)


def filled(page: str) -> str:
    """The page with what the commands print now."""
    page = _RUN.sub(lambda match: _run(match[1]), page)
    return _COMPLEXITIES.sub(lambda _: _complexities(), page)


def _run(command: str) -> str:
    arguments = command.split()
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        main(arguments)
    printed = out.getvalue().rstrip("\n").splitlines()
    if "markdown" not in arguments:
        printed = ["```latex" if "latex" in arguments else "```text", *printed, "```"]
    lines = [f"<!-- run: {command} -->", "", "```sh", f"archspec {command}", "```", "", *printed]
    return "\n".join([*lines, "", "<!-- end of run -->", ""])


def _complexities() -> str:
    lines = ["<!-- complexities -->", "", *_rows(), "", "<!-- end of complexities -->", ""]
    return "\n".join(lines)


def _rows() -> Iterator[str]:
    yield "| network | parameters | MACs | activations | depth | source | top-1 accuracy on ImageNet |"
    yield "|---|---:|---:|---:|---:|---|---|"
    rows: list[dict[str, Any]] = json.loads(COMPLEXITIES.read_text(encoding="utf-8"))
    for row in rows:
        name = ", ".join([row["name"], *(f"{param} = {value}" for param, value in row["params"].items())])
        figures = (f"{row[field]:,}" for field in ("parameters", "macs", "activations", "depth"))
        yield f"| {name} | {' | '.join(figures)} | {row['source']} | {row['accuracy']} |"
