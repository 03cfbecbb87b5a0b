"""Circuits as data: their operations, shapes, drawing, and mistakes."""

import copy
import pickle
from dataclasses import dataclass

import jaxtyping
import numpy as np
import pytest
import torch

from resqunn import Quanv2d
from resqunn.circuits.angles import leaves
from resqunn.circuits.ansatze import ANSATZE, SEEDED, Ansatz, GateList, Random, ansatz
from resqunn.circuits.circuit import Circuit
from resqunn.circuits.encodings import ENCODINGS, AngleEncoding
from resqunn.circuits.observables import Observable
from resqunn.circuits.operations import Input, Operation, Weight
from resqunn.circuits.readouts import READOUTS, Readout
from resqunn.errors import CircuitError, ConfigurationError

from support import expectations, random_circuit


def test_paper_gate_counts_of_a_depth_two_layer() -> None:
    circuit = Circuit("ry", "ry_chain", "z", inputs=4, depth=2)
    names = [operation.name for operation in circuit.operations]
    assert names.count("RY") == 4 + 8
    assert names.count("CNOT") == 6
    again = Circuit("ry", "ry_chain", "z", inputs=4, depth=2, reupload=True)
    assert len(again.operations) == len(circuit.operations) + 4


WITH_OTHERS = {"real_amplitudes": (4,), "efficient_su2": (4,), "two_local": (4,)}
"""First axes of the weights of ansaetze that have some outside of their layers."""


@pytest.mark.parametrize("name", [*ANSATZE, *(f"{kind}:12" for kind in SEEDED)])
@pytest.mark.parametrize("qubits", [1, 2, 3, 5])
def test_every_weight_is_used_once(name: str, qubits: int) -> None:
    circuit = Circuit("ry", name, "z", inputs=qubits, depth=3)
    used = [o.angle.index for o in circuit.operations if isinstance(o.angle, Weight)]
    assert sorted(used) == list(range(circuit.num_weights))
    if name == "simplified_two_design":
        assert circuit.weight_shape == (qubits + 6 * (qubits - 1),)
    else:
        assert circuit.weight_shape[:1] == WITH_OTHERS.get(name, (3,))
    assert int(np.prod(circuit.weight_shape)) == circuit.num_weights


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("values", [1, 2, 3, 4, 5, 9])
def test_encodings_use_every_value(name: str, values: int) -> None:
    circuit = Circuit(name, "rx_chain", "z", inputs=values, depth=1)
    if circuit.prepares_amplitudes:
        assert 2**circuit.num_qubits >= values
        assert circuit.num_qubits == 1 or 2 ** (circuit.num_qubits - 1) < values
        angles = list(circuit.amplitudes or map(Input, range(values)))
    else:
        angles = [angle for operation in circuit.operations for angle in operation.angles]
    read = {leaf for angle in angles for leaf in leaves(angle)}
    assert {leaf.index for leaf in read if isinstance(leaf, Input)} == set(range(values))


def test_rings_close_for_three_qubits_and_more() -> None:
    def cnots(qubits: int) -> list[tuple[int, ...]]:
        circuit = Circuit("ry", "rx_ring", "z", inputs=qubits, depth=1)
        return [o.qubits for o in circuit.operations if o.name == "CNOT"]

    assert cnots(1) == []
    assert cnots(2) == [(0, 1)]
    assert cnots(3) == [(0, 1), (1, 2), (2, 0)]


def test_random_ansatz_is_fixed_by_its_seed() -> None:
    first, again = ansatz("random:3"), Random("random:3", seed=3)
    assert first == again
    assert first.layer(0, 4) == again.layer(0, 4)
    assert ansatz("random:3").layer(0, 6) != ansatz("random:4").layer(0, 6)
    # The numbers themselves, so that a published circuit stays what it was.
    told = [f"{o.name}{o.qubits}" for o in ansatz("random").layer(0, 4)]
    assert told == ["RZ(2,)", "CNOT(1, 0)", "CNOT(1, 2)", "RZ(2,)", "RX(3,)", "RY(2,)"]
    with pytest.raises(ConfigurationError, match="entangling"):
        Random(entangling=1.0)


