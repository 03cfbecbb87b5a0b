"""Samples against theory: their means, variances and covariances, and sampled derivatives.

Repetitions are patches, or groups where weights are differentiated: every patch and every group
has samples of its own. All generators are seeded, so that a test gives the same every time.
"""

import math

import numpy as np
import pennylane as qml
import pytest
import scipy.stats
import torch
from torch import Tensor

from resqunn import (
    Circuit,
    CircuitError,
    ConfigurationError,
    GateList,
    Noise,
    Observable,
    Operation,
    Pauli,
    PennyLaneEngine,
    Weight,
)
from resqunn.circuits.noisy_circuit import add_noise
from resqunn.circuits.readouts import Readout, Variance
from resqunn.engines.registry import engine
from resqunn.engines.sampling.engine import SamplingEngine
from resqunn.engines.sampling.options import ShotOptions

from support import any_circuit, random_arguments

SAMPLINGS = pytest.mark.parametrize("sampling", ["joint", "independent"])
SHOTS = pytest.mark.parametrize("shots", [50, 10_000])
"""Drawn by compiled code, and by torch."""
LARGEST_Z = 5.0
"""Of some hundred values of a test; the chance of one beyond is below one in ten thousand."""


def sampler(
    shots: int = 100,
    gradient: str = "exact",
    sampling: str = "joint",
    seed: int = 0,
    of: str = "auto",
) -> SamplingEngine:
    generator = torch.Generator().manual_seed(seed)
    return SamplingEngine(engine(of), ShotOptions(shots, gradient, sampling), generator)


