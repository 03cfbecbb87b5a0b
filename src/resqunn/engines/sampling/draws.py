"""Draws by torch, in float64, on whichever device, of however many shots.

They are made one after the other in a fixed order, so that on the CPU they do not depend on torch's
number of threads. A NaN among the probabilities gives NaNs, not a draw.

Shape suffixes: C circuits, A outcomes, P patches.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

Generator = torch.Generator | None
"""What draws: None for torch's default generator, which `torch.manual_seed` seeds."""

SMALLEST = torch.finfo(torch.float64).tiny


def device_of(tensor: Tensor, generator: Generator) -> torch.device:
    """Where draws are made: the generator's device, else that of the tensor if it has float64."""
    if generator is not None:
        return generator.device
    return torch.device("cpu") if tensor.device.type == "mps" else tensor.device


def successes(trials: Tensor, probabilities: Tensor, generator: Generator) -> Tensor:
    """Binomial draws: how many of so many trials succeed."""
    return torch.binomial(trials, probabilities, generator=generator)


def counts(
    weights_CAP: Float[Tensor, "C A P"], shots: int, generator: Generator
) -> Float[Tensor, "C A P"]:
    r"""Multinomial draws: how often each outcome is among `shots` samples.

    The shots are split between the first and the second half of the outcomes, those of a half
    between its halves, and so on: with $A = 2^n$ these are $2^n - 1$ binomial draws, and the
    counts' distribution is exact.

    Args:
        weights_CAP: what the probabilities of $2^n$ outcomes are in proportion to; those that
            rounding has made negative are zero.
    """
    sums = [weights_CAP.clamp(min=0)]
    while sums[-1].shape[1] > 1:
        sums.append(sums[-1][:, 0::2] + sums[-1][:, 1::2])
    found = torch.full_like(sums.pop(), shots)
    while sums:
        parts = sums.pop()
        first, second = parts[:, 0::2], parts[:, 1::2]
        # No shots are left where both are zero.
        drawn = successes(found, second / (first + second).clamp_(min=SMALLEST), generator)
        found = torch.stack((found - drawn, drawn), dim=2).flatten(1, 2)
    return found
