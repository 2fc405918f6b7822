"""Blocks and their calls, one by one and as the units of stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from archspec.ir.tensor_type import Shape, TensorType
from tests.fuzz.specs.expressions import Draw
from tests.fuzz.specs.items import Items, strict, with_channels
from tests.fuzz.specs.places import START, Frame, Group, Item, Owner, Place, Spot
from tests.fuzz.specs.values import Yaml

MOST_UNITS = 3


@dataclass
class Known:
    """A call that a block is known to be right for."""

    block: str
    group: Group
    before: Shape
    after: Shape


class Calls(Items):
    """Writes items, calls of blocks among them."""

    def __init__(self, draw: Draw, layers: int) -> None:
        super().__init__(draw, layers)
        self.blocks: dict[str, Yaml] = {}
        self.known: list[Known] = []

    def kinds_of_calls(self, place: Place) -> list[str]:
        """Calls and stages; another call of a block where there is one."""
        again = ["again"] * 3 if place.keep == "nothing" and self._reusable(place) else []
        stage = ["stage"] if place.uniform and self.left > 2 * len(place.frames) else []
        return ["call", "call", *stage, *again]

    def write_call(self, place: Place, *, joined: bool = False) -> None:
        """A call of a new block, which is made for this call and perhaps for others.

        Args:
            place: where.
            joined: the block has an input besides, for sure, which is joined with what it gives; for this call alone.
        """
        group = Group(range(len(place.frames)), place)
        shapes = list(place.shapes)
        owner = Owner([group], values=[{} for _ in shapes])
        for _ in range(0 if joined else self.draw(st.sampled_from((0, 1, 1, 2)))):
            owner.groups.append(Group([len(shapes)]))
            owner.values.append({})
            shapes.append(self._variant(shapes[0]))
        body = self._body(place, owner, shapes)
        self.row(body, 1, 3)
        if joined and body.uniform:
            self._join_input(body)
        block = self.fresh("b")
        features = self._outputs(body)
        name = self.fresh("n") if features or self.chance(3) else None
        self.blocks[block] = self._definition(owner, body, [], [self.tap(spot) for spot in features])
        count = len(place.frames)
        for at, other in enumerate(owner.groups[1:], start=count):
            self.known.append(Known(block, other, shapes[at], body.shapes[at]))
        place.put(self._call(block, group, name), body.shapes[:count])
        for spot in features:
            ends = [spot.shapes[frame] for frame in body.frames[:count]]
            seen = dict(zip(place.frames, ends, strict=True))
            found = Spot(place.items, place.items[-1], seen, f"{name}.{spot.name}", is_result=True)
            place.spots.append(found)
            if place.uniform and self.chance(2):
                self.join(place, found)

    def _variant(self, shape: Shape) -> Shape:
        """What another call may get."""
        return with_channels(shape, self.draw(st.sampled_from((TensorType.of_shape(shape).channels, 4, 2, 6, 3))))

    def _body(self, place: Place, owner: Owner, shapes: list[Shape]) -> Place:
        frames = [Frame(call) for call in range(len(shapes))]
        spot = Spot([], START, dict(zip(frames, shapes, strict=True)), "input")
        return Place(owner, frames, list(shapes), [spot], place.keep, place.nesting - 1)

    def _outputs(self, body: Place) -> list[Spot]:
        spots = [spot for spot in self.seen(body)[::-1] if spot.name is None and spot.anchor is not body.items[-1]]
        return [self.draw(st.sampled_from(spots))] if spots and self.chance(2) else []

    def _definition(self, owner: Owner, body: Place, unit: list[str], outputs: list[str]) -> Yaml:
        params = {name: default for name, default in owner.params.items() if name not in unit or default != {}}
        return {
            **({"unit": unit} if unit else {}),
            **({"params": params} if params else {}),
            **({"inputs": list(owner.inputs)} if owner.inputs else {}),
            "layers": body.items,
            **({"outputs": outputs} if outputs else {}),
        }

    def _call(self, block: str, group: Group, name: str | None) -> Item:
        return {block: {**({"name": name} if name else {}), **group.arguments}}

    def start(self, inner: Place) -> Item:
        """As in `Items`; in a block, sometimes from a new input of its own."""
        if not inner.owner.is_block or not self.chance(3):
            return super().start(inner)
        owner, rank = inner.owner, inner.ranks
        caller = owner.groups[0].caller
        assert caller is not None
        spots = [spot for spot in self.seen(caller) if len(spot.shape(caller.frames[0])) == rank]
        if not spots:
            return super().start(inner)
        return self._from_input(inner, self.draw(st.sampled_from(spots)))

    def _join_input(self, body: Place) -> None:
        """Join what arrives with a new input of the block, which is what arrives at the call."""
        caller = body.owner.groups[0].caller
        assert caller is not None
        inner = body.inside("rank")
        branch = self._from_input(inner, self.here(caller))
        self.fit(inner, body.shapes[0])
        body.put({"maximum": [[], {**branch, "layers": inner.items} if inner.items else branch]}, body.shapes)

    def _from_input(self, inner: Place, spot: Spot) -> Item:
        """Start from a new input of the block, for which its caller gives this tensor."""
        owner, name = inner.owner, self.fresh("s")
        caller = owner.groups[0].caller
        assert caller is not None
        units = owner.groups[0].units or 1
        shapes = [spot.shape(frame) for frame in caller.frames for _ in range(units)]
        # The other calls get what arrives as this input, too.
        shapes += [_arriving(inner, call) for group in owner.groups[1:] for call in group.calls]
        owner.inputs[name] = shapes
        owner.groups[0].arguments[name] = self.tap(spot)
        inner.shapes = [shapes[frame.call] for frame in inner.frames]
        return {"from": name}

    # Other calls of blocks that there are

    def _reusable(self, place: Place) -> list[Known]:
        return [known for known in self.known if self.left > 0]

    def write_again(self, place: Place) -> None:
        """Another call of a block that there is, of a tensor that it was made for."""
        known = self.draw(st.sampled_from(self._reusable(place)))
        if len({len(shape) for shape in place.shapes}) > 1:
            self.write_op(place)
            return
        self.fit(place, known.before)
        arguments = dict(known.group.arguments)
        inputs = self.blocks[known.block].get("inputs", [])
        if inputs:
            arguments |= dict.fromkeys(inputs, self.tap(self.here(place)))
        self.left -= len(place.frames) * 2
        item = self._call(known.block, Group([], arguments=arguments), self.fresh("n") if self.chance(3) else None)
        place.put(item, [known.after] * len(place.frames))

    # Stages

    def write_stage(self, place: Place) -> None:
        """A stage whose units are calls of a new block, or with items of its own."""
        if self.chance(4):
            inner = place.inside(scope=True)
            self.row(inner, 1, 2)
            self._close(place, inner, {"stage": {"name": self.fresh("stage"), "layers": inner.items}})
            return
        units, target = self.draw(st.integers(1, MOST_UNITS)), place.shapes[0]
        count = len(place.frames)
        group = Group(range(count * units), place, units)
        owner = Owner([group], values=[{} for _ in range(count * units)])
        shapes = [shape for shape in place.shapes for _ in range(units)]
        depth = None
        if place.keep != "shape":
            depth = self.fresh("p")
            depths = self._depths(units)
            group.fields[depth], owner.params[depth] = depths, {}
            for call in group.calls:
                at = call % units
                owner.values[call][depth] = depths[at] if isinstance(depths[at], int) else 2 * at + 2
                if at:
                    shapes[call] = with_channels(target, owner.values[call - 1][depth])
        body = self._body(place, owner, shapes)
        body.keep = strict(place.keep, "rank" if depth else "shape")
        self.row(body, 1, 2)
        if depth:
            self.fit(body, target, depth)
            if not _mentions(body.items, depth):  # what arrives is as wide already, everywhere
                self.plain(body, "dense" if body.ranks < 3 else "conv", _to(depth, body.ranks))
        block = self.fresh("b")
        fields = sorted(group.fields, key=lambda name: name in owner.params and owner.params[name] != {})
        if not fields:
            self._one_field(owner, group, fields, body)
        self.blocks[block] = self._definition(owner, body, fields, [])
        stage: dict[str, Any] = {"name": self.fresh("stage"), "block": block}
        stage["units"] = self._units([[group.fields[name][at] for name in fields] for at in range(units)], fields)
        if group.arguments:
            stage["with"] = group.arguments
        if self.chance(3):
            stage["unit_names"] = self.draw(st.sampled_from(("unit_{i+1}", "u{i * 2}")))
        place.put({"stage": stage}, [body.shapes[at * units + units - 1] for at in range(count)])

    def _depths(self, units: int) -> list[Yaml]:
        if self.chance(4):
            return ["2 * (i + 1)"] * units
        return [self.draw(st.sampled_from((4, 2, 3, 6, 8))) for _ in range(units)]

    def _one_field(self, owner: Owner, group: Group, fields: list[str], body: Place) -> None:
        """A tuple has something in it: what says how strong a last factor is."""
        name = self.fresh("p")
        group.fields[name], owner.params[name] = [0.5] * group.units, {}
        for values in owner.values:
            values[name] = 0.5
        fields.append(name)
        self.plain(body, "scale", {"value": name})

    def _units(self, rows: list[list[Yaml]], fields: list[str]) -> Yaml:
        """The units in one of the language's notations."""
        texts = [f"({', '.join(map(str, row))}{',' if len(row) == 1 else ''})" for row in rows]
        match self.draw(st.sampled_from(("lists", "strings", "mappings", "expression", "sum"))):
            case "lists":
                return rows
            case "strings" if all(text == texts[0] for text in texts) and len(texts) > 1:
                return [f"{texts[0]} {self.draw(st.sampled_from('x×*'))} {len(texts)}"]
            case "strings":
                return texts
            case "mappings" if all(row == rows[0] for row in rows) and len(rows) > 1:
                return [{**dict(zip(fields, rows[0], strict=True)), "times": len(rows)}]
            case "mappings":
                return [dict(zip(fields, row, strict=True)) for row in rows]
            case "sum" if all(text == texts[0] for text in texts):
                return f"[{texts[0]}] * {len(texts)}"
            case "sum":
                return " + ".join(f"[{text}]" for text in texts)
            case _:
                return f"[{', '.join(texts)}]"


def _arriving(place: Place, call: int) -> Shape:
    """What the block gets in a call."""
    found = place.spots[0]
    return next(shape for frame, shape in found.shapes.items() if frame.call == call)


def _mentions(items: list[Item], name: str) -> bool:
    return repr(name) in repr(items)


def _to(depth: str, ranks: int) -> dict[str, Yaml]:
    return {"units": depth} if ranks < 3 else {"filters": depth, "kernel": 1}
