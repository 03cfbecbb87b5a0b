r"""What the compiled loops do to Pauli vectors, as arrays.

A state of n qubits is $4^n$ numbers, one for each string, of which only those are kept that are
not zero by then and that some result depends on. A *row* is one of them. Rotations turn pairs of
rows in place. Channels that no rotation stands between are one sparse matrix, from rows to other
rows: the old ones stay for the way back, on which rotations are undone and channels need not be.
The last channels are part of what is read out.

Shape suffixes: S strings or steps, P pairs, R rows, E entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.operations import Input
from resqunn.circuits.pauli_strings import Pauli, anticommuting, signs_of_turned
from resqunn.circuits.pushed import Rotation, pushed_apart
from resqunn.engines.compiled.arguments import Constants
from resqunn.engines.paulis.stages import Sparse, Strings, product, readout_of, stages_of

BY_INPUT, BY_WEIGHT, MIX = 0, 1, 2
"""Kinds of steps."""


class Sums(NamedTuple):
    """Each row as a sum of others: where its entries begin, and their rows and factors."""

    begin_R: Any
    row_E: Any
    factor_E: Any


class Steps(NamedTuple):
    """The arrays that the kernels read.

    Attributes:
        steps_S4: of rotations the kind, the index of the input or weight, and which pairs they
            have; of matrices the kind, and where the rows before them begin, those after them
            begin, and these end.
        pairs_P2: two rows each, (i, j): i becomes cos i - sin j, and j becomes cos j + sin i.
        forth, back: the entries of all matrices, by the rows after and by the rows before them.
        start_R: the first rows.
        last: where the last rows begin.
        read_O2, share_O: output and row of each part of the outputs, and its factor.
    """

    steps_S4: Any
    pairs_P2: Any
    forth: Sums
    back: Sums
    start_R: Any
    last: int
    read_O2: Any
    share_O: Any


@dataclass(frozen=True, eq=False)
class PaulisPlan:
    """The constants of a circuit.

    Attributes:
        rows: how many there are in all.
        steps: what is done.
    """

    rows: int
    steps: Steps

    @cached_property
    def tables(self) -> Constants:
        """The steps as kernels take them."""
        return Constants(self.steps)

    @property
    def operations(self) -> int:
        """About how many multiplications the values of a patch take."""
        steps = self.steps
        return 4 * len(steps.pairs_P2) + len(steps.forth.row_E) + len(steps.share_O)


@lru_cache(maxsize=256)
def paulis_plan(circuit: GateCircuit) -> PaulisPlan:
    """The plan of a circuit.

    Raises:
        CircuitError: for a gate that is neither a Pauli rotation nor Clifford.
    """
    items, fixed = pushed_apart(circuit.operations)
    count = circuit.num_qubits
    numbers = np.arange(4**count, dtype=np.uint64)
    strings = numbers >> np.uint64(count), numbers & np.uint64(2**count - 1)
    readout = readout_of(circuit, fixed)
    stages = list(stages_of(items, strings, count))
    while stages and isinstance(stages[-1], Sparse):
        joined = product(readout, stages[-1])
        if len(joined.to) > len(readout.to) + len(stages[-1].to):
            break
        readout = joined
        stages.pop()
    return _Maker(circuit, readout, stages, strings).plan()


class _Maker:
    """Keeps of stages what is not zero and matters, and numbers the rows."""

    def __init__(
        self, circuit: GateCircuit, readout: Sparse, stages: Sequence[Any], strings: Strings
    ) -> None:
        self.circuit, self.readout, self.stages, self.strings = circuit, readout, stages, strings
        self.count = circuit.num_qubits
        # Each turn's pairs of strings, and which strings are not zero before each step.
        self.steps: list[tuple[Rotation, np.ndarray] | Sparse] = []
        for stage in stages:
            if isinstance(stage, list):
                self.steps += ((turn, self._pairs(turn.axis)) for turn in stage)
            else:
                self.steps.append(stage)

    def _pairs(self, axis: Pauli) -> np.ndarray:
        x, z = self.strings
        first = np.flatnonzero(anticommuting(axis, x, z))
        shift = axis.x << self.count | axis.z
        second = first ^ shift
        first, second = first[first < second], second[first < second]
        # <Q> becomes cos <Q> + sin <i P Q>.
        forward = signs_of_turned(axis, x[first], z[first]) > 0
        return np.where(
            forward[:, None],
            np.stack([second, first], axis=1),
            np.stack([first, second], axis=1),
        )

    def _alive(self) -> list[np.ndarray]:
        """Which strings may be other than zero, before each step and after the last."""
        x, _ = self.strings
        alive = [x == 0]
        for step in self.steps:
            after = alive[-1].copy()
            if isinstance(step, Sparse):
                after[:] = False
                after[step.to[alive[-1][step.source]]] = True
            else:
                after[step[1][alive[-1][step[1]].any(axis=1)]] = True
            alive.append(after)
        return alive

    def _needed(self) -> list[np.ndarray]:
        """On which strings a result depends, before each step and after the last."""
        needed = [np.zeros(len(self.strings[0]), dtype=bool)]
        needed[0][self.readout.source] = True
        for step in reversed(self.steps):
            before = needed[-1].copy()
            if isinstance(step, Sparse):
                before[:] = False
                before[step.source[needed[-1][step.to]]] = True
            else:
                before[step[1][needed[-1][step[1]].any(axis=1)]] = True
            needed.append(before)
        return needed[::-1]

    def plan(self) -> PaulisPlan:
        alive, needed = self._alive(), self._needed()
        numbers = _Rows()
        x, _ = self.strings
        for string in np.flatnonzero((x == 0) & needed[0]):
            numbers[string]
        started = len(numbers.rows)
        # Where the rows between two matrices begin.
        begins = [0]
        steps: list[list[int]] = []
        pairs: list[tuple[int, int]] = []
        to, source, factor = [], [], []
        for number, step in enumerate(self.steps):
            before, after = alive[number], needed[number + 1]
            if isinstance(step, Sparse):
                kept = before[step.source] & after[step.to]
                source += [numbers[string] for string in step.source[kept]]
                numbers = _Rows(numbers.end)
                begins.append(numbers.first)
                to += [numbers[string] for string in step.to[kept]]
                factor += step.factor[kept].tolist()
                steps.append([MIX, 0, 0, 0])
                continue
            turn, both = step
            kept = both[before[both].any(axis=1) & after[both].any(axis=1)]
            if len(kept):
                kind = BY_INPUT if isinstance(turn.angle, Input) else BY_WEIGHT
                first = len(pairs)
                pairs += ((numbers[i], numbers[j]) for i, j in kept.tolist())
                steps.append([kind, turn.angle.index, first, len(pairs)])
        dead = ~alive[-1]
        read = [k for k, string in enumerate(self.readout.source) if not dead[string]]
        outputs = [(int(self.readout.to[k]), numbers[int(self.readout.source[k])]) for k in read]
        begins.append(numbers.end)
        for k, step in enumerate(step for step in steps if step[0] == MIX):
            step[1:] = begins[k : k + 3]
        start = np.zeros(begins[1])
        start[:started] = 1.0
        return PaulisPlan(
            numbers.end,
            Steps(
                np.array(steps, dtype=np.int64).reshape(-1, 4),
                np.array(pairs, dtype=np.int64).reshape(-1, 2),
                _sums(numbers.end, to, source, factor),
                _sums(numbers.end, source, to, factor),
                start,
                numbers.first,
                np.array(outputs, dtype=np.int64).reshape(-1, 2),
                self.readout.factor[read],
            ),
        )


def _sums(rows: int, to: Sequence[int], source: Sequence[int], factor: Sequence[float]) -> Sums:
    order = np.argsort(np.array(to, dtype=np.int64), kind="stable")
    return Sums(
        np.searchsorted(np.array(to, dtype=np.int64)[order], np.arange(rows + 1)),
        np.array(source, dtype=np.int64)[order],
        np.array(factor, dtype=np.float64)[order],
    )


class _Rows:
    """The rows of strings between two matrices, numbered from `first` on as they are asked for."""

    def __init__(self, first: int = 0) -> None:
        self.first = first
        self.rows: dict[int, int] = {}

    @property
    def end(self) -> int:
        return self.first + len(self.rows)

    def __getitem__(self, string: int | np.integer) -> int:
        return self.rows.setdefault(int(string), self.end)
