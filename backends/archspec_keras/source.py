"""Writing a Keras module: a function for each definition, in the manner of `keras.applications`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, count, repeat
from typing import Final

from archspec.codegen.bounds import bounds
from archspec.codegen.equal_bodies import one_of_equals
from archspec.codegen.escaping import docstring, documented_docstring, identifier, literal, quoted
from archspec.codegen.joined_rows import with_joined_rows
from archspec.codegen.marked_text import Paths, join, whole
from archspec.codegen.pretty_printer import INDENT, Bracket, Code, flat, lay_out, marked
from archspec.codegen.render import render
from archspec.codegen.reuse import uses_of
from archspec.codegen.rolled import with_rolled_calls
from archspec.codegen.simplify import simplified
from archspec.codegen.table_rows import with_rows
from archspec.codegen.tree import Definition, Module
from archspec.codegen.walk import all_layers, calls, counts
from archspec.codegen.written_order import in_written_order
from archspec.expr import Const, Expr, fold
from archspec.expr.evaluate import MATH
from archspec.ir.attributes import PerAxis
from archspec.ir.def_use import Node, producer
from archspec.ir.graph import LayerGraph
from archspec.ir.ops.linear import Convolution
from archspec.ir.tensor_type import IMAGE, SIGNAL, VOLUME, Axes
from archspec_keras.common_arguments import CommonArguments
from archspec_keras.data_format import declarations
from archspec_keras.function_body import BodyWriter
from archspec_keras.layer_names import layer_name
from archspec_keras.loop_statements import written, written_arguments
from archspec_keras.memory_layout import IDS_DTYPE, keras_sizes
from archspec_keras.names import INFERENCE_MODEL, function_name, helpers_of
from archspec_keras.ops import ROWS
from archspec_keras.ops.linear import is_depthwise, kinds, pads
from archspec_keras.shared import ComputationOrder
from archspec_keras.statements import Callee, Statement
from archspec_keras.static_properties import StaticProperties

_PACKAGE: Final = "archspec"
"""Where Keras keeps the helpers that saved models name: they are the same in all modules."""
_WORD: Final = re.compile(r"\w+")
_DEEP: Final = 600
"""Layers in a row above which a network may be too deep for Keras under Python's own limit of 1,000 calls."""


_SIZES: Final[Mapping[Axes, str]] = {
    SIGNAL: "length of the signals",
    IMAGE: "height and width of the images",
    VOLUME: "depth, height and width of the volumes",
}


@dataclass(frozen=True, slots=True)
class _Function:
    """What the template prints for one definition."""

    signature: str
    docstring: str
    start: Sequence[str]
    body: Sequence[Statement]
    paths: Paths

    def text(self, common: CommonArguments) -> str:
        """The function as source, without the arguments that are common."""
        body = (replace(line, code=common.applied(line.code)) for line in self.body)
        lines = [*self.start, *(text for line in body for text in line.lay_out())]
        return whole(join((self.signature, self.docstring, *lines)), self.paths)

    def words(self) -> Iterator[str]:
        """Every word of its signature and its statements, all names among them."""
        for text in (self.signature, *self.start):
            yield from _WORD.findall(text)
        for line in self.body:
            for text in (line.target, line.prefix, flat(line.code)):
                yield from _WORD.findall(text)


def module_of(graph: LayerGraph, *, is_open: bool = False) -> Module:
    """What the source is printed of; with `is_open`, where its loops take all counts that could be others."""
    made = simplified(graph, lambda nodes: kinds(nodes, graph), has_flat_names=True, is_open=is_open)
    module = with_rows(in_written_order(one_of_equals(made, lambda layer: True)), written)
    for definition in module.definitions:
        again = uses_of(definition.tree)
        definition.tree = with_joined_rows(definition.tree, definition, 0, again=again, arguments=written_arguments)
    return with_rolled_calls(module, written_arguments, written)


