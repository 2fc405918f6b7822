"""Text from a spec reaches source only as checked identifiers and quoted literals.

Hostile text is put into the place of every key and every value of `maximal.yaml`, which holds all that the language
has: found by walking it, so that a new key is covered once it stands there. Either the spec is refused, at a place, or
the source of both backends has the syntax tree that harmless text gives, and no comment more.
"""

from __future__ import annotations

import ast
import copy
import functools
import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

import archspec
from archspec.errors import BackendError, SpecError
from archspec.ir.ops import OPS
from archspec.spec import Pretrained, Spec, items, load_text
from archspec.spec.base import Model
from archspec.spec.depth import Depth
from archspec.spec.inputs import Input
from archspec.spec.model import Block
from archspec.spec.params import Param

MAXIMAL: Final = yaml.safe_load((Path(__file__).parent / "maximal.yaml").read_text(encoding="utf-8"))
BACKENDS: Final = ("torch", "keras")
HARMLESS: Final = "Harmless words"
CODE: Final = "__import__('os').system('touch /tmp/archspec-was-here')"
HOSTILE: Final = {
    "single quotes": "it's ''' a ' quote'",
    "double quotes": 'a " quote "" and """ three',
    "ends a docstring": f'"""\n{CODE}\n"""',
    "ends a docstring, escaped": f'\\"""\n{CODE}\n\\"""',
    "ends with a quote": 'the end"',
    "ends with a backslash": "the end\\",
    "ends with three quotes": '"""',
    "backslashes": "\\ \\\\ \\n \\x41 \\u0041 \\",
    "a named character": "\\N{LATIN SMALL LETTER A} \\N{nonsense} \\N",
    "a broken escape": "\\x \\u12 \\U1234567",
    "newlines": f"one\n{CODE}\ntwo\r\nthree\rfour",
    "a comment": f"# digest: 0123456789abcdef\n{CODE} # nosec",
    "jinja": "{{ 7 * 7 }} {% for x in ().__class__.__bases__ %}{% endfor %} {# #} {{ self }} ${x} <%= x %>",
    "code": CODE,
    "an expression": "(lambda: 1)() or [x for x in ()] and eval('1')",
    "braces": "{x!r} {} {0} {{}} }{ {__class__} {x:>{y}}",
    "percents": "%s %d %(x)s %",
    "line separators": f"a\u2028{CODE}\u2029b\x85{CODE}\x0bc\x0cd\x1ce\x1df\x1eg",
    "a null": "a\0b\0",
    "controls": "\x1b[2J\x1b]0;title\x07 \b\b\b \x7f \x9b31m",
    "bidi": "\u202eabc\u202c \u2066x\u2069 \u200f \u200b \ufeff",
    "lookalikes": "\u0441l\u0430ss \uff43\uff4c\uff41\uff53\uff53 \xaa \u210c \ufb01",
    "emoji": "\U0001f600 \U000e0001 \U0010ffff",
    "a keyword": "class",
    "a dunder": "__class__",
    "a dot": "os.system",
    "a path": "../../../../etc/passwd",
    "very long": "x" * 3000 + ' " ' + "y" * 3000,
    "long, with spaces": 'word \\ """ \' ' * 500,
    "a prefix": 'f"{1}" rb\'\\\' u"x"',
    "empty": "",
    "a space": " ",
}


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all keys (ending in None) and of all values below."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield (*path, key, None)
            yield from places(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from places(value, (*path, index))
    else:
        yield path


ESSENTIAL: Final = 7
"""The first items of the stem: they use the inputs, params and taps that all the others leave alone."""


@functools.cache
def around(path: tuple[Any, ...]) -> tuple[dict[str, Any], tuple[Any, ...]]:
    """The maximal spec without the items of its stem that a place is not in, and the place in what is left.

    What stands beside a place does not change what becomes of its text, and most of the time went into reading it. The
    whole spec is taken where less of it would not be right, and for places of its depth, which all layers count for.
    """
    first, *rest = path
    if first == "depth" or (first == "stem" and rest[0] is None):
        return MAXIMAL, path
    kept = list(range(ESSENTIAL))
    if first == "stem" and rest[0] >= ESSENTIAL:
        kept.append(rest[0])
        path = ("stem", ESSENTIAL, *rest[1:])
    less = _with_stem(*kept)
    return (MAXIMAL, (first, *rest)) if less is None else (less, path)


@functools.cache
def _with_stem(*kept: int) -> dict[str, Any] | None:
    """The maximal spec with these items of its stem, and without its depth; None where that is not right."""
    less = {key: value for key, value in MAXIMAL.items() if key != "depth"}
    less["stem"] = [MAXIMAL["stem"][index] for index in kept]
    return None if generated(less) is None else less


def with_text(path: tuple[Any, ...], text: str) -> dict[str, Any]:
    """The spec around a place with `text` for the key or value that stands there."""
    less, path = around(path)
    data = copy.deepcopy(less)
    *way, last = path
    is_key = last is None
    if is_key:
        *way, last = way
    holder: Any = functools.reduce(lambda found, part: found[part], way, data)
    if not is_key:
        holder[last] = text
        return data
    changed = {text if key == last else key: value for key, value in holder.items()}
    holder.clear()
    holder.update(changed)
    return data


def written(data: Any) -> str:
    """YAML in its flow style, every odd character as an escape, so that it arrives as it is."""
    if isinstance(data, dict):
        return "{" + ", ".join(f"{written(key)}: {written(value)}" for key, value in data.items()) + "}"
    if isinstance(data, list):
        return "[" + ", ".join(map(written, data)) + "]"
    if isinstance(data, str):
        return (
            '"' + "".join(c if c.isascii() and (c.isalnum() or c in " _") else f"\\U{ord(c):08x}" for c in data) + '"'
        )
    return "true" if data is True else "false" if data is False else repr(data)


def generated(data: Any, overrides: dict[str, object] | None = None) -> dict[str, str] | None:
    """The sources; None where the spec is refused, with codes, places and a text that a terminal can show."""
    try:
        graph = archspec.compile(load_text(written(data), overrides=overrides))
        return {name: archspec.generate(graph, name) for name in BACKENDS}
    except (SpecError, BackendError) as error:
        refusal = error
    assert refusal.diagnostics
    assert all(found.span is not None for found in refusal.diagnostics)
    assert all(char.isprintable() or char == "\n" for char in str(refusal))
    return None


class _Blank(ast.NodeTransformer):
    """Takes strings and identifiers out of a tree; what is left is its shape."""

    def visit(self, node: ast.AST) -> ast.AST:
        for name in ("id", "attr", "arg", "name"):
            if isinstance(getattr(node, name, None), str):
                setattr(node, name, "_")
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
        return super().generic_visit(node)


@functools.cache
def shape(source: str) -> str:
    return ast.dump(_Blank().visit(ast.parse(source)))


@functools.cache
def comments(source: str) -> list[str]:
    """The comments below the header."""
    head = HEADER.match(source)
    assert head is not None
    tokens = tokenize.generate_tokens(io.StringIO(source[head.end() - 1 :]).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


_MORE: Final = r"[ -~]*\n(?:#   [ -~]*\n)*"
HEADER: Final = re.compile(rf"# Generated by archspec {_MORE}# params: {_MORE}# digest: [0-9a-f]{{16}}\n[^#]")


@functools.cache
def imports(source: str) -> list[str]:
    return [ast.dump(node) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]


def _is_member(call: ast.Call) -> bool:
    """`getattr(self, "class")`: a layer whose name cannot stand after a dot."""
    match call:
        case ast.Call(ast.Name("getattr"), [ast.Name("self"), ast.Constant(str())], []):
            return True
    return False


def check(source: str, harmless: str | None, base: str) -> None:
    """Hold a source against those that harmless text and the unchanged spec give."""
    assert all(char.isprintable() or char == "\n" for char in source)
    tree = ast.parse(source)
    assert imports(source) == imports(base)
    assert comments(source) == comments(base)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    called = {ast.unparse(node.func) for node in calls if not _is_member(node)}
    assert not called & {"__import__", "eval", "exec", "compile", "open", "getattr", "lambda"}
    if harmless is not None:
        assert shape(source) == shape(harmless)


@functools.cache
def sources(path: tuple[Any, ...] | None, text: str) -> dict[str, str] | None:
    data = MAXIMAL if path is None else with_text(path, text)
    return generated(data)


@functools.cache
def _unchanged(text: str) -> dict[str, str]:
    found = generated(yaml.safe_load(text))
    assert found is not None
    return found


def unchanged(path: tuple[Any, ...]) -> dict[str, str]:
    """What the spec around a place gives as it is."""
    return _unchanged(written(around(path)[0]))


PLACES: Final = list(places(MAXIMAL))


def test_the_maximal_spec_is_right_and_holds_every_key() -> None:
    assert sources(None, "") is not None
    keys = {path[-2] for path in PLACES if path[-1] is None}
    models: list[type[Model]] = [Spec, Param, Input, Depth, Pretrained, Block, items.Call, items.Sequence, items.Repeat]
    models += [items.Tap, items.Stage, items.Reuse]
    for model in models:
        wanted = set(model.yaml_keys()) - {"extends", "op", "attributes"}  # one parent; the two are not written so
        wanted -= {"name", "input", "stage", "layers"}  # `input` excludes `inputs`, and a tap is written shortly
        wanted -= {"length", "fields"}  # in place of a height and a width; a tuple, which stands under `unit`
        assert wanted <= keys, model.__name__
    assert {"name", "tap", "layers"} <= keys


def test_most_places_are_read_with_little_around_them() -> None:
    """Of each place, what stands there is what stands there in the maximal spec."""
    whole = [path for path in PLACES if around(path)[0] is MAXIMAL]
    assert len(whole) < len(PLACES) / 4
    for path in PLACES:
        less, there = around(path)
        held = [
            functools.reduce(lambda found, part: found[part], way[:-2] if way[-1] is None else way, data)
            for data, way in ((MAXIMAL, path), (less, there))
        ]
        assert path[-2:] == there[-2:] if path[-1] is None else True
        assert held[0] == held[1] or path[:-2] == ()


def test_the_maximal_spec_holds_every_attribute_of_every_op() -> None:
    given: dict[str, set[Any]] = {}
    for path in PLACES:
        *way, key = path if path[-1] is not None else path[:-1]
        if way and way[-1] in OPS:
            given.setdefault(way[-1], set()).add(key)
    lacking = {name: set(op.attributes()) - given.get(name, set()) for name, op in OPS.items()}
    assert not {name: names for name, names in lacking.items() if names}


STRIDE: Final = 16
PARTS: Final = [0, pytest.param(STRIDE // 2, marks=pytest.mark.slow)]


def some(text: str, part: int) -> list[tuple[Any, ...]]:
    """Each sixteenth place, others for each text, so that each meets several; and all where any text may stand."""
    offset = ([*HOSTILE.values()].index(text) + part) % STRIDE
    return [
        path
        for index, path in enumerate(PLACES)
        if index % STRIDE == offset or path[-1] in ("title", "doc", "reference")
    ]


def test_every_place_meets_hostile_text_in_each_run() -> None:
    met = [path for text in HOSTILE.values() for path in some(text, 0)]
    assert all(met.count(path) >= len(HOSTILE) // STRIDE for path in PLACES)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_in_some_places(text: str, part: int) -> None:
    in_places(text, some(text, part))


@pytest.mark.nightly
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_in_every_place(text: str) -> None:
    in_places(text, PLACES)


def in_places(text: str, paths: Sequence[tuple[Any, ...]]) -> None:
    accepted = 0
    for path in paths:
        found = generated(with_text(path, text))
        if found is None:
            continue
        accepted += 1
        harmless, base = sources(path, HARMLESS), unchanged(path)
        for name in BACKENDS:
            check(found[name], harmless[name] if harmless else None, base[name])
    # title, doc, reference and the docs of params and blocks take any text; `doc: ''` has no docstring.
    assert accepted >= 5


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_after_what_stands_in_some_places(text: str, part: int) -> None:
    after(text, some(text, part))


@pytest.mark.nightly
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_after_what_stands_there(text: str) -> None:
    after(text, PLACES)


def after(text: str, paths: Sequence[tuple[Any, ...]]) -> None:
    for path in paths:
        if path[-1] is None:
            continue
        value = functools.reduce(lambda found, part: found[part], path, MAXIMAL)
        found = generated(with_text(path, f"{value}{text}"))
        if found is None:
            continue
        harmless, base = sources(path, f"{value}{HARMLESS}"), unchanged(path)
        for name, source in found.items():
            check(source, harmless[name] if harmless else None, base[name])


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_values_from_outside(text: str) -> None:
    free = copy.deepcopy(MAXIMAL)
    free["params"]["act"] = {"default": "relu", "choices": ["relu", "sigmoid", text], "doc": text}
    base = sources(None, "")
    assert base is not None
    for name, source in (generated(free, {"act": text}) or {}).items():
        check(source, None, base[name])
    for param in MAXIMAL["params"]:
        generated(MAXIMAL, {param: text})
    generated(MAXIMAL, {text: 1})


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_names_of_files(text: str, tmp_path: Path) -> None:
    base = sources(None, "")
    assert base is not None
    try:
        path = tmp_path / f"{text.replace('/', '-')}.yaml"
        path.write_text(written(MAXIMAL))
    except (OSError, ValueError):
        pytest.skip("no file can have this name")
    for name in BACKENDS:
        source = archspec.generate(archspec.compile(path), name)
        check(source, base[name], base[name])
