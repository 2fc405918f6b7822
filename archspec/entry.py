"""Where the program begins: Ctrl-C ends it in order from here on, also while its modules are imported."""

from __future__ import annotations

import gc
import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn


def _stop(_: int, __: FrameType | None) -> NoReturn:
    """Nothing was written yet, so that there is nothing to clear away."""
    os.write(2, b"archspec: interrupted\n")
    os._exit(130)


# When the module is imported, which only the program's script does: a moment later other modules are. Where the signal
# arrives ignored, as in a background shell, it stays so.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _stop)


_OBJECTS = 200_000
"""So many new objects make Python look for cycles among them.

The modules of a command are some 50,000 that stay: to look at them once takes as long as a tenth of `validate`. A
network of 100,000 layers is compiled in two thirds of the time that it takes with Python's own 700. This process is the
program's; archspec as a library leaves its host's collector alone.
"""


def main() -> int:
    """Run the command line; see `archspec.cli`."""
    gc.set_threshold(_OBJECTS)
    from archspec.cli import main
    from archspec.quiet_frameworks import quiet_frameworks

    quiet_frameworks()

    if signal.getsignal(signal.SIGINT) is _stop:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    code = main()
    gc.freeze()  # what is left is not searched for cycles once more, only to end
    return code


if __name__ == "__main__":
    sys.exit(main())
