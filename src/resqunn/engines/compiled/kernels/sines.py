r"""The cosine and the sine of a register of angles.

An angle is $n \pi + r$ with $|r| \le \pi/2$, and with $s = 2 \sin\frac{r}{2}$ and
$c = \cos\frac{r}{2}$, whose Taylor series are short, $\cos r = 1 - s^2/2$ and $\sin r = s c$.
$n \pi$ is subtracted in two parts, the first of which has so few digits that its product with $n$
is exact (Cody and Waite); the series end where terms are below rounding.
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
    store,
    width,
)
from resqunn.engines.compiled.registers import LANE_BYTES

LARGE = 8192.0
"""Angles beyond this are for the slower functions of the C library."""

NEAR = 1.57
"""Of angles up to this nothing is subtracted."""

PI = (3.1416015625, -8.908910206761538e-06)
PI_DOUBLE = (3.141592651605606, 1.984187159361081e-09)

TERMS = (4, 8)
"""The highest power of $r^2$ in the series, for float32 and for float64."""

ROUNDING = (1.5 * 2**23, 1.5 * 2**52)
"""Adding this rounds a float32, or a float64, to an integer, whose lowest bit is then the lowest
of the sum."""


@inner
def near_sines(rest, memory):
    r"""The cosine and the sine of registers of angles $r$, which fit `memory`."""
    terms = TERMS[0] if 4 * width(memory) == LANE_BYTES else TERMS[1]
    square = rest * rest
    # Of (r/2)^2m, highest power first, the one multiplied by r.
    c, s = 1.0, 1.0
    for m in range(1, terms + 1):
        c, s = -c / (4 * (2 * m - 1) * (2 * m)), -s / (4 * (2 * m) * (2 * m + 1))
    cosine, sine = each(rest, c), each(rest, s)
    for m in range(terms, 0, -1):
        c, s = -c * (4 * (2 * m - 1) * (2 * m)), -s * (4 * (2 * m) * (2 * m + 1))
        cosine = cosine * square + each(rest, c)
        sine = sine * square + each(rest, s)
    sine = rest * sine
    return each(rest, 1.0) - each(rest, 0.5) * sine * sine, sine * cosine


@inner
def sines(angle, memory):
    r"""$\cos r$, $\sin r$ and $n$, with `ROUNDING` added, of registers of angles."""
    single = 4 * width(memory) == LANE_BYTES
    parts = PI if single else PI_DOUBLE
    rounding = each(angle, ROUNDING[0] if single else ROUNDING[1])
    turns = angle * each(angle, 1 / math.pi) + rounding
    whole = turns - rounding
    rest = angle - whole * each(angle, parts[0])
    rest = rest - whole * each(angle, parts[1])
    cosine, sine = near_sines(rest, memory)
    return cosine, sine, turns


@inner
def signed_sines(angle, memory):
    """The cosine and the sine of registers of angles."""
    cosine, sine, turns = sines(angle, memory)
    return negative_if_odd(cosine, turns), negative_if_odd(sine, turns)


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
        for lane in range(width(memory)):
            x = 1.0 * entry(memory, half_at + lane)
            if abs(x) > LARGE:  # and no other lane: patches do not see their neighbours
                finite = abs(x) < math.inf
                sign = math.copysign(1.0, math.cos(x)) if finite else math.nan
                memory[cosine_at + lane] = sign * math.cos(x) if finite else math.nan
                memory[sine_at + lane] = sign * math.sin(x) if finite else math.nan
