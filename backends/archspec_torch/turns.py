"""Members of sequences that `forward` calls in a loop: `for conv, norm in zip(self.convs, self.norms)`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from archspec.codegen.escaping import variable_name
from archspec.codegen.marked_text import as_marked
from archspec.codegen.pretty_printer import INDENT, call, lay_out
from archspec.codegen.singular import singular
from archspec.codegen.tree import CallUse, ChoiceUse, ItemUse, LayerUse, Tree
from archspec.reserved_names import in_sequence

ROUND: Final = "__round__"
"""What stands around the lines of an iteration in labeled source: `with __round__(0, {"convs": "conv"}):`."""
_MEMBER: Final = re.compile(r"\bself\.(\w+)\[(\d+)\]")
_TENSOR: Final = re.compile(r"(?<![\w.])(\w+)\[(\d+)\]")
_FEW_ROUNDS: Final = 3
"""So few statements are read sooner one after the other, where there are two rounds."""


@dataclass(frozen=True, slots=True)
class Turns:
    """Items of a `forward`, so many rounds of them that only the place of the members in their lists differs."""

    starts: tuple[int, ...]
    """The locations of the first item of each round."""
    end: int | None
    """The location of the item after the last round; None where there is none."""
    names: Mapping[str, str]
    """The lists whose members are called, and what a member is called in the loop."""
    counted: tuple[str, frozenset[str]] | None = None
    """The variable that has the number of the round, and the lists of tensors that are taken from by it."""

    @property
    def places(self) -> tuple[int | None, ...]:
        """The locations at which a round begins, and that at which the last ends."""
        return (*self.starts, self.end)


def candidates(tree: Tree, lists: Mapping[str, int], taken: Sequence[str]) -> Iterator[list[Turns]]:
    """What may be loops: for each list in turn the rounds that its members may stand in; `lists` have these lengths."""
    items = tree.items
    places: dict[str, list[int]] = {}
    for place, item in enumerate(items):
        name, own = sequence_of(item)
        if name in lists and own == str(len(places.setdefault(name, []))):
            places[name].append(place)
    done: set[str] = set()
    for name, found in places.items():
        if name in done or len(found) != lists[name] or len(found) < 2:
            continue
        period = found[1] - found[0]
        first = found[0]
        possible: list[Turns] = []
        for start in range(first, first - period, -1):
            end = start + period * len(found)
            if start < 0 or end > len(items):
                continue
            rounds = [items[start + period * number : start + period * (number + 1)] for number in range(len(found))]
            if any([*map(kind_of, some)] != [*map(kind_of, rounds[0])] for some in rounds):
                continue
            of_round = dict.fromkeys(name for item in rounds[0] if (name := sequence_of(item)[0]) in lists)
            if any(lists[other] != len(found) for other in of_round):
                continue
            after = items[end].location if end < len(items) else None
            possible.append(Turns(tuple(some[0].location for some in rounds), after, variables(of_round, taken)))
        if possible:
            done |= {other for turns in possible for other in turns.names}
            yield possible


def sequence_of(item: ItemUse) -> tuple[str, str]:
    """The sequence whose member an item calls, and what the member is called there; both empty where there is none."""
    return in_sequence("" if isinstance(item, ChoiceUse) else item.reuses or item.name)


def kind_of(item: ItemUse) -> object:
    """What two items have in common of which a loop is made."""
    match item:
        case LayerUse():
            return item.op, in_sequence(item.name)[0]
        case CallUse():
            return id(item.definition), in_sequence(item.name)[0]
        case ChoiceUse():
            return ChoiceUse, len(item.then.items), len(item.other.items)
        case _:
            return type(item), in_sequence(item.name)[0]


def variables(lists: Mapping[str, None], taken: Sequence[str]) -> dict[str, str]:
    """What a member of each list is called: as the list, in the singular."""
    found: dict[str, str] = {}
    for name in lists:
        found[name] = variable_name(singular(name).lower(), {*taken, *found.values()})
    return found


def rounds(lines: Sequence[str], ends: Sequence[int]) -> list[Sequence[str]]:
    """The lines of each round, between these ends."""
    return [lines[start:end] for start, end in pairwise(ends)]


def loop(lines: Sequence[str], ends: Sequence[int], turns: Turns, depth: int) -> list[str] | None:
    """The rounds as a loop; None where they differ in more than the members' places."""
    together = rounds(lines, ends)
    length = len(together[0])
    if any(len(some) != length for some in together) or length == 0 or (len(together) == 2 and length < _FEW_ROUNDS):
        return None
    if any(line.endswith(("(", "[", "{")) for line in together[0]):  # shorter names would break it elsewhere
        return None
    found: list[str] = []
    start = _carried_from(together, turns) if turns.counted is None else None
    if start is not None:
        before, after = start
        together = [[as_marked(re.sub(rf"\b{before}\b", after, line), line) for line in together[0]], *together[1:]]
    for alike in zip(*together, strict=True):
        texts = {_without_place(line, number, turns) for number, line in enumerate(alike)}
        if len(texts) > 1 or None in texts:
            return None
        [text] = texts
        found.append(as_marked(f"{INDENT}{text}", *alike))
    written = " ".join(found)
    names = {name: single for name, single in turns.names.items() if re.search(rf"\b{single}\(", written)}
    if names != dict(turns.names):
        return None
    first = [] if start is None else [f"{INDENT * depth}{start[1]} = {start[0]}"]
    index = "" if turns.counted is None else turns.counted[0]
    return [*first, *header(turns.names, depth, index), *found]


