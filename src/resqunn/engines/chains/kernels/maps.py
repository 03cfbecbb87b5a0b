r"""One qubit of a chain: the linear map from the boundary on its left to that on its right.

A boundary has one index $b = x + 2z$ for each chain of CNOTs. Pauli matrices are numbered
$P = x + 2z$ too: I, X, Z, Y. With $E$ the expectations of Pauli matrices on the qubit, a CNOT
turns those before it into

$$E'[Q] = \sum_x (-1)^{x\,z_Q x_Q}\, E[Q \oplus x,\; b = (x, z_Q)] \quad\text{(target)}, \qquad
E'[P;\; c = (x_P, z)] = (-1)^{x_P z (z_P + 1)}\, E[P \oplus 2z] \quad\text{(control)}.$$

The map begins with the qubit's state $E[P; b] = u_P M_b$ and ends with what is measured,
$M'_c = \sum_P p_P E[P; c]$; between two CNOTs stands a rotation $R$ (`rotations.py`). $u_I = 1$,
$p_I = 0$, and $R$ keeps I. So one CNOT after the other, with $a_Q$ what the target has become:

    first    M -> a:       a_0 = M_0 + u_X M_1        a_2 = u_Z M_2 + u_Y M_3
                           a_1 = u_X M_0 + M_1        a_3 = u_Y M_2 - u_Z M_3
    middle   a_Q,b -> a'_c,Q   the same with a control before, and R in place of u
    last     a -> M':      M'_0 = p_Z a_2             M'_2 = p_Z a_0
                           M'_1 = p_X a_1 + p_Y a_3   M'_3 = p_Y a_1 - p_X a_3

Each of these is its own transpose, so that the way back takes the same functions in reverse order.

Qubits of which nothing is measured have $p = e_I$ in place of $p$. Then nothing depends on
boundaries with $z = 1$ in the last chain, and only those with $x = 0$ come out: boundaries of half
the size, whose last index is $x$, and `close` in place of `last`.
"""

from __future__ import annotations

from resqunn.engines.compiled.kernels.lanes import add, apart, load, spread, store, width
from resqunn.engines.compiled.registers import BLOCK


@apart
def first(memory, source, target, u, within):
    """From rows (b, within) to rows (Q, within), or back."""
    lanes = BLOCK * width(memory)
    step = within * lanes
    for part in range(0, lanes, width(memory)):
        x, z = load(memory, u + part), load(memory, u + lanes + part)
        y = load(memory, u + 2 * lanes + part)
        for i in range(part, step, lanes):
            m0, m1 = load(memory, source + i), load(memory, source + step + i)
            m2, m3 = load(memory, source + 2 * step + i), load(memory, source + 3 * step + i)
            store(memory, target + i, m0 + x * m1)
            store(memory, target + step + i, x * m0 + m1)
            store(memory, target + 2 * step + i, z * m2 + y * m3)
            store(memory, target + 3 * step + i, y * m2 - z * m3)


@apart
def learn_first(memory, source, bar, u_bar, within):
    """Adds the derivatives by u, given M and the derivatives by a."""
    lanes = BLOCK * width(memory)
    step = within * lanes
    for part in range(0, lanes, width(memory)):
        x = z = y = spread(0.0, memory)
        for i in range(part, step, lanes):
            m0, m1 = load(memory, source + i), load(memory, source + step + i)
            m2, m3 = load(memory, source + 2 * step + i), load(memory, source + 3 * step + i)
            a0, a1 = load(memory, bar + i), load(memory, bar + step + i)
            a2, a3 = load(memory, bar + 2 * step + i), load(memory, bar + 3 * step + i)
            x = x + m1 * a0 + m0 * a1
            z = z + m2 * a2 - m3 * a3
            y = y + m3 * a2 + m2 * a3
        add(memory, u_bar + part, x)
        add(memory, u_bar + lanes + part, z)
        add(memory, u_bar + 2 * lanes + part, y)


@apart
def last(memory, source, target, p, outer):
    """From rows (outer, Q) to rows (outer, c), or back."""
    lanes = BLOCK * width(memory)
    for part in range(0, lanes, width(memory)):
        x, z = load(memory, p + part), load(memory, p + lanes + part)
        y = load(memory, p + 2 * lanes + part)
        for i in range(part, 4 * outer * lanes, 4 * lanes):
            a0, a1 = load(memory, source + i), load(memory, source + lanes + i)
            a2, a3 = load(memory, source + 2 * lanes + i), load(memory, source + 3 * lanes + i)
            store(memory, target + i, z * a2)
            store(memory, target + lanes + i, x * a1 + y * a3)
            store(memory, target + 2 * lanes + i, z * a0)
            store(memory, target + 3 * lanes + i, y * a1 - x * a3)


