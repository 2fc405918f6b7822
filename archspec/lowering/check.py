"""What can be said of a spec before anything is computed: names, attributes, params, taps, circles of blocks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from archspec.errors import Diagnostics, Span, SpecError, did_you_mean, nearest
from archspec.expr import names
from archspec.ir.op import AttributeInfo, Op
from archspec.ir.ops import OPS
from archspec.lowering.bodies import check_circles, everything, given_by_calls, taps_in
from archspec.lowering.findings import Findings
from archspec.lowering.hints import (
    A_TAP,
    attribute_form,
    branches_help,
    cut_in_two,
    default_help,
    form_help,
    is_item,
    tap_help,
    undefined_help,
    words_in,
)
from archspec.lowering.values import expression, parts
from archspec.lowering.words import attribute_help, named_otherwise, op_help
from archspec.spec import Attribute, Block, Call, Item, Param, Repeat, Spec, Stage, Tap
from archspec.spec import Sequence as Seq
from archspec.spec.members import NOT_LAYERS, not_a_layer
from archspec.spec.missing import block_help
from archspec.spec.mistakes import expression_help
from archspec.spec.scalars import describe


def check(spec: Spec) -> None:
    """Check the network's body and every block, called or not.

    Raises:
        SpecError: with everything that was found.
    """
    found = Findings()
    _check_defaults(spec, found)
    for block in spec.blocks.values():
        frame = _Frame(spec, found, block.params, f"block {block.name}")
        if block.name in OPS:
            message = f"block `{block.name}` has the name of an op, and could never be called"
            found.error("E0404", message, block.span, help="choose another name")
        frame.params(block.params)
        frame.known.add("channels")
        frame.taps |= set(block.inputs)
        frame.body(block.layers, in_loop=False)
        frame.ends(block)
        frame.unused_taps(block)
        frame.unused(block.params)
    root = _Frame(spec, found, spec.params, "the network")
    root.params(spec.params)
    if spec.depth is not None:
        root.use(spec.depth.value)
        root.use(spec.depth.counted)
        if spec.depth.rule is not None:
            root.known.add("n")
    for input in [spec.input, *spec.inputs.values()]:
        for part in (input.channels, input.height, input.width, input.shape) if input else ():
            root.use(part)
    for op_name, attributes in spec.defaults.items():
        for name, attribute in attributes.items():
            info = OPS[op_name].attributes().get(name) if op_name in OPS else None
            for part in parts(info, attribute) if info is not None else ():
                root.use(part, info=info)
    root.known.add("channels")
    root.taps |= spec.inputs.keys()  # each input can be started from, and given
    root.body(spec.items, in_loop=False)
    root.unused({name: param for name, param in spec.params.items() if name not in found.outside})
    root.unused_inputs()
    taps = {*taps_in(spec.items), *spec.inputs} | ({"input"} if spec.input else set[str]())
    for index, name in enumerate(spec.outputs or ()):
        if name not in taps:
            help = tap_help(name, taps, everything(spec.items), spec.blocks)
            found.error("E0406", f"output `{name}` is no tap", spec.item_place("outputs", index), help=help)
    check_circles(spec, found)
    found.raise_if_any()


def _check_defaults(spec: Spec, found: Diagnostics) -> None:
    for op_name, attributes in spec.defaults.items():
        op = OPS.get(op_name)
        if op is None:
            found.error("E0408", f"`{op_name}` is not an op", spec.place("defaults"), help=did_you_mean(op_name, OPS))
            continue
        for name, attribute in attributes.items():
            _check_attribute(op, name, attribute, found)


def _check_attribute(op: type[Op], name: str, attribute: Attribute, found: Diagnostics) -> bool:
    if name in op.attributes():
        return True
    place = attribute.key_span or attribute.span
    if help := attribute_form(op, name):
        found.error("E0409", f"{op.name} has no attribute `{name}`", place, help=help)
    elif help := attribute_help(op, name):
        found.error("E0412", f"`{name}` is not a word of {op.name}", place, help=help)
    else:
        merges = op.most_inputs is None or op.most_inputs > 1
        help = did_you_mean(name, ["name", *(["branches"] if merges else []), *op.attributes()])
        found.error("E0409", f"{op.name} has no attribute `{name}`", place, help=help)
    return False


@dataclass(slots=True)
class _Frame:
    """The names that expressions of one body may use, and those they do use."""

    spec: Spec
    found: Findings
    own: Mapping[str, Param]
    where: str
    known: set[str] = field(default_factory=set[str])
    used: set[str] = field(default_factory=set[str])
    taps: set[str] = field(default_factory=lambda: {"input"})
    tapped: set[str] = field(default_factory=set[str])
    items_in: tuple[Item, ...] = ()
    """All items of the body, at any depth."""

    def params(self, params: Mapping[str, Param]) -> None:
        """Defaults may use the params before them."""
        for name, param in params.items():
            if param.default is not None and param.choices is None:
                self.use(param.default, help=default_help(name, param.default))
            self.known.add(name)

    def use(
        self,
        attribute: Attribute | None,
        *,
        in_loop: bool = False,
        info: AttributeInfo | None = None,
        help: str = "",
    ) -> None:
        """An expression stands here: parse it and see that its names are known.

        `info` is the attribute of an op that it is for; `help` is for a name that is like none that is known.
        """
        if attribute is None:
            return
        if isinstance(attribute.raw, Mapping):
            if mend := expression_help(attribute.raw):
                self.used |= words_in(attribute)
                self.found.error("E0301", "a mapping is not an expression", attribute.span, help=mend)
            return
        try:
            expr = expression(attribute)
        except SpecError as error:
            self.used |= words_in(attribute)
            self.found.found += error.diagnostics
            return
        mentioned = names(expr)
        self.used |= mentioned
        known = self.known | ({"i"} if in_loop else set[str]())
        for name in sorted(mentioned - known):
            mend = "" if help and nearest(name, known) is None else undefined_help(name, expr, known, self.own, info)
            mend = mend or help
            if self.own is not self.spec.params and name in self.spec.params:
                self.found.outside.add(name)
                mend = f"blocks see only their own params: add `{name}` to those of {self.where}, and pass it"
            self.found.error("E0302", f"`{name}` is not defined in {self.where}", attribute.span, help=mend)

    def body(self, items: Iterable[Item], *, in_loop: bool) -> None:
        """Check a list of items and everything inside them."""
        items = tuple(items)
        self.items_in = tuple(everything(items))
        self.taps |= {*taps_in(items), *given_by_calls(items, self.spec.blocks)}
        self.items(items, in_loop)

    def items(self, items: Iterable[Item], in_loop: bool) -> None:
        for item in items:
            self.item(item, in_loop)

    def item(self, item: Item, in_loop: bool) -> None:
        self.use(getattr(item, "when", None), in_loop=in_loop)
        self.items(getattr(item, "otherwise", None) or (), in_loop)
        match item:
            case Call():
                self.call(item, in_loop)
            case Seq():
                if item.origin is not None:
                    self.tapped.add(item.origin)
                    if item.origin not in self.taps:
                        help = self.no_tap(item.origin)
                        self.found.error("E0406", f"no tap `{item.origin}` here", item.place("from"), help=help)
                self.items(item.layers, in_loop)
            case Repeat():
                self.use(item.times, in_loop=in_loop)
                self.items(item.layers, True)
            case Stage():
                self.stage(item, in_loop)
            case Tap():
                pass

    def no_tap(self, name: str) -> str:
        return tap_help(name, self.taps, self.items_in, self.spec.blocks)

    def call(self, call: Call, in_loop: bool) -> None:
        op, block = OPS.get(call.name), self.spec.blocks.get(call.name)
        for branch in call.branches or ():
            self.item(branch, in_loop)
        if op is not None:
            self.op(op, call, in_loop)
        elif block is not None:
            if call.branches is not None:
                self.found.error("E0202", f"block `{call.name}` takes params, not branches", call.span)
            if call.label is None and call.name in NOT_LAYERS:
                help = f"give the call a name, as in `{call.name}: {{name: {call.name}_}}`, or the block another one"
                self.found.error("E0404", not_a_layer(call.name), call.span, help=help)
            self.arguments(block, call.attributes, in_loop)
            self.missing(block, call.attributes, call.span)
            self.fed(block, call.attributes, call.span)
        else:
            help = op_help(call.name, self.spec.blocks, self.taps)
            if help.startswith("known here: "):  # a long list, the same for each of them
                help, self.found.listed = "" if self.found.listed else help, True
            self.found.error("E0408", f"`{call.name}` is neither an op nor a block", call.span, help=help)

    def op(self, op: type[Op], call: Call, in_loop: bool) -> None:
        merges = op.most_inputs is None or op.most_inputs > 1
        if merges and call.branches is None:
            help = branches_help(op, call, self.spec.blocks)
            self.found.error("E0410", f"{op.name} needs branches: `{op.name}: [[...], [...]]`", call.span, help=help)
        if not merges and call.branches is not None:
            self.found.error("E0202", f"{op.name} has one input and takes no branches", call.span)
        if merges and call.branches is not None and len(call.branches) < op.least_inputs:
            help = "an empty branch `[]` is the identity"
            self.found.error("E0410", f"{op.name} needs at least {op.least_inputs} branches", call.span, help=help)
        for name, attribute in call.attributes.items():
            if merges and call.branches is None and is_item(name, self.spec.blocks):
                continue  # told above
            self.attribute(op, name, attribute, call.attributes, in_loop)
        given = call.attributes.keys() | self.spec.defaults.get(op.name, {}).keys()
        for info in op.attributes().values():
            if info.required and info.name not in given and not named_otherwise(op, info.name, call.attributes):
                self.found.error("E0410", f"{op.name} needs `{info.name}`: {info.doc}", call.span)

    def attribute(
        self, op: type[Op], name: str, attribute: Attribute, beside: Mapping[str, Attribute], in_loop: bool
    ) -> None:
        if self.cut(name, beside):
            self.used |= words_in(Attribute(name))
        elif not _check_attribute(op, name, attribute, self.found):
            self.used |= words_in(attribute)
        else:
            info = op.attributes()[name]
            if help := form_help(info, attribute):
                self.used |= words_in(attribute)
                message = f"`{name}` of {op.name}: {info.kind.expects} is expected, this is {describe(attribute.raw)}"
                self.found.error("E0411", message, attribute.span, help=help)
                return
            for part in parts(info, attribute):
                self.use(part, in_loop=in_loop, info=info)

    def cut(self, name: str, beside: Mapping[str, Attribute]) -> bool:
        """Whether a key is the rest of an expression, and that has been told; not of a word, which is not parsed."""
        return cut_in_two(name, beside) and any(found.code == "E0301" for found in self.found)

    def arguments(self, block: Block, given: Mapping[str, Attribute], in_loop: bool) -> None:
        for name, attribute in given.items():
            if name in block.params:
                self.argument(block.params[name], name, attribute, in_loop)
            elif self.cut(name, given):
                self.used |= words_in(Attribute(name))
            elif name not in block.inputs:
                self.unknown_param(block, name, attribute)

    def missing(self, block: Block, given: Iterable[str], place: Span) -> None:
        for name, param in block.params.items():
            if param.default is None and name not in given:
                self.found.error("E0402", f"block `{block.name}` needs `{name}`", place)

    def fed(self, block: Block, given: Mapping[str, Attribute], place: Span, told: Collection[str] = ()) -> None:
        """A block's inputs are taps, by name; those in `told` are wrong in another way."""
        for name in block.inputs:
            if name not in given:
                if name in told:
                    continue
                help = f"give the tap that it starts from: `{name}: ...`"
                self.found.error("E0402", f"block `{block.name}` needs the input `{name}`", place, help=help)
                continue
            tap, span = given[name].raw, given[name].span
            if not isinstance(tap, str):
                message = f"the input `{name}` of block `{block.name}` must be a tap, found {describe(tap)}"
                self.found.error("E0406", message, span, help=A_TAP)
                continue
            self.tapped.add(tap)
            if tap not in self.taps:
                message = f"the input `{name}` of block `{block.name}` is a tap; there is no tap `{tap[:80]}` here"
                self.found.error("E0406", message, span, help=self.no_tap(tap) or A_TAP)

    def ends(self, block: Block) -> None:
        """A block's inputs are used, and its outputs are taps."""
        for index, name in enumerate(block.inputs):
            if name not in self.tapped:
                message = f"input `{name}` of {self.where} is never used"
                self.found.error("E0407", message, block.item_place("inputs", index))
        for index, name in enumerate(block.outputs):
            if name not in (taps := taps_in(block.layers)):
                help = tap_help(name, taps, self.items_in, self.spec.blocks)
                message = f"output `{name}` of {self.where} is no tap"
                self.found.error("E0406", message, block.item_place("outputs", index), help=help)

    def argument(self, param: Param, name: str, attribute: Attribute, in_loop: bool) -> None:
        """One of the choices stands for itself; a word that is no choice is no name either."""
        choices, raw = param.choices, attribute.raw
        if choices is None:
            self.use(attribute, in_loop=in_loop)
        elif raw not in choices:
            if isinstance(raw, str) and raw.isidentifier() and raw not in self.known:
                shown = ", ".join(map(str, choices))
                help = did_you_mean(raw, [str(choice) for choice in choices])
                message = f"`{name}` is `{raw}`; one of {shown} is expected"
                self.found.error("E0411", message, attribute.span, help=help)
            else:
                self.use(attribute, in_loop=in_loop)

    def unknown_param(self, block: Block, name: str, attribute: Attribute) -> None:
        help, place = did_you_mean(name, [*block.params, *block.inputs]), attribute.key_span or attribute.span
        self.used |= words_in(attribute)
        if name in ("when", "else"):
            help = f"`{name}` stands beside the block: `- {{{block.name}: {{...}}, {name}: ...}}`"
        self.found.error("E0401", f"block `{block.name}` has no param `{name}`", place, help=help)

    def stage(self, stage: Stage, in_loop: bool) -> None:
        self.items(stage.layers, in_loop)
        if stage.block is None:
            return
        block = self.spec.blocks.get(stage.block)
        if block is None:
            help = block_help(stage.block) or did_you_mean(stage.block, self.spec.blocks)
            self.found.error("E0408", f"`{stage.block}` is not a block", stage.place("block"), help=help)
            return
        units = stage.units
        tuples = units is None or units.expression is not None or any(unit.mapping is None for unit in units.entries)
        self.arguments(block, stage.arguments, True)
        told = (
            {name for unit in units.entries for name in unit.mapping or () if name in block.inputs} if units else set()
        )
        self.fed(block, stage.arguments, stage.span, told)
        if block.outputs:
            help = "call the block by name, `- {name}: {{name: ..., ...}}`, to start from what it gives"
            message = f"block `{block.name}` has outputs of its own, so it cannot be a stage's unit"
            self.found.error("E0414", message, stage.place("block"), help=help.format(name=block.name))
        if tuples:
            self.missing(block, {*stage.arguments, *block.unit}, stage.span)
        if units is None:
            return
        self.use(units.expression, in_loop=True)
        for unit in units.entries:
            if unit.mapping is not None:
                self.missing(block, {*stage.arguments, *unit.mapping}, unit.span or stage.span)
            self.use(unit.fields, in_loop=True)
            self.use(unit.count)
            for name, attribute in (unit.mapping or {}).items():
                if name in block.params:
                    self.argument(block.params[name], name, attribute, in_loop=True)
                elif name in block.inputs:
                    message = f"the input `{name}` of block `{block.name}` cannot be given by one unit"
                    help, place = "inputs stand under `with`, for all units", attribute.key_span or attribute.span
                    self.found.error("E0401", message, place, help=help)
                else:
                    self.unknown_param(block, name, attribute)

    def unused_taps(self, block: Block) -> None:
        """A block's tap that nothing starts from is a slip; the network's are its end points and may stand."""
        for name, tap in taps_in(block.layers).items():
            if name not in self.tapped and name not in block.outputs:
                self.found.error("E0407", f"tap `{name}` of {self.where} is never used", tap.span)

    def unused_inputs(self) -> None:
        """Of several inputs the first arrives at the first item; the others are started from, given, or outputs."""
        used = {*self.tapped, *(self.spec.outputs or ())}
        first = next(iter(self.spec.inputs), None)
        if "input" in used or not all(isinstance(item, Seq) and item.origin for item in self.spec.items[:1]):
            used.add(first or "")
        for name in self.spec.inputs:
            if name not in used:
                self.found.error("E0407", f"input `{name}` is never used", self.spec.entry_place("inputs", name))

    def unused(self, params: Mapping[str, Param]) -> None:
        for name, param in params.items():
            if name not in self.used:
                self.found.error("E0403", f"param `{name}` of {self.where} is never used", param.name_span)
