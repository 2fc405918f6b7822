"""Params that stand for an op or a block: `norm: layer_norm`, which `- norm` then calls.

Each such item becomes one item for every word that the param may have, under conditions. What they are is known before
anything is computed: the param's choices, or else its default and what the spec's calls give.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from archspec.errors import SpecError, did_you_mean
from archspec.expr import Const, Expr, IfElse, Index, Name, NamedValues, Slice, Value, children
from archspec.ir.ops import OPS
from archspec.lowering.bodies import everything
from archspec.lowering.diagnostics import CheckDiagnostics
from archspec.lowering.op_presets import Preset, Presets
from archspec.lowering.values import expression
from archspec.records import record
from archspec.spec import Attribute, Block, Call, Item, Param, Refused, Repeat, Spec, Stage
from archspec.spec import Sequence as Seq
from archspec.spec.key_suggestions import OWN_WORDS

_NETWORK = ""
"""Stands for the network's own body among those of the blocks."""


def with_op_params(spec: Spec, found: CheckDiagnostics) -> Spec:
    """The spec with what such params call written out; itself where there are none.

    What they stand for that is neither an op nor a block is noted.
    """
    params = {_NETWORK: spec.params, **{name: block.params for name, block in spec.blocks.items()}}
    bodies: dict[str, Sequence[Item]] = {_NETWORK: spec.items, **{name: b.layers for name, b in spec.blocks.items()}}
    called = {
        (body, item.name)
        for body, items in bodies.items()
        for item in everything(items)
        if isinstance(item, Call) and _is_called(item, params[body], spec)
    }
    if not called:
        return spec
    silent = CheckDiagnostics(budget=found.budget)
    words = _words(spec, params, bodies, called, silent, {})
    presets = Presets(spec, found, {word for some in words.reached.values() for word in some})
    spec = presets.written(words.reached)
    params = {_NETWORK: spec.params, **{name: block.params for name, block in spec.blocks.items()}}
    bodies = {_NETWORK: spec.items, **{name: block.layers for name, block in spec.blocks.items()}}
    words = _words(spec, params, bodies, called, found, presets.by_word)
    written = {
        body: _CallWriter({name: words.of(body, name) for at, name in called if at == body}, presets.by_word)
        for body, _ in called
    }
    changed = {key: words.of(*key) for key in words.reached}
    blocks = {
        name: _with(block, _with_choices(block.params, name, changed), written.get(name))
        for name, block in spec.blocks.items()
    }
    update: dict[str, object] = {"blocks": blocks, "params": _with_choices(spec.params, _NETWORK, changed)}
    writer = written.get(_NETWORK)
    for key in ("stem", "stages", "head", "layers"):
        if writer is not None and getattr(spec, key) is not None:
            update[key] = writer.items(getattr(spec, key))
    return spec.model_copy(update=update)


def _words(
    spec: Spec,
    params: Mapping[str, Mapping[str, Param]],
    bodies: Mapping[str, Sequence[Item]],
    called: Iterable[tuple[str, str]],
    found: CheckDiagnostics,
    presets: Mapping[str, Preset],
) -> _CalledWords:
    """The words of the params that are called, each by the body whose param it is."""
    words = _CalledWords(spec, params, found, presets)
    for body, items in bodies.items():
        words.given_in(body, items)
    for body, name in called:
        words.wanted(body, name)
    return words


def _is_called(call: Call, params: Mapping[str, Param], spec: Spec) -> bool:
    """Whether an item calls what a param stands for; ops and blocks come first."""
    return call.name in params and call.name not in OPS and call.name not in spec.blocks


def _with_choices(
    params: Mapping[str, Param], body: str, words: Mapping[tuple[str, str], Mapping[str, object]]
) -> dict[str, Param]:
    """The params, those that stand for an op with all words that they may have as their choices."""
    found = dict(params)
    for name, param in params.items():
        if (body, name) not in words or param.choices is not None:
            continue
        choices = tuple(words[body, name])
        update: dict[str, object] = {"choices": choices or ("",)}
        if param.default is not None and param.default.raw not in choices:  # which has been said
            update["default"] = replace(param.default, raw=(choices or ("",))[0])
        found[name] = param.model_copy(update=update)
    return found


