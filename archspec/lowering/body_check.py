"""The check of one body, the network's or a block's, before anything is computed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from archspec.errors import Span, did_you_mean, nearest
from archspec.expr import names, parse, split_pattern
from archspec.ir.ops import OPS
from archspec.lowering.bodies import bare, everything, given_by_calls, lists_in, marks_in, taps_in
from archspec.lowering.body_names import BodyNames
from archspec.lowering.call_check import CallCheck
from archspec.lowering.units import WHOLE_INDICES
from archspec.reserved_names import NOT_LAYERS, not_a_layer
from archspec.spec import Attribute, Block, Call, Item, Param, Repeat, Stage
from archspec.spec import Sequence as Seq
from archspec.spec.checks import tap_and_index
from archspec.spec.file_suggestions import block_help
from archspec.spec.scalars import describe
from archspec.suggestions.static_checks import A_TAP, tap_help


class BodyCheck(BodyNames):
    """The check of one body."""

    __slots__ = ()

    def body(self, items: Iterable[Item]) -> None:
        """Check a list of items and everything inside them."""
        items = tuple(items)
        self.items_in = tuple(everything(items))
        self.taps |= {*marks_in(items), *given_by_calls(items, self.spec.blocks)}
        self.lists |= lists_in(items)
        self.items(items, frozenset())

    def items(self, items: Iterable[Item], indices: frozenset[str]) -> None:
        """Check some of the body's items, and those inside them; `indices` are those of the loops around."""
        for item in items:
            if isinstance(item, Call) and item.branches:
                self.joined |= {id(branch) for branch in item.branches}
                self.branch_of |= {id(call): item for branch in item.branches if (call := bare(branch))}
            within = indices | {item.index} if isinstance(item, Repeat) else indices
            for row in _inside(item):
                if row:
                    self.items(row, within)
            before = len(self.found.found)
            self.item(item, indices)
            if len(self.found.found) > before:
                self.leave(item)

    def item(self, item: Item, indices: frozenset[str]) -> None:
        """Check what is written in an item itself."""
        self.use(item.when, indices=indices)
        if isinstance(item, Repeat | Stage):
            self.index(item, indices)
        match item:
            case Call():
                self.call(item, indices)
            case Seq() if item.origin is not None:
                self.sequence_start(item, item.origin, indices)
            case Repeat():
                self.use(item.times, indices=indices)
                self.iteration_names(item, indices)
                self.carried(item)
            case Stage() if item.block is not None:
                self.stage(item, item.block, indices)
            case _:
                pass

    def sequence_start(self, item: Seq, origin: str, indices: frozenset[str]) -> None:
        """A sequence starts at a tap, at one of a list or, as a branch of a merge that does no more, at all of one."""
        if origin not in self.lists or origin in self.taps:
            self.start(origin, f"no tap `{origin}` here", item.place("from"), indices=indices)
            return
        self.tapped.add(origin)
        if id(item) not in self.joined or item.layers or item.label is not None or item.when is not None:
            message = f"`{origin}` is a list of tensors, and one is needed here"
            help = (
                f"take one, as in `from: {origin}[0]`; a merge takes all of them, as in `concat: [{{from: {origin}}}]`"
            )
            self.found.error("E0406", message, item.place("from"), help=help)

    def start(
        self,
        text: str,
        message: str,
        place: Span | None,
        fallback: str = "",
        *,
        indices: frozenset[str] = frozenset(),
    ) -> None:
        """A tap, or one of a list, is named here, to start from or to give to a block."""
        name, index = tap_and_index(text)
        self.tapped.add(name)
        if index is not None:
            self.one_of_list(name, Attribute(index, place), indices)
            return
        if name in self.taps or self.may_be(name):
            return
        match = nearest(name, self.taps)
        self.tapped |= {match} if match is not None else set[str]()  # it is meant, and so it is used
        help = tap_help(name, self.taps, self.items_in, self.spec.blocks) or fallback
        self.found.error("E0406", message, place, help=help)

    def one_of_list(self, name: str, index: Attribute, indices: frozenset[str]) -> None:
        """One tensor of a list, by an expression that knows all but `channels`."""
        known, self.known = self.known, self.known - {"channels"}
        self.use(index, indices=indices)
        self.known = known
        if name in self.lists or self.may_be(name):
            return
        match = nearest(name, self.lists)
        self.tapped |= {match} if match is not None else set[str]()
        message = f"`{name}` is one tensor, and no list" if name in self.taps else f"no list `{name}` here"
        help = "lists are what a `repeat` collects, and `outputs` of `split` by one name, as in `outputs: parts`"
        self.found.error("E0406", message, index.span, help=did_you_mean(name, self.lists) if match else help)

    def call(self, call: Call, indices: frozenset[str]) -> None:
        """An op, or a block by its name."""
        calls = CallCheck(self, indices)
        self.flat_name(call, indices)
        block = self.spec.blocks.get(call.name)
        op = OPS.get(call.name) if block is None else None
        if op is not None:
            calls.op(op, call)
            if call.inline:
                self.found.error("E0202", f"{op.name} is an op, and has no scope; a block can be inline", call.span)
        elif block is not None:
            if call.branches is not None:
                self.found.error("E0202", f"block `{call.name}` takes params, not branches", call.span)
            if call.inline and (block.inputs or block.outputs):
                message = f"block `{call.name}` has inputs or outputs of its own, so it cannot be inline"
                self.found.error("E0202", message, call.span, help="call it with a scope, or mark taps in its place")
            if call.label is None and not call.inline and call.name in NOT_LAYERS:
                help = f"give the call a name, as in `{call.name}: {{name: {call.name}_}}`, or the block another one"
                self.found.error("E0404", not_a_layer(call.name), call.span, help=help)
            calls.arguments(block, call.attributes)
            calls.missing(block, {*call.attributes, *(block.unit if call.fields is not None else ())}, call.span)
            self.use(call.fields, indices=indices)
            self.fed(block, call.attributes, call.span, indices=indices)
        elif call.name in self.spec.refused:  # it may be a block that is refused
            self.leave(call)
        else:
            calls.unknown(call)

    def carried(self, repeat: Repeat) -> None:
        """What a repeat carries along is a tap before it, and becomes one within it, or what another was there."""
        inside = marks_in(repeat.layers)
        for name, given in repeat.carry.items():
            if name in inside or name == "input":
                message = f"`carry` names taps before the repeat, and `{name}` is none"
                self.found.error("E0406", message, given.key_span, help="mark one with `tap`, and carry that along")
                continue
            self.start(name, f"no tap `{name}` here", given.key_span, A_TAP)
            source = given.raw
            if isinstance(source, str) and source in (inside | repeat.carry.keys()) - {name}:
                self.tapped.add(source)
                continue
            shown = f"`{source}`" if isinstance(source, str) else describe(source)
            message = f"{shown} is no tap within the repeat: `{name}` would stand for nothing in the next iteration"
            handed_on = [*sorted(inside), *(other for other in repeat.carry if other != name)]
            help = did_you_mean(str(source), handed_on, inside) or "mark one among its `layers` with `tap`"
            self.found.error("E0406", message, given.span, help=help)

    def flat_name(self, call: Call, indices: frozenset[str]) -> None:
        """A flat name speaks of what the item's other expressions know."""
        if call.flat_name is None:
            return
        if call.name in self.spec.blocks:
            message = f"block `{call.name}` has no flat name: what stands in it has names"
            help = "give the layers in the block flat names, which may speak of its params"
            self.found.error("E0202", message, call.place("flat_name"), help=help)
            return
        for text in (text for text, is_expression in split_pattern(call.flat_name) if is_expression):
            self.use(Attribute(text, call.place("flat_name")), indices=indices)

    def fed(
        self,
        block: Block,
        given: Mapping[str, Attribute],
        place: Span,
        said: Collection[str] = (),
        *,
        indices: frozenset[str] = frozenset(),
    ) -> None:
        """A block's inputs are taps, by name; those in `said` are wrong in another way."""
        for name in block.inputs:
            if name not in given:
                if name in said:
                    continue
                help = f"give the tap that it starts from: `{name}: ...`"
                self.found.error("E0402", f"block `{block.name}` needs the input `{name}`", place, help=help)
                continue
            tap, span = given[name].raw, given[name].span
            if not isinstance(tap, str):
                message = f"the input `{name}` of block `{block.name}` must be a tap, found {describe(tap)}"
                self.found.error("E0406", message, span, help=A_TAP)
                continue
            message = f"the input `{name}` of block `{block.name}` is a tap; there is no tap `{tap[:80]}` here"
            if tap in self.lists:
                message = f"the input `{name}` of block `{block.name}` is one tensor, and `{tap}` a list of them"
                self.found.error("E0406", message, span, help=f"take one, as in `{name}: {tap}[0]`")
                self.tapped.add(tap)
                continue
            self.start(tap, message, span, A_TAP, indices=indices)

    def ends(self, block: Block) -> None:
        """A block's inputs are used, and its outputs are taps."""
        for index, name in enumerate(block.inputs):
            if name not in {*self.tapped, *self.spec.refused}:
                message = f"input `{name}` of {self.where} is never used"
                self.found.error("E0407", message, block.item_place("inputs", index))
        for index, name in enumerate(block.outputs):
            if name not in (taps := marks_in(block.layers)) and not self.may_be(name):
                match = nearest(name, taps)
                self.tapped |= {name.partition("[")[0], *([match] if match is not None else [])}
                help = tap_help(name, taps, self.items_in, self.spec.blocks)
                message = f"output `{name}` of {self.where} is no tap"
                self.found.error("E0406", message, block.item_place("outputs", index), help=help)

    def index(self, item: Repeat | Stage, indices: frozenset[str]) -> None:
        """The name that is given to a loop's index is no other's."""
        if item.index in self.known or (item.index in indices and item.written("index")):
            help = "give the index another name"
            message = f"`{item.index}` means something else in {self.where} already"
            self.found.error("E0202", message, item.place("index"), help=help)

    def iteration_names(self, repeat: Repeat, indices: frozenset[str]) -> None:
        """The names of the iterations of a repeat that is inline may speak of the indices of the loops around.

        In the network's own items they may speak of its params, too.
        """
        if not repeat.inline or repeat.names is None:
            return
        params = self.spec.params.keys() if self.own is self.spec.params else frozenset[str]()
        known = indices | {repeat.index, "i"}
        for text in (text for text, is_expression in split_pattern(repeat.names) if is_expression):
            mentioned = names(parse(text, self.found.budget), self.found.budget)
            self.used |= mentioned & params
            for name in sorted(mentioned - known - params):
                help = f"such a pattern knows indices: {', '.join(sorted(known))}" + (
                    f"; and params: {', '.join(params)}" if params else ""
                )
                self.found.error("E0302", f"`{name}` is not defined in a pattern", repeat.place("names"), help=help)

    def stage(self, stage: Stage, name: str, indices: frozenset[str]) -> None:
        """A row of units of one block, which know their index."""
        block = self.spec.blocks.get(name)
        if block is None:
            if name in self.spec.refused:
                self.leave(stage)
                return
            help = block_help(name) or did_you_mean(name, self.spec.blocks)
            self.found.error("E0408", f"`{name}` is not a block", stage.place("block"), help=help)
            return
        inside = indices | {stage.index, *(WHOLE_INDICES if self.own is self.spec.params else ())}
        calls, units = CallCheck(self, inside), stage.units
        calls.arguments(block, stage.arguments)
        given = [*(unit.mapping or () for unit in units.entries)] if units is not None else []
        said = {name for mapping in given for name in mapping if name in block.inputs}
        self.fed(block, stage.arguments, stage.span, said)
        if block.outputs:
            help = f"call the block by name, `- {block.name}: {{name: ..., ...}}`, to start from what it gives"
            message = f"block `{block.name}` has outputs of its own, so it cannot be a stage's unit"
            self.found.error("E0414", message, stage.place("block"), help=help)
        if units is None or units.expression is not None or any(unit.mapping is None for unit in units.entries):
            calls.missing(block, {*stage.arguments, *block.unit}, stage.span)
        if units is None:
            return
        self.use(units.expression, indices=inside)
        for unit in units.entries:
            if unit.mapping is not None:
                calls.missing(block, {*stage.arguments, *unit.mapping}, unit.span or stage.span)
            self.use(unit.fields, indices=inside)
            self.use(unit.count, indices=indices)
            calls.unit(block, unit.mapping or {})

    def unused_taps(self, block: Block) -> None:
        """A block's tap that nothing starts from is a slip; the network's are its end points and may stand."""
        for name, tap in taps_in(block.layers).items():
            if name not in {*self.tapped, *block.outputs, *self.spec.refused}:
                self.found.error("E0407", f"tap `{name}` of {self.where} is never used", tap.span)
        self.unused_lists(block.layers)

    def unused_lists(self, items: Iterable[Item]) -> None:
        """Nor can a list that nothing takes be asked for: it is no end point, in the network as in a block."""
        for name, place in lists_in(items).items():
            if name.isidentifier() and name not in {*self.tapped, *self.spec.refused}:
                self.found.error("E0407", f"list `{name}` of {self.where} is never used", place)

    def unused_inputs(self) -> None:
        """Of several inputs the first arrives at the first item; the others are started from, given, or outputs."""
        used = {*self.tapped, *(name for name, _ in self.spec.output_places), *self.spec.refused}
        first = next(iter(self.spec.inputs), None)
        if "input" in used or not all(isinstance(item, Seq) and item.origin for item in self.spec.items[:1]):
            used.add(first or "")
        for name in self.spec.inputs:
            if name not in used:
                self.found.error("E0407", f"input `{name}` is never used", self.spec.entry_place("inputs", name))

    def unused(self, params: Mapping[str, Param], lets: Mapping[str, Attribute]) -> None:
        """Every param is there for something, and every quantity."""
        for name, given in lets.items():
            if name not in self.used and name not in self.spec.refused:
                message = f"`{name}`, under `let` of {self.where}, is never used"
                self.found.error("E0403", message, given.key_span, help="use it, or leave it out")
        for name, param in params.items():
            if name not in self.used and name not in self.spec.refused:
                help = "use it, or leave it out"
                if self.own is self.spec.params and self.spec.extends is not None:
                    help = (
                        f"use it, or leave it out; one of the spec that is extended goes by `params: {{{name}: null}}`"
                    )
                message = f"param `{name}` of {self.where} is never used"
                self.found.error("E0403", message, param.name_span, help=help)


def _inside(item: Item) -> Iterator[tuple[Item, ...]]:
    """The items that stand in an item, in rows."""
    if isinstance(item, Call):
        yield item.branches or ()
    if isinstance(item, Seq | Repeat | Stage):
        yield item.layers
    yield item.otherwise or ()
