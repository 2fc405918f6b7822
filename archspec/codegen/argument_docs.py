"""What a docstring says of the arguments of a class or a function: the spec's words, or what the arguments are for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from archspec.codegen.condition_docs import asked, compared, listed, together, words
from archspec.codegen.quantity_docs import part_in, said
from archspec.codegen.tree import (
    CHANNELS,
    CallUse,
    ChoiceUse,
    Definition,
    ItemUse,
    LayerUse,
    Local,
    LoopUse,
    Parameter,
    SequenceUse,
    Tree,
)
from archspec.codegen.walk import layers
from archspec.expr import Const, Expr, Name, Unary, children, names, replaced
from archspec.ir.scope import Operand, Ref, Result
from archspec.limits import Budget

_WORDS: Final = {
    "filters": "output channels",
    "units": "output features",
    "features": "features",
    "kernel": "kernel size",
    "stride": "stride",
    "padding": "padding",
    "dilation": "dilation",
    "groups": "groups",
    "heads": "attention heads",
    "rate": "drop rate",
    "eps": "epsilon",
    "bias": "bias",
    "before": "channels of zeros",
    "after": "channels of zeros",
    "stop": "output channels",
}
"""What attributes are called, and params of blocks that are called as they are."""
_NUMBERS: Final = {"std": "standard deviation", "limit": "largest size"}
"""What the numbers of initializers are called where their names are not the words for them."""
_LAYERS: Final = {
    "conv": "convolution",
    "conv_transpose": "transposed convolution",
    "dense": "dense layer",
    "pad_channels": "padding",
    "to_image": "image",
    "slice_channels": "slice of channels",
}
"""What ops are called where their names are not the words for it."""
_COUNT: Final = "number of"
"""What is said of a param that counts: `units` are no output features then."""
_SEVERAL: Final = "in the blocks"
"""Where a layer is of more blocks than are named."""
_IN_NAMES: Final = "part of the layers' names"
_NAMED: Final = 3
"""Layers that are named; where there are more, they are not listed."""
_ORDINALS: Final = ("first", "second", "third", "fourth")
"""Which of several layers of one op that have no names is meant."""


class _Use(NamedTuple):
    """An expression, what it gives, and what takes that; where a condition asks it, what that says of it."""

    word: str
    taker: str
    expr: Expr
    said: str = ""
    """What is said of what a condition mentions."""
    kind: str = ""
    """Of a condition, the one kind of layer that there can be on its sides."""
    choices: tuple[str, ...] = ()
    """The words by which a condition chooses one of them."""
    arrives: str = ""
    """What takes a tensor that has as many channels."""
    owner: str = ""
    """Of what is said of a block's own param, the layer in the block that it is of: `` of `conv1` ``."""


def documented(definition: Definition) -> tuple[Parameter, ...]:
    """The parameters of a definition, each with what is said of it; the definitions that it calls have theirs."""
    straight: dict[str, list[_Use]] = {}
    mentions: dict[str, list[_Use]] = {}
    for use in _uses(definition, definition.tree, _ordinals(definition.tree)):
        if isinstance(use.expr, Name):
            straight.setdefault(use.expr.id, []).append(use)
        for name in names(use.expr, definition.budget):
            mentions.setdefault(name, []).append(use)
    for local in reversed(definition.locals):  # what a quantity is for is what its parts are for
        takers = straight.get(local.name) or mentions.get(local.name, [])
        for name in names(local.expr, definition.budget):
            mentions.setdefault(name, []).extend(use._replace(expr=_with(use.expr, local)) for use in takers)
    return tuple(
        given
        if given.doc
        else _with_doc(given, straight.get(given.name, ()), mentions.get(given.name, ()), definition.budget)
        for given in definition.parameters
    )


def _with(expr: Expr, local: Local) -> Expr:
    """An expression with a quantity in place of its name."""
    return replaced(expr, lambda part: local.expr if part == Name(local.name) else None)


def _with_doc(given: Parameter, straight: Sequence[_Use], mentions: Sequence[_Use], budget: Budget) -> Parameter:
    """A parameter and what is said of it."""
    doc = _derived(given.name, straight, mentions, budget)
    _, owner = _taken(straight if any(use.word for use in straight) else mentions)
    return replace(given, doc=doc, owner=owner if doc.endswith(owner) else "")


