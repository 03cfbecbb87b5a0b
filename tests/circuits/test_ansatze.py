"""Ansaetze of the table against PennyLane's templates and Qiskit's library of the same names."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pennylane as qml
import pytest
import torch
from qiskit.circuit.library import efficient_su2, n_local, real_amplitudes
from qiskit.quantum_info import Operator

from resqunn import Circuit, Quanv2d
from resqunn.circuits.angles import value
from resqunn.circuits.ansatze import (
    ANSATZE,
    Ansatz,
    RandomLayers,
    RotationChain,
    StronglyEntangling,
    TwoLocal,
    ansatz,
)
from resqunn.circuits.entanglement import ENTANGLEMENTS, pairs
from resqunn.circuits.operations import Operation
from resqunn.engines.registry import engine
from resqunn.errors import CircuitError, ConfigurationError

from support import random_arguments, values_and_gradients


def drawn(shape: Sequence[int]) -> np.ndarray:
    return np.random.default_rng(7).uniform(-3, 3, shape)


def applied(operations: Sequence[Operation], weights: np.ndarray) -> None:
    """Queues operations as PennyLane's."""
    numbers = weights.reshape(-1).tolist()
    for operation in operations:
        angles = [value(angle, (), numbers) for angle in operation.angles]
        getattr(qml, operation.gate.pennylane)(*angles, wires=operation.qubits)


def unitary(template: str | Ansatz, qubits: int, depth: int, weights: np.ndarray) -> np.ndarray:
    """Of the gates after the encoding, which has no angle here."""
    circuit = Circuit("ry", template, "z", inputs=qubits, depth=depth)
    assert circuit.weight_shape == weights.shape
    of_ansatz = circuit.operations[qubits:]
    return qml.matrix(applied, wire_order=range(qubits))(of_ansatz, weights)


