"""The Fourier engine against the reference engine."""

from __future__ import annotations

import math
import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from resqunn.circuits.ansatze import ANSATZE, Random
from resqunn.circuits.circuit import Circuit
from resqunn.circuits.encodings import ENCODINGS, AngleEncoding
from resqunn.engines.fourier.engine import FourierEngine, obstacle
from resqunn.engines.fourier.heisenberg import propagate
from resqunn.engines.statevector.engine import StatevectorEngine
from resqunn.errors import CircuitError, ShapeError

from support import BARE

ANGLE_ENCODINGS = [name for name in BARE if not ENCODINGS[name].prepares_amplitudes]
READOUTS = ("z", "z0", "mean_z")
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}


def tensors(
    circuit: Circuit, groups: int, filters: int, patches: int, dtype: torch.dtype, seed: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Inputs, weights and a gradient of the values."""
    draw = torch.Generator().manual_seed(seed)
    inputs = torch.randn(groups, circuit.num_inputs, patches, generator=draw, dtype=dtype)
    weights = 2 * torch.randn(groups, filters, circuit.num_weights, generator=draw, dtype=dtype)
    shape = (groups, filters, circuit.num_outputs, patches)
    gradient = torch.randn(shape, generator=draw, dtype=dtype)
    return inputs.requires_grad_(), weights.requires_grad_(), gradient


def evaluate(engine, circuit, inputs, weights, gradient):
    """Values and both gradients, in double precision."""
    values = engine.expectation_values(circuit, inputs, weights)
    assert values.dtype == inputs.dtype
    gradients = torch.autograd.grad(
        values, (inputs, weights), gradient.to(inputs.dtype), materialize_grads=True
    )
    return [tensor.detach().double() for tensor in (values, *gradients)]


def assert_agrees(circuit, groups, filters, patches, dtype, seed=0):
    inputs, weights, gradient = tensors(circuit, groups, filters, patches, dtype, seed)
    found = evaluate(FourierEngine(), circuit, inputs, weights, gradient)
    exact = [tensor.detach().double().requires_grad_() for tensor in (inputs, weights)]
    expected = evaluate(StatevectorEngine(), circuit, *exact, gradient.double())
    for ours, reference in zip(found, expected, strict=True):
        # Gradients by weights are sums over patches.
        scale = max(1.0, float(reference.abs().max()) if reference.numel() else 1.0)
        torch.testing.assert_close(ours, reference, rtol=0, atol=TOLERANCE[dtype] * scale)


@pytest.mark.parametrize(
    ("encoding", "ansatz", "readout"),
    [
        (ANGLE_ENCODINGS[(turn + k) % len(ANGLE_ENCODINGS)], ansatz, readout)
        for turn, ansatz in enumerate([*ANSATZE, "random:5"])
        for k, readout in enumerate(READOUTS)
    ],
)
def test_agrees_with_the_reference(encoding, ansatz, readout):
    draw = random.Random(f"{encoding} {ansatz} {readout}")
    for _ in range(3):
        circuit = Circuit(
            encoding, ansatz, readout, inputs=draw.randint(1, 6), depth=draw.randint(0, 4)
        )
        groups, filters = draw.randint(1, 2), draw.randint(1, 2)
        patches = draw.choice([1, 5, 127, 128, 129, 300])
        for dtype in TOLERANCE:
            assert_agrees(circuit, groups, filters, patches, dtype, seed=draw.randrange(1000))


@pytest.mark.parametrize(
    "gates",
    [
        ("RZ",),
        ("H", "RY"),
        ("RX", "H"),
        ("H", "RZ", "H"),
        ("X", "RY", "Y"),
        ("Z",),
        ("H", "RX", "H"),
    ],
)
def test_encodings_of_any_clifford_gates_and_one_rotation(gates):
    circuit = Circuit(AngleEncoding("custom", gates), "strongly_entangling", "z", inputs=3, depth=2)
    assert_agrees(circuit, 1, 2, 20, torch.float64)


def test_several_filters_share_the_fourfold_loops():
    circuit = Circuit("ry", "ry_chain", "z", inputs=3, depth=2)
    for filters in (1, 3, 4, 7):
        assert_agrees(circuit, 2, filters, 40, torch.float64)


def test_re_uploading_once_is_encoding_once():
    circuit = Circuit("rz", "rx_ring", "z", inputs=3, depth=1, reupload=True)
    assert_agrees(circuit, 1, 1, 10, torch.float64)


def test_densely_entangled_random_circuit():
    circuit = Circuit("ry", Random(seed=3, entangling=0.8), "z", inputs=5, depth=4)
    assert_agrees(circuit, 1, 1, 10, torch.float64)


@pytest.mark.parametrize(("patches", "weights"), [(0, True), (3, False), (0, False)])
def test_nothing_to_do(patches, weights):
    circuit = Circuit("ry", "rx_chain", "z", inputs=2, depth=int(weights))
    assert_agrees(circuit, 2, 2, patches, torch.float64)


@pytest.mark.parametrize("ansatz", ["rx_ring", "strongly_entangling"])
def test_gradcheck(ansatz):
    circuit = Circuit("ry", ansatz, "z", inputs=3, depth=1)
    inputs, weights, _ = tensors(circuit, 1, 2, 3, torch.float64, 0)

    def values(inputs, weights):
        return FourierEngine().expectation_values(circuit, inputs, weights)

    assert torch.autograd.gradcheck(values, (inputs, weights))
    assert torch.autograd.gradgradcheck(values, (inputs, weights))
    assert torch.autograd.gradgradcheck(lambda w: values(inputs.detach(), w), (weights,))


def test_second_derivative_of_a_deeper_graph():
    """The derivative by inputs that themselves have a history."""
    circuit = Circuit("ry", "rx_chain", "z", inputs=2, depth=2)
    start, weights, _ = tensors(circuit, 1, 1, 4, torch.float64, 0)

    def penalty(engine):
        values = engine.expectation_values(circuit, start.square(), weights)
        (first,) = torch.autograd.grad(values.sum(), start, create_graph=True)
        return torch.autograd.grad(first.square().sum(), (start, weights))

    for ours, reference in zip(penalty(FourierEngine()), penalty(StatevectorEngine()), strict=True):
        torch.testing.assert_close(ours, reference)


def test_only_the_wanted_gradients():
    circuit = Circuit("ry", "rx_chain", "z", inputs=3, depth=2)
    inputs, weights, gradient = tensors(circuit, 1, 2, 20, torch.float64, 0)
    both = evaluate(FourierEngine(), circuit, inputs, weights, gradient)
    values = FourierEngine().expectation_values(circuit, inputs.detach(), weights)
    assert torch.equal(torch.autograd.grad(values, weights, gradient)[0], both[2])
    values = FourierEngine().expectation_values(circuit, inputs, weights.detach())
    assert torch.equal(torch.autograd.grad(values, inputs, gradient)[0], both[1])
    values = FourierEngine().expectation_values(circuit, inputs.detach(), weights.detach())
    assert values.grad_fn is None


def test_backward_twice():
    circuit = Circuit("ry", "rx_chain", "z", inputs=3, depth=2)
    inputs, weights, gradient = tensors(circuit, 1, 2, 20, torch.float64, 0)
    values = FourierEngine().expectation_values(circuit, inputs, weights)
    first = torch.autograd.grad(values, (inputs, weights), gradient, retain_graph=True)
    second = torch.autograd.grad(values, (inputs, weights), gradient)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_tensors_that_are_not_contiguous():
    circuit = Circuit("ry", "rx_chain", "z", inputs=3, depth=2)
    inputs, weights, _ = tensors(circuit, 2, 2, 20, torch.float64, 0)
    engine, ones = FourierEngine(), torch.ones(2, 2, 3, 20, dtype=torch.float64)
    expected = evaluate(engine, circuit, inputs, weights, ones)
    strided = inputs.detach().mT.contiguous().mT.requires_grad_()
    shared = weights.detach().mT.contiguous().mT.requires_grad_()
    found = evaluate(engine, circuit, strided, shared, torch.ones(()).double().expand_as(ones))
    assert not strided.is_contiguous()
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("dtype", list(TOLERANCE))
def test_results_do_not_depend_on_the_number_of_threads(dtype):
    circuit = Circuit("ry", "ry_chain", "z", inputs=4, depth=3)
    inputs, weights, gradient = tensors(circuit, 2, 3, 10_000, dtype, 0)
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(evaluate(FourierEngine(), circuit, inputs, weights, gradient))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.parametrize("dtype", list(TOLERANCE))
@pytest.mark.parametrize("largest", [4.0, 1e4, 1e6, 1e9])
def test_sines_of_large_angles(dtype, largest):
    """A circuit of depth 0 returns cosines; their derivatives are sines."""
    circuit = Circuit("ry", "rx_chain", "z", inputs=1, depth=0)
    angles = torch.linspace(-largest, largest, 5001, dtype=dtype)
    turns = (torch.arange(-500, 500, dtype=torch.float64) * math.pi / 2).to(dtype)
    inputs = torch.cat([angles, turns])[None, None].requires_grad_()
    values = FourierEngine().expectation_values(circuit, inputs, torch.zeros(1, 1, 0, dtype=dtype))
    (slopes,) = torch.autograd.grad(values.sum(), inputs)
    exact = inputs.detach().double().numpy()
    atol = 4 * torch.finfo(dtype).eps
    np.testing.assert_allclose(values.detach()[0, 0], np.cos(exact[0]), rtol=0, atol=atol)
    np.testing.assert_allclose(slopes[0], -np.sin(exact[0]), rtol=0, atol=atol)


@pytest.mark.parametrize("dtype", list(TOLERANCE))
def test_nan_and_infinity_give_nan_in_their_patch_only(dtype):
    circuit = Circuit("ry", "rx_chain", "z", inputs=2, depth=2)
    inputs, weights, gradient = tensors(circuit, 1, 1, 300, dtype, 0)
    with torch.no_grad():
        inputs[0, 0, 7], inputs[0, 0, 200] = math.nan, math.inf
    values, by_inputs, by_weights = evaluate(FourierEngine(), circuit, inputs, weights, gradient)
    for tensor in (values[0, 0, 0], by_inputs[0, 0]):
        assert tensor.isnan().nonzero().flatten().tolist() == [7, 200]
    assert by_weights.isnan().any()


def test_constants_of_the_sines_add_up_to_pi():
    from resqunn.engines.compiled.kernels.sines import PI, PI_DOUBLE

    assert sum(PI) == pytest.approx(math.pi, rel=1e-14)
    assert sum(PI_DOUBLE) == pytest.approx(math.pi, rel=1e-15)


@pytest.mark.parametrize(
    ("circuit", "reason"),
    [
        (Circuit("ry", "rx_chain", "z", inputs=2, depth=2, reupload=True), "after another input"),
        (Circuit("amplitude", "rx_chain", "z", inputs=4, depth=1), "amplitudes"),
        (
            Circuit(AngleEncoding("twice", ("RY", "RZ")), "rx_chain", "z", inputs=2, depth=1),
            "after another input",
        ),
        (Circuit("ry", "ry_chain", "z", inputs=9, depth=4), "too many"),
    ],
)
def test_obstacles(circuit, reason):
    assert reason in str(obstacle(circuit))
    inputs, weights, _ = tensors(circuit, 1, 1, 1, torch.float32, 0)
    with pytest.raises(CircuitError, match=reason):
        FourierEngine().expectation_values(circuit, inputs, weights)


def test_the_limit_of_strings_counts():
    circuit = Circuit("ry", "ry_chain", "z", inputs=4, depth=2)
    with pytest.raises(CircuitError, match="too many"):
        propagate(circuit, limit=50)


def test_other_dtypes_are_refused():
    circuit = Circuit("ry", "rx_chain", "z", inputs=2, depth=1)
    inputs, weights, _ = tensors(circuit, 1, 1, 1, torch.float32, 0)
    with pytest.raises(ShapeError, match="float16"):
        FourierEngine().expectation_values(circuit, inputs.half(), weights.half())


@pytest.mark.parametrize(
    ("qubits", "depth", "count"),
    [(4, 1, 4), (4, 2, 14), (4, 3, 16), (4, 4, 32), (9, 4, 632), (16, 1, 16), (16, 2, 1274)],
)
def test_monomial_counts_of_the_rx_chain(qubits, depth, count):
    found = propagate(Circuit("ry", "rx_chain", "z", inputs=qubits, depth=depth))
    assert len(np.unique(found.letters_TQ, axis=0)) == count


def test_a_pixel_chain_of_49_qubits():
    """Far beyond any state vector: CNOTs make the last value a product of all cosines."""
    circuit = Circuit("ry", "rx_chain", "z48", inputs=49, depth=1)
    inputs, weights, _ = tensors(circuit, 1, 1, 3, torch.float64, 0)
    values = FourierEngine().expectation_values(circuit, inputs, weights)
    expected = inputs.cos().prod(1) * weights.cos().prod(2)
    torch.testing.assert_close(values[0, 0], expected)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_torch_func_goes_through_the_reference():
    circuit = Circuit("ry", "rx_chain", "z", inputs=2, depth=2)
    inputs, weights, _ = tensors(circuit, 1, 1, 5, torch.float64, 0)
    inputs, weights = inputs.detach(), weights.detach()

    def values(weights):
        return FourierEngine().expectation_values(circuit, inputs, weights)

    expected = torch.autograd.functional.jacobian(values, weights)
    torch.testing.assert_close(torch.func.jacrev(values)(weights), expected)
    hessian = torch.func.hessian(lambda w: values(w).sum())(weights)
    expected = torch.autograd.functional.hessian(lambda w: values(w).sum(), weights)
    torch.testing.assert_close(hessian, expected)
    batched = torch.vmap(values)(torch.stack([weights, 2 * weights]))
    torch.testing.assert_close(batched[1], values(2 * weights))


def test_importing_the_engine_does_not_import_numba():
    command = "import sys, resqunn; sys.exit(bool({'numba', 'llvmlite'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0
