"""What rich prints of a spec: what it takes, and what it is made of, as it is written. Nothing is compiled for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from archspec.reporting import printable
from archspec.spec.base import Attribute
from archspec.spec.inputs import Input
from archspec.spec.items import Call, Item, Refused, Sequence, Stage, Tap
from archspec.spec.params import Param, shown

if TYPE_CHECKING:
    from rich.console import RenderableType

    from archspec.spec.model import Spec

_SHOWN: Final = 200
"""Characters of one value that are shown."""


def renderable(spec: Spec) -> RenderableType:
    """The title, the inputs, the depth, the params with their values, and the stages."""
    facts = _grid()
    facts.add_row("spec", _text(spec.name if spec.path is None else f"{spec.name}, {spec.path}"))
    for name, given in {"input": spec.input, **spec.inputs}.items():
        if given is not None:
            facts.add_row("input" if given is spec.input else _text(f"input {name}"), _text(_input(given)))
    if spec.depth is not None:
        rule = "" if spec.depth.rule is None else f", of {spec.depth.rule}"
        facts.add_row("depth", _text(f"{_value(spec.depth.value)}{rule}"))
    parts: list[RenderableType] = [_text(spec.title or spec.name, "bold"), "", facts]
    if spec.params:
        params = _grid()
        for name, param in spec.params.items():
            params.add_row(*_param(name, param, spec.overrides.get(name)))
        parts += ["", Text("params", "bold"), params]
    if spec.variants:
        variants = _grid()
        for name, values in spec.variants.items():
            table = ", ".join(f"{key}={_value(value)}" for key, value in values.items())
            variants.add_row(_text(name, "bold green" if name == spec.chosen_variant else ""), _text(table))
        parts += ["", Text("variants", "bold"), variants]
    items = _grid()
    for name, what in _items(spec):
        items.add_row(_text(name), _text(what))
    return Group(*parts, "", Text("layers", "bold"), items)


def _param(name: str, param: Param, given: Attribute | None) -> tuple[Text, Text, Text]:
    if given is not None:
        value = _text(_value(given), "bold green")
    elif param.default is None:
        value = _text("required", "bold red")
    else:
        value = _text(_value(param.default))
    remarks = [param.doc, shown(param.choices) if param.choices else ""]
    return _text(name), value, _text("; ".join(filter(None, remarks)), "dim")


def _input(given: Input) -> str:
    if given.shape is not None:
        return _value(given.shape)
    return " x ".join(map(_value, given.sizes.values()))


def _items(spec: Spec) -> Iterator[tuple[str, str]]:
    """The stages by their names, and the items around them by the key that they stand under."""
    for key in ("stem", "stages", "head", "layers"):
        for is_stage, items in groupby(getattr(spec, key) or (), key=lambda item: isinstance(item, Stage)):
            if is_stage:
                yield from ((stage.label, _stage(stage)) for stage in items)
            else:
                yield key, ", ".join(_names(items))


def _names(items: Iterable[Item]) -> Iterator[str]:
    """Items by their own names, or else by their ops'; those of a sequence without a name in its place."""
    for item in items:
        if isinstance(item, Sequence) and not item.label:
            yield from _names(item.layers)
        elif not isinstance(item, Tap | Refused):
            yield item.label or (item.name if isinstance(item, Call) else item.kind)


def _stage(stage: Stage) -> str:
    if stage.units is None:
        return ", ".join(_names(stage.layers))
    units = stage.units.expression
    return f"{stage.block}: " + (_value(units) if units is not None else f"{len(stage.units.entries)} entries")


def _value(value: Attribute) -> str:
    found = value.raw
    return str(found).lower() if isinstance(found, bool) else str(found)


def _text(text: str, style: str = "") -> Text:
    found = printable(" ".join(text.split()))
    return Text(found if len(found) <= _SHOWN else f"{found[:_SHOWN]} ...", style)


def _grid() -> Table:
    return Table.grid(padding=(0, 2, 0, 0))
