"""The costs that `archspec list` shows: `python -m benchmarks.network_table` writes `specs/networks.json`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from archspec.shipped_networks import TABLE, compiled_networks, table_text

FOLDER: Final = Path(__file__).resolve().parents[1] / "specs"


def text() -> str:
    """The table as it must be now."""
    return table_text(list(compiled_networks()), FOLDER)


def main() -> int:
    """Write it."""
    (FOLDER / TABLE).write_text(text(), encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
