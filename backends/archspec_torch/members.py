"""Writing `__init__`: the members of a class, under the conditions of the spec, and how `forward` calls them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest

from archspec.codegen.bounds import bounds
from archspec.codegen.conditions import as_elif, is_condition
from archspec.codegen.escaping import attribute, is_attribute, quoted, variable_name
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.marked_text import as_marked
from archspec.codegen.pretty_printer import INDENT, Code, call, conditional, flat, lay_out, marked
from archspec.codegen.reuse import Use, owner_name, uses_of
from archspec.codegen.tree import (
    CallUse,
    ChoiceUse,
    Definition,
    ItemUse,
    LayerUse,
    LoopUse,
    SequenceUse,
    Tree,
)
from archspec.codegen.walk import layers
from archspec.expr import Const, Expr, negated
from archspec.reserved_names import NOT_KEYS, NOT_LAYERS, in_sequence
from archspec_torch.conditional_members import flag_of, one_line_each
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
from archspec_torch.member_sequences import SequenceWriter, is_list, sequences
from archspec_torch.ops import ROWS
from archspec_torch.ops.row import BareParameter
from archspec_torch.row_classes import is_rolled, row_class
from archspec_torch.spelling import ACTIVATION, Spelling


class MemberWriter(LoopWriter):
    """Writes them for one class."""

    def __init__(self, definition: Definition, printers: dict[int, ExpressionPrinter], spelling: Spelling) -> None:
        super().__init__(definition, printers, spelling)
        self.is_row = definition.in_order
        """Whether the class is an `nn.Sequential` of its members: each of them is a module, called once."""
        self.shared: dict[str, tuple[str, list[str]]] = {}
        """Members that serve several layers, by the code that makes them; and the layers' paths."""
        self.makers = Counter(ordered_names(definition.tree))
        """How many items make each member: several where conditions decide which."""
        bare = [layer for layer in layers(definition.tree) if ROWS[layer.op.name].bare_for(layer) is not None]
        self.parameters = {layer.reuses or member_name(layer) for layer in bare}
        """Members that are parameters of the class: no modules, which alone have keys in an `nn.ModuleDict`."""
        self.sequences = sequences(definition, self.makers)
        """The sequences that hold members, by name: `convs` for one that is called `convs.0`."""
        self.spelling.lists |= {
            name: len(elements)
            for name, elements in self.sequences.items()
            if elements is not None and is_list(elements)
        }
        self.taken |= {*NOT_LAYERS, *self.makers, *self.parameters, *self.sequences}
        self.begun: set[str] = set()
        """The sequences that are there so far."""
        self.written: set[int] = set()
        """The locations of the items that sequences were written with."""
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

    def write_init(self) -> None:
        """Write the members, and decide how `forward` calls them."""
        self.init += bounds(self.definition, self.printer, 2)
        self.write_locals()
        self.spelling.keyed = self._is_keyed()
        for location, items in uses_of(self.definition.tree).items():
            self.again[location] = [path for item in items for path in item.paths]
            self.spelling.again |= set(map(owner_name, items))
        self._members(self.definition.tree, 2)

    def _is_keyed(self) -> bool:
        """Whether the class is an `nn.ModuleDict`: a person would not write `getattr(self, "1_conv")`."""
        alone = {name for name in self.makers if not in_sequence(name)[0]}
        if all(map(is_attribute, alone - self.parameters)) or row_class(self.definition) is not None:
            return False
        return not NOT_KEYS & {*alone, *self.parameters, *self.sequences}

    # -- members ----------------------------------------------------------------------------------

    def _members(self, tree: Tree, depth: int) -> None:
        for item, after in zip_longest(tree.items, tree.items[1:]):
            if depth == 2 and self._of_sequence(item):
                continue
            if isinstance(item, LoopUse) and is_rolled(item):
                self.rolled(item, after, depth)
                continue
            if depth == 2 and isinstance(item, SequenceUse) and self.splits(item):
                self.grown_sequence(item)
                continue
            if depth == 2:  # inside of a condition it stays what the condition as a whole needs
                self.grow(item)
            self._member(item, depth)

    def _of_sequence(self, item: ItemUse) -> bool:
        """Write the sequences that an item is the first of; whether it is a member of one and so written already."""
        names = {member_name(use) for use in members_of(item)} if isinstance(item, ChoiceUse) else {member_name(item)}
        for name in sorted({sequence for name in names if (sequence := in_sequence(name)[0])}):
            elements = self.sequences.get(name)
            if name in self.begun or name not in self.sequences:
                continue
            self.begun.add(name)
            if elements is None:
                self.init += lay_out(call("nn.ModuleDict"), 2, f"self.{name} = ")
                continue
            writer = SequenceWriter(self.definition, self.printer, self.module)
            self.init += lay_out(writer.code(elements), 2, f"self.{name} = ")
            for element in elements:
                spelled = self.spell(element.use)
                if element.choice is not None:
                    self.spelling.joined[element.choice.location] = [spelled]
                    self.spell(element.other or element.use)
                self.written.add((element.choice or element.use).location)
        return item.location in self.written

    def _member(self, item: ItemUse, depth: int) -> None:
        match item:
            case CallUse() if item.location in self.made:
                pass
            case ChoiceUse():
                self._choice(item, depth)
            case LoopUse() if item.called:
                self._again(item, depth)
            case LayerUse() if (parameter := ROWS[item.op.name].bare_for(item)) is not None:
                self._parameter(item, parameter, depth)
            case LayerUse() | CallUse() | SequenceUse() | LoopUse() if item.reuses:
                self.spelling.members[(item.location,)] = item.reuses
            case LayerUse() if not self.is_row and (function := ROWS[item.op.name].function_for(item)) is not None:
                self.spelling.functions[item.location] = lambda operands: function(item, self.printer, operands)
            case LayerUse():
                self._layer(item, depth)
            case LoopUse() if len(item.runs) == 1 and item.runs[0].carried is not None:
                self.carried(item, item.runs[0], depth)
            case _:
                self.assign(self.spell(item), self.module(item), depth)

    def spell(self, item: Use) -> str:
        """Decide what an item's member is called: what it is."""
        name = self.spelling.members[(item.location,)] = member_name(item)
        return name

    def module(self, item: Use) -> Code:
        """The expression that makes an item's module, which is there for all that is called with it."""
        return self.for_all(item, self.constructor.module(item))

    def _parameter(self, use: LayerUse, parameter: BareParameter, depth: int) -> None:
        """What a layer learns as a parameter of this class, or has of another, and `forward`'s expression of it."""
        name = use.reuses or member_name(use)
        held = attribute("self", name)  # no module, which alone has a key
        made = call("nn.Parameter", call("torch.empty", *parameter.shape(use, self.printer)))
        if not use.reuses and is_attribute(name):
            self.init += lay_out(made, depth, f"{held} = ")
        elif not use.reuses:
            self.init += lay_out(call("self.register_parameter", quoted(name), made), depth)
        self.spelling.members[(use.location,)] = name
        self.spelling.functions[use.location] = lambda operands: parameter.function(self.printer, held, operands[0])

    def assign(self, name: str, code: Code, depth: int) -> None:
        """Write the line that makes a member, as an attribute where its name can be one."""
        if self._is_target(name):
            self.init += lay_out(code, depth, f"{self.spelling.member(name)} = ")
        else:
            self.init += lay_out(call("self.add_module", quoted(name), code), depth)

    def _is_target(self, name: str) -> bool:
        """Whether a member of this name can be assigned."""
        return self.spelling.keyed or is_attribute(name) or in_sequence(name)[0] != ""

    def _layer(self, use: LayerUse, depth: int) -> None:
        code = self.module(use)
        if not use.named and not use.has_weights and not self.is_row:
            # Layers without weights and without names of their own are one member, as people write it.
            text = flat(code)
            if text in self.shared:
                self.spelling.members[(use.location,)], paths = self.shared[text]
                paths += use.paths
                return
            if depth == 2:  # under a condition it is not there for all
                served: list[str] = []
                self.shared[text] = member_name(use), served
                code = marked(code, served)
        self.assign(self.spell(use), code, depth)

    def _again(self, item: LoopUse, depth: int) -> None:
        """Iterations that all call one member: `forward` counts them."""
        self.spelling.members[(item.location,)] = item.called
        stop = item.runs[-1].stop
        if isinstance(stop, Const):
            self.spelling.counts[item.location] = self.printer.expr(stop)
            return
        name = variable_name(f"{item.name}_times", self.taken)
        self.taken.add(name)
        self.spelling.counts[item.location] = f"self.{name}"
        self.init += lay_out(self.printer.expr(stop), depth, f"self.{name} = ")  # a number, so under no key

    # -- conditions -------------------------------------------------------------------------------

    def _choice(self, item: ChoiceUse, depth: int) -> None:
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
        if not self._is_target(name) or name in self.declared:
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
            self._members(side, depth + 1)
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
        if not all(map(self._is_target, names)):
            return []
        lines = one_line_each(then, other, [self.spelling.member(name) for name in names], test, depth)
        self.declared |= {*names} if lines else set[str]()
        return lines

    def _is_made(self, name: str, item: ChoiceUse) -> bool:
        """Whether a side makes a member of this name, and does not call another's."""
        return name in {self.spelling.members.get((use.location,)) for use in members_of(item)}
