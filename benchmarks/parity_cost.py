"""What `archspec parity` costs: `python -m benchmarks.parity_cost [ARGUMENTS of archspec parity]`.

Time is that of the command and of all its processes: on the clock, and on the processors, which other work on the
machine disturbs less. Memory is the largest sum of what all its processes have resident, looked at ten times a second;
pages that several of them share count for each.
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.machine import describe

_PAGE = os.sysconf("SC_PAGE_SIZE")


def main() -> int:
    """Print the command's own output, then what it cost; the exit code is the command's."""
    arguments = sys.argv[1:] or ["resnet50"]
    command = [sys.executable, "-m", "archspec.cli", "parity", *arguments]
    start = time.monotonic()
    running = subprocess.Popen(command)
    most = 0
    while running.poll() is None:
        most = max(most, resident(running.pid))
        time.sleep(0.1)
    wall = time.monotonic() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cores = used.ru_utime + used.ru_stime
    print(f"\n{describe('torch', 'keras', 'tensorflow')}")
    print(f"archspec parity {' '.join(arguments)}: exit {running.returncode}")
    print(f"{wall:.0f} s on the clock, {cores:.0f} s on the processors ({cores / 2:.0f} s on two), {most / 1e9:.2f} GB")
    return running.returncode


def resident(pid: int) -> int:
    """What a process and all that it started have resident, in bytes. Of Linux alone."""
    total = 0
    with contextlib.suppress(OSError, ValueError):  # it may end meanwhile
        total = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text(encoding="ascii").split():
                total += resident(int(child))
    return total


if __name__ == "__main__":
    sys.exit(main())
