r"""Quantum modules as plain torch operations on real numbers: what `to_classical` puts in place.

The state of a patch is a vector of real and then imaginary parts. Gates that read no input are one
real matrix between two rotations by inputs (`stages.py`), made in double precision once; rotations
are products with cosines and sines. Probabilities are squares, and a last matrix reads them out.

Shape suffixes as in `engines/base.py`, and A amplitudes, K sets of weights, B images, D features.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.engines.guard import autocasting
from resqunn.engines.slots import input_slots, weight_slots
from resqunn.engines.statevector.amplitudes import normalised_amplitudes
from resqunn.errors import CircuitError, ShapeError
from resqunn.interop.stages import Stages, applied, measured_in_runs, stages, unitaries
from resqunn.nn.heads import QuantumHead
from resqunn.nn.layer import Quanv
from resqunn.nn.patches import AXES
from resqunn.nn.placement import fitting

MAX_QUBITS = 10
"""Of a circuit whose gates become matrices: each then has $4^{11}$ numbers at most."""

MAX_NUMBERS = 2**27
"""In all matrices of a circuit, for all its filters: 0.5 GB in float32."""


FULL_TURN = (6.28125, 2 * math.pi - 6.28125)
"""Its two parts; as constants of a module, since ONNX rounds numbers of a program to float32."""


class ClassicalCircuit(nn.Module):
    """A circuit with given weights: patches (G, N, P) to values (G, F, R, P).

    Raises:
        CircuitError: for more than `MAX_QUBITS` qubits or `MAX_NUMBERS` numbers.
    """

    weights: Tensor
    turn: Tensor
    readout: Tensor
    means: Tensor

    def __init__(self, circuit: GateCircuit, weights_GFW: Tensor) -> None:
        super().__init__()
        lowered = circuit.lowered
        self.amplitudes = 2**circuit.num_qubits if circuit.prepares_amplitudes else 0
        self.slots, self.joint = lowered.inputs, lowered.joint
        groups, filters, _ = weights_GFW.shape
        self.sets = groups, filters
        given = circuit.num_inputs if self.slots is None else len(self.slots.angles)
        found = stages(lowered.operations, circuit.num_qubits, given)
        _require_size(circuit, found, math.prod(self.sets))
        double_GFW = weights_GFW.detach().to("cpu", torch.float64)
        if lowered.weights is not None:
            double_GFW = weight_slots(lowered.weights, double_GFW)
        weights_KW = double_GFW.flatten(0, 1).numpy()

        def keep(name: str, numbers: Any) -> None:
            self.register_buffer(
                name, torch.as_tensor(numbers, dtype=torch.float64).to(weights_GFW)
            )

        # What multiplies inputs and weights is computed with each patch.
        keep("weights", weights_GFW.detach() if self.joint else weights_GFW.new_empty(0))
        readout_SA, means_SA = _readout(circuit)
        first, *others = _matrices(circuit, found, weights_KW)
        blocks = [_as_pairs(first)[:, :, : first.shape[2]], *map(_as_pairs, others)]
        # A circuit of real matrices leaves half of the last numbers zero.
        kept_A = (blocks[-1] != 0).any(axis=(0, 2))
        blocks[-1] = blocks[-1][:, kept_A]
        for number, block in enumerate(blocks):
            shared = number == 0 and not self.amplitudes and bool((block == block[:1]).all())
            shape = (1, 1) if shared else self._grouped
            keep(f"block_{number}", block[: math.prod(shape)].reshape(*shape, *block.shape[1:]))
        keep("turn", [0.5 / math.pi, *FULL_TURN])
        keep("readout", np.tile(readout_SA, 2)[:, kept_A])
        keep("means", np.tile(means_SA, 2)[:, kept_A])
        known = list(dict.fromkeys(signs_AN.tobytes() for signs_AN in found.phases))
        self.phases = tuple(known.index(signs_AN.tobytes()) for signs_AN in found.phases)
        for number, signs_AN in zip(self.phases, found.phases, strict=True):
            if not hasattr(self, f"signs_{number}"):
                keep(f"signs_{number}", signs_AN)

    @property
    def _grouped(self) -> tuple[int, int]:
        """Groups and filters of the matrices: where inputs read weights, each filter is a group."""
        return (math.prod(self.sets), 1) if self.joint else self.sets

    def forward(self, inputs_GNP: Tensor) -> Tensor:
        """Values (G, F, R, P), at angles in radians or amplitudes."""
        patches = inputs_GNP.shape[2]
        if self.slots is not None:
            inputs_GNP = input_slots(self.slots, inputs_GNP, self.weights, self.joint)
        if autocasting(inputs_GNP.device):
            with torch.autocast(inputs_GNP.device.type, enabled=False):
                values_GFRP = self._measured(self._state(inputs_GNP))
        else:
            values_GFRP = self._measured(self._state(inputs_GNP))
        if self.joint:
            values_GFRP = values_GFRP.squeeze(1).unflatten(0, self.sets)
        return values_GFRP.expand(*self.sets, -1, patches)

    def _state(self, inputs_GNP: Tensor) -> Tensor:
        """The real and imaginary parts of the final state, in each basis (G, F, A, P)."""
        state = self._constant("block_0")
        if self.amplitudes:
            vector_GAP = normalised_amplitudes(inputs_GNP, self.amplitudes)
            state = _product(state, vector_GAP.unsqueeze(1))
        turns: dict[int, tuple[Tensor, Tensor]] = {}
        half_GNP = _within_a_turn(inputs_GNP, self.turn) / 2 if self.phases else inputs_GNP
        for number, phase in enumerate(self.phases):
            if phase not in turns:
                angles_GFAP = (self._constant(f"signs_{phase}") @ half_GNP).unsqueeze(1)
                turns[phase] = angles_GFAP.cos(), angles_GFAP.sin()
            cosine, sine = turns[phase]
            size = state.shape[2] // 2
            real, imaginary = state[:, :, :size], state[:, :, size:]
            state = torch.cat(
                [real * cosine + imaginary * sine, imaginary * cosine - real * sine], dim=2
            )
            state = _product(self._constant(f"block_{number + 1}"), state)
        return state

    def _constant(self, name: str) -> Tensor:
        found = getattr(self, name)
        assert isinstance(found, Tensor)
        return found

    def _measured(self, state_GFAP: Tensor) -> Tensor:
        probabilities = state_GFAP.square()
        values = self.readout @ probabilities
        if len(self.means):  # of what variances are measured
            values = values - (self.means @ probabilities).square()
        return values


def _require_size(circuit: GateCircuit, found: Stages, sets: int) -> None:
    """Asks before memory is used.

    Raises:
        CircuitError: for a circuit that is too large.
    """
    if circuit.num_qubits > MAX_QUBITS:
        raise CircuitError(
            f"circuit must have {MAX_QUBITS} qubits or fewer for its gates to become matrices, got "
            f"{circuit.num_qubits}"
        )
    numbers = sets * (len(found.phases) + len(circuit.runs)) * 4 ** (circuit.num_qubits + 1)
    if numbers > MAX_NUMBERS:
        raise CircuitError(
            f"a classical form must have {MAX_NUMBERS:,} numbers or fewer, got about {numbers:,}: "
            "use fewer filters or qubits, or encode less often"
        )


def _matrices(
    circuit: GateCircuit, found: Stages, weights_KW: Float[np.ndarray, "K W"]
) -> list[Complex[np.ndarray, "K A M"]]:
    """The gates of each block: of the first one by real amplitudes, or on the first basis state,
    and of the last one in each basis that is measured, one above the other."""
    qubits, count = circuit.num_qubits, len(weights_KW)
    columns = 2**qubits if circuit.prepares_amplitudes else 1
    begin = np.broadcast_to(np.eye(2**qubits, columns, dtype=complex), (count, 2**qubits, columns))
    first, *others = found.blocks
    blocks = [applied(first, weights_KW, begin)]
    blocks += [unitaries(block, weights_KW, qubits) for block in others]
    ends = [applied(end, weights_KW, blocks[-1]) for end in measured_in_runs(circuit)]
    return [*blocks[:-1], np.concatenate(ends, axis=1)]


def _as_pairs(matrix_KAM: Complex[np.ndarray, "K A M"]) -> Float[np.ndarray, "K B N"]:
    """A complex matrix on real and then imaginary parts."""
    real, imaginary = np.real(matrix_KAM), np.imag(matrix_KAM)
    return np.block([[real, -imaginary], [imaginary, real]])


def _readout(circuit: GateCircuit) -> tuple[Float[np.ndarray, "R A"], Float[np.ndarray, "M A"]]:
    """From the probabilities in each basis to the values, and to what is subtracted squared from
    these where some are variances."""
    size, outputs = 2**circuit.num_qubits, circuit.num_outputs
    sums_SA = np.zeros((len(circuit.sums), len(circuit.runs) * size))
    for number, run in enumerate(circuit.runs):
        rows_RA = run.circuit.diagonals()
        for row, diagonal_A in zip(run.rows, rows_RA, strict=True):
            sums_SA[row, number * size : (number + 1) * size] += diagonal_A
    variances = [row for row, each in enumerate(circuit.observables) if each.variance]
    values_RA, means_RA = sums_SA[:outputs].copy(), np.zeros_like(sums_SA[:outputs])
    means_RA[variances] = sums_SA[variances]
    values_RA[variances] = sums_SA[outputs:]
    return values_RA, means_RA if variances else means_RA[:0]


def _product(block_GFBA: Tensor, state_GFAP: Tensor) -> Tensor:
    groups, filters, size = block_GFBA.shape[:3]
    if state_GFAP.shape[1] > 1 or filters == 1:
        return block_GFBA @ state_GFAP
    # All filters see the same state: one product with the matrices above one another.
    stacked = block_GFBA.reshape(groups, filters * size, -1) @ state_GFAP.squeeze(1)
    return stacked.unflatten(1, (filters, size))


def _within_a_turn(angles: Tensor, turn: Tensor) -> Tensor:
    """The angles less multiples of 2 pi, which leave a rotation as it is up to its sign.

    A sum of large angles would be rounded to the precision of the largest. A turn is taken off in
    two parts, the first of which has so few bits that its multiples are exact.
    """
    turns = (angles.detach() * turn[0]).round()
    return angles - turns * turn[1] - turns * turn[2]


class ClassicalQuanv(nn.Module):
    """A layer with given weights."""

    angle_scale: Tensor
    bias: Tensor | None
    circuit: ClassicalCircuit

    def __init__(self, layer: Quanv) -> None:
        super().__init__()
        self.rank, self.in_channels = layer.rank, layer.in_channels
        self.out_channels, self.input_gradients = layer.out_channels, layer.input_gradients
        # Its angle scale is a constant of the module, as `FULL_TURN` is.
        self.operation = replace(layer.operation, angle_scale=1.0)
        scale = 1.0 if layer.circuit.prepares_amplitudes else layer.angle_scale
        self.register_buffer(
            "angle_scale", torch.tensor(scale, dtype=torch.float64).to(layer.weight)
        )
        weights_GFW = self.operation.weights(layer.weight, layer.in_channels)
        self.circuit = ClassicalCircuit(layer.circuit, weights_GFW)
        bias = None if layer.bias is None else layer.bias.detach().clone()
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor) -> Tensor:
        """The layer's values of images; its errors, too, but for those of its weights."""
        x = fitting(x, self.circuit.readout, "images")
        if x.ndim not in (self.rank + 1, self.rank + 2) or (
            x.shape[-self.rank - 1] != self.in_channels
        ):
            shape = f"{self.in_channels}, {AXES[self.rank]}"
            raise ShapeError(
                f"images must have shape (B, {shape}) or ({shape}), got {tuple(x.shape)}"
            )
        unbatched = x.ndim == self.rank + 1
        x_BCS = x.unsqueeze(0) if unbatched else x
        if not self.input_gradients:
            x_BCS = x_BCS.detach()
        inputs_GNP = self.operation.inputs(x_BCS) * self.angle_scale
        values_GFRP = self.circuit(inputs_GNP)
        y_BKS = self.operation.outputs(values_GFRP, x_BCS)
        if self.bias is not None:
            y_BKS = y_BKS + self.bias.reshape(-1, *[1] * self.rank)
        return y_BKS.squeeze(0).contiguous() if unbatched else y_BKS

    def extra_repr(self) -> str:
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.operation.window.kernel}"
        )


class ClassicalHead(nn.Module):
    """A quantum head with given weights."""

    circuit: ClassicalCircuit

    def __init__(self, head: QuantumHead) -> None:
        super().__init__()
        self.features, self.softmax = head.circuit.num_inputs, head.softmax
        self.circuit = ClassicalCircuit(head.circuit, head.weight.reshape(1, 1, -1))

    def forward(self, features: Tensor) -> Tensor:
        """The head's scores; its errors, too, but for those of its weights."""
        features = fitting(features, self.circuit.readout, "features")
        if features.ndim < 2:
            raise ShapeError(f"features must have shape (B, ...), got {tuple(features.shape)}")
        flat_BD = features.flatten(1)
        room = self.features - flat_BD.shape[1]
        if room < 0:
            raise ShapeError(
                f"features must be {self.features} or fewer, as the head's qubits hold, got "
                f"{flat_BD.shape[1]}"
            )
        amplitudes_BA = nn.functional.pad(flat_BD, (0, room))
        scores_BK = self.circuit(amplitudes_BA.T.unsqueeze(0))[0, 0].T
        return scores_BK.softmax(dim=1) if self.softmax else scores_BK
