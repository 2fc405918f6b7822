"""`archspec new`: a spec or a recipe to start from, of one of several kinds or as a copy of another."""

from __future__ import annotations

import argparse
import json
import os
import shlex
from pathlib import Path
from typing import Final

from archspec.api import compile
from archspec.atomic_files import is_folder, resolved, whole_file
from archspec.commands.shared import OK, usage_error
from archspec.errors import Diagnostic, OutputError, Source, Span, SpecError
from archspec.ir.assembly import class_name
from archspec.limits import Limits
from archspec.reporting import one_line
from archspec.spec import LocatedDict, find
from archspec.spec.checks import usable_name
from archspec.spec.file_kinds import names_recipe
from archspec.spec.located_data import LoadContext, LocatedList
from archspec.spec.scalars import resolve
from archspec.spec.shipped_specs import NETWORKS, RECIPES, Shipped, shipped_folder
from archspec.spec.yaml_reader import read_file
from archspec.starters import KINDS, RECIPE, starter

DEFAULT: Final = "classifier"
SCHEMA: Final = "schema.json"
RECIPE_SCHEMA: Final = "recipe.schema.json"
_INSTALLED: Final = {"site-packages", "dist-packages"}
"""Folders of an environment, which is another on another machine, and in no repository."""
MODELINE: Final = "# yaml-language-server: $schema="
EXAMPLES: Final = (
    "archspec new mine                           # an image classifier, as mine.yaml",
    "archspec new mine --kind segmentation",
    "archspec new mine --like resnet50 -o networks/   # a copy of a spec, with its comments",
    "archspec new mine --kind recipe             # a recipe for training",
)
"""What its help shows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `new`."""
    parser.add_argument("name", metavar="NAME", help="the network's or recipe's name: letters, digits, underscores")
    kinds = "; ".join(f"{kind}: {does}" for kind, does in {**KINDS, RECIPE: "how networks are trained"}.items())
    parser.add_argument("--kind", choices=(*KINDS, RECIPE), help=f"what to start from ({DEFAULT}). {kinds}")
    parser.add_argument("--like", metavar="SPEC", help="copy this spec: a path, or the bare name of one that ships")
    parser.add_argument("-o", "--output", help="a file or folder (NAME.yaml)")
    parser.add_argument("--force", action="store_true", help="overwrite a file that exists")


def run_new(arguments: argparse.Namespace) -> int:
    """See that the spec is right where it will stand, write it, and say what to do with it."""
    if arguments.output == "":
        usage_error("-o needs a file or a folder")
    if arguments.kind is not None and arguments.like is not None:
        usage_error("--kind starts a spec, --like copies one: one of the two")
    _check_name(arguments.name)
    path = _path(arguments.output, arguments.name)
    if os.path.lexists(path) and (not arguments.force or not path.is_file()):
        help = "give another name, write to another place with -o, or overwrite it with --force"
        raise OutputError(Diagnostic("E0604", f"{path} exists", help=help))
    name = _scalar(arguments.name)
    recipe = arguments.kind == RECIPE or (arguments.like is not None and names_recipe(arguments.like))
    shipped = RECIPES if recipe else NETWORKS
    like = None if arguments.like is None else find(arguments.like, shipped)
    if like is not None:
        _checked(like, shipped)  # what is wrong with it is shown in its own file
    kind = arguments.kind or DEFAULT
    text = starter(kind, name) if like is None else _copied(like, name, path.parent, shipped)
    schema = _schema(path.parent, RECIPE_SCHEMA if recipe else SCHEMA)
    if schema is not None:
        text = f"{MODELINE}{schema}\n{text}"
    root = path.parent if like is None else Path(os.path.commonpath([resolved(path.parent), resolved(like.parent)]))
    with whole_file(path) as temporary:  # only what is right takes the place of a file
        temporary.write_text(text, encoding="utf-8", newline="\n")
        about, option = _right(temporary, path, root, shipped)
    origin = (
        f"a copy of {arguments.like}" if like is not None else "a recipe" if recipe else f"a network of the kind {kind}"
    )
    print(f"{one_line(str(path))} written, {origin}: {about}")
    then = "" if recipe else f"\n  archspec build {path} --backend torch{option}"
    print(f"\n  archspec validate {path}{option}{then}")
    if schema is None:
        file, options = (RECIPE_SCHEMA, "--recipe ") if recipe else (SCHEMA, "")
        print("\nfor an editor that completes and checks it, write the schema beside it, and this as its first line:")
        print(f"\n  archspec schema {options}-o {path.parent / file}\n  {MODELINE}{file}")
    return OK


def _checked(path: Path, shipped: Shipped, root: Path | None = None) -> str:
    """What is said of a spec or a recipe that is right.

    Raises:
        SpecError: it is wrong.
    """
    if shipped is NETWORKS:
        graph = compile(path, root=root)
        return f"{graph.input_text} in, {graph.parameters:,} parameters"
    from archspec.commands.recipes import summary  # networks alone do not wait for it
    from archspec.recipe import load
    from archspec.recipe import resolve as resolve_recipe

    return summary(resolve_recipe(load(path, root=root)))


