"""What stands at the top of a spec, before its items: params, depth, defaults, inputs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, cast

from archspec.errors import Diagnostic, Note, Span, SpecError
from archspec.expr import Const, Expr, Items, Name, NamedValues, Value, describe, names
from archspec.ir.def_use import Node
from archspec.ir.graph import DeclaredDepth
from archspec.ir.ops import OPS
from archspec.ir.ops.base import GraphInput
from archspec.ir.scope import Binding
from archspec.ir.tensor_type import AXIS_NAMES, TensorType, ids
from archspec.limits import Budget
from archspec.lowering.bind import bind_lets, param_value
from archspec.lowering.diagnostics import CheckDiagnostics, too_large
from archspec.lowering.values import evaluated, expression, read_attribute
from archspec.spec import Attribute, Spec
from archspec.spec import Input as InputSpec

_FEATURES: Final = ("channels", "ids")
"""The sizes of inputs that may stay params of the source: layers know them by what arrives."""
_PLACES: Final = ("length", "depth", "height", "width")
"""The sizes in space."""
_SEVERAL: Final = ("channels", "tokens", "ids")
"""The sizes that are words in the plural."""


@dataclass(slots=True, eq=False)
class Top:
    """The values that the items are worked out with, and what that may take."""

    budget: Budget
    env: dict[str, Value] = field(default_factory=dict[str, Value])
    derived: dict[str, Expr] = field(default_factory=dict[str, Expr])
    """What params are computed from, where that is other params."""
    lets: dict[str, Binding] = field(default_factory=dict[str, Binding])
    """The network's own quantities."""
    fixed: dict[str, str] = field(default_factory=dict[str, str])
    """Params that no generated code could take as arguments, each with what it decides."""
    depth: DeclaredDepth | None = None
    defaults: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    inputs: list[Node] = field(default_factory=list[Node])
    sizes: set[str] = field(default_factory=set[str])
    """The params that are, or decide, sizes of inputs in space."""

    def fix(self, expr: Expr | None, what: str) -> None:
        """The params in an expression decide this."""
        for name in names(expr, self.budget) if expr is not None else ():
            self.fixed.setdefault(name, what)


def read_top(spec: Spec, budget: Budget, found: CheckDiagnostics | None = None) -> Top:
    """The top of a spec, worked out.

    Args:
        spec: the spec.
        budget: what it may take.
        found: where what is wrong is noted; what depends on it is then left out. Without it nothing may be wrong.

    Raises:
        SpecError: the first thing that is wrong, where it cannot be noted.
    """
    top = Top(budget)
    for name in spec.params:
        with _noted(found):
            _param(name, spec, top)
    with _noted(found):
        _depth(spec, top)
    for name, attribute in spec.let.items():
        with _noted(found):
            top.lets |= bind_lets({name: attribute}, top.env, budget)
            top.env[name] = top.lets[name].value
    for op_name, attributes in spec.defaults.items():
        if (found is not None and op_name in found.uncertain) or op_name not in OPS:
            continue
        values = top.defaults[op_name] = cast("dict[str, Any]", {})
        for name, attribute in attributes.items():
            with _noted(found, op_name):
                values[name], expr = read_attribute(
                    OPS[op_name], OPS[op_name].attributes()[name], attribute, top.env, budget
                )
                top.fix(expr, f"the defaults of {op_name}")
    declared = {"input": spec.input} if spec.input else spec.inputs
    for path, input in declared.items():
        assert input is not None
        if found is not None and not input.is_whole:
            continue
        with _noted(found):
            top.inputs.append(_input(path, input, spec, top))
    return top


@contextmanager
def _noted(found: CheckDiagnostics | None, op: str = "") -> Iterator[None]:
    """Note what is wrong, and go on: with the defaults of an op, what its attributes are is not known."""
    try:
        yield
    except SpecError as error:
        if found is None:
            raise
        found.add_new(error)
        found.uncertain |= {op} if op else set[str]()


