"""The same circuit as users of other libraries write it: values, and values with gradients.

A peer is built for one circuit and one batch of patches. `values()` returns the expectation
values (P patches, R), `step()` computes them and both gradients, given a cotangent.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from resqunn.circuits.circuit import Circuit


class Peer(ABC):
    """One contestant. `share` is the part of the patches that it works on, for slow ones."""

    name: str
    share = 1.0

    def __init__(self, circuit: Circuit, patches_PN: Tensor, weights_DQ: Tensor) -> None:
        self.circuit = circuit
        self.qubits, self.depth = circuit.num_qubits, circuit.depth
        self.patches_PN = patches_PN.clone().requires_grad_()
        self.weights_DQ = weights_DQ.clone().requires_grad_()
        self.cotangent_PR = torch.ones(len(patches_PN), circuit.num_outputs)
        self.prepare()

    @abstractmethod
    def prepare(self) -> None:
        """Builds what is built once."""

    @abstractmethod
    def evaluate(self) -> Tensor:
        """The expectation values as a differentiable tensor."""

    def values(self) -> np.ndarray:
        return self.evaluate().detach().numpy()

    def step(self) -> None:
        self.patches_PN.grad = self.weights_DQ.grad = None
        values = self.evaluate()
        values.backward(self.cotangent_PR.to(values.dtype))


def layers(circuit: Circuit) -> list[bool]:
    """For each ansatz layer whether the encoding comes before it."""
    return [repetition == 0 or circuit.reupload for repetition in range(circuit.depth)]


class PennyLane(Peer):
    """A QNode on `default.qubit`, all patches as one parameter broadcast."""

    name = "PennyLane, broadcast"
    device = "default.qubit"
    diff_method = "backprop"

    def prepare(self) -> None:
        import pennylane as qml

        self.qnode = qml.QNode(
            self.circuit_function,
            qml.device(self.device, wires=self.qubits),
            interface="torch",
            diff_method=self.diff_method,
        )

    def circuit_function(self, inputs: Any, weights: Any) -> Any:
        import pennylane as qml

        for layer, encode in enumerate(layers(self.circuit)):
            if encode:
                qml.AngleEmbedding(inputs, wires=range(self.qubits), rotation="Y")
            for qubit in range(self.qubits):
                qml.RX(weights[layer, qubit], wires=qubit)
            for qubit in range(self.qubits - 1):
                qml.CNOT([qubit, qubit + 1])
        return [qml.expval(qml.Z(qubit)) for qubit in range(self.qubits)]

    def evaluate(self) -> Tensor:
        return torch.stack(self.qnode(self.patches_PN, self.weights_DQ), dim=-1)


class PennyLaneLoop(PennyLane):
    """The same called patch by patch, as tutorials do; timed on a slice and scaled."""

    name = "PennyLane, loop over patches"
    share = 1 / 196

    def evaluate(self) -> Tensor:
        rows = [torch.stack(self.qnode(x, self.weights_DQ)) for x in self.patches_PN]
        return torch.stack(rows)


class Lightning(PennyLaneLoop):
    """`lightning.qubit` with adjoint differentiation, patch by patch."""

    name = "PennyLane lightning, loop"
    device = "lightning.qubit"
    diff_method = "adjoint"


class PyQTorch(Peer):
    """pyqtorch's state-vector run, then Pauli Z from the probabilities."""

    name = "pyqtorch"

    def prepare(self) -> None:
        import pyqtorch as pyq

        gates: list[Any] = []
        for layer, encode in enumerate(layers(self.circuit)):
            if encode:
                gates += [pyq.RY(q, f"x{q}") for q in range(self.qubits)]
            gates += [pyq.RX(q, f"w{layer}_{q}") for q in range(self.qubits)]
            gates += [pyq.CNOT(q, q + 1) for q in range(self.qubits - 1)]
        self.program = pyq.QuantumCircuit(self.qubits, gates)
        self.start = pyq.zero_state(self.qubits)
        self.run = pyq.run
        self.diagonals_RA = torch.as_tensor(self.circuit.diagonals())

    def evaluate(self) -> Tensor:
        parameters = {f"x{q}": self.patches_PN[:, q] for q in range(self.qubits)}
        parameters |= {
            f"w{layer}_{q}": self.weights_DQ[layer, q]
            for layer in range(self.depth)
            for q in range(self.qubits)
        }
        state = self.run(self.program, self.start, parameters).reshape(2**self.qubits, -1)
        return (self.diagonals_RA @ state.abs().square().to(torch.float64)).T


class TensorCircuit(Peer):
    """TensorCircuit-NG on JAX: mapped over patches, differentiated and compiled."""

    name = "TensorCircuit-NG (JAX, compiled)"

    def prepare(self) -> None:
        import jax
        import jax.numpy as jnp
        import tensorcircuit as tc

        tc.set_backend("jax")

        def one(x: Any, w: Any) -> Any:
            circuit: Any = tc.Circuit(self.qubits)
            for layer, encode in enumerate(layers(self.circuit)):
                if encode:
                    for q in range(self.qubits):
                        circuit.ry(q, theta=x[q])
                for q in range(self.qubits):
                    circuit.rx(q, theta=w[layer, q])
                for q in range(self.qubits - 1):
                    circuit.cnot(q, q + 1)
            return jnp.stack([jnp.real(circuit.expectation_ps(z=[q])) for q in range(self.qubits)])

        mapped = jax.vmap(one, in_axes=(0, None))
        self.forward = jax.jit(mapped)
        self.both = jax.jit(
            jax.value_and_grad(lambda x, w, g: (mapped(x, w) * g).sum(), argnums=(0, 1))
        )
        self.arguments = [
            jnp.asarray(t.detach().numpy())
            for t in (self.patches_PN, self.weights_DQ, self.cotangent_PR)
        ]
        self.wait: Callable[[Any], Any] = jax.block_until_ready

    def evaluate(self) -> Tensor:
        return torch.as_tensor(np.array(self.forward(*self.arguments[:2])))

    def step(self) -> None:
        self.wait(self.both(*self.arguments))


PEERS: tuple[type[Peer], ...] = (PennyLane, PennyLaneLoop, Lightning, PyQTorch, TensorCircuit)
NOT_TIMED = {"torchquantum": "0.1.8 needs qiskit below 1.0 and does not import beside current ones"}
