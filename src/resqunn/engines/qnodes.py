"""A circuit as PennyLane's QNodes, one execution for each group and filter or for each patch.

The circuit is rebuilt gate by gate from the gate table's PennyLane names. All patches are one
parameter broadcast where the device simulates that and no rule of differentiation stands in the
way, and one execution each elsewhere.

Shape suffixes as in `base.py`, and S strings of Pauli Z.
"""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from resqunn.circuits.channels import ChannelOperation
from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.operations import Input, Weight
from resqunn.engines.double import DoublePrecision
from resqunn.errors import ConfigurationError

IN_TORCH = ("default.qubit", "default.mixed")
"""PennyLane's simulators that compute with torch's tensors, and with many patches at once."""

NATIVE = ("default.qubit",)
"""Those of them that keep to their precision by themselves."""

MAX_VALUES = 2**24
"""How many amplitudes, or measured bits, one broadcast may have; there are a few copies of them,
and where torch differentiates, those of all broadcasts are kept."""


class QNodes:
    """From inputs and weights in double precision, on the CPU, to values.

    Args:
        qml: the package PennyLane.
        device, shots, diff_method, noise_model: as in `PennyLaneEngine`.

    Attributes:
        by_torch: whether derivatives are torch's, of any order.
        most_patches: how many patches may be broadcast at once.

    Raises:
        ConfigurationError: for a device that is not there, or without a wire for `"hadamard"`.
    """

    def __init__(
        self,
        qml: Any,
        circuit: GateCircuit,
        device: Any,
        shots: int | None,
        diff_method: str,
        noise_model: Any,
    ) -> None:
        self.qml, self.circuit = qml, circuit
        self.shots, self.noise_model = shots, noise_model
        self.device, self.auxiliary = self._found(device, diff_method == "hadamard")
        name = getattr(self.device, "name", "")
        # Older devices have shots of their own.
        exact = shots is None and not getattr(self.device, "shots", None)
        self.by_torch = exact and diff_method in (
            ("best", "backprop") if name in IN_TORCH else ("backprop",)
        )
        state = (4 if name == "default.mixed" else 2) ** circuit.num_qubits
        self.most_patches = max(1, MAX_VALUES // max(state, (shots or 0) * circuit.num_qubits))
        self._words, self._coefficients_RS = _strings(circuit)
        self._together = name in IN_TORCH
        self._native = self.by_torch and name in NATIVE
        broadcast = self.by_torch and self._together
        # Made in any case, since it refuses what does not go together.
        method = "backprop" if self.by_torch else diff_method
        self._differentiated = self._qnode(method, broadcast)

    def __call__(
        self,
        inputs_GNP: Float[Tensor, "G N P"],
        weights_GFW: Float[Tensor, "G F W"],
        derivatives: bool = True,
    ) -> Float[Tensor, "G F R P"]:
        """The values, which torch can differentiate if `derivatives` are asked for."""
        qnode = self._differentiated
        if not derivatives:
            qnode = self._qnode(None, broadcast=self._together)
        patches = inputs_GNP.shape[2]
        with contextlib.nullcontext() if self._native else DoublePrecision():
            found = [
                # What depends on no input is the same for all patches.
                self._coefficients_RS
                @ torch.stack([value.double().expand(patches) for value in qnode(inputs_NP, w_W)])
                for inputs_NP, weights_FW in zip(inputs_GNP, weights_GFW, strict=True)
                for w_W in weights_FW
            ]
        return torch.stack(found).unflatten(0, weights_GFW.shape[:2])

    def _found(self, device: Any, auxiliary: bool) -> tuple[Any, Any]:
        """The device, and the label of a wire that the circuit does not use if one is needed."""
        qubits = self.circuit.num_qubits
        if isinstance(device, str):
            try:
                device = self.qml.device(device, wires=qubits + auxiliary)
            except self.qml.exceptions.DeviceError as error:
                raise ConfigurationError(
                    f"device must be one that PennyLane has here, got {device!r}: {error}"
                ) from None
        if not auxiliary:
            return device, None
        wires = range(qubits + 1) if device.wires is None else device.wires
        free = [wire for wire in wires if wire not in range(qubits)]
        if not free:
            raise ConfigurationError(
                f"device must have a wire more than the circuit's {qubits} qubits for "
                f"diff_method 'hadamard', got {len(wires)} wires"
            )
        return device, free[0]

    def _qnode(self, diff_method: str | None, broadcast: bool) -> Any:
        options = (
            {} if self.auxiliary is None or diff_method is None else {"aux_wire": self.auxiliary}
        )
        qnode = self.qml.QNode(
            self._run,
            self.device,
            interface="torch",
            diff_method=diff_method,
            gradient_kwargs=options,
        )
        if self.noise_model is not None:
            qnode = self.qml.add_noise(qnode, self.noise_model)
        if self.shots is not None:
            qnode = self.qml.set_shots(qnode, shots=self.shots)
        return qnode if broadcast else self.qml.transforms.broadcast_expand(qnode)

    def _run(self, inputs_NP: Tensor, weights_W: Tensor) -> list[Any]:
        qml, qubits = self.qml, self.circuit.num_qubits
        if self.circuit.prepares_amplitudes:
            # PennyLane itself does not divide where all norms are one, not in derivatives either.
            vectors_PN = _without_zero_rows(inputs_NP.T)
            norms_P1 = torch.linalg.vector_norm(vectors_PN, dim=1, keepdim=True)
            qml.AmplitudeEmbedding(vectors_PN / norms_P1, wires=range(qubits), pad_with=0.0)
        for operation in self.circuit.operations:
            if isinstance(operation, ChannelOperation):
                assert operation.channel is not None
                qml.QubitChannel(list(operation.channel.kraus), wires=operation.qubits)
                continue
            apply = getattr(qml, operation.gate.pennylane)
            if operation.angle is None:
                apply(wires=operation.qubits)
            else:
                assert isinstance(operation.angle, Input | Weight)
                by_input = isinstance(operation.angle, Input)
                angle = (inputs_NP if by_input else weights_W)[operation.angle.index]
                apply(angle, wires=operation.qubits)
        # A product of no qubits is the identity.
        products = [[qml.Z(q) for q in word] or [qml.Identity(0)] for word in self._words]
        return [qml.expval(qml.prod(*product)) for product in products]


def _strings(circuit: GateCircuit) -> tuple[list[tuple[int, ...]], Float[Tensor, "R S"]]:
    """The strings of Pauli Z that are measured, and how much of each a readout value has."""
    words = sorted({support for o in circuit.observables for _, support in o.products})
    coefficients_RS = torch.zeros(circuit.num_outputs, len(words), dtype=torch.float64)
    for row, observable in enumerate(circuit.observables):
        for coefficient, support in observable.products:
            coefficients_RS[row, words.index(support)] += coefficient
    return words, coefficients_RS


def _without_zero_rows(vectors_PN: Tensor) -> Tensor:
    """Zero vectors are replaced by the first basis vector, as the encoding defines."""
    first = torch.zeros_like(vectors_PN)
    first[:, 0] = 1
    empty = (vectors_PN == 0).all(dim=1, keepdim=True)
    return torch.where(empty, first, vectors_PN)
