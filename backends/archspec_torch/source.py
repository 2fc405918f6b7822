"""Writing a PyTorch module: a class for each definition, `__init__` and `forward`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from archspec.codegen.layout import INDENT, Bracket, Code, Infix, call, flat, lay_out
from archspec.codegen.outline import outline
from archspec.codegen.printer import Printer
from archspec.codegen.render import render
from archspec.codegen.simplify import calls, simplified
from archspec.codegen.text import annotation, docstring, literal, quoted
from archspec.codegen.tree import (
    CHANNELS,
    CallUse,
    ChoiceUse,
    Definition,
    ItemUse,
    LayerUse,
    LoopUse,
    Run,
    SequenceUse,
    Tree,
    is_chain,
    layers,
    round_names,
)
from archspec.errors import BackendError, Diagnostic
from archspec.expr import Const, Expr, names
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Result

from archspec_torch.forward import Spelling, forward
from archspec_torch.init import reset_parameters
from archspec_torch.names import MODULE_ATTRIBUTES, RESERVED
from archspec_torch.ops import ROWS

_HELPERS: Final = (
    "make_divisible",
    "same_sides",
    "SameConv2d",
    "SameMaxPool2d",
    "SameAvgPool2d",
    "PaddedConv2d",
    "PaddedMaxPool2d",
    "PaddedAvgPool2d",
    "BiasedBatchNorm2d",
    "BiasedBatchNorm1d",
)
"""The helpers in the order they are printed: each after those it needs."""
_NEEDS: Final = {
    "SameConv2d": ("same_sides",),
    "SameMaxPool2d": ("same_sides",),
    "SameAvgPool2d": ("same_sides",),
}
_IMPORTS: Final = {"ceil": "math", "floor": "math"}


@dataclass(frozen=True, slots=True)
class _Class:
    """What the template prints for one definition."""

    name: str
    docstring: str
    signature: str
    init: str
    forward_signature: str
    forward: str
    reset: str


def write(graph: LayerGraph) -> str:
    """The module's source.

    Raises:
        BackendError: an op has no row, or a name cannot be a member of an `nn.Module`.
    """
    _check(graph)
    module = outline(simplified(graph), _fits_sequential)
    class_names: set[str] = set(RESERVED)
    for definition in module.definitions:
        definition.class_name = _unused(definition.class_name, class_names)
    writers = [_ClassWriter(definition) for definition in module.definitions]
    for writer in writers:
        writer.write_init()
    printers = [writer.printer for writer in writers]
    spellings = {id(writer.definition): writer.spelling for writer in writers}
    flat_input = any(len(graph.nodes[path].shape) < 3 for path in graph.nodes)
    reset = reset_parameters(module.definitions, spellings, flat_input and _has_flat_norm(graph))
    helpers = {name for printer in printers for name in printer.helpers}
    functions = {name for printer in printers for name in printer.functions}
    helpers |= {"make_divisible"} & functions
    helpers |= {needed for name in helpers for needed in _NEEDS.get(name, ())}
    ordered = [_helper(name) for name in _HELPERS if name in helpers]
    text = "\n".join(ordered)
    return render(
        "archspec_torch",
        "module.py.j2",
        docstring="\n".join(docstring(graph.title or graph.name, 0)),
        math=sorted(functions & _IMPORTS.keys()),
        ordered_dict=any(writer.ordered_dict for writer in writers),
        functional="F." in text,
        helpers=ordered,
        classes=[writer.result(graph, reset if writer.definition.is_network else []) for writer in writers],
    )


def _helper(name: str) -> str:
    return (files("archspec_torch") / "templates" / "helpers" / f"{name}.py.txt").read_text(encoding="utf-8")


def _has_flat_norm(graph: LayerGraph) -> bool:
    return any(node.op.name == "batch_norm" and len(node.shape) == 1 for node in graph.nodes.values())


def _unused(name: str, taken: set[str]) -> str:
    unused, number = name, 2
    while unused in taken:
        unused, number = f"{name}{number}", number + 1
    taken.add(unused)
    return unused


def _check(graph: LayerGraph) -> None:
    found: list[Diagnostic] = []
    for path, node in graph.nodes.items():
        if node.op.name not in ROWS and node.op.name != "input":
            found.append(Diagnostic("E0601", f"PyTorch has no row for the op {node.op.name} ({path})", node.span))
        for part in path.split("."):
            if part in MODULE_ATTRIBUTES:
                message = f"`{part}` cannot name a layer in PyTorch: every nn.Module has an attribute of that name"
                found.append(Diagnostic("E0404", message, node.span, help="choose another name for the layer"))
    if found:
        raise BackendError(dict.fromkeys(found))


def _fits_sequential(item: SequenceUse) -> bool:
    return (
        len(item.operands) == 1
        and is_chain(item.body)
        and all(ROWS[layer.op.name].module is not None for layer in layers(item.body))
        and all(len(use.definition.tree.results) == 1 for use in calls(item.body))
    )


def needs_channels(definition: Definition) -> bool:
    """Whether the class has to be told how many channels arrive."""
    return CHANNELS.id in _mentioned(definition.tree)


def _mentioned(tree: Tree) -> set[str]:
    """The names that `__init__` will mention."""
    found: set[str] = set()
    for item in tree.items:
        match item:
            case LayerUse():
                exprs: list[Expr] = [*item.exprs.values()]
                if item.op.name in ("conv", "dense", "batch_norm"):
                    exprs.append(item.features[0])
                found = found.union(*map(names, exprs))
            case CallUse():
                found = found.union(*(names(expr) for _, expr in _arguments(item)))
            case SequenceUse():
                found |= _mentioned(item.body)
            case ChoiceUse():
                found |= names(item.condition) | _mentioned(item.then) | _mentioned(item.other)
            case LoopUse():
                for run in item.runs:
                    found |= _mentioned(Tree((run.item,), ()))
                    for part in (run.start, run.stop, run.carried):
                        found |= names(part) if part is not None else frozenset()
    return found


def _arguments(use: CallUse) -> list[tuple[str | None, Expr]]:
    """A call's arguments: those without a default by place, the others by name where they differ from it."""
    found: list[tuple[str | None, Expr]] = []
    if needs_channels(use.definition):
        found.append((None, use.arguments[CHANNELS.id]))
    for parameter in use.definition.parameters:
        value = use.arguments[parameter.name]
        if parameter.default is None:
            found.append((None, value))
    for parameter in use.definition.parameters:
        value = use.arguments[parameter.name]
        if parameter.default is not None and value != parameter.default:
            found.append((parameter.name, value))
    return found