def write(graph: LayerGraph) -> str:
    """The module's source.

    Raises:
        BackendError: an op has no row.
    """
    ROWS.check(graph)
    return _write(graph, is_open=True)


def _write(graph: LayerGraph, *, is_open: bool) -> str:
    """The same; a count of items in turn is a number where loops do not take all that could be others."""
    module = module_of(graph, is_open=is_open)
    open_counts = sum(1 for definition in module.definitions for _ in counts(definition.tree))
    facts, available = StaticProperties.of(graph), helpers_of(graph)
    taken = {*facts.reserved, function_name(graph)}
    taken |= {parameter.name for definition in module.definitions for parameter in definition.parameters}
    numbers: dict[str, Iterator[int]] = {}
    callees: dict[int, Callee] = {}
    functions: list[_Function] = []
    deeper, order = _deeper(graph), ComputationOrder(graph, module.network.budget)
    bodies: list[BodyWriter] = []
    for definition in module.definitions:
        name = function_name(graph)
        if not definition.is_network:
            twins = [other for other in module.definitions if other.name == definition.name]
            name = _unused(_called_by_use(definition, twins, graph), taken, numbers)
        body = BodyWriter(definition, graph, facts, order, callees)
        made = _network(name, body, graph, deeper) if definition.is_network else _block(name, body)
        callees[id(definition)] = Callee(name, body)
        bodies.append(body)
        functions.append(made)
    if open_counts != sum(body.open_counts for body in bodies):
        return _write(graph, is_open=False)
    if graph.training_outputs:
        functions.append(_inference_model(graph))
    codes = [line.code for made in functions for line in made.body]
    spoken = cache(lambda: taken | {word for made in functions for word in made.words()})
    several = [CommonArguments.of(codes, spoken, once=once) for once in (True, False)]
    common, texts = min(
        ((common, [made.text(common) for made in functions]) for common in several),
        key=lambda pair: len(pair[0].lines) + sum(text.count("\n") for text in pair[1]),
    )
    words = {word for text in (*texts, *common.lines) for word in _WORD.findall(text)}
    functions_used = {name for body in bodies for name in body.printer.functions}
    used = {
        name for body in bodies for name in body.printer.helpers if name in words
    } | functions_used & available.names
    helpers = [_helper(name, available.text(name), bodies) for name in available.needed(used)]
    functions_used |= {name for text in helpers for name in _called(text)}
    return render(
        "archspec_keras",
        "module.py.j2",
        docstring="\n".join(docstring(graph.title or graph.name, 0)),
        recursive=bool(deeper),
        tensors=_tensors(graph),
        math=sorted(functions_used & MATH),
        formats=declarations({head for body in bodies for head in body.printer.users} - common.keywords.keys()),
        partial=bool(common.keywords),
        common=common.lines,
        helpers=helpers,
        functions=texts,
    )


def _tensors(graph: LayerGraph) -> str:
    """What the network's tensors are that have channels and spatial axes; tokens where it has none."""
    kinds = {type.axes for type in graph.types.values() if type.is_spatial}
    if not kinds:
        return "Tokens"
    return "Signals" if kinds == {SIGNAL} else "Volumes" if kinds == {VOLUME} else "Images"


def _helper(name: str, text: str, bodies: Sequence[BodyWriter]) -> str:
    """A helper's source; where it is a class, it is there for the layers of this class."""
    text = text.strip().replace("{{ registered }}", quoted(_PACKAGE))
    is_class = f"class {name}(" in text
    users = (paths for body in bodies for paths in body.printer.users.get(name, ()))
    return whole(text, *(users if is_class else ()))


