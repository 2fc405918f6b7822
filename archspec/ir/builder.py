"""Building graphs: lowering, importers, tests and users make them by this.

builder = GraphBuilder("small")
x = builder.input(image(3, 32, 32))
x = builder.layer(Conv(16, (3, 3)), x, name="conv1")
with builder.block("unit", "first", x, depth=16) as body:
    [y] = body.inputs
    body.give(builder.layer(Relu(), builder.layer(Conv(16, (1, 1)), y)))
graph = builder.finish(output=body.result)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final, Literal, Self

from archspec.errors import InternalError, Span
from archspec.expr import Const, Expr, Value
from archspec.ir.assembly import Assembly, Place
from archspec.ir.dead_code import eliminate_dead_code
from archspec.ir.def_use import Node
from archspec.ir.graph import BlockInfo, LayerGraph
from archspec.ir.op import Op, ShapeError
from archspec.ir.open_scopes import OpenChoice, OpenLoop, OpenScope, Tensor, bring, enter, leave
from archspec.ir.ops.base import GraphInput
from archspec.ir.scope import Binding, Layer, Loop, Operand, Result, Scope
from archspec.ir.tensor_type import TensorType
from archspec.ir.verify import is_name, verify
from archspec.reserved_names import NOT_LAYERS, in_sequence, is_item_name, not_a_layer

_NAMES: Final = "letters, digits and underscores, beginning with a letter, and no keyword of Python"


@dataclass(slots=True, eq=False)
class OpenBody:
    """What a `with` of the builder opens: items made inside of it stand in this scope."""

    scope: OpenScope
    inputs: tuple[Tensor, ...]
    """The tensors that enter, as the scope knows them."""
    results: tuple[Tensor, ...] = ()
    """What it gives, as the scope around it knows it; known after the `with`."""
    given: tuple[Tensor, ...] = ()

    def give(self, *tensors: Tensor) -> None:
        """Say what the scope gives: what its last layer does unless this is called."""
        self.given = tensors

    @property
    def result(self) -> Tensor:
        """Its first result.

        Raises:
            ValueError: the `with` has not ended.
        """
        if not self.results:
            raise ValueError(f"{self.scope.path} gives nothing before its `with` has ended")
        return self.results[0]


@dataclass(slots=True, eq=False)
class LoopBody:
    """Iterations in a chain: the first tensor goes through all of them in turn."""

    builder: GraphBuilder
    loop: OpenLoop
    result: Tensor
    """What the last iteration gives, or what arrives where there is none yet."""

    @contextmanager
    def block(self, block: str, /, **params: Value | Binding) -> Iterator[OpenBody]:
        """The next iteration: an instance of a block."""
        with self._iteration("block", block, params) as body:
            yield body

    @contextmanager
    def sequence(self) -> Iterator[OpenBody]:
        """The next iteration: a named sequence of items."""
        with self._iteration("sequence", None, {}) as body:
            yield body

    @contextmanager
    def _iteration(
        self, kind: Literal["block", "sequence"], block: str | None, params: Mapping[str, Value | Binding]
    ) -> Iterator[OpenBody]:
        builder, loop = self.builder, self.loop
        name = str(len(loop.iterations))
        scope = enter(loop, len(loop.iterations), name, f"{loop.path}.{name}", self.result)
        body = OpenBody(scope, (replace(self.result, scope=scope, ref=Operand(0)),))
        with builder.inside(body, kind, block, params):
            yield body
        if len(body.results) > 1:
            raise ValueError(f"{scope.path} gives {len(body.results)} tensors; what goes through a loop is one")
        self.result = Tensor(loop.parent, Result(loop.location), body.result.path, body.result.type)
        body.results = (self.result,)


@dataclass(slots=True, eq=False)
class GraphBuilder(Assembly):
    """A graph that grows.

    A layer, a block's instance, a sequence or a loop goes into the scope that is open: the network, or that of the
    `with` around it. Tensors of scopes around it may be used in it; those of scopes that are closed by what they give.
    All instances of a block have their items in one order, by which they are known to be the same.
    """

    _open: list[OpenScope] = field(default_factory=list[OpenScope])

    def __post_init__(self) -> None:
        Assembly.__post_init__(self)
        self._open = [self.root]

    def input(self, type: TensorType, name: str = "input", *, span: Span | None = None) -> Tensor:
        """An input of the network.

        Raises:
            ValueError: there is one of this name.
        """
        if name in self.nodes:
            raise ValueError(f"two tensors are called {name}")
        if not is_name(name):
            raise ValueError(f"{name!r} is no name for an input: {_NAMES}")
        return self.add_input(Node(name, GraphInput(), (), (type,), {}, span))

    def layer(
        self,
        op: Op,
        *inputs: Tensor,
        name: str = "",
        exprs: Mapping[str, Expr] | None = None,
        shared: Mapping[str, str] | None = None,
        span: Span | None = None,
    ) -> Tensor:
        """A layer in the scope that is open; what it gives, of several results the first. See `layer_results`.

        Args:
            op: with its attributes.
            inputs: in the op's order.
            name: of the layer; its op's, with a number from the second on, unless given.
            exprs: what attributes are computed from, in the params of the block around.
            shared: the parameters that it has in common with other layers, as `{"weight": "first.weight"}`.
            span: where it is written.

        Raises:
            ShapeError: the op does not take these tensors; the message begins with the layer's path.
            ValueError: another layer has its name.
        """
        return self.layer_results(op, *inputs, name=name, exprs=exprs, shared=shared, span=span)[0]

    def layer_results(
        self,
        op: Op,
        *inputs: Tensor,
        name: str = "",
        exprs: Mapping[str, Expr] | None = None,
        shared: Mapping[str, str] | None = None,
        span: Span | None = None,
    ) -> tuple[Tensor, ...]:
        """A layer with all that it gives; arguments and errors are those of `layer`."""
        scope = self._open[-1]
        named, (name, path) = bool(name), self._named(name, op.name)
        known = tuple(self._brought(tensor, scope) for tensor in inputs)
        unknown = sorted({*shared.values()} - self._parameters()) if shared else []
        if unknown:
            raise ValueError(f"{path} cannot share {unknown[0]}: no layer so far has it")
        arriving = [tensor.type for tensor in known]
        count = len(known)
        try:
            if count < op.least_inputs or (op.most_inputs is not None and count > op.most_inputs):
                raise ShapeError(f"takes {op.least_inputs} inputs, not {count}")
            op = op.fitted(arriving)
            types = op.output_types(arriving)
            op = op.resolved(arriving)
        except ShapeError as error:
            raise ShapeError(f"{path} {error}", error.code, error.help) from None
        self._take(name)
        refs = tuple(tensor.ref for tensor in known)
        layer = Layer(len(scope.items), name, named, path, refs, op, types, exprs or {}, span, shared or {})
        return self.add_layer(scope, layer, known)

    def reuse(self, item: str, *inputs: Tensor, name: str = "") -> tuple[Tensor, ...]:
        """What a layer, a block's instance, a sequence or a loop gives for other tensors, with the same parameters.

        Args:
            item: the name of an item of the scope that is open.
            inputs: those of a layer or a block, in order. A sequence or a loop may be given the first one alone: what
                else it takes stays the same.
            name: of what is computed here; the item's with a number unless given.

        Raises:
            ShapeError: it does not take these tensors, or its weights do not fit; the message begins with a path.
            ValueError: there is no such item here, or it takes another number of tensors.
        """
        scope = self._open[-1]
        named = {known.name: known for known in scope.items if not isinstance(known, OpenChoice)}
        found = named.get(item)
        if isinstance(found, Scope | Loop):  # it is a copy itself
            found = named[found.shares.removeprefix(f"{scope.path}.")]
        if found is None or isinstance(found, Scope | Loop):
            raise ValueError(f"{scope.path or 'the network'} has no item called {item!r}")
        given = inputs
        if len(inputs) == 1 and not isinstance(found, Layer):
            given = (*inputs, *found.others)
        if len(given) != len(found.operands):
            raise ValueError(f"{item} takes {len(found.operands)} tensors, not {len(given)}")
        name, path = self._named(name, item)
        taken = tuple(self._brought(tensor, scope) for tensor in given)
        made = self.add_again(scope, found, Place(len(scope.items), name, True, path), taken)
        self._take(name)
        return made

    @contextmanager
    def sequence(self, name: str, x: Tensor) -> Iterator[OpenBody]:
        """A named sequence of items, as `nn.Sequential` is one."""
        with self._scope("sequence", None, name, (x,), {}) as body:
            yield body

    @contextmanager
    def block(self, block: str, name: str, /, *inputs: Tensor, **params: Value | Binding) -> Iterator[OpenBody]:
        """An instance of a block: generated source has one class or function for all instances of one.

        Args:
            block: what it is an instance of.
            name: its own; the block's, with a number from the second on, if empty.
            inputs: the tensor that arrives, and those that the block takes beside it.
            params: of the block, in this instance; with a `Binding` in place of a value, what it is computed from.
        """
        with self._scope("block", block, name, inputs, params) as body:
            yield body

    @contextmanager
    def loop(self, name: str, x: Tensor, *, times: Expr | None = None) -> Iterator[LoopBody]:
        """Iterations that are named 0, 1 ...: units of a stage or, where `times` says how many, what is repeated."""
        scope = self._open[-1]
        name, path = self._named(name, "loop")
        x = self._brought(x, scope)
        self._take(name)
        loop = OpenLoop(scope, len(scope.items), name, path, times, "{i}", [x.ref], None)
        scope.items.append(loop)
        yield LoopBody(self, loop, x)
        if isinstance(times, Const) and times.value != len(loop.iterations):
            raise ValueError(f"{path} has {len(loop.iterations)} iterations, where {times.value} are said")

    def finish(self, output: Tensor | None = None, /, **outputs: Tensor) -> LayerGraph:
        """The graph, without the layers that no output needs.

        Raises:
            ValueError: no output is given, or a name is none.
            InternalError: a block's instances, or something else, do not fit together.
        """
        named = outputs if output is None else {"output": output, **outputs}
        if not named:
            raise ValueError("a network has one output at least")
        for name in (self.name, *named, *self.blocks):
            if not is_name(name):
                raise ValueError(f"{name!r} is no name: {_NAMES}")
        for tensor in named.values():
            self._brought(tensor, self.root)
        graph = eliminate_dead_code(self.graph(named))
        verify(graph)
        return graph

    # -- scopes -----------------------------------------------------------------------------------

    @contextmanager
    def _scope(
        self,
        kind: Literal["block", "sequence"],
        block: str | None,
        name: str,
        inputs: Sequence[Tensor],
        params: Mapping[str, Value | Binding],
    ) -> Iterator[OpenBody]:
        around = self._open[-1]
        name, path = self._named(name, block or kind)
        x, *others = (self._brought(tensor, around) for tensor in inputs)
        self._take(name)
        scope = enter(around, len(around.items), name, path, x)
        entered = (replace(x, scope=scope, ref=Operand(0)), *map(scope.feed, others))
        body = OpenBody(scope, entered)
        with self.inside(body, kind, block, params):
            yield body

    @contextmanager
    def inside(
        self,
        body: OpenBody,
        kind: Literal["block", "sequence"],
        block: str | None,
        params: Mapping[str, Value | Binding],
    ) -> Iterator[Self]:
        """What is made in this `with` stands in the body's scope."""
        scope = body.scope
        scope.kind, scope.block = kind, block
        scope.bindings = {
            key: value if isinstance(value, Binding) else Binding(value, Const(value)) for key, value in params.items()
        }
        if block is not None:
            self.blocks.setdefault(
                block, BlockInfo(block, "", tuple(params), {}, tuple(f"x{k}" for k in range(1, len(body.inputs))))
            )
        self._open.append(scope)
        try:
            yield self
        finally:
            self._open.pop()
        last = body.given or (_last(scope, body.inputs[0]),)
        for tensor in last[1:]:
            scope.give(bring(tensor, scope).ref)
        first = leave(scope, last[0])
        parent, refs = first.scope, list(scope.results)
        body.results = (
            first,
            *(
                Tensor(parent, Result(scope.location, refs.index(bring(tensor, scope).ref)), tensor.path, tensor.type)
                for tensor in last[1:]
            ),
        )

    def _named(self, name: str, base: str) -> tuple[str, str]:
        """A new item's name and path."""
        scope, number = self._open[-1], 1
        given = name
        while not given and (not name or name in scope.names):
            name, number = (base if number == 1 else f"{base}_{number}"), number + 1
        path = f"{scope.path}.{name}" if scope.path else name
        if name in scope.names or path in self.nodes:
            raise ValueError(f"two items are called {path}")
        if name in scope.sequences or in_sequence(name)[0] in scope.names:
            raise ValueError(f"{path} is both an item and a sequence of items, or stands in what is an item")
        if not is_item_name(name):
            reason = not_a_layer(name) if name in NOT_LAYERS else "it has letters, digits, `_` and `-`"
            raise ValueError(f"{name!r} is no name for a layer: {reason}")
        return name, path

    def _take(self, name: str) -> None:
        self._open[-1].claim(name, None)

    def _brought(self, tensor: Tensor, scope: OpenScope) -> Tensor:
        """A tensor as a scope knows it.

        Raises:
            ValueError: it is of another builder, or of a scope that it cannot be carried out of, or a block would
                take it from around itself.
        """
        at = scope
        while at is not tensor.scope and (parent := at.parent) is not None:
            if at.kind == "block" and not _is_within(tensor.scope, at):
                raise ValueError(f"{scope.path} is in a block, which takes {tensor.path} only as one of its inputs")
            at = parent.parent if isinstance(parent, OpenLoop) else parent
        try:
            return bring(tensor, scope)
        except InternalError:
            raise ValueError(f"{tensor.path} is a tensor that {scope.path or 'the network'} cannot take") from None

    def _parameters(self) -> set[str]:
        """The canonical names of all parameters so far; worked out only where one is shared."""
        return {
            weight.at(node.path)
            for node in self.nodes.values()
            for weight in node.op.weights([self.type_of(source) for source in node.inputs])
        }


def _is_within(scope: OpenScope, around: OpenScope) -> bool:
    """Whether a scope is another one, or stands in it."""
    at: OpenScope | OpenLoop | None = scope
    while at is not None and at is not around:
        at = at.parent
    return at is around


def _last(scope: OpenScope, arriving: Tensor) -> Tensor:
    """What the last item of a scope gives, or what arrives where it is empty."""
    if not scope.items:
        return arriving
    last = scope.items[-1]
    if not isinstance(last, Layer):
        raise ValueError(f"{scope.path} ends with a scope: say what it gives with `give`")
    return Tensor(scope, Result(last.location), last.path, last.types[0])
