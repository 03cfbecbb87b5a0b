"""Calls of compiled engines and of layers in guarded memory (`guarded.py`), numbered.

`python -m reliability.canaries FIRST COUNT RECORD` tries so many cases in a process of its own,
which a wrong access kills; RECORD is a file that holds the case's number meanwhile. It prints as
JSON how many cases and passes of compiled code there were.

Each case is computed three times, with a forbidden page after all memory, before it, and in
ordinary memory: the results must be the same bits, and those of the reference engine but for
rounding. Everything is asked through public names, so that kernels may be written anew.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from resqunn.engines.compiled import images, scratch
from resqunn.engines.density.engine import DensityEngine
from resqunn.engines.reference import reference
from resqunn.engines.statevector.engine import StatevectorEngine

from reliability import allocators
from reliability.calls import COMPILED, TOGETHER, Case, Tensors, drawn, prepared
from reliability.guarded import MEMORY

SIDES = ("after", "before")
TOLERANCES = {torch.float32: 1e-4, torch.float64: 1e-10}
LONG = 2**15
"""The reference engine, which takes longest, is asked about every eighth case, and of those that
have more amplitudes about every 32nd."""


@lru_cache(maxsize=1)
def incoming(number: int, shape: torch.Size, dtype: torch.dtype) -> Tensor:
    """What comes back to the values."""
    generator = torch.Generator().manual_seed(~number)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


def arranged(tensor: Tensor, layout: str) -> Tensor:
    """The values in memory of their own, with nothing before and after them."""
    if layout == "repeated":  # one value of the last dimension stands for all
        return tensor[..., :1].clone().expand(tensor.shape)
    if layout == "strided" and tensor.ndim > 1:
        turned = tensor.transpose(1, -1)
        return turned.clone(memory_format=torch.contiguous_format).transpose(1, -1)
    return tensor.clone(memory_format=torch.contiguous_format)


def computed(case: Case, call: Callable[[Tensors], Tensor], tensors: Tensors) -> Tensors:
    """The values and the wanted gradients."""
    given = {name: arranged(t, case.layouts[name]) for name, t in tensors.items()}
    for name in case.wanted:
        given[name].requires_grad_()
    values = call(given)
    found = {"values": values.detach()}
    if values.requires_grad:
        with MEMORY.at(None):
            back = incoming(case.number, values.shape, case.dtype).to(values.dtype)
        back = arranged(back, case.layouts["incoming"])
        of = [given[name] for name in case.wanted]
        twice = MEMORY.side is not None  # what was kept for the way back is there a second time
        grad = partial(torch.autograd.grad, values, of, back, allow_unused=True)
        for gradients in [grad(retain_graph=twice), *([grad()] if twice else [])]:
            pairs = zip(case.wanted, gradients, strict=True)
            now = {f"gradient of {name}": g for name, g in pairs if g is not None}
            for name in now.keys() & found.keys():
                assert bits(now[name]) == bits(found[name]), f"{name} are others the second time"
            found |= now
    for name, tensor in given.items():
        first = tensors[name][..., :1] if case.layouts[name] == "repeated" else tensors[name]
        assert torch.equal(tensor, first.expand(tensor.shape)), f"{name} were changed"
    return found


class Reference:
    """Counts how often a reference engine is asked in place of compiled code."""

    asked = 0

    def __init__(self) -> None:
        for kind in (StatevectorEngine, DensityEngine):
            kind.evaluate = self.counted(kind.evaluate)

    @staticmethod
    def counted(evaluate: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def found(*arguments: Any) -> Tensor:
            Reference.asked += 1
            return evaluate(*arguments)

        return found


def check(case: Case) -> int:
    """Tries a case; how many passes of compiled code there were in guarded memory.

    Raises:
        AssertionError: if anything is wrong.
    """
    call, tensors = prepared(case)
    asked, compiled, runs = Reference.asked, 0, []
    torch.set_num_threads(case.threads)
    for side in (*SIDES, None):
        with MEMORY.at(side):
            found = computed(case, partial(call, case.engine), tensors)
            loose = [name for name, tensor in found.items() if side and not MEMORY.holds(tensor)]
            assert not loose, f"{', '.join(loose)} lie in memory that is not guarded"
        runs.append(found)
        compiled += (3 if len(found) > 1 else 1) if side else 0
    torch.set_num_threads(1)
    assert not MEMORY.damage, "; ".join(MEMORY.damage)
    if case.engine in COMPILED:
        assert Reference.asked == asked, "the reference engine was asked"
    elif Reference.asked != asked:
        compiled = 0
    *others, ordinary = runs
    for side, found in zip(SIDES, others, strict=True):
        assert found.keys() == ordinary.keys()
        for name, tensor in found.items():
            assert bits(tensor) == bits(ordinary[name]), f"{name} are others with a page {side}"
    base = 2 if case.noise is None else 4
    amplitudes = base**case.circuit.num_qubits * ordinary["values"].numel()
    if case.number % (8 if amplitudes < LONG else 32) == 0:
        double = {name: tensor.double() for name, tensor in tensors.items()}
        name = reference(case.evaluated.runs[0].circuit).name
        compare(case, ordinary, computed(case, partial(call, name), double))
    return compiled


def compare(case: Case, found: Tensors, expected: Tensors) -> None:
    """Asks whether results are the same but for rounding."""
    for name, tensor in found.items():
        exact = expected.get(name, torch.zeros((), dtype=torch.float64))  # of what nothing reads
        # Sums over patches, and the largest values, are rounded most.
        bound = TOLERANCES[case.dtype] * max(1, found["values"].numel()) ** 0.5
        largest = float(exact.abs().max()) if exact.numel() else 0.0
        close = torch.allclose(tensor.double(), exact, rtol=0, atol=bound * (1 + largest))
        assert close, f"{name} are others than the reference engine's"


def bits(tensor: Tensor) -> bytes:
    return tensor.contiguous().numpy().tobytes()


def main(first: int, count: int, record: Path) -> int:
    """Tries so many cases, `record` holding the number of the one that is tried; an exit code."""
    warnings.simplefilter("ignore")
    allocators.install()
    Reference()
    # Wakes as many threads as there are, however little there is to do.
    images.OPERATIONS_PER_THREAD = 1
    scratch.KEPT_BYTES = 0  # what is kept would lie where it lay first
    passes, last = 0, first + count - 1
    try:
        with record.open("wb", buffering=0) as file:
            for number in range(first, first + count):
                os.pwrite(file.fileno(), f"{number:12}".encode(), 0)
                passes += check(drawn(number))
                if number % TOGETHER == TOGETHER - 1 or number == last:
                    MEMORY.inspect()
                    assert not MEMORY.damage, "; ".join(MEMORY.damage)
    except Exception:
        traceback.print_exc()
        return 1
    sys.stdout.write(json.dumps({"cases": count, "passes": passes}) + "\n")
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    # Python's own way out frees memory after it has unloaded what looks after it.
    os._exit(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
