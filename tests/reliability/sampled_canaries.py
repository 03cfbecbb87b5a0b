"""Samples drawn in guarded memory (`guarded.py`), numbered, as `canaries.py` does with engines.

`python -m reliability.sampled_canaries FIRST COUNT RECORD` tries so many cases in a process of its
own. Each is computed with a forbidden page after all memory, before it, and in ordinary memory:
the samples, and the derivatives by shifts, must be the same bits.
"""

from __future__ import annotations

import json
import os
import random
import sys
import traceback
import warnings
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from resqunn.circuits.circuit import Circuit
from resqunn.engines.compiled import scratch
from resqunn.engines.registry import engine
from resqunn.engines.sampling import compiled_draws
from resqunn.engines.sampling.engine import SamplingEngine
from resqunn.engines.sampling.options import ShotOptions

from reliability import allocators
from reliability.guarded import MEMORY
from support import any_circuit

SIDES = ("after", "before", None)
TOGETHER = 16
"""So many cases in a row share a circuit."""


@lru_cache(maxsize=2)
def circuit_of(family: int) -> Circuit:
    return any_circuit(family, 4, max_depth=2, computed=False)


def computed(number: int) -> Tensor:
    """The samples, and the derivatives by shifts, in one row."""
    rng, circuit = random.Random(number), circuit_of(number // TOGETHER)
    dtype = rng.choice([torch.float32, torch.float64])
    groups, filters, patches = rng.randint(1, 2), rng.randint(1, 2), number * 37 % 200
    generator = torch.Generator().manual_seed(number)

    def values(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

    inputs = values(groups, circuit.num_inputs, patches)
    weights = values(groups, filters, circuit.num_weights).requires_grad_()
    options = ShotOptions(
        rng.choice([1, 2, 63, 64, 65, 300]),
        "parameter-shift",
        rng.choice(["joint", "independent"]),
    )
    torch.set_num_threads(rng.choice([1, 2, 3]))
    by = SamplingEngine(engine("auto"), options, generator)
    found = by.expectation_values(circuit, inputs, weights)
    (gradient,) = torch.autograd.grad(found.square().sum(), weights)
    assert found.isfinite().all()
    return torch.cat([found.detach().flatten(), gradient.flatten()])


def check(number: int) -> None:
    """
    Raises:
        AssertionError: if anything is wrong.
    """
    found = []
    for side in SIDES:
        with MEMORY.at(side):
            found.append(computed(number).numpy().tobytes())
    torch.set_num_threads(1)
    assert not MEMORY.damage, "; ".join(MEMORY.damage)
    assert found[0] == found[1] == found[2], "samples are others in other memory"


def main(first: int, count: int, record: Path) -> int:
    """Tries so many cases, `record` holding the number of the one that is tried; an exit code."""
    warnings.simplefilter("ignore")
    allocators.install()
    compiled_draws.WORDS_PER_THREAD = 1  # as many threads as there are, however little to do
    scratch.KEPT_BYTES = 0
    try:
        for number in range(first, first + count):
            record.write_text(str(number))
            check(number)
        MEMORY.inspect()
        assert not MEMORY.damage, "; ".join(MEMORY.damage)
    except Exception:
        traceback.print_exc()
        return 1
    sys.stdout.write(json.dumps({"cases": count}) + "\n")
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    os._exit(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
