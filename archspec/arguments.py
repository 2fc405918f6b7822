"""The arguments of the command line: the commands in their groups, their help, and what is said of wrong ones."""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from types import ModuleType
from typing import Final, NoReturn, TextIO, cast

from archspec._version import __version__
from archspec.errors import nearest
from archspec.process_exit import EXIT_CODES, USAGE

GROUPS: Final[Mapping[str, Mapping[str, str]]] = {
    "Write a spec": {
        "new": "start a spec: one of several kinds, or a copy of another",
        "list": "show the specs that ship",
        "validate": "see whether specs are right",
        "explain": "say what an error code means, with a spec that fails and one that is right",
        "watch": "check and draw a spec on each save, in the terminal and on a page",
        "schema": "print the JSON Schema of specs, for editors",
    },
    "Get source, weights, proof": {
        "build": "turn a spec into source for a framework, or into an ONNX model, checked",
        "quantize": "turn a spec into an ONNX model in int8, by calibration on examples",
        "init": "draw initial weights, the same everywhere, and write them",
        "parity": "run a network in several frameworks and compare",
        "predict": "say what is in images, by a network and its weights",
        "push": "put a network and its weights on the Hugging Face hub",
        "weights": "say what weights files hold, and write them in another library's format",
    },
    "Train": {
        "train": "write the program that trains a network by a recipe, and run it",
        "evaluate": "measure weights on a recipe's data",
        "curves": "draw the curves of runs, several in one picture",
    },
    "Look at a network": {
        "summary": "show a network as a table: shapes, parameters, multiply-adds and receptive fields",
        "count": "count parameters, multiply-adds and activations, by stage or side by side",
        "graph": "draw a network, a block, or two networks with what differs",
        "diff": "say what differs between two networks, layer by layer",
        "bench": "measure how long a network takes on the engines that are installed",
        "tune": "find the fastest way to run a network here, and write it",
    },
    "Set up": {"completion": "print what completes commands in bash, zsh or fish"},
}
"""The commands by what one does with them; each is a module of `archspec.commands`, imported when it is used."""

_PLUGIN_LOADER: Final = "pydantic.plugin._loader"
COMMANDS: Final[Mapping[str, str]] = {name: does for group in GROUPS.values() for name, does in group.items()}


class Parser(argparse.ArgumentParser):
    """A parser whose errors name the nearest command, option or choice."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and what was probably meant; end with the exit code of wrong usage."""
        choice = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message, re.DOTALL)
        if choice is not None:
            found = nearest(choice[1], re.findall(r"[\w.:-]+", choice[2]))
            message += f"; did you mean `{found}`?" if found else ""
        self.exit(USAGE, f"{self.prog}: error: {message}\ntry `{self.prog} --help`\n")


class _WholeParser(Parser):
    """The parser of the whole command line, whose help shows all commands."""

    def format_help(self) -> str:
        """The usage, the options and the commands in their groups."""
        self.epilog = "\n".join(_overview(_width()))
        return super().format_help()


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """What a command line asks for. Where it is wrong, or asks for help, the process ends here, as argparse does it."""
    name = command_of(arguments)
    if name is not None and name not in COMMANDS:
        found = nearest(name, COMMANDS)
        meant = f"; did you mean `{found}`?" if found else ""
        Parser(prog="archspec").error(f"there is no command `{name}`{meant}")
    whole, commands = parsers(() if name is None else (name,))
    if not arguments:
        whole.print_help(sys.stderr)
        sys.exit(USAGE)
    parsed, unknown = whole.parse_known_args(arguments)
    if unknown:
        parser = commands[parsed.command]
        options = [option for action in parser._actions for option in action.option_strings]
        word = unknown[0].partition("=")[0]
        begun = [option for option in options if option.startswith(word)]  # a part of an option is not taken for it
        found = (begun[0] if begun else nearest(word, options)) if word.startswith("-") else None
        meant = f"; did you mean `{found}`?" if found else ""
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{meant}")
    parsed.commands = every_command  # for the command whose output is about all others, and itself
    return parsed


def command_of(arguments: Sequence[str]) -> str | None:
    """The command of a command line: the first word that is no option, nor the value of one."""
    words = iter(arguments)
    for word in words:
        if not word.startswith("-"):
            return word
        if word == "--color":
            next(words, None)
    return None


