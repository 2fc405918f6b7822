"""The command line. Exit codes: 0 fine, 1 wrong input, 2 usage, 3 a check failed, 70 a bug of ours, 130 interrupted."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from archspec.arguments import parse, without_plugins
from archspec.errors import ArchspecError, Diagnostic, InternalError
from archspec.process_exit import (
    FAILED,
    INTERNAL,
    INTERRUPTED,
    WRONG,
    discard_output,
    in_order,
    interrupted,
    open_streams,
)


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
            with without_plugins():
                parsed = parse(arguments)
                _check_folder()
                module = importlib.import_module(f"archspec.commands.{parsed.command}")
                code: int = getattr(module, f"run_{parsed.command}")(parsed)
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


def _check_folder() -> None:
    """See that the current folder is still there: frameworks may end the process without a word where it is not.

    Raises:
        ArchspecError: it is not.
    """
    try:
        os.getcwd()
    except OSError as error:
        help = "change into a folder that exists"
        raise ArchspecError(
            Diagnostic("E0101", f"the current folder cannot be used: {error.strerror}", help=help)
        ) from None


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


def _show(error: ArchspecError, parsed: argparse.Namespace | None) -> None:
    from archspec.commands.shared import use_color
    from archspec.reporting import SHOWN_AT_MOST, to_json, to_text

    if getattr(parsed, "format", "text") == "json":
        print(to_json(error.diagnostics))
        return
    print(to_text(error.diagnostics, color=use_color(getattr(parsed, "color", "auto"), sys.stderr)), file=sys.stderr)
    codes = " ".join(dict.fromkeys(diagnostic.code for diagnostic in error.diagnostics[:SHOWN_AT_MOST]))
    print(f"\nfor more: archspec explain {codes}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
