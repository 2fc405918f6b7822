"""Writing a PyTorch module: a class for each definition, `__init__` and `forward`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from archspec.codegen.escaping import docstring, identifier, literal
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.marked_text import Paths, as_marked, join, whole
from archspec.codegen.outline import outline
from archspec.codegen.pretty_printer import INDENT, Bracket, Code, call, flat, lay_out, marked
from archspec.codegen.render import render
from archspec.codegen.simplify import simplified
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
    is_reuse,
    iteration_names,
    layers,
    stops,
)
from archspec.codegen.walk import calls
from archspec.expr import Const, Name, names, negated
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Result
from archspec.reserved_names import NOT_LAYERS
from archspec_torch.constructors import ConstructorWriter, members, mentioned, needs_channels, parameters
from archspec_torch.forward import Spelling, forward
from archspec_torch.names import helpers_of, reserved, unused
from archspec_torch.ops import ROWS
from archspec_torch.parameter_access import places
from archspec_torch.parameter_groups import parameter_groups, without_decay
from archspec_torch.reset_parameters import reset_parameters

_IMPORTS: Final = {"ceil": "math", "floor": "math"}


@dataclass(frozen=True, slots=True)
class _Class:
    """What the template prints for one definition."""

    name: str
    docstring: str
    signature: str
    """Empty where there is nothing to construct."""
    init: str
    forward_signature: str
    forward: str
    reset: str
    groups: str
    paths: Paths

    def text(self) -> str:
        """The class as source, without a newline at its end."""
        rendered = render("archspec_torch", "class.py.j2", made=self)
        return as_marked(rendered.removesuffix("\n"), rendered)


def write(graph: LayerGraph, *, labeled: bool = False) -> str:
    """The module's source; `labeled`, with each layer that a `forward` calls inside of a call that has its paths.

    Raises:
        BackendError: an op has no row.
    """
    ROWS.check(graph)
    module = outline(simplified(without_decay(graph)), _fits_sequential)
    taken = reserved(graph)
    # The network is what others import: its class keeps its name, whatever the blocks are called.
    for definition in (module.network, *module.definitions[:-1]):
        if definition is not module.network and definition.class_name == module.network.class_name:
            definition.class_name += "Block"
        definition.class_name = unused(definition.class_name, taken)
    printers = {id(made): ExpressionPrinter(made, "in_channels", frozenset(taken)) for made in module.definitions}
    writers = [_ClassWriter(definition, printers, Spelling(labeled=labeled)) for definition in module.definitions]
    for writer in writers:
        writer.write_init()
        writer.spelling.again |= writer.again.keys()
    spellings = {id(writer.definition): writer.spelling for writer in writers}
    drawing: set[str] = set()
    weighted = places(module.definitions, spellings)
    reset = reset_parameters(weighted, drawing)
    groups = parameter_groups(weighted, graph)
    functions = {name for printer in printers.values() for name in printer.functions}
    helpers = drawing | {name for printer in printers.values() for name in printer.helpers}
    helpers |= {"make_divisible"} & functions
    available = helpers_of(graph)
    ordered = {name: available.text(name) for name in available.needed(helpers)}
    users = {
        name: [paths for printer in printers.values() for paths in printer.users.get(name, ())] for name in ordered
    }
    standard = {
        "from collections import OrderedDict": any(writer.constructor.ordered_dict for writer in writers),
        "from collections.abc import Sequence": any("Sequence[" in text for text in ordered.values()),
        f"from math import {', '.join(sorted(functions & _IMPORTS.keys()))}": bool(functions & _IMPORTS.keys()),
        "from typing import Any": bool(groups),
    }
    methods = [(reset, groups) if writer.definition.is_network else ([], []) for writer in writers]
    classes = [writer.result(graph, *added) for writer, added in zip(writers, methods, strict=True)]
    code = (*ordered.values(), *(made.forward for made in classes))
    return render(
        "archspec_torch",
        "module.py.j2",
        docstring="\n".join(docstring(graph.title or graph.name, 0)),
        standard=[line for line, needed in standard.items() if needed],
        torch=any("torch." in text for text in code),
        functional=any("F." in text for text in code),
        helpers=[whole(text.strip(), *users.get(name, ())) for name, text in ordered.items()],
        classes=[whole(made.text(), made.paths) for made in classes],
    )


def _fits_sequential(item: SequenceUse) -> bool:
    return (
        len(item.operands) == 1
        and (is_chain(item.body) or stops(item.body) is not None)
        and not any(map(is_reuse, members(item.body)))
        and all(ROWS[layer.op.name].module is not None for layer in layers(item.body))
        and all(len(use.definition.tree.results) == 1 for use in calls(item.body))
    )


class _ClassWriter:
    def __init__(self, definition: Definition, printers: dict[int, ExpressionPrinter], spelling: Spelling) -> None:
        self.definition = definition
        self.printer = printers[id(definition)]
        self.constructor = ConstructorWriter(self.printer, lambda made, name: printers[id(made)].spelled[name])
        self.spelling = spelling
        self.init: list[str] = []
        self.shared: dict[str, tuple[str, list[str]]] = {}
        """Members that serve several layers, by the code that makes them; and the layers' paths."""
        self.taken = {*NOT_LAYERS, *_names(definition.tree)}
        """The attributes that an instance has otherwise."""
        self.again: dict[str, list[str]] = {}
        """The paths of the items that are called with another's member, by the member."""
        self.declared: set[str] = set()
        """Members whose annotation is written."""

    def write_init(self) -> None:
        """Write the members, and decide how `forward` calls them."""
        self._gather(self.definition.tree)
        self._members(self.definition.tree, 2)

    def _gather(self, tree: Tree) -> None:
        for item in tree.items:
            if isinstance(item, ChoiceUse):
                self._gather(item.then)
                self._gather(item.other)
            elif is_reuse(item):
                name = item.called if isinstance(item, LoopUse) and item.called else item.reuses
                self.again.setdefault(name, []).extend(item.paths)

    def result(self, graph: LayerGraph, reset: Sequence[str], groups: Sequence[str]) -> _Class:
        """Everything that the template needs."""
        outputs = list(graph.outputs) if self.definition.is_network and graph.gives_names else []
        variables, body = forward(self.definition, self.spelling, outputs=outputs)
        results = len(self.definition.tree.results)
        returns = "Tensor"
        if outputs:
            returns = "dict[str, Tensor]"
        elif results > 1:
            returns = f"tuple[{', '.join(['Tensor'] * results)}]"
        given = [[path] for path in graph.inputs] if self.definition.is_network else [[] for _ in variables]
        tensors = (whole(f"{name}: Tensor", paths) for name, paths in zip(variables, given, strict=True))
        arguments: tuple[Code, ...] = ("self", *tensors)
        init = [*self.init, *([f"{INDENT * 2}self.reset_parameters()"] if reset else [])]
        what = "network" if self.definition.is_network else "block"
        doc = self.definition.doc or f"The {what} `{self.definition.name}`."
        return _Class(
            self.definition.class_name,
            "\n".join(docstring(doc, 1)),
            "\n".join(self._signature()) if init or self._takes() else "",
            join(init),
            join(lay_out(Bracket("forward", arguments), 1, "def ", f" -> {returns}:")),
            join(body),
            "\n".join(reset),
            "\n".join(groups),
            self.definition.paths,
        )

    def _takes(self) -> bool:
        """Whether the constructor has arguments."""
        return needs_channels(self.definition) or bool(parameters(self.definition))

    def _signature(self) -> list[str]:
        parts: list[Code] = ["self"]
        if needs_channels(self.definition):
            parts.append(f"{self.printer.spelled[CHANNELS.id]}: int")
        taken = parameters(self.definition)
        required = [parameter for parameter in taken if parameter.default is None]
        for parameter in [*required, *(p for p in taken if p.default is not None)]:
            text = f"{self.printer.spelled[parameter.name]}: {parameter.type}"
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
            case LoopUse() if item.called:
                self._again(item, depth)
            case LayerUse() | CallUse() | SequenceUse() | LoopUse() if item.reuses:
                self.spelling.members[(item.location,)] = item.reuses
            case LayerUse() if (function := ROWS[item.op.name].function_for(item)) is not None:
                self.spelling.functions[item.location] = lambda operands: function(item, self.printer, operands)
            case LayerUse():
                self._layer(item, depth)
            case LoopUse() if len(item.runs) == 1 and item.runs[0].carried is not None:
                self._carried(item, item.runs[0], depth)
            case _:
                self._assign(self._spell(item), self.constructor.module(item), depth)

    def _spell(self, item: CallUse | SequenceUse | LoopUse | LayerUse) -> str:
        self.spelling.members[(item.location,)] = item.name
        return item.name

    def _assign(self, name: str, code: Code, depth: int) -> None:
        if name in self.again:
            code = marked(code, self.again[name])
        self.init += lay_out(code, depth, f"self.{name} = ")

    def _layer(self, use: LayerUse, depth: int) -> None:
        code = self.constructor.module(use)
        if not use.named and not use.has_weights:
            # Layers without weights and without names of their own are one member, as people write it.
            text = flat(code)
            if text in self.shared:
                self.spelling.members[(use.location,)], paths = self.shared[text]
                paths += use.paths
                return
            if depth == 2:  # under a condition it is not there for all
                served: list[str] = []
                self.shared[text] = use.name, served
                code = marked(code, served)
        self._assign(self._spell(use), code, depth)

    def _again(self, item: LoopUse, depth: int) -> None:
        """Iterations that all call one member: `forward` counts them."""
        self.spelling.members[(item.location,)] = item.called
        stop = item.runs[-1].stop
        if isinstance(stop, Const):
            self.spelling.counts[item.location] = self.printer.expr(stop)
            return
        name = identifier(f"{item.name}_times", self.taken)
        self.taken.add(name)
        self.spelling.counts[item.location] = f"self.{name}"
        self._assign(name, self.printer.expr(stop), depth)

    # -- conditions -------------------------------------------------------------------------------

    def _choice(self, item: ChoiceUse, depth: int) -> None:
        sides = (_single(item.then, item), _single(item.other, item))
        if (sides[0] or sides[1]) and _joinable(item, sides):
            self._joined(item, sides, depth)
        else:
            self._flagged(item, depth)

    def _joined(
        self,
        item: ChoiceUse,
        sides: Sequence[LayerUse | CallUse | SequenceUse | LoopUse | None],
        depth: int,
    ) -> None:
        """One member stands for both sides: `forward` need not know of the condition."""
        then, other = sides
        first = then or other
        assert first is not None
        condition = self.printer.expr(item.condition if then is not None else negated(item.condition))
        name = self._spell(first)
        self.spelling.joined[item.location] = name
        annotated = f"self.{name}" if name in self.declared else f"self.{name}: nn.Module"
        self.declared.add(name)
        indent = INDENT * depth
        if then is not None and other is not None:
            if annotated != f"self.{name}":
                self.init.append(f"{indent}{annotated}")
            self.init.append(f"{indent}if {condition}:")
            self._assign(name, self.constructor.module(then), depth + 1)
            self.init.append(f"{indent}else:")
            self._assign(name, self.constructor.module(other), depth + 1)
            return
        self.init.append(f"{indent}{annotated} = nn.Identity()")
        self.init.append(f"{indent}if {condition}:")
        self._assign(name, self.constructor.module(first), depth + 1)

    def _flagged(self, item: ChoiceUse, depth: int) -> None:
        """`forward` asks again: the outcome is kept as an attribute."""
        flag, holds = self._flag(item)
        self.spelling.flags[item.location] = flag, holds
        indent = INDENT * depth
        bodies: list[list[str]] = []
        shared = sorted((_names(item.then) & _names(item.other)) - self.declared)
        self.declared |= set(shared)
        for side in (item.then, item.other) if holds else (item.other, item.then):
            before, self.init = self.init, []
            self._members(side, depth + 1)
            bodies.append(self.init)
            self.init = before
        then, other = bodies
        condition = item.condition if holds else negated(item.condition)
        self.init += lay_out(self.printer.expr(condition), depth, f"self.{flag} = ")
        if then == other:  # the condition decides how they are called, not what there is
            self.init += [as_marked(line.removeprefix(INDENT), line, twin) for line, twin in zip(*bodies, strict=True)]
            return
        self.init += [f"{indent}self.{name}: nn.Module" for name in shared]
        if then:
            self.init += [f"{indent}if self.{flag}:", *then]
        if other:
            self.init += [f"{indent}else:" if then else f"{indent}if not self.{flag}:", *other]

    def _flag(self, item: ChoiceUse) -> tuple[str, bool]:
        """A name for a condition, or for its opposite: the param that it is, or what it lets in."""
        if isinstance(item.condition, Name):
            name, holds = self.printer.expr(item.condition), True
        else:
            sides = item.then, item.other
            then, other = ([*_ordered_names(side), *(layer.op.name for layer in layers(side))] for side in sides)
            first = next((name for name in then if name not in other), None)
            last = next((name for name in other if name not in then), None)
            name, holds = f"has_{first or last or 'it'}", first is not None or last is None
        name = identifier(name, self.taken)
        self.taken.add(name)
        return name, holds

    # -- loops ------------------------------------------------------------------------------------

    def _carried(self, item: LoopUse, run: Run, depth: int) -> None:
        """Iterations whose channels follow no formula: a loop that carries them along."""
        assert run.carried is not None and run.carried_next is not None
        index, channels = iteration_names(run.depth)
        name, variable = self._spell(item), self.printer.spelled[channels]
        parts = identifier(f"{item.name}_layers", self.printer.spelled.values())
        indent, printer, before = INDENT * depth, self.printer, len(self.init)
        self.init.append(f"{indent}{parts}: list[nn.Module] = []")
        self.init += lay_out(printer.expr(run.carried), depth, f"{variable} = ")
        used = index in mentioned(Tree((run.item,), ()), printer.budget) | names(run.carried_next, printer.budget)
        header = f"{indent}for {printer.spelled[index] if used else '_'} in range({printer.expr(run.stop)}):"
        with self.constructor.iteration_of(item, run) as iterations:
            module = self.constructor.module(run.item)
        self.init.append(whole(header, iterations))
        self.init += lay_out(marked(call(f"{parts}.append", module), iterations), depth + 1)
        self.init += lay_out(printer.expr(run.carried_next), depth + 1, f"{variable} = ")
        chain = len(item.operands) == 1
        self._assign(name, call("nn.Sequential", f"*{parts}") if chain else call("nn.ModuleList", parts), depth)
        self.init[before:] = [whole(line, item.paths) for line in self.init[before:]]