@apart
def learn_last(memory, source, bar, p_bar, outer):
    """Adds the derivatives by p, given a and the derivatives by M'."""
    lanes = BLOCK * width(memory)
    for part in range(0, lanes, width(memory)):
        x = z = y = spread(0.0, memory)
        for i in range(part, 4 * outer * lanes, 4 * lanes):
            a0, a1 = load(memory, source + i), load(memory, source + lanes + i)
            a2, a3 = load(memory, source + 2 * lanes + i), load(memory, source + 3 * lanes + i)
            m0, m1 = load(memory, bar + i), load(memory, bar + lanes + i)
            m2, m3 = load(memory, bar + 2 * lanes + i), load(memory, bar + 3 * lanes + i)
            x = x + a1 * m1 - a3 * m3
            z = z + a2 * m0 + a0 * m2
            y = y + a3 * m1 + a1 * m3
        add(memory, p_bar + part, x)
        add(memory, p_bar + lanes + part, z)
        add(memory, p_bar + 2 * lanes + part, y)


@apart
def middle(memory, source, target, r, outer, within):
    """From rows (outer, Q, b, within) to rows (outer, c, Q, within), or back."""
    lanes = BLOCK * width(memory)
    step = within * lanes
    for part in range(0, lanes, width(memory)):
        # The columns of R are the images of X, Z and Y; xz is the X in that of Z.
        at = r + part
        xx, zx, yx = load(memory, at), load(memory, at + lanes), load(memory, at + 2 * lanes)
        at += 3 * lanes
        xz, zz, yz = load(memory, at), load(memory, at + lanes), load(memory, at + 2 * lanes)
        at += 3 * lanes
        xy, zy, yy = load(memory, at), load(memory, at + lanes), load(memory, at + 2 * lanes)
        for o in range(0, 16 * outer * step, 16 * step):
            for k in range(2):
                own, other = source + o + 8 * k * step, source + o + 8 * (1 - k) * step
                to, sign = target + o + 8 * k * step, spread(1.0 - 2.0 * k, memory)
                for i in range(part, step, lanes):  # from I and Z, to z = k and x = 0
                    f0, f1 = load(memory, own + i), load(memory, own + step + i)
                    g0, g1 = load(memory, other + i), load(memory, other + step + i)
                    g2 = load(memory, other + 2 * step + i)
                    g3 = load(memory, other + 3 * step + i)
                    store(memory, to + i, f0 + xz * g1)
                    store(memory, to + step + i, xz * g0 + f1)
                    store(memory, to + 2 * step + i, zz * g2 + yz * g3)
                    store(memory, to + 3 * step + i, yz * g2 - zz * g3)
                own, other, to = own + 4 * step, other + 4 * step, to + 4 * step
                for i in range(part, step, lanes):  # from X and Y, to z = k and x = 1
                    f, g = sign * load(memory, own + i), load(memory, other + i)
                    store(memory, to + step + i, xx * f + xy * g)
                    f, g = sign * load(memory, own + step + i), load(memory, other + step + i)
                    store(memory, to + i, xx * f + xy * g)
                    f2, g2 = (
                        sign * load(memory, own + 2 * step + i),
                        load(memory, other + 2 * step + i),
                    )
                    f3, g3 = (
                        sign * load(memory, own + 3 * step + i),
                        load(memory, other + 3 * step + i),
                    )
                    store(memory, to + 2 * step + i, zx * f2 + zy * g2 + yx * f3 + yy * g3)
                    store(memory, to + 3 * step + i, yx * f2 + yy * g2 - zx * f3 - zy * g3)


