r"""What the compiled loops do to Pauli vectors, as arrays.

A state of n qubits is $4^n$ numbers, one for each string, of which only those are kept that are
not zero by then and that some result depends on. A *row* is one of them. Rotations turn pairs of
rows in place. Channels that no rotation stands between are one sparse matrix, from rows to other
rows: the old ones stay for the way back, on which rotations are undone and channels need not be.
The last channels are part of what is read out.

Shape suffixes: S strings or steps, P pairs, R rows, E entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.operations import Input
from resqunn.circuits.pauli_strings import Pauli, anticommuting, signs_of_turned, through
from resqunn.circuits.pushed import Item, PushedChannel, Rotation, pushed_apart
from resqunn.engines.compiled.arguments import Constants

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


Strings = tuple[np.ndarray, np.ndarray]
"""The bits x and z of all strings, in 64-bit words."""


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


class _Sparse(NamedTuple):
    """A matrix by its entries, in order of `to`."""

    to: np.ndarray
    source: np.ndarray
    factor: np.ndarray


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
    readout = _readout(circuit, fixed)
    stages = list(_stages(items, strings, count))
    while stages and isinstance(stages[-1], _Sparse):
        joined = _product(readout, stages[-1])
        if len(joined.to) > len(readout.to) + len(stages[-1].to):
            break
        readout = joined
        stages.pop()
    return _Maker(circuit, readout, stages, strings).plan()


def _readout(circuit: GateCircuit, fixed: Sequence) -> _Sparse:
    found: dict[tuple[int, int], float] = {}
    for row, observable in enumerate(circuit.observables):
        for coefficient, support in observable.products:
            sign, x, z = through(fixed, Pauli(1, 0, sum(1 << q for q in support)))
            place = row, x << circuit.num_qubits | z
            found[place] = found.get(place, 0.0) + sign * coefficient
    places = sorted(found)
    return _Sparse(
        np.array([row for row, _ in places], dtype=np.int64),
        np.array([string for _, string in places], dtype=np.int64),
        np.array([found[place] for place in places], dtype=np.float64),
    )


def _stages(
    items: Sequence[Item], strings: Strings, count: int
) -> Iterator[list[Rotation] | _Sparse]:
    """Rotations in a row, as lists, and in between matrices: channels wait for the first rotation
    that does not leave them alone."""
    turns: list[Rotation] = []
    waiting: list[PushedChannel] = []
    for item in items:
        if isinstance(item, PushedChannel):
            waiting.append(item)
            continue
        if not all(mix.commutes(item.axis) for mix in waiting):
            yield turns
            yield from _matrices(waiting, strings, count)
            turns, waiting = [], []
        turns.append(item)
    yield turns
    yield from _matrices(waiting, strings, count)


def _matrices(mixes: Sequence[PushedChannel], strings: Strings, count: int) -> Iterator[_Sparse]:
    """Channels, multiplied as long as that makes fewer entries."""
    found: _Sparse | None = None
    for mix in mixes:
        now = _matrix(mix, strings, count)
        if found is None:
            found = now
            continue
        joined = _product(now, found)
        if len(joined.to) > len(now.to) + len(found.to):
            yield found
            found = now
        else:
            found = joined
    if found is not None:
        yield found


def _matrix(mix: PushedChannel, strings: Strings, count: int) -> _Sparse:
    """A channel, as it acts on all strings."""
    x_S, z_S = strings
    numbers, word_S = np.arange(4**count), mix.words_of(x_S, z_S)
    parts = []
    for a, b in np.argwhere(mix.matrix).tolist():
        here_S = word_S == a
        x_E, z_E, sign_E = mix.taken(a, b, x_S[here_S], z_S[here_S])
        of_E = (x_E << np.uint64(count) | z_E).astype(np.int64)
        parts.append((numbers[here_S], of_E, mix.matrix[a, b] * sign_E))
    to, source, factor = map(np.concatenate, zip(*parts, strict=True))
    order = np.argsort(to, kind="stable")
    return _Sparse(to[order], source[order], factor[order])


def _product(left: _Sparse, right: _Sparse) -> _Sparse:
    """The matrix product; the right one has a row for each column of the left one."""
    size = max(int(left.source.max(initial=-1)), int(right.to.max(initial=-1))) + 1
    begin = np.searchsorted(right.to, np.arange(size + 1))
    lengths = np.diff(begin)[left.source]
    which = np.repeat(np.arange(len(left.to)), lengths)
    within = np.arange(len(which)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    entry = begin[left.source][which] + within
    columns = int(right.source.max(initial=0)) + 1
    keys, place = np.unique(left.to[which] * columns + right.source[entry], return_inverse=True)
    factor = np.bincount(place, left.factor[which] * right.factor[entry], len(keys))
    kept = factor != 0
    return _Sparse(keys[kept] // columns, keys[kept] % columns, factor[kept])


class _Maker:
    """Keeps of stages what is not zero and matters, and numbers the rows."""

    def __init__(
        self, circuit: GateCircuit, readout: _Sparse, stages: Sequence[Any], strings: Strings
    ) -> None:
        self.circuit, self.readout, self.stages, self.strings = circuit, readout, stages, strings
        self.count = circuit.num_qubits
        # Each turn's pairs of strings, and which strings are not zero before each step.
        self.steps: list[tuple[Rotation, np.ndarray] | _Sparse] = []
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
            if isinstance(step, _Sparse):
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
            if isinstance(step, _Sparse):
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
            if isinstance(step, _Sparse):
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
