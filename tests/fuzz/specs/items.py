"""Items: ops with their attributes, merges, sequences, conditions, repeats, taps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any, Final

from hypothesis import strategies as st

from archspec.ir import OPS
from archspec.ir.op import Op
from archspec.ir.tensor_type import Shape, TensorType
from tests.fuzz.specs.expressions import Draw, Expressions
from tests.fuzz.specs.places import Frame, Item, Place, Spot
from tests.fuzz.specs.values import MOST_CHANNELS, Keep, Yaml, fitting, is_given, literals, outputs, starts, value_of

MERGES: Final = tuple(name for name, op in OPS.items() if op.kind == "merge" and name not in ("matmul", "divide"))
MOST_ROUNDS: Final = 3


def strict(*keeps: Keep) -> Keep:
    """What is kept where each of these is asked for."""
    return max(keeps, key=("nothing", "rank", "shape").index)


def with_channels(shape: Shape, count: int) -> Shape:
    """The shape with another number of channels or features."""
    return TensorType.of_shape(shape).with_channels(count).sizes


class Items(Expressions):
    """Writes items, each of which fits where it stands."""

    def __init__(self, draw: Draw, layers: int) -> None:
        super().__init__(draw)
        self.left = layers
        """How many more layers the network may have."""

    # Sequences

    def row(self, place: Place, least: int, mean: int) -> None:
        """Some items in a row."""
        for at in count():
            another = st.builds(self._another, st.just(place), st.just(mean), st.just(at < least))
            if (at >= least and self.left <= 0) or not self.draw(another):
                return

    def _another(self, place: Place, mean: int, forced: bool) -> bool:
        """Write one more item, or end the row. It is drawn as one strategy, so that hypothesis can leave it out."""
        if not self.draw(st.integers(0, mean)) and not forced:
            return False
        self.item(place)
        return True

    def item(self, place: Place) -> None:
        """One item, of any kind that there is room for."""
        kinds = ["op"] * 6
        if place.nesting > 0 and self.left > len(place.frames):
            kinds += [*["merge", "condition"] * 2, "sequence", "repeat", "start", *self.kinds_of_calls(place)]
        getattr(self, f"write_{self.draw(st.sampled_from(kinds))}")(place)

    def kinds_of_calls(self, place: Place) -> list[str]:
        """What `Calls` adds."""
        return []

    def named(self, item: dict[str, Any], one_in: int = 3) -> dict[str, Any]:
        """The mapping, sometimes with a name."""
        return {"name": self.fresh("n"), **item} if self.chance(one_in) else item

    # Ops

    def write_op(self, place: Place) -> None:
        """An op with some of its attributes."""
        found = starts(tuple(place.shapes), place.keep)
        # What has more attributes, or cannot stand everywhere, has more to go wrong: it is drawn more often.
        anywhere = starts(((MOST_CHANNELS,),), "nothing")
        often = [
            name for name in found for _ in range(1 + len(OPS[name].attributes()) // 2 + 3 * (name not in anywhere))
        ]
        name = self.draw(st.sampled_from(sorted(often, key=lambda name: len(OPS[name].attributes()))))
        self.attributed(place, name, dict(found[name]), [(shape,) for shape in place.shapes])

    def attributed(
        self, place: Place, name: str, attributes: dict[str, Yaml], inputs: Sequence[Sequence[Shape]]
    ) -> None:
        """An op of one input, whose required attributes are given and fit."""
        op = OPS[name]
        infos = op.attributes()
        known = [info.name for info in infos.values() if literals(info, inputs[0][0])]
        is_named = op.several and self.chance(2)  # all results, by names, or one of them by its number
        needed = [
            key
            for key in known
            if is_given(name, infos[key]) or (op.several and not is_named and infos[key].default is None)
        ]
        optional = [key for key in known if key not in needed and not is_named]
        chosen = self.draw(st.lists(st.sampled_from(optional), unique=True, max_size=4)) if optional else []
        for key in [*chosen, *needed] if self.chance(3) else [*needed, *chosen]:
            self._attribute(place, op, attributes, key, inputs)
        counts: set[int] = set()
        shapes = outputs(op, attributes, place.all_names, inputs, place.keep, result_counts=counts)
        assert shapes is not None, (name, attributes, inputs)
        if counts == {1}:
            self.emit(place, name, self.named(attributes, 5), shapes)
        elif len(counts) == 1:
            names = [self.fresh("t") for _ in range(counts.pop())]
            self.emit(place, name, {**self.named(attributes, 5), "outputs": names}, shapes)
            seen = dict(zip(place.frames, shapes, strict=True))
            place.spots += [Spot(place.items, place.items[-1], seen, word, is_result=True) for word in names]
        else:  # as many names as there are results in one call are not right in another
            self.plain(place, "identity")

    def _attribute(
        self, place: Place, op: type[Op], attributes: dict[str, Yaml], key: str, inputs: Sequence[Sequence[Shape]]
    ) -> None:
        def fits(value: Yaml) -> bool:
            return outputs(op, {**attributes, key: value}, place.all_names, inputs, place.keep) is not None

        found = fitting(literals(op.attributes()[key], inputs[0][0]), fits)
        if found:
            value = self.draw(st.sampled_from(found))
            is_text = op.attributes()[key].kind.is_text  # as it stands: no expression makes it
            attributes[key] = value if is_text else self.expressed(place, value, found, fits)

    def emit(self, place: Place, name: str, attributes: dict[str, Yaml], shapes: Sequence[Shape]) -> None:
        """An op as an item."""
        self.left -= len(place.frames)
        place.put({name: attributes}, shapes)

    def plain(self, place: Place, name: str, attributes: dict[str, Yaml] | None = None) -> None:
        """A certain op with certain attributes, which fit."""
        attributes, inputs = attributes or {}, [(shape,) for shape in place.shapes]
        shapes = outputs(OPS[name], attributes, place.all_names, inputs, any_size=True)
        assert shapes is not None, (name, attributes, place.shapes)
        self.emit(place, name, attributes, shapes)

    def fit(self, place: Place, target: Shape, width: Yaml = None) -> None:
        """Whatever makes a tensor of this shape of the one that arrives.

        Args:
            place: where, with the same number of axes in all frames.
            target: the shape, the same in all frames but for the channels.
            width: the channels as an expression, where they are not the target's in all frames.
        """
        wide = self._widths(place, target, width)
        if len(target) != place.ranks and place.ranks > 1:
            self.plain(place, "global_avg_pool", {"keep_axes": False})
        if len(target) == 1:
            if [TensorType.of_shape(shape).channels for shape in place.shapes] != wide:
                self.plain(place, "dense", {"units": width or target[0]})
            return
        if place.ranks == 1:
            self.plain(place, "reshape", {"shape": [-1, 1, 1] if len(target) == 3 else [1, -1]})
        if len(target) == 3:
            if any(shape[1:] != target[1:] for shape in place.shapes):
                self.plain(place, "adaptive_avg_pool", {"size": list(target[1:])})
            if [shape[0] for shape in place.shapes] != wide:
                self.plain(place, "conv", {"filters": width or target[0], "kernel": 1})
            return
        if any(shape[0] != target[0] for shape in place.shapes):
            self.plain(place, "transpose")
            self.plain(place, "dense", {"units": target[0]})
            self.plain(place, "transpose")
        if [shape[1] for shape in place.shapes] != wide:
            self.plain(place, "dense", {"units": width or target[1]})

    def _widths(self, place: Place, target: Shape, width: Yaml) -> list[int]:
        names = place.all_names
        if isinstance(width, str):
            return [value_of(width, seen) for seen in names]
        return [width or TensorType.of_shape(target).channels] * len(names)

    # Sequences, conditions, repeats

    def write_sequence(self, place: Place) -> None:
        """Items in a row as one item."""
        name = self.named({}, 2)
        inner = place.inside(scope=bool(name))
        self.row(inner, 1, 2)
        self._close(place, inner, {**name, "layers": inner.items})

    def _close(self, place: Place, inner: Place, item: Item) -> None:
        """End a list of items that is always there: its taps are seen afterwards."""
        place.spots = list(dict.fromkeys([*place.spots, *inner.spots]))
        place.put(item, inner.shapes)

    def write_condition(self, place: Place) -> None:
        """An item that stands there under a condition, and what stands in its place otherwise."""
        text, found = self.condition(place)
        keep = strict(place.keep, "rank" if len(set(found)) > 1 else "nothing")
        sides: dict[bool, tuple[list[Item], dict[Frame, Shape]]] = {}
        label = self.named({}, 2)
        for side in (True, False):
            taken = [one is side for one in found]
            # Where it never stands it is written for all frames: it is read, if not built.
            inner = place.some(taken if any(taken) else [True] * len(taken), scope=side and bool(label))
            inner.keep = keep if any(taken) else place.keep
            if side or self.chance(2):
                self.row(inner, 1, 1 if side else 2)
            sides[side] = inner.items, dict(zip(inner.frames, inner.shapes, strict=True))
        then, other = sides[True][0], sides[False][0]
        item: Item = {"when": text, **({"else": other} if other else {})}
        first = next(iter(then[0]))
        # An op or a call has its condition beside it; anything else is put in a sequence.
        plain = len(then) == 1 and len(then[0]) == 1 and first in OPS and first not in MERGES
        item = {first: then[0][first], **item} if plain else {**label, "layers": then, **item}
        place.put(item, [sides[one][1][frame] for one, frame in zip(found, place.frames, strict=True)])

    def write_repeat(self, place: Place) -> None:
        """The same items several times."""
        times = self.draw(st.integers(0, MOST_ROUNDS))
        inner = place.inside(scope=True)
        frames = [Frame(frame.call, frame, index) for frame in place.frames for index in range(max(times, 1))]
        inner.frames, inner.shapes = frames, [shape for shape in place.shapes for _ in range(max(times, 1))]
        target, width = place.shapes[0], None
        if place.keep == "shape" or not place.uniform or not self.chance(2):
            inner.keep = "shape"
            self.row(inner, 1, 2)
        else:
            inner.keep = strict(place.keep, "rank")
            width = self.draw(st.sampled_from([4, 2, 3, 6, "i + 2", "2 * (i + 1)", "8 - 2 * i", "[4, 2, 6][i]"]))
            self._widen(inner, width)
            self.row(inner, 1, 2)
            self.fit(inner, target, width)
        item = {"times": self._times(place, times), "layers": inner.items}
        ends = [inner.shapes[at + max(times, 1) - 1] for at in range(0, len(frames), max(times, 1))]
        place.put({"repeat": self.named(item, 2)}, ends if times else place.shapes)

    def _widen(self, inner: Place, width: Yaml) -> None:
        """Each round after the first gets as many channels as the round before it gives."""
        for at, frame in enumerate(inner.frames):
            if frame.index:
                before = width if isinstance(width, int) else value_of(width, {"i": frame.index - 1})
                inner.shapes[at] = with_channels(inner.shapes[at], before)

    def _times(self, place: Place, times: int) -> Yaml:
        if self.chance(3):
            return self.param(
                place.owner, times, [times], lambda name: all(names[name] == times for names in place.all_names)
            )
        return times

    # Merges and taps

    def write_merge(self, place: Place) -> None:
        """Branches, and what joins them."""
        branch_count, free = self.draw(st.sampled_from((2, 2, 3))), place.uniform and place.keep != "shape"
        first = place.inside()
        first.keep = place.keep if free else "shape"
        self.row(first, 0, 2)
        possible = [name for name in MERGES if branch_count <= (OPS[name].most_inputs or branch_count)]
        found = [name for name in possible if self._joined(place, name, {}, [first.shapes] * branch_count) is not None]
        free = free and first.uniform
        if not found or not (free or first.shapes == place.shapes):  # it is too large, or others cannot come to fit it
            self._close(place, first, {"layers": first.items} if first.items else {"identity": {}})
            return
        name = self.draw(st.sampled_from(found))
        inners, branches = [first], [first.items]
        for _ in range(1, branch_count):
            inner, branch = self._branch(place, self._beside(name, first.shapes[0]) if free else None)
            inners.append(inner)
            branches.append(branch)
        inputs, attributes = [inner.shapes for inner in inners], dict[str, Yaml]()
        for info in OPS[name].attributes().values():
            values = literals(info, first.shapes[0])
            fits = [value for value in values if self._joined(place, name, {info.name: value}, inputs) is not None]
            if fits and self.chance(2):
                attributes[info.name] = self.draw(st.sampled_from(fits))
        shapes = self._joined(place, name, attributes, inputs)
        assert shapes is not None, (name, attributes, inputs)
        place.spots = list(dict.fromkeys([*place.spots, *(spot for inner in inners for spot in inner.spots)]))
        attributes = self.named(attributes)
        self.left -= len(place.frames)
        place.put({name: {**attributes, "branches": branches} if attributes else branches}, shapes)

    def _joined(
        self, place: Place, name: str, attributes: dict[str, Yaml], branches: Sequence[Sequence[Shape]]
    ) -> list[Shape] | None:
        """What a merge gives in each frame."""
        inputs = [[shapes[at] for shapes in branches] for at in range(len(place.frames))]
        found = outputs(OPS[name], attributes, place.all_names, inputs)
        pairs = list(zip(found or (), place.shapes, strict=False))
        if place.keep == "shape" and any(one != old for one, old in pairs):
            return None
        return None if place.keep == "rank" and any(len(one) != len(old) for one, old in pairs) else found

    def _beside(self, merge: str, shape: Shape) -> Shape:
        """A shape that may be joined with this one."""
        if merge == "concat" and self.chance(2):
            return with_channels(shape, self.draw(st.integers(1, TensorType.of_shape(shape).channels)))
        if merge in ("multiply", "divide") and len(shape) > 1:
            scale = (shape[0], 1, 1) if len(shape) == 3 else (1, shape[1])
            return tuple(self.draw(st.sampled_from((shape, scale, with_channels(shape, 1)))))
        return shape

    def _branch(self, place: Place, target: Shape | None) -> tuple[Place, Yaml]:
        """A branch that gives this shape, or what arrives in each frame."""
        inner, item = place.inside(), Item()
        inner.keep = "shape" if target is None else strict(place.keep, "rank")
        if target is not None and self.chance(3):
            item = self.start(inner)
        if self.chance(2):
            self.row(inner, 1, 1)
        if target is not None:
            self.fit(inner, target)
        if not item:
            return inner, inner.items
        return inner, {**item, "layers": inner.items} if inner.items else item

    def start(self, inner: Place) -> Item:
        """Start a list of items from a tensor that can be seen there."""
        spot = self.draw(st.sampled_from(self.seen(inner)))
        inner.shapes = [spot.shape(frame) for frame in inner.frames]
        return {"from": self.tap(spot)}

    def join(self, place: Place, spot: Spot) -> None:
        """Join what arrives, the same in all frames, with another tensor."""
        inner = place.inside("rank")
        inner.shapes = [spot.shape(frame) for frame in inner.frames]
        self.fit(inner, place.shapes[0])
        branch = {"from": self.tap(spot), **({"layers": inner.items} if inner.items else {})}
        place.put({"maximum": [[], branch]}, place.shapes)

    def seen(self, place: Place) -> list[Spot]:
        """The tensors that can be started from, the nearest first."""
        return [spot for spot in reversed(place.spots) if not spot.is_sealed]

    def here(self, place: Place) -> Spot:
        """The tensor that arrives."""
        if not place.items:
            self.plain(place, "identity")
        return next(spot for spot in reversed(place.spots) if spot.items is place.items and not spot.is_result)

    def tap(self, spot: Spot) -> str:
        """The name of a tensor: it gets a tap unless it has one."""
        if spot.name is None:
            spot.name = self.fresh("t")
            at = next(at for at, item in enumerate(spot.items) if item is spot.anchor)
            spot.items.insert(at + 1, {"tap": spot.name})
        return spot.name

    def write_start(self, place: Place) -> None:
        """A row of items that starts elsewhere, and then joins what was there."""
        if not place.uniform:
            self.write_op(place)
            return
        target, inner = place.shapes[0], place.inside("rank")
        back = self.tap(self.here(place))
        item = self.start(inner)
        self.row(inner, 0, 2)
        self.fit(inner, target)
        self._close(place, inner, {**item, "layers": inner.items} if inner.items else item)
        self.left -= len(place.frames)
        place.put({"add": [[], {"from": back}]}, place.shapes)
