"""How much of a network tables and pictures show."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

Level: TypeAlias = Literal["stage", "unit", "layer"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
"""Down to the network's own items, to the units of its stages, or to all layers; from coarse to fine."""
