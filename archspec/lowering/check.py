"""What can be said of a spec before anything is computed: names, attributes, params, taps, circles of blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from archspec.errors import Diagnostics, Note, Span, SpecError, did_you_mean
from archspec.expr import Expr, names
from archspec.ir.op import Op
from archspec.ir.ops import OPS
from archspec.limits import limits
from archspec.lowering.values import expression, parts
from archspec.lowering.words import attribute_help, op_help
from archspec.spec import Attribute, Block, Call, Item, Param, Repeat, Spec, Stage, Tap
from archspec.spec import Sequence as Seq


def check(spec: Spec) -> None:
    """Check the network's body and every block, called or not.

    Raises:
        SpecError: with everything that was found.
    """
    found = _Findings()
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
                root.use(part)
    root.known.add("channels")
    root.taps |= spec.inputs.keys()  # each input can be started from, and given
    root.body(spec.items, in_loop=False)
    root.unused(spec.params)
    taps = {*_taps(spec.items), *spec.inputs} | ({"input"} if spec.input else set[str]())
    for name in spec.outputs or ():
        if name not in taps:
            found.error("E0406", f"output `{name}` is no tap", spec.place("outputs"), help=did_you_mean(name, taps))
    _check_circles(spec, found)
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
    if help := attribute_help(op, name):
        found.error("E0412", f"`{name}` is not a word of {op.name}", place, help=help)
    else:
        help = did_you_mean(name, ["name", *op.attributes()])
        found.error("E0409", f"{op.name} has no attribute `{name}`", place, help=help)
    return False


def _named_otherwise(op: type[Op], name: str, given: Iterable[str]) -> bool:
    """Another library's word for an attribute was given, so that its absence is no news."""
    return any(f"`{name}`" in attribute_help(op, word) for word in given if word not in op.attributes())


@dataclass(slots=True)
class _Findings(Diagnostics):
    """Findings up to a limit: after very many of them nothing more is learnt."""

    def error(
        self,
        code: str,
        message: str,
        span: Span | None = None,
        *,
        label: str = "",
        notes: Iterable[Note] = (),
        help: str = "",
    ) -> None:
        Diagnostics.error(self, code, message, span, label=label, notes=notes, help=help)
        if len(self.found) >= limits().errors:
            self.raise_if_any()


@dataclass(slots=True)
class _Frame:
    """The names that expressions of one body may use, and those they do use."""

    spec: Spec
    found: Diagnostics
    own: Mapping[str, Param]
    where: str
    known: set[str] = field(default_factory=set[str])
    used: set[str] = field(default_factory=set[str])
    taps: set[str] = field(default_factory=lambda: {"input"})
    tapped: set[str] = field(default_factory=set[str])

    def params(self, params: Mapping[str, Param]) -> None:
        """Defaults may use the params before them."""
        for name, param in params.items():
            if param.default is not None and param.choices is None:
                self.use(param.default)
            self.known.add(name)

    def use(self, attribute: Attribute | None, *, in_loop: bool = False, quiet: bool = False) -> None:
        """An expression stands here: parse it and see that its names are known."""
        if attribute is None or isinstance(attribute.raw, Mapping):
            return
        try:
            expr = expression(attribute)
        except SpecError as error:
            if not quiet:
                self.found.found += error.diagnostics
            return
        self.use_names(expr, attribute, in_loop=in_loop, quiet=quiet)

    def use_names(self, expr: Expr, attribute: Attribute, *, in_loop: bool, quiet: bool = False) -> None:
        mentioned = names(expr)
        self.used |= mentioned
        for name in sorted(mentioned - self.known - ({"i"} if in_loop else set[str]())):
            if not quiet:
                help = did_you_mean(name, self.known | ({"i"} if in_loop else set[str]()))
                self.found.error("E0302", f"`{name}` is not defined in {self.where}", attribute.span, help=help)

    def body(self, items: Iterable[Item], *, in_loop: bool) -> None:
        """Check a list of items and everything inside them."""
        items = tuple(items)
        self.taps |= {*_taps(items), *_given_by_calls(items, self.spec.blocks)}
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
                        help = did_you_mean(item.origin, self.taps)
                        self.found.error("E0406", f"no tap `{item.origin}` here", item.place("from"), help=help)
                self.items(item.layers, in_loop)
            case Repeat():
                self.use(item.times, in_loop=in_loop)
                self.items(item.layers, True)
            case Stage():
                self.stage(item)
            case Tap():
                pass

    def call(self, call: Call, in_loop: bool) -> None:
        op, block = OPS.get(call.name), self.spec.blocks.get(call.name)
        for branch in call.branches or ():
            self.item(branch, in_loop)
        if op is not None:
            self.op(op, call, in_loop)
        elif block is not None:
            if call.branches is not None:
                self.found.error("E0202", f"block `{call.name}` takes params, not branches", call.span)
            self.arguments(block, call.attributes, in_loop)
            self.missing(block, call.attributes, call.span)
            self.fed(block, call.attributes, call.span)
        else:
            help = op_help(call.name, self.spec.blocks, self.taps)
            self.found.error("E0408", f"`{call.name}` is neither an op nor a block", call.span, help=help)

    def op(self, op: type[Op], call: Call, in_loop: bool) -> None:
        merges = op.most_inputs is None or op.most_inputs > 1
        if merges and call.branches is None:
            self.found.error("E0410", f"{op.name} needs branches: `{op.name}: [[...], [...]]`", call.span)
        if not merges and call.branches is not None:
            self.found.error("E0202", f"{op.name} has one input and takes no branches", call.span)
        if merges and call.branches is not None and len(call.branches) < op.least_inputs:
            self.found.error("E0410", f"{op.name} needs at least {op.least_inputs} branches", call.span)
        for name, attribute in call.attributes.items():
            known = _check_attribute(op, name, attribute, self.found)
            for part in parts(op.attributes()[name], attribute) if known else ():
                self.use(part, in_loop=in_loop)
        given = call.attributes.keys() | self.spec.defaults.get(op.name, {}).keys()
        for info in op.attributes().values():
            if info.required and info.name not in given and not _named_otherwise(op, info.name, call.attributes):
                self.found.error("E0410", f"{op.name} needs `{info.name}`: {info.doc}", call.span)

    def arguments(self, block: Block, given: Mapping[str, Attribute], in_loop: bool) -> None:
        for name, attribute in given.items():
            if name in block.params:
                self.argument(block.params[name], name, attribute, in_loop)
            elif name not in block.inputs:
                self.unknown_param(block, name, attribute)

    def missing(self, block: Block, given: Iterable[str], place: Span) -> None:
        for name, param in block.params.items():
            if param.default is None and name not in given:
                self.found.error("E0402", f"block `{block.name}` needs `{name}`", place)

    def fed(self, block: Block, given: Mapping[str, Attribute], place: Span) -> None:
        """A block's inputs are taps, by name."""
        for name in block.inputs:
            if name not in given:
                help = f"give the tap that it starts from: `{name}: ...`"
                self.found.error("E0402", f"block `{block.name}` needs the input `{name}`", place, help=help)
                continue
            tap, span = given[name].raw, given[name].span
            self.tapped.add(str(tap))
            if tap not in self.taps:
                help = did_you_mean(str(tap), self.taps)
                message = f"the input `{name}` of block `{block.name}` is a tap; there is no tap `{str(tap)[:80]}` here"
                self.found.error("E0406", message, span, help=help)

    def ends(self, block: Block) -> None:
        """A block's inputs are used, and its outputs are taps."""
        for index, name in enumerate(block.inputs):
            if name not in self.tapped:
                message = f"input `{name}` of {self.where} is never used"
                self.found.error("E0407", message, block.item_place("inputs", index))
        for index, name in enumerate(block.outputs):
            if name not in (taps := _taps(block.layers)):
                help = did_you_mean(name, taps)
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
        self.found.error("E0401", f"block `{block.name}` has no param `{name}`", place, help=help)

    def stage(self, stage: Stage) -> None:
        self.items(stage.layers, False)
        if stage.block is None:
            return
        block = self.spec.blocks.get(stage.block)
        if block is None:
            help = did_you_mean(stage.block, self.spec.blocks)
            self.found.error("E0408", f"`{stage.block}` is not a block", stage.place("block"), help=help)
            return
        units = stage.units
        tuples = units is None or units.expression is not None or any(unit.mapping is None for unit in units.entries)
        self.arguments(block, stage.arguments, True)
        self.fed(block, stage.arguments, stage.span)
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
                else:
                    self.unknown_param(block, name, attribute)

    def unused_taps(self, block: Block) -> None:
        """A block's tap that nothing starts from is a slip; the network's are its end points and may stand."""
        for name, tap in _taps(block.layers).items():
            if name not in self.tapped and name not in block.outputs:
                self.found.error("E0407", f"tap `{name}` of {self.where} is never used", tap.span)

    def unused(self, params: Mapping[str, Param]) -> None:
        for name, param in params.items():
            if name not in self.used:
                self.found.error("E0403", f"param `{name}` of {self.where} is never used", param.name_span)


