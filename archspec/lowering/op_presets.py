"""Ops and blocks with arguments as params: `norm: {layer_norm: {eps: 1e-6}}`, which becomes a word of its own.

The word is the op's, unless the op is meant without these arguments elsewhere; then it has a number.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from archspec.errors import SpecError
from archspec.expr import names
from archspec.ir.ops import OPS
from archspec.lowering.diagnostics import CheckDiagnostics
from archspec.lowering.values import expression, parts
from archspec.spec import Attribute, Call, Item, Param, Refused, Repeat, Spec, Stage
from archspec.spec import Sequence as Seq
from archspec.spec.base import attributes
from archspec.spec.located_data import LocatedDict
from archspec.spec.units import Unit

_KNOWN: Final = frozenset({"channels", "in_channels"})
"""What the arguments may speak of: it is known wherever the op is called."""


class Preset(NamedTuple):
    """What such a word stands for."""

    op: str
    attributes: Mapping[str, Attribute]


@dataclass(slots=True, eq=False)
class Presets:
    """The presets of a spec, by their words."""

    spec: Spec
    found: CheckDiagnostics
    plain: Collection[str]
    """The ops and blocks that params stand for without arguments."""
    by_word: dict[str, Preset] = field(default_factory=dict[str, Preset])
    words: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """By the op and its arguments as they are written."""

    def word(self, given: Attribute) -> str | None:
        """The word of a value that is a preset; None of any other."""
        raw = given.raw
        if not isinstance(raw, LocatedDict) or len(raw) != 1:
            return None
        [(op, arguments)] = raw.items()
        if not (op in OPS or op in self.spec.blocks) or not isinstance(arguments, LocatedDict | None):
            return None
        key = op, repr(arguments)
        if key not in self.words:
            taken = {*self.plain, *OPS, *self.spec.blocks, *self.by_word}
            word, number = op, 2
            while word in self.by_word or (word != op and word in taken) or (word == op and op in self.plain):
                word, number = f"{op}_{number}", number + 1
            self.words[key] = word
            self.by_word[word] = self.sound(Preset(op, attributes(arguments) if arguments else {}))
        return self.words[key]

    def sound(self, preset: Preset) -> Preset:
        """A preset without the arguments that mention what may mean something else where the op is called."""
        wrong: set[str] = set()
        for name, attribute in preset.attributes.items():
            info = OPS[preset.op].attributes().get(name) if preset.op in OPS else None
            for part in [attribute] if info is None else parts(info, attribute):
                try:
                    mentioned = names(expression(part, self.found.budget), self.found.budget)
                except SpecError:
                    continue  # which is said where it is called
                for other in sorted(mentioned - _KNOWN - self.spec.refused):
                    message = f"`{other}` is not defined in the arguments of an op that is a param's value"
                    help = f"they are numbers and words; make a block with a param `{other}`, or give a number"
                    self.found.error("E0302", message, part.span, help=help)
                    self.found.outside.add(other)
                    wrong.add(name)
        if wrong:
            self.found.uncertain.add(preset.op)
        return preset._replace(attributes={k: given for k, given in preset.attributes.items() if k not in wrong})

    # -- the spec with words in their place -------------------------------------------------------

    def written(self, reached: Collection[tuple[str, str]]) -> Spec:
        """The spec with words where the params that stand for ops are given presets.

        Args:
            reached: these params, each with the block that it is of; empty for those of the network.
        """
        spec = self.spec
        blocks = {
            block: found.model_copy(
                update={
                    "params": self.params(found.params, block, reached),
                    "layers": self.items(found.layers, reached),
                }
            )
            for block, found in spec.blocks.items()
        }
        overrides = {
            name: self.override(spec.params[name], given) if ("", name) in reached else given
            for name, given in spec.overrides.items()
        }
        update: dict[str, object] = {"blocks": blocks, "params": self.params(spec.params, "", reached)}
        for key in ("stem", "stages", "head", "layers"):
            if (items := getattr(spec, key)) is not None:
                update[key] = self.items(items, reached)
        made = spec.model_copy(update=update)
        made._overrides = overrides
        return made

    def params(self, params: Mapping[str, Param], body: str, reached: Collection[tuple[str, str]]) -> dict[str, Param]:
        """The params of a body."""
        return {name: self.param(param) if (body, name) in reached else param for name, param in params.items()}

    def value(self, given: Attribute) -> Attribute:
        """A value with the word in place of a preset."""
        word = self.word(given)
        return given if word is None else replace(given, raw=word)

    def param(self, param: Param) -> Param:
        """A param whose default and choices are words. In its default a choice is known by its op alone, too."""
        update: dict[str, object] = {}
        known: dict[str, str] = {}
        if param.choices is not None:
            choices = [Attribute(choice, param.item_place("choices", k)) for k, choice in enumerate(param.choices)]
            found = tuple(self.value(choice).raw for choice in choices)
            pairs = zip(param.choices, found, strict=True)
            known = {next(iter(old)): str(new) for old, new in pairs if isinstance(old, LocatedDict)}
            update["choices"] = found
        if param.default is not None:
            default = self.value(param.default)
            raw = default.raw
            update["default"] = replace(default, raw=known[raw]) if isinstance(raw, str) and raw in known else default
        return param.model_copy(update=update)

    def override(self, param: Param, given: Attribute) -> Attribute:
        """A value from outside, which names a choice by its op."""
        for choice in param.choices or ():
            if isinstance(choice, LocatedDict) and given.raw in choice and given.raw not in (param.choices or ()):
                return replace(given, raw=self.word(Attribute(choice, given.span)))
        return self.value(given)

    def items(self, items: Iterable[Item], reached: Collection[tuple[str, str]]) -> tuple[Item, ...]:
        """Items whose calls give words to the params that stand for ops."""
        return tuple(self.item(item, reached) for item in items)

    def item(self, item: Item, reached: Collection[tuple[str, str]]) -> Item:
        """One of them, with those inside."""
        if isinstance(item, Refused):
            return item
        update: dict[str, object] = {}
        if otherwise := item.otherwise:
            update["otherwise"] = self.items(otherwise, reached)
        match item:
            case Call():
                if item.branches is not None:
                    update["branches"] = self.items(item.branches, reached)
                update["attributes"] = self.arguments(item.name, item.attributes, reached)
                update["fields"] = self.fields(item.name, item.fields, reached)
            case Stage(block=str() as block):
                update["arguments"] = self.arguments(block, item.arguments, reached)
                if item.units is not None:
                    entries = [self.unit(block, unit, reached) for unit in item.units.entries]
                    update["units"] = replace(item.units, entries=tuple(entries))
            case Seq() | Repeat() | Stage() if item.layers:
                update["layers"] = self.items(item.layers, reached)
            case _:
                pass
        return item.model_copy(update=update) if update else item

    def arguments(
        self, block: str, given: Mapping[str, Attribute], reached: Collection[tuple[str, str]]
    ) -> dict[str, Attribute]:
        """The arguments of a call of a block."""
        return {name: self.value(one) if (block, name) in reached else one for name, one in given.items()}

    def unit(self, block: str, unit: Unit, reached: Collection[tuple[str, str]]) -> Unit:
        """A unit of a stage."""
        mapping = None if unit.mapping is None else self.arguments(block, unit.mapping, reached)
        return replace(unit, mapping=mapping, fields=self.fields(block, unit.fields, reached))

    def fields(self, block: str, given: Attribute | None, reached: Collection[tuple[str, str]]) -> Attribute | None:
        """A tuple that is written as a list: in it a word stands for itself where a param stands for an op."""
        if given is None or not isinstance(given.raw, list) or block not in self.spec.blocks:
            return given
        items = list[object](given.raw)
        for index, name in enumerate(self.spec.blocks[block].unit[: len(items)]):
            raw = self.value(Attribute(items[index], given.span)).raw
            if (block, name) in reached and isinstance(raw, str) and self.is_word(raw):
                items[index] = f"'{raw}'"
        return given if items == given.raw else replace(given, raw=items)

    def is_word(self, text: str) -> bool:
        """Whether a text names an op, a block or a preset."""
        return text in OPS or text in self.spec.blocks or text in self.by_word
