"""What an engine is.

Shape suffixes: G groups, F filters in a group, N values of a patch, P patches, W weights
of a filter (flattened row-major), R readout values. The patch index is last, so that
neighbouring patches are contiguous in memory.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from resqunn.circuits.gate_circuit import GateCircuit, Run
from resqunn.circuits.lowering import Lowered
from resqunn.engines.derivatives import differentiable_gradients
from resqunn.engines.guard import has_memory, interpreted, require_memory
from resqunn.engines.slots import input_slots, weight_slots
from resqunn.errors import CircuitError, ShapeError

DTYPES = (torch.float32, torch.float64)
"""What circuits are computed in."""


class Engine(ABC):
    """Evaluates a circuit on many patches at once.

    An engine holds options and no tensors, so that a layer with an engine can be copied and
    pickled. To write one, give it a name and `evaluate`.
    """

    name: str
    simulates_noise: ClassVar[bool] = False
    """Whether it evaluates circuits with channels among their operations."""

    def expectation_values(
        self,
        circuit: GateCircuit,
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
        runs, lowered, _ = in_runs(circuit)
        filters = weights_GFW.shape[:2]
        if lowered.scale != 1:
            inputs_GNP = inputs_GNP * lowered.scale
        if lowered.inputs is not None:
            inputs_GNP = input_slots(lowered.inputs, inputs_GNP, weights_GFW, lowered.joint)
        if lowered.weights is not None:
            weights_GFW = weight_slots(lowered.weights, weights_GFW)
        if lowered.joint:  # a group for each filter
            weights_GFW = weights_GFW.flatten(0, 1).unsqueeze(1)
        found = [self.evaluate_run(run, inputs_GNP, weights_GFW) for run in runs]
        values = measured(circuit, found, 2)
        return values.squeeze(1).unflatten(0, filters) if lowered.joint else values

    @abstractmethod
    def evaluate(
        self,
        circuit: GateCircuit,
        inputs_GNP: Float[Tensor, "G N P"],
        weights_GFW: Float[Tensor, "G F W"],
    ) -> Float[Tensor, "G F R P"]:
        """What `expectation_values` returns, for one of a circuit's `runs`, and tensors that it has
        checked."""

    def evaluate_run(
        self,
        run: Run,
        inputs_GNP: Float[Tensor, "G N P"],
        weights_GFW: Float[Tensor, "G F W"],
    ) -> Float[Tensor, "G F R P"]:
        """What `evaluate` returns, for an engine that asks more of a run than its circuit."""
        return self.evaluate(run.circuit, inputs_GNP, weights_GFW)

    def gradients(
        self,
        circuit: GateCircuit,
        tensors: tuple[Tensor, Tensor],
        cotangents_GFRP: Float[Tensor, "G F R P"],
        wanted: tuple[bool, bool],
    ) -> tuple[Tensor | None, Tensor | None]:
        """The derivatives of the sum of cotangents times what `evaluate` returns, by the inputs
        and by the weights, without the values; None for what is not wanted."""
        values = partial(self.evaluate, circuit)
        return differentiable_gradients(values, tensors, cotangents_GFRP, wanted)

    def obstacle(self, circuit: GateCircuit) -> str | None:
        """Why the engine cannot evaluate `circuit`, which is one of a circuit's `runs`; None if it
        can. `require` asks for any circuit."""
        return None

    def require(self, circuit: GateCircuit) -> None:
        """Asks whether the engine can evaluate `circuit`.

        Raises:
            CircuitError: if there is an `obstacle`.
        """
        if not self.simulates_noise and has_channels(circuit):
            raise CircuitError(
                f"engine must be one that simulates noise, such as 'auto', got {self.name!r}"
            )
        reasons = (self.obstacle(run.circuit) for run in circuit.runs)
        for reason in filter(None, reasons):
            raise CircuitError(
                f"engine {self.name!r} cannot evaluate this circuit: {reason}; use another engine, "
                "a smaller kernel or fewer channels in a group"
            )

    def cost(self, circuit: GateCircuit, filters: int = 1) -> float | None:
        """About how many nanoseconds of one core the values and gradients of so many filters take
        for each patch, of the patches of 16 images in float32.

        A guide for `engine="auto"`, which compares engines by it; None if the engine cannot
        evaluate the circuit, or is never to be chosen unasked.
        """
        return None

    def reader(self, circuit: GateCircuit, filters: int) -> Engine | None:
        """The engine that evaluates `circuit` on images as they lie (`compiled/images.py`), if
        this one does, or chooses one that does."""
        return None

    def chosen_for(self, circuit: GateCircuit, filters: int = 1) -> str:
        """The engine that will evaluate `circuit` on the CPU, in words for `extra_repr`."""
        return self.name


def has_channels(circuit: GateCircuit) -> bool:
    """Whether noise is left to engines."""
    return any(run.circuit.is_noisy for run in circuit.runs)


# torch.compile runs it, as in statevector/plan.py.
has_channels._dynamo_marked_constant = True  # pyright: ignore[reportFunctionMemberAccess]


def in_runs(circuit: GateCircuit) -> tuple[tuple[Run, ...], Lowered, bool]:
    """What is evaluated in place of a circuit, and whether it is the circuit itself."""
    runs = circuit.runs
    return runs, circuit.lowered, runs[0].circuit is circuit


# torch.compile runs it and keeps what comes of it, as in statevector/plan.py.
in_runs._dynamo_marked_constant = True  # pyright: ignore[reportFunctionMemberAccess]


def measured(circuit: GateCircuit, values: Sequence[Tensor], dim: int) -> Tensor:
    """The values of a circuit along `dim`, from those of its runs."""
    count, variances = _to_measure(circuit)
    sums = _added_up(in_runs(circuit)[0], values, dim, count)
    if not variances:
        return sums
    found = list(sums.unbind(dim))
    squares = found[circuit.num_outputs :]
    for row, square in zip(variances, squares, strict=True):
        found[row] = square - found[row].square()
    return torch.stack(found[: circuit.num_outputs], dim)


def _to_measure(circuit: GateCircuit) -> tuple[int, tuple[int, ...]]:
    """How many sums of words are measured, and the values that are variances."""
    return len(circuit.sums), circuit.variances


_to_measure._dynamo_marked_constant = True  # pyright: ignore[reportFunctionMemberAccess]


def _added_up(runs: Sequence[Run], values: Sequence[Tensor], dim: int, count: int) -> Tensor:
    rows = [row for run in runs for row in run.rows]
    if len(runs) == 1 and rows == list(range(count)):
        return values[0]
    everything = torch.cat(list(values), dim)
    if sorted(rows) == list(range(count)):
        order = sorted(range(count), key=rows.__getitem__)
        index = torch.tensor(order, device=everything.device)
        return everything.index_select(dim, index)
    shape = (*everything.shape[:dim], count, *everything.shape[dim + 1 :])
    index = torch.tensor(rows, device=everything.device)
    return everything.new_zeros(shape).index_add(dim, index, everything)


def size_obstacle(circuit: GateCircuit, most: int) -> str | None:
    """The obstacle of engines that hold state vectors of `most` qubits at most."""
    if circuit.num_qubits <= most:
        return None
    return f"a state vector of {circuit.num_qubits} qubits is too large (at most {most})"


def check_tensors(circuit: GateCircuit, inputs_GNP: Tensor, weights_GFW: Tensor) -> None:
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
