"""Stating the data format: Keras's layers take the one of the user's `keras.json` unless they are given one."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from archspec.codegen.escaping import quoted
from archspec.codegen.helpers import Helpers
from archspec.codegen.pretty_printer import Bracket, Keyword, Ternary
from archspec_keras.names import CHANNELS_LAST

FORMAT: Final = quoted("channels_last")
"""The format that is stated."""
_BASE: Final = re.compile(r"^class \w+\((layers\.)?(\w+)\):", re.MULTILINE)


def stated(layer: Bracket, helpers: Helpers) -> Bracket:
    """A layer's call that does not depend on `keras.json`.

    Keras's own layers are called by the names that `declarations` gives them. A helper that is derived from one of
    them is stated as any layer is; `helpers` has them.
    """
    head = layer.head
    match head:
        case Bracket("", (Ternary(str() as own),)):  # one of two, of which the first is a helper
            return replace(stated(replace(layer, head=own), helpers), head=head)
        case _:
            pass
    if not isinstance(head, str):
        return layer
    module, _, name = head.rpartition(".")
    if module == "layers" and name in CHANNELS_LAST:
        return Bracket(name, layer.args)
    if _layer_beneath(head, helpers) in CHANNELS_LAST:
        return Bracket(head, (*layer.args, Keyword("data_format", FORMAT)))
    return layer


def _layer_beneath(head: str, helpers: Helpers) -> str:
    """The layer of Keras's own that a helper is derived from, also by way of others; empty where there is none."""
    while head in helpers.names and (base := _BASE.search(helpers.text(head))) is not None:
        is_own, head = base.groups()
        if is_own:
            return str(head)
    return ""


def declarations(heads: set[str]) -> list[str]:
    """The lines of a module that declare what `stated` calls, of these heads of calls."""
    return [f"{name} = partial(layers.{name}, data_format={FORMAT})" for name in sorted(heads & CHANNELS_LAST)]
