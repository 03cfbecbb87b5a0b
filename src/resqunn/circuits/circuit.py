r"""`Circuit`: what the qubits do, as data.

Conventions that everything else relies on: angles are in radians; qubit 0 holds the first
value of the patch (the top-left pixel) and is the most significant bit of a basis state's
index; qubits start in $|0\rangle$.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from resqunn.checks import checked
from resqunn.circuits import ansatze, encodings, readouts
from resqunn.circuits.angles import Input, leaves
from resqunn.circuits.ansatze.base import weights_read
from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.observables import Observable
from resqunn.circuits.operations import Operation
from resqunn.errors import CircuitError

MAX_INPUTS = 2**20
MAX_QUBITS = 1024
MAX_GATES = 2**18
"""What a circuit may have: lists of this size are made in a second or two, and engines take far
less."""


@dataclass(frozen=True, init=False, eq=False)
class Circuit(GateCircuit):
    r"""An encoding of `inputs` values, `depth` ansatz layers, and a readout.

    With $E(x)$ the encoding and $A_l$ the layers, the state before readout is
    $A_L \cdots A_1 E(x)|0\rangle$, or with `reupload` $A_L E(x) \cdots A_1 E(x)|0\rangle$
    (Eq. 8 of the ResQuNN paper). At depth 0 it is $E(x)|0\rangle$ either way. Some ansaetze have
    gates $F$ before and $B$ after their layers, at depth 0 too: the state is then
    $B A_L \cdots A_1 F E(x)|0\rangle$, or $B A_L E(x) \cdots A_1 F E(x)|0\rangle$, with $F$ once,
    after the first encoding. Weights are those of $F$, of the layers, of $B$, and of the encoding
    if it has some, which takes the same ones at each repetition; all in a row, if it has.

    A circuit is what its operations are (`GateCircuit`): two that have the same ones are equal,
    whatever their encodings, ansaetze and readouts are called.

    Args:
        encoding, ansatz, readout: names of the tables, or objects.
        inputs: how many values the circuit reads, those of one patch.
        depth: number of ansatz layers, 0 or more.
        reupload: whether the encoding is repeated before every layer.

    Attributes:
        encoding, ansatz, readout: objects, those of the names.
        num_inputs: how many values one patch has.
        depth, reupload: as given.

    Raises:
        ConfigurationError: for an argument of a wrong type, or a name that no table holds.
        CircuitError: for `inputs` below 1, a negative depth, an operation or a readout on a
            qubit, an input or a weight that is not there, re-uploading amplitudes (they can
            only be prepared once), or more than 1,048,576 inputs, 1,024 qubits or 262,144
            gates.

    >>> circuit = Circuit("ry", "rx_chain", "mean_z", inputs=3, depth=1)
    >>> print(circuit.draw())
    0: ─RY(x0)─RX(w0)─●───┤ <Z>/3
    1: ─RY(x1)─RX(w1)─⊕─●─┤ <Z>/3
    2: ─RY(x2)─RX(w2)───⊕─┤ <Z>/3
    >>> circuit.weight_shape
    (1, 3)
    """

    encoding: encodings.Encoding
    ansatz: ansatze.Ansatz
    readout: readouts.Readout
    num_inputs: int
    depth: int
    reupload: bool

    @checked
    def __init__(
        self,
        encoding: str | encodings.Encoding,
        ansatz: str | ansatze.Ansatz,
        readout: str | readouts.Readout,
        *,
        inputs: int,
        depth: int,
        reupload: bool = False,
    ) -> None:
        self._set(
            encoding=encodings.encoding(encoding),
            ansatz=ansatze.ansatz(ansatz),
            readout=readouts.readout(readout),
            num_inputs=inputs,
            depth=depth,
            reupload=reupload,
        )
        self._set(prepares_amplitudes=bool(self.encoding.prepares_amplitudes))
        if inputs < 1:
            raise CircuitError(f"inputs must be 1 or more, got {inputs}")
        if depth < 0:
            raise CircuitError(f"depth must be 0 or more, got {depth}")
        if reupload and self.prepares_amplitudes:
            raise CircuitError(
                f"encoding {self.encoding.name!r} prepares the initial state and cannot be "
                "repeated: use reupload=False or an angle encoding"
            )
        self._set(num_qubits=self.encoding.num_qubits(inputs))
        self._check_size()
        shape = tuple(map(int, self.ansatz.weight_shape(depth, self.num_qubits)))
        of_encoding = self.encoding.num_weights(inputs)
        self._set(
            weight_shape=(math.prod(shape) + of_encoding,) if of_encoding else shape,
            amplitudes=self.encoding.amplitudes(inputs) if self.prepares_amplitudes else None,
            observables=tuple(self.readout.observables(self.num_qubits)),
            operations=self._gates(math.prod(shape)),
        )
        self._check_numbers()

    def _check_size(self) -> None:
        """Before memory is used: sizes may come from a file, or from a slip."""
        if self.num_inputs > MAX_INPUTS:
            raise CircuitError(f"inputs must be {MAX_INPUTS:,} or fewer, got {self.num_inputs:,}")
        if self.num_qubits > MAX_QUBITS:
            raise CircuitError(
                f"a circuit must have {MAX_QUBITS:,} qubits or fewer, got {self.num_qubits:,}"
            )
        ansatz, qubits = self.ansatz, self.num_qubits
        layer = len(ansatz.layer(0, qubits)) if self.depth else 0
        others = len(ansatz.first(qubits)) + len(ansatz.last(qubits))
        encode = len(self.encoding.operations(self.num_inputs))
        gates = encode + others + self.depth * (layer + encode * self.reupload)
        if gates > MAX_GATES or self.depth > MAX_GATES:
            raise CircuitError(
                f"a circuit must have {MAX_GATES:,} gates or fewer, got about {gates:,}: give a "
                f"smaller depth than {self.depth:,}"
            )

    def _check_numbers(self) -> None:
        """Refuses indices that are out of range, which compiled engines use unchecked."""
        here = {
            "qubit": self.num_qubits,
            "input": self.num_inputs,
            "weight": self.num_weights,
        }
        named: list[tuple[str, int]] = []
        for operation in self.operations:
            named += (("qubit", qubit) for qubit in operation.qubits)
            for leaf in (leaf for angle in operation.angles for leaf in leaves(angle)):
                named.append(("input" if isinstance(leaf, Input) else "weight", leaf.index))
        for observable in self.observables:
            named += (("qubit", qubit) for _, word in observable.words for qubit, _ in word)
        for kind, index in named:
            if not 0 <= index < here[kind]:
                raise CircuitError(
                    f"{kind} must be below {here[kind]} (counted from 0) in this circuit, "
                    f"got {index}"
                )

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _gates(self, of_ansatz: int) -> tuple[Operation, ...]:
        """Every gate in order; encodings that prepare amplitudes act before them.

        Args:
            of_ansatz: how many weights come before those of the encoding.
        """
        ansatz, qubits = self.ansatz, self.num_qubits
        encode = self.encoding.operations(self.num_inputs)
        ends = [len(encode)]
        if self.encoding.num_weights(self.num_inputs):
            encode = tuple(operation.shifted(of_ansatz) for operation in encode)
        per_layer = ansatz.num_layer_weights(qubits)
        first = ansatz.first(qubits)
        operations = [*encode, *first]
        ends += [len(operations)] * bool(first)
        weights = weights_read(first)
        for index in range(self.depth):
            if self.reupload and index > 0:
                operations += encode
                ends.append(len(operations))
            layer = ansatz.layer(index, qubits)
            operations += (operation.shifted(weights) for operation in layer)
            ends.append(len(operations))
            weights += per_layer
        last = ansatz.last(qubits)
        operations += (operation.shifted(weights) for operation in last)
        ends += [len(operations)] * bool(last)
        self._set(layer_ends=tuple(ends))
        return tuple(operations)

    def summary(self) -> str:
        return (
            f"encoding={self.encoding.name}, ansatz={self.ansatz.name}, depth={self.depth}, "
            f"reupload={self.reupload}, readout={self.readout.name}"
        )

    def _drawn(self) -> tuple[Sequence[Operation], tuple[Observable, ...], int, str | None]:
        prepared = self.encoding.name if self.prepares_amplitudes else None
        return self.operations, self.observables, self.num_qubits, prepared
