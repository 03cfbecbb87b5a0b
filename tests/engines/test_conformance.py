"""Every engine against golden values, closed forms and finite differences.

The tests loop over the tables: a new encoding, ansatz, readout or engine is tested by them.
`tests/reliability` compares random circuits with PennyLane and with the parameter-shift rule.
"""

import copy
import math
from collections.abc import Iterator

import pytest
import torch

from resqunn import Quanv2d
from resqunn.circuits.ansatze import ANSATZE
from resqunn.circuits.circuit import Circuit
from resqunn.circuits.encodings import ENCODINGS, AngleEncoding, Threshold
from resqunn.circuits.readouts import READOUTS
from resqunn.engines.pennylane import PennyLaneEngine
from resqunn.engines.registry import ENGINES, engine
from resqunn.engines.statevector.engine import StatevectorEngine
from resqunn.errors import CircuitError, ConfigurationError

from support import (
    BARE,
    REPEATED,
    SMALL,
    evaluates,
    random_arguments,
    random_circuit,
    values_and_gradients,
)

OWN = [name for name in ENGINES if name != "pennylane"]
EVERY_ENGINE = pytest.mark.parametrize("name", ENGINES)
EVERY_OWN_ENGINE = pytest.mark.parametrize("name", OWN)

PATCH = [0.1, 0.5, 0.9, 0.3]
GOLDEN = {
    ("rx_chain", 1, False): [0.95056379, 0.73207780, 0.34805433, 0.20669091],
    ("rx_chain", 4, False): [0.48661929, -0.35620247, -0.23543412, -0.24459047],
    ("rx_chain", 4, True): [0.73583794, -0.18537674, 0.23952101, -0.11465063],
    ("ry_chain", 4, False): [0.89265178, 0.08807725, -0.22818711, 0.55681372],
}


@EVERY_ENGINE
@pytest.mark.parametrize("key", GOLDEN, ids=str)
@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-8), (torch.float32, 1e-6)])
def test_golden_values(name: str, key: tuple, dtype: torch.dtype, atol: float) -> None:
    ansatz, depth, reupload = key
    circuit = Circuit("ry", ansatz, "z", inputs=4, depth=depth, reupload=reupload)
    inputs = torch.tensor(PATCH, dtype=dtype).reshape(1, 4, 1)
    weights = (0.3 + 0.2 * torch.arange(4 * depth, dtype=dtype)).reshape(1, 1, -1)
    skip_if_unsupported(name, circuit)
    found = engine(name).expectation_values(circuit, inputs, weights).flatten()
    assert found.dtype == dtype
    assert torch.allclose(found, torch.tensor(GOLDEN[key], dtype=dtype), rtol=0, atol=atol)


@EVERY_ENGINE
@pytest.mark.parametrize("qubits", [1, 2, 4, 6])
def test_closed_forms_of_depth_one(name: str, qubits: int) -> None:
    generator = torch.Generator().manual_seed(qubits)
    x = torch.randn(1, qubits, 5, generator=generator, dtype=torch.float64)
    w = torch.randn(1, 1, qubits, generator=generator, dtype=torch.float64)
    angle = w[0].reshape(-1, 1)
    for ansatz, factor in (
        ("rx_chain", angle.cos() * x[0].cos()),
        ("ry_chain", (angle + x[0]).cos()),
    ):
        circuit = Circuit("ry", ansatz, "z", inputs=qubits, depth=1)
        if not evaluates(engine(name), circuit):
            continue
        found = engine(name).expectation_values(circuit, x, w)[0, 0]
        assert torch.allclose(found, factor.cumprod(dim=0), rtol=0, atol=1e-12)


def skip_if_unsupported(name: str, circuit: Circuit) -> None:
    try:
        engine(name).require(circuit)
    except CircuitError as obstacle:
        pytest.skip(str(obstacle))


def _entries() -> Iterator[object]:
    """A small circuit for every entry of every table, and some that re-upload, each with the
    reference and with another engine in turn: second derivatives take long."""
    circuits = [
        Circuit(entry, "rx_chain", "z", inputs=2 if name == "neqr" else 3, depth=1)
        for name, entry in SMALL.items()
    ]
    circuits += [Circuit("ry", name, "z", inputs=3, depth=1) for name in ANSATZE]
    circuits += [
        Circuit("ry", name, "z", inputs=3, depth=2, reupload=True)
        for name in ("rx_chain", "strongly_entangling", "real_amplitudes")
    ]
    circuits += [Circuit("rx", "strongly_entangling", r, inputs=2, depth=1) for r in READOUTS]
    own = AngleEncoding("ry_rz", ("RY", "H", "RZ"))
    circuits += [Circuit(own, "rx_ring", "z", inputs=2, depth=2, reupload=r) for r in (False, True)]
    for turn, circuit in enumerate(circuits):
        able = [name for name in OWN if name != "statevector" and evaluates(engine(name), circuit)]
        for name in ("statevector", able[turn % len(able)]):
            yield pytest.param(name, circuit, id=f"{circuit}-{name}")


