"""A trigonometric polynomial's values and derivatives. Importing this file imports numba.

Patches are handled in blocks of `LANES`, which the vector unit works on side by side: every
innermost loop runs over the lanes of a block. A block's values are kept in `nodes`, one row
each: the number 1, the cosine and the sine of each input, and then products of two earlier
rows. The last block of a group is filled up with zeros.

Blocks are grouped into tasks of `TASK` blocks. A task's sums are kept apart and are added
up in order, so that results do not depend on how tasks are shared among threads.

The coefficients are sorted by output and have the nodes `node_K`; those of output o begin
at `row_O[o]`. The same in the order of the nodes: `entry_K` are coefficients,
`entry_row_K` their outputs, and those of node m begin at `column_M[m]`.

Shape suffixes as in `base.py`, and O outputs of a group (of all its filters), B tasks of a
group, K coefficients of a group, M nodes.
"""

from __future__ import annotations

import math

import numpy as np

from resqunn.engines.compiled.compiler import compiled
from resqunn.engines.fourier.monomials import LANES, TASK

SUMS = {"contract"}
"""Multiplications and additions may be fused, but sums are never reordered: the order would
depend on how many numbers a register of the processor holds."""


@compiled(fastmath={"contract"})
def _sines(nodes, row, constants):
    r"""Replaces row `row`, angles, by their cosines and writes their sines to the next row.

    $x = n \pi + r$ with $|r| \le \pi/2$; $\sin x = (-1)^n \sin r$ by its Taylor series, and
    the cosine likewise. $n \pi$ is subtracted in three parts, the first two of which have so
    few digits that their products with $n$ are exact (Cody and Waite). Angles too large for
    that take the slow path. Reordering sums would undo it: no `SUMS` here.
    """
    inverse, half, one, two = constants[0], constants[1], constants[2], constants[3]
    high, middle, low, limit = constants[4], constants[5], constants[6], constants[7]
    outside = 0
    for lane in range(LANES):
        outside += np.abs(nodes[row, lane]) > limit
    c10, c9, c8, c7 = constants[8], constants[9], constants[10], constants[11]
    c6, c5, c4, c3 = constants[12], constants[13], constants[14], constants[15]
    c2, c1 = constants[16], constants[17]
    s10, s9, s8, s7 = constants[18], constants[19], constants[20], constants[21]
    s6, s5, s4, s3 = constants[22], constants[23], constants[24], constants[25]
    s2, s1 = constants[26], constants[27]
    for lane in range(LANES):
        x = nodes[row, lane]
        n = np.floor(x * inverse + half)
        r = ((x - n * high) - n * middle) - n * low
        sign = one - two * (n - two * np.floor(n * half))
        y = r * r
        c = ((((c10 * y + c9) * y + c8) * y + c7) * y + c6) * y + c5
        c = ((((c * y + c4) * y + c3) * y + c2) * y + c1) * y + one
        s = ((((s10 * y + s9) * y + s8) * y + s7) * y + s6) * y + s5
        s = ((((s * y + s4) * y + s3) * y + s2) * y + s1) * y + one
        nodes[row, lane] = x if np.abs(x) > limit else c * sign
        nodes[row + 1, lane] = s * r * sign
    if outside > 0:
        for lane in range(LANES):
            x = np.float64(nodes[row, lane])
            if np.abs(x) > limit:  # and no other lane: patches do not see their neighbours
                nodes[row, lane] = math.cos(x)
                nodes[row + 1, lane] = math.sin(x)


@compiled(fastmath=SUMS)
def _fill(nodes, inputs_GNP, g, first, count, products, constants):
    """The nodes of a block: patches `first` to `first + count` of group `g`."""
    inputs = inputs_GNP.shape[1]
    for n in range(inputs):
        for lane in range(count):
            nodes[1 + 2 * n, lane] = inputs_GNP[g, n, first + lane]
        for lane in range(count, LANES):
            nodes[1 + 2 * n, lane] = 0
        _sines(nodes, 1 + 2 * n, constants)
    for k in range(products.shape[0]):
        m, a, b = 1 + 2 * inputs + k, products[k, 0], products[k, 1]
        for lane in range(LANES):
            nodes[m, lane] = nodes[a, lane] * nodes[b, lane]


@compiled(fastmath=SUMS)
def forward(worker, workers, inputs_GNP, values_GK, tables, memory_WML, out_GFRP):
    """The polynomials' values on every task that is this worker's."""
    products, row_O, node_K, _, _, _, constants = tables
    groups, inputs, patches = inputs_GNP.shape
    readouts = out_GFRP.shape[2]
    tasks = (patches + TASK * LANES - 1) // (TASK * LANES)
    rows = 1 + 2 * inputs + products.shape[0]
    nodes, total = memory_WML[worker, :rows], memory_WML[worker, rows:]
    nodes[0] = 1
    for task in range(worker, groups * tasks, workers):
        g, begin = task // tasks, task % tasks * (TASK * LANES)
        for first in range(begin, min(begin + TASK * LANES, patches), LANES):
            count = min(LANES, patches - first)
            _fill(nodes, inputs_GNP, g, first, count, products, constants)
            for o in range(row_O.shape[0] - 1):
                f, r = o // readouts, o % readouts
                for lane in range(LANES):
                    total[0, lane] = 0
                k, end = row_O[o], row_O[o + 1]
                while k + 4 <= end:
                    a, b = values_GK[g, k], values_GK[g, k + 1]
                    c, d = values_GK[g, k + 2], values_GK[g, k + 3]
                    i, j, m, n = node_K[k], node_K[k + 1], node_K[k + 2], node_K[k + 3]
                    for lane in range(LANES):
                        total[0, lane] += (
                            a * nodes[i, lane]
                            + b * nodes[j, lane]
                            + c * nodes[m, lane]
                            + d * nodes[n, lane]
                        )
                    k += 4
                while k < end:
                    a, i = values_GK[g, k], node_K[k]
                    for lane in range(LANES):
                        total[0, lane] += a * nodes[i, lane]
                    k += 1
                for lane in range(count):
                    out_GFRP[g, f, r, first + lane] = total[0, lane]


