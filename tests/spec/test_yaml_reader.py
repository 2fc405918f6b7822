"""YAML as specs read it: scalars, places, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from archspec.errors import SpecError
from archspec.spec import Call, load, load_text
from archspec.spec.located_data import LoadContext, LocatedDict, LocatedList
from archspec.spec.yaml_reader import read_text
from tests.spec.helpers import errors_in, errors_of, listed, spec_of


def value_of(text: str) -> object:
    """The value that a YAML value has."""
    data = read_text(f"key: {text}", "test", LoadContext())
    assert isinstance(data, LocatedDict)
    return data["key"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", 1e-5),
        ("1e5", 1e5),
        (".5", 0.5),
        ("5.", 5.0),
        ("-1.25E+2", -125.0),
        ("12", 12),
        ("-7", -7),
        ("+7", 7),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("y", "y"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("12:30:45", "12:30:45"),
        ("2001-01-01", "2001-01-01"),
        ("nULL", "nULL"),
        ("=", "="),
        ("'12'", "12"),
        ('"true"', "true"),
        ('""', ""),
        ("\u0661\u0662", "\u0661\u0662"),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("6n+2", "6n+2"),
        ("1e", "1e"),
        ("|\n  12", "12"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    found = value_of(text)
    assert found == value
    assert type(found) is type(value)


def test_nan() -> None:
    found = value_of(".nan")
    assert isinstance(found, float)
    assert math.isnan(found)


def test_places_of_keys_values_and_items() -> None:
    data = read_text("a: 1\nlist:\n  - x\n  - {b: 'two', é: c}\n\n\nz:\n", "test", LoadContext())
    assert isinstance(data, LocatedDict)
    items = data["list"]
    assert isinstance(items, LocatedList)
    inner = items[1]
    assert isinstance(inner, LocatedDict)
    spans = [
        data.span,
        data.key_spans["a"],
        data.value_spans["a"],
        data.value_spans["list"],
        items.item_spans[0],
        inner.span,
        inner.value_spans["b"],
        inner.key_spans["é"],
        inner.value_spans["é"],
    ]
    assert [(s.line, s.column, s.end_line, s.end_column) for s in spans] == [
        (1, 1, 7, 3),
        (1, 1, 1, 2),
        (1, 4, 1, 5),
        (3, 3, 4, 21),
        (3, 5, 3, 6),
        (4, 5, 4, 21),
        (4, 9, 4, 14),
        (4, 16, 4, 17),
        (4, 19, 4, 20),
    ]
    assert data.value_spans["list"].source.line(4) == "  - {b: 'two', é: c}"


def test_alias_gives_the_same_value_at_its_own_place() -> None:
    spec = spec_of("layers:\n  - conv: &c {filters: 8}\n  - conv: *c\n")
    first, second = spec.items
    assert isinstance(first, Call)
    assert isinstance(second, Call)
    assert first.attributes == second.attributes
    assert str(second.span) == "<text>:6:5"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a: [1", "E0102 2:1 not YAML: did not find expected ',' or ']'"),
        ("a: 1\n b: 2\n", "E0102 2:3 not YAML: mapping values are not allowed in this context"),
        ("a: *b", "E0102 1:4 `*b` has no anchor"),
        ("a: \x01", "E0102 1:4 not YAML: a character that YAML does not allow"),
        ("a: é\nb: \ud800", "E0102 2:4 not YAML: a character that no text may have"),
        ("a: &a [*a]", "E0105 1:8 `*a` stands inside itself"),
        ("a: 1\n---\nb: 2\n", "E0105 2:1 a second document; a file holds one spec"),
        ("a: !!str 1", "E0105 1:4 the tag `tag:yaml.org,2002:str`"),
        (
            "a: !!python/name:os.system x",
            "E0105 1:4 the tag `tag:yaml.org,2002:python/name:os.system`",
        ),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "E0105 3:3 the merge key `<<`"),
        ("a: 1\nb: 2\na: 3\n", "E0103 3:1 the key `a` stands twice"),
        ("1: a", "E0202 1:1 a key must be a string, found the number 1"),
        ("true: a", "E0202 1:1 a key must be a string, found `true`"),
        ("? [a]\n: b", "E0202 1:3 a key must be a string, found a list"),
        ("[" * 65 + "]" * 65, "E0104 1:65 nested more than 64 deep"),
        ("a: " + "9" * 101, "E0304 1:4 a number of 101 digits"),
        ("a: 1e999", "E0304 1:4 `1e999` is past the largest number"),
        ("", "E0202 1:1 `<text>` must hold a spec, a mapping; found nothing"),
        ("# nothing\n", "E0202 1:1 `<text>` must hold a spec, a mapping; found nothing"),
        ("- a", "E0202 1:1 `<text>` must hold a spec, a mapping; found a list"),
        ("word", 'E0202 1:1 `<text>` must hold a spec, a mapping; found the string "word"'),
    ],
)
def test_refused(text: str, error: str) -> None:
    assert error in errors_in(text)


def test_duplicate_key_shows_the_first() -> None:
    with pytest.raises(SpecError) as caught:
        load_text("archspec: 1\nname: a\nname: b\n")
    (found,) = [each for each in caught.value.diagnostics if each.code == "E0103"]
    assert [str(note.span) for note in found.notes] == ["<text>:2:1"]


def test_aliases_count_as_often_as_they_are_used() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 9):
        aliases = ", ".join([f"*a{level - 1}"] * 10)
        lines.append(f"a{level}: &a{level} [{aliases}]")
    (error,) = errors_in("\n".join(lines))
    assert error.startswith("E0104 5:")
    assert "more than 100000 values" in error


def test_aliases_cannot_nest_past_the_limit() -> None:
    text = "a: &a " + "[" * 40 + "]" * 40 + "\nb: " + "[" * 30 + "*a" + "]" * 30
    assert errors_in(text) == ["E0104 2:34 nested more than 64 deep"]


def test_many_errors_end_soon() -> None:
    with pytest.raises(SpecError) as caught:
        load_text("archspec: 1\n" + "".join(f"key{i}: 1\n" for i in range(100_000)))
    assert len(caught.value.diagnostics) <= 500


def test_large_text() -> None:
    assert errors_in("#" * 8_000_001) == ["E0104 - the text is larger than 8000000 bytes"]


def test_unreadable_files(tmp_path: Path) -> None:
    not_text = tmp_path / "latin.yaml"
    not_text.write_bytes(b"name: \xe9")
    cases = {
        tmp_path / "none.yaml": "does not exist",
        tmp_path: "is a folder",
        Path("/dev/zero"): "is not a regular file",
        not_text: "is not UTF-8: byte 6 cannot be decoded",
        Path("a\0b.yaml"): "cannot be read",
    }
    for path, reason in cases.items():
        with pytest.raises(SpecError) as caught:
            load(path)
        (error,) = listed(caught.value)
        assert error.startswith("E0101 - ")
        assert reason in error


def test_byte_order_mark_and_windows_lines(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_bytes(b"\xef\xbb\xbfarchspec: 1\r\nname: net\r\ninput: {shape: [8]}\r\nlayers: [relu]\r\n")
    spec = load(path)
    assert spec.name == "net"
    assert (spec.place("name").line, spec.place("name").column) == (2, 7)


def test_source_errors_and_model_errors_come_together() -> None:
    assert errors_of("layers: [relu]\nname: other\nlayer: 1\n") == [
        "E0103 5:1 the key `name` stands twice",
        "E0201 6:1 unknown key `layer` in a spec",
    ]
