"""The figures of `docs/ideas`, from the networks that they are about; the prose is written by hand.

A figure within a sentence stands between `<!-- figure: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

PAGES: Final = ("degradation", "bottlenecks", "versions", "preactivation")
FIGURES: Final[Mapping[str, Callable[[], str]]] = {}
_FIGURE: Final = re.compile(r"<!-- figure: (\w+) -->.*?<!-- end -->")


def filled(page: str) -> str:
    """The page with its figures as the networks have them now."""
    return _FIGURE.sub(lambda match: f"<!-- figure: {match[1]} -->{FIGURES[match[1]]()}<!-- end -->", page)
