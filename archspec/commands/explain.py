"""`archspec explain`: what an error code means, with a spec that fails and one that is right."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Iterator
from typing import Final

from archspec.commands.shared import OK, usage_error
from archspec.errors import CODES
from archspec.explanations import GROUPS, Explanation, explanation

EXAMPLES: Final = (
    "archspec explain E0502",
    "archspec explain                            # lists all codes",
)
"""What its help shows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `explain`."""
    parser.add_argument("codes", metavar="CODE", nargs="*", help="such as E0502; without one, all codes are listed")


def run_explain(arguments: argparse.Namespace) -> int:
    """Print the explanations, or the list of codes."""
    try:
        found = [explanation(code) for code in arguments.codes]  # all of them first: a wrong one prints nothing
    except ValueError as error:
        usage_error(str(error))
    width = min(max(shutil.get_terminal_size().columns, 40), 100)
    parts = ["\n".join(_text(one, width)) for one in found] if found else ["\n".join(_list())]
    print("\n\n".join(parts))
    return OK


def _list() -> Iterator[str]:
    for group, title in GROUPS.items():
        yield f"{group}: {title}"
        yield from (f"  {code}  {meaning}" for code, meaning in CODES.items() if code.startswith(group))
        yield ""
    yield "`archspec explain CODE` says more of one."


def _text(one: Explanation, width: int) -> Iterator[str]:
    yield f"{one.code}: {one.title}"
    yield ""
    yield from textwrap.wrap(one.means, width)
    yield ""
    yield from textwrap.wrap(f"To fix it: {one.fix}", width)
    if one.command:
        yield from ("", "A command that may end so:", "", f"    {one.command}")
    for name, text in one.files.items():
        yield from ("", f"With this file, {name}:", "", textwrap.indent(text.rstrip(), "    "))
    noun = "recipe" if one.of_recipes else "spec"
    if one.network:
        yield from ("", f"With the network {one.network}:")
    for what, text in ((f"This {noun} is wrong:", one.wrong), ("This one is right:", one.right)):
        if text:
            yield from ("", what, "", textwrap.indent(text.rstrip(), "    "))
