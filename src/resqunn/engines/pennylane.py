"""Any PennyLane device: simulators, noise, shots, hardware (extra `[pennylane]`).

The circuit is rebuilt gate by gate from the gate table's PennyLane names and run as a
`QNode` with all patches as one parameter broadcast. Groups and filters are run one after
the other. Written for PennyLane 0.42 and newer.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from resqunn.checks import check_fields, shown
from resqunn.circuits.circuit import Circuit
from resqunn.circuits.operations import Input
from resqunn.engines.base import Engine
from resqunn.errors import ConfigurationError, MissingExtraError


@dataclass(frozen=True)
class PennyLaneEngine(Engine):
    """Runs circuits on a PennyLane device.

    Args:
        device: a device name such as `"default.qubit"` or `"lightning.qubit"`, or a device
            object with at least as many wires as the circuit has qubits.
        shots: number of samples for each expectation value; None for exact values.
        diff_method: as in `pennylane.QNode`; `"best"` lets the device choose.
        noise_model: a `pennylane.NoiseModel` that is added to every circuit (on a device
            that simulates mixed states, such as `"default.mixed"`).

    Raises:
        MissingExtraError: when first used without PennyLane installed.
        ConfigurationError: for options of a wrong type; when first used, for what PennyLane
            refuses: a device or method that it does not have, or options that do not go together.
    """

    device: Any = "default.qubit"
    shots: int | None = None
    diff_method: str = "best"
    noise_model: Any = None

    def __post_init__(self) -> None:
        check_fields(self)
        if not isinstance(self.device, str) and not hasattr(self.device, "wires"):
            raise ConfigurationError(
                "device must be the name of a PennyLane device or such a device, got "
                f"{shown(self.device)}"
            )
        if self.shots is not None and self.shots < 1:
            raise ConfigurationError(
                f"shots must be 1 or more, or None for exact values, got {self.shots}"
            )
        if self.noise_model is not None and not hasattr(self.noise_model, "model_map"):
            raise ConfigurationError(
                f"noise_model must be a pennylane.NoiseModel or None, got {shown(self.noise_model)}"
            )

    @property
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return f"pennylane:{getattr(self.device, 'name', self.device)}"

    def evaluate(
        self,
        circuit: Circuit,
        inputs_GNP: Float[Tensor, "G N P"],
        weights_GFW: Float[Tensor, "G F W"],
    ) -> Float[Tensor, "G F R P"]:
        refused = _pennylane().exceptions
        try:
            return self._evaluated(circuit, inputs_GNP, weights_GFW)
        except (refused.DeviceError, refused.QuantumFunctionError, refused.WireError) as error:
            raise ConfigurationError(
                f"engine {self.name!r} cannot evaluate this circuit with its options: {error}"
            ) from None

    def _evaluated(self, circuit: Circuit, inputs_GNP: Tensor, weights_GFW: Tensor) -> Tensor:
        groups, _, patches = inputs_GNP.shape
        filters = weights_GFW.shape[1]
        if groups * filters * patches == 0:
            return inputs_GNP.new_zeros(groups, filters, circuit.num_outputs, patches)
        words = sorted({support for o in circuit.observables for _, support in o.terms})
        coefficients_RS = torch.zeros(circuit.num_outputs, len(words), dtype=torch.float64)
        for row, observable in enumerate(circuit.observables):
            for coefficient, support in observable.terms:
                coefficients_RS[row, words.index(support)] += coefficient
        qnode = self._qnode(circuit, words)
        # Devices compute in double precision, on the CPU.
        inputs = inputs_GNP.to(device="cpu", dtype=torch.float64)
        weights = weights_GFW.to(device="cpu", dtype=torch.float64)
        rows = [
            torch.stack(
                [
                    coefficients_RS @ _rows(qnode(inputs[g], weights[g, f]), patches)
                    for f in range(filters)
                ]
            )
            for g in range(groups)
        ]
        return torch.stack(rows).to(inputs_GNP)

    def _qnode(self, circuit: Circuit, words: list[tuple[int, ...]]):
        qml = _pennylane()
        device = self.device
        if isinstance(device, str):
            try:
                device = qml.device(device, wires=circuit.num_qubits)
            except qml.exceptions.DeviceError as error:
                raise ConfigurationError(
                    f"device must be one that PennyLane has here, got {self.device!r}: {error}"
                ) from None

        def run(inputs_NP: Tensor, weights_W: Tensor):
            if circuit.encoding.prepares_amplitudes:
                qml.AmplitudeEmbedding(
                    _without_zero_rows(inputs_NP.T),
                    wires=range(circuit.num_qubits),
                    pad_with=0.0,
                    normalize=True,
                )
            for operation in circuit.operations:
                apply = getattr(qml, operation.gate.pennylane)
                if operation.angle is None:
                    apply(wires=operation.qubits)
                else:
                    by_input = isinstance(operation.angle, Input)
                    angle = (inputs_NP if by_input else weights_W)[operation.angle.index]
                    apply(angle, wires=operation.qubits)
            # A product of no qubits is the identity.
            products = [[qml.Z(q) for q in word] or [qml.Identity(0)] for word in words]
            return [qml.expval(qml.prod(*product)) for product in products]

        qnode = qml.QNode(run, device, interface="torch", diff_method=self.diff_method)
        if self.noise_model is not None:
            qnode = qml.add_noise(qnode, self.noise_model)
        if self.shots is not None:
            qnode = qml.set_shots(qnode, shots=self.shots)
        if not self._broadcasts(device):
            qnode = qml.transforms.broadcast_expand(qnode)
        return qnode

    def _broadcasts(self, device: Any) -> bool:
        """Only a backpropagating simulator differentiates broadcast inputs."""
        analytic = self.shots is None and getattr(device, "name", "") == "default.qubit"
        return analytic and self.diff_method in ("best", "backprop")

    def __deepcopy__(self, memo: dict) -> PennyLaneEngine:
        # Devices may hold connections that cannot be copied; they are shared.
        return copy.copy(self)


def _rows(values: list[Tensor], patches: int) -> Float[Tensor, "S P"]:
    """The measured values as rows; those that depend on no input are the same for all patches."""
    return torch.stack([value.double().expand(patches) for value in values])


def _without_zero_rows(vectors_PN: Tensor) -> Tensor:
    """Zero vectors are replaced by the first basis vector, as the encoding defines."""
    first = torch.zeros_like(vectors_PN)
    first[:, 0] = 1
    empty = (vectors_PN == 0).all(dim=1, keepdim=True)
    return torch.where(empty, first, vectors_PN)


def _pennylane() -> Any:
    try:
        import pennylane
    except ImportError:
        raise MissingExtraError("PennyLaneEngine", "pennylane") from None
    return pennylane
