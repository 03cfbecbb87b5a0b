"""What the engine and its compiled kernels agree on.

Shape suffixes as in `schedule.py` and `base.py`, and C groups of channels that one circuit reads.
"""

from __future__ import annotations

from typing import Any, NamedTuple

PHASES, ONE_QUBIT, TWO_QUBITS = 0, 1, 2
"""Kinds of pass."""

BASE, SLOPE, AXIS, FRAME, COEFFICIENTS = 0, 4, 8, 11, 20
"""A turn's coefficients: quaternions of L E and L (-iP) E; the axis P as turned by L; the
matrix by which L turns axes, row-major."""

PLAIN = (1e-24, 1e24)
"""Between these the sum of squares of a vector of amplitudes is that of the values as they are."""


class Gates(NamedTuple):
    """What turns are made of; the fields are those of `Schedule`."""

    turns_K4: Any
    gates_J4: Any
    fixed_J4: Any


class Passes(NamedTuple):
    """The passes over the rows; the fields are those of `Schedule`."""

    kinds_S3: Any
    rows_SA: Any
    phases_SA2: Any
    parts: Any


class Program(NamedTuple):
    """The circuit as the program reads it; the fields are those of `Schedule`."""

    turns_K4: Any
    passes: Any
    diagonals_RA: Any
    product: Any


class Reading(NamedTuple):
    """Where and how images are read: the arrays of `Places`, what angles are multiplied by, and
    whether the values of a patch lie side by side."""

    numbers: Any
    offsets_CN: Any
    scale: Any
    consecutive: Any


class Begin(NamedTuple):
    """Where in a worker's memory what begins, in entries: states, bra, turns, half angles' cosines
    and sines, registers to work in, norms, outputs, derivatives by inputs, transitions, sums for
    weights. `state` is the size of a state."""

    kets: int
    bra: int
    turns: int
    cosines: int
    sines: int
    spare: int
    norms: int
    outputs: int
    gradients: int
    transitions: int
    sums: int
    size: int
    state: int
