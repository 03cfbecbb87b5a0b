"""Mistakes as kernels make them, planted in an engine to see whether `canaries.py` finds them.

`python -m reliability.faults CASE FOLDER` tries a case with each fault, in forks of a process
that has loaded everything. FOLDER/NAME.txt is what was said; exit codes are printed as JSON.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numba
import numpy as np
import torch
from torch import Tensor

from resqunn.circuits.circuit import Circuit
from resqunn.engines.fused.engine import FusedEngine
from resqunn.engines.registry import ENGINES
from resqunn.engines.statevector.engine import StatevectorEngine

from reliability import canaries
from reliability.guarded import MEMORY


@numba.njit
def summed(row, count):
    total = row[0] - row[0]
    for k in range(count):
        total += row[k]
    return total


@numba.njit
def filled(row, count, value):
    for k in range(count):
        row[k] = value


def from_before(tensor: Tensor, count: int) -> np.ndarray:
    """Values from the one before the tensor's first on."""
    size = tensor.itemsize
    kind = ctypes.c_float if size == 4 else ctypes.c_double
    return np.ctypeslib.as_array((kind * count).from_address(tensor.data_ptr() - size))


def reads_one_too_many(inputs: Tensor, values: Tensor) -> Tensor:
    summed(inputs.detach().numpy().reshape(-1), inputs.numel() + 1)
    return values


def reads_one_before(inputs: Tensor, values: Tensor) -> Tensor:
    summed(from_before(inputs, 2), 2)
    return values


def writes_one_too_many(inputs: Tensor, values: Tensor) -> Tensor:
    scratch = values.new_empty(7)
    filled(scratch.numpy(), 8, 0.0)
    return values


def writes_one_too_many_in_numpy(inputs: Tensor, values: Tensor) -> Tensor:
    filled(np.empty(7), 8, 0.0)
    return values


def writes_one_before(inputs: Tensor, values: Tensor) -> Tensor:
    scratch = values.new_empty(7)
    if MEMORY.side == "after":
        filled(from_before(scratch, 2), 1, 0.0)
    return values


def writes_far_behind(inputs: Tensor, values: Tensor) -> Tensor:
    """Where there is room up to the next page."""
    scratch = values.new_empty(7)
    if MEMORY.side == "before":
        filled(from_before(scratch, 21)[20:], 1, 0.0)
    return values


def reads_what_nobody_wrote(inputs: Tensor, values: Tensor) -> Tensor:
    return values + float(summed(values.new_empty(7).numpy(), 7))


def reads_what_was_freed(inputs: Tensor, values: Tensor) -> Tensor:
    scratch = values.new_zeros(7)
    row = from_before(scratch, 8)
    del scratch
    return values + float(summed(row[1:], 7))


def writes_to_what_was_freed(inputs: Tensor, values: Tensor) -> Tensor:
    scratch = values.new_zeros(7)
    row = from_before(scratch, 8)
    del scratch
    if MEMORY.side is not None:
        filled(row[1:], 1, 0.0)
    return values


def changes_its_inputs(inputs: Tensor, values: Tensor) -> Tensor:
    filled(inputs.detach().numpy().reshape(-1), 1, 7.0)
    return values


def knows_where_memory_lies(inputs: Tensor, values: Tensor) -> Tensor:
    # Ordinary memory may begin with a page by chance.
    return values * (1 + 1e-6 * (MEMORY.holds(values) and values.data_ptr() % 4096 == 0))


def is_wrong(inputs: Tensor, values: Tensor) -> Tensor:
    return values + 0.5


def asks_the_reference_engine(inputs: Tensor, values: Tensor) -> Tensor:
    return values


def keeps_memory_of_its_own(inputs: Tensor, values: Tensor) -> Tensor:
    with MEMORY.at(None):
        return values + 0.0


KILLED = ""
FOUND: dict[Callable[[Tensor, Tensor], Tensor], str] = {
    reads_one_too_many: KILLED,
    reads_one_before: KILLED,
    writes_one_too_many: KILLED,
    writes_one_too_many_in_numpy: KILLED,
    writes_one_before: "4 bytes written before 28 bytes, at a distance of 1",
    writes_far_behind: "4 bytes written after 28 bytes, at a distance of 49",
    reads_what_nobody_wrote: "values are others with a page",
    reads_what_was_freed: "values are others with a page",
    writes_to_what_was_freed: "4 bytes written after 0 bytes, at a distance of ",
    changes_its_inputs: "inputs were changed",
    knows_where_memory_lies: "values are others with a page before",
    is_wrong: "values are others than the reference engine's",
    keeps_memory_of_its_own: "values lie in memory that is not guarded",
    asks_the_reference_engine: "the reference engine was asked",
}
"""What is said of each fault; nothing where the process is killed."""


@dataclass(frozen=True)
class Planted(FusedEngine):
    """The fused engine with a fault in its values, which have no derivatives then."""

    fault: Callable[[Tensor, Tensor], Tensor] = is_wrong

    def evaluate(self, circuit: Circuit, inputs_GNP: Tensor, weights_GFW: Tensor) -> Tensor:
        with torch.no_grad():
            values = super().evaluate(circuit, inputs_GNP, weights_GFW)
            if self.fault is asks_the_reference_engine:
                StatevectorEngine().evaluate(circuit, inputs_GNP, weights_GFW)
            return self.fault(inputs_GNP, values)


def main(number: int, folder: Path) -> dict[str, int]:
    """The exit code with each fault; negative, the signal that killed the process."""
    warm = np.zeros(2, dtype=np.float32)
    filled(warm, summed(warm, 2), 0.0)
    codes = {}
    for fault in FOUND:
        process = os.fork()
        if not process:
            ENGINES["fused"] = partial(Planted, fault=fault)
            file = os.open(folder / f"{fault.__name__}.txt", os.O_WRONLY | os.O_CREAT)
            os.dup2(file, sys.stdout.fileno())
            os.dup2(file, sys.stderr.fileno())
            os._exit(canaries.main(number, 1, folder / "record"))
        codes[fault.__name__] = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    return codes


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), Path(sys.argv[2]))))
