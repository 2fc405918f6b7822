"""Distributions that go by how many numbers feed a weight: fans, and a variance that is divided by one of them.

`fan_in` is the number of inputs that feed one output (input channels of a group x kernel area), `fan_out` the number of
output channels x kernel area, as PyTorch counts them (`torch.nn.init._calculate_fan_in_and_fan_out`).
"""

from __future__ import annotations

import math
from typing import Final

from archspec.ir.initializers.distributions import ContinuousUniform, Distribution, Gaussian, TruncatedGaussian
from archspec.records import record

CUT: Final = 2.0
"""Where a truncated normal ends, in its own standard deviations: TensorFlow's place, which all have taken over."""
KEPT_STD: Final = 0.87962566103423978
"""The standard deviation of a standard normal cut at `CUT`, with Keras's digits."""
FAN_MODES: Final = ("fan_in", "fan_out")
SCALING_MODES: Final = (*FAN_MODES, "fan_avg")
SHAPES: Final = ("normal", "truncated_normal", "uniform")


@record
class Fans:
    """What a weight joins: inputs of one output, and outputs of one input were there no groups."""

    fan_in: int
    fan_out: int

    def by(self, mode: str) -> float:
        """The fan that a mode names; `fan_avg` is the mean of the two."""
        if mode == "fan_avg":
            return (self.fan_in + self.fan_out) / 2
        return self.fan_in if mode == "fan_in" else self.fan_out


def fans_of(shape: tuple[int, ...]) -> Fans | None:
    """The fans of a weight in PyTorch's layout; None for a vector, which joins nothing.

    PyTorch's rule is by the shape alone: the second axis and the kernel feed one output, whatever the layer. So
    the weight (in, out / groups, h, w) of a transposed convolution has fan_in = out / groups x h x w.
    """
    if len(shape) < 2:
        return None
    area = math.prod(shape[2:])
    return Fans(shape[1] * area, shape[0] * area)


@record
class Scaling:
    """Mean 0 and variance `scale` / fan, in one of three shapes.

    `normal` is not cut. `truncated_normal` is cut at two of its standard deviations, and widened before by
    1 / 0.8796 so that the variance is as stated after it: Keras's `VarianceScaling`.
    """

    scale: float
    mode: str
    shape: str

    def drawn_from(self, fans: Fans) -> Distribution:
        """The distribution for these fans."""
        std = math.sqrt(self.scale / fans.by(self.mode))
        match self.shape:
            case "normal":
                return Gaussian(0.0, std)
            case "truncated_normal":
                return TruncatedGaussian(std / KEPT_STD, CUT * std / KEPT_STD)
            case _:
                return ContinuousUniform(math.sqrt(3.0) * std)
