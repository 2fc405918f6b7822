"""What stands in the bodies of the network and its blocks, at any depth: items, taps, calls, circles of calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from archspec.errors import Diagnostics, Note, Span
from archspec.ir.ops import OPS
from archspec.spec import Attribute, Block, Call, Item, LocatedList, Repeat, Reuse, Spec, Stage, Tap
from archspec.spec import Sequence as Seq


def taps_in(items: Iterable[Item]) -> dict[str, Tap]:
    """The taps, by name."""
    found: dict[str, Tap] = {}
    for item in everything(items):
        if isinstance(item, Tap):
            found[item.name] = item
    return found


def marks_in(items: Iterable[Item]) -> set[str]:
    """The names that taps, and ops of several results, give to tensors."""
    items = tuple(items)
    return {*taps_in(items), *(name for item in everything(items) for name in result_names(item))}


def lists_in(items: Iterable[Item]) -> dict[str, Span | None]:
    """The names of lists of tensors, each with its place: what repeats collect, or ops of several results give."""
    found: dict[str, Span | None] = {}
    for item in everything(items):
        if isinstance(item, Repeat) and item.collect is not None:
            found[item.collect] = item.place("collect")
        elif (given := list_named(item)) is not None:
            found[str(given.raw)] = given.span
    return found


def list_named(item: Item) -> Attribute | None:
    """The name of a list under `outputs` of an op of several results, where one name stands for all of them."""
    op = OPS.get(item.name) if isinstance(item, Call) else None
    given = item.attributes.get("outputs") if op is not None and op.several and isinstance(item, Call) else None
    return given if given is not None and isinstance(given.raw, str) else None


def conditional_marks(items: Iterable[Item], *, under: bool = False) -> set[str]:
    """The names of tensors that are marked under a condition, and in no repeat: they are there where it holds."""
    found: set[str] = set()
    for item in items:
        inside = under or item.when is not None
        if isinstance(item, Repeat):
            continue
        if inside:
            found |= {item.name} if isinstance(item, Tap) else result_names(item).keys()
        if isinstance(item, Call):
            found |= conditional_marks(item.branches or (), under=inside)
        elif isinstance(item, Seq | Stage):
            found |= conditional_marks(item.layers, under=inside)
        found |= conditional_marks(item.otherwise or (), under=True)
    return found


def carried_out(items: Iterable[Item]) -> Iterator[str]:
    """The taps that repeats carry along, and that stand for others after the items: not those within another repeat."""
    for item in items:
        if isinstance(item, Repeat):
            yield from item.carry
        elif isinstance(item, Call):
            yield from carried_out(item.branches or ())
        elif isinstance(item, Seq | Stage):
            yield from carried_out(item.layers)
        yield from carried_out(item.otherwise or ())


def result_names(item: Item) -> dict[str, Span | None]:
    """The taps by which an op of several results is said to mark them, in order, each with its place."""
    op = OPS.get(item.name) if isinstance(item, Call) else None
    if op is None or not op.several or not isinstance(item, Call) or "outputs" not in item.attributes:
        return {}
    given = item.attributes["outputs"]
    if not isinstance(given.raw, list):
        return {}
    spans = given.raw.item_spans if isinstance(given.raw, LocatedList) else [given.span] * len(given.raw)
    return {name: span for name, span in zip(given.raw, spans, strict=True) if isinstance(name, str)}


def given_by_calls(items: Iterable[Item], blocks: Mapping[str, Block]) -> set[str]:
    """What calls with a name give besides their result: `name.output`."""
    named: dict[str, list[Call | Reuse]] = {}  # a name is unique in its scope alone: others have it, too
    for item in everything(items):
        if isinstance(item, Call | Reuse) and item.label:
            named.setdefault(item.label, []).append(item)
    return {f"{label}.{output}" for label in named for output in _outputs(label, named, blocks)}


def _outputs(label: str, named: Mapping[str, Iterable[Call | Reuse]], blocks: Mapping[str, Block]) -> set[str]:
    """The `outputs` of the blocks that items of this name call, or used to call where they are used again."""
    found: set[str] = set()
    seen, left = {label}, [label]
    while left:
        for item in named.get(left.pop(), ()):
            if isinstance(item, Reuse):
                left += {item.item} - seen
                seen.add(item.item)
            elif item.name in blocks:
                found.update(blocks[item.name].outputs)
    return found


def everything(items: Iterable[Item]) -> Iterator[Item]:
    """All items, those inside of others included."""
    stack = list(items)
    while stack:
        item = stack.pop()
        yield item
        if isinstance(item, Call):
            stack += item.branches or ()
        elif isinstance(item, Seq | Repeat | Stage):
            stack += item.layers
        stack += item.otherwise or ()


def bare(branch: Item) -> Call | None:
    """The call that a branch consists of, if that is a name and no more."""
    only = branch.layers[0] if isinstance(branch, Seq) and len(branch.layers) == 1 else None
    is_bare = isinstance(only, Call) and not only.attributes and only.branches is None and only.label is None
    return only if isinstance(only, Call) and is_bare else None


def _called(item: Item) -> str:
    """The name of the block that an item calls, if it calls one."""
    if isinstance(item, Stage):
        return item.block or ""
    return item.name if isinstance(item, Call) else ""


def check_circles(spec: Spec, found: Diagnostics) -> None:
    """Note the first circle of blocks that call each other."""
    calls = {
        name: {called: item.span for item in everything(block.layers) if (called := _called(item)) in spec.blocks}
        for name, block in spec.blocks.items()
    }
    done: set[str] = set()
    for start in calls:
        trail: dict[str, None] = {}  # in order, and looked up
        stack: list[tuple[str, Iterator[str]]] = [(start, iter(calls[start]))]
        trail[start] = None
        while stack and start not in done:
            name, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                stack.pop()
                trail.popitem()
                done.add(name)
            elif following in trail:
                way = list(trail)
                circle = [*way[way.index(following) :], following][:20]
                steps = list(pairwise(circle))
                notes = [Note(f"`{block}` calls `{called}`", calls[block][called]) for block, called in steps]
                message = f"blocks call each other in a circle: {' → '.join(circle)}"
                help = "let one of them do without the other; `repeat` writes layers several times"
                found.error("E0413", message, notes[0].span, notes=notes[1:], label=notes[0].message, help=help)
                return
            elif following not in done:
                trail[following] = None
                stack.append((following, iter(calls[following])))
