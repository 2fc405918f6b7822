"""The tables of keys in `docs/language.md`, made from the models of `archspec.spec`.

Each stands between `<!-- table: NAME -->` and `<!-- end of table -->`; the rest of the page is written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from archspec.spec.base import Model
from archspec.spec.depth import Depth
from archspec.spec.inputs import Input
from archspec.spec.items import Repeat, Reuse, Stage
from archspec.spec.model import Block, Spec
from archspec.spec.params import Param
from archspec.spec.pretrained import Pretrained

MODELS: Final[Mapping[str, type[Model]]] = {
    "spec": Spec,
    "block": Block,
    "stage": Stage,
    "reuse": Reuse,
    "repeat": Repeat,
    "param": Param,
    "input": Input,
    "depth": Depth,
    "pretrained": Pretrained,
}
_CONDITION: Final = ("when", "else")
_TABLE: Final = re.compile(r"<!-- table: (\w+) -->\n.*?<!-- end of table -->\n", re.DOTALL)


def filled(page: str) -> str:
    """The page with its tables as the models have them now."""
    return _TABLE.sub(lambda match: _table(match[1]), page)


def _table(name: str) -> str:
    rows = ["| key | meaning |", "|---|---|"]
    for field, info in MODELS[name].model_fields.items():
        key = info.alias or field
        if key not in _CONDITION:  # they stand beside an item, whatever it is
            rows.append(f"| `{key}` | {info.description}{'; required' if info.is_required() else ''} |")
    return "\n".join([f"<!-- table: {name} -->", "", *rows, "", "<!-- end of table -->", ""])
