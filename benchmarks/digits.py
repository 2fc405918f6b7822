"""A small ResNet on the handwritten digits, in both frameworks: `python -m benchmarks.digits`.

It runs `archspec train` as a user would, prints the accuracy on held-out digits and the time of each, and draws the
curves of both.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.machine import describe

BACKENDS = ("torch", "keras:tensorflow", "keras:jax")


def archspec(*arguments: str) -> str:
    """What a command of archspec prints."""
    command = [sys.executable, "-m", "archspec", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def main() -> None:
    """Train in each framework, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backends", nargs="+", default=BACKENDS, metavar="BACKEND")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="where the curves are drawn")
    arguments = parser.parse_args()
    print(describe("torch", "keras", "tensorflow", "jax", "scikit-learn"))
    with tempfile.TemporaryDirectory() as temporary:
        runs = []
        for backend in arguments.backends:
            run = Path(temporary) / backend.replace(":", "_")
            start = time.monotonic()
            lines = archspec("train", "digits_resnet", "--recipe", "digits", "--backend", backend, "-o", str(run))
            print(f"{backend}: {lines.splitlines()[-1]}, {time.monotonic() - start:.0f} s")
            runs.append(str(run))
        if arguments.picture is not None:
            archspec("curves", *runs, "-o", str(arguments.picture), "--force")


if __name__ == "__main__":
    main()
