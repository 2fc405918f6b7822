"""Drawing the weights of one layer: each initializer as PyTorch has it, or as a helper function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias, cast

from archspec.codegen.escaping import literal
from archspec.codegen.pretty_printer import INDENT, Bracket, Code, call, lay_out
from archspec.codegen.written_numbers import WrittenNumber
from archspec.errors import BackendError, Diagnostic
from archspec.expr import Name, source
from archspec.ir.initializers import (
    ByFan,
    Constant,
    FanInUniform,
    Initializer,
    KaimingNormal,
    KaimingUniform,
    LecunUniform,
    Normal,
    Ones,
    SlimVarianceScaling,
    TruncatedNormal,
    Uniform,
    XavierNormal,
    XavierUniform,
    Zeros,
)
from archspec_torch.ops.row import Parts, TorchRow
from archspec_torch.parameter_access import NOTHING, own_parameter

Rule: TypeAlias = tuple[tuple[str, Initializer], ...]
"""The weights that a layer draws, `weight` first, each with its initializer."""


def draw(
    target: str,
    rule: Rule,
    row: TorchRow,
    depth: int,
    guarded: frozenset[str],
    untyped: frozenset[str],
    helpers: set[str],
    parts: Parts | None = None,
) -> list[str]:
    """Lines that draw a layer's weights, or its parts.

    `guarded` are those that may be None, `untyped` those that are not, which no type checker knows. `helpers` gets what
    the lines need.
    """
    if parts is not None:
        return _draw_parts(target, rule, parts, depth, "bias" in guarded, helpers)
    # A class with a state puts it back where it draws its weights; what differs from its rule is set after that.
    itself = row.state or all(row.draws_itself(*pair) for pair in rule)
    lines = [f"{INDENT * depth}{target}.reset_parameters()"] if itself else []
    for name, initializer in rule:
        if itself and row.draws_itself(name, initializer):
            continue
        asks = name in guarded
        weight = own_parameter(target, name, NOTHING if asks else untyped)
        if asks:
            lines.append(f"{INDENT * depth}if {target}.{name} is not None:")
        number = getattr(initializer, initializer.scalar or "", None)
        if isinstance(number, WrittenNumber) and not isinstance(number.expr, Name) and initializer.scalar is not None:
            local, changed = initializer.scalar, cast(Any, initializer)
            lines.append(f"{INDENT * (depth + asks)}{local} = {number.text}")
            initializer = replace(changed, **{local: WrittenNumber(number, Name(local), source)})
        if name == "bias" and isinstance(initializer, FanInUniform):
            lines.append(f"{INDENT * (depth + asks)}bound = {target}.weight.shape[1:].numel() ** -0.5")
            lines.append(f"{INDENT * (depth + asks)}nn.init.uniform_({weight}, -bound, bound)")
        else:
            lines += lay_out(_init(initializer, weight, helpers), depth + asks)
    return lines


def draw_bare(target: str, initializer: Initializer, depth: int, helpers: set[str]) -> list[str]:
    """The lines that draw a parameter."""
    return lay_out(_init(initializer, target, helpers), depth)


def _draw_parts(target: str, rule: Rule, parts: Parts, depth: int, guarded: bool, helpers: set[str]) -> list[str]:
    """The lines that draw the parameters of a layer that has more than `weight` and `bias`."""
    others = [f"{INDENT * depth}{target}.{parts.resets}()"] if parts.resets else []
    return _draw_matrices(target, rule, parts, depth, guarded, helpers) + others


def _draw_matrices(target: str, rule: Rule, parts: Parts, depth: int, guarded: bool, helpers: set[str]) -> list[str]:
    """Each matrix of a layer that has several is drawn by itself: its fans are its own, or as a rule says."""
    given = dict(rule)
    if given.keys() & {"out", "joint"}:
        return _draw_joint(target, given, parts, depth, guarded, helpers)
    bias = given.get("bias")
    owners = [name.removesuffix(".weight") for name in parts.matrices]
    if bias is not None and [f"{name}.bias" for name in owners] == [*parts.biases]:
        made = Bracket("", tuple(name.format(target) for name in owners))
        lines = lay_out(made, depth, "for linear in ", ":")
        lines += lay_out(_init(given["weight"], "linear.weight", helpers), depth + 1)
        lines += [f"{INDENT * (depth + 1)}if linear.bias is not None:"] if guarded else []
        return lines + _of_part(bias, "linear.bias", depth + 1 + guarded, helpers)
    matrices = Bracket("", tuple(name.format(target) for name in parts.matrices))
    lines = lay_out(matrices, depth, "for weight in ", ":")
    lines += lay_out(_init(given["weight"], "weight", helpers), depth + 1)
    if bias is None:
        return lines
    biases = [name.format(target) for name in parts.biases]
    certain = [line for name in parts.certain for line in _of_part(bias, name.format(target), depth, helpers)]
    if guarded:
        lines.append(f"{INDENT * depth}if {biases[0]} is not None:")
        depth += 1
    return lines + _draw_biases(bias, target, parts, depth, helpers) + certain


def _draw_joint(
    target: str, given: Mapping[str, Initializer], parts: Parts, depth: int, guarded: bool, helpers: set[str]
) -> list[str]:
    """The lines that draw a joint matrix, whole or each map by itself, and the last matrix by another rule."""
    within, out = (name.format(target) for name in parts.weights)
    if "joint" in given:
        lines = lay_out(_init(given["joint"], within, helpers), depth)
    else:
        maps = parts.matrices[0].format(target).removeprefix("*")
        lines = [f"{INDENT * depth}for weight in {maps}:"]
        lines += lay_out(_init(given["weight"], "weight", helpers), depth + 1)
    last = given.get("out") or given.get("joint") or given["weight"]
    lines += lay_out(_init(last, out, helpers), depth)
    if "bias" in given:
        biases = [name.format(target) for name in parts.biases]
        lines += [f"{INDENT * depth}if {biases[0]} is not None:"] if guarded else []
        lines += _draw_biases(given["bias"], target, parts, depth + guarded, helpers)
    return lines


def _draw_biases(bias: Initializer, target: str, parts: Parts, depth: int, helpers: set[str]) -> list[str]:
    """The lines that draw biases, all of which have the same number of inputs."""
    biases = [name.format(target) for name in parts.biases]
    if isinstance(bias, FanInUniform) and parts.fan_in:
        bound = f"{INDENT * depth}bound = {parts.fan_in.format(target)}**-0.5"
        return [bound, *(f"{INDENT * depth}nn.init.uniform_({name}, -bound, bound)" for name in biases)]
    return [line for name in biases for line in _of_part(bias, name, depth, helpers)]


def _of_part(initializer: Initializer, bias: str, depth: int, helpers: set[str]) -> list[str]:
    """The lines that draw the bias of a part that is a module of its own."""
    if not isinstance(initializer, FanInUniform):
        return lay_out(_init(initializer, bias, helpers), depth)
    bound = f"{bias.removesuffix('.bias')}.in_features**-0.5"
    return [f"{INDENT * depth}bound = {bound}", f"{INDENT * depth}nn.init.uniform_({bias}, -bound, bound)"]


def _init(initializer: Initializer, target: str, helpers: set[str]) -> Code:
    match initializer:
        case Zeros():
            return call("nn.init.zeros_", target)
        case Ones():
            return call("nn.init.ones_", target)
        case Constant(value):
            return call("nn.init.constant_", target, literal(value))
        case Normal(std, mean):
            given = {"mean": literal(mean)} if mean else {}
            return call("nn.init.normal_", target, **given, std=literal(std))
        case Uniform(limit):
            return call("nn.init.uniform_", target, literal(-limit), literal(limit))
        case TruncatedNormal(std):
            # PyTorch takes the ends as they are, not in standard deviations.
            return call("nn.init.trunc_normal_", target, std=literal(std), a=literal(-2 * std), b=literal(2 * std))
        case FanInUniform():
            return call("nn.init.kaiming_uniform_", target, a="5**0.5")  # +-1/sqrt(fan_in), as PyTorch writes it
        case KaimingNormal(mode) | KaimingUniform(mode):
            head = f"nn.init.{initializer.name}_"
            return call(head, target, mode=literal(mode), nonlinearity=literal("relu"))
        case LecunUniform():
            return call("nn.init.kaiming_uniform_", target, nonlinearity=literal("linear"))
        case XavierNormal() | XavierUniform():
            return call(f"nn.init.{initializer.name}_", target)
        case SlimVarianceScaling(factor, mode):
            helpers.add("slim_variance_scaling_")
            return call("slim_variance_scaling_", target, literal(factor), literal(mode))
        case ByFan(scaling=scaling):
            helpers.add("variance_scaling_")
            shape = {} if scaling.shape == "truncated_normal" else {"distribution": literal(scaling.shape)}
            return call("variance_scaling_", target, literal(scaling.scale), literal(scaling.mode), **shape)
        case _:
            raise BackendError(Diagnostic("E0601", f"PyTorch has no row for the initializer {initializer.name}"))