@apart
def learn_middle(memory, source, bar, r_bar, outer, within):
    """Adds the derivatives by R, given a and the derivatives by a'."""
    lanes = BLOCK * width(memory)
    step = within * lanes
    for part in range(0, lanes, width(memory)):
        xx = zx = yx = xz = zz = yz = xy = zy = yy = spread(0.0, memory)
        for o in range(0, 16 * outer * step, 16 * step):
            for k in range(2):
                own, other = source + o + 8 * k * step, source + o + 8 * (1 - k) * step
                bar_own, bar_other = bar + o + 8 * k * step, bar + o + 8 * (1 - k) * step
                sign = spread(1.0 - 2.0 * k, memory)
                for i in range(part, step, lanes):
                    y0, y1 = load(memory, bar_other + i), load(memory, bar_other + step + i)
                    xz = xz + load(memory, own + step + i) * y0 + load(memory, own + i) * y1
                    y2 = load(memory, bar_other + 2 * step + i)
                    y3 = load(memory, bar_other + 3 * step + i)
                    a2, a3 = load(memory, own + 2 * step + i), load(memory, own + 3 * step + i)
                    zz = zz + a2 * y2 - a3 * y3
                    yz = yz + a3 * y2 + a2 * y3
                own, other, y = own + 4 * step, other + 4 * step, bar_own + 4 * step
                for i in range(part, step, lanes):
                    y0, y1 = load(memory, y + i), load(memory, y + step + i)
                    f, g = load(memory, own + i), load(memory, own + step + i)
                    xx = xx + sign * (y1 * f + y0 * g)
                    xy = xy + y1 * load(memory, other + i) + y0 * load(memory, other + step + i)
                    y2, y3 = load(memory, y + 2 * step + i), load(memory, y + 3 * step + i)
                    f, g = load(memory, own + 2 * step + i), load(memory, own + 3 * step + i)
                    zx = zx + sign * (y2 * f - y3 * g)
                    yx = yx + sign * (y3 * f + y2 * g)
                    f, g = load(memory, other + 2 * step + i), load(memory, other + 3 * step + i)
                    zy = zy + y2 * f - y3 * g
                    yy = yy + y3 * f + y2 * g
        at = r_bar + part
        add(memory, at, xx)
        add(memory, at + lanes, zx)
        add(memory, at + 2 * lanes, yx)
        add(memory, at + 3 * lanes, xz)
        add(memory, at + 4 * lanes, zz)
        add(memory, at + 5 * lanes, yz)
        add(memory, at + 6 * lanes, xy)
        add(memory, at + 7 * lanes, zy)
        add(memory, at + 8 * lanes, yy)


@apart
def close(memory, source, target, r, outer):
    """From rows (outer, Q, x) to the rows x = 0 of (outer, c, x), if nothing is measured."""
    lanes = BLOCK * width(memory)
    for part in range(0, lanes, width(memory)):
        xx, xz = load(memory, r + part), load(memory, r + 3 * lanes + part)
        xy = load(memory, r + 6 * lanes + part)
        for i in range(part, 8 * outer * lanes, 8 * lanes):
            at, to = source + i, target + i
            a1, c1 = load(memory, at + 3 * lanes), load(memory, at + 7 * lanes)
            f0, f1 = load(memory, at), load(memory, at + lanes)
            g0, g1 = load(memory, at + 4 * lanes), load(memory, at + 5 * lanes)
            store(memory, to, f0 + xz * g1)
            store(memory, to + 2 * lanes, xx * a1 + xy * c1)
            store(memory, to + 4 * lanes, g0 + xz * f1)
            store(memory, to + 6 * lanes, xy * a1 - xx * c1)


@apart
def unclose(memory, bar, target, r, outer):
    """The transpose of `close`."""
    lanes = BLOCK * width(memory)
    nothing = spread(0.0, memory)
    for part in range(0, lanes, width(memory)):
        xx, xz = load(memory, r + part), load(memory, r + 3 * lanes + part)
        xy = load(memory, r + 6 * lanes + part)
        for i in range(part, 8 * outer * lanes, 8 * lanes):
            at, to = bar + i, target + i
            m0, m1 = load(memory, at), load(memory, at + 2 * lanes)
            m2, m3 = load(memory, at + 4 * lanes), load(memory, at + 6 * lanes)
            store(memory, to, m0)
            store(memory, to + lanes, xz * m2)
            store(memory, to + 2 * lanes, nothing)
            store(memory, to + 3 * lanes, xx * m1 + xy * m3)
            store(memory, to + 4 * lanes, m2)
            store(memory, to + 5 * lanes, xz * m0)
            store(memory, to + 6 * lanes, nothing)
            store(memory, to + 7 * lanes, xy * m1 - xx * m3)


@apart
def learn_close(memory, source, bar, r_bar, outer):
    """Adds the derivatives by R, given a and the derivatives by what comes out of `close`."""
    lanes = BLOCK * width(memory)
    for part in range(0, lanes, width(memory)):
        xx = xz = xy = spread(0.0, memory)
        for i in range(part, 8 * outer * lanes, 8 * lanes):
            a, m = source + i, bar + i
            m0, m1 = load(memory, m), load(memory, m + 2 * lanes)
            m2, m3 = load(memory, m + 4 * lanes), load(memory, m + 6 * lanes)
            a1, c1 = load(memory, a + 3 * lanes), load(memory, a + 7 * lanes)
            xz = xz + load(memory, a + 5 * lanes) * m0 + load(memory, a + lanes) * m2
            xx = xx + a1 * m1 - c1 * m3
            xy = xy + c1 * m1 + a1 * m3
        add(memory, r_bar + part, xx)
        add(memory, r_bar + 3 * lanes + part, xz)
        add(memory, r_bar + 6 * lanes + part, xy)
