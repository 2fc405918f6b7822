"""Lowering: a checked spec becomes a layer graph, item by item, with shapes worked out on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

from archspec.errors import Diagnostic, Note, SpecError
from archspec.expr import Expr, ExprError, Name, Value, name_by, names
from archspec.expr.evaluate import truth
from archspec.ir.graph import Depth, LayerGraph, Node, Param
from archspec.ir.op import ShapeError
from archspec.ir.ops import OPS, Input
from archspec.ir.scope import Binding, Layer, Operand, Result
from archspec.lowering.bind import bind, block_info, class_name, param_value
from archspec.lowering.check import check
from archspec.lowering.findings import shape_error, unmarked_tap
from archspec.lowering.names import Plan, make_plan
from archspec.lowering.scopes import OpenChoice, OpenLoop, OpenScope, Tensor, bring
from archspec.lowering.units import unit_calls
from archspec.lowering.values import evaluated, read_attribute, read_op
from archspec.spec import Attribute, Call, Item, Repeat, Spec, Stage, Tap
from archspec.spec import Sequence as Seq

MOST_LAYERS: Final = 1_000_000
DEFAULT_PATTERN: Final = "{i}"


def lower(spec: Spec) -> LayerGraph:
    """The layer graph of a spec.

    Raises:
        SpecError: the spec is wrong; every finding of the static checks, or the first of the computation's.
    """
    check(spec)
    return _Lowering(spec).run()


@dataclass(slots=True)
class _Frame:
    """The variables of the network or of one block's instance."""

    env: dict[str, Value]
    root: bool


@dataclass(slots=True)
class _Context:
    """Where items are put, what their names are, and which variables and taps they see."""

    scope: OpenScope
    plan: Plan
    frame: _Frame
    taps: dict[str, Tensor]
    loop: Mapping[str, Value]
    """`i`, inside a repeat."""

    def env(self, tensor: Tensor) -> dict[str, Value]:
        return {**self.frame.env, **self.loop, "channels": tensor.shape[0]}