@pytest.mark.parametrize("name", READOUTS)
def test_readouts_lie_in_minus_one_to_one(name: str) -> None:
    circuit = Circuit("ry", "rx_chain", name, inputs=3, depth=0)
    zeros = np.eye(8)[0]
    expected = {"xyz": [0] * 6 + [1] * 3, "probs": zeros}.get(name, name[0] not in "xyv")
    assert np.allclose(expectations(zeros, circuit), expected)  # |000> is +1 of every Z
    for run in circuit.runs if name != "var_z" else ():
        assert np.abs(run.circuit.diagonals()).max() <= 1


def test_qubit_zero_is_the_most_significant_bit() -> None:
    z0 = Circuit("ry", "rx_chain", "z0", inputs=3, depth=0).diagonals()[0]
    assert z0.tolist() == [1, 1, 1, 1, -1, -1, -1, -1]
    both = Circuit("ry", "rx_chain", "z2,z0", inputs=3, depth=0).diagonals()
    assert both[0].tolist() == [1, -1] * 4
    assert both[1].tolist() == z0.tolist()


def test_circuits_are_values() -> None:
    for seed in range(20):
        circuit = random_circuit(seed)
        for same in (pickle.loads(pickle.dumps(circuit)), copy.deepcopy(circuit)):
            assert same == circuit
            assert hash(same) == hash(circuit)
            assert same.operations == circuit.operations


def test_drawing() -> None:
    assert Circuit("rz", "strongly_entangling", "z1", inputs=2, depth=1).draw().splitlines() == [
        "0: ─H─RZ(x0)─RZ(w0)─RY(w1)─RZ(w2)─●─⊕─┤",
        "1: ─H─RZ(x1)─RZ(w3)─RY(w4)─RZ(w5)─⊕─●─┤ <Z>",
    ]
    ring = Circuit("ry", "ry_ring", "z", inputs=3, depth=1).draw().splitlines()
    assert "│" in ring[1]  # the closing CNOT passes the middle wire
    assert "amplitude" in Circuit("amplitude", "rx_chain", "z", inputs=4, depth=0).draw()
    lengths = {len(line.split("┤")[0]) for line in random_circuit(5).draw().splitlines()}
    assert len(lengths) == 1


def test_the_drawing_tells_what_is_measured() -> None:
    @dataclass(frozen=True)
    class Products(Readout):
        name: str = "products"

        def observables(self, qubits: int) -> tuple[Observable, ...]:
            return (Observable(((1.0, (0, 1)), (-0.5, (2,)))), Observable(((0.25, (2,)),)))

    def ends(readout: str | Readout, inputs: int) -> list[str]:
        lines = Circuit("ry", "rx_chain", readout, inputs=inputs, depth=0).draw().splitlines()
        return [line.partition("┤")[2].strip() for line in lines]

    assert ends("z", 2) == ["<Z>", "<Z>"]
    assert ends("mean_z", 3) == ["<Z>/3"] * 3
    assert ends("z1", 2) == ["", "<Z>"]
    assert ends(Products(), 3) == ["<Z0 Z1>", "<Z0 Z1>", "-0.5 <Z>, <Z>/4"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"encoding": "amplitudes"}, ConfigurationError, "did you mean 'amplitude'"),
        ({"ansatz": "rx_chian"}, ConfigurationError, "did you mean 'rx_chain'"),
        ({"readout": "mean"}, ConfigurationError, "did you mean 'mean_z'"),
        ({"readout": "z4"}, CircuitError, "qubits from 0 to 3, got"),
        ({"inputs": 0}, CircuitError, "inputs must be 1 or more, got 0"),
        ({"depth": -1}, CircuitError, "depth must be 0 or more, got -1"),
        ({"encoding": "amplitude", "reupload": True}, CircuitError, "reupload=False"),
    ],
)
def test_mistakes(arguments: dict, error: type[Exception], message: str) -> None:
    options = {"encoding": "ry", "ansatz": "rx_chain", "readout": "z", "inputs": 4, "depth": 1}
    with pytest.raises(error, match=message):
        Circuit(**(options | arguments))