def assert_same(
    template: str | Ansatz, qubits: int, depth: int, shape: Sequence[int], expected: Callable
) -> None:
    """Asks whether an ansatz is what a function of the weights queues."""
    weights = drawn(shape)
    theirs = qml.matrix(expected, wire_order=range(qubits))(weights)
    assert np.allclose(unitary(template, qubits, depth, weights), theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("qubits", [1, 2, 3, 5])
@pytest.mark.parametrize("axis", ["X", "Y", "Z"])
def test_rings_are_basic_entangler_layers(axis: str, qubits: int) -> None:
    gate = getattr(qml, f"R{axis}")
    assert_same(
        f"r{axis.lower()}_ring", qubits, 3, (3, qubits),
        lambda w: qml.BasicEntanglerLayers(w, wires=range(qubits), rotation=gate),
    )  # fmt: skip


@pytest.mark.parametrize("qubits", [1, 2, 3, 5])
@pytest.mark.parametrize(
    ("template", "options"),
    [
        ("strongly_entangling", {}),
        ("strongly_entangling_cz", {"imprimitive": qml.CZ}),
        (StronglyEntangling("own", "ISWAP", (1, 3)), {"imprimitive": qml.ISWAP, "ranges": (1, 3)}),
    ],
)
def test_strongly_entangling(template: str | Ansatz, options: dict, qubits: int) -> None:
    if qubits == 1 and "ranges" in options:  # which PennyLane refuses
        return
    if qubits == 3 and "ranges" in options:
        with pytest.raises(CircuitError, match="no multiples of the 3 qubits, got 3"):
            Circuit("ry", template, "z", inputs=qubits, depth=2)
        return
    assert_same(
        template, qubits, 2, (2, qubits, 3),
        lambda w: qml.StronglyEntanglingLayers(w, wires=range(qubits), **options),
    )  # fmt: skip


def test_ring_of_controlled_rotations() -> None:
    def ring(w: np.ndarray) -> None:
        for layer in w:
            for q in range(4):
                qml.CRZ(layer[q], wires=[q, (q + 1) % 4])

    assert_same("crz_ring", 4, 2, (2, 4), ring)
    assert Circuit("ry", "crz_ring", "z", inputs=1, depth=2).weight_shape == (2, 0)


@pytest.mark.parametrize("qubits", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("depth", [0, 2])
def test_simplified_two_design(qubits: int, depth: int) -> None:
    def design(w: np.ndarray) -> None:
        first, rest = w[:qubits], w[qubits:].reshape(depth, qubits - 1, 2)
        qml.SimplifiedTwoDesign(first, rest, wires=range(qubits))

    def first_alone(w: np.ndarray) -> None:
        for q in range(qubits):
            qml.RY(w[q], wires=q)

    shape = (qubits + 2 * depth * (qubits - 1),)
    plain = depth == 0 or qubits == 1  # which PennyLane's template refuses
    assert_same("simplified_two_design", qubits, depth, shape, first_alone if plain else design)


def by_qiskit(circuit: Any, weights: np.ndarray) -> np.ndarray:
    """The matrix of a circuit of Qiskit, qubit 0 the most significant bit."""
    bound = circuit.assign_parameters(weights.reshape(-1))
    return Operator(bound.reverse_bits()).data


@pytest.mark.parametrize("qubits", [1, 2, 4])
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_circuits_of_qiskits_library(qubits: int, depth: int) -> None:
    for name, shape, circuit in (
        ("real_amplitudes", (depth + 1, qubits), real_amplitudes(qubits, reps=depth)),
        ("efficient_su2", (depth + 1, 2, qubits), efficient_su2(qubits, reps=depth)),
        ("two_local", (depth + 1, qubits), n_local(qubits, "ry", "cz" if qubits > 1 else [], "full",
         depth)),
    ):  # fmt: skip
        weights = drawn(shape)
        found, expected = unitary(name, qubits, depth, weights), by_qiskit(circuit, weights)
        assert np.allclose(found, expected, rtol=0, atol=1e-12), name


@pytest.mark.parametrize("entanglement", ENTANGLEMENTS)
@pytest.mark.parametrize("qubits", [2, 3, 5])
def test_entanglements_of_qiskit(entanglement: str, qubits: int) -> None:
    own = TwoLocal("own", ("RX", "RZ"), "CRX", entanglement)
    joined = len(pairs(entanglement, qubits))
    weights = drawn((2 * (2 * qubits + joined) + 2 * qubits,))
    circuit = n_local(qubits, ["rx", "rz"], "crx", entanglement, 2)
    found, expected = unitary(own, qubits, 2, weights), by_qiskit(circuit, weights)
    # Our CRX is one up to a global phase, PennyLane's that it is queued as is exact.
    assert np.allclose(found, expected, rtol=0, atol=1e-12)


def block(weights: np.ndarray, wires: Any) -> None:
    qml.RY(weights[0], wires=wires[0])
    qml.RY(weights[1], wires=wires[1])
    qml.CNOT(wires=wires)


@pytest.mark.parametrize("template", ["MPS", "TTN", "MERA"])
@pytest.mark.parametrize("qubits", [2, 3, 4, 6, 8])
@pytest.mark.filterwarnings("ignore:The number of wires should be")
def test_tensor_networks(template: str, qubits: int) -> None:
    if template == "TTN" and qubits in (3, 6):  # which leaves qubits out there
        return
    kind = getattr(qml, template)
    blocks = kind.get_n_blocks(range(qubits), 2)

    def network(w: np.ndarray) -> None:
        for layer in w:
            kind(range(qubits), 2, block, 2, layer)

    assert_same(template.lower(), qubits, 2, (2, blocks, 2), network)


def test_a_tree_of_any_width_joins_all_qubits() -> None:
    assert ANSATZE["ttn"].layer_shape(1) == (0, 2)
    for qubits in range(2, 12):
        joined = [o.qubits for o in ANSATZE["ttn"].layer(0, qubits) if o.name == "CNOT"]
        assert len(joined) == qubits - 1
        # What is measured on the last qubit depends on all of them: each is a control once.
        assert {a for a, _ in joined} == set(range(qubits)) - {joined[-1][1]}


@pytest.mark.parametrize("qubits", [1, 2, 4])
@pytest.mark.parametrize("seed", [0, 42, 7])
def test_random_layers_of_pennylane(qubits: int, seed: int) -> None:
    named = ansatz(f"random_layers:{seed}")
    assert_same(
        named, qubits, 5, (5, qubits),
        lambda w: qml.RandomLayers(w, wires=range(qubits), seed=seed),
    )  # fmt: skip
    assert_same(
        RandomLayers("own", seed, 0.6, 3), qubits, 2, (2, 3),
        lambda w: qml.RandomLayers(w, wires=range(qubits), ratio_imprim=0.6, seed=seed),
    )  # fmt: skip
    assert ANSATZE["random_layers"].layer(2, 4) == ansatz("random_layers:42").layer(2, 4)


def legacy(seed: int, ratio: float, layers: int, rotations: int, qubits: int) -> list[list[str]]:
    """As Mattern et al. drew them, in NumPy's global generator (shared/papers/mattern)."""
    state = np.random.get_state()
    np.random.seed(seed)
    found = []
    for _ in range(layers):
        gates: list[str] = []
        while sum(gate.startswith("R") for gate in gates) < rotations:
            if np.random.random() > ratio:
                name = np.random.choice(["RX", "RY", "RZ"])
                gates.append(f"{name}{np.random.choice(range(qubits), 1, replace=False)}")
            elif qubits > 1:
                gates.append(f"CNOT{np.random.choice(range(qubits), 2, replace=False)}")
        found.append(gates)
    np.random.set_state(state)
    return found


@pytest.mark.parametrize("qubits", [1, 3, 4, 10])
def test_random_layers_of_2021(qubits: int) -> None:
    for seed in range(4):
        own = RandomLayers("own", seed, 0.4, 4, legacy=True)
        found = [
            [f"{o.name}{np.array(o.qubits)}" for o in own.layer(index, qubits)]
            for index in (2, 0, 1)  # in whatever order they are asked for
        ]
        first, second, third = legacy(seed, 0.4, 3, 4, qubits)
        assert found == [third, first, second]


@pytest.mark.parametrize(
    ("seed", "gates"),
    [
        (42, "RX(1,) RX(1,) CNOT(1, 0) CNOT(1, 0) RZ(0,)"),
        (9, "CNOT(1, 0) RX(0,) RY(1,) RX(1,)"),
        (12, "CNOT(1, 0) RZ(0,) RX(1,) CNOT(0, 1) CNOT(1, 0) RZ(1,)"),
    ],
)
def test_random_layers_that_pennylane_drew_in_its_documentation(seed: int, gates: str) -> None:
    """The drawings of `RandomLayers`, at commit 078bf3e of PennyLane, of three rotations."""
    layer = RandomLayers("own", seed, rotations=3, legacy=True).layer(0, 2)
    assert " ".join(f"{o.name}{o.qubits}" for o in layer) == gates


@pytest.mark.parametrize("reupload", [False, True])
@pytest.mark.parametrize("name", ["simplified_two_design", "efficient_su2"])
def test_gates_before_and_after_the_layers(name: str, reupload: bool) -> None:
    circuit = Circuit("ry", name, "z", inputs=3, depth=2, reupload=reupload)
    own = ANSATZE[name]
    parts = [own.first(3), own.layer(0, 3), own.layer(1, 3), own.last(3)]
    encode = circuit.encoding.operations(3)
    expected = [*encode, *parts[0], *parts[1]]
    expected += encode if reupload else ()
    expected += [*parts[2], *parts[3]]
    assert [(o.name, o.qubits) for o in circuit.operations] == [
        (o.name, o.qubits) for o in expected
    ]
    numbers = [o.angle.index for o in circuit.operations if o not in encode and o.angles]  # pyright: ignore
    assert numbers == list(range(circuit.num_weights))
    # Both engines, through an ansatz whose weights are in no natural shape.
    arguments = random_arguments(circuit, 0)
    found = [
        values_and_gradients(engine(each), circuit, *arguments) for each in ("fused", "statevector")
    ]
    for a, b in zip(*found, strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-12)


def test_layers_hold_the_weights_in_their_shape() -> None:
    layer = Quanv2d(1, 8, 2, ansatz="efficient_su2", depth=3)
    assert layer.weight.shape == (2, 4, 2, 4)
    assert Quanv2d(1, 4, 2, ansatz="simplified_two_design", depth=3).weight.shape == (1, 22)


def test_the_number_of_rotations_may_be_named() -> None:
    for kind, legacy in (("random_layers", False), ("random_layers_2021", True)):
        named = ansatz(f"{kind}/4:7")
        assert named.name == f"{kind}/4:7"
        assert named.layer_shape(9) == (4,)
        same = RandomLayers(seed=7, rotations=4, legacy=legacy)
        assert named.layer(0, 9) == same.layer(0, 9)
        more = RandomLayers(seed=7, ratio_imprim=0.6, rotations=4, legacy=legacy)
        assert ansatz(f"{kind}/4/0.6:7").layer(0, 9) == more.layer(0, 9) != same.layer(0, 9)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StronglyEntangling("own", "CRX"), "imprimitive must be a gate on 2 qubit(s)"),
        (lambda: StronglyEntangling("own", ranges=()), "ranges must be one number or more"),
        (lambda: RotationChain("own", "H"), "must be a gate on 1 qubit(s) with 1 angle(s)"),
        (lambda: TwoLocal("own", ()), "rotations must be one gate or more, got none"),
        (lambda: TwoLocal("own", ("CNOT",)), "rotations must be a gate on 1 qubit(s)"),
        (lambda: TwoLocal("own", entangling="CRot"), "a gate on 2 qubit(s) with 0 or 1 angle(s)"),
        (lambda: TwoLocal("own", entanglement="ful"), "unknown entanglement 'ful'; did you mean"),
        (lambda: pairs("full", 1024), "131,072 pairs of qubits or fewer to join them"),
        (lambda: RandomLayers(seed=-1), "seed must be 0 or more, got -1"),
        (lambda: ansatz("random_layers_2021:4294967296"), "seed must be 0 to 4294967295, got 4"),
        (lambda: RandomLayers(ratio_imprim=1.0), "ratio_imprim must be in [0, 1), got 1.0"),
        (lambda: RandomLayers(rotations=0), "rotations must be 1 or more, got 0"),
        (lambda: ansatz("random_layers/0:7"), "rotations must be 1 or more, got 0"),
        (lambda: ansatz("random_layers/4/1.0:7"), "ratio_imprim must be in [0, 1), got 1.0"),
        (lambda: ansatz("random_layers/4/:7"), "unknown ansatz 'random_layers/4/:7'"),
        (lambda: ansatz("random/4:7"), "unknown ansatz 'random/4:7'"),
        (lambda: ansatz(f"random_layers/{'9' * 101}:1"), "number of rotations of a random ansatz"),
        (lambda: ansatz("random_layer"), "did you mean 'random_layers'"),
        (lambda: ansatz(f"random_layers:{'9' * 101}"), "100 digits or fewer, got 101"),
    ],
)  # fmt: skip
def test_mistakes_get_one_line(make: Callable, message: str) -> None:
    with pytest.raises((CircuitError, ConfigurationError)) as raised:
        make()
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