def _param(name: str, spec: Spec, top: Top) -> None:
    param, given = spec.params[name], spec.overrides.get(name)
    attribute = given or param.default
    if attribute is None and name in spec.refused:
        return
    if attribute is None:
        help = f"give it with --set {name}=VALUE, in Python with {name}=VALUE, or give it a default"
        raise SpecError(Diagnostic("E0402", f"param `{name}` has no value", param.name_span, help=help))
    if given is None and param.values is None:
        top.env[name], expr = evaluated(attribute, top.env, top.budget)
        if names(expr, top.budget):
            top.derived[name] = expr
    else:
        top.env[name] = param_value(name, param.values, attribute, {} if given else top.env, top.budget)
    if _has_named_values(top.env[name]):  # which no function has for a default: it could be changed
        top.fixed.setdefault(name, "what its names stand for")


def _has_named_values(value: Value) -> bool:
    return isinstance(value, NamedValues) or (isinstance(value, tuple) and any(map(_has_named_values, value)))


def _depth(spec: Spec, top: Top) -> None:
    depth = spec.depth
    if depth is None:
        return
    value, place = _layers(depth.value, spec, top)
    if depth.rule is not None:
        top.fix(expression(depth.value, top.budget), "`n`, by the rule of the depth")
        n = depth.n(value)
        if n is None:
            near = " and ".join(f"{fit} (n={fit_n})" for fit, fit_n in depth.nearest(value))
            raise SpecError(
                Diagnostic(
                    "E0203",
                    f"depth {value} does not fit the rule {depth.rule}",
                    place,
                    label=f"the nearest depths that fit are {near}",
                )
            )
        top.env["n"] = n
        top.lets["n"] = Binding(n, Const(n))  # a number to source, since the depth is fixed
    if depth.counted is not None:
        value, place = _layers(depth.counted, spec, top)
    top.depth = DeclaredDepth(value, place)


def _layers(size: Attribute, spec: Spec, top: Top) -> tuple[int, Span | None]:
    """A number of weighted layers, and where it was decided."""
    value, expr = evaluated(size, top.env, top.budget)
    place = _place(spec, expr, size.span, top)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise SpecError(Diagnostic("E0202", f"depth is `{value!r}`; a whole number is expected", place))
    return value, place


def _place(spec: Spec, expr: Expr, written: Span | None, top: Top) -> Span | None:
    """Where the value of an expression was decided: outside the spec, if a param in it was given there."""
    given = [spec.overrides[name].span for name in sorted(names(expr, top.budget)) if name in spec.overrides]
    return given[0] if given else written


def _input(path: str, input: InputSpec, spec: Spec, top: Top) -> Node:
    exprs: dict[str, Expr] = {}
    if input.shape is not None:
        value, expr = evaluated(input.shape, top.env, top.budget)
        shape = value if isinstance(value, tuple) else (value,)
        top.fix(expr, "the shape of the input")
        for axis in expr.items[1:] if isinstance(expr, Items) else (expr,):
            top.sizes |= names(axis, top.budget)
        place = _place(spec, expr, input.shape.span, top)
    else:
        shape, place = (), input.span
        for name, part in input.sizes.items():
            size, expr = evaluated(part, top.env, top.budget)
            if not _is_size(size):
                where = _place(spec, expr, part.span, top)
                notes = (Note("it is used here", part.span),) if where is not part.span else ()
                message = f"the {name} of `{path}` {'are' if name in _SEVERAL else 'is'}"
                message += f" {describe(size)}; a whole number, 1 or more, is expected"
                raise SpecError(Diagnostic("E0202", message, where, notes=notes))
            shape += (size,)
            if name in _FEATURES and isinstance(expr, Name):
                exprs["channels"] = expr
            else:
                top.fix(expr, f"the {name} of the input")
            if name in _PLACES:
                top.sizes |= names(expr, top.budget)
    if not shape:
        raise SpecError(Diagnostic("E0202", "an input's shape has one size or more, this is empty", place))
    if not all(_is_size(size) for size in shape):
        message = f"an input's sizes are whole numbers, 1 or more; this is {describe(shape)}"
        raise SpecError(Diagnostic("E0202", message, place))
    sizes = cast("tuple[int, ...]", shape)
    type = TensorType.of_shape(sizes)
    if "ids" in input.sizes:
        type = ids(*sizes)
    elif input.shape is None:
        type = TensorType(tuple(axis for axis, name in AXIS_NAMES.items() if name in input.sizes), sizes)
    for shape in (type.sizes, (type.channels,)):
        if (reason := too_large(shape, top.budget.limits)) is not None:
            raise SpecError(Diagnostic("E0304", f"the input is too large: {reason}", place))
    return Node(path, GraphInput(), (), (type,), exprs, input.span)


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
