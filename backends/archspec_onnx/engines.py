"""What ONNX models can run on, and what they run on in this process."""

from __future__ import annotations

import os
from typing import Final

ENGINE: Final = "ARCHSPEC_ONNX_RUNTIME"
"""The environment variable that says what models run on."""
ENGINES: Final = ("onnxruntime", "reference")


def current_engine() -> str:
    """What models run on in this process."""
    return os.environ.get(ENGINE) or ENGINES[0]
