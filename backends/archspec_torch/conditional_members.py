"""Writing members under conditions: one for both sides, an identity, or an attribute that `forward` asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from archspec.codegen.conditions import as_elif, is_condition
from archspec.codegen.escaping import is_attribute
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.marked_text import as_marked
from archspec.codegen.pretty_printer import INDENT, Code, call, conditional, flat, lay_out
from archspec.codegen.reuse import Use
from archspec.codegen.tree import ChoiceUse, Definition, LayerUse, LoopUse, Tree
from archspec.expr import Expr, negated
from archspec.reserved_names import in_sequence
from archspec_torch.loop_writer import LoopWriter
from archspec_torch.member_names import (
    activations,
    arms,
    calls_of_both,
    certain_names,
    is_part_of_row,
    joinable,
    member_name,
    members_of,
    needs_its_members,
    ordered_names,
    row,
)
from archspec_torch.one_line_members import flag_of, one_line_each
from archspec_torch.spelling import ACTIVATION, Spelling


class ConditionalMembers(LoopWriter):
    """Writes them for one class, of which `MemberWriter` writes the other members."""

    def __init__(self, definition: Definition, printers: dict[int, ExpressionPrinter], spelling: Spelling) -> None:
        super().__init__(definition, printers, spelling)
        self.shared: dict[str, tuple[str, list[str]]] = {}
        """Members that serve several layers, by the code that makes them; and the layers' paths."""
        self.makers = Counter(ordered_names(definition.tree))
        """How many items make each member: several where conditions decide which."""
        self.declared: set[str] = set()
        """Members whose annotation is written."""
        self.defaulted: set[str] = set()
        """Members that are identities already where a condition around does not hold, or one inside."""
        self.made: set[int] = set()
        """The locations of calls whose member is made outside of the condition that they are under."""
        self.asked: dict[Expr, tuple[str, bool]] = {}
        """The flags of conditions that are known whatever the others say, each with whether it is not the opposite."""
        self.flags: list[str] = []
        """Lines that keep the conditions inside of a condition."""

    def members(self, tree: Tree, depth: int) -> None:
        """Write the members of a side of a condition."""
        raise NotImplementedError

    def is_target(self, name: str) -> bool:
        """Whether a member of this name can be assigned."""
        return self.spelling.keyed or is_attribute(name) or in_sequence(name)[0] != ""

    def choice(self, item: ChoiceUse, depth: int) -> None:
        """Write the members on both sides of a condition, and decide how `forward` learns which are there."""
        sides = (row(item.then, item), row(item.other, item))
        found = arms(item)
        if found is not None and len(found) > 2 and self.makers[member_name(found[0][1])] == len(found):
            self._selected(item, found, depth)
        elif joinable(item, sides, self.makers):
            self._joined(item, sides, depth)
        elif depth == 2 and (chosen := activations(item)) is not None and ACTIVATION not in self.taken:
            self.taken.add(ACTIVATION)
            self._activation(item, chosen)
        else:
            both = [made for made in calls_of_both(item) if depth == 2 and self.makers[member_name(made[0])] == 2]
            self.made |= {use.location for made in both for use in made[:2]}
            self._flagged(item, depth)
            for use, other, together in both:  # one member, of which the condition decides arguments
                self.assign(self.spell(use), self.module(together), depth)
                self.spell(other)

    def _selected(self, item: ChoiceUse, arms: Sequence[tuple[Expr | None, Use]], depth: int) -> None:
        """One member, made in another way under each of several conditions."""
        names = [self.spell(use) for _, use in arms]
        self.spelling.joined[item.location] = names[:1]
        self._declare(names[0], depth)
        for place, (condition, use) in enumerate(arms):
            word = "else" if condition is None else f"{'elif' if place else 'if'} {self.printer.expr(condition)}"
            self.init.append(f"{INDENT * depth}{word}:")
            self.assign(names[0], self.module(use), depth + 1)

    def _joined(self, item: ChoiceUse, sides: Sequence[Sequence[Use] | None], depth: int) -> None:
        """The members are there on either side, on one as identities: `forward` need not know of the condition."""
        then, other = sides
        assert then is not None
        assert other is not None
        kept, left = (then, other) if then else (other, then)
        condition = self.printer.expr(item.condition if then else negated(item.condition))
        if (again := self._made_before(kept, condition, depth)) is not None:
            self.spelling.joined[item.location] = again
            return
        names = [self.spell(use) for use in kept]
        self.spelling.joined[item.location] = names
        if len(kept) == 1 and self._as_expression(kept[0], left[0] if left else None, condition, depth):
            return
        indent = INDENT * depth
        if not left and len(names) > 1 and not self.declared & {*names}:
            before, self.init = self.init, []
            for name, use in zip(names, kept, strict=True):
                self.assign(name, self.module(use), depth + 1)
            made, self.init = self.init, before
            if lines := self._one_line_each(made, (), names, condition, depth):
                self.init += lines
                return
            for name in names:
                self._declare(name, depth, call("nn.Identity"))
            self.init += [f"{indent}if {condition}:", *made]
            return
        if not left:
            for name in names:
                self._declare(name, depth, call("nn.Identity"))
        else:
            self._declare(names[0], depth)
        self.init.append(f"{indent}if {condition}:")
        for name, use in zip(names, kept, strict=True):
            self.assign(name, self.module(use), depth + 1)
        if left:
            self.spell(left[0])
            self.init.append(f"{indent}else:")
            self.assign(names[0], self.module(left[0]), depth + 1)

    def _activation(self, item: ChoiceUse, chosen: Sequence[tuple[Expr | None, LayerUse | None]]) -> None:
        """One of several activations that have no names of their own: one member, as people write it."""
        code: Code = ""
        for condition, use in reversed(chosen):
            made = call("nn.Identity") if use is None else self.module(use)
            code = made if condition is None else conditional(made, self.printer.expr(condition), code)
        self.init += lay_out(code, 2, f"{self.spelling.member(ACTIVATION)} = ")
        self.spelling.members |= {(use.location,): ACTIVATION for _, use in chosen if use is not None}
        self.spelling.joined[item.location] = [ACTIVATION]
        self.declared.add(ACTIVATION)

    def _made_before(self, kept: Sequence[Use], condition: str, depth: int) -> list[str] | None:
        """The member that does the same under the same condition, of a layer without weights and a name of its own."""
        [use, *more] = kept
        if more or depth > 2 or not isinstance(use, LayerUse) or use.named or use.has_weights:
            return None
        key = f"{flat(self.module(use))} if {condition}"
        if key not in self.shared:
            served = self.again[use.location] = list[str]()
            self.shared[key] = member_name(use), served
            return None
        name, paths = self.shared[key]
        self.spelling.members[(use.location,)] = name
        paths += use.paths
        return [name]

    def _as_expression(self, then: Use, other: Use | None, condition: str, depth: int) -> bool:
        """Write `self.shortcut = nn.Conv2d(...) if condition else nn.Identity()`, if statements would be no shorter."""
        name = member_name(then)
        if not self.is_target(name) or name in self.declared:
            return False
        if isinstance(then, LoopUse) or isinstance(other, LoopUse):
            return False
        made = [self.module(use) for use in (then, other) if use is not None]
        code = conditional(made[0], condition, call("nn.Identity") if other is None else made[1])
        lines = lay_out(code, depth, f"{self.spelling.member(name)} = ")
        sides = [lay_out(side, depth + 1, f"{self.spelling.member(name)} = ") for side in made]
        if len(lines) > 1 + sum(1 + len(side) for side in sides):  # each after its `if` or `else`, all after one
            return False
        if other is not None:
            self.spell(other)
        self.declared.add(name)
        self.init += lines
        return True

    def _declare(self, name: str, depth: int, code: Code | None = None) -> None:
        """A member that conditions decide about: of what class all of them are, and what it is unless they hold."""
        if name in self.defaulted:
            return
        annotated = is_attribute(name) and not self.spelling.keyed and name not in self.declared
        self.declared.add(name)
        if code is None:
            self.init += [f"{INDENT * depth}self.{name}: nn.Module"] if annotated else []
        elif annotated:
            self.init += lay_out(code, depth, f"self.{name}: nn.Module = ")
        else:
            self.assign(name, code, depth)

    def _declare_absent(self, name: str, made: Sequence[Use], depth: int) -> None:
        """A member that is on one side alone, and what stands for it on the other: of a row one that is empty."""
        if is_part_of_row(name, made):
            self.assign(name, call("nn.Sequential"), depth)
            self.declared.add(name)
        else:
            self._declare(name, depth, call("nn.Identity"))

    def _flagged(self, item: ChoiceUse, depth: int) -> None:
        """`forward` asks again: the outcome is kept as an attribute."""
        known = self.asked.get(item.condition)
        flag, holds = known or flag_of(item, self.printer, self.taken)
        if depth == 2:
            self.asked |= {item.condition: (flag, holds), negated(item.condition): (flag, not holds)}
        self.spelling.flags[item.location] = flag, holds
        if flag not in self.spelling.finals and any(map(needs_its_members, (item.then, item.other))):
            self.spelling.finals.append(flag)
        indent = INDENT * depth
        bodies: list[list[str]] = []
        found = [{*ordered_names(side, self.made)} for side in (item.then, item.other)]
        certain = certain_names(item.then) & certain_names(item.other)
        alone, both = sorted((found[0] | found[1]) - certain), sorted(found[0] & found[1] & certain)
        fresh = [name for name in (*alone, *both) if name not in self.declared]
        self.declared |= {*fresh}
        self.defaulted |= {name for name in fresh if name in alone}
        around, self.flags = self.flags, []
        for side in (item.then, item.other) if holds else (item.other, item.then):
            before, self.init = self.init, []
            self.members(side, depth + 1)
            bodies.append(self.init)
            self.init = before
        then, other = bodies
        inner, self.flags = self.flags, around
        condition = item.condition if holds else negated(item.condition)
        asked = [] if known else lay_out(self.printer.expr(condition), 2, f"self.{flag} = ")
        asked += inner
        if depth > 2:  # what is asked is there whatever the conditions around say
            self.flags += asked
        else:
            self.init += asked
        if then == other:  # the condition decides how they are called, not what there is
            self.init += [as_marked(line.removeprefix(INDENT), line, twin) for line, twin in zip(*bodies, strict=True)]
            return
        side, bare = (item.then, item.other) if item.then.items else (item.other, item.then)
        made = [part for part in members_of(item) if member_name(part) in alone]
        if len(made) == 1 and len(fresh) == 1 and not both and not bare.items and not isinstance(made[0], LoopUse):
            part, asks = made[0], f"self.{flag}" if holds == (side is item.then) else f"not self.{flag}"
            self.declared -= {*fresh}
            self.defaulted -= {*fresh}
            single = not any(isinstance(inner, ChoiceUse) for inner in side.items) and len(then or other) == 1
            if single and self._is_made(fresh[0], item) and self._as_expression(part, None, asks, depth):
                return
        if not both and all(self._is_made(name, item) and not is_part_of_row(name, made) for name in fresh):
            lines = self._one_line_each(then, other, fresh, f"self.{flag}", depth)
            if lines:
                self.init += lines
                self.defaulted -= {*fresh}
                return
        for name in fresh:
            self.declared.discard(name)
            self.defaulted.discard(name)
            if name in alone and self._is_made(name, item):
                self._declare_absent(name, made, depth)
            elif name in both:
                self._declare(name, depth)
        if then:
            self.init += [f"{indent}if self.{flag}:", *then]
        if then and is_condition(other, depth + 1):
            self.init += as_elif(other)
        elif other:
            self.init += [f"{indent}else:" if then else f"{indent}if not self.{flag}:", *other]

    def _one_line_each(
        self, then: Sequence[str], other: Sequence[str], names: Sequence[str], test: str, depth: int
    ) -> list[str]:
        """The lines of members that are identities where a condition does not hold, if each is one line."""
        if not all(map(self.is_target, names)):
            return []
        lines = one_line_each(then, other, [self.spelling.member(name) for name in names], test, depth)
        self.declared |= {*names} if lines else set[str]()
        return lines

    def _is_made(self, name: str, item: ChoiceUse) -> bool:
        """Whether a side makes a member of this name, and does not call another's."""
        return name in {self.spelling.members.get((use.location,)) for use in members_of(item)}