def repeated(circuit: Circuit, times: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """One patch so many times, and weights."""
    inputs, weights, _ = random_arguments(circuit, seed, groups=1, filters=1, patches=1)
    return inputs.expand(1, -1, times).contiguous(), weights


def values_RT(circuit: Circuit, by: SamplingEngine, times: int) -> Tensor:
    """The sampled values of so many repetitions."""
    return by.expectation_values(circuit, *repeated(circuit, times))[0, 0]


def exact_R(circuit: Circuit) -> Tensor:
    return engine("auto").expectation_values(circuit, *repeated(circuit, 1))[0, 0, :, 0]


def assert_zero_mean(errors: Tensor, scale: Tensor | None = None) -> None:
    """Whether what is repeated along the last axis is zero on average, up to chance."""
    times = errors.shape[-1]
    spread = errors.std(-1) if scale is None else scale
    mean = errors.mean(-1)
    sure = spread < 1e-9
    assert mean[sure].abs().max() < 1e-6 if sure.any() else True
    assert (mean[~sure].abs() * math.sqrt(times) < LARGEST_Z * spread[~sure]).all()


def is_linear(circuit: Circuit) -> bool:
    return not any(observable.variance for observable in circuit.observables)


LINEAR = [seed for seed in range(30) if is_linear(any_circuit(seed, max_qubits=5, max_depth=3))]
FORMS = [pytest.param(seed, 400) for seed in LINEAR[:3]]
FORMS += [pytest.param(seed, 10_000, marks=pytest.mark.slow) for seed in LINEAR[3:13]]


@SAMPLINGS
@pytest.mark.parametrize(("seed", "times"), FORMS)
@pytest.mark.parametrize("flips", [0.0, 0.1])
def test_means_are_the_expectation_values(
    seed: int, times: int, sampling: str, flips: float
) -> None:
    circuit = add_noise(any_circuit(seed, max_qubits=5, max_depth=3), Noise(readout=flips))
    found = values_RT(circuit, sampler(50, sampling=sampling, seed=seed), times)
    assert_zero_mean(found - exact_R(circuit)[:, None])


@SHOTS
@SAMPLINGS
@pytest.mark.parametrize("readout", ["x", "y", "xyz", "xx", Pauli("XYZ", "ZZI", "IXI", "YYZ")])
def test_means_in_every_basis(readout: str | Readout, sampling: str, shots: int) -> None:
    circuit = Circuit("rx", "strongly_entangling", readout, inputs=3, depth=1)
    found = values_RT(circuit, sampler(shots, sampling=sampling), 2000)
    assert_zero_mean(found - exact_R(circuit)[:, None])


def theory(circuit: Circuit, kept: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Means and covariances of Z of each qubit in one shot, by PennyLane's probabilities.

    Args:
        kept: what flips leave of a mean of one bit.
    """
    inputs, weights = repeated(circuit, 1)

    @qml.qnode(qml.device("default.qubit"))
    def probabilities():
        for operation in circuit.operations:
            leaf = operation.angle
            if leaf is None:
                getattr(qml, operation.name)(wires=operation.qubits)
                continue
            of = inputs[0, :, 0] if type(leaf).__name__ == "Input" else weights[0, 0]
            getattr(qml, operation.name)(float(of[leaf.index]), wires=operation.qubits)
        return qml.probs(wires=range(circuit.num_qubits))

    chances = np.asarray(probabilities())
    qubits = circuit.num_qubits
    bits = np.array([[a >> (qubits - 1 - q) & 1 for a in range(2**qubits)] for q in range(qubits)])
    signs = 1 - 2 * bits
    means = signs @ chances
    products = (signs * chances) @ signs.T
    products = kept**2 * products
    np.fill_diagonal(products, 1.0)
    means = kept * means
    return means, products - np.outer(means, means)


@pytest.mark.parametrize("flips", [0.0, 0.15])
@SHOTS
@SAMPLINGS
def test_variances_and_covariances_are_those_of_the_state(
    sampling: str, shots: int, flips: float
) -> None:
    circuit = Circuit("ry", "rx_chain", "z", inputs=3, depth=2)
    times = 20_000
    means, covariances = theory(circuit, 1 - 2 * flips)
    if sampling == "independent":
        covariances = np.diag(np.diag(covariances))
    noisy = add_noise(circuit, Noise(readout=flips))
    found = values_RT(noisy, sampler(shots, sampling=sampling), times).numpy()
    expected = covariances / shots
    spread = np.sqrt((np.outer(np.diag(expected), np.diag(expected)) + expected**2) / times)
    assert np.abs(covariances - np.diag(np.diag(covariances))).max() > 0.1 or (
        sampling == "independent"
    )
    assert (np.abs(np.cov(found) - expected) < LARGEST_Z * spread).all()
    deviations = np.sqrt(np.diag(expected) / times)
    assert (np.abs(found.mean(1) - means) < LARGEST_Z * deviations).all()


def test_bases_have_shots_of_their_own() -> None:
    circuit = Circuit("ry", "rx_chain", Pauli("Z", "X", "IZ"), inputs=2, depth=1)
    found = values_RT(circuit, sampler(20), 20_000)
    correlations = np.corrcoef(found.numpy())
    assert abs(correlations[0, 2]) > 0.1  # both are read in the basis of Z
    assert np.abs(correlations[1, [0, 2]]).max() < LARGEST_Z / math.sqrt(20_000)


@pytest.mark.parametrize("shots", [1, 7, 64, 65, 10_000])
@SAMPLINGS
def test_values_are_means_of_so_many_signs(sampling: str, shots: int) -> None:
    circuit = Circuit("ry", "ry_chain", "z", inputs=4, depth=1)
    found = values_RT(circuit, sampler(shots, sampling=sampling), 50)
    counts = shots * (1 + found) / 2
    assert torch.allclose(counts, counts.round(), rtol=0, atol=1e-9)
    assert found.abs().max() <= 1
    assert len(found.unique()) > min(shots, 20)


@pytest.mark.parametrize("shots", [16, 2**14])
def test_joint_probabilities_are_shares_of_the_shots(shots: int) -> None:
    circuit = Circuit("ry", "ry_chain", "probs", inputs=3, depth=1)
    found = values_RT(circuit, sampler(shots), 200)
    assert torch.equal(shots * found, (shots * found).round())  # exactly
    assert torch.equal(found.sum(0), torch.ones(200, dtype=torch.float64))
    assert found.min() < 0.05


TRIALS = [
    (shots, p)
    for shots in (1, 2, 63, 64, 65, 100, 1000, 10_000)
    for p in (1e-9, 0.003, 0.2, 0.5, 0.5 + 1e-12, 0.87, 0.9999)
]


@SAMPLINGS
@pytest.mark.parametrize(("shots", "p"), TRIALS)
def test_counts_of_one_qubit_are_binomial(shots: int, p: float, sampling: str) -> None:
    times = 20_000
    angle = 2 * math.asin(math.sqrt(p))
    inputs = torch.full((1, 1, times), angle, dtype=torch.float64)
    circuit = Circuit("ry", "ry_chain", "z", inputs=1, depth=0)
    by = sampler(shots, sampling=sampling)
    found = by.expectation_values(circuit, inputs, torch.empty(1, 1, 0, dtype=torch.float64))
    counts = (shots * (1 - found.flatten().numpy()) / 2).round().astype(int)
    # Classes of five expected draws or more, of which the chi-squared test knows the law.
    expected = times * scipy.stats.binom.pmf(np.arange(shots + 1), shots, p)
    classes = np.minimum((np.cumsum(expected) - expected / 2) // 25, times // 25 - 1).astype(int)
    seen = np.bincount(classes[counts], minlength=classes.max() + 1)
    wanted = np.bincount(classes, expected)
    few = wanted < 5
    assert seen[few].sum() < wanted[few].sum() + 30
    squares = ((seen - wanted)[~few] ** 2 / wanted[~few]).sum()
    if (~few).sum() > 1:
        assert scipy.stats.chi2.sf(squares, (~few).sum() - 1) > 1e-6
    assert counts.min() >= 0
    assert counts.max() <= shots


@SHOTS
@SAMPLINGS
def test_neighbours_filters_and_calls_are_independent(sampling: str, shots: int) -> None:
    circuit, times = Circuit("ry", "ry_chain", "z0", inputs=1, depth=1), 2000
    inputs, weights = repeated(circuit, 96 * times)
    weights = weights.expand(1, 2, -1).contiguous()
    by = sampler(shots, sampling=sampling)
    calls = [by.expectation_values(circuit, inputs, weights)[0, :, 0] for _ in range(2)]
    calls.append(sampler(shots, sampling=sampling, seed=1).expectation_values(
        circuit, inputs, weights
    )[0, :, 0])  # fmt: skip
    rows = torch.cat([each.unflatten(1, (times, 96)).movedim(1, 2).flatten(0, 1) for each in calls])
    correlations = np.corrcoef(rows.numpy())
    np.fill_diagonal(correlations, 0.0)
    assert len(correlations) == 3 * 2 * 96
    assert np.abs(correlations).max() * math.sqrt(times) < 6  # of 165,600 pairs


def test_independent_probabilities_sum_to_one() -> None:
    circuit = Circuit("ry", "ry_chain", "probs", inputs=3, depth=1)
    found = values_RT(circuit, sampler(16, sampling="independent"), 200)
    assert torch.allclose(found.sum(0), torch.ones(200, dtype=torch.float64), rtol=0, atol=1e-12)


def test_variances_are_those_of_the_samples() -> None:
    shots, times = 10, 5000
    circuit = Circuit("ry", "ry_chain", "var_z", inputs=3, depth=1)
    of_samples = values_RT(circuit, sampler(shots), times)
    means = values_RT(Circuit("ry", "ry_chain", "z", inputs=3, depth=1), sampler(shots), times)
    assert torch.allclose(of_samples, 1 - means.square(), rtol=0, atol=1e-12)  # of one seed
    assert_zero_mean(of_samples - (1 - 1 / shots) * exact_R(circuit)[:, None])


def test_variances_of_sums_are_those_of_the_samples() -> None:
    shots, times = 10, 5000
    circuit = Circuit("rx", "ry_chain", Variance(Pauli("ZZ")), inputs=2, depth=1)
    mean = Circuit("rx", "ry_chain", "mean_z", inputs=2, depth=1)
    of_mean = Circuit("rx", "ry_chain", Variance(mean.readout), inputs=2, depth=1)
    for each in (circuit, of_mean):
        found = values_RT(each, sampler(shots), times)
        assert found.min() >= -1e-12
        assert_zero_mean(found - (1 - 1 / shots) * exact_R(each)[:, None])


@SAMPLINGS
def test_noise_among_the_gates(sampling: str) -> None:
    noise = Noise(depolarizing=0.05, amplitude_damping=0.1, readout=0.02)
    circuit = add_noise(Circuit("ry", "rx_chain", "xyz", inputs=2, depth=1), noise)
    mixed = PennyLaneEngine("default.mixed")
    exact = mixed.expectation_values(circuit, *repeated(circuit, 1))[0, 0]
    found = values_RT(circuit, sampler(50, sampling=sampling), 2000)
    assert_zero_mean(found - exact)
    bare = exact_R(circuit.circuit)[:, None]
    assert (found.mean(1, keepdim=True) - bare).abs().max() > 0.05


@pytest.mark.parametrize("of", ["statevector", "fused", "density", "pennylane"])
def test_any_engine_may_evaluate_the_circuit(of: str) -> None:
    circuit = Circuit("ry", "ry_chain", "z", inputs=2, depth=1)
    found = values_RT(circuit, sampler(of=of), 200)
    assert torch.equal(found, values_RT(circuit, sampler(of="auto"), 200))


def of_groups(circuit: Circuit, times: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """One patch and its weights and cotangents, in so many groups."""
    made = random_arguments(circuit, seed, groups=1, filters=2, patches=2)
    inputs, weights, cotangents = (
        each.expand(times, *each.shape[1:]).contiguous() for each in made
    )
    return inputs.requires_grad_(), weights.requires_grad_(), cotangents


SHIFTED = {
    "encode once": Circuit("ry", "ry_chain", "z", inputs=3, depth=2),
    "re-uploading": Circuit("rx", "rx_chain", "mean_z", inputs=2, depth=3, reupload=True),
    "angles of one's own": Circuit("zz_feature_map", "real_amplitudes", "z", inputs=2, depth=1),
    "every basis": Circuit("rx", "strongly_entangling", "xyz", inputs=2, depth=1),
    "gates of parts, inputs scaled by weights": Circuit(
        "learnable_rz", "crz_ring", "xx", inputs=3, depth=1, reupload=True
    ),
    "weights in several gates": Circuit(
        "ry",
        GateList(
            [
                Operation("RX", (0,), Weight(0)),
                Operation("CNOT", (0, 1)),
                Operation("RY", (1,), Weight(0)),
                Operation("RZ", (0,), 0.5 * Weight(1) + Weight(0)),
                Operation("RX", (0,), Weight(2)),
            ]
        ),
        "z",
        inputs=2,
        depth=2,
    ),
    "variances": Circuit("ry", "ry_chain", "var_z", inputs=2, depth=1),
    "noise": add_noise(
        Circuit("ry", "rx_chain", "z", inputs=2, depth=1),
        Noise(amplitude_damping=0.1, depolarizing=0.05, readout=0.1),
    ),
}


@SAMPLINGS
@pytest.mark.parametrize("name", SHIFTED)
def test_shifted_samples_give_the_derivatives_on_average(name: str, sampling: str) -> None:
    circuit, times = SHIFTED[name], 400
    inputs, weights, cotangents = of_groups(circuit, times)
    by = sampler(20, "parameter-shift", sampling)
    found = torch.autograd.grad(
        by.expectation_values(circuit, inputs, weights), (inputs, weights), cotangents
    )
    exact = torch.autograd.grad(
        engine("auto").expectation_values(circuit, inputs[:1], weights[:1]),
        (inputs, weights),
        cotangents[:1],
    )
    for sampled, of_exact in zip(found, exact, strict=True):
        assert_zero_mean((sampled - of_exact[:1]).flatten(1).T)
        assert sampled.std(0).max() > 0.01
        assert of_exact.abs().max() > 0.01


@SAMPLINGS
def test_exact_derivatives_are_the_engines(sampling: str) -> None:
    circuit = Circuit("ry", "rx_chain", "xyz", inputs=3, depth=2, reupload=True)
    arguments = of_groups(circuit, 2)
    tensors, cotangents = arguments[:2], arguments[2]
    values = sampler(20, sampling=sampling).expectation_values(circuit, *tensors)
    found = torch.autograd.grad(values, tensors, cotangents)
    exact = engine("auto").expectation_values(circuit, *tensors)
    expected = torch.autograd.grad(exact, tensors, cotangents)
    assert not torch.allclose(values, exact, atol=0.01)
    for sampled, of_exact in zip(found, expected, strict=True):
        assert torch.allclose(sampled, of_exact, rtol=0, atol=1e-12)


def test_derivatives_of_variances_use_the_means_of_the_samples() -> None:
    circuit = Circuit("ry", "ry_chain", "var_z", inputs=1, depth=0)
    inputs = torch.full((1, 1, 3000), 0.7, dtype=torch.float64, requires_grad=True)
    weights = torch.empty(1, 1, 0, dtype=torch.float64)
    values = sampler(10).expectation_values(circuit, inputs, weights)
    (found,) = torch.autograd.grad(values.sum(), inputs)
    means = values_RT_of(inputs.detach(), weights)
    assert torch.allclose(found, 2 * means * math.sin(0.7), rtol=0, atol=1e-12)
    assert_zero_mean(found[0] - math.sin(1.4))  # of sin(x)**2


def values_RT_of(inputs: Tensor, weights: Tensor) -> Tensor:
    circuit = Circuit("ry", "ry_chain", "z", inputs=1, depth=0)
    return sampler(10).expectation_values(circuit, inputs, weights)[0]


@SHOTS
@SAMPLINGS
@pytest.mark.parametrize("gradient", ["exact", "parameter-shift"])
def test_a_seed_gives_the_same_samples_whatever_the_threads(
    gradient: str, sampling: str, shots: int
) -> None:
    circuit = Circuit("ry", "ry_chain", "z", inputs=4, depth=1)
    arguments = random_arguments(circuit, 0, patches=6000, dtype=torch.float32)
    threads, found = torch.get_num_threads(), []
    try:
        for count, seed in ((1, 3), (4, 3), (1, 4)):
            torch.set_num_threads(count)
            tensors = [each.clone().requires_grad_() for each in arguments[:2]]
            by = sampler(shots, gradient, sampling, seed)
            values = by.expectation_values(circuit, *tensors)
            gradients = torch.autograd.grad(values, tensors, arguments[2])
            found.append(torch.cat([each.flatten() for each in (values, *gradients)]))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_without_a_generator_torchs_own_draws() -> None:
    circuit = Circuit("ry", "ry_chain", "z", inputs=2, depth=1)
    by = SamplingEngine(engine("auto"), ShotOptions(10))
    torch.manual_seed(5)
    first, second = values_RT(circuit, by, 20), values_RT(circuit, by, 20)
    torch.manual_seed(5)
    assert torch.equal(values_RT(circuit, by, 20), first)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("shots", [3, 10_000])
@SAMPLINGS
def test_every_sample_belongs_to_its_patch_and_filter(sampling: str, shots: int) -> None:
    # Of basis states, whose samples are all alike; more of them than are drawn at once.
    circuit = Circuit("rx", "ry_chain", "z", inputs=4, depth=1)
    bits = torch.randint(2, (2, 4, 40_000), generator=torch.Generator().manual_seed(1))
    turned = torch.randint(2, (2, 3, 4), generator=torch.Generator().manual_seed(2))
    inputs, weights = math.pi * bits.double(), math.pi * turned.double()
    found = sampler(shots, sampling=sampling).expectation_values(circuit, inputs, weights)
    exact = engine("auto").expectation_values(circuit, inputs, weights)
    assert torch.equal(found, exact.round())
    assert (exact.round() - exact).abs().max() < 1e-9


@SAMPLINGS
def test_shots_of_many_filters_and_occurrences_in_parts(
    sampling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    circuit = SHIFTED["re-uploading"]
    arguments = of_groups(circuit, 300)

    def gradients() -> tuple[Tensor, ...]:
        by = sampler(20, "parameter-shift", sampling)
        values = by.expectation_values(circuit, *arguments[:2])
        return torch.autograd.grad(values, arguments[:2], arguments[2])

    whole = gradients()
    monkeypatch.setattr("resqunn.engines.sampling.shifts.MOST_NUMBERS", 1)
    for parts, at_once in zip(gradients(), whole, strict=True):
        assert not torch.equal(parts, at_once)
        assert_zero_mean((parts - at_once).flatten(1).T)


class OwnReadout(Readout):
    """Observables as they are given."""

    name = "own"

    def __init__(self, *observables: Observable) -> None:
        self.given = observables

    def observables(self, num_qubits: int) -> tuple[Observable, ...]:
        return self.given


@SAMPLINGS
def test_what_is_not_measured_is_known(sampling: str) -> None:
    constant = OwnReadout(Observable(((0.75, ()),)), Observable(((0.5, ()), (-0.25, ()))))
    circuit = Circuit("ry", "ry_chain", constant, inputs=2, depth=1)
    inputs, weights, cotangents = of_groups(circuit, 3)
    by = sampler(5, "parameter-shift", sampling)
    values = by.expectation_values(circuit, inputs, weights)
    expected = torch.tensor([0.75, 0.25], dtype=torch.float64)[:, None].expand_as(values)
    assert torch.equal(values, expected)
    for found in torch.autograd.grad(values, (inputs, weights), cotangents):
        assert not found.any()


def test_only_measured_qubits_count_for_joint_sampling() -> None:
    wide = {"inputs": 14, "depth": 1}
    some = Circuit("ry", "ry_chain", "z0,z13", **wide)
    found = values_RT(some, sampler(50), 400)
    assert_zero_mean(found - exact_R(some)[:, None])
    every = Circuit("ry", "ry_chain", "z", **wide)
    with pytest.raises(CircuitError, match=r"'independent'.* got joint sampling of 14 qubits"):
        values_RT(every, sampler(50), 3)
    found = values_RT(every, sampler(50, sampling="independent"), 400)
    assert_zero_mean(found - exact_R(every)[:, None])


@pytest.mark.parametrize("qubits", [9, pytest.param(12, marks=pytest.mark.slow)])
def test_many_qubits_are_sampled_jointly(qubits: int) -> None:
    circuit = Circuit("ry", "ry_chain", "z", inputs=qubits, depth=1)
    found = values_RT(circuit, sampler(100), 40)
    assert_zero_mean(found - exact_R(circuit)[:, None])


@SHOTS
@SAMPLINGS
def test_undefined_angles_give_undefined_values(sampling: str, shots: int) -> None:
    circuit = Circuit("ry", "ry_chain", "z", inputs=2, depth=1)
    inputs, weights = repeated(circuit, 2)
    inputs[0, 0, 1] = math.nan
    found = sampler(shots, sampling=sampling).expectation_values(circuit, inputs, weights)
    assert found[..., 0].isfinite().all()
    assert found[..., 1].isnan().all()


@SHOTS
@SAMPLINGS
@pytest.mark.parametrize("shape", [(1, 1, 0), (1, 0, 3), (0, 1, 3)])
def test_nothing_gives_nothing(shape: tuple[int, int, int], sampling: str, shots: int) -> None:
    groups, filters, patches = shape
    circuit = Circuit("ry", "ry_chain", "z", inputs=2, depth=1)
    inputs = torch.ones(groups, 2, patches, requires_grad=True)
    weights = torch.ones(groups, filters, 2, requires_grad=True)
    for gradient in ("exact", "parameter-shift"):
        by = sampler(shots, gradient, sampling)
        values = by.expectation_values(circuit, inputs, weights)
        assert values.shape == (groups, filters, 2, patches)
        for found in torch.autograd.grad(values.sum(), (inputs, weights)):
            assert not found.any()


@pytest.mark.parametrize("gradient", ["exact", "parameter-shift"])
def test_derivatives_of_derivatives_are_refused(gradient: str) -> None:
    circuit = Circuit("ry", "ry_chain", "z", inputs=2, depth=1)
    inputs, weights, cotangents = of_groups(circuit, 1)
    cotangents.requires_grad_()
    values = sampler(10, gradient).expectation_values(circuit, inputs, weights)
    firsts = torch.autograd.grad(values, (inputs, weights), cotangents, create_graph=True)
    message = "shots must be None for derivatives of derivatives, got shots=10"
    for first in firsts:
        for tensor in (inputs, weights, cotangents):
            with pytest.raises(ConfigurationError, match=message):
                torch.autograd.grad(first.sum(), tensor, retain_graph=True)


@pytest.mark.filterwarnings("ignore:`torch.jit.script`")  # by torch's own forward derivatives
@pytest.mark.parametrize("gradient", ["exact", "parameter-shift"])
def test_transforms_of_torch_are_refused(gradient: str) -> None:
    circuit = Circuit("ry", "ry_chain", "z", inputs=2, depth=1)
    inputs, weights, _ = random_arguments(circuit, 0, patches=2)
    by = sampler(10, gradient)

    def values(inputs: Tensor) -> Tensor:
        return by.expectation_values(circuit, inputs, weights)

    message = "shots must be None for transforms and tracing of torch, got shots=10"
    for transformed in (
        lambda: torch.vmap(values)(inputs.expand(3, -1, -1, -1)),
        lambda: torch.func.grad(lambda given: values(given).sum())(inputs),
        lambda: torch.func.jvp(values, (inputs,), (inputs,)),
        lambda: torch.func.jacrev(values)(inputs),
    ):
        with pytest.raises(ConfigurationError, match=message):
            transformed()


def test_derivatives_by_amplitudes_are_no_shifts() -> None:
    circuit = Circuit("amplitude", "ry_chain", "z", inputs=4, depth=1)
    inputs, weights, cotangents = of_groups(circuit, 300)
    by = sampler(20, "parameter-shift")
    values = by.expectation_values(circuit, inputs, weights)
    with pytest.raises(ConfigurationError, match=r"shot_gradient must be 'exact' .* amplitudes"):
        torch.autograd.grad(values, inputs, cotangents, retain_graph=True)
    (found,) = torch.autograd.grad(values, weights, cotangents)
    exact = engine("auto").expectation_values(circuit, inputs, weights)
    (expected,) = torch.autograd.grad(exact, weights, cotangents)
    assert_zero_mean((found - expected).flatten(1).T)


def test_mistakes_get_one_line() -> None:
    with pytest.raises(ConfigurationError, match=r"shots must be 1 or more, or None .*, got 0"):
        ShotOptions(shots=0)
    with pytest.raises(ConfigurationError, match="shots must be given once, got shots=5 and"):
        SamplingEngine(PennyLaneEngine(shots=10), ShotOptions(5))
    with pytest.raises(CircuitError, match=r"^engine 'fourier' cannot evaluate this circuit"):
        sampler(of="fourier").require(SHIFTED["re-uploading"])
    wide = Circuit("ry", "ry_chain", "z", inputs=9, depth=2)
    sampler(of="chains", sampling="independent").require(wide)
    message = r"shot_sampling must be 'independent' for this engine, .* products of several Z"
    with pytest.raises(CircuitError, match=message):
        sampler(of="chains").require(wide)
