r"""From exact means of products of Z to means of samples.

Shape suffixes: C circuits, W products of Z, A outcomes, R values, P patches, N means.
"""

from __future__ import annotations

import numpy as np

from resqunn.engines.compiled.kernels.lanes import apart, inner
from resqunn.engines.sampling.compiled_draws import LANES
from resqunn.engines.sampling.kernels.bits import begin, digits, draw

SMALLEST = 2.0**-1022
"""What sums are divided by at least."""


@inner
def rows_of(memory):
    """The rows of lanes of a draw."""
    return memory[0], memory[1], memory[2], memory[3], memory[4], memory[5]


@apart
def independent(worker, workers, means_N, out_N, shots, seed, memory_WRL):
    """Of each mean that of so many samples; NaN for NaN."""
    rows = rows_of(memory_WRL[worker])
    trials, chances, found = rows[:3]
    count = means_N.shape[0]
    for first in range(worker * LANES, count, workers * LANES):
        here = np.uint64(min(LANES, count - first))
        begin(rows, seed, first)
        for lane in range(np.uint64(LANES)):
            trials[lane] = shots
            chances[lane] = 0
        for lane in range(here):
            mean = np.float64(means_N[np.uint64(first) + lane])
            chances[lane] = digits(max(0.5 + 0.5 * mean, 0.0))
        draw(rows, np.uint64(0))
        for lane in range(here):
            mean = np.float64(means_N[np.uint64(first) + lane])
            out_N[np.uint64(first) + lane] = (2 * found[lane] - shots) / shots + (mean - mean)


@inner
def read_weights(sums, means_WP, first, here):
    """The outcomes' weights, in proportion to their probabilities, in the last rows of `sums`: the
    Walsh-Hadamard transform of the means."""
    outcomes = sums.shape[0] // 2
    for row in range(np.uint64(outcomes)):
        for lane in range(np.uint64(LANES)):
            sums[np.uint64(outcomes) + row, lane] = 0.0 if row else 1.0
    for word in range(np.uint64(means_WP.shape[0])):
        row = np.uint64(outcomes + 1) + word
        for lane in range(here):
            sums[row, lane] = means_WP[word, np.uint64(first) + lane]
    distance = 1
    while distance < outcomes:
        for low in range(outcomes, 2 * outcomes):
            if low & distance == 0:
                for lane in range(np.uint64(LANES)):
                    a, b = sums[low, lane], sums[low + distance, lane]
                    sums[low, lane] = a + b
                    sums[low + distance, lane] = a - b
        distance *= 2
    for row in range(np.uint64(outcomes), np.uint64(2 * outcomes)):
        for lane in range(np.uint64(LANES)):
            sums[row, lane] = 0.0 if sums[row, lane] < 0.0 else sums[row, lane]


@inner
def split(rows, counts, sums, shots):
    """How often each outcome occurs, in the last rows of `counts`.

    Shots are split between halves of the outcomes, those of a half between its halves, and so on:
    the numbers of node k of that tree are in row k, those of its halves in rows 2 k and 2 k + 1.
    """
    outcomes = sums.shape[0] // 2
    trials, chances, found = rows[:3]
    for node in range(outcomes - 1, 0, -1):
        for lane in range(np.uint64(LANES)):
            sums[node, lane] = sums[2 * node, lane] + sums[2 * node + 1, lane]
    for lane in range(np.uint64(LANES)):
        counts[1, lane] = shots
    counter = np.uint64(0)
    for node in range(1, outcomes):
        for lane in range(np.uint64(LANES)):
            trials[lane] = counts[node, lane]
            chances[lane] = digits(sums[2 * node + 1, lane] / max(sums[node, lane], SMALLEST))
        counter = draw(rows, counter)
        for lane in range(np.uint64(LANES)):
            counts[2 * node + 1, lane] = found[lane]
            counts[2 * node, lane] = trials[lane] - found[lane]


@apart
def joint(worker, workers, means_CWP, values_RA, out_CRP, shots, seed, memory_WRL, sums_WAL):
    """Means of what has these values in each outcome, in so many shots; NaN where means are."""
    circuits, _, patches = means_CWP.shape
    values, outcomes = values_RA.shape
    rows, counts = rows_of(memory_WRL[worker]), memory_WRL[worker, 6:]
    sums = sums_WAL[worker]
    blocks = (patches + LANES - 1) // LANES
    for task in range(worker, circuits * blocks, workers):
        circuit, first = task // blocks, task % blocks * LANES
        here = np.uint64(min(LANES, patches - first))
        begin(rows, seed, task * LANES)
        read_weights(sums, means_CWP[circuit], first, here)
        split(rows, counts, sums, shots)
        for value in range(np.uint64(values)):
            totals = sums[0]  # which no node has
            for lane in range(np.uint64(LANES)):
                totals[lane] = 0.0
            for outcome in range(np.uint64(outcomes)):
                share = values_RA[value, outcome]
                for lane in range(np.uint64(LANES)):
                    totals[lane] += share * counts[np.uint64(outcomes) + outcome, lane]
            for lane in range(here):
                undefined = sums[1, lane] - sums[1, lane]
                place = np.uint64(first) + lane
                out_CRP[circuit, value, place] = totals[lane] / shots + undefined