class _ClassWriter:
    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.printer = Printer(definition, "in_channels", RESERVED)
        self.spelling = Spelling()
        self.ordered_dict = False
        self.init: list[str] = []
        self.shared: dict[str, str] = {}

    def write_init(self) -> None:
        """Write the members, and decide how `forward` calls them."""
        self._members(self.definition.tree, 2)

    def result(self, graph: LayerGraph, reset: Sequence[str]) -> _Class:
        """Everything that the template needs."""
        outputs = list(graph.outputs) if self.definition.is_network and len(graph.outputs) > 1 else []
        variables, body = forward(self.definition.tree, self.definition.operands, self.spelling, outputs=outputs)
        results = len(self.definition.tree.results)
        returns = "Tensor"
        if outputs:
            returns = "dict[str, Tensor]"
        elif results > 1:
            returns = f"tuple[{', '.join(['Tensor'] * results)}]"
        arguments = ", ".join(f"{name}: Tensor" for name in variables)
        init = [*self.init, *([f"{INDENT * 2}self.reset_parameters()"] if reset else [])]
        doc = self.definition.doc or f"The network {self.definition.name}."
        return _Class(
            self.definition.class_name,
            "\n".join(docstring(doc, 1)),
            "\n".join(self._signature()),
            "\n".join(init),
            f"    def forward(self, {arguments}) -> {returns}:",
            "\n".join(body),
            "\n".join(reset),
        )

    def _signature(self) -> list[str]:
        parts: list[Code] = ["self"]
        if needs_channels(self.definition):
            parts.append(f"{self.printer.spelled[CHANNELS.id]}: int")
        required = [parameter for parameter in self.definition.parameters if parameter.default is None]
        for parameter in [*required, *(p for p in self.definition.parameters if p.default is not None)]:
            text = f"{self.printer.spelled[parameter.name]}: {annotation(parameter.type, parameter.default)}"
            default = parameter.default
            parts.append(f"{text} = {literal(default.value)}" if isinstance(default, Const) else text)
        return lay_out(Bracket("__init__", tuple(parts)), 1, "def ", " -> None:")

    # -- members ----------------------------------------------------------------------------------

    def _members(self, tree: Tree, depth: int) -> None:
        for item in tree.items:
            self._member(item, depth)

    def _member(self, item: ItemUse, depth: int) -> None:
        match item:
            case ChoiceUse():
                self._choice(item, depth)
            case LayerUse() if (function := ROWS[item.op.name].function) is not None:
                self.spelling.functions[item.site] = lambda operands: function(item, self.printer, operands)
            case LayerUse():
                self._layer(item, depth)
            case LoopUse() if len(item.runs) == 1 and item.runs[0].carried is not None:
                self._carried(item, item.runs[0], depth)
            case _:
                name = self._spell(item)
                self._assign(name, self._construct(item), depth)

    def _spell(self, item: CallUse | SequenceUse | LoopUse | LayerUse) -> str:
        self.spelling.members[(item.site,)] = item.name
        return item.name

    def _assign(self, name: str, code: Code, depth: int) -> None:
        self.init += lay_out(code, depth, f"self.{name} = ")

    def _layer(self, use: LayerUse, depth: int) -> None:
        code = self._construct(use)
        if not use.named and not use.op.weights(use.shapes[0]) and depth == 2:
            # Layers without weights and without names of their own are one member, as people write it.
            text = flat(code)
            if text in self.shared:
                self.spelling.members[(use.site,)] = self.shared[text]
                return
            self.shared[text] = use.name
        self._assign(self._spell(use), code, depth)

    def _choice(self, item: ChoiceUse, depth: int) -> None:
        condition = self.printer.expr(item.condition)
        sides = [_single(side, item) for side in (item.then, item.other)]
        first = sides[0] or sides[1]
        if first is not None and _joinable(item, sides):
            name = self._spell(first)
            self.spelling.joined[item.site] = name
            if sides[0] is not None and sides[1] is not None:
                self.init += [f"{INDENT * depth}self.{name}: nn.Module"]
                self.init += [f"{INDENT * depth}if {condition}:"]
                self._assign(name, self._construct(sides[0]), depth + 1)
                self.init += [f"{INDENT * depth}else:"]
                self._assign(name, self._construct(sides[1]), depth + 1)
                return
            self.init += [f"{INDENT * depth}self.{name}: nn.Module = nn.Identity()"]
            test = condition if sides[0] is not None else f"not ({condition})"
            self.init += [f"{INDENT * depth}if {test}:"]
            self._assign(name, self._construct(first), depth + 1)
            return
        flag = f"has_{_first_name(item) or f'choice_{item.site}'}"
        self.spelling.flags[item.site] = flag
        self.init += lay_out(condition, depth, f"self.{flag} = ")
        for head, side in ((f"if self.{flag}:", item.then), (f"if not self.{flag}:", item.other)):
            before, self.init = self.init, []
            self._members(side, depth + 1)
            body, self.init = self.init, before
            if body:
                self.init += [f"{INDENT * depth}{head}", *body]

    def _carried(self, item: LoopUse, run: Run, depth: int) -> None:
        """Rounds whose channels follow no formula: a loop that carries them along."""
        assert run.carried is not None and run.carried_next is not None
        index, channels = round_names(run.depth)
        name, variable = self._spell(item), self.printer.spelled[channels]
        parts = f"{item.name}_layers"
        self.init += [f"{INDENT * depth}{parts}: list[nn.Module] = []"]
        self.init += lay_out(self.printer.expr(run.carried), depth, f"{variable} = ")
        self.init += [f"{INDENT * depth}for {self.printer.spelled[index]} in range({self.printer.expr(run.stop)}):"]
        self.init += lay_out(self._construct(run.item), depth + 1, f"{parts}.append(", ")")
        self.init += lay_out(self.printer.expr(run.carried_next), depth + 1, f"{variable} = ")
        kind = "nn.Sequential" if len(item.operands) == 1 else "nn.ModuleList"
        star = "*" if len(item.operands) == 1 else ""
        self._assign(name, call(kind, f"{star}{parts}"), depth)

    # -- constructors -----------------------------------------------------------------------------

    def _construct(self, item: LayerUse | CallUse | SequenceUse | LoopUse) -> Code:
        match item:
            case LayerUse():
                module = ROWS[item.op.name].module
                assert module is not None
                return module(item, self.printer)
            case CallUse():
                arguments = [
                    (name and self.printer_name(item.definition, name), self.printer.expr(expr))
                    for name, expr in _arguments(item)
                ]
                positional = [text for name, text in arguments if name is None]
                return call(
                    item.definition.class_name, *positional, **{name: text for name, text in arguments if name}
                )
            case SequenceUse():
                return self._sequential(item.body)
            case LoopUse():
                return self._rounds(item)

    @staticmethod
    def printer_name(definition: Definition, name: str) -> str:
        """How a definition's class spells a parameter."""
        return Printer(definition, "in_channels", RESERVED).spelled[name]

    def _sequential(self, tree: Tree) -> Code:
        if any(isinstance(item, ChoiceUse) for item in tree.items):
            return call("nn.Sequential", *self._optional(tree))
        named: list[tuple[str | None, Code]] = []
        for item in tree.items:
            assert not isinstance(item, ChoiceUse)
            named.append((None if item.number is not None else item.name, self._construct(item)))
        return self._parts(named)

    def _parts(self, named: Sequence[tuple[str | None, Code]], kind: str = "nn.Sequential") -> Code:
        if all(name is None for name, _ in named):
            return call(kind, *(code for _, code in named))
        self.ordered_dict = True
        pairs: list[Code] = []
        for index, (name, code) in enumerate(named):
            pairs.append(Bracket("", (quoted(str(index) if name is None else name), code)))
        return call(kind, call("OrderedDict", Bracket("", tuple(pairs), "[", "]")))

    def _optional(self, tree: Tree) -> list[Code]:
        """Parts of which some are there only under a condition: starred lists, as `[*layers, last]`."""
        parts: list[Code] = []
        for item in tree.items:
            if not isinstance(item, ChoiceUse):
                parts.append(self._construct(item))
                continue
            sides = [
                flat(Bracket("", tuple(self._construct(inner) for inner in side.items if not isinstance(inner, ChoiceUse)), "[", "]"))
                for side in (item.then, item.other)
            ]
            parts.append(f"*({sides[0]} if {self.printer.expr(item.condition)} else {sides[1]})")
        return parts

    def _rounds(self, item: LoopUse) -> Code:
        """The rounds of a loop as the parts of an `nn.Sequential`, neighbours alike as a comprehension."""
        kind = "nn.Sequential" if len(item.operands) == 1 else "nn.ModuleList"
        plain = item.pattern == "{i}"
        parts: list[Code] = []
        named: list[tuple[str | None, Code]] = []
        for run in item.runs:
            index, _ = round_names(run.depth)
            if run.count == 1 and index not in _mentioned(Tree((run.item,), ())):
                assert isinstance(run.start, Const)
                code = self._construct(run.item)
                named.append((None if plain else unit_name(item.pattern, run.start.value), code))
                parts.append(code if plain else Bracket("", (quoted(named[-1][0] or ""), code)))
                continue
            code = self._construct(run.item)
            variable = self.printer.spelled[index]
            uses_index = index in _mentioned(Tree((run.item,), ())) or not plain
            bounds = run.stop if run.start == Const(0) or not uses_index else None
            if bounds is not None and uses_index or run.start == Const(0):
                span = f"range({self.printer.expr(run.stop)})"
            elif uses_index:
                span = f"range({self.printer.expr(run.start)}, {self.printer.expr(run.stop)})"
            else:
                span = f"range({self._difference(run)})"
            target = variable if uses_index else "_"
            inner: Code = code
            if not plain:
                inner = Bracket("", (pattern_source(item.pattern, variable), code))
            parts.append(Bracket("*", (Infix(f"for {target} in", (flat(inner), span)),)))
        if plain:
            if len(parts) == 1 and flat(parts[0]).startswith("*(") and kind == "nn.ModuleList":
                return call(kind, flat(parts[0])[2:-1])
            return call(kind, *parts) if kind == "nn.Sequential" else call(kind, Bracket("", tuple(parts), "[", "]"))
        self.ordered_dict = True
        return call(kind, call("OrderedDict", Bracket("", tuple(parts), "[", "]")))

    def _difference(self, run: Run) -> str:
        if run.count is not None:
            return str(run.count)
        return f"{self.printer.expr(run.stop)} - {self.printer.expr(run.start)}"


