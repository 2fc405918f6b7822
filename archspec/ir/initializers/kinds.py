"""The initializers: a name, its options, and the distribution they stand for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from archspec.ir.initializers.distributions import ContinuousUniform, Distribution, Fixed, Gaussian, TruncatedGaussian
from archspec.ir.initializers.scaling import CUT, FAN_MODES, SCALING_MODES, SHAPES, Fans, Scaling
from archspec.records import record


@record
class Initializer:
    """A distribution with its options. `scalar` names the option that a spec may give without naming it."""

    name: ClassVar[str]
    scalar: ClassVar[str | None] = None
    by_fan: ClassVar[bool] = False
    """Goes by fan_in or fan_out, so that a weight must have them."""
    fits_bias: ClassVar[bool] = True
    """Can draw a bias, whose fans are those of the weight beside it."""
    words: ClassVar[Mapping[str, Sequence[str]]] = {}
    """The words that an option takes, for options that are no numbers."""
    positive: ClassVar[Sequence[str]] = ()
    """Options that must be more than 0."""

    def __post_init__(self) -> None:
        for option, words in self.words.items():
            value = getattr(self, option)
            if value not in words:
                raise ValueError(f"`{option}` of `{self.name}` is one of {', '.join(words)}, this is `{value[:40]}`")
        for option in self.positive:
            if getattr(self, option) <= 0:
                raise ValueError(f"`{option}` of `{self.name}` must be more than 0, this is {getattr(self, option)}")

    def drawn_from(self, fans: Fans | None) -> Distribution:
        """What each number is drawn from; `fans` may be None unless `by_fan`."""
        raise NotImplementedError


class Zeros(Initializer):
    """All zeros."""

    __slots__ = ()
    name: ClassVar[str] = "zeros"

    def drawn_from(self, fans: Fans | None) -> Distribution:
        return Fixed(0.0)


class Ones(Initializer):
    """All ones."""

    __slots__ = ()
    name: ClassVar[str] = "ones"

    def drawn_from(self, fans: Fans | None) -> Distribution:
        return Fixed(1.0)


@record
class Constant(Initializer):
    """All `value`."""

    value: float
    name: ClassVar[str] = "constant"
    scalar: ClassVar[str | None] = "value"

    def drawn_from(self, fans: Fans | None) -> Distribution:
        return Fixed(self.value)


@record
class Normal(Initializer):
    """Normal with mean `mean` and standard deviation `std`, not truncated."""

    std: float
    mean: float = 0.0
    name: ClassVar[str] = "normal"
    scalar: ClassVar[str | None] = "std"

    def __post_init__(self) -> None:
        if self.std < 0:
            raise ValueError(f"`std` of `normal` must be 0 or more, this is {self.std}")

    def drawn_from(self, fans: Fans | None) -> Distribution:
        return Gaussian(self.mean, self.std) if self.std else Fixed(self.mean)


@record
class Uniform(Initializer):
    """Uniform between -`limit` and `limit`."""

    limit: float
    name: ClassVar[str] = "uniform"
    scalar: ClassVar[str | None] = "limit"
    positive: ClassVar[Sequence[str]] = ("limit",)

    def drawn_from(self, fans: Fans | None) -> Distribution:
        return ContinuousUniform(self.limit)


@record
class TruncatedNormal(Initializer):
    """Normal with mean 0 and standard deviation `std`, cut at 2 `std` and not rescaled: what is left has 0.88 `std`."""

    std: float
    name: ClassVar[str] = "truncated_normal"
    scalar: ClassVar[str | None] = "std"
    positive: ClassVar[Sequence[str]] = ("std",)

    def drawn_from(self, fans: Fans | None) -> Distribution:
        return TruncatedGaussian(self.std, CUT * self.std)


# -- by fan -----------------------------------------------------------------------------------------


class ByFan(Initializer):
    """Base of the initializers whose variance is a number divided by a fan."""

    __slots__ = ()
    by_fan: ClassVar[bool] = True
    fits_bias: ClassVar[bool] = False

    @property
    def scaling(self) -> Scaling:
        """The variance and the shape."""
        raise NotImplementedError

    def drawn_from(self, fans: Fans | None) -> Distribution:
        assert fans is not None  # attributes of weights without fans refuse it
        return self.scaling.drawn_from(fans)


@record
class KaimingNormal(ByFan):
    """Normal with mean 0 and variance 2 / fan, not truncated (He et al. 2015, "Delving Deep into Rectifiers")."""

    mode: str = "fan_in"
    name: ClassVar[str] = "kaiming_normal"
    scalar: ClassVar[str | None] = "mode"
    words: ClassVar[Mapping[str, Sequence[str]]] = {"mode": FAN_MODES}

    @property
    def scaling(self) -> Scaling:
        return Scaling(2.0, self.mode, "normal")


@record
class KaimingUniform(ByFan):
    """Uniform with variance 2 / fan: between -sqrt(6 / fan) and sqrt(6 / fan). Keras's `he_uniform` for `fan_in`."""

    mode: str = "fan_in"
    name: ClassVar[str] = "kaiming_uniform"
    scalar: ClassVar[str | None] = "mode"
    words: ClassVar[Mapping[str, Sequence[str]]] = {"mode": FAN_MODES}

    @property
    def scaling(self) -> Scaling:
        return Scaling(2.0, self.mode, "uniform")