def _derived(name: str, straight: Sequence[_Use], mentions: Sequence[_Use], budget: Budget) -> str:
    """What an argument is for, by what takes it as it is, or in an expression."""
    kind, _, operand = name.partition("@")
    if kind == CHANNELS.id and operand:
        return f"channels of `{operand}`"
    if as_it_is := "".join(_taken(straight)):
        return as_it_is if as_it_is.replace(" ", "_") != name else f"{as_it_is} of {_several(straight)}"
    if changed := "".join(_taken(mentions)):
        first = next(use for use in mentions if use.word)
        return changed if changed == _IN_NAMES else said(part_in(first.expr, name, budget), changed)
    if mentions and all(use.kind == mentions[0].kind != "" for use in mentions):
        choices = list(dict.fromkeys(f"`{word}`" for use in mentions for word in use.choices))
        return f"{mentions[0].kind}: {listed(choices, ' or ')}" if choices else f"which {mentions[0].kind} there is"
    if conditions := list(dict.fromkeys(use.said for use in mentions if use.said)):
        return together(conditions)
    if arriving := list(dict.fromkeys(use.arrives for use in mentions if use.arrives)):
        return f"channels of the input of {listed(arriving[:_NAMED])}"
    quantities = list(dict.fromkeys(use.taker for use in mentions if use.taker))
    return f"determines {listed(quantities)}" if quantities else "determines which layers there are"


def _taken(uses: Sequence[_Use]) -> tuple[str, str]:
    """`stride`, and `` of `conv1` and `conv2` ``; both empty where nothing says what it gives."""
    found: dict[str, dict[str, None]] = {}
    owners: dict[str, dict[str, None]] = {}
    for use in uses:
        if use.word:
            found.setdefault(use.word, {})[use.taker] = None
            owners.setdefault(use.word, {})[use.owner] = None
    word = next(iter(found), "")
    if word.startswith("whether "):  # a condition asks it
        return together([other for other in found if other.startswith("whether ")]), ""
    takers = _of_rows([taker for taker in found.get(word, ()) if taker], is_of_each=word.startswith("output"))
    owner = next(iter(owners.get(word, ())), "")
    if owner:  # a layer in a block
        if len(owners[word]) > 1:
            return word, ""
        place = f"in {takers[0]}" if len(takers) == 1 else _SEVERAL
        return word, f"{owner} {place}" if " in " not in owner else owner
    if takers and len(found) > 1 and all(others == found[word] for others in found.values()):
        word = listed([*found])
    return word, f" of {listed([*_together(takers)])}" if word and takers and len(takers) <= _NAMED else ""


def _several(uses: Sequence[_Use]) -> str:
    """More layers than are named, by the first of them: `` `conv1` and 4 more layers ``."""
    takers = [*dict.fromkeys(use.taker for use in uses if use.taker.startswith("`"))]
    if len(takers) < 2:
        return "the block"
    return f"{takers[0]} and {len(takers) - 1} more layers"


def _of_rows(takers: Sequence[str], *, is_of_each: bool) -> list[str]:
    """The takers, several places of one row as that row; where the row has a value of its own, as those that count."""
    rows = [taker.partition("[")[0] + "`" if taker.endswith("]`") else taker for taker in takers]
    if is_of_each:
        return [taker for taker in takers if rows.count(taker) < 2]
    return list(dict.fromkeys(row if rows.count(row) > 1 else taker for row, taker in zip(rows, takers, strict=True)))


def _together(takers: Sequence[str]) -> Sequence[str]:
    """`the first and second convolution`, where it is these alone."""
    parts = [taker.split(" ", 2) for taker in takers]
    alike = len({part[-1] for part in parts}) == 1 and all(len(part) == 3 and part[1] in _ORDINALS for part in parts)
    return [f"the {listed([part[1] for part in parts])} {parts[0][-1]}"] if alike else takers


def _ordinals(tree: Tree) -> dict[int, str]:
    """Which of several layers of an op in a body each is, `first` and so on, by its identity."""
    found: dict[str, list[LayerUse]] = {}
    for layer in layers(tree):
        found.setdefault(layer.op.name, []).append(layer)
    several = [alike for alike in found.values() if 1 < len(alike) <= len(_ORDINALS)]
    return {id(layer): word for alike in several for layer, word in zip(alike, _ORDINALS, strict=False)}


