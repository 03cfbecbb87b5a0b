r"""A circuit's outputs as Fourier series of its inputs.

Where the angles that read inputs are multiples of these plus numbers, $\theta_s = a_s \cdot x +
b_s$, an output is a trigonometric polynomial of the $\theta_s$, whose degree in $\theta_s$ is at
most the number of gates at that angle: $f(x) = \sum_\omega c_\omega e^{i\,\omega \cdot x}$ with
$\omega = \sum_s k_s a_s$. The coefficients are the discrete Fourier transform of values on an
equidistant grid of the $\theta_s$, which the engines evaluate. Schuld, Sweke and Meyer,
arXiv:2008.08605.

Shape suffixes: S angles that read inputs, N inputs, F sets of weights, W weights, R readout
values, K frequencies, P points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Complex, Float
from numpy.typing import ArrayLike
from torch import Tensor

from resqunn.analysis.states import numbers
from resqunn.checks import require
from resqunn.circuits.angles import AnyAngle, Input, leaves, terms, value
from resqunn.circuits.gate_circuit import GateCircuit, PlainCircuit
from resqunn.engines.registry import engine
from resqunn.engines.slots import weight_slots
from resqunn.errors import CircuitError
from resqunn.nn.layer import Quanv

MOST_POINTS = 2**18
"""Of the grid: eleven inputs that are read once, or four that are read ten times."""

MOST_VALUES = 2**23
"""On the grid, of all outputs together."""

CHUNK = 2**20
"""Amplitudes that are computed at once."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    r"""Outputs as $f(x) = \sum_k c_k e^{i\,\omega_k \cdot x}$.

    Attributes:
        frequencies: the vectors $\omega_k$, (K, N), in radians for each unit of an input, all
            that the circuit can have: coefficients may be zero.
        coefficients: the $c_k$ of each output, (*F, R, K); that of $-\omega_k$ is the complex
            conjugate.
    """

    frequencies: Float[np.ndarray, "K N"]
    coefficients: Complex[np.ndarray, "*F R K"]

    def at(self, inputs: ArrayLike) -> Float[np.ndarray, "*F R *B"]:
        """The sum of the series at inputs (*B, N)."""
        waves = np.exp(1j * (np.asarray(inputs, dtype=float) @ self.frequencies.T))
        return np.real(np.tensordot(self.coefficients, waves, axes=(-1, -1)))


def spectrum(layer: Quanv | GateCircuit, weights: ArrayLike | None = None) -> Spectrum:
    """The frequencies and Fourier coefficients of each output, as functions of the inputs.

    Of a layer, the inputs are the pixels of a patch, and there is a series for each filter (with
    `channel_mode="sum"` for each filter and channel, whose values are added); its bias is left
    out. Of a circuit, the inputs are those of the circuit, in radians.

    Args:
        weights: of a circuit, (*F, num_weights) or (*F, *weight_shape), radians; of a layer its
            own by default.

    Raises:
        WrongTypeError: for what is no layer and no circuit.
        CircuitError: for a circuit that prepares amplitudes, an angle that is not a sum of
            multiples of inputs and numbers, too many frequencies, or weights that are missing.
        ShapeError: for weights of another shape.

    >>> from resqunn import Circuit
    >>> found = spectrum(Circuit("ry", "rx_chain", "z", inputs=1, depth=0))  # cos(x)
    >>> found.frequencies.tolist(), abs(found.coefficients).round(12).tolist()
    ([[-1.0], [0.0], [1.0]], [[0.5, 0.0, 0.5]])
    """
    require("layer", layer, Quanv | GateCircuit)
    scale, circuit = 1.0, layer
    if isinstance(layer, Quanv):
        scale, circuit = layer.angle_scale, layer.circuit
        weights = layer.weight if weights is None else weights
    assert isinstance(circuit, GateCircuit)
    weights_BW = numbers("weights", weights, circuit.weight_shape, circuit.num_weights > 0)
    weights_BW = weights_BW.detach().cpu()
    angles = InputAngles.of(circuit)
    whole = list(range(len(angles.degrees)))
    lead = tuple(weights_BW.shape[:-1])
    weights_FW = weights_BW.reshape(math.prod(lead), circuit.num_weights)
    found_FRK, counts_KS = coefficients(circuit, angles, weights_FW, whole, np.zeros(len(whole)))
    turned = found_FRK * np.exp(1j * counts_KS @ angles.shifts_S)
    omegas_KN, of = grouped(counts_KS @ angles.factors_SN)
    joined_KFR = np.zeros((len(omegas_KN), *turned.shape[:2]), dtype=complex)
    np.add.at(joined_KFR, of, np.moveaxis(turned, -1, 0))
    joined = np.moveaxis(joined_KFR, 0, -1)
    return Spectrum(omegas_KN * scale, joined.reshape(*lead, *joined.shape[1:]))


@dataclass(frozen=True)
class InputAngles:
    """The angles that read inputs, $a_s \\cdot x + b_s$, and how often each turns a gate.

    Attributes:
        factors_SN, shifts_S: $a_s$ and $b_s$.
        degrees: the largest multiple of each angle among the frequencies.
    """

    factors_SN: Float[np.ndarray, "S N"]
    shifts_S: Float[np.ndarray, " S"]
    degrees: tuple[int, ...]

    @classmethod
    def of(cls, circuit: GateCircuit) -> InputAngles:
        """
        Raises:
            CircuitError: if the outputs are no trigonometric polynomials of the inputs.
        """
        if circuit.prepares_amplitudes:
            raise CircuitError(
                "a spectrum must be of a circuit whose inputs are angles, got amplitudes"
            )
        slots = circuit.lowered.inputs
        angles: Sequence[AnyAngle] = (
            [Input(n) for n in range(circuit.num_inputs)] if slots is None else slots.angles
        )
        factors = np.zeros((len(angles), circuit.num_inputs))
        shifts = np.zeros(len(angles))
        for row, angle in enumerate(angles):
            for share, part in terms(angle):
                if isinstance(part, Input):
                    factors[row, part.index] += share * circuit.lowered.scale
                elif not leaves(part):
                    shifts[row] += share * value(part, (), ())
                else:
                    raise CircuitError(
                        "a spectrum must be of angles that are sums of multiples of inputs and "
                        f"numbers, got {angle}"
                    )
        degrees = [0] * len(angles)
        for operation in circuit.lowered.operations:
            if isinstance(operation.angle, Input):
                degrees[operation.angle.index] += 1
        squared = any(observable.variance for observable in circuit.observables)
        return cls(factors, shifts, tuple(d * (1 + squared) for d in degrees))


def coefficients(
    circuit: GateCircuit,
    angles: InputAngles,
    weights_FW: Tensor,
    of: Sequence[int],
    others_S: Float[np.ndarray, " S"],
) -> tuple[Complex[np.ndarray, "F R K"], Float[np.ndarray, "K S"]]:
    """The coefficients for the multiples of some of the angles, the others at the angles given.

    Returns:
        The coefficients, and the multiples that they belong to.

    Raises:
        CircuitError: for a grid that is too large.
    """
    sizes = [2 * angles.degrees[s] + 1 for s in of]
    points, outputs = math.prod(sizes), len(weights_FW) * circuit.num_outputs
    if points > MOST_POINTS or points * outputs > MOST_VALUES:
        raise CircuitError(
            f"a spectrum must have {MOST_POINTS:,} frequencies or fewer, and {MOST_VALUES:,} "
            f"coefficients of all outputs, got {points:,} and {points * outputs:,}"
        )
    grid_SP = np.repeat(others_S[:, None], points, axis=1)
    multiples_KS = np.zeros((points, len(others_S)))
    axes = [np.arange(size) for size in sizes]
    for s, size, places in zip(of, sizes, np.meshgrid(*axes, indexing="ij"), strict=True):
        grid_SP[s] = 2 * math.pi * places.reshape(-1) / size
        multiples_KS[:, s] = np.fft.fftfreq(size, 1 / size)[places.reshape(-1)]
    values = _values(circuit, torch.from_numpy(grid_SP), weights_FW)
    shape = (len(weights_FW), circuit.num_outputs)
    spaced = values.reshape(*shape, *sizes)
    found = np.fft.fftn(spaced, axes=tuple(range(2, spaced.ndim))) if sizes else spaced
    return found.reshape(*shape, points) / points, multiples_KS


def _values(circuit: GateCircuit, grid_SP: Tensor, weights_FW: Tensor) -> np.ndarray:
    """The outputs (F, R, P) where the angles that read inputs are those of the grid."""
    lowered = circuit.lowered
    if lowered.weights is not None:
        weights_FW = weight_slots(lowered.weights, weights_FW)
    plain = PlainCircuit(
        circuit.num_qubits,
        len(grid_SP),
        (weights_FW.shape[-1],),
        lowered.operations,
        circuit.observables,
        depth=circuit.depth,
        reupload=circuit.reupload,
    )
    chunk = max(1, CHUNK // (2**circuit.num_qubits * len(weights_FW)))
    with torch.no_grad():
        found = [
            engine("auto").expectation_values(plain, part[None].contiguous(), weights_FW[None])[0]
            for part in grid_SP.split(chunk, dim=1)
        ]
    return torch.cat(found, dim=-1).numpy()


def grouped(omegas_KN: Float[np.ndarray, "K N"]) -> tuple[np.ndarray, np.ndarray]:
    """The frequencies that differ by more than rounding, sorted, and which one each is."""
    rounded = np.round(omegas_KN, 9) + 0.0
    _, first, of = np.unique(rounded, axis=0, return_index=True, return_inverse=True)
    return omegas_KN[first] + 0.0, of.reshape(-1)
