"""The values of a recipe, worked out: what expressions give, with the values of its params."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, TypeVar, cast

from archspec.errors import Diagnostics, SpecError, did_you_mean, nearest
from archspec.expr import Value, names
from archspec.ir.attributes import AttributeValueError, Kind
from archspec.ir.op import AttributeInfo, Described
from archspec.limits import Budget
from archspec.lowering.bind import param_value
from archspec.lowering.values import evaluated, expression, is_word, read_attribute
from archspec.recipe.items import Item
from archspec.recipe.key_suggestions import OTHER_VALUES
from archspec.recipe.kinds import TextKind, TextsKind
from archspec.recipe.part import Part
from archspec.spec.base import Attribute
from archspec.spec.params import Param
from archspec.suggestions.static_checks import word_help

P = TypeVar("P", bound=Part)


@dataclass(frozen=True, slots=True)
class _TopLevel(Described):
    """What a key at the top of a recipe is said to be of."""

    name: ClassVar[str] = "the recipe"


@dataclass(slots=True)
class ValueResolver:
    """Works out the values of one recipe, and notes all that is wrong with them."""

    budget: Budget
    found: Diagnostics = field(default_factory=Diagnostics)
    env: dict[str, Value] = field(default_factory=dict[str, Value])
    unknown: set[str] = field(default_factory=set[str])
    """The params whose values are wrong: what mentions them is not worked out, and nothing is said of it."""
    used: set[str] = field(default_factory=set[str])
    undefined: set[str] = field(default_factory=set[str])

    def params(self, params: Mapping[str, Param], given: Mapping[str, Attribute]) -> None:
        """Work out the params, each of which may mention those before it."""
        for name, param in params.items():
            value = given.get(name) or param.default
            if value is None:
                message = f"the param `{name}` has no default, and no value is given"
                help = f"give one with `--set {name}=...`, or a default in the recipe"
                self.found.error("E0402", message, param.name_span, help=help)
                self.unknown.add(name)
                continue
            alone = param.values is None or not isinstance(value.raw, str)
            if name not in given and alone and not self._names(value):
                self.unknown.add(name)
                continue
            try:
                self.env[name] = param_value(name, param.values, value, {} if name in given else self.env, self.budget)
            except SpecError as error:
                self._note(error)
                self.unknown.add(name)

    def unused(self, params: Mapping[str, Param], elsewhere: Iterable[str]) -> None:
        """Note those of some params that nothing mentions; `elsewhere` are words in parts that were refused."""
        for name, param in params.items():
            meant = any(nearest(word, (name,)) for word in self.undefined)
            if not meant and name not in self.used and name not in elsewhere:
                help = "use it in an expression, or leave it out"
                self.found.error("E0403", f"the param `{name}` is never used", param.name_span, help=help)

    def scalar(self, key: str, kind: Kind, given: Attribute | None, default: Any) -> Any:
        """The value of a key at the top; its default where it is wrong, which is noted."""
        if given is None:
            return default
        info = AttributeInfo(key, kind, "", default, False, False)
        read = self._attribute(_TopLevel, info, given)
        return default if read is None else read

    def items(self, items: Iterable[Item] | None, kind: type[P]) -> list[tuple[Item, P]]:
        """The parts of a list that are there, each with what it was made from."""
        found: list[tuple[Item, P]] = []
        for item in items or ():
            there = True
            if item.when is not None:
                condition = self._condition(item.when)
                if condition is None:
                    continue
                there = condition
            part = self.part(item, kind, there=there)
            if there and part is not None:
                found.append((item, part))
            others = [pair for other in item.otherwise for pair in self._alternative(other, kind, there=not there)]
            found += others
        return found

    def _alternative(self, item: Item, kind: type[P], *, there: bool) -> list[tuple[Item, P]]:
        if there:
            return self.items((item,), kind)
        if item.when is not None:
            self._names(item.when)
        self.part(item, kind, there=False)
        return []

    def part(self, item: Item, kind: type[P], *, there: bool = True) -> P | None:
        """A part with its values; None where one is wrong, which is noted.

        One that is not there has its expressions looked at, and is not worked out: it may not be right then.
        """
        values: dict[str, Any] = {}
        sound = True
        infos = item.part.attributes()
        for name, given in item.attributes.items():
            info = infos[name]
            if not there:
                if not isinstance(info.kind, TextKind | TextsKind) and not is_word(info, given.raw):
                    self._names(given)
                continue
            value = self._attribute(item.part, info, given)
            if value is None:
                sound = False
            values[name] = value
        if not sound or not there:
            return None
        made = cast("P", item.part(**values))
        for problem in made.problems():
            sound = False
            place = item.attributes[problem.attribute].span if problem.attribute in item.attributes else item.span
            message = f"`{problem.attribute}` of {made.name}: {problem.message}"
            self.found.error("E0411", message, place, help=problem.help)
        return made if sound else None

    def _attribute(self, part: type[Described], info: AttributeInfo, given: Attribute) -> Any:
        """One value; None where it is wrong, which is noted. No attribute can be given nothing."""
        if isinstance(info.kind, TextKind | TextsKind):
            try:
                raw: Any = tuple(given.raw) if isinstance(given.raw, list) else given.raw
                return info.kind.read(raw)
            except AttributeValueError as error:
                self.found.error("E0411", f"`{info.name}` of {part.name}: {error}", given.span, help=error.help)
                return None
        other = OTHER_VALUES.get(info.name, {}).get(str(given.raw).lower().replace("-", "_"), "")
        meant = f"write `{other}`" if other else ""
        if not is_word(info, given.raw):
            said = word_help(part, info, given.raw, self.env.keys() | self.unknown)
            if said is not None:
                self.found.error("E0411", said[0], given.span, help=meant or said[1])
                return None
            if not self._names(given):
                return None
        try:
            return read_attribute(part, info, given, self.env, self.budget)[0]
        except SpecError as error:
            self._note(error, meant)  # a param is called as a word of another library's is, such as `epochs`
            return None

    def _condition(self, when: Attribute) -> bool | None:
        if not self._names(when):
            return None
        try:
            value = evaluated(when, self.env, self.budget)[0]
        except SpecError as error:
            self._note(error)
            return None
        if not isinstance(value, bool):
            message = f"a condition is true or false, this is {value!r}"
            help = f"compare it, as in `{when.raw} > 0`" if isinstance(when.raw, str) else ""
            self.found.error("E0202", message, when.span, help=help)
            return None
        return value

    def _names(self, given: Attribute) -> bool:
        """Whether all names in an expression have values; what is not defined, or no expression, is noted."""
        try:
            mentioned = names(expression(given, self.budget), self.budget)
        except SpecError as error:
            self._note(error)
            return False
        self.used |= mentioned
        sound = True
        for name in sorted(mentioned):
            if name in self.unknown:
                sound = False
            elif name not in self.env:
                help = _FUNCTIONS.get(name) or did_you_mean(name, self.env)
                self.found.error("E0302", f"`{name}` is not defined here", given.span, help=help)
                self.undefined.add(name)
                sound = False
        return sound

    def _note(self, error: SpecError, help: str = "") -> None:
        for each in error.diagnostics:
            self.found.error(
                each.code, each.message, each.span, label=each.label, notes=each.notes, help=each.help or help
            )


_FUNCTIONS: Final = {"pi": "write 3.141592653589793", "e": "write 2.718281828459045"}
