"""`NoisyCircuit`: a circuit with channels among its gates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from numpy.typing import ArrayLike

from resqunn.circuits.angles import AnyAngle
from resqunn.circuits.channels import ChannelOperation, bit_flip
from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.noise import Noise
from resqunn.circuits.observables import Observable
from resqunn.circuits.operations import Operation
from resqunn.errors import CircuitError


@dataclass(frozen=True, eq=False)
class NoisyCircuit(GateCircuit):
    """A circuit with noise: gates and, among them, channels (`ChannelOperation`).

    Attributes:
        circuit: without noise.
        noise: what is added.
    """

    circuit: GateCircuit
    noise: Noise

    def __post_init__(self) -> None:
        _ = self.operations  # what does not fit is refused here

    @property
    def num_qubits(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.circuit.num_qubits

    @property
    def num_inputs(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.circuit.num_inputs

    @property
    def weight_shape(self) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.circuit.weight_shape

    @property
    def observables(self) -> tuple[Observable, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.circuit.observables

    @property
    def prepares_amplitudes(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.circuit.prepares_amplitudes

    @property
    def amplitudes(self) -> tuple[AnyAngle, ...] | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.circuit.amplitudes

    @property
    def depth(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.circuit.depth

    @property
    def reupload(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.circuit.reupload

    @cached_property
    def operations(self) -> tuple[Operation, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        noise, qubits = self.noise, self.num_qubits
        noise.require_fit(self.circuit)
        ends = self.circuit.layer_ends
        if noise.by_layer and ends is None:
            raise CircuitError(
                "noise must stand after gates or before the readout of a circuit that is given by "
                "its gates, which has no layers, got where='layer'"
            )
        found: list[Operation] = []
        at_layer = noise.after_layer(qubits)
        layers = dict.fromkeys(ends or (), at_layer)
        found += layers.get(0, ())
        for number, operation in enumerate(self.circuit.operations, 1):
            before, after = noise.around(operation)
            found += (*before, operation, *after, *layers.get(number, ()))
        found += noise.at_readout(self.observables, qubits)
        _check_qubits(found, qubits)
        return tuple(found)

    @property
    def flip_probability(self) -> float:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.noise.readout

    def summary(self) -> str:
        return f"{self.circuit.summary()}, noise={self.noise!r}"

    def _drawn(self) -> tuple[Sequence[Operation], tuple[Observable, ...], int, str | None]:
        operations = list(self.operations)
        if self.noise.readout:
            flip = bit_flip(self.noise.readout)
            operations += (ChannelOperation.of(flip, qubit) for qubit in range(self.num_qubits))
        prepared = "amplitude" if self.prepares_amplitudes else None
        return operations, self.observables, self.num_qubits, prepared

    def to_qasm(self, inputs: ArrayLike | None = None, weights: ArrayLike | None = None) -> str:
        raise CircuitError("OpenQASM must have no channels: write `circuit.circuit`, without noise")

    def __getstate__(self) -> dict[str, Any]:
        return {"circuit": self.circuit, "noise": self.noise}


def _check_qubits(operations: Sequence[Operation], num_qubits: int) -> None:
    for operation in operations:
        for qubit in operation.qubits:
            if not 0 <= qubit < num_qubits:
                raise CircuitError(
                    f"qubits of noise must be below {num_qubits} (counted from 0) in this circuit, "
                    f"got {qubit}"
                )


@lru_cache(maxsize=256)
def add_noise(circuit: GateCircuit, noise: Noise | None) -> GateCircuit:
    """The circuit with noise; the circuit itself, to the last bit, if this changes nothing.

    Raises:
        CircuitError: for noise on qubits that are not there, or after the layers of a circuit that
            has none.
    """
    if noise is None:
        return circuit
    found = NoisyCircuit(circuit, noise)
    same = found.operations == circuit.operations and not found.flip_probability
    return circuit if same else found
