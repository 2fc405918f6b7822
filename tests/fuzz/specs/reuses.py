"""Items that are used again, with the weights that they have, and layers that no output needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

from archspec.ir import OPS
from archspec.ir.tensor_type import Shape, TensorType
from tests.fuzz.specs.calls import Calls
from tests.fuzz.specs.items import MERGES, MOST_ROUNDS
from tests.fuzz.specs.places import Item, Made, Place, Spot
from tests.fuzz.specs.values import outputs


class Reuses(Calls):
    """Writes items, among them items once more."""

    def kinds_of_calls(self, place: Place) -> list[str]:
        """Calls, and, where there is something to be used again, that."""
        usable = self._usable(place)
        again = ["reuse"] * (2 + 6 * any(self._inputs(_parts(made.item)[0]) for made in usable)) if usable else []
        return [*super().kinds_of_calls(place), *again, "dead"]

    def write_call(self, place: Place, *, joined: bool = False) -> None:
        """A call of a new block; where that has inputs, which is rare, something is used again at once."""
        super().write_call(place, joined=joined)
        if any(self._inputs(_parts(made.item)[0]) for made in place.made[-2:]) and self._usable(place):
            self.write_reuse(place)

    def write_reuse(self, place: Place) -> None:
        """An item before this one in its scope, once more or in a repeat."""
        made = self.draw(st.sampled_from(self._usable(place)))
        kind, body = _parts(made.item)
        before, after = ([shapes[frame] for frame in place.frames] for shapes in (made.before, made.after))
        if not self._takes(made, place):
            self.fit(place, before[0])
        if place.shapes != before:  # an op takes it at another size
            after = self._at_other_size(made, place) or []
        for spot in _inside(place.spots, made.item):
            spot.is_sealed = True
        item = made.item if kind == "layers" else body
        if "name" not in item:
            made.item[kind] = item = {"name": self.fresh("n"), **item}
        label = item["name"]
        given = {name: self._alike(place, str(body[name])) for name in self._inputs(kind)}
        again = {**({"name": self.fresh("n")} if self.chance(3) else {}), **({"with": given} if given else {})}
        results = self.blocks[kind].get("outputs", []) if kind in self.blocks else []
        self.left -= 2 * len(place.frames)
        is_iteration = kind == "layers" or (kind in self.blocks and not results)
        if is_iteration and before == after and self.chance(2):
            again.pop("name", None)
            reuse: Item = {"reuse": {"item": label, **again} if again else label}
            times = self.draw(st.integers(0, MOST_ROUNDS))
            place.put({"repeat": self.named({"times": self._times(place, times), "layers": [reuse]})}, after)
            return
        if results:
            again = {"name": self.fresh("n"), **again}
        place.put({"reuse": {"item": label, **again} if again else label}, after)
        seen = dict(zip(place.frames, after, strict=True))
        for result in results if all(shape == before[0] for shape in before) and place.uniform else ():
            old = next((spot for spot in place.spots if spot.name == f"{label}.{result}"), None)
            if old is not None and old.shapes.keys() >= seen.keys():
                shapes = {frame: old.shapes[frame] for frame in seen}
                spot = Spot(place.items, place.items[-1], shapes, f"{again['name']}.{result}", is_result=True)
                place.spots.append(spot)

    def write_dead(self, place: Place) -> None:
        """Items that nothing needs, but for the weights of one of them."""
        back = self.here(place)
        start = self.tap(back)
        shapes, known = list(place.shapes), len(place.made)
        self.row(place, 1, 2)
        inner = place.inside()
        inner.shapes, spots = shapes, place.spots
        wanted = [made for made in self._usable(inner) if made in place.made[known:]]
        if self.chance(2):
            self.row(inner, 1, 1)
            wanted = [made for made in self._usable(inner) if made in place.made[known:]]
        if wanted:
            self.write_reuse(inner)
        self.row(inner, 0, 1)
        place.spots = list(dict.fromkeys([*spots, *inner.spots]))
        place.put({"from": start, "layers": inner.items} if inner.items else {"from": start}, inner.shapes)

    def _usable(self, place: Place) -> list[Made]:
        """What can be used again here, the last first."""
        found = [made for made in reversed(place.made) if self._can_be_used(made, place)]
        # A block with inputs is rare, and has more to go wrong: it is drawn more often.
        often = [made for made in found for _ in range(1 + 5 * bool(self._inputs(_parts(made.item)[0])))]
        return often if self.left > 0 else []

    def _can_be_used(self, made: Made, place: Place) -> bool:
        if made.item.keys() & {"from", "when", "else", "reuse", "tap"}:
            return False
        kind, body = _parts(made.item)
        if kind in MERGES or "outputs" in body or (kind == "layers" and "name" not in made.item):
            return False
        if not all(frame in made.before for frame in place.frames):
            return False
        if any(spot.name is not None for spot in _inside(place.spots, made.item)):
            return False
        if any(self._alike(place, str(body[name])) is None for name in self._inputs(kind)):
            return False
        before, after = ([shapes[frame] for frame in place.frames] for shapes in (made.before, made.after))
        if place.keep == "shape":
            return before == after == place.shapes
        if place.keep == "rank" and any(len(one) != len(other) for one, other in zip(after, place.shapes, strict=True)):
            return False
        one_rank = len({len(shape) for shape in place.shapes}) == 1
        return self._takes(made, place) or (len(set(before)) == 1 and one_rank and place.keep == "nothing")

    def _takes(self, made: Made, place: Place) -> bool:
        """Whether an item takes what arrives as it is."""
        return place.shapes == [made.before[frame] for frame in place.frames] or bool(self._at_other_size(made, place))

    def _at_other_size(self, made: Made, place: Place) -> list[Shape] | None:
        """What a convolution or a norm gives for maps of another size."""
        kind, body = _parts(made.item)
        if kind not in ("conv", "batch_norm", "prelu", "depthwise_conv") or place.keep != "nothing":
            return None
        if any(len(shape) != 3 for shape in place.shapes):
            return None
        attributes = {key: value for key, value in body.items() if key != "name"}
        found = outputs(OPS[kind], attributes, place.all_names, [(shape,) for shape in place.shapes])
        pairs = [
            *zip(place.shapes, (made.before[frame] for frame in place.frames), strict=True),
            *zip(found or (), (made.after[frame] for frame in place.frames), strict=False),
        ]
        return found if found and all(_wide(one) == _wide(other) for one, other in pairs) else None

    def _inputs(self, kind: str) -> Sequence[str]:
        """The inputs of a block."""
        return self.blocks[kind].get("inputs", ()) if kind in self.blocks else ()

    def _alike(self, place: Place, name: str) -> str | None:
        """The name of a tensor like this one, which can be seen here."""
        return name if any(spot.name == name for spot in self.seen(place)) else None


def _parts(item: Item) -> tuple[str, dict[str, Any]]:
    """What an item is, and the mapping of it."""
    if "layers" in item:
        return "layers", item
    kind = next(iter(item))
    return kind, item[kind] if isinstance(item[kind], dict) else {}


def _inside(spots: Sequence[Spot], item: Item) -> list[Spot]:
    """The tensors in an item."""
    lists = set(map(id, _lists(item)))
    return [spot for spot in spots if id(spot.items) in lists]


def _lists(data: Any) -> Iterator[list[Any]]:
    if isinstance(data, list):
        yield data
    for inner in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        yield from _lists(inner)


def _wide(shape: Shape) -> int:
    return TensorType.of_shape(shape).channels
