r"""A circuit as tables of numbers: what the compiled kernels of `engine.py` carry out.

Neighbouring single-qubit gates on one qubit become one *turn* with at most one rotation by
an input, $T = L\, R_P(x)\, E$: the earlier gates $E$ and the later gates $L$ are the same for
all patches. A turn is a rotation of the sphere, kept as a unit quaternion $(w, x, y, z)$ for
$w - i (x X + y Y + z Z)$; the global phase that this drops is never measured.

Gates on several qubits move no data. They permute basis states, so the schedule only tracks
in which *row* of memory each basis state lies. Phases other than 1 become a pass of their own.

Turns are carried out in *passes* over the rows, one qubit at a time; in a real circuit, where all
turns are about Y, two at a time. The turns that come first act on $|0\ldots0\rangle$: the kernels
build that product state at once.

Shape suffixes: K turns, J gates, S passes, A amplitudes (rows), R readout values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
import torch
from jaxtyping import Float, Int

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.gates import PAULIS, on_states
from resqunn.circuits.operations import Input, Operation, Weight
from resqunn.engines.compiled.arguments import Constants
from resqunn.engines.fused.layout import ONE_QUBIT, PHASES, TWO_QUBITS, Gates, Passes, Program

AXES = {"X": 0, "Y": 1, "Z": 2}
"""The numbers of the axes in the tables; a fixed gate has none and is given 0."""


@dataclass(frozen=True, eq=False)
class Schedule:
    """The tables.

    Attributes:
        turns_K4: input index (-1 for none), axis of the rotation by that input (0 X, 1 Y,
            2 Z), and whether weights come before it and after it (1 or 0).
        gates_J4: the gates inside the turns, in order: turn, 1 if it comes after the turn's
            input rotation, weight index (-1 for a fixed gate), axis.
        fixed_J4: the quaternions of the fixed gates.
        product: how many of the first passes make up the initial product state, in which the
            turn of qubit q is turn q; 0 if amplitudes are given.
        passes_S3: kind, and the turns it carries out (the second is -1 for one qubit).
        rows_SA: the rows in the order that a pass visits them: by twos (the qubit 0 and 1) or
            fours (00, 01, 10, 11).
        phases_SA2: real and imaginary part of what a pass of phases multiplies each with.
        diagonals_RA: the observables' values in the basis state that a row ends as.
        real: whether all amplitudes are real: then every turn is a rotation about Y.
    """

    turns_K4: Int[np.ndarray, "K 4"]
    gates_J4: Int[np.ndarray, "J 4"]
    fixed_J4: Float[np.ndarray, "J 4"]
    product: int
    passes_S3: Int[np.ndarray, "S 3"]
    rows_SA: Int[np.ndarray, "S A"]
    phases_SA2: Float[np.ndarray, "S A 2"]
    diagonals_RA: Float[np.ndarray, "R A"]
    real: bool
    kept: dict[torch.dtype, Constants] = field(default_factory=dict, repr=False)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.diagonals_RA.shape[1]

    @cached_property
    def parts(self) -> tuple[int, ...]:
        """Of an amplitude, for which the kernels are specialised: real and imaginary, or real."""
        return (0,) if self.real else (0, 1)

    @cached_property
    def first_weight(self) -> int:
        """The first pass with a weight; the first one after the product state if that has one."""
        weighted_K = np.append(np.any(self.turns_K4[:, 2:], axis=1), np.array(False))
        of_passes_S = np.append(np.any(weighted_K[self.passes_S3[:, 1:]], axis=1), np.array(True))
        return max(int(of_passes_S.argmax()), self.product)

    @cached_property
    def gates(self) -> Constants:
        """What the kernels of the weights take."""
        return Constants(Gates(self.turns_K4, self.gates_J4, self.fixed_J4))

    def program(self, dtype: torch.dtype) -> Constants:
        """What the program takes, with the observables in the number type of the values."""
        if dtype not in self.kept:
            passes = Passes(self.passes_S3, self.rows_SA, self.phases_SA2, self.parts)
            diagonals_RA = torch.from_numpy(self.diagonals_RA).to(dtype)
            self.kept[dtype] = Constants(
                Program(self.turns_K4, Constants(passes), diagonals_RA, self.product)
            )
        return self.kept[dtype]


@lru_cache(maxsize=256)
def schedule(circuit: GateCircuit) -> Schedule:
    """The circuit's tables, kept from call to call."""
    writer = _Writer(circuit)
    for operation in circuit.operations:
        if len(operation.qubits) == 1:
            writer.turn(operation)
        else:
            writer.permute(operation)
    return writer.finish()


