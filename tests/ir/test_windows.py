"""How many windows there are, and what a transposed convolution costs: against PyTorch's own answers."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from archspec.ir.attributes import Padding
from archspec.ir.op import ShapeError
from archspec.ir.ops import Conv, ConvTranspose, MaxPool
from archspec.ir.tensor_type import image
from tests.needed import lazily, needs

torch: Any = lazily("torch")
pytestmark = needs("torch")


def _even(side: int) -> Padding:
    return Padding("explicit", (side, side, side, side))


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_pools_have_as_many_windows_as_pytorch_makes(ceil_mode: bool) -> None:
    for size, kernel, stride in itertools.product(range(1, 12), range(1, 6), range(1, 6)):
        for side in range(kernel // 2 + 1):
            if stride > size + 2 * side:
                continue  # archspec takes it for a slip
            op = MaxPool((kernel, kernel), (stride, stride), _even(side), ceil_mode)
            try:
                wanted = torch.nn.functional.max_pool2d(
                    torch.zeros(1, 1, size, size), kernel, stride, side, ceil_mode=ceil_mode
                ).shape[-1]
            except RuntimeError:
                with pytest.raises(ShapeError):
                    op.infer_type([image(1, size, size)])
                continue
            assert op.infer_type([image(1, size, size)]) == image(1, wanted, wanted), op


def test_transposed_convolutions_are_as_large_as_pytorch_makes_them() -> None:
    for kernel, stride, side, more, spread in itertools.product(
        range(1, 5), range(1, 4), range(4), range(3), range(1, 4)
    ):
        op = ConvTranspose(
            1, (kernel, kernel), (stride, stride), _even(side), (more, more), dilation=(spread, spread), bias=False
        )
        try:
            wanted = torch.nn.functional.conv_transpose2d(
                torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, kernel, kernel), None, stride, side, more, 1, spread
            ).shape[-1]
        except RuntimeError:
            with pytest.raises(ShapeError):
                op.infer_type([image(1, 4, 4)])
            continue
        assert op.infer_type([image(1, 4, 4)]) == image(1, wanted, wanted), op


def test_a_transposed_convolution_costs_what_the_convolution_the_other_way_does() -> None:
    """Where nothing is left out, each of its products is one of the convolution whose gradient it is."""
    there = ConvTranspose(6, (3, 2), (2, 3), groups=2)
    back = Conv(4, (3, 2), (2, 3), groups=2)
    small = image(4, 5, 7)
    large = there.infer_type([small])
    assert back.infer_type([large]) == small
    assert there.macs([small], [large]) == back.macs([large], [small]) == small.count * 3 * 6
    assert [weight.shape for weight in there.weights([small])] == [(4, 3, 3, 2), (6,)]
