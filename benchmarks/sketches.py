"""The sketches of the networks that ship, by which `archspec weights inspect` finds whose weights a file holds.

python -m benchmarks.sketches    # writes archspec/checkpoints/sketches.json: after a change of a network's weights
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import archspec
from archspec.api import loaded
from archspec.checkpoints.sketches import networks, outline, sketch

PATH: Final = Path(__file__).resolve().parents[1] / "archspec" / "checkpoints" / "sketches.json"


def of(network: str, variant: str) -> str:
    """The sketch of a network as the file has it."""
    graph = archspec.compile(loaded(network, {"variant": variant} if variant else {}))
    shapes = [weight.shape for weight in graph.all_weights.values()]
    return f"{outline(shapes)} {''.join(sketch(shapes))}"


def main() -> None:
    """Write the file."""
    found = {f"{network}:{variant}" if variant else network: of(network, variant) for network, variant in networks()}
    PATH.write_text(json.dumps(found, indent=0) + "\n", encoding="utf-8")
    print(f"{len(found)} networks, {PATH.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
