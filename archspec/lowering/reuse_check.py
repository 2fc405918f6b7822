"""The check of each `reuse` of a body: what it names stands before it, in the same scope, and can be used again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from archspec.errors import Span, nearest
from archspec.lowering.bodies import everything, lists_in, result_names, taps_in
from archspec.lowering.body_check import BodyCheck
from archspec.lowering.units import single_reuse
from archspec.spec import Call, Item, Repeat, Reuse, Stage
from archspec.spec import Sequence as Seq
from archspec.spec.checks import tap_and_index

_SCOPE = "a name is known after it, to the end of its block, named sequence or iteration, and of its condition"


def check_reuse(body: BodyCheck, items: Sequence[Item], outputs: Collection[str]) -> None:
    """Note what is wrong with the items `reuse` of a body; `outputs` are the taps that it gives."""
    if any(isinstance(item, Reuse) for item in body.items_in):
        _ReuseCheck(body, outputs).row(items, {})


@dataclass(slots=True, eq=False)
class _ReuseCheck:
    body: BodyCheck
    outputs: Collection[str]
    passed: set[int] = field(default_factory=set[int])
    """The items so far, by `id`."""
    repeats: list[tuple[Repeat, Collection[str]]] = field(default_factory=list["tuple[Repeat, Collection[str]]"])
    """The repeat whose iteration is looked at, with the names that are known before it: empty in another scope."""

    def row(self, items: Iterable[Item], seen: dict[str, Item]) -> None:
        """Items in order; `seen` are those with names before them in the scope."""
        for item in items:
            inside = seen if item.when is None else dict(seen)
            self.item(item, inside)
            self.row(item.otherwise or (), dict(seen))

    def item(self, item: Item, seen: dict[str, Item]) -> None:
        """One item, and those in it."""
        label, named = getattr(item, "label", None), item
        match item:
            case Call():
                for branch in item.branches or ():
                    self.row((branch,), seen)
            case Seq(label=None):
                self.row(item.layers, seen)
            case Seq() | Stage():
                self.scope(item.layers)
            case Repeat() if (again := single_reuse(item.layers)) is not None:
                self.reuse(again, seen, repeated=True)
            case Repeat():
                self.scope(item.layers, (item, seen.keys()))
            case Reuse():
                self.reuse(item, seen)
                named = seen.get(item.item, item)
            case _:
                pass
        self.passed.add(id(item))
        if label is not None:
            seen[label] = named

    def scope(self, items: Iterable[Item], *repeat: tuple[Repeat, Collection[str]]) -> None:
        """The items of a scope of its own, where no name from outside is known."""
        around, self.repeats = self.repeats, [*repeat]
        self.row(items, {})
        self.repeats = around

    def reuse(self, item: Reuse, seen: dict[str, Item], *, repeated: bool = False) -> None:
        """One `reuse`; `repeated` is whether it is all that a repeat consists of."""
        body, before = self.body, len(self.body.found.found)
        found = seen.get(item.item)
        if found is None:
            if not body.may_be(item.item):
                message, help = self.missing(item)
                body.found.error("E0415", message, item.place("item"), help=help)
        elif isinstance(found, Reuse):  # it is refused
            pass
        elif isinstance(found, Call) and found.branches is not None:
            message = f"`{item.item}` is a merge, which has no weights"
            body.found.error("E0415", message, item.place("item"), help="write it once more, with its branches")
        else:
            self.inputs(item, found)
            self.taps(item, found)
            if repeated:
                self.iteration(item, found)
        if len(body.found.found) > before:
            body.leave(item)

    def missing(self, item: Reuse) -> tuple[str, str]:
        """What is wrong with a name that is not known, and what to do about it."""
        name = item.item
        for repeat, known in self.repeats:
            if name in known:
                return f"`{name}` stands outside of the repeat: an iteration has layers of its own", _alone(
                    item, repeat
                )
        return f"`reuse` finds no item called `{name}` before it", self.help(item)

    def help(self, item: Reuse) -> str:
        """What to do about a name that no item before has."""
        name = item.item
        if name == item.label:
            return "it has this name itself: `item` is the name of what is used again, `name` its own"
        for other in self.body.items_in:
            if getattr(other, "label", None) == name:
                if id(other) not in self.passed:
                    return f"`{name}` comes later: put it before this item"
                return f"`{name}` stands in another part: {_SCOPE}"
        for other in self.body.items_in:
            if isinstance(other, Call) and other.name == name and other.label is None:
                given = ", ...}" if other.attributes or other.branches else "}"
                return f"give the item a name: `{name}: {{name: {name}{given}`"
        labels = {label for other in self.body.items_in if (label := getattr(other, "label", None)) is not None}
        if (match := nearest(name, labels)) is not None:
            return f"did you mean `{match}`?"
        return "name the item before it whose weights are to be used again, as in `conv: {name: first, ...}`"

    def inputs(self, item: Reuse, found: Item) -> None:
        """A block's inputs are given anew, and nothing else has inputs to be given."""
        block = self.body.spec.blocks.get(found.name) if isinstance(found, Call) else None
        if block is not None:
            self.body.fed(block, item.inputs, item.span)
        known = block.inputs if block is not None else ()
        for name, attribute in item.inputs.items():
            if name not in known:
                what = f"block `{block.name}`" if block is not None else f"`{item.item}`"
                help = f"its inputs are {', '.join(known)}" if known else "leave it out; its params are those it has"
                place = attribute.key_span or attribute.span
                self.body.found.error("E0401", f"{what} has no input `{name}`", place, help=help)

    def taps(self, item: Reuse, found: Item) -> None:
        """What is used again gives one tensor, but for a block's `outputs`."""
        layers = found.layers if isinstance(found, Seq | Stage | Repeat) else ()
        own = {id(inner) for inner in everything(layers)}
        taps: dict[str, Span | None] = {name: tap.span for name, tap in taps_in(layers).items()}
        for inner in everything(layers):
            taps |= {**result_names(inner), **lists_in((inner,))}
        for name, place in taps.items():
            outside = (other for other in self.body.items_in if id(other) not in own)
            if name in self.outputs or any(name in self.starts(other) for other in outside):
                message = f"`{item.item}` gives its tap `{name}` to what stands outside, so it cannot be used again"
                help = f"make a block of it, with `outputs: [{name}]`; each call gives them under its own name"
                self.body.found.error("E0415", message, place, help=help)

    def starts(self, item: Item) -> Iterable[object]:
        """The taps that an item starts from or takes."""
        if isinstance(item, Seq):
            return (tap_and_index(item.origin)[0],) if item.origin is not None else ()
        name = item.name if isinstance(item, Call) else item.block if isinstance(item, Stage) else None
        block = self.body.spec.blocks.get(name) if name is not None else None
        given = item.attributes if isinstance(item, Call) else item.arguments if isinstance(item, Stage) else {}
        given = item.inputs if isinstance(item, Reuse) else given
        taken = given if isinstance(item, Reuse) else block.inputs if block is not None else ()
        return [attribute.raw for key, attribute in given.items() if key in taken]

    def iteration(self, item: Reuse, found: Item) -> None:
        """In a repeat, what is used again is one iteration."""
        block = self.body.spec.blocks.get(found.name) if isinstance(found, Call) else None
        is_sequence = isinstance(found, Seq) or (isinstance(found, Stage) and found.block is None)
        if is_sequence or (block is not None and not block.outputs):
            return
        message = f"a repeat of `reuse` takes a named sequence, or a block's call; `{item.item}` is another item"
        if block is not None:
            message = f"a repeat of `reuse` takes one tensor; block `{block.name}` has `outputs` of its own"
        help = f"put it in a sequence, `{{name: {item.item}, layers: [...]}}`, and use that again"
        self.body.found.error("E0415", message, item.place("item"), help=help)


def _alone(item: Reuse, repeat: Repeat) -> str:
    """How a repeat uses an item again that stands before it."""
    alone = f"`repeat: {{times: ..., layers: [reuse: {item.item}]}}`"
    if len(repeat.layers) > 1:
        return f"name all that is repeated, `{{name: ..., layers: [...]}}`, put it before, and use it again by {alone}"
    if item.when is not None:
        return f"put the condition beside the repeat: `- {{{alone[1:-1]}, when: ...}}`"
    return f"a repeat of nothing but `reuse` calls it each time; then its iterations have no names: {alone}"
