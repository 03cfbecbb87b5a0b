"""Reports of circuits against closed forms, Haar-random states and other programs."""

import json
import math
from typing import Any

import numpy as np
import pennylane as qml
import pytest
import torch
from scipy.stats import entropy

from resqunn import (
    Circuit,
    Expression,
    GateList,
    Input,
    Observable,
    Operation,
    Weight,
    circuit_report,
)
from resqunn.analysis import fidelities
from resqunn.analysis.derivatives import derivatives
from resqunn.analysis.outputs import outputs
from resqunn.analysis.states import states
from resqunn.circuits.gate_circuit import PlainCircuit
from resqunn.engines.registry import engine
from resqunn.errors import CircuitError

from support import any_circuit, random_arguments


def haar_states(qubits: int, count: int, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    normal = rng.normal(size=(2, 2**qubits, count))
    vectors = normal[0] + 1j * normal[1]
    return torch.from_numpy(vectors / np.linalg.norm(vectors, axis=0))


def small(circuit: PlainCircuit, **options: Any) -> Any:
    return circuit_report(circuit, **{"pairs": 2, "samples": 200} | options)


def entangling(circuit: PlainCircuit, pairs: int = 500) -> tuple[float, float]:
    found = circuit_report(circuit, pairs=pairs, samples=2).entangling_capability
    return found.value, found.error


@pytest.mark.parametrize("qubits", [1, 2, 4])
def test_the_law_of_haar_random_fidelities(qubits: int) -> None:
    law = np.exp(fidelities.haar_log(20, qubits))
    assert abs(law.sum() - 1) < 1e-12
    dimension = 2**qubits
    for bin, share in enumerate(law):  # the density, integrated by Gauss's rule, exact here
        nodes, weights = np.polynomial.legendre.leggauss(10)
        f = (bin + (nodes + 1) / 2) / 20
        assert abs(share - (dimension - 1) * ((1 - f) ** (dimension - 2) @ weights) / 40) < 1e-14
    counts = np.histogram(fidelities.pair_fidelities(haar_states(qubits, 40_000)), 20, (0, 1))[0]
    deviation = np.sqrt(20_000 * law * (1 - law))
    assert (np.abs(counts - 20_000 * law) < 5 * deviation + 1).all()


def test_the_law_of_many_qubits_does_not_vanish() -> None:
    logs = fidelities.haar_log(75, 12)
    assert np.isfinite(logs).all()
    assert logs[-1] == pytest.approx(4095 * math.log(1 / 75))


def test_fidelities_are_those_of_neighbours() -> None:
    vectors = haar_states(3, 6)
    pairs = zip(vectors.T[::2].numpy(), vectors.T[1::2].numpy(), strict=True)
    expected = [abs(np.vdot(left, right)) ** 2 for left, right in pairs]
    assert np.allclose(fidelities.pair_fidelities(vectors), expected, rtol=0, atol=1e-14)


def test_divergences_are_scipys() -> None:
    counts = np.random.default_rng(0).poisson(3, size=(5, 20))
    law = np.random.default_rng(1).dirichlet(np.ones(20))
    found = fidelities.divergence(counts, np.log(law))
    assert (counts == 0).any()
    assert np.allclose(found, [entropy(row, law) for row in counts], rtol=0, atol=1e-12)


def test_the_error_of_a_divergence_is_its_spread_from_run_to_run() -> None:
    rng, law = np.random.default_rng(0), np.log(np.full(30, 1 / 30))
    shares = rng.dirichlet(np.ones(30))
    counts = rng.multinomial(2000, shares, size=400)
    spread = fidelities.divergence(counts, law).std()
    errors = [fidelities.divergence_error(row, law, rng) for row in counts[:10]]
    assert np.mean(errors) == pytest.approx(spread, rel=0.15)


def test_entanglement_is_that_of_pennylanes_purities() -> None:
    found = fidelities.meyer_wallach(haar_states(3, 5))
    for q, vector in zip(found, haar_states(3, 5).T.numpy(), strict=True):
        purities = [qml.math.purity(qml.math.dm_from_state_vector(vector), [k]) for k in range(3)]
        assert abs(q - 2 * (1 - np.mean(purities))) < 1e-12


def test_entanglement_of_known_states() -> None:
    ghz = (Operation("H", (0,)), Operation("CNOT", (0, 1)), Operation("CNOT", (1, 2)))
    z = (Observable(((1.0, (0,)),)),)
    assert entangling(PlainCircuit(3, 1, (0,), ghz, z)) == (pytest.approx(1), pytest.approx(0))
    assert entangling(Circuit("ry", "sim_1", "z", inputs=3, depth=1))[0] == pytest.approx(0)
    w = torch.zeros(8, 1, dtype=torch.complex128)
    w[[1, 2, 4]] = 3**-0.5
    assert fidelities.meyer_wallach(w)[0] == pytest.approx(8 / 9)


def test_capabilities_that_are_known_in_closed_form() -> None:
    # <Z>, <X> and <Y> of a qubit have squares of mean 1/2, 1/4 and 1/4. After CNOT the control has
    # <Z1>, <X1 X0> and <Y1 X0>, the target <Z1 Z0>, <X0> and <Z1 Y0>: 5/8 together, both of them.
    value, error = entangling(Circuit("ry", "sim_2", "z", inputs=2, depth=1), 4000)
    assert abs(value - 3 / 8) < 4 * error
    # A ring of CZ after RY: <Z> stays, of <X> the two neighbours' <Z> remain.
    value, error = entangling(Circuit("ry", "sim_10", "z", inputs=4, depth=1), 4000)
    assert abs(value - (1 - 1 / 2 - 1 / 8)) < 4 * error
    # Haar-random states have (A - 2) / (A + 1).
    haar = fidelities.meyer_wallach(haar_states(4, 20_000))
    assert abs(haar.mean() - 14 / 17) < 5 * haar.std() / math.sqrt(20_000)
    value, error = entangling(Circuit("ry", "sim_6", "z", inputs=4, depth=3), 1000)
    assert abs(value - 14 / 17) < 0.01


@pytest.mark.parametrize("seed", range(6))
def test_outputs_are_the_engines(seed: int) -> None:
    circuit = any_circuit(seed, parts=False)
    inputs, weights, _ = random_arguments(circuit, seed, 1, 1, 3)
    expected = engine("statevector").expectation_values(circuit, inputs, weights)[0, 0]
    found = outputs(circuit, states(circuit, inputs[0], weights[0].T.expand(-1, 3)))
    assert torch.allclose(found, expected, rtol=0, atol=1e-12)


def test_outputs_of_words_and_variances_are_the_engines() -> None:
    for readout in ("xyz", "xx", "var_z", "probs"):
        circuit = Circuit("rx", "strongly_entangling", readout, inputs=3, depth=1)
        inputs, weights, _ = random_arguments(circuit, 0, 1, 1, 2)
        expected = engine("statevector").expectation_values(circuit, inputs, weights)[0, 0]
        found = outputs(circuit, states(circuit, inputs[0], weights[0].T.expand(-1, 2)))
        assert torch.allclose(found, expected, rtol=0, atol=1e-12)


def test_derivatives_are_the_engines() -> None:
    circuit = Circuit("ry", "sim_4", "zz", inputs=3, depth=2)
    rng = np.random.default_rng(0)
    inputs, weights = torch.rand(3, 4).double(), torch.rand(circuit.num_weights, 4).double()
    found = derivatives(circuit, inputs, weights, rng)
    leaf = weights.T[:, None].clone().requires_grad_()
    values = engine("statevector").expectation_values(circuit, inputs.T[:, :, None], leaf)
    (expected,) = torch.autograd.grad(values[:, :, 0].sum(), leaf)
    assert np.allclose(found.first_WP, expected[:, 0].T, rtol=0, atol=1e-12)


def test_variances_in_closed_form() -> None:
    # cos(w + x): the variance of its derivative is 1/2, and that of its square's 1/8.
    report = small(Circuit("ry", "ry_chain", "z", inputs=1, depth=1), samples=4000)
    assert abs(report.gradient_variance.value - 1 / 2) < 4 * report.gradient_variance.error
    assert report.weight_variances.mean() == pytest.approx(report.gradient_variance.value)
    # At x = 0 and w in [0, pi/2] it is that of sin: (1/2) - (2/pi)**2.
    narrow = small(
        Circuit("ry", "ry_chain", "z", inputs=1, depth=1),
        samples=4000, inputs=[0], weight_range=(0, math.pi / 2),
    )  # fmt: skip
    expected = 1 / 2 - (2 / math.pi) ** 2
    assert abs(narrow.gradient_variance.value - expected) < 4 * narrow.gradient_variance.error
    # cos(w0) cos(x0) does not depend on w1 and w2.
    chain = small(Circuit("ry", "rx_chain", "z0", inputs=3, depth=1), samples=4000)
    assert abs(chain.gradient_variance.value - 1 / 12) < 4 * chain.gradient_variance.error
    assert chain.dead_weights == (1, 2)
    assert np.abs(chain.weight_variances[1:]).max() < 1e-20


def test_the_error_of_a_variance_is_its_spread_from_run_to_run() -> None:
    circuit = Circuit("ry", "ry_chain", "z", inputs=1, depth=1)
    found = [small(circuit, seed=seed).gradient_variance for seed in range(60)]
    spread = np.std([each.value for each in found], ddof=1)
    assert np.mean([each.error for each in found]) == pytest.approx(spread, rel=0.4)


def test_weights_are_dead_if_no_output_depends_on_them() -> None:
    alone = small(Circuit("ry", "rx_chain", "z1", inputs=4, depth=1))
    assert alone.dead_weights == (2, 3)
    assert small(Circuit("ry", "rx_chain", "z", inputs=4, depth=1)).dead_weights == ()
    # RZ before Z is read.
    assert small(Circuit("ry", "sim_1", "z", inputs=2, depth=1)).dead_weights == (2, 3)
    none = small(Circuit("ry", "rx_chain", "z", inputs=2, depth=0))
    assert (none.gradient_variance, none.dead_weights, none.weight_variances.size) == (None, (), 0)


@pytest.mark.parametrize(
    ("circuit", "expected"),
    [
        (Circuit("ry", "ry_chain", "z", inputs=2, depth=1), (1, 1)),
        (Circuit("ry", "sim_14", "z", inputs=2, depth=3, reupload=True), (3, 3)),
        (Circuit("ry", "ry_chain", "var_z", inputs=1, depth=1), (1,)),  # sin**2, of 2 alone
        (Circuit("rz", "ry_chain", "z", inputs=1, depth=0), (0,)),  # H RZ, and Z is 0
        (Circuit("ry", "rx_chain", "z0", inputs=2, depth=1), (1, 0)),
        (Circuit("amplitude", "ry_chain", "z", inputs=4, depth=1), None),
    ],
)
def test_frequencies_of_each_input(circuit: Circuit, expected: tuple[int, ...] | None) -> None:
    assert small(circuit, samples=2).frequencies == expected


def test_frequencies_that_cancel_are_none() -> None:
    both = Observable(((1.0, (0,)), (1.0, (1,))))
    for gates, expected in (
        ((Operation("RY", (0,), Input(0)), Operation("RY", (1,), -Input(0))), 1),
        ((Operation("RY", (0,), Input(0)), Operation("RY", (1,), math.pi - Input(0))), 0),
    ):
        assert small(PlainCircuit(2, 1, (0,), gates, (both,))).frequencies == (expected,)


def test_sizes() -> None:
    report = small(Circuit("ry", "sim_4", "z", inputs=3, depth=2))
    assert (report.num_qubits, report.num_inputs, report.num_outputs) == (3, 3, 3)
    assert report.num_weights == 16
    assert report.gates == 3 + 2 * (3 + 3 + 2)
    assert report.two_qubit_gates == 4
    # RY, RX, RZ, CRX, CRX; then qubit 2, free for two columns, goes ahead: RX, RZ and two CRX
    # follow on qubit 1.
    assert report.depth == 9
    # CRX is H RZ CNOT RZ CNOT H: four gates of one qubit. Z is read three times.
    assert report.flops == 8 * (14 * (3 + 2 * (6 + 2 * 4)) + 3 + 2 * 3)


def test_flops_of_several_bases_and_phases() -> None:
    plain = Circuit("ry", "rx_chain", "z", inputs=2, depth=1)
    words = Circuit("ry", "rx_chain", "xyz", inputs=2, depth=1)
    assert small(plain).flops == 4 * (4 * 14 + 3 + 4)
    # X needs H, Y needs Z, S and H, on two qubits each.
    assert small(words).flops == 4 * (3 * (4 * 14 + 3 + 4) + 14 * (2 * 1 + 2 * 3))


def test_the_same_seed_gives_the_same_report() -> None:
    circuit = Circuit("ry", "sim_19", "mean_z", inputs=3, depth=1)
    first, again, other = (small(circuit, pairs=20, seed=seed).as_dict() for seed in (1, 1, 2))
    assert first == again
    assert first["gradient_variance"] != other["gradient_variance"]
    assert first["fidelities"] != other["fidelities"]
    assert json.loads(json.dumps(first))["expressibility"].keys() == {"value", "error"}
    assert sum(first["fidelities"]) == 20
    assert len(first["haar"]) == 75


def test_chunks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    circuit = Circuit("ry", "sim_19", "mean_z", inputs=3, depth=1)
    whole = small(circuit, pairs=21, samples=11)
    monkeypatch.setattr("resqunn.analysis.circuit_report.CHUNK", 40)
    monkeypatch.setattr("resqunn.analysis.derivatives.CHUNK", 400)
    parts = small(circuit, pairs=21, samples=11)
    assert whole.fidelities.tolist() == parts.fidelities.tolist()
    assert whole.entangling_capability.value == pytest.approx(parts.entangling_capability.value)
    assert np.allclose(whole.weight_variances, parts.weight_variances, rtol=0, atol=1e-14)
    assert whole.dead_weights == parts.dead_weights


def test_angles_that_are_no_numbers_are_told() -> None:
    root = GateList([Operation("RY", (0,), Expression("sqrt", (Weight(0) - 1,)))])
    circuit = Circuit("ry", root, "z", inputs=1, depth=1)
    with pytest.raises(CircuitError, match="angles must be finite numbers at the weights"):
        small(circuit)
    assert small(circuit, weight_range=(2, 3)).gates == 2


ORDER = (9, 1, 2, 16, 3, 18, 10, 12, 15, 17, 4, 11, 7, 8, 19, 5, 13, 14, 6)
PUBLISHED = {
    1: dict(zip(ORDER, (
        0.6773, 0.2999, 0.2860, 0.2602, 0.2396, 0.2340, 0.2286, 0.1984, 0.1892, 0.1359, 0.1343,
        0.1312, 0.0977, 0.0858, 0.0809, 0.0602, 0.0516, 0.0144, 0.0061,
    ), strict=True)),
    3: dict(zip(ORDER, (
        0.0322, 0.2079, 0.0084, 0.0375, 0.0403, 0.0221, 0.1297, 0.0089, 0.1152, 0.0180, 0.0107,
        0.0038, 0.0162, 0.0122, 0.0040, 0.0030, 0.0049, 0.0035, 0.0039,
    ), strict=True)),
}  # fmt: skip
"""Expressibility of the circuits of Sim et al. on four qubits, with one layer and with three,
from 5,000 pairs of states and 75 bins: Adv. Quantum Technol. 2, 1900070 (2019), as the tests of
qml-essentials quote it (github.com/cirKITers/qml-essentials, tests/test_expressiblity.py)."""


def reproduces(circuit: int, layers: int) -> None:
    """Both figures are random; four times their error is 1 in 16,000."""
    report = circuit_report(
        Circuit("ry", f"sim_{circuit}", "z", inputs=4, depth=layers), samples=2, seed=circuit
    )
    found = report.expressibility
    difference = found.value - PUBLISHED[layers][circuit]
    assert abs(difference) < 4 * math.sqrt(2) * found.error + 5e-5, (circuit, layers, found)


@pytest.mark.parametrize("circuit", [1, 6, 9, 15])
def test_expressibility_is_as_published(circuit: int) -> None:
    reproduces(circuit, 1)


@pytest.mark.slow
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("circuit", range(1, 20))
def test_expressibility_of_every_circuit_is_as_published(circuit: int, layers: int) -> None:
    reproduces(circuit, layers)