def _with(block: Block, params: Mapping[str, Param], writer: _CallWriter | None) -> Block:
    layers = block.layers if writer is None else writer.items(block.layers)
    return block.model_copy(update={"params": params, "layers": layers})


@dataclass(slots=True, eq=False)
class _CalledWords:
    """The words that params may have, by the body whose param each is."""

    spec: Spec
    params: Mapping[str, Mapping[str, Param]]
    found: CheckDiagnostics
    presets: Mapping[str, Preset]
    given: dict[tuple[str, str], list[tuple[str, Attribute]]] = field(
        default_factory=dict[tuple[str, str], list[tuple[str, Attribute]]]
    )
    """What calls give for a param, each with the body that the call stands in."""
    reached: dict[tuple[str, str], dict[str, object]] = field(default_factory=dict[tuple[str, str], dict[str, object]])
    """The words of the params that are called, and of those that are passed on to them."""
    looked: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """The params in whose lists words are being looked for."""

    def given_in(self, body: str, items: Iterable[Item]) -> None:
        """Note what the calls of a body give."""
        for item in everything(items):
            for block, name, attribute in _arguments(item, self.spec.blocks):
                self.given.setdefault((block, name), []).append((body, attribute))

    def wanted(self, body: str, name: str) -> None:
        """A param is called here, or passed on to one that is: find its words."""
        if (body, name) in self.reached:
            return
        words = self.reached[body, name] = dict[str, object]()
        param = self.params[body][name]
        if param.choices is not None:
            for choice in param.choices:
                self.add(words, str(choice), Attribute(choice, param.place("choices")))
        elif param.default is not None:
            raw = param.default.raw
            called = next(iter(raw), "") if isinstance(raw, Mapping) else str(raw)
            if not isinstance(raw, Mapping) or not self.is_word(called):  # which else becomes a word of its own
                self.add(words, called, param.default)
        for around, attribute in self.given.get((body, name), []):
            for word in self.in_argument(attribute, around):
                if param.choices is None:
                    self.add(words, word, attribute)

    def in_argument(self, attribute: Attribute, body: str) -> Iterator[str]:
        """The words that an argument can be."""
        raw = attribute.raw
        known = {
            *self.params[body],
            *OWN_WORDS,
            *self.spec.let,
            *(name for b in self.spec.blocks.values() for name in b.let),
        }
        if isinstance(raw, str) and (self.is_word(raw) or (raw.isidentifier() and raw not in known)):
            yield raw  # a name that is none of the body's is meant for a word, and said to be none
            return
        try:
            expr = expression(attribute, self.found.budget)
        except SpecError:
            return  # which is said where it is checked
        yield from self.in_expression(expr, body)

    def in_expression(self, expr: Expr, body: str, *, inside: bool = False) -> Iterator[str]:
        """The words that an expression of a body can be; `inside`, those that stand in the lists that it gives."""
        parts = [(expr, inside)]
        while parts:
            part, within = parts.pop()
            match part:
                case Const(value):
                    yield from self.in_value(value)
                case Name(name) if name in self.params[body] and not within:
                    self.wanted(body, name)
                    yield from self.reached[body, name]
                case Name(name) if name in self.params[body]:
                    yield from self.in_param(body, name)
                case Name(name) if (let := self.lets(body).get(name)) is not None:
                    with suppress(SpecError):  # which is said where it is checked
                        parts.append((expression(let, self.found.budget), within))
                case IfElse(_, then, other):  # what a condition asks for is no word that it can be
                    parts += ((then, within), (other, within))
                case Index(values, _) | Slice(values, _, _):
                    parts.append((values, True))
                case _:
                    parts += ((child, True) for child in children(part))

    def in_param(self, body: str, name: str) -> Iterator[str]:
        """The words in the lists that a param may be: its default, and what it is given."""
        if (body, name) in self.looked:
            return
        self.looked.add((body, name))
        default, own = self.params[body][name].default, self.spec.overrides if body == _NETWORK else {}
        pairs = [(body, value) for value in (default, own.get(name)) if value is not None]
        for around, attribute in (*pairs, *self.given.get((body, name), ())):
            with suppress(SpecError):
                yield from self.in_expression(expression(attribute, self.found.budget), around, inside=True)
        self.looked.discard((body, name))

    def in_value(self, value: Value) -> Iterator[str]:
        """The words in a value."""
        values = [value]
        while values:
            match values.pop():
                case str() as word if self.is_word(word):
                    yield word
                case tuple() as items:
                    values += items
                case NamedValues(entries):
                    values += (item for _, item in entries)
                case _:
                    pass

    def lets(self, body: str) -> Mapping[str, Attribute]:
        """The quantities of a body."""
        return self.spec.let if body == _NETWORK else self.spec.blocks[body].let

    def is_word(self, word: str) -> bool:
        return word in OPS or word in self.spec.blocks or word in self.presets

    def add(self, words: dict[str, object], word: str, place: Attribute) -> None:
        if self.is_word(word):
            words.setdefault(word, None)
        elif word not in self.spec.refused:
            from archspec.suggestions.foreign_names import named_op  # only on the way to an error

            help = named_op(word) or did_you_mean(word, [*OPS, *self.spec.blocks])
            self.found.error("E0408", f"`{word[:80]}` is neither an op nor a block", place.span, help=help)

    def of(self, body: str, name: str) -> Mapping[str, object]:
        """The words of a param, in the order in which they were found."""
        return self.reached[body, name]


