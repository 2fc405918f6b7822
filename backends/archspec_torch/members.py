"""Writing `__init__`: the members of a class, under the conditions of the spec, and how `forward` calls them."""

from __future__ import annotations

from itertools import zip_longest

from archspec.codegen.bounds import bounds
from archspec.codegen.escaping import attribute, is_attribute, quoted, variable_name
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.pretty_printer import Code, call, flat, lay_out, marked
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
from archspec.expr import Const
from archspec.reserved_names import NOT_KEYS, NOT_LAYERS, in_sequence
from archspec_torch.conditional_members import ConditionalMembers
from archspec_torch.member_names import member_name, members_of
from archspec_torch.member_sequences import SequenceWriter, counted_sequences, is_list, sequences
from archspec_torch.ops import ROWS
from archspec_torch.ops.row import BareParameter
from archspec_torch.row_classes import is_rolled, row_class
from archspec_torch.spelling import Spelling


class MemberWriter(ConditionalMembers):
    """Writes them for one class."""

    def __init__(self, definition: Definition, printers: dict[int, ExpressionPrinter], spelling: Spelling) -> None:
        super().__init__(definition, printers, spelling)
        self.is_row = definition.in_order
        """Whether the class is an `nn.Sequential` of its members: each of them is a module, called once."""
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
        self.spelling.open_lists = counted_sequences(definition, self.sequences)
        self.taken |= {*NOT_LAYERS, *self.makers, *self.parameters, *self.sequences}
        self.begun: set[str] = set()
        """The sequences that are there so far."""
        self.written: set[int] = set()
        """The locations of the items that sequences were written with."""

    def write_init(self) -> None:
        """Write the members, and decide how `forward` calls them."""
        self.init += bounds(self.definition, self.printer, 2)
        self.write_locals()
        self.spelling.keyed = self._is_keyed()
        for location, items in uses_of(self.definition.tree).items():
            self.again[location] = [path for item in items for path in item.paths]
            self.spelling.again |= set(map(owner_name, items))
        self.members(self.definition.tree, 2)

    def _is_keyed(self) -> bool:
        """Whether the class is an `nn.ModuleDict`: a person would not write `getattr(self, "1_conv")`."""
        alone = {name for name in self.makers if not in_sequence(name)[0]}
        if all(map(is_attribute, alone - self.parameters)) or row_class(self.definition) is not None:
            return False
        return not NOT_KEYS & {*alone, *self.parameters, *self.sequences}

    # -- members ----------------------------------------------------------------------------------

    def members(self, tree: Tree, depth: int) -> None:
        """Write the members of a class, or of a side of a condition."""
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
            times = self.spelling.open_lists.get(name)
            stop = "" if times is None else self.printer.expr(times)
            writer = SequenceWriter(self.definition, self.printer, self.module, stop)
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
                self.choice(item, depth)
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
        self.spelling.functions[use.location] = lambda operands: parameter.function(
            use, self.printer, held, operands[0]
        )

    def assign(self, name: str, code: Code, depth: int) -> None:
        """Write the line that makes a member, as an attribute where its name can be one."""
        if self.is_target(name):
            self.init += lay_out(code, depth, f"{self.spelling.member(name)} = ")
        else:
            self.init += lay_out(call("self.add_module", quoted(name), code), depth)

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
