"""`archspec list`: the specs and the recipes that ship."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from archspec.api import compile, load
from archspec.commands.shared import FORMAT_HELP, OK, counted
from archspec.ir.graph import LayerGraph
from archspec.reporting import plain
from archspec.spec import Spec, shipped
from archspec.spec.shipped_specs import RECIPES

EXAMPLES: Final = (
    "archspec list",
    "archspec list --counts",
    "archspec list --names",
    "archspec list --recipes",
    "archspec list --format json",
)
"""What its help shows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `list`."""
    parser.add_argument("--names", action="store_true", help="only the names, one a line")
    parser.add_argument(
        "--counts", action="store_true", help="parameters and multiply-adds as well, for which each network is compiled"
    )
    parser.add_argument(
        "--recipes", action="store_true", help="only the recipes for training; otherwise they come last"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help=FORMAT_HELP)


def run_list(arguments: argparse.Namespace) -> int:
    """A line for each spec, under the heading of its family, and for each recipe."""
    if arguments.recipes:
        return _recipes(arguments)
    names = shipped()
    if arguments.names:
        print(json.dumps(names) if arguments.format == "json" else "\n".join(names))
        return OK
    specs = [load(name) for name in names]
    if arguments.format == "json":
        print(json.dumps([_row(spec, arguments.counts) for spec in specs], indent=2))
        return OK
    group = _counted_group if arguments.counts else _group
    _show(*(group(*family) for family in _families(specs)), _recipe_group())
    return OK


def _recipes(arguments: argparse.Namespace) -> int:
    if arguments.names:
        names = RECIPES.names()
        print(json.dumps(names) if arguments.format == "json" else "\n".join(names))
    elif arguments.format == "json":
        print(json.dumps([_recipe_row(name) for name in RECIPES.names()], indent=2))
    else:
        _show(_recipe_group())
    return OK


def _show(*groups: Iterable[str]) -> None:
    # What is piped is not cut, so that it is the same everywhere.
    most = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print("\n\n".join("\n".join(line[:most].rstrip() for line in group) for group in groups))


def _recipe_row(name: str) -> dict[str, object]:
    from archspec.recipe import load as load_recipe  # networks alone do not wait for it
    from archspec.recipe import resolve

    settings = resolve(load_recipe(name))
    source = settings.data.source.name
    length = {"epochs": settings.epochs, "steps": settings.steps}
    return {"name": name, "title": settings.recipe.title, "data": source, "batch": settings.batch, **length}


def _recipe_group() -> Iterator[str]:
    rows = [_recipe_row(name) for name in RECIPES.names()]
    width = max((len(str(row["name"])) for row in rows), default=0)
    yield "Recipes for training"
    yield f"  {'name':<{width}}  {'data':<8}  {'batch':>5}  {'length':>14}  title"
    for row in rows:
        length = f"{row['epochs']:,} epochs" if row["epochs"] is not None else f"{row['steps']:,} steps"
        title = plain(str(row["title"]))
        yield f"  {row['name']:<{width}}  {row['data']:<8}  {row['batch']:>5}  {length:>14}  {title}"


def _row(spec: Spec, counts: bool) -> dict[str, object]:
    costs = _costs(compile(spec)) if counts else {}
    row: dict[str, object] = {"name": spec.name, "title": spec.title, "family": spec.family, **costs}
    if spec.variants:
        costs_of = {name: _costs(variant) for name, variant in _variants(spec)} if counts else {}
        row["variants"] = [{"name": name, **costs_of.get(name, {})} for name in spec.variants]
    return row


def _costs(graph: LayerGraph) -> dict[str, int]:
    return {"parameters": graph.parameters, "macs": graph.macs}


def _variants(spec: Spec) -> Iterator[tuple[str, LayerGraph]]:
    """The network in each of its variants, in their order."""
    for name in spec.variants:
        yield name, compile(load(spec.name, variant=name))


def _families(specs: Sequence[Spec]) -> Iterator[tuple[str, list[Spec]]]:
    """The specs under the headings that they give themselves, in the order of their first ones."""
    for family in dict.fromkeys(spec.family for spec in specs):
        yield family, [spec for spec in specs if spec.family == family]


def _group(family: str, specs: Sequence[Spec]) -> Iterator[str]:
    width = max(len(spec.name) for spec in specs)
    yield plain(family) or "Others"
    yield f"  {'name':<{width}}  title"
    for spec in sorted(specs, key=lambda spec: _natural(spec.name)):
        yield f"  {spec.name:<{width}}  {plain(spec.title)}"
        if spec.variants:
            yield f"    variant={', '.join(spec.variants)}"


def _counted_group(family: str, specs: Sequence[Spec]) -> Iterator[str]:
    width = max(len(name) for spec in specs for name in (spec.name, *(f"  variant={name}" for name in spec.variants)))
    yield plain(family) or "Others"
    yield f"  {'name':<{width}}  {'parameters':>12}  {'MACs':>9}  title"
    for spec in sorted(specs, key=lambda spec: _natural(spec.name)):
        graph = compile(spec)
        yield f"  {spec.name:<{width}}  {graph.parameters:>12,}  {counted(graph.macs):>9}  {plain(graph.title)}"
        for name, variant in _variants(spec):
            yield f"  {f'  variant={name}':<{width}}  {variant.parameters:>12,}  {counted(variant.macs):>9}"


def _natural(name: str) -> list[tuple[int, str]]:
    """A key by which `resnet18` comes before `resnet101`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
