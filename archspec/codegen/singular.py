"""The singular of what a list is called: `conv` for `convs`, `norm1` for `norms1`."""

from __future__ import annotations

import re
from typing import Final

_NUMBERED: Final = re.compile(r"(.*?)(_?\d+)?")
_SHORTEST: Final = 3
"""Letters of a word that has a plural: `bns`."""
_ALONE: Final = frozenset(
    (
        *("abs", "alias", "analysis", "atlas", "axis", "basis", "bias", "bus", "canvas", "cls", "corpus", "cos"),
        *("emphasis", "focus", "gas", "genus", "hypothesis", "lens", "locus", "means", "minus", "news", "nexus"),
        *("plus", "pos", "radius", "res", "rms", "series", "species", "status", "synopsis", "synthesis", "this"),
        *("thesis", "trans"),
    )
)
"""Words that end in `s` and are no plurals, short forms of layers' names among them."""
_IRREGULAR: Final = {
    "aliases": "alias",
    "analyses": "analysis",
    "axes": "axis",
    "bases": "basis",
    "biases": "bias",
    "buses": "bus",
    "caches": "cache",
    "canvases": "canvas",
    "children": "child",
    "focuses": "focus",
    "halves": "half",
    "indices": "index",
    "leaves": "leaf",
    "lenses": "lens",
    "matrices": "matrix",
    "movies": "movie",
    "radii": "radius",
    "shelves": "shelf",
    "statuses": "status",
    "ties": "tie",
    "vertices": "vertex",
}
_LONG: Final = re.compile(r"(?:ss|sh|ch|x|zz)es")
"""How words end that have `es` for a plural."""


def singular(name: str) -> str:
    """What one of the things with this name is called; the name itself where it is no plural.

    The last word counts, and a number after it stays: `attn_norm2` for `attn_norms2`.
    """
    found = _NUMBERED.fullmatch(name)
    assert found is not None
    words, number = found[1], found[2] or ""
    before, line, last = words.rpartition("_")
    return f"{before}{line}{_of_word(last)}{number}"


def _of_word(word: str) -> str:
    plain = word.lower()
    if plain in _IRREGULAR:
        return _IRREGULAR[plain]
    if plain in _ALONE or len(word) < _SHORTEST or not plain.endswith("s") or plain.endswith("ss"):
        return word
    if plain.endswith("ies"):
        return f"{word[:-3]}y"
    return word[: -len("es")] if _LONG.search(plain, len(plain) - 4) else word[:-1]
