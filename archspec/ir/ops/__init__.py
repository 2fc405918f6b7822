"""The op set. Each op is defined here once, with ONNX's meaning; backends hold one row for each.

The modules group the ops by what they do: `linear`, `norms`, `activations`, `regularizers`, `pools`, `shapes`,
`merges`, `tokens`. An op is found by its name in `OPS`.
"""

from typing import Final

from archspec.ir.op import Op
from archspec.ir.ops.activations import Relu, Sigmoid, Softmax
from archspec.ir.ops.base import Input
from archspec.ir.ops.linear import Conv, Dense
from archspec.ir.ops.merges import Add, Concat, Multiply
from archspec.ir.ops.norms import BatchNorm
from archspec.ir.ops.pools import AvgPool, GlobalAvgPool, MaxPool
from archspec.ir.ops.regularizers import Dropout
from archspec.ir.ops.shapes import Flatten, Identity

OPS: Final[dict[str, type[Op]]] = {
    op.name: op
    for op in (
        *(Conv, Dense),
        *(BatchNorm,),
        *(Relu, Sigmoid, Softmax),
        *(Dropout,),
        *(MaxPool, AvgPool, GlobalAvgPool),
        *(Identity, Flatten),
        *(Add, Multiply, Concat),
    )
}
"""Every op that a spec can name, by its name; grouped, in the order of the documentation."""

__all__ = [
    "OPS",
    "Add",
    "AvgPool",
    "BatchNorm",
    "Concat",
    "Conv",
    "Dense",
    "Dropout",
    "Flatten",
    "GlobalAvgPool",
    "Identity",
    "Input",
    "MaxPool",
    "Multiply",
    "Relu",
    "Sigmoid",
    "Softmax",
]