def _arguments(item: Item, blocks: Mapping[str, Block]) -> Iterator[tuple[str, str, Attribute]]:
    """What an item gives for the params of a block: the block, the param, and what is given."""
    match item:
        case Call() if (block := blocks.get(item.name)) is not None:
            yield from ((block.name, name, given) for name, given in item.attributes.items() if name in block.params)
            if item.fields is not None:
                yield from ((block.name, name, item.fields) for name in block.unit)
        case Stage() if item.block is not None and (block := blocks.get(item.block)) is not None:
            yield from ((block.name, name, given) for name, given in item.arguments.items() if name in block.params)
            units = item.units
            for unit in units.entries if units is not None else ():
                yield from ((block.name, name, given) for name, given in (unit.mapping or {}).items())
                if unit.fields is not None:
                    yield from ((block.name, name, unit.fields) for name in block.unit)
            if units is not None and units.expression is not None:
                yield from ((block.name, name, units.expression) for name in block.unit)
        case _:
            pass


@record
class _CallWriter:
    """Writes the items of one body anew."""

    words: Mapping[str, Mapping[str, object]]
    presets: Mapping[str, Preset]

    def items(self, items: Sequence[Item]) -> tuple[Item, ...]:
        return tuple(map(self.item, items))

    def item(self, item: Item) -> Item:
        update: dict[str, object] = {}
        if isinstance(item, Refused):
            return item
        if otherwise := item.otherwise:
            update["otherwise"] = self.items(otherwise)
        if isinstance(item, Call) and item.branches is not None:
            update["branches"] = self.items(item.branches)
        elif isinstance(item, Seq | Repeat | Stage) and item.layers:
            update["layers"] = self.items(item.layers)
        if isinstance(item, Call) and item.name in self.words:
            return self.called(item.model_copy(update=update), self.words[item.name])
        return item.model_copy(update=update) if update else item

    def called(self, call: Call, words: Mapping[str, object]) -> Item:
        """One item for each word, under conditions; the last stands in place of all others."""
        place = call.span
        chain: Item | None = None
        for word in reversed([*words]):
            test = Attribute(f"{call.name} == '{word}'", place)
            op, given = word, call
            if (preset := self.presets.get(word)) is not None:
                op, attributes = preset.op, {**preset.attributes, **call.attributes}
                given = call.model_copy(update={"attributes": attributes})
            if chain is not None:
                chain = given.standing_for(op, test, (chain,))
            else:
                chain = given.standing_for(op, test if len(words) == 1 else None, None)
        if chain is not None and call.when is None:
            return chain
        inside = () if chain is None else (chain,)
        condition = call.when if chain is not None else Attribute(f"{call.name} == ''", place)
        return Seq.in_place_of(call, inside, condition)
