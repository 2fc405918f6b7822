"""Values by name in expressions: what is asked of them, how they are written, what they refuse."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import archspec
from archspec.codegen.escaping import annotation, literal
from archspec.errors import SpecError
from archspec.expr import Const, ExprError, NamedValues, Value, evaluate, exactly, parse, source
from archspec.limits import Budget
from archspec.spec import load_text
from tests.zoo import NETWORKS

TABLE = NamedValues((("a", 1), ("b c", (2, 3)), ("inner", NamedValues((("x", "relu"),)))))
ENV: dict[str, Value] = {"table": TABLE, "key": "a", "values": (4, 5)}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("table['a']", 1),
        ("table[key] + table['b c'][1]", 4),
        ("table['inner']['x']", "relu"),
        ("len(table)", 3),
        ("'a' in table, 'x' in table, 'x' not in table", (True, False, True)),
        ("[name for name in table if name != key]", ("b c", "inner")),
        ("table == table, table['inner'] == table", (True, False)),
    ],
)
def test_values(text: str, value: Value) -> None:
    assert evaluate(parse(text, Budget()), ENV, Budget()) == value


@pytest.mark.parametrize("text", ["table['d']", "table[0]", "values['a']", "table + table", "table[:1]", "sum(table)"])
def test_what_does_not_fit(text: str) -> None:
    with pytest.raises(ExprError):
        evaluate(parse(text, Budget()), ENV, Budget())


def test_python_has_it_as_a_dict() -> None:
    wanted = {"a": 1, "b c": (2, 3), "inner": {"x": "relu"}}
    assert ast.literal_eval(source(Const(TABLE))) == wanted
    assert ast.literal_eval(literal(NamedValues((("\"'\\\n", '"\n'),)))) == {"\"'\\\n": '"\n'}
    assert annotation([NamedValues((("a", 1), ("b", 2)))]) == "dict[str, int]"
    assert exactly(NamedValues((("a", 1),)), NamedValues((("a", 1),)))
    assert not exactly(NamedValues((("a", 1),)), NamedValues((("a", 1.0),)))


def test_it_is_given_from_outside_whole() -> None:
    text = NETWORKS["mappings"]
    assert archspec.compile(load_text(text)).nodes["conv"].type.channels == 6
    for given in ("{small: 4, big: 7}", {"small": 4, "big": 7}):
        graph = archspec.compile(load_text(text, overrides={"widths": given}))
        assert graph.nodes["conv"].type.channels == 4
        assert next(param.value for param in graph.params if param.name == "widths") == NamedValues(
            (("small", 4), ("big", 7))
        )
    with pytest.raises(SpecError, match="E0303"):
        archspec.compile(load_text(text, overrides={"widths": {"big": 7}}))
    with pytest.raises(SpecError, match="a mapping is expected"):
        load_text(text, overrides={"widths": 3})
    with pytest.raises(SpecError, match="cannot be a mapping"):
        load_text(text, overrides={"size": {"small": 1}})


def test_a_child_changes_names(tmp_path: Path) -> None:
    (tmp_path / "mappings.yaml").write_text(NETWORKS["mappings"])
    child = "archspec: 1\nextends: mappings.yaml\nname: child\nparams: {widths: {default: {big: 11}}, size: big}\n"
    (tmp_path / "child.yaml").write_text(child)
    assert archspec.compile(tmp_path / "child.yaml").nodes["conv"].type.channels == 11
