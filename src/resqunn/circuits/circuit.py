r"""`Circuit`: what the qubits do, as data.

Conventions that everything else relies on: angles are in radians; qubit 0 holds the first
value of the patch (the top-left pixel) and is the most significant bit of a basis state's
index; qubits start in $|0\rangle$.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from resqunn.checks import checked
from resqunn.circuits import ansatze, drawing, encodings, qasm, readouts
from resqunn.circuits.operations import Input, Operation
from resqunn.errors import CircuitError

MAX_INPUTS = 2**20
MAX_QUBITS = 1024
MAX_GATES = 2**18
"""What a circuit may have: lists of this size are made in a second or two, and engines take far
less."""


@dataclass(frozen=True, init=False, eq=False)
class Circuit:
    r"""An encoding of `inputs` values, `depth` ansatz layers, and a readout.

    With $E(x)$ the encoding and $A_l$ the layers, the state before readout is
    $A_L \cdots A_1 E(x)|0\rangle$, or with `reupload` $A_L E(x) \cdots A_1 E(x)|0\rangle$
    (Eq. 8 of the ResQuNN paper). At depth 0 it is $E(x)|0\rangle$ either way.

    A circuit is what its operations are: two are equal exactly if they read as many inputs,
    have as many qubits, prepare amplitudes or not, and have the same weight shape, operations
    and observables, whatever their encodings, ansaetze and readouts are called.

    Args:
        inputs: how many values the circuit reads, those of one patch.

    Attributes:
        encoding, ansatz, readout: table names or objects.
        num_inputs: how many values one patch has.
        depth: number of ansatz layers, 0 or more.
        reupload: whether the encoding is repeated before every layer.

    Raises:
        ConfigurationError: for an argument of a wrong type.
        ConfigurationError: for a name that no table holds.
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
        for name, value in (
            ("encoding", encodings.encoding(encoding)),
            ("ansatz", ansatze.ansatz(ansatz)),
            ("readout", readouts.readout(readout)),
            ("num_inputs", inputs),
            ("depth", depth),
            ("reupload", reupload),
        ):
            object.__setattr__(self, name, value)
        if inputs < 1:
            raise CircuitError(f"inputs must be 1 or more, got {inputs}")
        if depth < 0:
            raise CircuitError(f"depth must be 0 or more, got {depth}")
        if reupload and self.encoding.prepares_amplitudes:
            raise CircuitError(
                f"encoding {self.encoding.name!r} prepares the initial state and cannot be "
                "repeated: use reupload=False or an angle encoding"
            )
        self._check_size()
        self._check_numbers()

    def _check_size(self) -> None:
        """Before memory is used: sizes may come from a file, or from a slip."""
        if self.num_inputs > MAX_INPUTS:
            raise CircuitError(f"inputs must be {MAX_INPUTS:,} or fewer, got {self.num_inputs:,}")
        if self.num_qubits > MAX_QUBITS:
            raise CircuitError(
                f"a circuit must have {MAX_QUBITS:,} qubits or fewer, got {self.num_qubits:,}"
            )
        layer = len(self.ansatz.layer(0, self.num_qubits)) if self.depth else 0
        encode = len(self.encoding.operations(self.num_inputs))
        gates = encode + self.depth * (layer + encode * self.reupload)
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
            if operation.angle is not None:
                kind = "input" if isinstance(operation.angle, Input) else "weight"
                named.append((kind, operation.angle.index))
        for observable in self.observables:
            named += (("qubit", qubit) for _, support in observable.terms for qubit in support)
        for kind, index in named:
            if not 0 <= index < here[kind]:
                raise CircuitError(
                    f"{kind} must be below {here[kind]} (counted from 0) in this circuit, "
                    f"got {index}"
                )

    @cached_property
    def num_qubits(self) -> int:
        """How many qubits the circuit has."""
        return self.encoding.num_qubits(self.num_inputs)

    @cached_property
    def weight_shape(self) -> tuple[int, ...]:
        """The shape of the circuit's weights."""
        return tuple(map(int, self.ansatz.weight_shape(self.depth, self.num_qubits)))

    @cached_property
    def num_weights(self) -> int:
        """How many weights the circuit has."""
        return math.prod(self.weight_shape)

    @cached_property
    def observables(self) -> tuple[readouts.Observable, ...]:
        """What is measured, one observable for each value returned."""
        return tuple(self.readout.observables(self.num_qubits))

    @property
    def num_outputs(self) -> int:
        """How many values the circuit returns."""
        return len(self.observables)

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """Every gate in order; `prepares_amplitudes` encodings act before them."""
        encode = self.encoding.operations(self.num_inputs)
        per_layer = self.ansatz.num_layer_weights(self.num_qubits)
        operations = list(encode)
        for index in range(self.depth):
            if self.reupload and index > 0:
                operations += encode
            layer = self.ansatz.layer(index, self.num_qubits)
            operations += (operation.shifted(index * per_layer) for operation in layer)
        return tuple(operations)

    @cached_property
    def _identity(self) -> tuple[Any, ...]:
        return _known(
            (
                self.num_inputs,
                self.num_qubits,
                bool(self.encoding.prepares_amplitudes),
                self.weight_shape,
                self.operations,
                self.observables,
            )
        )

    @cached_property
    def _hash(self) -> int:
        return hash(self._identity)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Circuit):
            return NotImplemented
        mine, theirs = self._identity, other._identity
        return mine is theirs or (self._hash == other._hash and mine == theirs)

    def __hash__(self) -> int:
        return self._hash

    def __getstate__(self) -> dict[str, Any]:
        # Hashes of strings differ from process to process, and a copy's identity is the known one.
        kept = ("_hash", "_identity")
        return {name: value for name, value in self.__dict__.items() if name not in kept}

    def diagonals(self) -> Float[np.ndarray, "R A"]:
        """The observables as rows of their values in each basis state.

        Raises:
            CircuitError: for more than 30 qubits, which have over a billion basis states.
        """
        if self.num_qubits > 30:
            raise CircuitError(
                f"diagonals need a circuit of 30 qubits or fewer, got {self.num_qubits}"
            )
        return np.stack([observable.diagonal(self.num_qubits) for observable in self.observables])

    def draw(self) -> str:
        """The circuit as text, one line a qubit; x are inputs, w are weights."""
        prepared = self.encoding.name if self.encoding.prepares_amplitudes else None
        return drawing.draw(self.operations, self.observables, self.num_qubits, prepared)

    def to_qasm(
        self,
        inputs: ArrayLike | None = None,
        weights: ArrayLike | None = None,
    ) -> str:
        """The gates as an OpenQASM 3 program that ends by measuring every qubit.

        Inputs and weights that are not given become `input` parameters of the program, in
        radians. Both may be nested as the circuit's weights are, arrays or tensors; they are
        flattened row-major. A layer's pixels become radians by its `angle_scale`;
        `docs/qiskit.md` says how to read a program.

        Raises:
            CircuitError: if the number of values does not fit, or if an amplitude encoding
                is to be written without its inputs.
        """
        return qasm.write(
            self.operations,
            self.num_qubits,
            qasm.numbers("inputs", inputs, self.num_inputs),
            qasm.numbers("weights", weights, self.num_weights),
            amplitudes=self.encoding.prepares_amplitudes,
        )


@lru_cache(maxsize=1024)
def _known(identity: tuple[Any, ...]) -> tuple[Any, ...]:
    """The first of equal identities: circuits are compared at every call of a layer."""
    return identity
