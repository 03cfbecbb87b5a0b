r"""A circuit's outputs from its state, differentiable by torch.

A Pauli word flips the qubits of its X and Y, and multiplies each amplitude by a phase:
$\langle P\rangle = \sum_s \phi(s)\, \bar\psi_s\, \psi_{s \oplus m}$. Words that flip one
set of qubits $m$ share the products.

Shape suffixes: A amplitudes, P points, R readout values, T words.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Complex, Float
from torch import Tensor

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.observables import Word


def outputs(circuit: GateCircuit, state_AP: Complex[Tensor, "A P"]) -> Float[Tensor, "R P"]:
    """The values that the circuit returns, for each state."""
    words = list(dict.fromkeys(word for each in circuit.sums for _, word in each))
    by_flips: dict[int, list[int]] = {}
    for place, word in enumerate(words):
        by_flips.setdefault(_flips(word, circuit.num_qubits), []).append(place)
    nothing_P = torch.zeros(state_AP.shape[1], dtype=torch.float64)
    means = [nothing_P] * len(words)
    index = torch.arange(2**circuit.num_qubits)
    for flips, places in by_flips.items():
        products_AP = state_AP.conj() * state_AP[index ^ flips]
        phases_TA = np.stack([_phases(words[place], circuit.num_qubits) for place in places])
        found = (torch.from_numpy(phases_TA) @ products_AP).real
        for place, mean in zip(places, found, strict=True):
            means[place] = mean
    shares = np.zeros((len(circuit.sums), len(words)))
    for row, each in enumerate(circuit.sums):
        for share, word in each:
            shares[row, words.index(word)] += share
    means_TP = torch.stack(means) if words else nothing_P.new_zeros(0, len(nothing_P))
    values = list(torch.from_numpy(shares) @ means_TP)
    squares = iter(values[circuit.num_outputs :])
    for row, each in enumerate(circuit.observables):
        if each.variance:
            values[row] = next(squares) - values[row].square()
    return torch.stack(values[: circuit.num_outputs])


def _flips(word: Word, num_qubits: int) -> int:
    """The bits of a basis state that a word flips."""
    return sum(1 << (num_qubits - 1 - qubit) for qubit, letter in word if letter != "Z")


def _phases(word: Word, num_qubits: int) -> Complex[np.ndarray, " A"]:
    """What a word multiplies the amplitude by that becomes that of each basis state."""
    states, phases = np.arange(2**num_qubits), np.ones(2**num_qubits, dtype=complex)
    for qubit, letter in word:
        one = states >> (num_qubits - 1 - qubit) & 1
        if letter != "X":
            phases *= (1 - 2 * one) * (-1j if letter == "Y" else 1)
    return phases
