"""What an engine is.

Shape suffixes: G groups, F filters in a group, N values of a patch, P patches, W weights
of a filter (flattened row-major), R readout values. The patch index is last, so that
neighbouring patches are contiguous in memory.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from resqunn.circuits.circuit import Circuit
from resqunn.engines.guard import has_memory, interpreted, require_memory
from resqunn.errors import CircuitError, ShapeError

DTYPES = (torch.float32, torch.float64)
"""What circuits are computed in."""


class Engine(ABC):
    """Evaluates a circuit on many patches at once.

    An engine holds options and no tensors, so that a layer with an engine can be copied and
    pickled. To write one, give it a name and `evaluate`.
    """

    name: str

    def expectation_values(
        self,
        circuit: Circuit,
        inputs_GNP: Float[Tensor, "G N P"] | Tensor,
        weights_GFW: Float[Tensor, "G F W"] | Tensor,
    ) -> Float[Tensor, "G F R P"]:
        r"""The expectation value of each observable, for each filter on each patch.

        Entry $(g, f, r, p)$ is $\langle\psi|O_r|\psi\rangle$ with $\psi$ the circuit's state
        for patch $p$ of group $g$ and the weights of filter $f$ of that group.

        Args:
            circuit: what is evaluated.
            inputs_GNP: radians, or amplitudes if the encoding prepares amplitudes.
            weights_GFW: radians.

        Returns:
            Values in the dtype and on the device of the inputs, differentiable with respect
            to inputs and weights.

        Raises:
            CircuitError: if there is an `obstacle`.
            ShapeError: for tensors of another shape, number type or layout, on two devices,
                or whose memory has been freed.
        """
        # While torch compiles or traces, it would trace into the making of plans.
        plain = not interpreted()
        if plain:
            self.require(circuit)
        check_tensors(circuit, inputs_GNP, weights_GFW)
        if plain and has_memory(inputs_GNP, weights_GFW):
            require_memory(inputs_GNP, weights_GFW)
        return self.evaluate(circuit, inputs_GNP, weights_GFW)

    @abstractmethod
    def evaluate(
        self,
        circuit: Circuit,
        inputs_GNP: Float[Tensor, "G N P"],
        weights_GFW: Float[Tensor, "G F W"],
    ) -> Float[Tensor, "G F R P"]:
        """What `expectation_values` returns, for a circuit and tensors that it has checked."""

    def obstacle(self, circuit: Circuit) -> str | None:
        """Why the engine cannot evaluate `circuit`; None if it can."""
        return None

    def require(self, circuit: Circuit) -> None:
        """Asks whether the engine can evaluate `circuit`.

        Raises:
            CircuitError: if there is an `obstacle`.
        """
        reason = self.obstacle(circuit)
        if reason is not None:
            raise CircuitError(
                f"engine {self.name!r} cannot evaluate this circuit: {reason}; use another engine, "
                "a smaller kernel or fewer channels in a group"
            )

    def cost(self, circuit: Circuit, filters: int = 1) -> float | None:
        """About how many nanoseconds of one core the values and gradients of so many filters take
        for each patch, of the patches of 16 images in float32.

        A guide for `engine="auto"`, which compares engines by it; None if the engine cannot
        evaluate the circuit, or is never to be chosen unasked.
        """
        return None

    def reader(self, circuit: Circuit, filters: int) -> Engine | None:
        """The engine that evaluates `circuit` on images as they lie (`compiled/images.py`), if
        this one does, or chooses one that does."""
        return None

    def chosen_for(self, circuit: Circuit, filters: int = 1) -> str:
        """The engine that will evaluate `circuit` on the CPU, in words for `extra_repr`."""
        return self.name


def size_obstacle(circuit: Circuit, most: int) -> str | None:
    """The obstacle of engines that hold state vectors of `most` qubits at most."""
    if circuit.num_qubits <= most:
        return None
    return f"a state vector of {circuit.num_qubits} qubits is too large (at most {most})"


def check_tensors(circuit: Circuit, inputs_GNP: Tensor, weights_GFW: Tensor) -> None:
    """Asks whether tensors fit a circuit, the cheap questions first.

    Raises:
        ShapeError: if they do not.
    """
    inputs, weights = inputs_GNP, weights_GFW
    if inputs.layout != torch.strided or weights.layout != torch.strided:
        raise ShapeError(
            f"inputs and weights must be dense, got {inputs.layout} and {weights.layout}"
        )
    if inputs.dtype not in DTYPES or weights.dtype != inputs.dtype:
        raise ShapeError(
            "inputs and weights must be of one number type, float32 or float64, got "
            f"{inputs.dtype} and {weights.dtype}: convert them"
        )
    if inputs.device != weights.device:
        raise ShapeError(
            "inputs and weights must be on one device, got "
            f"{inputs.device} and {weights.device}: move one of them"
        )
    shape, values = inputs.shape, circuit.num_inputs
    if len(shape) != 3 or shape[1] != values:
        raise ShapeError(f"inputs must be of shape (G, {values}, P), got {tuple(shape)}")
    groups, shape, values = shape[0], weights.shape, circuit.num_weights
    if len(shape) != 3 or shape[0] != groups or shape[2] != values:
        raise ShapeError(f"weights must be of shape ({groups}, F, {values}), got {tuple(shape)}")