@compiled(fastmath=SUMS)
def backward(
    worker, workers, inputs_GNP, values_GK, tables, memory_WML, out_GFRP, sums_GBK, gradient_GNP
):
    """Derivatives by coefficients (for each task) and by inputs, given those by the values.

    Either is skipped if the array for it is empty.
    """
    products, _, _, column_M, entry_K, entry_row_K, constants = tables
    groups, inputs, patches = inputs_GNP.shape
    readouts = out_GFRP.shape[2]
    tasks = (patches + TASK * LANES - 1) // (TASK * LANES)
    rows = 1 + 2 * inputs + products.shape[0]
    nodes, slopes = memory_WML[worker, :rows], memory_WML[worker, rows : 2 * rows]
    at = 2 * rows + out_GFRP.shape[1] * readouts
    out, total = memory_WML[worker, 2 * rows : at], memory_WML[worker, at : at + 1]
    sums = memory_WML[worker, at + 1 :]
    nodes[0] = 1
    for task in range(worker, groups * tasks, workers):
        g, begin = task // tasks, task % tasks * (TASK * LANES)
        sums[:] = 0
        for first in range(begin, min(begin + TASK * LANES, patches), LANES):
            count = min(LANES, patches - first)
            _fill(nodes, inputs_GNP, g, first, count, products, constants)
            for o in range(out.shape[0]):
                f, r = o // readouts, o % readouts
                for lane in range(count):
                    out[o, lane] = out_GFRP[g, f, r, first + lane]
                for lane in range(count, LANES):
                    out[o, lane] = 0
            if sums_GBK.size:
                _coefficient_sums(sums, nodes, out, column_M, entry_K, entry_row_K)
            if gradient_GNP.size:
                _node_slopes(slopes, out, column_M, entry_K, entry_row_K, values_GK[g], total)
                _input_slopes(nodes, slopes, products, inputs)
                for n in range(inputs):
                    for lane in range(count):
                        gradient_GNP[g, n, first + lane] = slopes[1 + 2 * n, lane]
        for k in range(sums.shape[0]):
            total_k = 0.0
            for lane in range(LANES):
                total_k += sums[k, lane]
            sums_GBK[g, task % tasks, k] = total_k


@compiled(fastmath=SUMS)
def _add_products(sums, k, nodes, m, out, i):
    """Adds the product of two rows to a row of sums. As a function of its own it is
    vectorized."""
    for lane in range(LANES):
        sums[k, lane] += nodes[m, lane] * out[i, lane]


@compiled(fastmath=SUMS)
def _coefficient_sums(sums, nodes, out, column_M, entry_K, entry_row_K):
    """Adds out[o, p] node[m, p] for each coefficient, lane by lane."""
    for m in range(nodes.shape[0]):
        for k in range(column_M[m], column_M[m + 1]):
            _add_products(sums, entry_K[k], nodes, m, out, entry_row_K[k])


@compiled(fastmath=SUMS)
def _node_slopes(slopes, out, column_M, entry_K, entry_row_K, values_K, total):
    """The derivative by each node: sum_o coefficient[o, m] out[o, p]."""
    for m in range(slopes.shape[0]):
        k, end = column_M[m], column_M[m + 1]
        for lane in range(LANES):
            total[0, lane] = 0
        while k + 4 <= end:
            a, b = values_K[entry_K[k]], values_K[entry_K[k + 1]]
            c, d = values_K[entry_K[k + 2]], values_K[entry_K[k + 3]]
            i, j = entry_row_K[k], entry_row_K[k + 1]
            r, s = entry_row_K[k + 2], entry_row_K[k + 3]
            for lane in range(LANES):
                total[0, lane] += (
                    a * out[i, lane] + b * out[j, lane] + c * out[r, lane] + d * out[s, lane]
                )
            k += 4
        while k < end:
            a, i = values_K[entry_K[k]], entry_row_K[k]
            for lane in range(LANES):
                total[0, lane] += a * out[i, lane]
            k += 1
        for lane in range(LANES):
            slopes[m, lane] = total[0, lane]


@compiled(fastmath=SUMS)
def _multiply_add(out, o, a, i, b, j):
    """Adds the product of two rows to a row. As a function of its own it is vectorized."""
    for lane in range(LANES):
        out[o, lane] += a[i, lane] * b[j, lane]


@compiled(fastmath=SUMS)
def _input_slopes(nodes, slopes, products, inputs):
    """Undoes the products in reverse order; the derivative by input n replaces its cosine's."""
    for k in range(products.shape[0] - 1, -1, -1):
        m, a, b = 1 + 2 * inputs + k, products[k, 0], products[k, 1]
        _multiply_add(slopes, a, slopes, m, nodes, b)
        _multiply_add(slopes, b, slopes, m, nodes, a)
    for n in range(inputs):
        c, s = 1 + 2 * n, 2 + 2 * n
        for lane in range(LANES):
            slopes[c, lane] = slopes[s, lane] * nodes[c, lane] - slopes[c, lane] * nodes[s, lane]