def _taps(items: Iterable[Item]) -> dict[str, Tap]:
    found: dict[str, Tap] = {}
    for item in _everything(items):
        if isinstance(item, Tap):
            found[item.name] = item
    return found


def _given_by_calls(items: Iterable[Item], blocks: Mapping[str, Block]) -> set[str]:
    """What calls with a name give besides their result: `name.output`."""
    return {
        f"{item.label}.{output}"
        for item in _everything(items)
        if isinstance(item, Call) and item.label and item.name not in OPS and item.name in blocks
        for output in blocks[item.name].outputs
    }


def _everything(items: Iterable[Item]) -> Iterator[Item]:
    stack = list(items)
    while stack:
        item = stack.pop()
        yield item
        if isinstance(item, Call):
            stack.extend(item.branches or ())
        if isinstance(item, Seq | Repeat | Stage):
            stack.extend(item.layers)
        stack.extend(getattr(item, "otherwise", None) or ())


def _called(item: Item) -> str:
    """The name of the block that an item calls, if it calls one."""
    if isinstance(item, Stage):
        return item.block or ""
    return item.name if isinstance(item, Call) and item.name not in OPS else ""


def _check_circles(spec: Spec, found: Diagnostics) -> None:
    calls = {
        name: {called: item.span for item in _everything(block.layers) if (called := _called(item)) in spec.blocks}
        for name, block in spec.blocks.items()
    }
    done: set[str] = set()
    for start in calls:
        trail: dict[str, None] = {}  # in order, and looked up
        stack: list[tuple[str, Iterator[str]]] = [(start, iter(calls[start]))]
        trail[start] = None
        while stack and start not in done:
            name, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                stack.pop()
                trail.popitem()
                done.add(name)
            elif following in trail:
                way = list(trail)
                circle = [*way[way.index(following) :], following][:20]
                steps = list(pairwise(circle))
                notes = [Note(f"`{block}` calls `{called}`", calls[block][called]) for block, called in steps]
                message = f"blocks call each other in a circle: {' → '.join(circle)}"
                help = "let one of them do without the other; `repeat` writes layers several times"
                found.error("E0413", message, notes[0].span, notes=notes[1:], label=notes[0].message, help=help)
                return
            elif following not in done:
                trail[following] = None
                stack.append((following, iter(calls[following])))
