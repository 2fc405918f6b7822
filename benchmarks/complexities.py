"""The golden table of complexities: `python -m benchmarks.complexities` from the repository's root.

`tests/analysis/complexities.json` has a row for each spec that ships, with the defaults of its params, and rows for
other values where figures are published, and for the variants whose weights have a published accuracy: of timm's,
which are many, `tests/specs/timm` has tables. The script counts every row again, and adds those of new specs. What is
written by hand stays: `params`, `published` and `source`. The accuracy of the weights is what the spec says under
`pretrained`, with where it is from.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, Final

import archspec
from archspec.api import loaded
from archspec.spec import shipped

PATH: Final = Path(__file__).resolve().parents[1] / "tests" / "analysis" / "complexities.json"
COUNTED: Final = "counted from the definition"
_ACCURACY: Final = re.compile(r"(?P<weights>.+); top-1 accuracy on ImageNet (?P<percent>[0-9.]+)%")


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
        new: list[dict[str, Any]] = [{}, *({"variant": variant} for variant in published_variants(name))]
        known = {**{json.dumps(params): {"params": params, "source": COUNTED} for params in new}, **known}
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


def published_variants(name: str) -> list[str]:
    """The variants of a spec, but for the one that it is by default, whose weights have a published accuracy."""
    spec = loaded(name, {})
    others = {variant: accuracy(name, {"variant": variant}) for variant in spec.variants if variant != spec.variant}
    return [variant for variant, found in others.items() if found and "(timm " not in found]


def accuracy(name: str, params: dict[str, Any]) -> str:
    """The share of ImageNet's images that the weights of a spec classify rightly, and whose they are; or nothing."""
    pretrained = loaded(name, params).chosen_pretrained
    found = _ACCURACY.fullmatch(pretrained.source or "") if pretrained else None
    return f"{found['percent']} % ({found['weights']})" if found else ""


def measured(name: str, params: dict[str, Any]) -> dict[str, int | str]:
    """What is counted of one row, and the accuracy of its weights."""
    counts = archspec.count(name, **params)
    total = counts.total
    return {
        "parameters": total.parameters,
        "buffers": total.buffers,
        "macs": total.macs,
        "activations": total.activations,
        "depth": counts.depth,
        "accuracy": accuracy(name, params),
    }


if __name__ == "__main__":
    sys.exit(main())
