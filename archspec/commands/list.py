"""`archspec list`: the specs and the recipes that ship."""

from __future__ import annotations

import argparse
import json
import math
import re
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Final

from archspec.commands.shared import FORMAT_HELP, OK, counted
from archspec.errors import Diagnostic, SpecError, did_you_mean, nearest
from archspec.reporting import plain
from archspec.shipped_networks import ListedNetwork, ListedVariant, listed_networks
from archspec.spec.other_names import spellings
from archspec.spec.shipped_specs import RECIPES, shipped

EXAMPLES: Final = (
    "archspec list",
    "archspec list --family resnet --at-most parameters=30M",
    "archspec list --like macs=1G",
    "archspec list --like resnet50",
    "archspec list --source torchvision",
    "archspec list --source keras.applications.EfficientNetB0",
    "archspec list --names",
    "archspec list --recipes",
    "archspec list --format json",
)
"""What its help shows."""

_COSTS: Final = ("parameters", "macs")
_COST: Final = re.compile(
    r"(?P<name>[a-z]+)=(?P<number>\d+(?:\.\d+)?(?:e[+]?\d{1,2})?)(?P<unit>[kmgt]?)", re.IGNORECASE | re.ASCII
)
_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_TOGETHER: Final = " and "
"""Between the families that stand under one heading."""
_MISSPELLED: Final = 2
"""Letters that a misspelling has more or fewer: the names of all builders are too many to compare each with."""
_NEAREST: Final = 12
"""How many networks `--like` shows."""


def cost(text: str) -> tuple[str, float]:
    """A cost and a number, as `macs=1.5G`.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    found = _COST.fullmatch(text)
    if found is None or found["name"].lower() not in _COSTS or not float(found["number"]):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no cost: write parameters=25M or macs=1.5G, with k, M, G or T after the number, or macs=1.5e9"
        )
    return found["name"].lower(), float(found["number"]) * _UNITS[found["unit"].lower()]


def cost_or_network(text: str) -> tuple[str, float] | str:
    """A cost and a number, as `macs=1.5G`, or the name of a network.

    Raises:
        argparse.ArgumentTypeError: it is neither.
    """
    return cost(text) if "=" in text or text.lower() in _COSTS else text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `list`."""
    parser.add_argument("--names", action="store_true", help="only the names, one a line")
    parser.add_argument(
        "--family",
        metavar="TEXT",
        help="only networks whose name or family has this word; if none has, those whose title has the text",
    )
    parser.add_argument(
        "--source",
        metavar="TEXT",
        help="only networks with this text in their references: a paper, a library; or the network of a builder, "
        "keras.applications.EfficientNetB0",
    )
    parser.add_argument(
        "--at-most",
        metavar="COST",
        type=cost,
        action="append",
        default=[],
        help="only networks and variants that cost no more: parameters=25M, macs=1.5G; may be given several times",
    )
    parser.add_argument(
        "--like",
        metavar="COST",
        type=cost_or_network,
        help=f"the {_NEAREST} networks and variants whose cost is nearest: macs=1G; or of a network's costs: resnet50",
    )
    parser.add_argument(
        "--recipes", action="store_true", help="only the recipes for training; otherwise they come last"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help=FORMAT_HELP)


def run_list(arguments: argparse.Namespace) -> int:
    """A line for each spec, under the heading of its family, and for each recipe."""
    if arguments.recipes:
        return _recipes(arguments)
    chosen = bool(arguments.family or arguments.source or arguments.at_most or arguments.like)
    if arguments.names and not chosen:
        _show_names(shipped(), arguments)
        return OK
    listed = listed_networks()
    wanted = _wanted(arguments.like, listed)
    networks = _of_source(_of_family(listed, arguments.family), arguments.source)
    networks = [found for network in networks if (found := _affordable(network, arguments)) is not None]
    if wanted:
        return _show_nearest(networks, wanted, arguments)
    if arguments.names:
        _show_names([network.name for network in networks], arguments)
    elif arguments.format == "json":
        print(json.dumps([_row(network) for network in networks], indent=2))
    elif networks:
        groups = [_group(*group) for group in _families(networks)]
        _show(*groups, *([] if chosen else [_recipe_group()]))
    else:
        meant = _meant(listed, arguments.family, arguments.source)
        print(f"no network that ships fits; {meant}`archspec list` shows all")
    return OK


def _wanted(like: tuple[str, float] | str | None, networks: Sequence[ListedNetwork]) -> dict[str, float]:
    """The costs that `--like` asks for, by what they are; none where it is not given.

    Raises:
        SpecError: there is no such network.
    """
    if like is None:
        return {}
    if not isinstance(like, str):
        return {like[0]: like[1]}
    own, _, variant = like.partition(":")
    for network in networks:
        for each in (network, *network.variants) if network.name == own else ():
            if not variant or (isinstance(each, ListedVariant) and each.name == variant):
                return {name: float(getattr(each, name)) for name in _COSTS}
    names = {network.name for network in networks}
    if own in names:
        variants = [each.name for network in networks if network.name == own for each in network.variants]
        help = f"it has {', '.join(variants)}" if variants else f"{own} has no variants: write `--like {own}`"
        raise SpecError(Diagnostic("E0101", f"{own} has no variant `{variant[:80]}`", help=help))
    help = did_you_mean(own, names) or "name a network that ships, as resnet50 or swin:s, or a cost, as macs=1G"
    raise SpecError(Diagnostic("E0101", f"no network named `{like[:80]}` ships", help=help))


