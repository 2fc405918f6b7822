"""The command line. Exit codes: 0 fine, 1 wrong input, 2 usage, 3 a check failed, 70 a bug of ours, 130 interrupted."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final

from archspec._version import __version__
from archspec.ending import (
    FAILED,
    INTERNAL,
    INTERRUPTED,
    WRONG,
    discard_output,
    in_order,
    interrupted,
    open_streams,
)
from archspec.errors import ArchspecError, Diagnostic, InternalError

COMMANDS: Final = {
    "build": "turn a spec into source for a framework, checked",
    "init": "draw initial weights, the same everywhere, and write them; no framework is needed",
    "validate": "see whether specs are right; no framework is needed",
    "list": "show the specs that ship",
    "new": "start a spec: from a template, or as a copy of another",
    "schema": "print the JSON Schema of specs, for editors",
    "summary": "show a network as a table: shapes, parameters, multiply-adds and receptive fields",
    "count": "count parameters, multiply-adds and activations, by stage or side by side",
    "graph": "draw a network, a block, or two networks with what differs; no framework is needed",
    "diff": "say what differs between two networks, layer by layer",
    "watch": "check and draw a spec on each save, in the terminal and on a page",
    "parity": "run a network in several frameworks and compare",
}
"""The commands and what they do; each is a module of `archspec.commands`, imported when it is used."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        open_streams()
        with in_order():
            return _run(list(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        discard_output()
        return WRONG
    except OSError as error:  # of the system: a disk that is full, a folder that may not be entered
        return _interrupted() if interrupted(error) else _refused(error)
    except Exception as error:  # a bug of ours, whatever it is
        return _interrupted() if interrupted(error) else _unexpected(error)


def _run(arguments: Sequence[str]) -> int:
    parsed: argparse.Namespace | None = None
    try:
        try:
            parsed = _parser(arguments).parse_args(arguments)
            code: int = importlib.import_module(f"archspec.commands.{parsed.command}").run(parsed)
        finally:
            sys.stdout.flush()
        return code
    except ArchspecError as error:
        if interrupted(error):
            raise KeyboardInterrupt from None
        _show(error, parsed)
        return FAILED if error.diagnostics[0].code in ("E0606", "E0801") else WRONG
    except InternalError as error:
        print(error, file=sys.stderr)
        return INTERNAL


def _interrupted() -> int:
    print("archspec: interrupted", file=sys.stderr)
    return INTERRUPTED


def _refused(error: OSError) -> int:
    """Say what the system did not let us do."""
    from archspec.reporting import to_text

    if "ARCHSPEC_TRACEBACK" in os.environ:
        raise error
    reason = error.strerror or " ".join(str(error).split())[:300]
    if isinstance(error.filename, str | bytes):
        reason = f"{os.fsdecode(error.filename)} cannot be used: {reason}"
    elif error.errno is not None:  # a stream has no name
        reason = f"the output cannot be written: {reason}"
        discard_output()
    print(to_text([Diagnostic("E0605", reason)]), file=sys.stderr)
    return WRONG


def _unexpected(error: Exception) -> int:
    """Say in a line what went wrong within archspec, and how to see more."""
    if "ARCHSPEC_TRACEBACK" in os.environ:
        raise error
    reason = " ".join(str(error).split())[:300]
    print(InternalError(f"{type(error).__name__}: {reason}"), file=sys.stderr)
    print("ARCHSPEC_TRACEBACK=1 shows where it comes from", file=sys.stderr)
    return INTERNAL


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="archspec", description="Write a network once, as YAML; get readable PyTorch and Keras source, and ONNX."
    )
    parser.add_argument("--version", action="version", version=f"archspec {__version__}")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="colour in errors (auto)")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        if name in arguments:  # the others' modules need not be imported
            importlib.import_module(f"archspec.commands.{name}").add(command)
    return parser


def _show(error: ArchspecError, parsed: argparse.Namespace | None) -> None:
    from archspec.commands.shared import coloured
    from archspec.reporting import to_json, to_text

    if getattr(parsed, "format", "text") == "json":
        print(to_json(error.diagnostics))
        return
    print(to_text(error.diagnostics, colour=coloured(getattr(parsed, "color", "auto"), sys.stderr)), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
