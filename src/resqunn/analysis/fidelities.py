r"""How random states are spread over all states, and how entangled they are.

Sim, Johnson and Aspuru-Guzik, arXiv:1905.10876. Of two random states of a circuit, the fidelity
$F = |\langle\psi|\varphi\rangle|^2$ is drawn from a law that is compared with that of two states
of the Haar measure, whose density is $(A - 1) (1 - F)^{A - 2}$ with $A = 2^n$.

Shape suffixes: A amplitudes, P states, B bins.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex, Float, Int
from torch import Tensor

RESAMPLED = 400
"""Histograms that the error of a divergence is taken from."""


def haar_log(bins: int, num_qubits: int) -> Float[np.ndarray, " B"]:
    r"""The logarithm of the probability of each bin: $(1 - F)^{A-1}$ at its left end less that at
    its right end."""
    edges, power = np.arange(bins) / bins, 2.0**num_qubits - 1
    left = 1 - edges
    right = np.maximum(left - 1 / bins, 0) / left
    right[-1] = 0
    return power * np.log(left) + np.log1p(-(right**power))


def pair_fidelities(states_AP: Complex[Tensor, "A P"]) -> Float[np.ndarray, " Q"]:
    """The fidelity of the first and the second state, of the third and the fourth, and so on."""
    overlaps = (states_AP[:, ::2].conj() * states_AP[:, 1::2]).sum(dim=0)
    return overlaps.abs().square().clamp(0, 1).numpy()


def divergence(
    counts_B: Int[np.ndarray, "*M B"], log_law_B: Float[np.ndarray, " B"]
) -> Float[np.ndarray, "*M"]:
    r"""$\sum_b p_b \ln(p_b / q_b)$, the Kullback-Leibler divergence of histograms from a law."""
    shares = counts_B / counts_B.sum(axis=-1, keepdims=True)
    logs = np.log(np.where(shares > 0, shares, 1))
    return np.asarray(np.where(shares > 0, shares * (logs - log_law_B), 0).sum(axis=-1))


def divergence_error(
    counts_B: Int[np.ndarray, " B"], log_law_B: Float[np.ndarray, " B"], rng: np.random.Generator
) -> float:
    """The standard deviation of the divergence among histograms of pairs drawn again from those
    that were found (a bootstrap)."""
    pairs = int(counts_B.sum())
    again = rng.multinomial(pairs, counts_B / pairs, size=RESAMPLED)
    return float(divergence(again, log_law_B).std(ddof=1))


def meyer_wallach(states_AP: Complex[Tensor, "A P"]) -> Float[np.ndarray, " P"]:
    r"""$Q = 2\,(1 - \frac{1}{n} \sum_q \mathrm{tr}\,\rho_q^2)$ of each state, with $\rho_q$ the
    density matrix of qubit $q$: 0 for product states, 1 where each qubit is maximally mixed.

    Meyer and Wallach, arXiv:quant-ph/0108104, in the form of Brennen, arXiv:quant-ph/0305094.
    """
    qubits = len(states_AP).bit_length() - 1
    purities = np.zeros(states_AP.shape[1])
    for qubit in range(qubits):
        zero, one = states_AP.unflatten(0, (2**qubit, 2, -1)).unbind(1)
        low, high = zero.abs().square().sum(dim=(0, 1)), one.abs().square().sum(dim=(0, 1))
        between = (zero.conj() * one).sum(dim=(0, 1)).abs()
        purities += (low.square() + high.square() + 2 * between.square()).numpy()
    return 2 * (1 - purities / qubits)