@dataclass(slots=True)
class _Lowering:
    spec: Spec
    nodes: dict[str, Node] = field(default_factory=dict[str, Node])
    fixed: set[str] = field(default_factory=set[str])
    """Params of the network that decide its structure, or that no generated code could take as arguments."""
    defaults: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    plans: dict[int, Plan] = field(default_factory=dict[int, Plan])
    trail: list[Note] = field(default_factory=list[Note])
    """The calls that led to where we are, outermost first."""

    def run(self) -> LayerGraph:
        env = self._params()
        depth = self._depth(env)
        self._defaults(env)
        frame = _Frame(env, root=True)
        scope = OpenScope(None, 0, "", "", "network", bindings={}, span=self.spec.span)
        taps: dict[str, Tensor] = {}
        tensors = self._inputs(scope, frame)
        for tensor in tensors:
            taps[tensor.path] = tensor
        taps.setdefault("input", tensors[0])
        context = _Context(scope, self._plan(self.spec.items, numbered=False), frame, taps, {})
        last = self._items(self.spec.items, tensors[0], context)
        outputs = {"output": last}
        if self.spec.outputs:
            for index, name in enumerate(self.spec.outputs):
                if name not in taps:
                    raise SpecError(unmarked_tap(name, self.spec.item_place("outputs", index)))
            outputs = {name: taps[name] for name in self.spec.outputs}
        scope.results = [bring(tensor, scope).ref for tensor in outputs.values()]
        root = scope.freeze()
        return LayerGraph(
            name=self.spec.name,
            title=self.spec.title,
            class_name=self.spec.class_name or class_name(self.spec.name),
            source=self.spec.path.name if self.spec.path else self.spec.name,
            params=tuple(
                Param(name, env[name], param.doc, name in self.fixed) for name, param in self.spec.params.items()
            ),
            blocks={name: block_info(block) for name, block in self.spec.blocks.items()},
            nodes=self.nodes,
            inputs=tuple(tensor.path for tensor in tensors),
            outputs={name: tensor.path for name, tensor in outputs.items()},
            root=root,
            depth=depth,
        )

    # -- what stands at the top of a spec ---------------------------------------------------------

    def _params(self) -> dict[str, Value]:
        env: dict[str, Value] = {}
        for name, param in self.spec.params.items():
            given = self.spec.overrides.get(name)
            attribute = given or param.default
            if attribute is None:
                help = f"give it with --set {name}=VALUE, or give it a default"
                raise SpecError(Diagnostic("E0402", f"param `{name}` has no value", param.span, help=help))
            env[name] = param_value(name, param.choices, attribute, {} if given else env)
        return env

    def _depth(self, env: dict[str, Value]) -> Depth | None:
        depth = self.spec.depth
        if depth is None:
            return None
        value, expr = evaluated(depth.value, env)
        self.fixed |= names(expr)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise SpecError(Diagnostic("E0202", f"depth is `{value!r}`; a whole number is expected", depth.value.span))
        if depth.rule is not None:
            n = depth.n(value)
            if n is None:
                near = " and ".join(f"{fit} (n={fit_n})" for fit, fit_n in depth.nearest(value))
                place = depth.value.span
                given = self.spec.overrides.get(next(iter(names(expr)), ""))
                raise SpecError(
                    Diagnostic(
                        "E0203",
                        f"depth {value} does not fit the rule {depth.rule}",
                        given.span if given else place,
                        label=f"the nearest depths that fit are {near}",
                    )
                )
            env["n"] = n
        return Depth(value, depth.value.span)

    def _defaults(self, env: dict[str, Value]) -> None:
        for op_name, attributes in self.spec.defaults.items():
            op, values = OPS[op_name], cast("dict[str, Any]", {})
            for name, attribute in attributes.items():
                values[name], expr = read_attribute(op, op.attributes()[name], attribute, env)
                self.fixed |= names(expr) if expr else set[str]()
            self.defaults[op_name] = values

    def _inputs(self, scope: OpenScope, frame: _Frame) -> list[Tensor]:
        found: list[Tensor] = []
        declared = {"input": self.spec.input} if self.spec.input else self.spec.inputs
        for index, (path, input) in enumerate(declared.items()):
            assert input is not None
            exprs: dict[str, Expr] = {}
            if input.shape is not None:
                value, expr = evaluated(input.shape, frame.env)
                shape = value if isinstance(value, tuple) else (value,)
                self.fixed |= names(expr)
                place = input.shape.span
            else:
                shape, place = (), input.span
                for part, name in ((input.channels, "channels"), (input.height, "height"), (input.width, "width")):
                    assert part is not None
                    size, expr = evaluated(part, frame.env)
                    shape += (size,)
                    if name == "channels" and isinstance(expr, Name):
                        exprs[name] = expr
                    else:
                        self.fixed |= names(expr)
            if not all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in shape):
                raise SpecError(Diagnostic("E0202", f"an input's sizes are whole numbers, this is {shape}", place))
            sizes = cast("tuple[int, ...]", shape)
            self.nodes[path] = Node(path, Input(), (), sizes, exprs, input.span)
            found.append(Tensor(scope, Operand(index), path, sizes))
        return found

    # -- items ------------------------------------------------------------------------------------

    def _items(self, items: Sequence[Item], x: Tensor, context: _Context) -> Tensor:
        for item in items:
            x = self._guarded(item, x, context)
        return x

    def _guarded(self, item: Item, x: Tensor, context: _Context) -> Tensor:
        """An item with its condition, where it has one."""
        when: Attribute | None = getattr(item, "when", None)
        if when is None:
            return self._item(item, x, context)
        slot = context.plan[item]
        assert slot.choice is not None
        value, condition = evaluated(when, context.env(x))
        try:
            taken = truth(value)
        except ExprError as error:
            raise SpecError(Diagnostic("E0303", str(error), when.span)) from None
        if context.frame.root:
            self.fixed |= names(condition)
        scope = context.scope
        outer, scope.items = scope.items, []
        inner = replace(context, taps=dict(context.taps))  # a tap under a condition is not seen outside it
        otherwise: Sequence[Item] = getattr(item, "otherwise", None) or ()
        y = self._item(item, x, inner) if taken else self._items(otherwise, x, inner)
        choice = OpenChoice(slot.choice, condition, taken, x.ref, scope.items, y.ref)
        scope.items = [*outer, choice]
        return Tensor(scope, Result(slot.choice), y.path, y.shape)

    def _item(self, item: Item, x: Tensor, context: _Context) -> Tensor:
        match item:
            case Call():
                if item.name in OPS:
                    return self._op(item, x, context)
                return self._call(item, x, context)
            case Seq():
                start = x if item.origin is None else bring(self._tap(item, context), context.scope)
                if item.label is None:
                    return self._items(item.layers, start, context)
                return self._sequence(item, item.layers, start, context)
            case Repeat():
                return self._repeat(item, x, context)
            case Stage():
                if item.block is None:
                    return self._sequence(item, item.layers, x, context)
                return self._stage(item, x, context)
            case Tap():
                context.taps[item.name] = x
                return x

    def _tap(self, item: Seq, context: _Context) -> Tensor:
        assert item.origin is not None
        found = context.taps.get(item.origin)
        if found is None:
            raise SpecError(unmarked_tap(item.origin, item.place("from")))
        return found

    def _op(self, call: Call, x: Tensor, context: _Context) -> Tensor:
        inputs: tuple[Tensor, ...] = (x,)
        if call.branches is not None:
            inputs = tuple(self._guarded(branch, x, context) for branch in call.branches)
        op_class = OPS[call.name]
        op, exprs = read_op(op_class, call, self.defaults.get(call.name, {}), context.env(x))
        name, path = self._path(call, context)
        node_inputs = tuple(tensor.path for tensor in inputs)
        try:
            shape = op.infer_shape([tensor.shape for tensor in inputs])
        except ShapeError as error:
            given = [self.nodes[tensor.path] for tensor in inputs]
            raise SpecError(shape_error(error, call, path, given, self.trail)) from None
        if len(self.nodes) >= MOST_LAYERS:
            raise SpecError(Diagnostic("E0304", f"the network has more than {MOST_LAYERS:,} layers", call.span))
        self.nodes[path] = Node(path, op, node_inputs, shape, exprs, call.span)
        if context.frame.root:
            known = op_class.attributes()
            self.fixed |= {word for key, expr in exprs.items() if known[key].spatial for word in names(expr)}
        slot = context.plan[call]
        refs = tuple(tensor.ref for tensor in inputs)
        context.scope.items.append(Layer(slot.site, name, slot.named, path, refs))
        return Tensor(context.scope, Result(slot.site), path, shape)

    def _path(self, item: Item, context: _Context) -> tuple[str, str]:
        """The name and path of a new layer or scope; its number, in a named sequence."""
        slot, scope = context.plan[item], context.scope
        name = slot.name
        if name is None:
            name = str(scope.count)
            scope.count += 1
        path = f"{scope.path}.{name}" if scope.path else name
        if name in scope.names or path in self.nodes:
            raise SpecError(Diagnostic("E0405", f"two layers are called `{path}`", item.span, notes=tuple(self.trail)))
        scope.names.add(name)
        return name, path

    def _call(self, call: Call, x: Tensor, context: _Context) -> Tensor:
        name, path = self._path(call, context)
        bindings = bind(self.spec.blocks[call.name], call.attributes, (), context.env(x), call.span)
        slot = context.plan[call]
        scope = self._enter(context.scope, slot.site, name, path, x)
        scope.kind, scope.block, scope.bindings, scope.span = "block", call.name, bindings, call.span
        return self._block(scope, x, call)

    def _block(self, scope: OpenScope, x: Tensor, item: Item) -> Tensor:
        """Fill the scope of a block's instance; it has been entered and bound."""
        assert scope.block is not None
        block = self.spec.blocks[scope.block]
        self.trail.append(Note(f"{scope.path} is block {scope.block}, called here", item.span))
        frame = _Frame({name: binding.value for name, binding in scope.bindings.items()}, root=False)
        start = Tensor(scope, Operand(0), x.path, x.shape)
        plan = self._plan(block.layers, numbered=False)
        y = self._items(block.layers, start, _Context(scope, plan, frame, {"input": start}, {}))
        self.trail.pop()
        return self._leave(scope, y)

    def _sequence(self, item: Seq | Stage, layers: Sequence[Item], x: Tensor, context: _Context) -> Tensor:
        name, path = self._path(item, context)
        scope = self._enter(context.scope, context.plan[item].site, name, path, x)
        scope.span = item.span
        start = Tensor(scope, Operand(0), x.path, x.shape)
        inner = replace(context, scope=scope, plan=self._plan(layers, numbered=True))
        return self._leave(scope, self._items(layers, start, inner))

    def _enter(self, parent: OpenScope | OpenLoop, site: int, name: str, path: str, x: Tensor) -> OpenScope:
        scope = OpenScope(parent, site, name, path, "sequence")
        if isinstance(parent, OpenScope):
            scope.take(x.ref)
            parent.items.append(scope)
        else:
            parent.iterations.append(scope)
        return scope

    def _leave(self, scope: OpenScope, y: Tensor) -> Tensor:
        """The scope's own result, which stands before those that taps have taken from it."""
        y = bring(y, scope)
        if y.ref in scope.results:
            scope.results.remove(y.ref)  # nothing outside has named it yet: taps are carried out later
        scope.results.insert(0, y.ref)
        assert scope.parent is not None
        parent = scope.parent.parent if isinstance(scope.parent, OpenLoop) else scope.parent
        return Tensor(parent, Result(scope.site, 0), y.path, y.shape)

    def _repeat(self, item: Repeat, x: Tensor, context: _Context) -> Tensor:
        times, expr = evaluated(item.times, context.env(x))
        if isinstance(times, bool) or not isinstance(times, int) or times < 0:
            message = f"`times` is `{times!r}`; a whole number, 0 or more, is expected"
            raise SpecError(Diagnostic("E0202", message, item.times.span))
        if times > MOST_LAYERS:
            raise SpecError(Diagnostic("E0304", f"`times` is {times:,}; at most {MOST_LAYERS:,}", item.times.span))
        if context.frame.root:
            self.fixed |= names(expr)
        loop = self._loop(item, expr, DEFAULT_PATTERN, x, context)
        single = _single_call(item.layers, self.spec)
        plan = self._plan(item.layers, numbered=True)
        for index in range(times):
            variables = {**context.loop, "i": index}
            if single is not None:
                bindings = bind(
                    self.spec.blocks[single.name], single.attributes, (), {**context.env(x), **variables}, single.span
                )
                x = self._unit(loop, str(index), single.name, bindings, x, single)
                continue
            scope = self._enter(loop, index, str(index), f"{loop.path}.{index}", x)
            start = Tensor(scope, Operand(0), x.path, x.shape)
            # A tap inside a repeat stands for another tensor each time round, so none is seen outside.
            inner = _Context(scope, plan, context.frame, dict(context.taps), variables)
            y = self._leave(scope, self._items(item.layers, start, inner))
            x = Tensor(context.scope, Result(loop.site), y.path, y.shape)
        return Tensor(context.scope, Result(loop.site), x.path, x.shape)

    def _loop(self, item: Repeat | Stage, times: Expr | None, pattern: str, x: Tensor, context: _Context) -> OpenLoop:
        name, path = self._path(item, context)
        loop = OpenLoop(context.scope, context.plan[item].site, name, path, times, pattern, [x.ref], item.span)
        context.scope.items.append(loop)
        return loop

    def _stage(self, stage: Stage, x: Tensor, context: _Context) -> Tensor:
        assert stage.block is not None
        block = self.spec.blocks[stage.block]
        calls, structural = unit_calls(stage, block, context.frame.env)
        self.fixed |= structural
        pattern = stage.unit_names or DEFAULT_PATTERN
        loop = self._loop(stage, None, pattern, x, context)
        for index, call in enumerate(calls):
            variables = {**context.loop, "i": index}
            name = _unit_name(stage, pattern, index)
            bindings = bind(block, stage.arguments, call.fields, {**context.env(x), **variables}, call.span)
            x = self._unit(loop, name, stage.block, bindings, x, stage)
        return Tensor(context.scope, Result(loop.site), x.path, x.shape)

    def _unit(
        self, loop: OpenLoop, name: str, block: str, bindings: Mapping[str, Binding], x: Tensor, item: Item
    ) -> Tensor:
        scope = self._enter(loop, len(loop.iterations), name, f"{loop.path}.{name}", x)
        scope.kind, scope.block, scope.bindings, scope.span = "block", block, bindings, item.span
        y = self._block(scope, x, item)
        return Tensor(loop.parent, Result(loop.site), y.path, y.shape)

    def _plan(self, items: Sequence[Item], *, numbered: bool) -> Plan:
        found = self.plans.get(id(items))
        if found is None:
            found = self.plans[id(items)] = make_plan(items, numbered=numbered)
        return found


def _single_call(layers: Sequence[Item], spec: Spec) -> Call | None:
    """The one unnamed, unconditional block call that a repeat consists of, if so: it takes the number itself."""
    if len(layers) != 1 or not isinstance(layers[0], Call):
        return None
    call = layers[0]
    return call if call.name in spec.blocks and call.name not in OPS and not call.label and call.when is None else None


def _unit_name(stage: Stage, pattern: str, index: int) -> str:
    try:
        return name_by(pattern, index)
    except ExprError as error:
        raise SpecError(Diagnostic("E0404", f"unit {index} gets no name: {error}", stage.place("unit_names"))) from None