@pytest.mark.parametrize(("name", "circuit"), list(_entries()))
def test_gradcheck_of_first_and_second_derivatives(name: str, circuit: Circuit) -> None:
    inputs, weights, _ = random_arguments(circuit, 0, groups=1, filters=2, patches=2)

    def run(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return engine(name).expectation_values(circuit, x, w)

    arguments = (inputs.requires_grad_(), weights.requires_grad_())
    assert torch.autograd.gradcheck(run, arguments)
    # Along random directions, by which torch fails where a first derivative is a constant, as of
    # sign(x) sin(w).
    steps = isinstance(circuit.encoding, Threshold)
    assert torch.autograd.gradgradcheck(run, arguments, fast_mode=not steps)


@EVERY_OWN_ENGINE
@pytest.mark.parametrize("seed", range(6))
def test_a_gradient_is_the_same_whether_the_other_is_wanted_or_not(name: str, seed: int) -> None:
    circuit = random_circuit(seed)
    skip_if_unsupported(name, circuit)
    inputs, weights, cotangent = random_arguments(circuit, seed)
    _, at_inputs, at_weights = values_and_gradients(
        engine(name), circuit, inputs, weights, cotangent
    )
    for wanted, expected in ((0, at_inputs), (1, at_weights)):
        arguments = [inputs.clone(), weights.clone()]
        chosen = arguments[wanted].requires_grad_()
        values = engine(name).expectation_values(circuit, *arguments)
        if values.requires_grad:
            (found,) = torch.autograd.grad(values, chosen, cotangent, materialize_grads=True)
            assert torch.allclose(found, expected, rtol=0, atol=1e-14)


@EVERY_ENGINE
def test_amplitudes_need_no_norm_and_may_be_zero(name: str) -> None:
    circuit = Circuit("amplitude", "ry_chain", "z", inputs=3, depth=1)
    skip_if_unsupported(name, circuit)
    rows = [[0.3, 0.0, 3e-200], [0.4, 0.0, 4e-200], [0.0, 0.0, 0.0]]
    x = torch.tensor([rows], dtype=torch.float64)
    if name == "pennylane":
        x = x[:, :, :2]  # PennyLane's own norm underflows
    weights = torch.tensor([[[0.2, 0.7]]]).double()
    values, at_input, _ = values_and_gradients(
        engine(name), circuit, x, weights, torch.ones(1, 1, 2, x.shape[2]).double()
    )
    zero = engine(name).expectation_values(
        circuit, torch.tensor([1.0, 0.0, 0.0]).double().reshape(1, 3, 1), weights
    )
    assert torch.allclose(values[..., 1:2], zero, atol=1e-12)
    assert torch.equal(at_input[:, :, 1], torch.zeros(1, 3).double())
    if name != "pennylane":
        assert torch.allclose(values[..., 2], values[..., 0], atol=1e-12)


@EVERY_ENGINE
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_patches_and_no_weights(name: str, encoding: str) -> None:
    circuit = Circuit(encoding, "ry_chain", "z", inputs=4, depth=0)
    skip_if_unsupported(name, circuit)
    weights = torch.rand(2, 3, circuit.num_weights)  # none but those of an encoding
    found = engine(name).expectation_values(circuit, torch.rand(2, 4, 0), weights)
    assert found.shape == (2, 3, circuit.num_outputs, 0)


@EVERY_OWN_ENGINE
def test_nan_stays_in_its_own_patch(name: str) -> None:
    circuit = Circuit("ry", "rx_chain", "z", inputs=4, depth=2)
    inputs, weights, _ = random_arguments(circuit, 0, patches=5)
    clean = engine(name).expectation_values(circuit, inputs, weights)
    inputs[0, 0, 2] = torch.nan
    found = engine(name).expectation_values(circuit, inputs, weights)
    assert found[0, :, 0, 2].isnan().all()
    others = [0, 1, 3, 4]
    assert torch.equal(found[:, :, :, others], clean[:, :, :, others])


def test_larger_circuits_that_are_evaluated_gate_by_gate() -> None:
    oracle = PennyLaneEngine("default.qubit")
    for seed, (ansatz, reupload) in enumerate(
        [("rx_chain", True), ("strongly_entangling", False), ("random:9", True)]
    ):
        circuit = Circuit("ry", ansatz, "z", inputs=9, depth=2, reupload=reupload)
        arguments = random_arguments(circuit, seed)
        ours = values_and_gradients(engine("statevector"), circuit, *arguments)
        theirs = values_and_gradients(oracle, circuit, *arguments)
        for a, b in zip(ours, theirs, strict=True):
            assert torch.allclose(a, b, rtol=0, atol=1e-10)


def test_too_many_qubits_for_a_state_vector() -> None:
    circuit = Circuit("ry", "rx_chain", "z0", inputs=36, depth=1)
    with pytest.raises(CircuitError, match="36 qubits is too large"):
        engine("statevector").expectation_values(
            circuit, torch.rand(1, 36, 1), torch.rand(1, 1, 36)
        )


def test_engine_names() -> None:
    own = PennyLaneEngine("lightning.qubit", shots=5)
    assert engine(own) is own
    assert engine("pennylane:lightning.qubit") == PennyLaneEngine("lightning.qubit")
    assert engine("pennylane").name == "pennylane:default.qubit"
    with pytest.raises(ConfigurationError, match="did you mean 'statevector'"):
        engine("state_vector")
    circuit = Circuit("ry", "rx_chain", "z", inputs=2, depth=1)
    with pytest.raises(
        ConfigurationError, match=r"one that PennyLane has here, got 'nothing\.here'"
    ):
        engine("pennylane:nothing.here").expectation_values(
            circuit, torch.rand(1, 2, 1), torch.rand(1, 1, 2)
        )


def test_derivatives_of_any_order_by_the_reference() -> None:
    """Of cos(x), the value of one rotated qubit, up to the sixth."""
    circuit = Circuit("ry", "rx_chain", "z", inputs=1, depth=0)
    x = torch.linspace(-3, 3, 7, dtype=torch.float64).requires_grad_()
    none = torch.zeros(1, 1, 0, dtype=torch.float64)
    found = StatevectorEngine().expectation_values(circuit, x[None, None], none).sum()
    for order in range(1, 7):
        (slope,) = torch.autograd.grad(found, x, create_graph=True)
        expected = torch.cos(x + order * math.pi / 2)
        torch.testing.assert_close(slope, expected, rtol=0, atol=1e-12)
        found = slope.sum()


LARGE = [
    (largest, encoding, ansatz, reupload)
    for encoding in BARE
    for largest, ansatz in ((1e3, "strongly_entangling"), (1e6, "rx_chain"))
    for reupload in ((False, True) if encoding in REPEATED else (False,))
]
"""Of encodings whose angles are the inputs: what is computed of large ones is rounded before."""


@pytest.mark.parametrize("name", [*ENGINES, "pennylane:lightning.qubit", "pennylane:default.mixed"])
@pytest.mark.parametrize(("largest", "encoding", "ansatz", "reupload"), LARGE)
def test_case_10_large_angles_in_single_precision(
    name: str, largest: float, encoding: str, ansatz: str, reupload: bool
) -> None:
    values = 4 if encoding == "amplitude" else 3  # none of them zero
    circuit = Circuit(encoding, ansatz, "z", inputs=values, depth=2, reupload=reupload)
    skip_if_unsupported(name, circuit)
    draw = torch.Generator().manual_seed(0)
    patches = 2 if ":" in name else 40
    inputs = largest * (2 * torch.rand(1, values, patches, generator=draw) - 1)
    weights = largest * (2 * torch.rand(1, 2, circuit.num_weights, generator=draw) - 1)
    cotangent = torch.rand(1, 2, circuit.num_outputs, patches, generator=draw)
    arguments = inputs, weights, cotangent
    found = values_and_gradients(engine(name), circuit, *arguments)
    in_double = [tensor.double() for tensor in arguments]
    exact = values_and_gradients(engine("statevector"), circuit, *in_double)
    if name == "statevector":
        theirs = values_and_gradients(engine("pennylane"), circuit, *in_double)
        torch.testing.assert_close(exact, theirs, rtol=0, atol=1e-8)
    torch.testing.assert_close(tuple(tensor.double() for tensor in found), exact, rtol=0, atol=1e-4)


@EVERY_ENGINE
def test_case_10_a_layer_with_large_angles(name: str) -> None:
    draw = torch.Generator().manual_seed(0)
    options = {"ansatz": "rx_chain", "reupload": name != "fourier", "angle_scale": 1.0}
    layer = Quanv2d(1, 4, 2, 2, engine=name, **options)
    with torch.no_grad():
        layer.weight.copy_(1e6 * torch.rand(layer.weight.shape, generator=draw))
    images = -1e6 * torch.rand(2, 1, 6, 6, generator=draw)
    reference = copy.deepcopy(layer).double()
    reference.engine = engine("statevector")
    found = layer(images).double()
    torch.testing.assert_close(found, reference(images.double()), rtol=0, atol=1e-4)