def _uses(definition: Definition, tree: Tree, ordinals: Mapping[int, str], row: str = "") -> Iterator[_Use]:
    """The expressions of a body of a definition, or of a row that is called so."""
    for expr in tree.counts.values():
        yield _Use(f"{_COUNT} rounds", "", expr)
    for item in tree.items:
        match item:
            case LayerUse():
                words = ("the", ordinals.get(id(item), ""), _LAYERS.get(item.op.name, item.op.name.replace("_", " ")))
                yield from (_Use("", "", feature, arrives=_called(item, row)) for feature in item.features)
                is_end = item.op.name == "slice_channels" and tree.results == (Result(item.location),)
                taker = "" if is_end else _called(item, row) or " ".join(filter(None, words))
                for attribute, expr in item.exprs.items():
                    yield _Use(_WORDS.get(attribute, attribute.replace("_", " ")), taker, expr)
                for attribute, expr in item.draws.items():
                    yield _Use(_number_drawn_by(item, attribute), taker, expr)
                if item.flat_name is not None:
                    yield from (_Use(_IN_NAMES, "", part) for part in children(item.flat_name))
            case CallUse():
                yield _Use("", "", item.arguments.get(CHANNELS.id, CHANNELS), arrives=_called(item, row))
                params = {given.name: given for given in item.definition.parameters if "@" not in given.name}
                for name, expr in item.arguments.items():
                    if name in params:
                        yield _of_call(params[name], _called(item, row), expr)
            case SequenceUse():
                yield from _uses(definition, item.body, ordinals, _called(item, row).strip("`"))
            case ChoiceUse():
                yield _condition(item, definition)
                yield from _uses(definition, item.then, ordinals, row)
                yield from _uses(definition, item.other, ordinals, row)
            case LoopUse():
                for run in item.runs:
                    yield _Use(f"{_COUNT} units", "", run.stop)
                    yield from _uses(definition, Tree((replace(run.item, name=item.name, number=None),), ()), ordinals)


def _number_drawn_by(use: LayerUse, attribute: str) -> str:
    """What the number is that an initializer has, or that weights start with."""
    if isinstance(use.value(attribute), float):
        return "initial value"
    number = use.value(attribute).scalar
    return f"{_NUMBERS.get(number, number)} of the initial {'biases' if attribute.startswith('bias') else 'weights'}"


def _of_call(given: Parameter, called: str, expr: Expr) -> _Use:
    """What a param of a block gives to what is called."""
    if (word := _WORDS.get(given.name, "")) and called and not given.doc.startswith(_COUNT):
        return _Use(word, called, expr)
    word = given.doc.removesuffix(given.owner)
    if "`" not in given.owner:  # what it is of has no name: it is the block's
        return _Use(word, called if given.owner else "", expr)
    return _Use(word, called, expr, owner=given.owner)


def _condition(item: ChoiceUse, definition: Definition) -> _Use:
    """A condition, and what is said of what it asks."""
    labels: dict[Ref, str] = {Operand(index): name for index, name in enumerate(definition.inputs) if name}
    labels |= definition.tree.labels
    match item.condition:
        case Name():
            return _Use(asked(item, labels), "", item.condition)
        case Unary("not", Name() as negated):
            return _Use(asked(replace(item, then=item.other, other=item.then), labels), "", negated)
        case _:
            pass
    kind, choices = words(item)
    return _Use("", "", item.condition, compared(item, labels, definition.budget), kind, (*choices,))


def _called(item: ItemUse, row: str) -> str:
    """What an item is called, or its place in a row; empty where it has no name of its own."""
    match item:
        case ChoiceUse() | LayerUse(named=False, number=None):
            return ""
        case LayerUse() | CallUse() | SequenceUse() | LoopUse():
            if item.number is None:
                name = item.name.partition(".")[0]
                return f"`{name}`" if name and not name.isdigit() else ""
            if not row:
                return ""
            return f"`{row}[{item.number.value}]`" if isinstance(item.number, Const) else f"`{row}`"