def _names(tree: Tree) -> set[str]:
    return set(_ordered_names(tree))


def _ordered_names(tree: Tree) -> Iterator[str]:
    """The members that a tree becomes, those under conditions included."""
    for item in tree.items:
        match item:
            case ChoiceUse():
                yield from _ordered_names(item.then)
                yield from _ordered_names(item.other)
            case LayerUse() if ROWS[item.op.name].function_for(item) is not None:
                pass
            case _ if not is_reuse(item):
                yield item.name
            case _:
                pass


def _single(tree: Tree, choice: ChoiceUse) -> LayerUse | CallUse | SequenceUse | LoopUse | None:
    """The one item of a side, if it takes just what arrives and gives the result."""
    if len(tree.items) != 1:
        return None
    [item] = tree.items
    if isinstance(item, ChoiceUse) or item.operands != (choice.operand,) or tree.results != (Result(item.location),):
        return None
    if is_reuse(item):
        return None
    if isinstance(item, LayerUse) and (ROWS[item.op.name].module is None or item.results > 1):
        return None
    if isinstance(item, CallUse) and len(item.definition.tree.results) > 1:
        return None
    if isinstance(item, LoopUse) and item.runs and item.runs[0].carried is not None:
        return None
    return item


def _joinable(item: ChoiceUse, sides: Sequence[LayerUse | CallUse | SequenceUse | LoopUse | None]) -> bool:
    """One member can stand for both sides: the same name, or nothing at all on one side."""
    then, other = sides
    if then is not None and other is not None:
        return then.name == other.name
    empty = item.other if then is not None else item.then
    return not empty.items and empty.results == (item.operand,)