def _meant(networks: Sequence[ListedNetwork], family: str | None, source: str | None) -> str:
    """What `--family` or `--source` may be meant to say, where no network has the text."""
    words = {word for network in networks for word in (network.family, network.name, *network.family.split())}
    found = nearest(family, words) if family and not any(family.lower() in word.lower() for word in words) else None
    if found is not None:
        return f"did you mean `--family {shlex.quote(found)}`? "
    if not source or _of_source(networks, source):
        return ""
    builders = (name for network in networks for builder in network.builders for name in spellings(builder))
    found = nearest(source, {name for name in builders if abs(len(name) - len(source)) <= _MISSPELLED})
    return f"did you mean `--source {shlex.quote(found)}`? " if found is not None else ""


def _show_names(names: Sequence[str], arguments: argparse.Namespace) -> None:
    print(json.dumps([*names]) if arguments.format == "json" else "\n".join(names))


def _of_family(networks: Sequence[ListedNetwork], family: str | None) -> Sequence[ListedNetwork]:
    """The networks whose name or family has the words; else those with the text in these or their title."""
    if not family:
        return networks
    words = _words(family)
    named = [network for network in networks if words and _stand_in(words, network)]
    text = family.lower()
    return named or [
        network for network in networks if text in f"{network.family} {network.name} {network.title}".lower()
    ]


def _stand_in(words: list[str], network: ListedNetwork) -> bool:
    """Whether a network's name or family has these words in a row; a family of two is of those that it names."""
    places = [_words(network.name)]
    if _TOGETHER not in network.family or not any(word in network.family.lower() for word in places[0]):
        places.append(_words(network.family))
    size = len(words)
    return any(words == place[start : start + size] for place in places for start in range(len(place) - size + 1))


def _words(text: str) -> list[str]:
    """`ResNet50_v2` as `resnet`, `50`, `v`, `2`."""
    return re.findall(r"[a-z]+|[0-9]+", text.lower())


def _of_source(networks: Sequence[ListedNetwork], source: str | None) -> Sequence[ListedNetwork]:
    """The networks of a builder by its name, with the variants that it is of; else those that refer to a source."""
    if not source:
        return networks
    for alike in (str, str.lower):
        wanted = alike(source)
        found = [
            replace(network, variants=tuple(each for each in network.variants if each.name in variants))
            for network in networks
            if (variants := {own for name, own in network.builders.items() if wanted in spellings(alike(name))})
        ]
        if found:
            return found
    text = source.lower()
    return [
        network for network in networks if text in f"{' '.join(network.reference)} {' '.join(network.builders)}".lower()
    ]


def _affordable(network: ListedNetwork, arguments: argparse.Namespace) -> ListedNetwork | None:
    """The network with those of its variants that cost no more than is asked; None where neither does."""
    variants = tuple(each for each in network.variants if _is_within(each, arguments))
    if not variants and not _is_within(network, arguments):
        return None
    return replace(network, variants=variants)


def _is_within(network: ListedNetwork | ListedVariant, arguments: argparse.Namespace) -> bool:
    return all(getattr(network, name) <= most for name, most in arguments.at_most)


def _show_nearest(networks: Sequence[ListedNetwork], wanted: Mapping[str, float], arguments: argparse.Namespace) -> int:
    """The networks and variants whose costs are nearest by their ratios, the nearest first."""
    rows = [
        (f"{network.name} variant={each.name}" if isinstance(each, ListedVariant) else network.name, network, each)
        for network in networks
        # Where there are variants, one of them is the network with its defaults.
        for each in network.variants or (network,)
        if all(getattr(each, name) > 0 for name in wanted)
    ]
    rows.sort(key=lambda row: (math.hypot(*(math.log(getattr(row[2], key) / wanted[key]) for key in wanted)), row[0]))
    rows = rows[:_NEAREST]
    if arguments.names:
        _show_names([*dict.fromkeys(network.name for _, network, _ in rows)], arguments)
    elif arguments.format == "json":
        found = [
            {
                "name": network.name,
                "variant": each.name if isinstance(each, ListedVariant) else None,
                "parameters": each.parameters,
                "macs": each.macs,
                "title": network.title,
            }
            for _, network, each in rows
        ]
        print(json.dumps(found, indent=2))
    else:
        width = max((len(label) for label, _, _ in rows), default=0)
        lines = [f"{'name':<{width}}  {'parameters':>12}  {'MACs':>9}  title"]
        lines += [
            f"{label:<{width}}  {each.parameters:>12,}  {counted(each.macs):>9}  {plain(network.title)}"
            for label, network, each in rows
        ]
        _show(lines)
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


def _row(network: ListedNetwork) -> dict[str, object]:
    row = asdict(network)
    if not network.variants:
        del row["variants"]
    return {**row, "reference": [*network.reference]}


def _families(networks: Sequence[ListedNetwork]) -> Iterator[tuple[str, list[ListedNetwork]]]:
    """The networks under the headings that they give themselves, in the order of their first ones."""
    for family in dict.fromkeys(network.family for network in networks):
        yield family, [network for network in networks if network.family == family]


def _group(family: str, networks: Sequence[ListedNetwork]) -> Iterator[str]:
    names = [name for each in networks for name in (each.name, *(f"  variant={one.name}" for one in each.variants))]
    width = max(map(len, names))
    yield plain(family) or "Others"
    yield f"  {'name':<{width}}  {'parameters':>12}  {'MACs':>9}  title"
    for network in sorted(networks, key=lambda network: _natural(network.name)):
        costs = f"{network.parameters:>12,}  {counted(network.macs):>9}"
        yield f"  {network.name:<{width}}  {costs}  {plain(network.title)}"
        for one in network.variants:
            yield f"  {f'  variant={one.name}':<{width}}  {one.parameters:>12,}  {counted(one.macs):>9}"


def _natural(name: str) -> list[tuple[int, str]]:
    """A key by which `resnet18` comes before `resnet101`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
