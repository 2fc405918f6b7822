"""The table of maps that ship in `docs/weights.md`, between `<!-- maps -->` and `<!-- end of maps -->`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import yaml

from archspec.weights.weight_maps import shipped_maps

_TABLE: Final = re.compile(r"<!-- maps -->\n.*?<!-- end of maps -->\n", re.DOTALL)


def filled(page: str) -> str:
    """The page with a row for each map: its name for `--map` and `--names`, whose names it has, and where these are."""
    rows = [_row(each.path) for each in shipped_maps()]
    lines = ["<!-- maps -->", "", "| map | whose names | their source |", "|---|---|---|", *rows, ""]
    return _TABLE.sub(lambda match: "\n".join([*lines, "<!-- end of maps -->", ""]), page)


def _row(path: Path) -> str:
    written: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    source = written.get("reference", "")
    shown = f"[{source.rpartition('/')[2]}]({source})" if source.startswith("https://") else source
    return f"| `{path.stem}` | {written['library']} | {shown} |"
