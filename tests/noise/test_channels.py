"""Channels and noise as data."""

import numpy as np
import pennylane as qml
import pytest

from resqunn import Channel, Circuit, Noise, Rule
from resqunn.circuits.channels import CHANNELS, ChannelOperation, depolarizing
from resqunn.circuits.noisy_circuit import add_noise
from resqunn.errors import CircuitError, ConfigurationError


def rows(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, matrix.tolist()))


PENNYLANE = {
    "depolarizing": qml.DepolarizingChannel,
    "bit_flip": qml.BitFlip,
    "phase_flip": qml.PhaseFlip,
    "phase_damping": qml.PhaseDamping,
    "amplitude_damping": qml.AmplitudeDamping,
}


@pytest.mark.parametrize("strength", [0.0, 0.1, 0.75, 1.0])
@pytest.mark.parametrize("name", CHANNELS)
def test_channels_are_those_of_pennylane(name: str, strength: float) -> None:
    theirs = Channel.from_kraus(name, PENNYLANE[name](strength, wires=0).kraus_matrices())
    ours = CHANNELS[name](strength)
    # PennyLane adds 1e-14 to what it takes the root of.
    assert np.allclose(ours.matrix, theirs.matrix, rtol=0, atol=2e-7 if strength == 1 else 1e-12)
    again = Channel.from_kraus(name, ours.kraus)
    assert np.allclose(again.matrix, ours.matrix, rtol=0, atol=1e-12)
    assert ours.num_qubits == 1
    assert ours.is_identity == (strength == 0)


def test_a_channel_of_two_qubits_is_its_kraus_operators() -> None:
    kraus = [np.sqrt(0.75) * np.eye(4), np.sqrt(0.25) * np.kron([[0, 1], [1, 0]], np.diag([1, -1]))]
    channel = Channel.from_kraus("x on the first, z on the second", kraus)
    # Of ZI it flips the sign with probability 1/4, and of IX; ZX, XZ and II are left alone.
    diagonal = np.diag(channel.matrix)
    assert channel.num_qubits == 2
    assert channel.is_pauli
    assert np.allclose(diagonal[[12, 1, 13, 7, 0]], [0.5, 0.5, 1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Channel("c", ((1.0,),)), "4 x 4 or 16 x 16"),
        (lambda: Channel("c", rows(np.diag([0.9, 1, 1, 1]))), "preserve the trace"),
        (lambda: Channel("c", rows(np.diag([1, 1, 1, -1.0]))), "completely positive"),
        (lambda: Channel("c", rows(np.diag([1, np.nan, 1, 1]))), "preserve the trace|positive"),
        (lambda: Channel.from_kraus("c", [np.eye(2), np.eye(2)]), "preserve the trace"),
        (lambda: Channel.from_kraus("c", [np.eye(3)]), "2 x 2 or 4 x 4"),
        (lambda: Channel.from_kraus("c", []), "2 x 2 or 4 x 4"),
        (lambda: Channel.from_kraus("c", [np.eye(2), np.eye(4)]), "2 x 2 or 4 x 4"),
        (lambda: ChannelOperation.of(depolarizing(0.1), 0, 1), "1 different qubit"),
        (lambda: depolarizing(2.0), "completely positive"),
    ],
)
def test_what_is_no_channel(make: object, message: str) -> None:
    with pytest.raises(CircuitError, match=message):
        make()  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depolarizing": 1.5}, r"depolarizing must be in \[0, 1\], got 1.5"),
        ({"readout": -0.1}, r"readout must be in \[0, 1\]"),
        ({"bit_flip": float("nan")}, r"bit_flip must be in \[0, 1\]"),
        ({"where": "gates"}, "unknown where 'gates'; did you mean 'gate'"),
    ],
)
def test_noise_that_there_is_not(options: dict, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Noise(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"place": "end"}, "unknown place"),
        ({"gates": ("RXX",)}, "unknown gate"),
        ({"gates": ("RX",), "place": "layer"}, "place='gate'"),
        ({"qubits": (0, 0)}, "different"),
        ({"qubits": (-1,)}, "0 or more"),
    ],
)
def test_rules_that_do_not_fit(options: dict, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Rule(depolarizing(0.1), **options)


def test_rules_of_two_qubits_that_do_not_fit() -> None:
    two = Channel("two", rows(np.eye(16)))
    with pytest.raises(ConfigurationError, match="two qubits for a channel of two"):
        Rule(two, gates=("RX",))
    with pytest.raises(ConfigurationError, match="qubits must be two"):
        Rule(two, "layer")


def test_noise_on_qubits_that_are_not_there() -> None:
    circuit = Circuit("ry", "rx_chain", "z", inputs=2, depth=1)
    with pytest.raises(CircuitError, match="qubits of noise must be below 2"):
        add_noise(circuit, Noise(Rule(depolarizing(0.1), "readout", qubits=(2,))))


def test_noise_is_what_it_says() -> None:
    noise = Noise(depolarizing=0.1, readout=0.05, where="layer")
    assert repr(noise) == "Noise(depolarizing=0.1, readout=0.05, where='layer')"
    assert noise == Noise(depolarizing=0.1, readout=0.05, where="layer") != Noise()
    assert len({noise, Noise(readout=0.05, depolarizing=0.1, where="layer")}) == 1
    circuit = Circuit("ry", "rx_chain", "z", inputs=2, depth=1)
    assert add_noise(circuit, Noise()) is circuit
    assert add_noise(circuit, noise) == add_noise(circuit, noise) != circuit
    assert "[depolarizing]" in add_noise(circuit, noise).draw()
    with pytest.raises(CircuitError, match="OpenQASM"):
        add_noise(circuit, noise).to_qasm()
