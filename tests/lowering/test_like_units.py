"""Units that are like the one before are made of it: they are what they are where each is worked out by itself."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import pytest

import archspec
from archspec.errors import SpecError
from archspec.ir.builder import GraphBuilder
from archspec.ir.graph import LayerGraph
from archspec.ir.open_scopes import OpenLoop, Tensor
from archspec.ir.scope import Scope, walk
from archspec.limits import Limits
from archspec.spec import load_text

_SPEC = """
archspec: 1
name: net
input: {channels: 8, height: 8, width: 8}
blocks:
  inner:
    params: {width: null}
    layers:
      - conv: {name: a, filters: width, kernel: 1, bias: false}
      - repeat: {times: 2, layers: [relu, dense_like]}
  dense_like:
    layers: [conv: {name: same, filters: channels, kernel: 1}]
  unit:
    unit: [width, wide]
    params: {wide: false}
    let: {half: width // 2}
    layers:
      - add:
          - - conv: {name: first, filters: width, kernel: 3, padding: 1}
            - conv: {name: again, filters: channels, kernel: 1}
            - reuse: again
            - batch_norm
            - {tanh: {}, when: "wide == true"}
          - {from: input, layers: [{conv: {filters: width, kernel: 1}, when: "in_channels != width"}]}
      - inner: {name: inner, width: width}
      - tap: kept
      - add: [{from: kept, layers: []}, []]
      - conv: {name: last, filters: half * 2, kernel: 1}
stages:
  - {name: rows, block: unit, units: UNITS}
head: [global_avg_pool, flatten, dense: {units: 3}]
"""


def graph(units: str, **limits: int) -> LayerGraph:
    return archspec.compile(load_text(_SPEC.replace("UNITS", units), limits=Limits(**limits) if limits else None))


@pytest.mark.parametrize(
    ("alike", "each_by_itself"),
    [
        ("'[(8, false)] * 4'", "'[(8, i < 0) for i in range(4)]'"),
        ("'[(12, false)] * 4'", "'[(12 + 0 * i, false) for i in range(4)]'"),
        ("'[(8, false)] * 2 + [(16, false)] * 3'", "'[(8 if i < 2 else 16, false) for i in range(5)]'"),
    ],
)
def test_they_are_the_same_network(alike: str, each_by_itself: str) -> None:
    """The others are different expressions of one value, and none is made of the one before."""
    one, other = graph(alike), graph(each_by_itself)
    assert [*one.nodes] == [*other.nodes]
    for path, node in one.nodes.items():
        assert (node.op, node.inputs, node.types, node.shared) == (
            other.nodes[path].op,
            other.nodes[path].inputs,
            other.nodes[path].types,
            other.nodes[path].shared,
        )
    assert one.all_weights.keys() == other.all_weights.keys()
    assert one.parameters == other.parameters
    assert one.def_use.scopes == other.def_use.scopes


def test_weights_that_are_used_again_in_a_unit_are_its_own() -> None:
    made = graph("'[(8, false)] * 3'")
    owners = {path: node.owner for path, node in made.nodes.items() if node.shared}
    assert len(owners) == 3
    assert set(owners.values()) == {f"rows.{i}.again" for i in range(3)}
    assert all(path.startswith(owner) for path, owner in owners.items())


def test_one_and_true_are_not_the_same() -> None:
    """As Python compares them they are."""
    made = graph("'[(8, 1), (8, true), (8, true), (8, 1)]'")
    given = [
        scope.bindings["wide"].value for scope in walk(made.root) if isinstance(scope, Scope) and scope.block == "unit"
    ]
    assert [type(value) for value in given] == [int, bool, bool, int]


def test_a_name_that_is_taken_is_refused_as_without_them() -> None:
    text = _SPEC.replace("units: UNITS", "units: '[(8, false)] * 4', unit_names: 'u{i % 3}'")
    with pytest.raises(SpecError) as caught:
        archspec.compile(load_text(text))
    assert caught.value.diagnostics[0].code == "E0405"


@pytest.mark.parametrize("limit", ["items", "work"])
@pytest.mark.parametrize(
    ("name", "units"),
    [
        ("rows", "'[(8, false)] * 2'"),
        ("rows", "'[(16, false)] * 3'"),  # the first widens; the second reads nothing new, and the third is made of it
        ("rows", "'[(8, false)] * 60'"),
        ("rows", "'[(8, false)] * 7 + [(16, false)] * 7'"),
        ("rows_" + "x" * 75, "'[(8, false)] * 12'"),  # the names of some are longer, and so paths pass 100 characters
    ],
)
def test_limits_are_passed_where_they_would_be(
    name: str, units: str, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Units count for the limits as if each were worked out: exactly as many steps and items are enough."""
    text = _SPEC.replace("UNITS", units).replace("name: rows", f"name: {name}")
    copies = list[str]()
    add_iteration = GraphBuilder.add_iteration

    def noted(builder: GraphBuilder, loop: OpenLoop, name: str, *given: Any) -> Tensor | None:
        copies.append(name)
        return add_iteration(builder, loop, name, *given)

    monkeypatch.setattr(GraphBuilder, "add_iteration", noted)
    copied = _least(text, limit)
    assert bool(copies) == ("* 2'" not in units)
    monkeypatch.setattr(GraphBuilder, "add_iteration", lambda *_: None)  # each is worked out by itself
    assert copied == _least(text, limit)


def _least(text: str, limit: str) -> int:
    """The lowest limit within which a spec is."""
    return bisect_left(range(40_000), True, 1, key=lambda most: _fits(text, **{limit: most}))


def _fits(text: str, **limits: int) -> bool:
    try:
        archspec.compile(load_text(text, limits=Limits(**limits)))
    except SpecError as error:
        if not {found.code for found in error.diagnostics} <= {"E0304"}:
            raise
        return False
    return True
