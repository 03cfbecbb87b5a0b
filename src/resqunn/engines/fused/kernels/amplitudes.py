r"""Arithmetic of a few amplitudes, one patch a lane, inside compiled functions.

An amplitude is a tuple of registers: (real, imaginary), or (real,) where the whole circuit
is real. A turn is the quaternion (w, x, y, z) that stands for $w - i(xX + yY + zZ)$, or
(w, y) where the circuit is real. Both lie in memory as neighbouring registers.

`parts` is (0, 1) or (0,): compiled functions are specialised for its length.
"""

from __future__ import annotations

from resqunn.engines.compiled.kernels.lanes import inner, load, store, width


@inner
def load_amplitude(memory, at, parts):
    """The amplitude that starts at entry `at`."""
    lanes = width(memory)
    if len(parts) == 1:
        return (load(memory, at),)
    return load(memory, at), load(memory, at + lanes)


@inner
def store_amplitude(memory, at, amplitude):
    """Writes the amplitude to entry `at` and following."""
    lanes = width(memory)
    store(memory, at, amplitude[0])
    if len(amplitude) == 2:
        store(memory, at + lanes, amplitude[1])


@inner
def load_turn(memory, at, parts):
    """The turn that starts at entry `at`."""
    lanes = width(memory)
    if len(parts) == 1:
        return load(memory, at), load(memory, at + lanes)
    return (
        load(memory, at),
        load(memory, at + lanes),
        load(memory, at + 2 * lanes),
        load(memory, at + 3 * lanes),
    )


@inner
def inverse(turn):
    """The turn that undoes `turn`."""
    if len(turn) == 2:
        return turn[0], -turn[1]
    return turn[0], -turn[1], -turn[2], -turn[3]


@inner
def rotate(turn, zero, one):
    r"""The turn's matrix on the amplitudes of a qubit's 0 and 1.

    $\begin{pmatrix} w - iz & -y - ix \\ y - ix & w + iz \end{pmatrix}$
    """
    if len(turn) == 2:
        w, y = turn
        (a,), (b,) = zero, one
        return (w * a - y * b,), (y * a + w * b,)
    w, x, y, z = turn
    (ar, ai), (br, bi) = zero, one
    return (
        (w * ar + z * ai - y * br + x * bi, w * ai - z * ar - y * bi - x * br),
        (y * ar + x * ai + w * br - z * bi, y * ai - x * ar + w * bi + z * br),
    )


@inner
def first_column(turn):
    """The amplitudes of 0 and 1 after the turn of a qubit that is in state 0."""
    if len(turn) == 2:
        return (turn[0],), (turn[1],)
    return (turn[0], -turn[3]), (turn[2], -turn[1])


@inner
def scale(a, factor):
    """An amplitude times a real factor."""
    if len(a) == 1:
        return (a[0] * factor,)
    return a[0] * factor, a[1] * factor


@inner
def multiply(a, b):
    """The product of two amplitudes."""
    if len(a) == 1:
        return (a[0] * b[0],)
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


@inner
def square(a):
    """The squared modulus."""
    if len(a) == 1:
        return a[0] * a[0]
    return a[0] * a[0] + a[1] * a[1]


@inner
def add_x(total, zero, one, bra_zero, bra_one):
    r"""Adds $\mathrm{Im}\langle b|X|a\rangle$ of a qubit's two amplitudes in state and bra."""
    (ar, ai), (br, bi) = zero, one
    (pr, pi), (qr, qi) = bra_zero, bra_one
    return total + pr * bi - pi * br + qr * ai - qi * ar


@inner
def add_y(total, zero, one, bra_zero, bra_one):
    r"""Adds $\mathrm{Im}\langle b|Y|a\rangle$."""
    if len(zero) == 1:
        return total - bra_zero[0] * one[0] + bra_one[0] * zero[0]
    (ar, ai), (br, bi) = zero, one
    (pr, pi), (qr, qi) = bra_zero, bra_one
    return total - pr * br - pi * bi + qr * ar + qi * ai


@inner
def add_z(total, zero, one, bra_zero, bra_one):
    r"""Adds $\mathrm{Im}\langle b|Z|a\rangle$."""
    (ar, ai), (br, bi) = zero, one
    (pr, pi), (qr, qi) = bra_zero, bra_one
    return total + pr * ai - pi * ar - qr * bi + qi * br