def _called(text: str) -> set[str]:
    """What a helper calls by its name alone, such as a function of Python's `math`."""
    calls = (node.func for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    return {function.id for function in calls if isinstance(function, ast.Name)}


def _deeper(graph: LayerGraph) -> list[str]:
    """Lines that let Python's calls nest deeper where the network is long: Keras follows its layers by recursion."""
    length: dict[str, int] = {}
    for path, node in graph.nodes.items():
        length[path] = 1 + max((length[producer(source)] for source in node.inputs), default=0)
    longest = max(length.values())
    if longest < _DEEP:
        return []
    limit = -(-2 * longest // 1000) * 1000 + 1000  # a layer of the graph may be two of Keras's
    return [
        f"{INDENT}# Keras follows its layers by recursion: here deeper than Python's limit.",
        f"{INDENT}sys.setrecursionlimit(max(sys.getrecursionlimit(), {limit:_}))",
    ]


def _called_by_use(definition: Definition, twins: Sequence[Definition], graph: LayerGraph) -> str:
    """The name of a block's function; where it has several, by what tells this one apart."""
    kinds = {id(twin): _kind(twin, graph) if len(twins) > 1 else "" for twin in twins}
    others = [twin for twin in twins if twin is not definition and not kinds[id(twin)]]
    if kinds[id(definition)] or not others:
        return f"{kinds[id(definition)]}{definition.name}"
    padded = {pads(node) for node in _convolutions(definition, graph)}
    unlike = {pads(node) for other in others for node in _convolutions(other, graph)}
    if len(padded) == len(unlike) == 1 and padded != unlike:
        return f"padded_{definition.name}" if padded == {True} else definition.name
    return f"{definition.name}_{definition.variant}" if definition.variant else definition.name


def _kind(definition: Definition, graph: LayerGraph) -> str:
    """What the convolutions of a block are in some of its functions, where Keras has to be told: before the name."""
    convolutions = _convolutions(definition, graph)
    if convolutions and all(is_depthwise(node, graph) for node in convolutions):
        return "depthwise_"
    # What calls others is more than a convolution.
    alone = bool(convolutions) and not calls(definition.tree)
    return "pointwise_" if alone and all(set(_kernel(node)) == {1} for node in convolutions) else ""


def _convolutions(definition: Definition, graph: LayerGraph) -> list[Node]:
    """The convolutions that stand in a definition, in all its instances."""
    return [
        graph.nodes[path]
        for layer in all_layers(definition.tree)
        if issubclass(layer.op, Convolution)
        for path in layer.paths
    ]


def _kernel(node: Node) -> PerAxis:
    op = node.op
    assert isinstance(op, Convolution)
    return op.kernel


def _unused(name: str, taken: set[str], numbers: dict[str, Iterator[int]]) -> str:
    """A function's name: the block's own, with a number where another has it; `unit_block` where a parameter has.

    `numbers` goes on for each name where it was left: a spec may ask for any number of variants of one block.
    """
    other = () if name in numbers else (f"{name}_block",)
    numbered = (f"{name}_{number}" for number in numbers.setdefault(name, count(2)))
    candidates = chain((name,), other, numbered)
    found = next(text for text in candidates if text not in taken and identifier(text) == text)
    taken.add(found)
    return found


_ORDINALS: Final = ("", "second ", "third ")
"""Which input of a block a tensor is, the first of them; a later one is a `further` input."""


def _block(name: str, body: BodyWriter) -> _Function:
    """The function of a block: tensors in, tensors out."""
    definition = body.definition
    lines = body.block()
    parts: list[Code] = [f"{variable}: keras.KerasTensor" for variable in body.variables]
    parts += [*map(body.printer.parameter, body.parameters()), *(("*", "name: str") if body.takes_name else ())]
    results = len(definition.tree.results)
    returns = "keras.KerasTensor"
    if results > 1:
        returns = f"tuple[{', '.join([returns] * results)}]"
    signature = lay_out(Bracket(name, tuple(parts)), 0, "def ", f" -> {returns}:")
    places = chain(_ORDINALS, repeat("further "))
    tensors = [(variable, f"{which}input tensor") for variable, which in zip(body.variables, places, strict=False)]
    named = [("name", "prefix of the layers' names")] if body.takes_name else []
    return _Function(
        "\n".join(signature),
        "\n".join(documented_docstring(definition.documentation, [*tensors, *_documented(body), *named], 1)),
        (),
        lines,
        definition.paths,
    )


def _documented(body: BodyWriter) -> list[tuple[str, str]]:
    """What the docstring says of each of them."""
    return [(body.printer.spelled[given.name], given.doc) for given in body.parameters()]


def _inference_model(graph: LayerGraph) -> _Function:
    """The function that leaves out of a model what it gives in training alone: a model of Keras has fixed outputs."""
    kept = [name for name in graph.output_names if name not in graph.training_outputs]
    pairs = [f"{quoted(name)}: model.output[{quoted(name)}]" for name in kept]
    outputs: Code = f"model.output[{quoted(kept[0])}]" if len(kept) == 1 else Bracket("", tuple(pairs), "{", "}")
    made = Bracket("keras.Model", ("model.input", outputs, "name=model.name"))
    signature = f"def {INFERENCE_MODEL}(model: keras.Model) -> keras.Model:"
    doc = f"The same layers without what training alone needs: {', '.join(graph.training_outputs)}."
    return _Function(signature, "\n".join(docstring(doc, 1)), lay_out(made, 1, "return "), (), ())


def _network(name: str, body: BodyWriter, graph: LayerGraph, deeper: Sequence[str]) -> _Function:
    """The function of the network: it makes the inputs, and returns the model."""
    definition = body.definition
    taken = body.unusable()
    single = len(graph.inputs) == 1
    heads: list[str] = []
    sizes: list[tuple[str, str, str, str]] = []
    variables: list[str] = []
    offered = {parameter.name for parameter in definition.parameters}
    known: dict[str, Expr] = {}
    size_type, varying = ("int | None", ", None where they vary") if body.facts.takes_any_size() else ("int", "")
    for param in graph.params:
        if param.name not in offered:
            known[param.name] = Const(param.value) if param.expr is None else fold(param.expr, definition.budget, known)
    for path in graph.inputs:
        node = graph.nodes[path]
        label = layer_name(path, graph)
        variable = identifier("inputs" if single else label, taken)
        variables.append(variable)
        taken.add(variable)
        what = "input" if single else label
        if node.type.is_spatial:
            given = node.exprs.get("channels", Const(node.type.channels))
            places, channels = node.type.places, body.printer.expr(fold(given, definition.budget, known))
            shape = f"({', '.join(map(str, places))}, {channels})"
            if not graph.sizes_decide:
                size = identifier(f"{what}_size", taken)
                taken.add(size)
                shape = f"(*{size}, {channels})"
                kind = f"tuple[{', '.join([size_type] * len(places))}]"
                sizes.append((size, kind, literal(places), _SIZES[node.type.axes] + varying))
        else:
            shape = literal(keras_sizes(node.type))
        dtype = f"dtype={quoted(IDS_DTYPE)}, " if node.type.is_ids else ""
        made = marked(f"keras.Input({shape}, {dtype}name={quoted(label)})", [path])
        heads += lay_out(made, 1, f"{variable} = ")
    lines = body.network(variables, graph)
    parts = [
        *map(body.printer.parameter, body.parameters()),
        *(f"{size}: {kind} = {default}" for size, kind, default, _ in sizes),
    ]
    signature = lay_out(Bracket(name, tuple(parts)), 0, "def ", " -> keras.Model:")
    documented = [*_documented(body), *((size, text) for size, _, _, text in sizes)]
    doc = definition.documentation or f"The network {definition.name}."
    refused = bounds(definition, body.printer, 1)
    start, said = [*refused, *deeper, *heads], "\n".join(documented_docstring(doc, documented, 1))
    return _Function("\n".join(signature), said, start, lines, definition.paths)