class HeNormal(ByFan):
    """Keras's: variance 2 / fan_in as `kaiming_normal`, but truncated.

    It is a normal of standard deviation sqrt(2 / fan_in) / 0.8796, cut at two of these.
    """

    __slots__ = ()
    name: ClassVar[str] = "he_normal"

    @property
    def scaling(self) -> Scaling:
        return Scaling(2.0, "fan_in", "truncated_normal")


class XavierNormal(ByFan):
    """Normal with mean 0 and variance 2 / (fan_in + fan_out), not truncated: PyTorch's (Glorot and Bengio 2010)."""

    __slots__ = ()
    name: ClassVar[str] = "xavier_normal"

    @property
    def scaling(self) -> Scaling:
        return Scaling(1.0, "fan_avg", "normal")


class XavierUniform(ByFan):
    """Uniform with variance 2 / (fan_in + fan_out); Keras's `glorot_uniform`, its default (Glorot and Bengio 2010)."""

    __slots__ = ()
    name: ClassVar[str] = "xavier_uniform"

    @property
    def scaling(self) -> Scaling:
        return Scaling(1.0, "fan_avg", "uniform")


class GlorotNormal(ByFan):
    """Keras's: variance 2 / (fan_in + fan_out) as `xavier_normal`, but truncated as `he_normal` is."""

    __slots__ = ()
    name: ClassVar[str] = "glorot_normal"

    @property
    def scaling(self) -> Scaling:
        return Scaling(1.0, "fan_avg", "truncated_normal")


class LecunNormal(ByFan):
    """Keras's: variance 1 / fan_in, truncated as `he_normal` is (LeCun et al. 1998)."""

    __slots__ = ()
    name: ClassVar[str] = "lecun_normal"

    @property
    def scaling(self) -> Scaling:
        return Scaling(1.0, "fan_in", "truncated_normal")


class LecunUniform(ByFan):
    """Uniform with variance 1 / fan_in: between -sqrt(3 / fan_in) and sqrt(3 / fan_in)."""

    __slots__ = ()
    name: ClassVar[str] = "lecun_uniform"

    @property
    def scaling(self) -> Scaling:
        return Scaling(1.0, "fan_in", "uniform")


class FanInUniform(ByFan):
    """Uniform between -1/sqrt(fan_in) and 1/sqrt(fan_in): what PyTorch gives convolutions and dense layers.

    For a bias, fan_in is that of the weight beside it.
    """

    __slots__ = ()
    name: ClassVar[str] = "fan_in_uniform"
    fits_bias: ClassVar[bool] = True

    @property
    def scaling(self) -> Scaling:
        return Scaling(1 / 3, "fan_in", "uniform")


@record
class VarianceScaling(ByFan):
    """Variance `scale` / fan, where `fan_avg` is the mean of fan_in and fan_out.

    The distribution is `normal` (not truncated), `truncated_normal` (cut at two standard deviations and rescaled, as
    `he_normal` is; Keras's default) or `uniform`.
    """

    scale: float = 1.0
    mode: str = "fan_in"
    distribution: str = "truncated_normal"
    name: ClassVar[str] = "variance_scaling"
    scalar: ClassVar[str | None] = "scale"
    words: ClassVar[Mapping[str, Sequence[str]]] = {"mode": SCALING_MODES, "distribution": SHAPES}
    positive: ClassVar[Sequence[str]] = ("scale",)

    @property
    def scaling(self) -> Scaling:
        return Scaling(self.scale, self.mode, self.distribution)


@record
class SlimVarianceScaling(Initializer):
    """TF-slim's `variance_scaling_initializer`: normal of variance 1.3 `factor` / fan, cut at 2 standard deviations.

    It is not rescaled: what is left has the variance 1.006 `factor` / fan.
    """

    factor: float = 2.0
    mode: str = "fan_in"
    name: ClassVar[str] = "slim_variance_scaling"
    scalar: ClassVar[str | None] = "factor"
    by_fan: ClassVar[bool] = True
    fits_bias: ClassVar[bool] = False
    words: ClassVar[Mapping[str, Sequence[str]]] = {"mode": SCALING_MODES}
    positive: ClassVar[Sequence[str]] = ("factor",)

    def drawn_from(self, fans: Fans | None) -> Distribution:
        assert fans is not None  # attributes of weights without fans refuse it
        std = math.sqrt(1.3 * self.factor / fans.by(self.mode))
        return TruncatedGaussian(std, CUT * std)


INITIALIZERS: Final[dict[str, type[Initializer]]] = {
    kind.name: kind
    for kind in (
        *(Zeros, Ones, Constant, Normal, TruncatedNormal, Uniform),
        *(FanInUniform, KaimingNormal, KaimingUniform, HeNormal),
        *(XavierNormal, XavierUniform, GlorotNormal),
        *(LecunNormal, LecunUniform, VarianceScaling, SlimVarianceScaling),
    )
}
"""Every initializer by its name, in the order of the documentation."""
