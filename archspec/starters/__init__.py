"""The specs that `archspec new` starts from, one for each kind of network, and a recipe.

Each is a file `KIND.yaml` beside this module with `{name}` for the network's name. A comment `# or: ...` is another
form of the line above it, a comment `# add: ...` an item that may be added there; tests try each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Final

KINDS: Final[Mapping[str, str]] = {
    "classifier": "images to classes, by plain convolutions",
    "residual": "images to classes, by stages of residual units",
    "segmentation": "images to a map of classes, by an encoder and a decoder",
    "transformer": "images to classes, by tokens and attention",
    "features": "numbers to numbers, by dense layers",
    "two_inputs": "an image and numbers to classes, by two branches that meet",
}
"""The kinds of networks to start from, and what each does."""
RECIPE: Final = "recipe"
"""The kind that is no network."""


def starter(kind: str, name: str) -> str:
    """The text of a spec of this kind under this name, which is quoted where YAML needs it."""
    return (files(__name__) / f"{kind}.yaml").read_text(encoding="utf-8").replace("{name}", name)
