r"""Binomial draws, exact, from random bits alone.

A trial succeeds if a uniform number is below p. Both are compared digit by digit, the most
significant binary digit first: where a trial's digit differs from that of p, the trial is decided,
and it has succeeded if the digit of p is the 1. Which trials are which does not matter: of m
undecided ones so many stay undecided as there are ones among m random bits, so that n trials take
about n / 32 words of 64 random bits, whatever p. Of p there are 64 digits.

Draws of `LANES` neighbours are made side by side. Each has a stream of random words of its own,
SplitMix64 (Steele, Lea and Flood, doi:10.1145/2714064.2660195) from a place that the seed and the
neighbour's number decide.
"""

from __future__ import annotations

import numpy as np

from resqunn.engines.compiled.kernels.lanes import apart, inner
from resqunn.engines.sampling.compiled_draws import LANES

STEP = np.uint64(0x9E3779B97F4A7C15)
"""From word to word of a stream."""

STREAM = np.uint64(0xD1B54A32D192ED03)
"""From stream to stream, before it is mixed."""

WHOLE = np.uint64(2**64 - 1)
"""The digits of 1, up to the last one."""


@inner
def mixed(word):
    """The word with its bits mixed."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


@inner
def ones(word):
    """How many bits are set, in a form in which compilers know the instruction for it."""
    pairs = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    low = pairs & np.uint64(0x3333333333333333)
    fours = low + ((pairs >> np.uint64(2)) & np.uint64(0x3333333333333333))
    eights = (fours + (fours >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((eights * np.uint64(0x0101010101010101)) >> np.uint64(56))


@inner
def low_bits(count):
    """A word whose lowest bits are set: none for a count of 0 or less, all from 64 on."""
    within = np.uint64(min(max(count, 1), 64))
    return WHOLE >> (np.uint64(64) - within) if count > 0 else np.uint64(0)


@inner
def digits(probability):
    """The first 64 binary digits of a probability; those of 1 for what is none."""
    return np.int64(np.uint64(probability * 2.0**64) if 0.0 <= probability < 1.0 else WHOLE)


@inner
def begin(rows, seed, first):
    """Puts the lanes at the beginning of their streams, the first of which has this number."""
    streams = rows[5]
    for lane in range(np.uint64(LANES)):
        number = np.uint64(first) + np.uint64(lane)
        streams[lane] = np.int64(mixed(np.uint64(seed) + number * STREAM))


@inner
def halve(rows, counter):
    """Decides some of each lane's trials by their next digits.

    Returns:
        Where the streams are afterwards, and the largest number of undecided trials.
    """
    _, chances, found, left, kept, streams = rows
    most = 0
    for lane in range(np.uint64(LANES)):
        kept[lane] = 0
        most = max(most, left[lane])
    for first in range(0, most, 64):
        counter += STEP
        for lane in range(np.uint64(LANES)):
            word = mixed(np.uint64(streams[lane]) + counter)
            kept[lane] += ones(word & low_bits(left[lane] - first))
    most = 0
    for lane in range(np.uint64(LANES)):
        found[lane] += (left[lane] - kept[lane]) & (chances[lane] >> 63)
        left[lane] = kept[lane]
        chances[lane] <<= 1
        most = max(most, kept[lane])
    return counter, most


@inner
def halve_few(rows, counter, times, bits):
    """Does so as many times, with one word for all trials of a lane, of which there are fewer
    than `bits`: each time takes so many bits of it."""
    _, chances, found, left, _, streams = rows
    counter += STEP
    most = 0
    for lane in range(np.uint64(LANES)):
        word = mixed(np.uint64(streams[lane]) + counter)
        successes, undecided, digits_left = found[lane], left[lane], chances[lane]
        for _ in range(times):
            kept = ones(word & ((np.uint64(1) << np.uint64(undecided)) - np.uint64(1)))
            successes += (undecided - kept) & (digits_left >> 63)
            undecided = kept
            digits_left <<= 1
            word >>= np.uint64(bits)
        found[lane], left[lane], chances[lane] = successes, undecided, digits_left
        most = max(most, undecided)
    return counter, most


@apart
def draw(rows, counter):
    """Successes of each lane's trials.

    Args:
        rows: of each lane the trials, the digits of the probability, which are used up, the
            successes, which are written, two rows to work in, and where its stream begins.
        counter: where the streams are.

    Returns:
        Where they are afterwards.
    """
    trials, _, found, left = rows[:4]
    most = 0
    for lane in range(np.uint64(LANES)):
        left[lane] = trials[lane]
        found[lane] = 0
        most = max(most, trials[lane])
    while most >= 32:
        counter, most = halve(rows, counter)
    while most >= 16:
        counter, most = halve_few(rows, counter, 2, 32)
    while most > 0:
        counter, most = halve_few(rows, counter, 4, 16)
    return counter
