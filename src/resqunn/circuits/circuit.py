r"""`Circuit`: what the qubits do, as data.

Conventions that everything else relies on: angles are in radians; qubit 0 holds the first
value of the patch (the top-left pixel) and is the most significant bit of a basis state's
index; qubits start in $|0\rangle$.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from resqunn.checks import checked
from resqunn.circuits import ansatze, drawing, encodings, qasm, readouts
from resqunn.circuits.operations import Operation
from resqunn.errors import CircuitError


@dataclass(frozen=True, init=False)
class Circuit:
    r"""An encoding of `inputs` values, `depth` ansatz layers, and a readout.

    With $E(x)$ the encoding and $A_l$ the layers, the state before readout is
    $A_L \cdots A_1 E(x)|0\rangle$, or with `reupload` $A_L E(x) \cdots A_1 E(x)|0\rangle$
    (Eq. 8 of the ResQuNN paper). At depth 0 it is $E(x)|0\rangle$ in both readings.

    Attributes:
        encoding, ansatz, readout: table names or objects.
        inputs: how many values one patch has.
        depth: number of ansatz layers, 0 or more.
        reupload: whether the encoding is repeated before every layer.

    Raises:
        ConfigurationError: for an argument of a wrong type.
        ConfigurationError: for a name that no table holds.
        CircuitError: for `inputs` below 1, a negative depth, a readout of a qubit that is
            not there, or re-uploading amplitudes (they can only be prepared once).

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
    inputs: int
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
            ("inputs", inputs),
            ("depth", depth),
            ("reupload", reupload),
        ):
            object.__setattr__(self, name, value)
        if inputs < 1:
            raise CircuitError(f"a circuit encodes at least 1 value, not {inputs}")
        if depth < 0:
            raise CircuitError(f"depth is 0 or more, not {depth}")
        if reupload and self.encoding.prepares_amplitudes:
            raise CircuitError(
                f"encoding {self.encoding.name!r} prepares the initial state and cannot be "
                "repeated: use reupload=False or an angle encoding"
            )
        self.observables  # noqa: B018  raises early if the readout does not fit

    @cached_property
    def qubits(self) -> int:
        """How many qubits the circuit has."""
        return self.encoding.qubits(self.inputs)

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """The shape of the circuit's weights."""
        return self.ansatz.weight_shape(self.depth, self.qubits)

    @property
    def weights(self) -> int:
        """How many weights the circuit has."""
        return math.prod(self.weight_shape)

    @cached_property
    def observables(self) -> tuple[readouts.Observable, ...]:
        """What is measured, one observable for each value returned."""
        return self.readout.observables(self.qubits)

    @property
    def outputs(self) -> int:
        """How many values the circuit returns."""
        return len(self.observables)

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """Every gate in order; `prepares_amplitudes` encodings act before them."""
        encode = self.encoding.operations(self.inputs)
        per_layer = self.ansatz.layer_weights(self.qubits)
        operations = list(encode)
        for index in range(self.depth):
            if self.reupload and index > 0:
                operations += encode
            layer = self.ansatz.layer(index, self.qubits)
            operations += (operation.shifted(index * per_layer) for operation in layer)
        return tuple(operations)

    def diagonals(self) -> Float[np.ndarray, "R A"]:
        """The observables as rows of their values in each basis state."""
        return np.stack([observable.diagonal(self.qubits) for observable in self.observables])

    def draw(self) -> str:
        """The circuit as text, one line a qubit; x are inputs, w are weights."""
        prepared = self.encoding.name if self.encoding.prepares_amplitudes else None
        return drawing.draw(self.operations, self.observables, self.qubits, prepared)

    def to_qasm(
        self,
        inputs: ArrayLike | None = None,
        weights: ArrayLike | None = None,
    ) -> str:
        """The gates as an OpenQASM 3 program that ends by measuring every qubit.

        Inputs and weights that are not given become `input` parameters of the program, in
        radians. Both may be nested as the circuit's weights are, arrays or tensors; they are
        flattened row-major.

        Raises:
            CircuitError: if the number of values does not fit, or if an amplitude encoding
                is to be written without its inputs.
        """
        return qasm.write(self, inputs, weights)
