"""The golden table of complexities: `python -m benchmarks.complexities` from the repository's root.

`tests/analysis/complexities.json` has a row for each spec that ships, with the defaults of its params, and rows for
other values where figures are published. The script counts every row again, and adds those of new specs. What is
written by hand stays: `params`, `published` and `source`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

import archspec
from archspec.spec import shipped

PATH: Final = Path(__file__).resolve().parents[1] / "tests" / "analysis" / "complexities.json"
COUNTED: Final = "counted from the definition"


def main() -> int:
    """Write the table."""
    rows = rewritten(json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else [])
    lines = ",\n".join(f"  {json.dumps(row)}" for row in rows)
    PATH.write_text(f"[\n{lines}\n]\n", encoding="utf-8", newline="\n")
    print(f"{PATH}: {len(rows)} rows")
    return 0


def rewritten(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows as they must be now: in the order of `archspec list`, those with params after the one without."""
    found: list[dict[str, Any]] = []
    for name in shipped():
        known = {json.dumps(row["params"]): row for row in rows if row["name"] == name}
        known = {"{}": {"name": name, "params": {}, "source": COUNTED}, **known}
        found += [
            {
                "name": name,
                "params": row["params"],
                **measured(name, row["params"]),
                "published": row.get("published", {}),
                "source": row["source"],
            }
            for row in known.values()
        ]
    return found


def measured(name: str, params: dict[str, Any]) -> dict[str, int]:
    """What is counted of one row."""
    counts = archspec.count(name, **params)
    total = counts.total
    return {
        "parameters": total.parameters,
        "buffers": total.buffers,
        "macs": total.macs,
        "activations": total.activations,
        "depth": counts.depth,
    }


if __name__ == "__main__":
    sys.exit(main())
