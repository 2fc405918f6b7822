"""Whether a GPU is there, asked of its driver: no framework has to start to find out that there is none."""

from __future__ import annotations

import ctypes
import re
import sys
from functools import cache
from pathlib import Path
from typing import Final

_GPU: Final = re.compile(r"(?:cuda|gpu)(?::(\d+))?", re.IGNORECASE)
_DRIVERS: Final = {"linux": "libcuda.so.1", "win32": "nvcuda.dll"}
_OTHERS: Final = (Path("/dev/kfd"), Path("/dev/dxg"))
"""AMD's GPUs, which frameworks call `cuda` and `gpu`, too, and those of Windows in its Linux: no count is known."""


def lacks_gpu(device: str | None) -> str:
    """Why a device cannot be used here, as people read it; empty if it can, or if only a framework can say.

    Args:
        device: as frameworks call it: `cuda`, `gpu:1`, `cpu`.
    """
    named = _GPU.fullmatch(device or "")
    count = nvidia_gpus()
    if named is None or count is None or any(path.exists() for path in _OTHERS):
        return ""
    if count == 0:
        return f"there is no device `{device}`: no driver knows a GPU here"
    if int(named[1] or 0) >= count:
        last = f"the last is {count - 1}"
        return f"there is no device `{device}`: {'there is one GPU, 0' if count == 1 else f'of {count} GPUs {last}'}"
    return ""


@cache
def nvidia_gpus() -> int | None:
    """How many GPUs NVIDIA's driver shows to this process; None where this is no system that it is asked on."""
    name = _DRIVERS.get(sys.platform)
    if name is None:
        return None
    try:
        driver = ctypes.CDLL(name)
    except OSError:
        return 0
    count = ctypes.c_int(0)
    # Both return 0 where all is well; without a GPU, or with all of them hidden, they do not.
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
        return 0
    return count.value
