"""What a benchmark ran on, for the head of its output."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from archspec.bench.report import processor


def describe(*packages: str) -> str:
    """Versions and machine, two lines."""
    found = [f"Python {platform.python_version()}"]
    for package in ("archspec-nn", *packages):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} absent")
    return f"{', '.join(found)}\n{processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"
