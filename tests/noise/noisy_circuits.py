"""Random noise, and random circuits with it."""

from __future__ import annotations

import random

import numpy as np
import torch
from torch import Tensor

from resqunn import Channel, Noise, Rule, to_pennylane
from resqunn.circuits.channels import CHANNELS
from resqunn.circuits.circuit import Circuit
from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.noisy_circuit import add_noise
from resqunn.engines.base import Engine

ENCODINGS = ("ry", "rx", "rz", "plain_rz", "learnable_ry", "dense_angle", "iqp", "amplitude")
ANSATZE = ("rx_chain", "ry_ring", "crz_ring", "strongly_entangling", "sim_2", "two_local", "ttn")
READOUTS = ("z", "mean_z", "xyz", "zz", "probs", "var_z", "y")
PLACES = ("gate", "layer", "readout")


def random_channel(rng: random.Random, qubits: int) -> Channel:
    """Any channel: an isometry to the qubits and a few more."""
    draw = np.random.default_rng(rng.getrandbits(32))
    size, count = 2**qubits, rng.randint(1, 3)
    real, imaginary = draw.normal(size=(2, count * size, size))
    isometry, _ = np.linalg.qr(real + 1j * imaginary)
    mild = np.eye(size) * np.sqrt(0.9)
    kraus = [mild, *(np.sqrt(0.1) * part for part in isometry.reshape(count, size, size))]
    return Channel.from_kraus(f"any{qubits}", kraus)


def random_noise(rng: random.Random, qubits: int, flips: bool) -> Noise:
    """Each channel, mixtures of them, and rules, in each place."""
    where = rng.choice(PLACES)
    strengths = {
        name: rng.choice((0.02, 0.3, 1.0)) * rng.random()
        for name in rng.sample(list(CHANNELS), rng.randint(1, 2))
    }
    rules = []
    if rng.random() < 0.4:
        rules.append(Rule(random_channel(rng, 1), rng.choice(PLACES)))
    if rng.random() < 0.3 and qubits > 1:
        rules.append(Rule(random_channel(rng, 2)))
        pair = tuple(rng.sample(range(qubits), 2))
        rules.append(Rule(random_channel(rng, 2), rng.choice(PLACES), qubits=pair))
    if rng.random() < 0.3:
        rules.append(Rule(CHANNELS["depolarizing"](0.1), gates=("CNOT", "RX", "CRZ"), qubits=(0,)))
    return Noise(*rules, readout=rng.choice((0.0, 0.1)) * flips, where=where, **strengths)


def random_noisy_circuit(seed: int) -> GateCircuit:
    """A circuit of two or three qubits; every other one encodes once."""
    rng = random.Random(seed)
    encoding = ENCODINGS[seed % len(ENCODINGS)]
    inputs = {"dense_angle": 4, "amplitude": 4}.get(encoding, rng.randint(2, 3))
    circuit = Circuit(
        encoding,
        ANSATZE[seed % len(ANSATZE)],
        rng.choice(READOUTS),
        inputs=inputs,
        depth=rng.randint(1, 2),
        reupload=encoding != "amplitude" and seed // len(ENCODINGS) % 2 == 1,
    )
    # PennyLane flips bits of Z alone; `test_measured_bits_are_flipped_in_every_basis` has others.
    flips = circuit.readout.name not in ("xyz", "y")
    return add_noise(circuit, random_noise(rng, circuit.num_qubits, flips))


def arguments(circuit: GateCircuit, seed: int, patches: int = 2) -> tuple[Tensor, Tensor]:
    """Inputs and weights in double precision, to be differentiated by."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(1, circuit.num_inputs, patches, generator=generator, dtype=torch.float64)
    w = 6 * torch.rand(1, 2, circuit.num_weights, generator=generator, dtype=torch.float64)
    return (x + 0.1).requires_grad_(), w.requires_grad_()


def by_pennylane(circuit: GateCircuit, seed: int) -> list[Tensor]:
    """What `everything` gives, by PennyLane's `default.mixed` on the circuit as it is drawn."""
    x, w = arguments(circuit, seed)
    qnode = to_pennylane(circuit, "default.mixed")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        rows = []
        for weights in w[0]:
            values = qnode(x[0].T, weights)
            if not isinstance(values, list | tuple):  # probabilities, or one value
                values = list(values.T) if values.ndim == 2 else [values]
            rows.append(torch.stack([v.real.double().expand(x.shape[2]) for v in values]))
        y = torch.stack(rows)[None]
        share = torch.linspace(-1, 1, y.numel(), dtype=torch.float64).reshape(y.shape)
        found = torch.autograd.grad((share * y).sum(), (x, w), allow_unused=True)
    finally:
        torch.set_default_dtype(before)
    return [y.detach(), *(torch.zeros(1) if each is None else each for each in found)]


def everything(engine: Engine, circuit: GateCircuit, seed: int) -> list[Tensor]:
    """Values, and derivatives of a sum of them by inputs and by weights."""
    x, w = arguments(circuit, seed)
    y = engine.expectation_values(circuit, x, w)
    share = torch.linspace(-1, 1, y.numel(), dtype=torch.float64).reshape(y.shape)
    found = torch.autograd.grad((share * y).sum(), (x, w), allow_unused=True)
    return [y.detach(), *(torch.zeros(1) if each is None else each for each in found)]
