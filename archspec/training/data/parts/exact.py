"""Exponential, logarithm, sine and cosine with the same bits on every machine.

They are made of operations that IEEE 754 defines to the last bit, in float64; NumPy's own differ in their last bits
between processors and versions. They are within 2e-15 of the true values, relative to them.
"""

import math

import numpy as np
from numpy.typing import NDArray

_LN_2_HIGH = float.fromhex("0x1.62e42feep-1")
_LN_2_LOW = float.fromhex("0x1.a39ef35793c76p-33")


def exact_exp(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """e to the power of x, for |x| below 700."""
    twos = np.rint(x * 1.4426950408889634)
    rest = (x - twos * _LN_2_HIGH) - twos * _LN_2_LOW
    result = np.full_like(rest, 1.0 / math.factorial(14))
    for n in range(13, -1, -1):
        result = result * rest + 1.0 / math.factorial(n)
    return np.ldexp(result, twos.astype(np.int32))


def exact_log(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The natural logarithm of numbers above 0."""
    mantissa, twos = np.frexp(x)
    small = mantissa < 0.7071067811865476
    mantissa = np.where(small, mantissa * 2.0, mantissa)
    power = (twos - small).astype(np.float64)
    s = (mantissa - 1.0) / (mantissa + 1.0)
    square = s * s
    series = np.full_like(s, 1.0 / 23.0)
    for n in range(21, 0, -2):
        series = series * square + 1.0 / n
    return power * _LN_2_HIGH + (power * _LN_2_LOW + 2.0 * s * series)


def exact_sin_cos(degrees: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sine and cosine of angles in degrees."""
    quarters = np.rint(degrees / 90.0)
    x = (degrees - quarters * 90.0) * (math.pi / 180.0)
    square = x * x
    sin = np.full_like(x, 1.0 / math.factorial(19))
    cos = np.full_like(x, 1.0 / math.factorial(20))
    for n in range(17, 0, -2):
        sin = 1.0 / math.factorial(n) - square * sin
    for n in range(18, -1, -2):
        cos = 1.0 / math.factorial(n) - square * cos
    sin = sin * x
    quarter = np.mod(quarters, 4.0)
    swapped = np.mod(quarter, 2.0) == 1.0
    first, second = np.where(swapped, cos, sin), np.where(swapped, sin, cos)
    return np.where(quarter >= 2.0, -first, first), np.where((quarter == 1.0) | (quarter == 2.0), -second, second)
