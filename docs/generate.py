"""The pages that come from the code: `python -m docs.generate` from the repository's root writes them.

`docs/ops.md` is made from the op classes and the initializers, `docs/errors.md` from `archspec/explanations`, the
tables of `docs/recipes.md` from the registries of recipes, that of `docs/weights.md` from the maps that ship,
`docs/tutorial.md` and `docs/gallery.md` from the specs that ship, `docs/reference.md` and the tables of keys in
`docs/language.md` from the models, the figures of `docs/ideas` and the pictures of `docs/pictures` from the networks
that they are about. With `--check` nothing is written; the exit code is 3 if a page is not current.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import difflib
import inspect
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import archspec
from archspec.commands.recipes import findings
from archspec.errors import CODES, SpecError
from archspec.explanations import GROUPS, Explanation, all_explanations
from archspec.ir.attributes import (
    BoolKind,
    FactorsKind,
    FloatKind,
    IndexKind,
    InitKind,
    IntKind,
    Kind,
    PaddingKind,
    PerAxisKind,
    WordKind,
)
from archspec.ir.initializers import INITIALIZERS, OTHER_NAMES, Initializer
from archspec.ir.op import AttributeInfo, Op
from archspec.ir.ops import OPS
from archspec.ir.tensor_type import shape_text
from archspec.reporting import to_text
from docs import analysis, drawings, figures, gallery, recipes, reference, tables, tutorial, weight_maps
from docs.wrapping import wrapped

ROOT: Final = Path(__file__).resolve().parents[1]
STALE: Final = 3
NOTICE: Final = "<!-- Written by `python -m docs.generate`. Change what it is made from, not this page. -->"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the pages, or see whether they are current."""
    parser = argparse.ArgumentParser(
        prog="python -m docs.generate", description="Write the pages of docs/ that come from the code."
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 3 if a page is not current")
    check: bool = parser.parse_args(argv).check
    code = 0
    for name, text in pages().items():
        path = ROOT / "docs" / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        if check:
            print(f"{path} is not current: run `python -m docs.generate`", file=sys.stderr)
            code = STALE
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
            print(f"{path} written")
    return code


@cache
def pages() -> Mapping[str, str]:
    """The text of each page by its file's name."""
    return {
        "ops.md": _page(_ops()),
        "errors.md": _page(_errors()),
        "tutorial.md": _page(tutorial.page(NOTICE)),
        "reference.md": _page(reference.page(NOTICE)),
        "gallery.md": _page(gallery.page(NOTICE)),
        "language.md": tables.filled(_written("language.md")),
        "recipes.md": recipes.filled(_written("recipes.md"), _attributes),
        "weights.md": weight_maps.filled(_written("weights.md")),
        "analysis.md": analysis.filled(_written("analysis.md")),
        **{f"ideas/{name}.md": figures.filled(analysis.filled(_written(f"ideas/{name}.md"))) for name in figures.PAGES},
        **{f"pictures/{name}": text for name, text in drawings.pictures()},
    }


def _written(name: str) -> str:
    """A page of which only parts come from the code."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _page(lines: Iterator[str]) -> str:
    return "\n".join(wrapped(lines)) + "\n"


# -- ops --------------------------------------------------------------------------------------------


def _ops() -> Iterator[str]:
    yield from ("# Ops", "", NOTICE, "")
    yield "Every op of the language. [language.md](language.md) says how they are written."
    yield "Shapes stand without the batch: `(C, H, W)` for images, `(T, F)` for tokens, `(F,)` for features."
    yield "A pair is (vertical, horizontal); one number stands for both."
    yield ""
    yield from _table(
        ("op", "what it computes"), ([f"[{name}](#{name})", _sentence(_doc(op))] for name, op in OPS.items())
    )
    for group in dict.fromkeys(op.__module__ for op in OPS.values()):
        yield from ("", f"## {_doc(sys.modules[group]).partition(':')[0].rstrip('.')}")
        for name, op in OPS.items():
            if op.__module__ == group:
                yield from ("", f"### {name}", "")
                yield from _op(op)
    yield from ("", "## Initializers", "")
    yield "The values of `init` and `bias_init`: a name, or a name with its option, as in `{kaiming_normal: fan_out}`."
    yield "`fan_in` is the number of inputs that feed one output: input channels of a group times the kernel's area."
    yield "`fan_out` is the number of output channels times the kernel's area."
    yield ""
    yield from _table(
        ("initializer", "option", "default", "distribution"),
        ([f"`{name}`", *_options(kind), _doc(kind)] for name, kind in INITIALIZERS.items()),
    )
    fit = [f"`{name}`" for name, kind in INITIALIZERS.items() if kind.fits_bias]
    yield ""
    yield f"A bias takes {', '.join(fit)}. The others are for weights that join inputs and outputs."
    yield "A number may be an expression: `init: {normal: std}`. Generated source has its value."
    yield from ("", "Names of other libraries that are refused (E0411):", "")
    yield from (f"- `{name}`: {fix}." for name, fix in OTHER_NAMES.items())


def _op(op: type[Op]) -> Iterator[str]:
    yield _doc(op)
    example = op.example
    given = shape_text(example.input) + (f" of {example.ids:,} ids" if example.ids is not None else "")
    yield f"An example, for an input of {given}: `- {example.item}`"
    yield ""
    if op.most_inputs is None:
        yield f"It takes {op.least_inputs} branches or more."
    if op.weighted:
        yield "It counts as a layer of the network's depth."
    if op.attributes():
        yield ""
        yield from _attributes(list(op.attributes().values()))
    if op.two_meanings:
        yield from ("", "Words of other libraries that are refused (E0412):", "")
        yield from (f"- `{word}`: {fix}." for word, fix in op.two_meanings.items())


def _attributes(infos: Sequence[AttributeInfo]) -> Iterator[str]:
    rows = ([f"`{info.name}`", _takes(info.kind), _default(info), info.doc.replace("|", "\\|")] for info in infos)
    yield from _table(("attribute", "takes", "default", "meaning"), rows)
    for info in infos:
        if isinstance(info.kind, WordKind) and info.kind.meanings:
            words = zip(info.kind.words, info.kind.meanings, strict=True)
            yield ""
            yield from _table((f"`{info.name}`", "meaning"), ([f"`{word}`", meaning] for word, meaning in words))


def _doc(kind: type[object] | ModuleType) -> str:
    return " ".join((inspect.getdoc(kind) or "").split())


def _sentence(text: str) -> str:
    return text.partition(". ")[0].removesuffix(".")


def _takes(kind: Kind) -> str:
    if (only := recipes.takes(kind)) is not None:
        return only
    match kind:
        case IndexKind():
            return kind.expects
        case IntKind(least=least):
            return f"a whole number, {least} or more"
        case FloatKind(least=least, most=most, below=below):
            if below < float("inf"):
                return f"a number, {least:g} or more and less than {below:g}"
            if least == float("-inf"):
                return "a number"
            return f"a number, {least:g} or more" if most == float("inf") else f"a number from {least:g} to {most:g}"
        case FactorsKind():
            return "a number or a list with one for each spatial axis, more than 0"
        case PerAxisKind(least=least):
            return f"a whole number or a list with one for each spatial axis, {least} or more"
        case WordKind(words=words):
            return " or ".join(f"`{word}`" for word in words)
        case InitKind(by_fan=by_fan, of_bias=of_bias):
            more = " for a bias" if of_bias else "" if by_fan else " that goes by no fan"
            return f"an [initializer](#initializers){more}"
        case BoolKind() | PaddingKind() | _:
            return kind.expects


def _default(info: AttributeInfo) -> str:
    return "required" if info.required else _value(info.default)


def _value(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return f"`{str(value).lower()}`"
        case Initializer():
            return f"`{value.name}`"
        case ():
            return "empty"
        case (first, second) if first == second:
            return f"`{first}`"
        case tuple():
            return f"`[{', '.join(f'{item:g}' if isinstance(item, float) else str(item) for item in value)}]`"
        case _:
            return f"`{value}`"


def _options(kind: type[Initializer]) -> tuple[str, str]:
    fields = dataclasses.fields(kind)
    defaults = ["required" if field.default is dataclasses.MISSING else _value(field.default) for field in fields]
    named = (f"`{field.name}`" + _of(kind.words.get(field.name, ())) for field in fields)
    return ", ".join(named), ", ".join(defaults)


def _of(words: Sequence[str]) -> str:
    return f" ({', '.join(f'`{word}`' for word in words)})" if words else ""


def _table(heads: Sequence[str], rows: Iterator[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)


# -- errors -----------------------------------------------------------------------------------------


def _errors() -> Iterator[str]:
    yield from ("# Errors", "", NOTICE, "")
    yield "Every code that archspec reports, with a spec that fails, how it is fixed (`-` is wrong, `+` is right), and"
    yield "what archspec says of it. `archspec explain E0502` shows the same in a terminal. A code keeps its meaning"
    yield "from version to version; `--format json` gives errors as data."
    yield ""
    found = all_explanations()
    yield from _table(("code", "meaning"), ([f"[{code}](#{code.lower()})", CODES[code]] for code in found))
    group = ""
    for code, one in found.items():
        if code[:3] != group:
            group = code[:3]
            yield from ("", f"## {group}: {GROUPS[group]}")
        yield from ("", f"### {code}", "", f"**{one.title[0].upper()}{one.title[1:]}.** {one.means} {one.fix}")
        if one.command:
            yield from ("", f"A command that may end so: `{one.command}`")
        for name, text in one.files.items():
            yield from ("", f"With this file, `{name}`:", "", "```yaml", text.rstrip("\n"), "```")
        if one.network:
            yield from ("", f"With the network `{one.network}`:")
        if one.wrong:
            yield from ("", "```diff", *_change(one.wrong, one.right), "```")
            # A note may point into a network's own file, which lies elsewhere for everyone.
            yield from ("", "```text", _message(one).replace(f"{ROOT}{os.sep}", ""), "```")


def _change(wrong: str, right: str) -> Iterator[str]:
    """Both specs as one text: the lines that are wrong begin with a minus, those in their place with a plus."""
    for line in difflib.Differ().compare(wrong.splitlines(), right.splitlines()):
        if not line.startswith("?"):
            yield line[:1] + line[2:]


def _message(one: Explanation) -> str:
    """What archspec says of the spec that fails."""
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        for file, text in {**one.files, "spec.yaml": one.wrong}.items():
            Path(file).write_text(text, encoding="utf-8")
        try:
            if one.of_recipes:
                return to_text(findings("spec.yaml", one.network))
            archspec.compile("spec.yaml")
        except SpecError as error:
            return str(error)
    raise AssertionError(f"the spec that explains {one.code} is right")


if __name__ == "__main__":
    sys.exit(main())
