"""A layer graph as an ONNX model: valid, the same bytes every time, its weights still inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from archspec._version import __version__
from archspec.codegen.escaping import one_line
from archspec.digests import FORM
from archspec.errors import BackendError, Diagnostic, SpecError
from archspec.expr import Const, source
from archspec.ir.def_use import DefUse
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Body, Choice, Layer, Loop, Scope
from archspec.passes.resize import doubled
from archspec_onnx.functions import Functions
from archspec_onnx.names import TensorNames, names_of
from archspec_onnx.ops import ROWS, Fragment
from archspec_onnx.ops.row import LOW_PRECISION
from archspec_onnx.opsets import OPSET

TYPES: Final = {
    "float16": TensorProto.FLOAT16,
    "bfloat16": TensorProto.BFLOAT16,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
}
"""ONNX's element types."""
DTYPE_KEY: Final = "archspec.dtype"
"""The entry of a model's metadata that has its type where that has fewer bits than its inputs and outputs."""


def write(
    graph: LayerGraph,
    *,
    dtype: str = "float32",
    functions: bool = False,
    training: bool = False,
    opset: int = OPSET,
) -> ModelProto:
    """The model; see `OnnxBackend.render`."""
    ROWS.check(graph, shares=True)
    random = [
        Diagnostic("E0601", f"{node.op.name} is random in training ({path}): a model of it has no one result")
        for path, node in graph.nodes.items()
        if training and node.op.random and node.op.rate > 0  # type: ignore[attr-defined]
    ]
    if random:
        raise BackendError(random)
    return _ModelWriter(graph, dtype, functions, training, opset).model()


