"""Samples by compiled code, on as many threads as torch uses; what is drawn does not depend on
them.

The generator gives one seed a call, and from there `kernels/bits.py` makes the random bits.

Shape suffixes: C circuits, W products of Z, A outcomes, R values, P patches.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from resqunn.engines.compiled.arguments import plain
from resqunn.engines.compiled.kernel import Kernel
from resqunn.engines.compiled.threads import share, useful_workers
from resqunn.engines.guard import ordinary

LANES = 64
"""Draws that are made side by side."""

ROWS = 6
"""Rows of lanes that a draw works in."""

MOST_SHOTS = 2**13
"""For more `torch.binomial` is faster, whose time does not grow with their number."""

WORDS_PER_THREAD = 1_000_000
"""A thread is started for at least this many words of random bits (about a millisecond)."""

INDEPENDENT = Kernel("resqunn.engines.sampling.kernels.samples", "independent")
JOINT = Kernel("resqunn.engines.sampling.kernels.samples", "joint")


def applies(means: Tensor, shots: int, generator: torch.Generator | None) -> bool:
    """Whether compiled code draws these samples."""
    on_cpu = generator is None or generator.device.type == "cpu"
    return shots <= MOST_SHOTS and on_cpu and ordinary(means)


def independent(means: Tensor, shots: int, generator: torch.Generator | None) -> Tensor:
    """Of each exact mean of what is 1 or -1 that of so many samples, in float64."""
    given = plain(means).flatten()
    out = torch.empty_like(given, dtype=torch.float64)
    workers = _workers(-(-len(given) // LANES), len(given) * _words(shots, 1))
    memory = _memory(torch.int64, workers, ROWS)
    share(INDEPENDENT, workers, given, out, shots, _seed(generator), memory)
    return out.view(means.shape)


def joint(
    means_CWP: Float[Tensor, "C W P"],
    values_RA: Float[Tensor, "R A"],
    shots: int,
    generator: torch.Generator | None,
) -> Float[Tensor, "C R P"]:
    """Means of what has these values in each of $2^n$ outcomes, in so many shots.

    Args:
        means_CWP: the exact means of all products of Z, the first qubit the most significant bit
            of a product's number, without that of none.
        values_RA: in float64.
    """
    given = plain(means_CWP)
    circuits, _, patches = given.shape
    values, outcomes = values_RA.shape
    out_CRP = given.new_empty(circuits, values, patches)
    words = circuits * patches * _words(shots, outcomes)
    workers = _workers(circuits * -(-patches // LANES), words)
    memory = _memory(torch.int64, workers, ROWS + 2 * outcomes)
    sums = _memory(torch.float64, workers, 2 * outcomes)
    seed = _seed(generator)
    share(JOINT, workers, given, values_RA, out_CRP, shots, seed, memory, sums)
    return out_CRP


def _words(shots: int, outcomes: int) -> int:
    """About how many words of random bits a circuit and patch take."""
    return outcomes.bit_length() * shots // 32 + 8 * outcomes


def _workers(tasks: int, words: int) -> int:
    return useful_workers(tasks, words // WORDS_PER_THREAD + 1)


def _memory(dtype: torch.dtype, workers: int, rows: int) -> Tensor:
    return torch.empty(workers, rows, LANES, dtype=dtype, device="cpu")


def _seed(generator: torch.Generator | None) -> int:
    return int(torch.empty((), dtype=torch.int64, device="cpu").random_(generator=generator))
