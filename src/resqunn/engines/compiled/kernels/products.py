r"""Linear maps of many networks, each of its own rows: values and derivatives.

For each member $m$ and each of its rows $b$,

$$s_{bmk} = \sum_d x_{bmd}\, w_{mkd} + v_{mk}, \qquad
\frac{\partial s}{\partial x_{bmd}} = \sum_k c_{bmk}\, w_{mkd}, \qquad
\frac{\partial s}{\partial w_{mkd}} = \sum_b c_{bmk}\, x_{bmd}, \qquad
\frac{\partial s}{\partial v_{mk}} = \sum_b c_{bmk},$$

where $c$ are the derivatives by the values. The order of the sums depends on $D$, and on how many
rows and values a member has, but not on how many members there are.

Shape suffixes: B rows of a member, M members, K values, D features; flat arrays hold them in the
order of the suffixes. Weights of a member begin `w_step`, biases `v_step` numbers after the last
one's.
"""

from __future__ import annotations

from resqunn.engines.compiled.kernels.lanes import (
    apart,
    entry,
    inner,
    load,
    load_block,
    spread,
    spread_block,
    store,
    store_block,
    total,
    width,
)
from resqunn.engines.compiled.registers import BLOCK, ROWS


@inner
def products_of_rows(arrays, x, w, features, row_step):
    """The products of `ROWS` rows, `row_step` numbers apart, with one row of weights."""
    x_BMD, w_MKD = arrays
    lanes = width(x_BMD)
    zero = spread(0.0, x_BMD)
    a, b, c, d = zero, zero, zero, zero
    whole = features // lanes * lanes
    for n in range(0, whole, lanes):
        weights = load(w_MKD, w + n)
        a = a + load(x_BMD, x + n) * weights
        b = b + load(x_BMD, x + row_step + n) * weights
        c = c + load(x_BMD, x + 2 * row_step + n) * weights
        d = d + load(x_BMD, x + 3 * row_step + n) * weights
    sums = total(a), total(b), total(c), total(d)
    for n in range(whole, features):
        weight = w_MKD[w + n]
        sums = (
            sums[0] + x_BMD[x + n] * weight,
            sums[1] + x_BMD[x + row_step + n] * weight,
            sums[2] + x_BMD[x + 2 * row_step + n] * weight,
            sums[3] + x_BMD[x + 3 * row_step + n] * weight,
        )
    return sums


@inner
def product_of_row(arrays, x, w, features):
    """The product of one row with one row of weights."""
    x_BMD, w_MKD = arrays
    lanes = width(x_BMD)
    found = spread(0.0, x_BMD)
    whole = features // lanes * lanes
    for n in range(0, whole, lanes):
        found = found + load(x_BMD, x + n) * load(w_MKD, w + n)
    value = total(found)
    for n in range(whole, features):
        value += x_BMD[x + n] * w_MKD[w + n]
    return value


@apart
def forward(x_BMD, w_MKD, v_MK, out_BMK, sizes):
    """All members' values."""
    rows, members, values, features, w_step, v_step = sizes
    arrays, row_step = (x_BMD, w_MKD), members * features
    blocks = rows // ROWS * ROWS
    for m in range(members):
        for k in range(values):
            w, v = m * w_step + k * features, v_MK[m * v_step + k]
            for row in range(0, blocks, ROWS):
                x = (row * members + m) * features
                sums = products_of_rows(arrays, x, w, features, row_step)
                for n in range(ROWS):
                    out_BMK[((row + n) * members + m) * values + k] = sums[n] + v
            for row in range(blocks, rows):
                x = (row * members + m) * features
                value = product_of_row(arrays, x, w, features)
                out_BMK[(row * members + m) * values + k] = value + v


@inner
def combination(arrays, first, step, count, place):
    """The sum of `count` rows, times coefficients that lie `step` apart from `first` on.

    Args:
        arrays: coefficients, rows, and where the sum is written.
        place: of the first row, from row to row, and of the sum; and how long rows are.
    """
    coefficients, rows, out = arrays
    row, row_step, to, length = place
    lanes = width(rows)
    blocks, whole = length // (BLOCK * lanes) * BLOCK * lanes, length // lanes * lanes
    for n in range(0, blocks, BLOCK * lanes):
        block = spread_block(0.0, rows)
        for k in range(count):
            weights = spread_block(entry(coefficients, first + k * step), rows)
            block = block + weights * load_block(rows, row + k * row_step + n)
        store_block(out, to + n, block)
    for n in range(blocks, whole, lanes):
        found = spread(0.0, rows)
        for k in range(count):
            weight = spread(entry(coefficients, first + k * step), rows)
            found = found + weight * load(rows, row + k * row_step + n)
        store(out, to + n, found)
    for n in range(whole, length):
        value = rows[row] * 0
        for k in range(count):
            value += entry(coefficients, first + k * step) * entry(rows, row + k * row_step + n)
        out[to + n] = value


@apart
def by_rows(c_BMK, w_MKD, out_BMD, sizes):
    """All members' derivatives by their rows."""
    rows, members, values, features, w_step, _ = sizes
    for row in range(rows):
        for m in range(members):
            first = row * members + m
            place = m * w_step, features, first * features, features
            combination((c_BMK, w_MKD, out_BMD), first * values, 1, values, place)


@apart
def by_weights(c_BMK, x_BMD, out_MKD, out_MK, sizes):
    """All members' derivatives by their weights and biases, without gaps between members."""
    rows, members, values, features, _, _ = sizes
    step = members * values
    for m in range(members):
        for k in range(values):
            first = m * values + k
            place = m * features, members * features, first * features, features
            combination((c_BMK, x_BMD, out_MKD), first, step, rows, place)
            value = c_BMK[first] * 0
            for row in range(rows):
                value += entry(c_BMK, first + row * step)
            out_MK[first] = value