def _right(temporary: Path, path: Path, root: Path, shipped: Shipped) -> tuple[str, str]:
    """What is said of the new file, and the option that its commands need if it names files of another folder."""
    try:
        return _checked(temporary, shipped), ""
    except SpecError as error:
        if any(found.code != "E0109" for found in error.diagnostics):
            for found in error.diagnostics:
                if found.span is not None and found.span.source.name == str(temporary):
                    found.span.source.name = str(path)  # the other is gone when this is read
            raise
    return _checked(temporary, shipped, root), f" --root {shlex.quote(os.path.relpath(root))}"


def _check_name(name: str) -> None:
    found, path = LoadContext(), Path(name)
    help, is_file = "", path.suffix in (".yaml", ".yml")
    if is_file or path.name != name:  # a path was given
        where = shlex.quote(name if is_file else f"{path.parent}/")
        help = f"NAME is the network's name, and -o says where its file goes: `archspec new {path.stem} -o {where}`"
    usable_name(name, Span(Source("NAME", name), 1, 1, 1, len(name) + 1), found, "a spec", help=help)
    found.diagnostics.raise_if_any(SpecError)


def _path(output: str | None, name: str) -> Path:
    if output is None:
        return Path(f"{name}.yaml")
    path = Path(output)
    return path / f"{name}.yaml" if is_folder(path) or output.endswith(("/", os.sep)) else path


def _scalar(name: str) -> str:
    """A name as YAML: `null` would be read as nothing, were it not quoted."""
    return name if isinstance(resolve(name, Limits().digits), str) else json.dumps(name)


def _schema(folder: Path, name: str) -> str | None:
    """The schema's path from a folder, where it will be true elsewhere, too: in the folder or in the same project."""
    if (folder / name).is_file():
        return name
    shipped, here = shipped_folder(), resolved(folder)
    if shipped is None or not (shipped / name).is_file() or _INSTALLED & set(shipped.parts):
        return None
    root = next((around for around in (here, *here.parents) if (around / ".git").exists()), here)
    return Path(os.path.relpath(shipped / name, here)).as_posix() if shipped.is_relative_to(root) else None


def _copied(like: Path, name: str, folder: Path, shipped: Shipped) -> str:
    """The text of a spec under another name, with its comments; the files that it names are still found.

    Raises:
        SpecError: there is no such spec, or it is none.
    """
    reading = LoadContext()
    data = read_file(like, reading)
    reading.diagnostics.raise_if_any(SpecError)
    assert isinstance(data, LocatedDict)  # it has been compiled
    text = data.span.source.text
    edits: list[tuple[Span, str]] = []
    if shipped.key in data:
        edits.append((data.value_spans[shipped.key], name))
    else:  # its parent has one
        key = data.key_spans["extends"]
        edits.append((Span(key.source, key.line, key.column, key.line, key.column), f"{shipped.key}: {name}\n"))
    if isinstance(data.get("title"), str):
        edits.append((data.value_spans["title"], json.dumps(f"begun as a copy of {like.stem}", ensure_ascii=False)))
    if isinstance(data.get("extends"), str):
        edits.append((data.value_spans["extends"], _parent(str(data["extends"]), like, folder, shipped)))
    if isinstance(names := data.get("include"), LocatedList):
        pairs = zip(names, names.item_spans, strict=True)
        edits += [(span, _library(str(written), like, folder)) for written, span in pairs]
    if "class" in data:  # the class gets its name from the new one
        edits.append((data.value_spans["class"], class_name(name.strip('"'))))
    for span, new in sorted(edits, key=lambda edit: (edit[0].line, edit[0].column), reverse=True):
        start, end = _offset(text, span.line, span.column), _offset(text, span.end_line, span.end_column)
        # A block scalar's place holds the end of its last line.
        text = text[:start] + new + ("\n" if text[start:end].endswith("\n") else "") + text[end:]
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(MODELINE))


def _offset(text: str, line: int, column: int) -> int:
    return sum(len(each) for each in text.splitlines(keepends=True)[: line - 1]) + column - 1


def _library(written: str, like: Path, folder: Path) -> str:
    """How the copy names a library: as it is where it ships, otherwise from where the copy stands."""
    around = shipped_folder()
    if around is not None and (around / written).is_file() and resolved(like.parent) == resolved(around):
        return written
    return _from_here(like.parent / written, written, folder)


def _parent(written: str, like: Path, folder: Path, shipped: Shipped) -> str:
    around, stem = shipped_folder(), Path(written).stem
    homes = [resolved(around / inside) for inside in shipped.folders] if around is not None else []
    if resolved(like.parent) in homes and stem in shipped.names():
        return stem
    return _from_here(like.parent / written, written, folder)


def _from_here(file: Path, written: str, folder: Path) -> str:
    if not file.is_file():  # it ships, and is found from anywhere
        return written
    return json.dumps(Path(os.path.relpath(resolved(file), resolved(folder))).as_posix(), ensure_ascii=False)
