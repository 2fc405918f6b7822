"""The conformance cases of every op, in the groups of `archspec.ir.ops`.

`CASES` has, for each op, layers as YAML, with the input before them where it is no image: all attributes, even and odd
kernels. `CALLS` has, for each op and attribute,
the layer with `p` for the attribute, and the values that it has in two or three calls of one block.
"""

from tests.conformance.cases import (
    activations,
    linear,
    merges,
    norms,
    pools,
    reductions,
    regularizers,
    shapes,
    tokens,
    windows,
)

_GROUPS = (linear, norms, activations, regularizers, pools, reductions, shapes, merges, tokens, windows)
CASES: dict[str, list[str]] = {op: cases for group in _GROUPS for op, cases in group.CASES.items()}
CALLS: dict[tuple[str, str], list[tuple[str, list[str]]]] = {
    place: cases for group in _GROUPS for place, cases in group.CALLS.items()
}