def every_command() -> Iterator[tuple[str, str, Parser]]:
    """The commands by name, with what each does and its parser."""
    for name, parser in parsers(tuple(COMMANDS))[1].items():
        yield name, COMMANDS[name], parser


def parsers(names: Sequence[str]) -> tuple[Parser, Mapping[str, Parser]]:
    """The whole parser, and those of some commands by name; the modules of the others are not imported."""
    width = _width()
    formatter = partial(argparse.RawDescriptionHelpFormatter, width=width)  # else argparse asks shutil for each option
    whole = _WholeParser(
        prog="archspec",
        usage="archspec [-h] [-V] [--color WHEN] COMMAND ...",
        description="\n".join(
            textwrap.wrap(
                "Write a network once, as YAML; get readable PyTorch and Keras source, and ONNX, and proof that all "
                "compute the same thing.",
                width,
            )
        ),
        formatter_class=formatter,
        add_help=False,
        allow_abbrev=False,
    )
    whole.add_argument("-h", "--help", action="help", help="show this, or `archspec COMMAND --help`")
    whole.add_argument("-V", "--version", action="version", version=f"archspec {__version__}", help="show the version")
    whole.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        metavar="WHEN",
        help="color in errors: always, never, or auto, which is on a terminal and follows NO_COLOR and FORCE_COLOR",
    )
    commands = whole.add_subparsers(
        dest="command", metavar="COMMAND", required=True, prog="archspec", help=argparse.SUPPRESS, parser_class=Parser
    )
    found: dict[str, Parser] = {}
    for name in names:
        does = COMMANDS[name]
        with _without_plugins():
            module = importlib.import_module(f"archspec.commands.{name}")
        found[name] = commands.add_parser(
            name,
            description=does[:1].upper() + does[1:] + ".",
            epilog="\n".join(("examples:", *(f"  {example}" for example in module.EXAMPLES))),
            formatter_class=formatter,
            allow_abbrev=False,
        )
        module.add_arguments(found[name])
        found[name].description = "\n".join(textwrap.wrap(found[name].description or "", width))
    return whole, found


def _width() -> int:
    """How wide lines of help are: as argparse has them by `shutil`, whose import takes longer than all parsing."""
    with suppress(ValueError):
        if (columns := int(os.environ.get("COLUMNS", ""))) > 0:
            return columns - 2
    with suppress(AttributeError, ValueError, OSError):  # there is no standard output, or it is no terminal
        if columns := os.get_terminal_size(cast(TextIO, sys.__stdout__).fileno()).columns:
            return columns - 2
    return 78


@contextmanager
def _without_plugins() -> Iterator[None]:
    """Let models of pydantic be made without its plugins, which it looks for in all that is installed.

    To look for them, pydantic imports `importlib.metadata`, which takes as long as a third of pydantic itself. The
    module of its own that does so, and that it asks for each model, is stood in for by one that knows no plugin; no
    other module has a reason to import it. Where it is imported already, or a version of pydantic calls it otherwise,
    plugins are looked for as in any library.
    """
    if _PLUGIN_LOADER in sys.modules:
        yield
        return
    stand_in = ModuleType(_PLUGIN_LOADER)
    vars(stand_in)["get_plugins"] = tuple
    sys.modules[_PLUGIN_LOADER] = stand_in
    try:
        yield
    finally:
        if sys.modules.get(_PLUGIN_LOADER) is stand_in:
            del sys.modules[_PLUGIN_LOADER]


def _overview(width: int) -> Iterator[str]:
    """The commands in their groups, and the exit codes."""
    column = max(map(len, COMMANDS)) + 4
    for group, commands in GROUPS.items():
        yield f"{group}:"
        for name, does in commands.items():
            yield from textwrap.wrap(
                does, width, initial_indent=f"  {name:<{column - 2}}", subsequent_indent=" " * column
            )
        yield ""
    yield "exit codes:"
    yield from (f"  {code:<5} {meaning}" for code, meaning in EXIT_CODES.items())
    yield ""
    yield "begin with:"
    yield from ("  archspec list", "  archspec build resnet50 --backend torch", "  archspec new mine")
