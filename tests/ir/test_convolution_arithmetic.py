"""How many windows there are, and what a transposed convolution costs: against PyTorch's own answers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from archspec.ir.op import ShapeError
from archspec.ir.ops.linear import Conv, ConvTranspose
from archspec.ir.ops.pools import MaxPool
from archspec.ir.tensor_type import TensorType, image, signal, volume
from tests.needed import lazily, needs

torch: Any = lazily("torch")
pytestmark = needs("torch")

MAPS: Final[Mapping[int, Callable[..., TensorType]]] = {1: signal, 2: image, 3: volume}


def _map(rank: int, size: int) -> TensorType:
    return MAPS[rank](1, *[size] * rank)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("ceil_mode", [False, True])
def test_pools_have_as_many_windows_as_pytorch_makes(ceil_mode: bool, rank: int) -> None:
    pool, infos = getattr(torch.nn.functional, f"max_pool{rank}d"), MaxPool.attributes()
    for size, kernel, stride in itertools.product(range(1, 12 if rank < 3 else 8), range(1, 6), range(1, 6)):
        for side in range(kernel // 2 + 1):
            if stride > size + 2 * side:
                continue  # archspec takes it for a slip
            x = _map(rank, size)
            given = {"kernel": kernel, "stride": stride, "padding": side}
            read = {name: infos[name].kind.read(value) for name, value in given.items()}
            op = MaxPool(ceil_mode=ceil_mode, **read).fitted([x])
            try:
                wanted = pool(torch.zeros(1, *x.sizes), kernel, stride, side, ceil_mode=ceil_mode).shape[2:]
            except RuntimeError:
                with pytest.raises(ShapeError):
                    op.infer_type([x])
                continue
            assert op.infer_type([x]).places == tuple(wanted), op


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_transposed_convolutions_are_as_large_as_pytorch_makes_them(rank: int) -> None:
    conv, x = getattr(torch.nn.functional, f"conv_transpose{rank}d"), _map(rank, 4)
    infos = ConvTranspose.attributes()
    for kernel, stride, side, more, spread in itertools.product(
        range(1, 5), range(1, 4), range(4), range(3), range(1, 4)
    ):
        given = {"kernel": kernel, "stride": stride, "padding": side, "output_padding": more, "dilation": spread}
        read = {name: infos[name].kind.read(value) for name, value in given.items()}
        op = ConvTranspose(1, bias=False, **read).fitted([x])
        try:
            wanted = conv(
                torch.zeros(1, *x.sizes), torch.zeros(1, 1, *[kernel] * rank), None, stride, side, more, 1, spread
            ).shape[2:]
        except RuntimeError:
            with pytest.raises(ShapeError):
                op.infer_type([x])
            continue
        assert op.infer_type([x]).places == tuple(wanted), op


def test_a_transposed_convolution_costs_what_the_convolution_the_other_way_does() -> None:
    """Where nothing is left out, each of its products is one of the convolution whose gradient it is."""
    small = image(4, 5, 7)
    there = ConvTranspose(6, (3, 2), (2, 3), groups=2).fitted([small])
    large = there.infer_type([small])
    back = Conv(4, (3, 2), (2, 3), groups=2).fitted([large])
    assert back.infer_type([large]) == small
    assert there.macs([small], [large]) == back.macs([large], [small]) == small.count * 3 * 6
    assert [weight.shape for weight in there.weights([small])] == [(4, 3, 3, 2), (6,)]