class _ModelWriter:
    def __init__(self, graph: LayerGraph, dtype: str, functions: bool, training: bool, opset: int) -> None:
        self.graph = graph
        self.opset = opset
        self.dtype = TYPES[dtype]
        self.training = training
        self.low = self.dtype in LOW_PRECISION
        self.names: TensorNames = names_of(graph)
        self.values = self._values_within()
        self.float32: dict[str, str] = {}
        """Tensors in float32 by the names of those of fewer bits that are cast from them."""
        self.float32_weights: set[str] = set()
        """The weights of layers that are computed in float32 in a model of fewer bits."""
        self.larger = twice(graph)
        self.functions = Functions(graph) if functions else None
        self.statistics: dict[str, str] = {}
        """The running statistics that a training step sets: the values that they have after the layers so far."""

    def model(self) -> ModelProto:
        graph = self.graph
        ends = self._cast_ends()
        if self.functions is None:
            nodes = [made for path in graph.nodes for made in self._layer(path)]
        else:
            nodes = [*self._body(graph.root.body, graph.def_use)]
        nodes = self._between_casts(nodes, ends)
        nodes += [helper.make_node("Identity", [of], [name], name) for name, of in self.names.copies.items()]
        nodes += [
            helper.make_node("Identity", [found], [f"{name}.after"], f"{found}/after")
            for name, found in self.statistics.items()
        ]
        edge = TensorProto.FLOAT if self.low else self.dtype
        inputs = [self._value(path, path, edge) for path in graph.inputs]
        inputs += [self._tensor(name, weight.shape, self._kind(name)) for name, weight in graph.all_weights.items()]
        outputs = [
            self._value(path, name, edge) for path, name in zip(graph.outputs.values(), self.names.outputs, strict=True)
        ]
        outputs += [
            self._tensor(f"{name}.after", graph.all_weights[name].shape, self._kind(name)) for name in self.statistics
        ]
        made = {name for node in nodes for name in node.output} - {*self.names.outputs}
        between = [self._value(path, name, self.dtype) for path, name in self.values.items() if name in made]
        body = helper.make_graph(
            nodes, graph.name, inputs, outputs, doc_string=one_line(graph.title), value_info=between
        )
        opsets = [helper.make_opsetid("", self.opset)]
        model = helper.make_model(
            body,
            opset_imports=opsets,
            ir_version=helper.find_min_ir_version_for(opsets),  # the file format that came with the opset
            producer_name="archspec",
            producer_version=__version__,
        )
        if self.functions is not None:
            self.functions.enter(model, self.opset)
        params = {param.name: source(Const(param.value)) for param in graph.params}
        facts = {
            "archspec.spec": graph.source,
            "archspec.params": ", ".join(f"{name}={value}" for name, value in params.items()),
            "archspec.taps": ", ".join(graph.asked),
            FORM: graph.weights_form,
            DTYPE_KEY: next(name for name, kind in TYPES.items() if kind == self.dtype) if self.low else "",
        }
        helper.set_model_props(model, {name: one_line(text) for name, text in facts.items() if text})
        return model

    def _layer(self, path: str) -> list[NodeProto]:
        node = self.graph.nodes[path]
        if node.op.name == "input":
            return []
        weights = self.graph.parameters_of(node)
        results = [self.values[name] for name in node.values]
        layer = Fragment(
            node.op,
            self.graph.input_types(node),
            [self.values[source] for source in node.inputs],
            [self.statistics.get(name, name) for name in weights],  # a layer that is used again goes on from its own
            path=path,
            results=results,
            dtype=self.dtype,
            opset=self.opset,
            float32=self.float32,
            larger=None if self.larger is None else self.larger.input_types(self.larger.nodes[path]),
            training=self.training,
        )
        nodes = layer.finished(ROWS[node.op.name](layer))
        if layer.before_casts is not None:
            self.float32_weights |= {*weights}
            if self.functions is None:  # a function's tensors are its own
                self.float32 |= dict(zip(results, layer.before_casts, strict=True))
        if layer.outputs:
            kept = [name for name, weight in weights.items() if not weight.trainable]
            self.statistics |= dict(zip(kept, layer.outputs, strict=True))
        return nodes

    def _body(self, body: Body, def_use: DefUse) -> Iterator[NodeProto]:
        """The nodes of a part of the network, blocks as calls of functions."""
        assert self.functions is not None
        for item in body.items:
            match item:
                case Layer():
                    yield from self._layer(item.path)
                case Scope(kind="block"):
                    wires = def_use.scopes[item.path]
                    inside = list(self._body(item.body, def_use))
                    operands = [self.values[path] for path in wires.operands]
                    results = [self.values[path] for path in wires.results]
                    yield from self.functions.call(item, inside, operands, results)
                case Scope(body=inner) | Choice(body=inner):
                    yield from self._body(inner, def_use)
                case Loop():
                    for scope in item.iterations:
                        yield from self._body(Body((scope,), ()), def_use)

    def _values_within(self) -> Mapping[str, str]:
        """The names of tensors by path; those of inputs and outputs as they are within a model of fewer bits."""
        values = {**self.names.values}
        if self.low:
            for path in (*self.graph.inputs, *self.graph.outputs.values()):
                if not self.graph.types[path].is_ids:
                    values[path] = f"{self.names.values[path]}/cast"
        return values

    def _cast_ends(self) -> list[NodeProto]:
        """What casts inputs to fewer bits, and, at the end, outputs from them."""
        found = []
        for path, name in self.names.values.items():
            if (within := self.values[path]) != name and path in self.graph.inputs:
                self.float32[within] = name
                found.append(helper.make_node("Cast", [name], [within], f"/{within}", to=self.dtype))
        return found

    def _between_casts(self, nodes: Sequence[NodeProto], before: Sequence[NodeProto]) -> list[NodeProto]:
        """The nodes between casts of inputs and of outputs, without casts whose results nobody takes."""
        after = []
        for path, name in self.names.values.items():
            if (within := self.values[path]) != name and path not in self.graph.inputs:
                wide, place = self.float32.get(within), f"/{name}/cast"
                if wide is not None:
                    after.append(helper.make_node("Identity", [wide], [name], place))
                else:
                    after.append(helper.make_node("Cast", [within], [name], place, to=TensorProto.FLOAT))
        found = [*before, *nodes, *after]
        taken = {name for node in found for name in node.input} | {*self.names.outputs}
        return [node for node in found if node.op_type != "Cast" or not taken.isdisjoint(node.output)]

    def _kind(self, weight: str) -> int:
        """The element type of a weight."""
        return TensorProto.FLOAT if weight in self.float32_weights else self.dtype

    def _tensor(self, name: str, shape: Sequence[int | str | None], kind: int) -> ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, shape)

    def _value(self, path: str, name: str, kind: int) -> ValueInfoProto:
        """A tensor with its shape: the batch is open, and the spatial axes where the network allows it."""
        shape = self.graph.types[path].sizes
        sizes: list[int | str | None] = [*shape]
        if self.larger is not None:
            other = self.larger.types[path].sizes
            sizes = [size if size == more else None for size, more in zip(shape, other, strict=True)]
            type = self.graph.types[path]
            if path in self.graph.inputs and type.is_spatial:
                prefix = f"{path}." if len(self.graph.inputs) > 1 else ""
                sizes[1:] = [f"{prefix}{name}" for name in type.place_names]
        return self._tensor(name, ["batch", *sizes], TensorProto.INT64 if self.graph.types[path].is_ids else kind)


def twice(graph: LayerGraph) -> LayerGraph | None:
    """The network for inputs of twice the size; None where it does not allow that, or has none with spatial axes."""
    if not graph.spatial_sizes:
        return None
    try:
        return doubled(graph)
    except SpecError:
        return None
