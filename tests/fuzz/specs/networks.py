"""Whole specs."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from archspec.ir.tensor_type import Shape
from tests.fuzz.specs.expressions import Draw
from tests.fuzz.specs.places import START, Frame, Group, Item, Owner, Place, Spot
from tests.fuzz.specs.reuses import Reuses

MOST_LAYERS: Final = 20
DEFAULTS: Final = (
    *(("conv", "bias", False), ("conv", "weight_decay", 0.01), ("dense", "bias", False), ("batch_norm", "eps", 0.01)),
    *(("batch_norm", "decay", 0.5), ("batch_norm", "affine", False), ("layer_norm", "eps", 0.1)),
)


@st.composite
def specs(draw: Draw, layers: int = MOST_LAYERS) -> dict[str, Any]:
    """A valid spec, as YAML has it, of so many layers or not many more."""
    return _Network(draw, layers).spec()


class _Network(Reuses):
    """Writes one spec."""

    def spec(self) -> dict[str, Any]:
        owner = Owner([Group([0])], values=[{}], is_block=False)
        frame = Frame(0)
        inputs = [self._shape() for _ in range(self.draw(st.sampled_from((1, 1, 1, 2))))]
        names = ["input"] if len(inputs) == 1 else ["image", "more"]
        spots = [Spot([], START, {frame: shape}, name) for shape, name in zip(inputs, names, strict=True)]
        place = Place(owner, [frame], [inputs[0]], spots[::-1], "nothing", 4)
        if self.chance(12):  # what is used again with inputs hardly comes about by itself
            self.write_call(place, joined=True)
        self.row(place, 1, 15)
        if len(inputs) == 2:
            self.join(place, spots[1])  # it leads somewhere
        outputs = self._taps(place)
        found: dict[str, Any] = {"archspec": 1, "name": "drawn"}
        if owner.params:
            found["params"] = owner.params
        if len(inputs) == 1:
            found["input"] = self._input(inputs[0])
        else:
            found["inputs"] = {name: self._input(shape) for name, shape in zip(names, inputs, strict=True)}
        if defaults := self._defaults():
            found["defaults"] = defaults
        if self.blocks:
            found["blocks"] = self.blocks
        found |= self._parts(place.items)
        if outputs:
            found["outputs"] = outputs
        plain: dict[str, Any] = _plain(found)
        return plain

    def _shape(self) -> Shape:
        match self.draw(st.sampled_from(("image", "image", "tokens", "features"))):
            case "image":
                size = st.integers(4, 12)
                return self.draw(st.sampled_from((4, 1, 2, 3, 5, 6, 8))), self.draw(size), self.draw(size)
            case "tokens":
                return self.draw(st.integers(1, 9)), self.draw(st.sampled_from((4, 1, 2, 3, 6, 8)))
            case _:
                return (self.draw(st.integers(1, 12)),)

    def _input(self, shape: Shape) -> dict[str, Any]:
        if len(shape) == 3 and not self.chance(4):
            return dict(zip(("channels", "height", "width"), shape, strict=True))
        return {"shape": list(shape)}

    def _taps(self, place: Place) -> list[str]:
        """Several outputs, the last tensor among them; or none, where that is the only one."""
        if not self.chance(3):
            return []
        spots = [spot for spot in self.seen(place)[::-1] if not spot.of_call]
        chosen = self.draw(st.lists(st.sampled_from(spots), unique=True, max_size=2))
        return [self.tap(spot) for spot in dict.fromkeys([*chosen, self.here(place)])]

    def _defaults(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        if self.chance(3):
            for op, attribute, value in self.draw(st.lists(st.sampled_from(DEFAULTS), unique=True, max_size=3)):
                found.setdefault(op, {})[attribute] = value
        return found

    def _parts(self, items: list[Item]) -> dict[str, Any]:
        if not self.chance(3):
            return {"layers": items}
        first, last = sorted(self.draw(st.integers(0, len(items))) for _ in range(2))
        stages = [self._entry(item) for item in items[first:last]]
        parts = {"stem": items[:first], "stages": stages, "head": items[last:]}
        return {name: part for name, part in parts.items() if part}

    def _entry(self, item: Item) -> Item:
        """An item as it is written under `stages`."""
        if set(item) == {"stage"}:
            return dict(item["stage"])
        return item


def _plain(data: Any) -> Any:
    """The same in the way it is written by hand: an op without attributes is a word, and nothing is shared."""
    if isinstance(data, list):
        return [_word(item) if isinstance(item, dict) else _plain(item) for item in data]
    if isinstance(data, dict):
        return {key: _plain(value) for key, value in data.items()}
    return data


def _word(item: dict[str, Any]) -> Any:
    if len(item) == 1 and next(iter(item.values())) == {}:
        return next(iter(item))
    return _plain(item)