@pytest.mark.parametrize(
    ("name", "qubits", "angle", "message"),
    [
        ("RX", (0, 1), Weight(0), "1 different qubit"),
        ("CNOT", (1, 1), None, "2 different qubit"),
        ("RX", (0,), None, "must have an angle, got None"),
        ("H", (0,), Input(0), "must have no angle, got x0"),
    ],
)
def test_operations_that_do_not_fit(name: str, qubits: tuple, angle, message: str) -> None:
    with pytest.raises(CircuitError, match=message):
        Operation(name, qubits, angle)


class Repeated(Random):
    """Inherits the equality of `Random`, which does not know of `times`."""

    def __init__(self, times: int) -> None:
        super().__init__("repeated", seed=1)
        object.__setattr__(self, "times", times)

    def layer(self, index: int, num_qubits: int) -> tuple[Operation, ...]:
        return super().layer(index, num_qubits) * self.times


def test_case_4_circuits_are_equal_exactly_if_their_operations_are(monkeypatch) -> None:
    def circuit(ansatz, readout="z", inputs=3) -> Circuit:
        return Circuit("ry", ansatz, readout, inputs=inputs, depth=1)

    assert Repeated(1) == Repeated(2)
    assert circuit(Repeated(1)) != circuit(Repeated(2))
    named = circuit(Random("another name", seed=1))
    assert circuit("random:1") == named
    assert hash(circuit("random:1")) == hash(named)
    assert circuit("random:1") != circuit("random:2")
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as users have it
    assert circuit(Random("r", seed=1)) != circuit(Random("r", seed=1.0))  # which draw otherwise
    assert circuit("random:1") != circuit("random:1", readout="z0")
    assert circuit("ry_chain", inputs=2) == circuit("ry_ring", inputs=2)
    # Three and four amplitudes have the same gates on as many qubits.
    three, four = (Circuit("amplitude", "rx_chain", "z", inputs=n, depth=1) for n in (3, 4))
    assert three != four
    assert named != "random:1"


@dataclass(frozen=True)
class Given(Ansatz):
    """One operation, and one weight a layer."""

    operation: Operation
    name: str = "given"

    def layer_shape(self, num_qubits: int) -> tuple[int, ...]:
        return (1,)

    def layer(self, index: int, num_qubits: int) -> tuple[Operation, ...]:
        return (self.operation,)


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (Operation("RX", (0,), Weight(1)), r"weight must be below 1 .* got 1"),
        (Operation("RX", (0,), Input(2)), r"input must be below 2 .* got 2"),
        (Operation("X", (2,)), r"qubit must be below 2 .* got 2"),
        (Operation("X", (-1,)), r"qubit must be below 2 .* got -1"),
    ],
)
def test_operations_on_what_is_not_there(operation: Operation, message: str) -> None:
    with pytest.raises(CircuitError, match=message):
        Circuit("ry", Given(operation), "z", inputs=2, depth=1)
    with pytest.raises(CircuitError, match="index must be 0 or more, got -1"):
        Weight(-1)


def test_own_encodings_are_accepted() -> None:
    own = AngleEncoding("h_ry", ("H", "RY"))
    assert Circuit(own, "rx_chain", "z", inputs=2, depth=1).encoding is own


def test_a_layer_given_by_its_gates() -> None:
    gates = [Operation("RY", (q,), Weight(q)) for q in range(3)]
    gates += [Operation("CNOT", (0, 1)), Operation("RZ", (2,), Input(1) + 2 * Weight(1))]
    circuit = Circuit("rx", GateList(gates), "z", inputs=3, depth=2)
    assert circuit.weight_shape == (2, 3)
    second = circuit.operations[3 + len(gates) :]
    assert second[0] == Operation("RY", (0,), Weight(3))
    assert second[-1] == Operation("RZ", (2,), Input(1) + 2.0 * Weight(4))
    empty = Circuit("rx", GateList([Operation("CZ", (0, 1))]), "z", inputs=2, depth=2)
    assert empty.num_weights == 0
    layer = Quanv2d(1, 4, 2, ansatz=GateList([Operation("CZ", (0, 1))]))
    assert layer(torch.rand(1, 1, 3, 3)).shape == (1, 4, 2, 2)
    with pytest.raises(CircuitError, match="qubit must be below 2"):
        Circuit("rx", GateList([Operation("CZ", (1, 2))]), "z", inputs=2, depth=1)