def _carried_from(together: Sequence[Sequence[str]], turns: Turns) -> tuple[str, str] | None:
    """The variable that the first round takes, and that which the others take in its place; None where that is one.

    The first is needed after the loop, so that what the rounds carry along is in another.
    """
    first, second = ([_without_place(line, number, turns) or "" for line in together[number]] for number in (0, 1))
    pairs = [(one, other) for one, other in zip(map(_words, first), map(_words, second), strict=True) if one != other]
    changed = {pair for one, other in pairs for pair in zip(one, other, strict=False) if pair[0] != pair[1]}
    if len(changed) != 1:
        return None
    [(before, after)] = changed
    given = next((place for place, line in enumerate(first) if after in _words(line)), len(first))
    is_given = given < len(first) and re.fullmatch(rf" *{after} = (?!.*\b{after}\b).*", first[given]) is not None
    if not is_given or any(before in _words(line) for line in first[given + 1 :]):
        return None
    return before, after


def _words(line: str) -> list[str]:
    """The variables that a line speaks of, and the functions that it calls."""
    return re.findall(r"(?<![\w.])\w+", line)


def _without_place(line: str, number: int, turns: Turns) -> str | None:
    """A line of a round with its own members by name, and its tensors of lists by the index; None for another's."""
    names = turns.names
    if any(name not in names or place != str(number) for name, place in _MEMBER.findall(line)):
        return None
    line = _MEMBER.sub(lambda found: names[found[1]], line)
    if turns.counted is None:
        return line
    index, lists = turns.counted
    return _TENSOR.sub(
        lambda found: f"{found[1]}[{index}]" if found[1] in lists and found[2] == str(number) else found[0], line
    )


def header(names: Mapping[str, str], depth: int, index: str = "") -> list[str]:
    """The line that a loop begins with; `index` is the variable that has the number of the round, where one has."""
    lists = [f"self.{name}" for name in names]
    over = lists[0] if len(lists) == 1 else call("zip", *lists)
    variables = ", ".join(names.values())
    if index:
        over = call("enumerate", over)
        variables = f"{index}, {variables}" if len(lists) == 1 else f"{index}, ({variables})"
    return lay_out(over, depth, f"for {variables} in ", ":")
