"""Maps: what another library calls a network's layers, as data.

A map is a file of YAML. Its rules name layers of the graph by patterns, and say what the library calls them; braces on
the left take a number, or with `:word` a part of a name, and those on the right hold expressions with them:

    archspec-map: 1
    library: keras.applications, ResNet50 to ResNet152
    layout: keras
    layers:
      conv1: conv1_conv
      layer{stage}.{unit}.conv{n}: conv{stage + 1}_block{unit + 1}_{n}_conv
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from archspec.errors import Span
from archspec.expr import Expr, ExprError, Value, evaluate, names, parse, split_pattern
from archspec.ir.graph import LayerGraph
from archspec.limits import Budget


@dataclass(frozen=True, slots=True)
class MapRule:
    """One line of a map: the layers or weights of the graph that a pattern names, and the library's names of them."""

    pattern: re.Pattern[str]
    text: str
    numbers: frozenset[str]
    """The names that take numbers."""
    names: tuple[str, ...]
    """Patterns of the library's names; of several, the weight is made of theirs, joined along its first axis.

    An empty one is a part that the library does not have: it is a number everywhere.
    """
    constants: tuple[float | None, ...] = ()
    """Of each of several parts the number that it is; None of those that have a name."""
    constant: float | None = None
    """The library has no such weight: it is this number everywhere."""
    squeezed: bool = False
    """The library has the weight without its axes of one."""
    kernel: int = 0
    """The library has a convolution of this kernel for a dense layer of so many positions."""
    saved: bool = True
    """Of a derived tensor, whether the library's files have it today; older ones may have it in any case."""
    quantities: Mapping[str, Expr] = field(default_factory=dict[str, Expr])
    """The map's own, of which names are worked out, too."""
    span: Span | None = field(default=None, compare=False)

    def name(self, path: str, budget: Budget) -> tuple[str, ...] | None:
        """The library's names for a path of the graph; None where the pattern is not of it.

        Raises:
            ExprError: an expression cannot be worked out.
        """
        match = self.pattern.fullmatch(path)
        if match is None:
            return None
        taken = {key: int(text) if key in self.numbers else text for key, text in match.groupdict().items()}
        numbers = {key: value for key, value in taken.items() if isinstance(value, int)}
        for key, expr in self.quantities.items():
            if names(expr, budget) <= numbers.keys():
                numbers[key] = _whole(evaluate(expr, numbers, budget), key)
        return tuple(_filled(name, taken, numbers, budget) for name in self.names)


@dataclass(frozen=True, slots=True)
class WeightMap:
    """What a library calls the layers of a network."""

    path: Path
    library: str
    layout: Literal["torch", "keras"]
    """How the axes of its weights lie, and what its variables are called."""
    layers: tuple[MapRule, ...]
    weights: tuple[MapRule, ...]
    variables: Mapping[str, str]
    """What it calls a variable, where that is not the layout's own word: `kernel: weights`."""
    derived: tuple[MapRule, ...] = ()
    """Tensors of its files that follow from the network: they are written, and passed over in what is read."""
    ignored: tuple[re.Pattern[str], ...] = ()
    """The library's names of what else its files have that is no weight: it is passed over."""

    def rule_of(self, name: str, layer: str, budget: Budget) -> tuple[MapRule, tuple[str, ...]] | None:
        """The first rule for a weight, by its own name or its layer's path, with the library's names."""
        for rules, path in ((self.weights, name), (self.layers, layer)):
            for rule in rules:
                if (found := rule.name(path, budget)) is not None:
                    return rule, found
        return None

    def derived_name(self, name: str, budget: Budget) -> tuple[str, bool] | None:
        """The library's name of a tensor that follows from the network, and whether its files have it today."""
        for rule in self.derived:
            with suppress(ExprError):
                if (found := rule.name(name, budget)) is not None:
                    return found[0], rule.saved
        return None

    def passed_over(self, graph: LayerGraph, budget: Budget) -> Callable[[str, str], bool]:
        """Whether a tensor of a file, by its name and what stands before all names, is derived or ignored."""
        found = (self.derived_name(name, budget) for name in graph.derived)
        derived = {name for name, _ in filter(None, found)}

        def is_passed_over(name: str, prefix: str) -> bool:
            if not name.startswith(prefix):
                return False
            own = name.removeprefix(prefix)
            return own in derived or any(pattern.fullmatch(own) for pattern in self.ignored)

        return is_passed_over

    def layer_name(self, path: str, budget: Budget) -> str:
        """The library's name of a layer; empty where no rule names it, or it is kept in parts."""
        for rule in self.layers:
            with suppress(ExprError):
                if (found := rule.name(path, budget)) is not None:
                    return found[0] if len(found) == 1 else ""
        return ""

    def check(self, graph: LayerGraph) -> list[str]:
        """What is wrong with the map for a network, as people read it.

        Weights without a rule, names that cannot be worked out, names that two tensors would have, and weights that a
        rule takes for derived.
        """
        budget = Budget()
        unnamed, owners = list[str](), dict[str, str]()
        wrong: list[str] = []
        for name, weight in graph.all_weights.items():
            layer = weight.layer_of(name)
            try:
                found = self.rule_of(name, layer, budget)
            except ExprError as error:
                wrong.append(f"no name for `{name}`: {error}")
                continue
            if found is None:
                unnamed.append(name)
                continue
            rule, names = found
            if len(names) > 1 and (not weight.shape or weight.shape[0] % len(names)):
                wrong.append(f"`{name}` cannot be made of {len(names)} parts")
            for own in filter(None, names):
                whole = own if rule in self.weights else f"{own}.{weight.name}".rstrip(".")
                if owners.setdefault(whole, name) != name:
                    wrong.append(f"`{name}` and `{owners[whole]}` have one name, `{whole}`")
        for name in graph.derived:
            derived = self.derived_name(name, budget)
            if derived is not None and owners.setdefault(derived[0], name) != name:
                wrong.append(f"`{name}` and `{owners[derived[0]]}` have one name, `{derived[0]}`")
        weights = (name for name in graph.all_weights if self.derived_name(name, budget) is not None)
        wrong += [f"`{name}` is a weight, and not derived" for name in weights]
        return [*(f"no rule names `{name}`" for name in unnamed), *wrong]

    def idle(self, graph: LayerGraph) -> list[str]:
        """The rules that name nothing of a network; other networks of its family may need them."""
        budget, used = Budget(), set[str]()
        for name, weight in graph.all_weights.items():
            with suppress(ExprError):
                found = self.rule_of(name, weight.layer_of(name), budget)
                used |= {found[0].text} if found is not None else set()
        derived = [rule for rule in self.derived if not any(rule.pattern.fullmatch(name) for name in graph.derived)]
        return [rule.text for rule in (*self.weights, *self.layers) if rule.text not in used] + [
            rule.text for rule in derived
        ]


def _whole(value: Value, text: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ExprError(f"`{text}` gives {value!r}; a whole number is expected")
    return value


def _filled(pattern: str, taken: Mapping[str, int | str], numbers: Mapping[str, int], budget: Budget) -> str:
    """A name with its expressions worked out."""
    parts: list[str] = []
    for text, is_expression in split_pattern(pattern):
        if not is_expression:
            parts.append(text)
        elif text in taken:
            parts.append(str(taken[text]))
        else:
            value = evaluate(parse(text, budget), numbers, budget)
            if isinstance(value, bool) or not isinstance(value, int | str):
                raise ExprError(f"`{text}` gives {value!r}; names take whole numbers and text")
            parts.append(str(value))
    return "".join(parts)