class _Writer:
    def __init__(self, circuit: GateCircuit) -> None:
        self.circuit = circuit
        self.states = np.arange(2**circuit.num_qubits)
        self.real = all(
            operation.name == "RY" or (operation.gate.num_qubits > 1 and operation.gate.is_real)
            for operation in circuit.operations
        )
        self.row_of_state = self.states
        self.open: dict[int, int] = {}
        """The turn that still takes gates, by qubit."""
        self.turns: list[list[int]] = []
        self.gates: list[list[int]] = []
        self.fixed: list[np.ndarray] = []
        self.product: int | None = 0 if circuit.prepares_amplitudes else None
        self.passes: list[tuple[int, int, int]] = []
        self.rows: list[np.ndarray] = []
        self.phases: list[np.ndarray] = []
        if self.product is None:
            for qubit in range(circuit.num_qubits):
                self.begin(qubit)

    def begin(self, qubit: int) -> None:
        self.open[qubit] = len(self.turns)
        self.turns.append([-1, 0, 0, 0])

    def turn(self, operation: Operation) -> None:
        """Adds a single-qubit gate to the open turn of its qubit."""
        (qubit,) = operation.qubits
        by_input = isinstance(operation.angle, Input)
        if by_input and qubit in self.open and self.turns[self.open[qubit]][0] >= 0:
            self.flush()
        if qubit not in self.open:
            self.begin(qubit)
        turn = self.turns[self.open[qubit]]
        axis = AXES[operation.gate.axis or "X"]
        if isinstance(operation.angle, Input):
            # The weights so far came before this rotation.
            turn[:] = [operation.angle.index, axis, turn[3], 0]
            for gate in self.gates:
                if gate[0] == self.open[qubit]:
                    gate[1] = 0
            return
        weight = operation.angle.index if isinstance(operation.angle, Weight) else -1
        turn[3] |= int(weight >= 0)
        self.gates.append([self.open[qubit], 1, weight, axis])
        fixed = operation.gate.fixed
        self.fixed.append(np.zeros(4) if fixed is None else _quaternion(fixed))

    def permute(self, operation: Operation) -> None:
        """new[a] = factor[a] * old[source[a]] for a gate on several qubits."""
        if self.product is None or any(qubit in self.open for qubit in operation.qubits):
            self.flush()
        assert operation.gate.fixed is not None
        source, factor = on_states(operation.gate.fixed, operation.qubits, self.circuit.num_qubits)
        self.row_of_state = self.row_of_state[source]
        if not np.all(factor == 1):
            self.add_pass((PHASES, -1, -1), self.states, factor)

    def flush(self) -> None:
        """Closes all open turns and schedules them."""
        closed = sorted(self.open.items())
        self.open.clear()
        starts = self.product is None
        by_twos = len(closed) // 2 * 2 if self.real and not starts else 0
        pairs = zip(closed[:by_twos:2], closed[1:by_twos:2], strict=True)
        for (high, first), (low, second) in pairs:
            self.add_pass((TWO_QUBITS, first, second), self.order(high, low))
        for qubit, turn in closed[by_twos:]:
            self.add_pass((ONE_QUBIT, turn, -1), self.order(qubit))
        if starts:
            self.product = len(self.passes)

    def order(self, *qubits: int) -> np.ndarray:
        """All basis states, those that differ only in `qubits` next to each other."""
        shifts = [self.circuit.num_qubits - 1 - qubit for qubit in qubits]
        rest = self.states[sum((self.states >> s) & 1 for s in shifts) == 0]
        inner = np.zeros(1, dtype=np.int64)
        for shift in shifts:
            inner = (inner[:, None] | np.array([0, 1 << shift])).reshape(-1)
        return (rest[:, None] | inner).reshape(-1)

    def add_pass(
        self, entry: tuple[int, int, int], order: np.ndarray, factor: np.ndarray | None = None
    ) -> None:
        ones = np.ones(len(self.states), dtype=complex)
        factor = ones if factor is None else factor
        self.passes.append(entry)
        self.rows.append(self.row_of_state[order])
        self.phases.append(np.stack([np.real(factor), np.imag(factor)], axis=1))

    def finish(self) -> Schedule:
        self.flush()
        amplitudes = len(self.states)
        diagonals = np.empty_like(self.circuit.diagonals())
        diagonals[:, self.row_of_state] = self.circuit.diagonals()
        # The kernels need the gates of a turn together and in order.
        order = sorted(range(len(self.gates)), key=lambda j: (self.gates[j][0], j))
        return Schedule(
            turns_K4=np.array(self.turns, dtype=np.int64).reshape(-1, 4),
            gates_J4=np.array(self.gates, dtype=np.int64).reshape(-1, 4)[order],
            fixed_J4=np.array(self.fixed, dtype=np.float64).reshape(-1, 4)[order],
            product=self.product or 0,
            passes_S3=np.array(self.passes, dtype=np.int64).reshape(-1, 3),
            rows_SA=np.array(self.rows, dtype=np.int32).reshape(-1, amplitudes),
            phases_SA2=np.array(self.phases, dtype=np.float64).reshape(-1, amplitudes, 2),
            diagonals_RA=np.ascontiguousarray(diagonals),
            real=self.real,
        )


def _quaternion(unitary: np.ndarray) -> np.ndarray:
    """The unit quaternion of a 2x2 unitary, up to its sign."""
    special = unitary / np.sqrt(np.linalg.det(unitary).astype(complex))
    vector = [0.5j * np.trace(pauli @ special) for pauli in PAULIS.values()]
    return np.real([0.5 * np.trace(special), *vector])