def unit_name(pattern: str, index: object) -> str:
    """The name of one round by the loop's pattern."""
    from archspec.lowering.units import unit_name as spelled

    assert isinstance(index, int)
    return spelled(pattern, index)


def pattern_source(pattern: str, variable: str) -> str:
    """A loop's pattern as an f-string of its variable."""
    from archspec.expr import parse, source

    parts: list[str] = []
    for piece in pattern.split("{"):
        inside, brace, after = piece.partition("}")
        parts.append(f"{{{source(parse(inside), {'i': variable})}}}{after}" if brace else piece)
    return f'f"{"".join(parts)}"'


def _single(tree: Tree, choice: ChoiceUse) -> LayerUse | CallUse | SequenceUse | LoopUse | None:
    """The one item of a side, if it takes just what arrives and gives the result."""
    if len(tree.items) != 1:
        return None
    [item] = tree.items
    if isinstance(item, ChoiceUse) or item.operands != (choice.operand,) or tree.results != (Result(item.site),):
        return None
    if isinstance(item, LayerUse) and ROWS[item.op.name].module is None:
        return None
    if isinstance(item, LoopUse) and item.runs and item.runs[0].carried is not None:
        return None
    return item


def _joinable(
    item: ChoiceUse, sides: Sequence[LayerUse | CallUse | SequenceUse | LoopUse | None]
) -> bool:
    """One member can stand for both sides: the same name, or nothing at all on one side."""
    then, other = sides
    if then is not None and other is not None:
        return then.name == other.name
    empty = item.other if then is not None else item.then
    return not empty.items and empty.results == (item.operand,)


def _first_name(item: ChoiceUse) -> str | None:
    for inner in (*item.then.items, *item.other.items):
        if not isinstance(inner, ChoiceUse) and inner.name:
            return inner.name
    return None
