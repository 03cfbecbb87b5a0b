"""What a circuit can do: `circuit_report`.

Shape suffixes: N inputs, W weights, P points, A amplitudes, B bins.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import ArrayLike
from torch import Tensor

from resqunn.analysis import fidelities, sizes
from resqunn.analysis.derivatives import derivatives
from resqunn.analysis.spectrum import InputAngles, coefficients, grouped
from resqunn.analysis.states import numbers, states
from resqunn.checks import checked
from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.errors import CircuitError, ConfigurationError

MOST_QUBITS = 16

CHUNK = 2**15
"""Amplitudes that are computed at once, so few that they stay in the processor's cache."""

PROBES = 4
"""Random weights at which frequencies are looked for."""

TURN = 2 * math.pi


@dataclass(frozen=True)
class Estimate:
    """A value that is estimated from random points, and its standard error."""

    value: float
    error: float


@dataclass(frozen=True, eq=False)
class CircuitReport:
    r"""What a circuit can do.

    Attributes:
        num_qubits, num_inputs, num_weights, num_outputs: how many there are.
        gates: all gates, those of the encoding included.
        two_qubit_gates: those on two qubits or more.
        depth: the longest row of gates of which each shares a qubit with the next.
        flops: floating-point operations of one patch on a dense state vector, see
            `analysis.sizes.flops`.
        expressibility: the Kullback-Leibler divergence of the fidelities of pairs of states from
            those of Haar-random states, 0 for states that are spread evenly, to which the chance
            of finitely many pairs adds a little. Its error is a bootstrap's: histograms of pairs
            drawn again from those that were found.
        entangling_capability: the mean of Meyer and Wallach's Q.
        gradient_variance: the variance of the first output's derivative by a weight, averaged
            over weights; None for a circuit without weights.
        weight_variances: the variance for each weight.
        dead_weights: weights (flattened row-major) by which no output has a derivative at the
            random points.
        frequencies: for each input how many positive frequencies the outputs have; None where
            they are no trigonometric polynomials of the inputs, or of too many frequencies.
        fidelities: how many pairs of states fall into each bin of [0, 1].
        haar: the probability of each bin for Haar-random states.
        pairs, samples, seed, weight_range: as they were asked for.
    """

    num_qubits: int
    num_inputs: int
    num_weights: int
    num_outputs: int
    gates: int
    two_qubit_gates: int
    depth: int
    flops: int
    expressibility: Estimate
    entangling_capability: Estimate
    gradient_variance: Estimate | None
    weight_variances: Float[np.ndarray, " W"]
    dead_weights: tuple[int, ...]
    frequencies: tuple[int, ...] | None
    fidelities: Int[np.ndarray, " B"]
    haar: Float[np.ndarray, " B"]
    pairs: int
    samples: int
    seed: int
    weight_range: tuple[float, float]

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON-ready values."""
        found = dataclasses.asdict(self)
        return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in found.items()}


@checked
def circuit_report(
    circuit: GateCircuit,
    *,
    pairs: int = 5000,
    bins: int = 75,
    samples: int = 1000,
    weight_range: tuple[float, float] = (0.0, TURN),
    inputs: Any = None,
    seed: int = 0,
) -> CircuitReport:
    """Expressibility, entangling capability, gradients, spectrum and size of a circuit.

    Weights are drawn uniformly. The first two figures are those of Sim, Johnson and Aspuru-Guzik,
    arXiv:1905.10876, at inputs of 0, where a rotation by an input is the identity, so that they
    are the ansatz's. Derivatives, whose variance tells of barren plateaus (McClean et al.,
    arXiv:1803.11173), are taken at inputs that are drawn uniformly from [0, 2 pi), or, where they
    are amplitudes, from a normal distribution.

    Args:
        pairs: pairs of random states.
        bins: of the histogram of their fidelities.
        samples: random points of the derivatives.
        weight_range: from where to where weights are drawn, radians. The angle of a controlled
            rotation has the period 4 pi.
        inputs: (num_inputs,), those of every point; None as described.
        seed: of everything random; the same seed gives the same report.

    Raises:
        WrongTypeError: for arguments of a wrong type.
        ConfigurationError: for a number outside its range.
        CircuitError: for more than 16 qubits, or angles that are no finite numbers at some points.
        ShapeError: for inputs of another shape.

    >>> from resqunn import Circuit
    >>> report = circuit_report(Circuit("ry", "sim_2", "z", inputs=4, depth=1))
    >>> report.num_weights, report.gates, report.two_qubit_gates, report.depth
    (8, 15, 3, 6)
    """
    for name, value, least in (("pairs", pairs, 2), ("bins", bins, 2), ("samples", samples, 2)):
        if value < least:
            raise ConfigurationError(f"{name} must be {least} or more, got {value}")
    if not 0 <= seed < 2**63:
        raise ConfigurationError(f"seed must be 0 or more and below 2**63, got {seed}")
    if not -math.inf < weight_range[0] < weight_range[1] < math.inf:
        raise ConfigurationError(
            f"weight_range must be two numbers, the smaller first, got {weight_range}"
        )
    if circuit.num_qubits > MOST_QUBITS:
        raise CircuitError(
            f"a report must be of a circuit of {MOST_QUBITS} qubits or fewer, got "
            f"{circuit.num_qubits}"
        )
    draw = _Draw(circuit, weight_range, inputs, np.random.default_rng(seed))
    counts_B, entanglements_P = _random_states(draw, pairs, bins)
    log_law_B = fidelities.haar_log(bins, circuit.num_qubits)
    found = derivatives(circuit, draw.inputs(samples), draw.weights(samples), draw.rng)
    return CircuitReport(
        num_qubits=circuit.num_qubits,
        num_inputs=circuit.num_inputs,
        num_weights=circuit.num_weights,
        num_outputs=circuit.num_outputs,
        gates=len(circuit.operations),
        two_qubit_gates=sum(len(operation.qubits) > 1 for operation in circuit.operations),
        depth=sizes.depth(circuit),
        flops=sizes.flops(circuit),
        expressibility=Estimate(
            float(fidelities.divergence(counts_B, log_law_B)),
            fidelities.divergence_error(counts_B, log_law_B, draw.rng),
        ),
        entangling_capability=Estimate(
            float(entanglements_P.mean()),
            float(entanglements_P.std(ddof=1) / math.sqrt(len(entanglements_P))),
        ),
        gradient_variance=Estimate(*found.variance()) if circuit.num_weights else None,
        weight_variances=found.first_WP.var(axis=1, ddof=1),
        dead_weights=tuple(np.flatnonzero(found.dead_W).tolist()),
        frequencies=_frequencies(draw),
        fidelities=counts_B,
        haar=np.exp(log_law_B),
        pairs=pairs,
        samples=samples,
        seed=seed,
        weight_range=weight_range,
    )


@dataclass(frozen=True)
class _Draw:
    """Where random points come from."""

    circuit: GateCircuit
    weight_range: tuple[float, float]
    given: ArrayLike | None
    rng: np.random.Generator

    def weights(self, points: int) -> Float[Tensor, "W P"]:
        """Weights from their range."""
        low, high = self.weight_range
        drawn_PW = self.rng.uniform(low, high, (points, self.circuit.num_weights))
        return torch.from_numpy(drawn_PW.T)

    def inputs(self, points: int, fixed: bool = False) -> Float[Tensor, "N P"]:
        """The inputs that were given; else random ones, or zeros if they are to be fixed."""
        count = self.circuit.num_inputs
        if self.given is not None or fixed:
            found_N = numbers("inputs", self.given, (count,), needed=False)
            return found_N.reshape(count, 1).expand(count, points)
        if self.circuit.prepares_amplitudes:
            return torch.from_numpy(self.rng.normal(size=(points, count)).T)
        return torch.from_numpy(self.rng.uniform(0, TURN, (points, count)).T)


def _random_states(draw: _Draw, pairs: int, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """The histogram of the fidelities, and the entanglement of each state."""
    weights_WP, inputs_NP = draw.weights(2 * pairs), draw.inputs(2 * pairs, fixed=True)
    chunk = 2 * max(1, CHUNK // 2 ** (draw.circuit.num_qubits + 1))
    overlaps, entanglements = [], []
    with torch.no_grad():
        for start in range(0, 2 * pairs, chunk):
            part = slice(start, start + chunk)
            found_AP = states(draw.circuit, inputs_NP[:, part], weights_WP[:, part])
            overlaps.append(fidelities.pair_fidelities(found_AP))
            entanglements.append(fidelities.meyer_wallach(found_AP))
    every = np.concatenate(overlaps)
    if np.isnan(every).any():
        raise CircuitError(
            "angles must be finite numbers at the weights that are drawn, got others: give "
            "another weight_range"
        )
    return np.histogram(every, bins, (0, 1))[0], np.concatenate(entanglements)


def _frequencies(draw: _Draw) -> tuple[int, ...] | None:
    """For each input how many positive frequencies the outputs have, at random weights and other
    inputs."""
    circuit = draw.circuit
    try:
        angles = InputAngles.of(circuit)
        weights_FW = draw.weights(PROBES).T.contiguous()
        found = []
        for n, factors_S in enumerate(angles.factors_SN.T):
            of = np.flatnonzero(factors_S).tolist()
            inputs_N = draw.rng.uniform(0, TURN, circuit.num_inputs)
            inputs_N[n] = 0
            others_S = angles.factors_SN @ inputs_N + angles.shifts_S
            found_FRK, counts_KS = coefficients(circuit, angles, weights_FW, of, others_S)
            turned = found_FRK * np.exp(1j * counts_KS @ others_S)
            omegas_K1, joins = grouped((counts_KS @ factors_S)[:, None])
            sums = np.zeros((len(omegas_K1), *turned.shape[:2]), dtype=complex)
            np.add.at(sums, joins, np.moveaxis(turned, -1, 0))
            there = np.abs(sums).max(axis=(1, 2), initial=0) > 1e-10
            found.append(int((there & (omegas_K1[:, 0] > 1e-9)).sum()))
    except CircuitError:
        return None
    return tuple(found)
