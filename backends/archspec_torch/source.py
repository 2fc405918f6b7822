"""Writing a PyTorch module: a class for each definition, `__init__` and `forward`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from archspec.codegen.escaping import docstring, documented_docstring
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.marked_text import Paths, as_marked, join, whole
from archspec.codegen.outline import outline
from archspec.codegen.pretty_printer import INDENT, Bracket, Code, lay_out
from archspec.codegen.render import render
from archspec.codegen.simplify import simplified
from archspec.codegen.table_rows import with_rows
from archspec.codegen.tree import (
    CHANNELS,
    LayerUse,
    Module,
    SequenceUse,
)
from archspec.codegen.walk import counts, loops
from archspec.codegen.written_order import in_written_order
from archspec.expr.evaluate import MATH
from archspec.ir.graph import LayerGraph
from archspec_torch.constructor_arguments import expressions, needs_channels, parameters
from archspec_torch.constructors import NUMBERED, fits_sequential, numbering_of
from archspec_torch.forward import forward
from archspec_torch.members import MemberWriter
from archspec_torch.names import class_name, helpers_of, reserved, unused
from archspec_torch.ops import ROWS
from archspec_torch.ops.padding import takes_words
from archspec_torch.parameter_access import places
from archspec_torch.parameter_groups import parameter_groups, without_decay
from archspec_torch.reset_parameters import reset_parameters
from archspec_torch.row_classes import row_class, unheld, with_rolled_rows
from archspec_torch.spelling import Spelling


@dataclass(frozen=True, slots=True)
class _Class:
    """What the template prints for one definition."""

    name: str
    base: str
    docstring: str
    attributes: Sequence[str]
    """The lines that say of attributes what they are."""
    signature: str
    """Empty where there is nothing to construct."""
    parent: str
    """The lines that construct the base."""
    init: str
    forward_signature: str
    forward: str
    """Empty where the base has it."""
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
    return _write(graph, labeled=labeled, absent=frozenset(), is_open=True)


def _module(graph: LayerGraph, *, is_open: bool, written_out: frozenset[str] = frozenset()) -> Module:
    """The classes; iterations that are `written_out` are no loop."""
    made = simplified(without_decay(graph), words=takes_words, is_open=is_open, written_out=written_out)
    module = in_written_order(outline(made, _fits_sequential, _takes_channels))
    module = with_rolled_rows(module, graph.outputs if graph.gives_names else ())
    if left := unheld(module) - written_out:
        return _module(graph, is_open=is_open, written_out=written_out | left)
    return with_rows(module, expressions)


def _write(graph: LayerGraph, *, labeled: bool, absent: frozenset[str], is_open: bool) -> str:
    """The same; `absent` are helpers that the source is known not to bring along, so that blocks may be called so.

    With `is_open` the counts of items in turn are arguments, unless these cannot be written so.
    """
    module = _module(graph, is_open=is_open)
    taken, called = reserved(graph) - absent, set[str]()
    # The network is what others import: its class keeps its name, whatever the blocks are called.
    for definition in (module.network, *module.definitions[:-1]):
        if definition is not module.network and definition.class_name == module.network.class_name:
            definition.class_name += "Block"
        if definition.variant:
            definition.class_name += "".join(part.capitalize() for part in definition.variant.split("_"))
        if definition is module.network:  # which others know without its source
            definition.class_name = class_name(graph)
            taken.add(definition.class_name)
            continue
        called.add(definition.class_name)
        definition.class_name = unused(definition.class_name, taken)
    flattened = _flattened(graph)
    printers = {id(made): ExpressionPrinter(made, "in_channels", frozenset(taken)) for made in module.definitions}
    for printer in printers.values():
        printer.flattened = flattened
    writers = [_ClassWriter(definition, printers, Spelling(labeled=labeled)) for definition in module.definitions]
    numbers = _has_numbered_rows(module)
    for writer in writers:
        writer.constructor.numbers = numbers
        writer.write_init()
        writer.kept = writer.keep_arguments()
    spellings = {id(writer.definition): writer.spelling for writer in writers}
    drawing: set[str] = set()
    weighted = places(module.definitions, spellings)
    reset = reset_parameters(weighted, drawing)
    groups = parameter_groups(weighted, graph)
    methods = [(reset, groups) if writer.definition.is_network else ([], []) for writer in writers]
    classes = [writer.result(graph, *added) for writer, added in zip(writers, methods, strict=True)]
    if not all(map(_takes_counts, writers)) or _says_places(writers, classes):
        return _write(graph, labeled=labeled, absent=absent, is_open=False)
    functions = {name for printer in printers.values() for name in printer.functions}
    helpers = drawing | {name for printer in printers.values() for name in printer.helpers}
    helpers |= {"make_divisible"} & functions
    available = helpers_of(graph)
    ordered = {name: available.text(name) for name in available.needed(helpers)}
    if not absent and (called & available.names) - ordered.keys():
        return _write(graph, labeled=labeled, absent=available.names - ordered.keys(), is_open=is_open)
    users = {
        name: [paths for printer in printers.values() for paths in printer.users.get(name, ())] for name in ordered
    }
    finals = any(writer.spelling.finals for writer in writers)
    typing = [name for name, needed in (("Any", bool(groups)), ("Final", finals)) if needed]
    standard = {
        "from collections import OrderedDict": NUMBERED in helpers
        or any(writer.constructor.ordered_dict for writer in writers),
        f"from math import {', '.join(sorted(functions & MATH))}": bool(functions & MATH),
        f"from typing import {', '.join(typing)}": bool(typing),
    }
    code = (*ordered.values(), *(text for made in classes for text in (made.init, made.forward)))
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


def _takes_counts(writer: _ClassWriter) -> bool:
    """Whether a class is right for any count of its items in turn that is open: it goes through lists so long."""
    spelling, tree = writer.spelling, writer.definition.tree
    is_whole = bool(spelling.open_lists) or not tree.counts
    return is_whole and len([*counts(tree)]) == len(tree.counts) and spelling.looped >= spelling.open_lists.keys()


def _says_places(writers: Sequence[_ClassWriter], classes: Sequence[_Class]) -> bool:
    """Whether something speaks of a member of a list that may have another length."""
    names = {name for writer in writers for name in writer.spelling.open_lists}
    if not names:
        return False
    place = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(names)))})\b[\[.]\d")
    texts = (text for made in classes for text in (made.init, made.forward, made.reset, made.groups))
    return any(map(place.search, texts))


def _flattened(graph: LayerGraph) -> dict[str, Sequence[int]]:
    """By the path of a dense layer, the sizes of the image that was flattened to what it takes."""
    found: dict[str, Sequence[int]] = {}
    for path, node in graph.nodes.items():
        if node.op.name != "dense":
            continue
        before = node
        while len(before.inputs) == 1 and before.inputs[0] in graph.nodes:  # by way of dropout, say
            before = graph.nodes[before.inputs[0]]
            taken = graph.types[before.inputs[0]] if before.inputs else None
            if before.op.name == "flatten" and taken is not None and prod(taken.places) > 1:
                found[path] = taken.sizes
            if taken is None or before.type != taken:
                break
    return found


def _has_numbered_rows(module: Module) -> bool:
    """Whether several loops give their iterations names by a number, so that a helper is shorter."""
    rows = [loop for definition in module.definitions for loop in loops(definition.tree)]
    return sum(numbering_of(loop, module.network.budget) is not None for loop in rows) > 1


def _takes_channels(layer: LayerUse) -> bool:
    """Whether source says how many channels arrive at a layer."""
    return ROWS[layer.op.name].takes_channels(layer)


def _fits_sequential(item: SequenceUse) -> bool:
    return len(item.operands) == 1 and fits_sequential(item.body)


class _ClassWriter(MemberWriter):
    """Writes a class: its members, its signature, `forward`."""

    def result(self, graph: LayerGraph, reset: Sequence[str], groups: Sequence[str]) -> _Class:
        """Everything that the template needs."""
        outputs = list(graph.outputs) if self.definition.is_network and graph.gives_names else []
        row = None if outputs else row_class(self.definition)
        training = len(graph.training_outputs) if self.definition.is_network else 0
        variables, body = forward(self.definition, self.spelling, row, outputs=outputs, training=training)
        results = len(self.definition.tree.results)
        returns = "Tensor"
        if outputs:
            returns = "Tensor | dict[str, Tensor]" if training and len(outputs) == training + 1 else "dict[str, Tensor]"
        elif results > 1:
            returns = f"tuple[{', '.join(['Tensor'] * results)}]"
        given = [[path] for path in graph.inputs] if self.definition.is_network else [[] for _ in variables]
        tensors = (whole(f"{name}: Tensor", paths) for name, paths in zip(variables, given, strict=True))
        arguments: tuple[Code, ...] = ("self", *tensors)
        init = [*self.init, *self.kept, *([f"{INDENT * 2}self.reset_parameters()"] if reset else [])]
        doc = self.definition.documentation or f"The network `{self.definition.name}`."
        documented = [(self.printer.spelled[given.name], given.doc) for given in parameters(self.definition)]
        if needs_channels(self.definition):
            documented.insert(0, (self.printer.spelled[CHANNELS.id], "channels of the input"))
        parent: Sequence[str] = [f"{INDENT * 2}super().__init__()"]
        if row is not None and not row.assigned:
            made = (self.constructor.row if row.merge is None else self.constructor.branches)(row.parts)
            parent = [*self.init[: self.locals], *lay_out(made, 2)]
            init = init[len(self.init) :]
        base = row.base if row is not None else "nn.ModuleDict" if self.spelling.keyed else "nn.Module"
        return _Class(
            self.definition.class_name,
            base if body else whole(base, *given),  # whose own `forward` takes the tensors
            "\n".join(documented_docstring(doc, documented, 1)),
            [f"{INDENT}{name}: Final[bool]" for name in self.spelling.finals],
            "\n".join(self._signature()) if init or row is not None or self._takes() else "",
            join(parent),
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
        parts += map(self.printer.parameter, parameters(self.definition))
        return lay_out(Bracket("__init__", tuple(parts)), 1, "def ", " -> None:")
