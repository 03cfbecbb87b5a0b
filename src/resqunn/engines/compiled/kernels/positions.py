"""Where patches lie in memory, one after the other; the formula is in `places.py`."""

from __future__ import annotations

from resqunn.engines.compiled.kernels.lanes import apart, set_entry

POSITIONS, STEPS, IMAGE_STEP = 0, 3, 6
OUT_IMAGE_STEP, OUT_STEP, OUT_CHANNEL_STEP, MEMBERS, DISJOINT = 7, 8, 9, 10, 11
"""What stands where in `Places.numbers`."""


@apart
def locate(places_2L, numbers, first, count):
    """Where patches `first` to `first + count` begin, and where their results go.

    What is beyond stays at the last of them.
    """
    lanes = places_2L.shape[0] // 2
    size_i, size_j, size_k = numbers[POSITIONS], numbers[POSITIONS + 1], numbers[POSITIONS + 2]
    step_i, step_j, step_k = numbers[STEPS], numbers[STEPS + 1], numbers[STEPS + 2]
    image, position = divmod(first, size_i * size_j * size_k)
    i, rest = divmod(position, size_j * size_k)
    j, k = divmod(rest, size_k)
    begin = image * numbers[IMAGE_STEP] + i * step_i + j * step_j
    at = begin + k * step_k
    to = image * numbers[OUT_IMAGE_STEP] + position * numbers[OUT_STEP]
    for lane in range(lanes):
        set_entry(places_2L, lane, at)
        set_entry(places_2L, lanes + lane, to)
        if lane + 1 >= count:
            continue
        k, at, to = k + 1, at + step_k, to + numbers[OUT_STEP]
        if k == size_k:
            k, j = 0, j + 1
            if j == size_j:
                j, i = 0, i + 1
                if i == size_i:
                    i, image = 0, image + 1
                    to = image * numbers[OUT_IMAGE_STEP]
            begin = image * numbers[IMAGE_STEP] + i * step_i + j * step_j
            at = begin
