"""The opsets that models can be written for: ONNX's own version of its operators."""

from __future__ import annotations

from typing import Final

from archspec.errors import BackendError, Diagnostic

OPSET: Final = 23
"""What models have unless another is asked for."""
OLDEST: Final = 17
NEWEST: Final = 26


BFLOAT16: Final = 22
"""The first whose convolutions and pools take bfloat16."""


def check_opset(opset: int, dtype: str) -> None:
    """See that models of a dtype can be written for this opset, by the ONNX that is installed.

    Raises:
        BackendError: they cannot.
    """
    if not OLDEST <= opset <= NEWEST:
        message = f"ONNX models are written for opset {OLDEST} to {NEWEST}, not for {opset}"
        nearest = OLDEST if opset < OLDEST else NEWEST
        help = f"write {nearest}, or leave it out, which is {OPSET}"
        if opset < OLDEST:
            help += "; a runtime that has none of these is older than ONNX Runtime 1.12"
        raise BackendError(Diagnostic("E0411", message, help=help))
    if dtype == "bfloat16" and opset < BFLOAT16:
        message = f"ONNX has bfloat16 in convolutions and pools from opset {BFLOAT16} on, not in {opset}"
        raise BackendError(Diagnostic("E0411", message, help="write a newer one, or take float16"))
    from onnx.defs import onnx_opset_version

    known = onnx_opset_version()
    if opset > known:
        message = f"the ONNX that is installed knows opsets up to {known}, not {opset}"
        raise BackendError(Diagnostic("E0411", message, help=f"write {known}, or update it: `pip install -U onnx`"))
