"""The layer graph: a tree of scopes, and its nodes in order of computation and a networkx view, made from the tree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from archspec.display import display
from archspec.errors import Diagnostic, InternalError, Source, Span
from archspec.expr import Expr, Value
from archspec.ir.def_use import DefUse, Node, producer, result_index, trace_references, value_name
from archspec.ir.op import Derived, Weight
from archspec.ir.scope import Choice, Item, Layer, Loop, Scope
from archspec.ir.tensor_type import Shape, TensorType
from archspec.limits import DEFAULT, Limits
from archspec.records import record

if TYPE_CHECKING:
    import networkx
    from rich.console import RenderableType


class NetworkParam(NamedTuple):
    """A network's param: the value it was compiled with, and its documentation."""

    name: str
    value: Value
    doc: str = ""
    fixed: str = ""
    """What of the network's structure it decides, so that generated code cannot offer it as an argument."""
    expr: Expr | None = None
    """What it is computed from, where the spec computes it from other params and nobody gave a value."""
    choices: tuple[Value, ...] = ()
    """The values that it may have, where the spec lists them."""


@record
class BlockInfo:
    """What generated code needs to know of a block's definition."""

    name: str
    doc: str
    params: tuple[str, ...]
    defaults: Mapping[str, Expr]
    inputs: tuple[str, ...] = ()
    """The tensors that it takes besides the one that arrives."""
    span: Span | None = None
    """Where it is defined."""
    docs: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the spec says of params."""
    outputs: tuple[str, ...] = ()
    """The taps that it gives, in the order in which they are declared."""


class DeclaredDepth(NamedTuple):
    """The declared number of weighted layers, with its place."""

    value: int
    span: Span | None


class WeightStep(Protocol):
    """A step that makes weights fit another form of their network."""

    def apply(self, weights: dict[str, Any]) -> None:
        """Change arrays by canonical name in place: give them other names or numbers, add some, take some out."""
        ...


@dataclass(frozen=True)
class LayerGraph:
    """A network as a directed acyclic graph of layers.

    `root` is the tree of scopes that holds all layers (see `archspec.ir.scope`); its operands are the inputs, and its
    results the outputs, each in their order.
    """

    name: str
    title: str
    class_name: str
    source: str
    params: tuple[NetworkParam, ...]
    blocks: Mapping[str, BlockInfo]
    input_nodes: tuple[Node, ...]
    output_names: tuple[str, ...]
    """Those of training alone come last."""
    root: Scope
    reference: tuple[str, ...] = ()
    """Where the network was published: papers, libraries."""
    depth: DeclaredDepth | None = None
    sizes_decide: bool = False
    """Whether layers are worked out from the sizes of its inputs in space: then they are those of these sizes alone."""
    training_outputs: tuple[str, ...] = ()
    """The outputs that it gives in training alone; see `archspec.ir.evaluation`."""
    limits: Limits = DEFAULT
    """Those that it was compiled with; they hold for its source, too."""
    taps: Mapping[str, str] = field(default_factory=dict[str, str])
    """The nodes that the network's own taps mark, by the taps' names; a block's `outputs` as `call.name`."""
    asked: tuple[str, ...] = ()
    """The tensors that were asked for in place of the spec's outputs; then the rest of the network is not here."""
    texts: tuple[Source, ...] = ()
    """What it was read from: the spec's own text first, those of its parents and libraries after it."""
    dead_weights: Mapping[str, Weight] = field(default_factory=dict[str, Weight])
    """The weights of the layers that are not here, since no output needs them: a file of the whole network has them."""
    whole: LayerGraph | None = None
    """The network with the layers that none of the spec's outputs needs, where there are any."""
    training_form: LayerGraph | None = None
    """The network as it is trained, where this is its form for inference (see `archspec.passes.inference`)."""
    weight_steps: tuple[WeightStep, ...] = ()
    """What makes this form's weights of those of the training form, in order."""

    @cached_property
    def def_use(self) -> DefUse:
        """The nodes, and the nodes that each scope takes and gives.

        Raises:
            InternalError: a reference of the tree stands for nothing.
        """
        return trace_references(self.root, self.input_nodes)

    @property
    def nodes(self) -> Mapping[str, Node]:
        """Inputs and layers by path, in an order of computation: every node stands after its inputs."""
        return self.def_use.nodes

    def scope_around(self, path: str) -> str:
        """The path of the scope or loop that an item stands in; what is called `convs.0` in that which has `convs`."""
        return self._around.get(path, path.rpartition(".")[0])

    @cached_property
    def _around(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        stack: list[tuple[str, Item]] = [(self.root.path, item) for item in self.root.body.items]
        while stack:
            path, item = stack.pop()
            if not isinstance(item, Choice):
                found[item.path] = path
                path = item.path
            if isinstance(item, Loop):
                stack += [(path, scope) for scope in item.iterations]
            elif not isinstance(item, Layer):
                stack += [(path, inner) for inner in item.body.items]
        return found

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The paths of the inputs."""
        return tuple(node.path for node in self.input_nodes)

    @cached_property
    def outputs(self) -> Mapping[str, str]:
        """The paths of the nodes that the outputs are, by the outputs' names."""
        return dict(zip(self.output_names, self.def_use.scopes[self.root.path].results, strict=True))

    def __getstate__(self) -> dict[str, Any]:
        """What a pickle holds: the fields, and nothing that is made from them."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def gives_names(self) -> bool:
        """Its model gives its outputs by name, not one tensor; in training, where that makes a difference."""
        return len(self.output_names) > 1 or bool(self.asked)

    @cached_property
    def nx(self) -> networkx.DiGraph[str]:
        """The graph for networkx: nodes by path with `op`, `shape` and `node`, edges with the operand's `index`.

        An edge that carries several operands (`x + x`) has the first one's index; `Node.inputs` has them all. Where a
        node has several results, `result` is which of them it is.
        """
        import networkx

        graph: Any = networkx.DiGraph(name=self.name)
        for path, node in self.nodes.items():
            graph.add_node(path, op=node.op.name, shape=node.shape, node=node)
            for index, source in enumerate(node.inputs):
                if not graph.has_edge(producer(source), path):
                    which = {"result": result_index(source)} if len(self.nodes[producer(source)].types) > 1 else {}
                    graph.add_edge(producer(source), path, index=index, **which)
        return graph

    @property
    def spatial_sizes(self) -> dict[str, tuple[int, ...]]:
        """The sizes of the inputs along their spatial axes, where they have some, by path: (height, width)."""
        return {node.path: node.type.places for node in self.input_nodes if node.type.is_spatial}

    @property
    def input_text(self) -> str:
        """The shapes of the inputs, as people write them: 3x224x224."""
        return ", ".join(node.type.text for node in self.input_nodes)

    @cached_property
    def takers(self) -> Mapping[str, tuple[str, ...]]:
        """The paths of the nodes that take each tensor, by its name; one that takes it twice stands twice.

        Outputs of the network take nothing: see `outputs`.
        """
        found: dict[str, list[str]] = {name: [] for name in self.types}
        for path, node in self.nodes.items():
            for name in node.inputs:
                found[name].append(path)
        return {name: tuple(paths) for name, paths in found.items()}

    @cached_property
    def types(self) -> Mapping[str, TensorType]:
        """The type of each tensor, by the names that `Node.inputs` has, in order of computation."""
        found: dict[str, TensorType] = {}
        for path, node in self.nodes.items():
            for index, type in enumerate(node.types):
                found[value_name(path, index)] = type
        return found

    def input_types(self, node: Node) -> tuple[TensorType, ...]:
        """The types that arrive at a node, in the op's order."""
        types = self.types
        return tuple([types[name] for name in node.inputs])

    def input_shapes(self, node: Node) -> tuple[Shape, ...]:
        """The sizes that arrive at a node, in the op's order, without the batch."""
        return tuple(self.types[name].sizes for name in node.inputs)

    def caption(self, node: Node) -> str:
        """A node's op in a few words: `conv 3x3, 64, /2`."""
        return node.op.caption(self.input_types(node), node.types)

    def table_text(self, path: str, *, strides: bool, inner: bool = False) -> str:
        """How a table names a layer: `3x3, 64`; see `Op.table_text`."""
        node = self.nodes[path]
        return node.op.table_text(self.input_types(node), strides=strides, inner=inner)

    def weights(self, node: Node) -> tuple[Weight, ...]:
        """The tensors that a node computes with, as its op knows them."""
        return node.op.weights(self.input_types(node))

    def parameters_of(self, node: Node) -> Mapping[str, Weight]:
        """The same by their canonical names: its own are `path.weight`, and it may refer to those of other layers."""
        return {node.shared.get(weight.name, weight.at(node.path)): weight for weight in self.weights(node)}

    @cached_property
    def all_weights(self) -> Mapping[str, Weight]:
        """Every weight of the network by its canonical name, `path.weight`, in order of computation.

        One that several layers refer to stands once, as the first of them has it.
        """
        found: dict[str, Weight] = {}
        for node in self.nodes.values():
            for name, weight in self.parameters_of(node).items():
                found.setdefault(name, weight)
        return found

    @cached_property
    def derived(self) -> Mapping[str, Derived]:
        """What PyTorch's source keeps beside the weights, by the names in its state dict; see `Op.derived`."""
        return {
            f"{node.owner}.{name}": derived
            for node in self.nodes.values()
            for name, derived in node.op.derived(self.input_types(node)).items()
        }

    @cached_property
    def saved_derived(self) -> Mapping[str, Shape]:
        """The shapes of what of it is in the state dict."""
        return {name: derived.shape for name, derived in self.derived.items() if derived.saved}

    @property
    def layer_count(self) -> int:
        """How many layers there are; inputs are none."""
        return len(self.nodes) - len(self.inputs)

    @cached_property
    def parameters(self) -> int:
        """Trainable parameters."""
        return sum(weight.size for weight in self.all_weights.values() if weight.trainable)

    @cached_property
    def buffers(self) -> int:
        """Numbers that are kept but not trained: running statistics."""
        return sum(weight.size for weight in self.all_weights.values() if not weight.trainable)

    @cached_property
    def evaluated_nodes(self) -> Mapping[str, Node]:
        """The nodes by path, without those that are there for outputs of training alone."""
        if not self.training_outputs:
            return self.nodes
        paths = [producer(name) for name in self.outputs.values()]
        first = len(paths) - len(self.training_outputs)
        more = self._needed(paths[first:]) - self._needed(paths[:first])
        return {path: node for path, node in self.nodes.items() if path not in more}

    def _needed(self, paths: Iterable[str]) -> set[str]:
        """The nodes from which a way leads to one of these."""
        needed = set(paths)
        for path, node in reversed([*self.nodes.items()]):
            if path in needed:
                needed.update(map(producer, node.inputs))
        return needed

    @cached_property
    def macs(self) -> int:
        """Multiply-adds of convolutions, dense layers and attention for one example, as it is evaluated."""
        return sum(node.op.macs(self.input_types(node), node.types) for node in self.evaluated_nodes.values())

    @cached_property
    def activations(self) -> int:
        """Numbers that all layers compute for one example, as it is evaluated; see `Op.activations`."""
        return sum(node.op.activations(self.input_types(node), node.types) for node in self.evaluated_nodes.values())

    def weights_of_form(self, weights: Mapping[str, Any]) -> dict[str, Any]:
        """The weights of this form of the network, of those of the form that is trained; those given if it is that.

        Args:
            weights: arrays by canonical name, all that the training form has. What is worked out is float64.
        """
        found = dict(weights)
        for step in self.weight_steps:
            step.apply(found)
        return {name: found[name] for name in self.all_weights} if self.training_form else found

    @property
    def weights_form(self) -> str:
        """`inference` where this form's weights differ from those that are trained: a file of them says so."""
        return "inference" if self.weight_steps else ""

    @cached_property
    def weighted_path(self) -> tuple[str, ...]:
        """The paths of the weighted layers on the longest way through the network: what its depth counts.

        Those of training alone are not counted.
        """
        length: dict[str, int] = {}
        before: dict[str, str | None] = {}
        for path, node in self.evaluated_nodes.items():
            sources = [producer(name) for name in node.inputs]
            best = max(sources, key=length.__getitem__) if len(sources) > 1 else sources[0] if sources else None
            before[path] = best
            length[path] = (length[best] if best else 0) + node.op.weighted
        if not length:
            raise InternalError(f"the graph of {self.name} is empty")
        at: str | None = max(length, key=length.__getitem__)
        found: list[str] = []
        while at is not None:
            if self.nodes[at].op.weighted:
                found.append(at)
            at = before[at]
        return tuple(reversed(found))

    @cached_property
    def dead_layers(self) -> tuple[Node, ...]:
        """The nodes from which no way leads to an output."""
        needed = self._needed(map(producer, self.outputs.values()))
        return tuple(node for path, node in self.nodes.items() if path not in needed)

    @cached_property
    def dead(self) -> tuple[Node, ...]:
        """The nodes with weights that no output needs, neither here nor where they are used again."""
        dead_layers = self.dead_layers
        if not dead_layers:
            return ()
        paths = {node.path for node in dead_layers}
        alive = {name for node in self.nodes.values() if node.path not in paths for name in self.parameters_of(node)}
        return tuple(node for node in dead_layers if not alive.issuperset(self.parameters_of(node)))

    def __repr__(self) -> str:
        return f"<LayerGraph {self.name}: {self.layer_count:,} layers, {self.parameters:,} parameters>"

    def __rich__(self) -> RenderableType:
        """What `rich.print` shows: the table of `archspec.summary`."""
        table: RenderableType = display(self, "rich")
        return table

    def dump(self) -> str:
        """The graph as stable text; see `archspec.ir.dump`."""
        text: str = display(self, "text")
        return text

    def _repr_svg_(self) -> str:
        """Its picture, in a notebook."""
        picture: str = display(self, "svg")
        return picture


def ids_as_output(name: str, place: Span | None = None) -> Diagnostic:
    """What a network would give are ids that come in: no layer computes them, and no loss can be taken of them."""
    help = "name a tensor that is computed, such as what `embedding` gives"
    return Diagnostic("E0406", f"`{name}` is ids, which a network takes and does not give", place, help=help)
