"""The costs that `archspec list` shows: `python -m benchmarks.network_table` writes `specs/networks.json`.

The builders of other libraries stand in the tables by which the networks are tested against them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from archspec.shipped_networks import compiled_networks, table_text
from archspec.spec.other_names import TABLE

_ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = _ROOT / "specs"
_LIBRARIES: Final = {"torchvision": "torchvision.models", "keras_applications": "keras.applications", "timm": "timm"}
"""The modules that have the builders, by the folders of the tests."""


def text() -> str:
    """The table as it must be now."""
    builders = _builders()
    networks = [replace(network, builders=builders.get(network.name, {})) for network in compiled_networks()]
    return table_text(networks, FOLDER)


def _builders() -> Mapping[str, Mapping[str, str]]:
    """By the name of a network the builders whose network it is, each with the variant that it is."""
    found: dict[str, dict[str, str]] = {}
    for library, module in _LIBRARIES.items():
        table = _ROOT / "tests" / "specs" / library / "builders.json"
        for row in json.loads(table.read_text(encoding="utf-8")):
            own = found.setdefault(row["spec"], {})
            own[f"{module}.{row['builder']}"] = row["params"].get("variant", "")
    return found


def main() -> int:
    """Write it."""
    (FOLDER / TABLE).write_text(text(), encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
