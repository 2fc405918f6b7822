"""Initializers by name: the distribution a weight is drawn from, the same on every backend.

Each says what it draws from (`drawn_from`); backends spell that as their framework does, and the tests compare numbers
that were drawn with the distribution itself.
"""

from archspec.ir.initializers.distributions import ContinuousUniform, Distribution, Fixed, Gaussian, TruncatedGaussian
from archspec.ir.initializers.kinds import (
    INITIALIZERS,
    ByFan,
    Constant,
    FanInUniform,
    GlorotNormal,
    HeNormal,
    Initializer,
    KaimingNormal,
    KaimingUniform,
    LecunNormal,
    LecunUniform,
    Normal,
    Ones,
    SlimVarianceScaling,
    TruncatedNormal,
    Uniform,
    VarianceScaling,
    XavierNormal,
    XavierUniform,
    Zeros,
)
from archspec.ir.initializers.parsing import (
    OTHER_NAMES,
    InitializerError,
    expressions,
    parse_initializer,
    with_numbers,
)
from archspec.ir.initializers.scaling import Fans, Scaling, fans_of

__all__ = [
    "INITIALIZERS",
    "OTHER_NAMES",
    "ByFan",
    "Constant",
    "ContinuousUniform",
    "Distribution",
    "FanInUniform",
    "Fans",
    "Fixed",
    "Gaussian",
    "GlorotNormal",
    "HeNormal",
    "Initializer",
    "InitializerError",
    "KaimingNormal",
    "KaimingUniform",
    "LecunNormal",
    "LecunUniform",
    "Normal",
    "Ones",
    "Scaling",
    "SlimVarianceScaling",
    "TruncatedGaussian",
    "TruncatedNormal",
    "Uniform",
    "VarianceScaling",
    "XavierNormal",
    "XavierUniform",
    "Zeros",
    "expressions",
    "fans_of",
    "parse_initializer",
    "with_numbers",
]
