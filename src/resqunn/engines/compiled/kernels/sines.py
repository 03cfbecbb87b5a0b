r"""The cosine and the sine of a register of angles.

An angle is $n \pi + r$ with $|r| \le \pi/2$. $n \pi$ is subtracted in three parts, the first two
of which have so few digits that their products with $n$ are exact (Cody and Waite); the Taylor
series of $r$ end where terms are below rounding.
"""

from __future__ import annotations

import math

from resqunn.engines.compiled.kernels.lanes import (
    any_beyond,
    entry,
    inner,
    load,
    spread,
    store,
    width,
)
from resqunn.engines.compiled.registers import LANE_BYTES

LARGE = 8192.0
"""Angles beyond this are for the slower functions of the C library."""

PI = (3.140625, 0.0009670257568359375, 6.278329573009626e-07)
PI_DOUBLE = (3.141592651605606, 1.9841871583270443e-09, 1.034036596358821e-18)
LAST_COSINE = (1 / math.factorial(20), 1 / math.factorial(12))
LAST_SINE = (1 / math.factorial(21), 1 / math.factorial(13))
"""The last coefficients of the Taylor series, for float64 and for float32."""

ROUNDING = (1.5 * 2**23, 1.5 * 2**52)
"""Adding and subtracting this rounds a float32, or a float64, to an integer."""


@inner
def rounded(x, memory):
    """The nearest integers."""
    rounding = ROUNDING[0] if 4 * width(memory) == LANE_BYTES else ROUNDING[1]
    return x + spread(rounding, memory) - spread(rounding, memory)


@inner
def sines(angle, memory):
    r"""$\cos r$, $\sin r$ and $n$ of a register that fits `memory`."""
    single = 4 * width(memory) == LANE_BYTES
    parts = PI if single else PI_DOUBLE
    turns = rounded(angle * spread(1 / math.pi, memory), memory)
    rest = angle - turns * spread(parts[0], memory)
    rest = rest - turns * spread(parts[1], memory)
    rest = rest - turns * spread(parts[2], memory)
    square = rest * rest
    # Taylor series, highest power first.
    terms = 6 if single else 10
    c, s = LAST_COSINE[int(single)], LAST_SINE[int(single)]
    cosine, sine = spread(c, memory), spread(s, memory)
    for m in range(terms, 0, -1):
        c, s = -c * (2 * m - 1) * (2 * m), -s * (2 * m) * (2 * m + 1)
        cosine = cosine * square + spread(c, memory)
        sine = sine * square + spread(s, memory)
    return cosine, rest * sine, turns


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
