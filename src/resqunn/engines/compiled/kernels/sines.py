r"""The cosine and the sine of a register of angles.

An angle is $n \pi + r$ with $|r| \le \pi/2$, and

$$\cos r = 1 + r^2 p(r^2), \qquad \sin r = r + r^3 q(r^2)$$

with the polynomials $p$ and $q$ whose largest absolute error there is the smallest (Remez), below
a quarter of the last digit of 1. $n \pi$ is subtracted in two parts, the first of which has so few
digits that its product with $n$ is exact (Cody and Waite).
"""

from __future__ import annotations

import math

from resqunn.engines.compiled.kernels.lanes import (
    any_beyond,
    each,
    entry,
    inner,
    load,
    negative_if_odd,
    product_sum,
    spread,
    store,
    width,
)
from resqunn.engines.compiled.registers import BLOCK, LANE_BYTES

LARGE = 8192.0
"""Angles beyond this are for the slower functions of the C library."""

NEAR = 1.57
"""Of angles up to this nothing is subtracted."""

PI = (3.1416015625, -8.908910206761538e-06)
PI_DOUBLE = (3.141592651605606, 1.984187159361081e-09)

COSINE = (-0.4999999955, 0.04166664071, -0.001388840332, 2.476187594e-5, -2.607691484e-7)
SINE = (-0.1666665709, 0.008333017168, -0.0001980660622, 2.600034774e-6)
"""The coefficients of $p$ and $q$ for float32, lowest power first."""

COSINE_DOUBLE = (
    -0.49999999999999982505,
    0.041666666666664367102,
    -0.0013888888888785569544,
    0.000024801587279134101282,
    -2.7557316523797161526e-7,
    2.0876567666044144397e-9,
    -1.1463037342342331308e-11,
    4.6102720594312676964e-14,
)
SINE_DOUBLE = (
    -0.16666666666666664548,
    0.0083333333333331138018,
    -0.00019841269841185894732,
    2.755731920777629172e-6,
    -2.505210660570359418e-8,
    1.6058927790863908153e-10,
    -7.6427117647108390804e-13,
    2.7184842909306576743e-15,
)

ROUNDING = (1.5 * 2**23, 1.5 * 2**52)
"""Adding this rounds a float32, or a float64, to an integer, whose lowest bit is then the lowest
of the sum."""


@inner
def _polynomial(x, coefficients):
    """Its values at registers, by Horner's scheme."""
    value = each(x, coefficients[-1])
    for k in range(len(coefficients) - 2, -1, -1):
        value = product_sum(value, x, each(x, coefficients[k]))
    return value


@inner
def near_sines(rest, memory):
    r"""The cosine and the sine of registers of angles $r$, which fit `memory`."""
    square = rest * rest
    if 4 * width(memory) == LANE_BYTES:
        cosine, sine = _polynomial(square, COSINE), _polynomial(square, SINE)
    else:
        cosine, sine = _polynomial(square, COSINE_DOUBLE), _polynomial(square, SINE_DOUBLE)
    one = each(rest, 1.0)
    return product_sum(square, cosine, one), product_sum(rest * square, sine, rest)


@inner
def sines(angle, memory):
    r"""$\cos r$, $\sin r$ and $n$, with `ROUNDING` added, of registers of angles."""
    single = 4 * width(memory) == LANE_BYTES
    parts = PI if single else PI_DOUBLE
    rounding = each(angle, ROUNDING[0] if single else ROUNDING[1])
    turns = product_sum(angle, each(angle, 1 / math.pi), rounding)
    whole = turns - rounding
    rest = product_sum(whole, each(angle, -parts[0]), angle)
    rest = product_sum(whole, each(angle, -parts[1]), rest)
    cosine, sine = near_sines(rest, memory)
    return cosine, sine, turns


@inner
def signed_sines(angle, memory):
    """The cosine and the sine of registers of angles."""
    cosine, sine, turns = sines(angle, memory)
    return negative_if_odd(cosine, turns), negative_if_odd(sine, turns)


@inner
def _replace_large(memory, angles, cosines, sines_at, lanes, signed):
    """Puts the C library's values in lanes whose angles are too large for `sines`."""
    for lane in range(lanes):
        x = 1.0 * entry(memory, angles + lane)
        if abs(x) > LARGE:  # and no other lane: patches do not see their neighbours
            finite = abs(x) < math.inf
            cosine, sine = math.cos(x) if finite else math.nan, math.sin(x) if finite else math.nan
            sign = 1.0 if signed else math.copysign(1.0, cosine)
            memory[cosines + lane] = sign * cosine
            memory[sines_at + lane] = sign * sine


@inner
def half_angle(memory, half_at, cosine_at, sine_at):
    r"""$\cos\frac{x}{2}$ and $\sin\frac{x}{2}$ up to a common sign, the cosine not negative.

    $x$ and $x + 2\pi$ turn a qubit to states that differ in sign, which is never measured.
    `half_at` holds $x/2$ and may be neither of the others.
    """
    half = load(memory, half_at)
    cosine, sine, _ = sines(half, memory)
    store(memory, cosine_at, cosine)
    store(memory, sine_at, sine)
    if any_beyond(half, LARGE):
        _replace_large(memory, half_at, cosine_at, sine_at, width(memory), False)


@inner
def block_sines(memory, cosines, spare, scale, signed):
    """The cosines of a block of angles times `scale` in their place, and the sines after them;
    unless `signed`, as `half_angle` has them.

    `spare` is a row to work in.
    """
    lanes = BLOCK * width(memory)
    far = large = False
    for part in range(0, lanes, width(memory)):
        angle = load(memory, cosines + part) * spread(scale, memory)
        far |= any_beyond(angle, NEAR)
        large |= any_beyond(angle, LARGE)
        store(memory, spare + part, angle)
    for part in range(0, lanes, width(memory)):
        angle = load(memory, spare + part)
        if not far:  # the same bits in less time
            cosine, sine = near_sines(angle, memory)
        elif signed:
            cosine, sine = signed_sines(angle, memory)
        else:
            cosine, sine, _ = sines(angle, memory)
        store(memory, cosines + part, cosine)
        store(memory, cosines + lanes + part, sine)
    if large:
        _replace_large(memory, spare, cosines, cosines + lanes, lanes, signed)
