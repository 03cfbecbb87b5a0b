"""Sizes and places on which the engine and its compiled kernels agree."""

from __future__ import annotations

import itertools
from functools import lru_cache

from resqunn.engines.compiled.kernel import Constants

BLOCKS = 8
"""How many blocks, each of one register's lanes, make a chunk of patches."""

BASE, SLOPE, AXIS, FRAME, TILT, COEFFICIENTS = 0, 4, 8, 11, 20, 23
"""A turn's coefficients: quaternions of L E and L (-iP) E; the axis P as turned by L; the
matrix by which L turns axes, row-major; tau, flip and squared factor of a tilt."""


@lru_cache(maxsize=256)
def layout(
    lanes: int, parts: int, slots: int, amplitudes: int, turns: int, inputs: int, outputs: int
) -> tuple[Constants, int]:
    """Where in a worker's memory what begins, and its size: states, bra, turns, cosines,
    sines, tangents, outputs, input gradients, sums for weights, transitions."""
    registers = (
        slots * amplitudes * parts,
        amplitudes * parts,
        turns * 2 * parts,
        inputs,
        inputs,
        inputs,
        outputs,
        inputs,
        turns * 6,
        turns * (2 * parts - 1),
    )
    *begins, size = itertools.accumulate((count * lanes for count in registers), initial=0)
    return Constants(*begins), size
