"""Encodings of the table against their definitions, PennyLane and Qiskit: values and gradients.

A definition is a state vector that torch differentiates, the first qubit its most significant bit.
"""

import functools
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pennylane as qml
import pytest
import torch
from qiskit.circuit.library import zz_feature_map
from qiskit.quantum_info import Statevector
from torch import Tensor

from resqunn import Circuit, Pauli, Quanv2d
from resqunn.circuits.angles import leaves, value
from resqunn.circuits.encodings import (
    ENCODINGS,
    FRQI,
    IQP,
    NEQR,
    DenseAngle,
    Encoding,
    MatternFRQI,
    SoftmaxAmplitude,
    Threshold,
    ZZFeatureMap,
    encoding,
)
from resqunn.circuits.multiplexed import multiplexed
from resqunn.circuits.operations import Input, Weight
from resqunn.engines.registry import engine
from resqunn.errors import CircuitError, ConfigurationError

from support import values_and_gradients

PAULIS = {
    "I": torch.eye(2, dtype=torch.complex128),
    "X": torch.tensor([[0, 1], [1, 0]], dtype=torch.complex128),
    "Y": torch.tensor([[0, -1j], [1j, 0]], dtype=torch.complex128),
    "Z": torch.tensor([[1, 0], [0, -1]], dtype=torch.complex128),
}


def product(qubits: Sequence[Tensor]) -> Tensor:
    return functools.reduce(torch.kron, qubits)


def qubit(zero: Tensor, one: Tensor) -> Tensor:
    return torch.stack([zero.to(torch.complex128), one.to(torch.complex128)])


def turned(angle: Tensor) -> Tensor:
    """RY on |0>."""
    return qubit((angle / 2).cos(), (angle / 2).sin())


def basis(bits: Sequence[int]) -> Tensor:
    one = torch.eye(2, dtype=torch.complex128)
    return product([one[bit] for bit in bits])


def bits_of(number: int, count: int) -> list[int]:
    """Most significant bit first."""
    return [number >> k & 1 for k in reversed(range(count))]


def positions(x: Tensor) -> int:
    return math.ceil(math.log2(len(x)))


def padded(x: Tensor) -> Tensor:
    return torch.cat([x, x.new_zeros(2 ** positions(x) - len(x))])


def dense_angle(x: Tensor, w: Tensor) -> Tensor:
    pairs = [(x[k], x[k + 1] if k + 1 < len(x) else x.new_zeros(())) for k in range(0, len(x), 2)]
    return product([qubit(a.cos(), torch.exp(2j * b) * a.sin()) for a, b in pairs])


def threshold(x: Tensor, w: Tensor) -> Tensor:
    return basis([int(each > math.pi / 2) for each in x])


def frqi(x: Tensor, w: Tensor) -> Tensor:
    k = positions(x)
    t = padded(x) / 2
    parts = [
        torch.kron(qubit(t[i].cos(), t[i].sin()), basis([0, *bits_of(i, k)])[: 2**k])
        for i in range(2**k)
    ]
    return sum(parts[1:], parts[0]) / 2 ** (k / 2)


def frqi_mattern(x: Tensor, w: Tensor) -> Tensor:
    k = positions(x)
    idle = 3 if k == 4 else 0
    p = padded(x) / math.pi
    state = torch.zeros(2 ** (k + idle + 1), dtype=torch.complex128)
    for i in range(2**k):
        at = "".join(str(i >> bit & 1) for bit in range(k)) + "0" * idle
        colour = qubit((1 - p[i] ** 2).sqrt(), p[i])
        one = torch.zeros(len(state) // 2, dtype=torch.complex128)
        one[int(at or "0", 2)] = 1
        state = state + torch.kron(one, colour)
    return state / 2 ** (k / 2)


def neqr(x: Tensor, w: Tensor) -> Tensor:
    k = positions(x)
    greys = [round(float(each) * 7 / math.pi) for each in padded(x).detach().clamp(0, math.pi)]
    parts = [basis([*bits_of(grey, 3), *bits_of(i, k)]) for i, grey in enumerate(greys)]
    return sum(parts[1:], parts[0]) / 2 ** (k / 2)


def softmax(x: Tensor, w: Tensor) -> Tensor:
    amplitudes = x.softmax(0).sqrt()
    return torch.cat([amplitudes, x.new_zeros(2 ** max(1, positions(x)) - len(x))]).to(
        torch.complex128
    )


def learnable_ry(x: Tensor, w: Tensor) -> Tensor:
    return product([turned(a) for a in w * x])


def iqp(x: Tensor, w: Tensor, repeats: int = 2) -> Tensor:
    """The diagonal gates are phases of the basis states."""
    n = len(x)
    signs = torch.tensor([[1 - 2 * b for b in bits_of(s, n)] for s in range(2**n)]).double()
    pairs = [(a, b) for a in range(n) for b in range(a + 1, n)]
    phase = signs @ x
    for a, b in pairs:
        phase = phase + x[a] * x[b] * signs[:, a] * signs[:, b]
    h = torch.tensor([[1, 1], [1, -1]], dtype=torch.complex128) / math.sqrt(2)
    state = basis([0] * n)
    for _ in range(repeats):
        state = torch.exp(-0.5j * phase) * (functools.reduce(torch.kron, [h] * n) @ state)
    return state


DEFINITIONS: list[tuple[Encoding, Callable[[Tensor, Tensor], Tensor], tuple[int, ...]]] = [
    (DenseAngle(), dense_angle, (1, 2, 5)),
    (ENCODINGS["learnable_ry"], learnable_ry, (1, 3)),
    (IQP(repeats=2), iqp, (1, 2, 4)),
    (Threshold("threshold"), threshold, (1, 4)),
    (FRQI(), frqi, (1, 2, 3, 4, 9)),
    (MatternFRQI(), frqi_mattern, (1, 2, 4, 6, 16)),
    (NEQR("neqr", bits=3), neqr, (1, 3, 4)),
    (SoftmaxAmplitude(), softmax, (1, 4, 6)),
]


def measured(state: Tensor, words: Sequence[str]) -> Tensor:
    values = []
    for word in words:
        operator = functools.reduce(torch.kron, (PAULIS[letter] for letter in word))
        values.append(torch.vdot(state, operator @ state).real)
    return torch.stack(values)


@pytest.mark.parametrize(
    ("entry", "definition", "values"),
    [(entry, of, n) for entry, of, counts in DEFINITIONS for n in counts],
    ids=lambda each: getattr(each, "name", getattr(each, "__name__", str(each))),
)
def test_states_are_as_defined(entry: Encoding, definition: Callable, values: int) -> None:
    rng = random.Random(f"{entry.name} {values}")
    qubits = entry.num_qubits(values)
    count = 12 if qubits < 5 else 3
    words = tuple("".join(rng.choices("IXYZ", k=qubits)) for _ in range(count))
    circuit = Circuit(entry, "rx_chain", Pauli(*words), inputs=values, depth=0)
    draw = torch.Generator().manual_seed(values)
    x = math.pi * torch.rand(1, values, 2, generator=draw, dtype=torch.float64)
    w = torch.rand(1, 1, circuit.num_weights, generator=draw, dtype=torch.float64)
    cotangent = torch.rand(1, 1, count, 2, generator=draw, dtype=torch.float64)
    theirs_x, theirs_w = x.clone().requires_grad_(), w.clone().requires_grad_()
    expected = torch.stack(
        [measured(definition(one, theirs_w[0, 0]), words) for one in theirs_x[0].T], dim=1
    )
    assert abs(float(definition(x[0, :, 0], w[0, 0]).norm()) - 1) < 1e-12
    gradients = [torch.zeros_like(x), torch.zeros_like(w)]
    if expected.requires_grad:
        gradients = torch.autograd.grad(
            (expected * cotangent).sum(), (theirs_x, theirs_w), materialize_grads=True
        )
    for name in ("fused", "statevector"):
        found = values_and_gradients(engine(name), circuit, x, w, cotangent)
        assert torch.allclose(found[0][0, 0], expected, rtol=0, atol=1e-12)
        for ours, theirs in zip(found[1:], gradients, strict=True):
            assert torch.allclose(ours, theirs, rtol=0, atol=1e-11)


def evaluated(entry: Encoding | str, x: Tensor, **options: Any) -> Tensor:
    """The expectation values of a circuit without weights."""
    circuit = Circuit(entry, "rx_chain", "xyz", inputs=len(x), depth=0, **options)
    none = torch.zeros(1, 1, 0, dtype=torch.float64)
    return engine("fused").expectation_values(circuit, x[None, :, None], none)[0, 0, :, 0]


def by_pennylane(embedding: Callable[[], object], qubits: int) -> Tensor:
    @qml.qnode(qml.device("default.qubit", wires=qubits))
    def run() -> object:
        embedding()
        return [qml.expval(p(q)) for p in (qml.X, qml.Y, qml.Z) for q in range(qubits)]

    return torch.tensor([float(value) for value in run()], dtype=torch.float64)  # pyright: ignore


def zz_by_hand(x: Tensor) -> None:
    for _ in range(2):
        for q in range(len(x)):
            qml.Hadamard(q)
            qml.PhaseShift(2 * x[q], wires=q)
        for a in range(len(x)):
            for b in range(a + 1, len(x)):
                qml.CNOT([a, b])
                qml.PhaseShift(2 * (math.pi - x[a]) * (math.pi - x[b]), wires=b)
                qml.CNOT([a, b])


@pytest.mark.parametrize("values", [1, 2, 3])
def test_embeddings_of_pennylane(values: int) -> None:
    x = torch.tensor([0.7, 2.1, 1.3][:values], dtype=torch.float64)
    wires, padding = range(values), {"pad_with": 0.0, "normalize": True}
    cases: list[tuple[Encoding | str, Callable[[], object]]] = [
        ("iqp", lambda: qml.IQPEmbedding(x, wires)),
        (IQP(repeats=3), lambda: qml.IQPEmbedding(x, wires, n_repeats=3)),
        ("zz_feature_map", lambda: zz_by_hand(x)),
        ("plain_rz", lambda: qml.AngleEmbedding(x, wires, rotation="Z")),
        ("basis", lambda: qml.BasisEmbedding((x > math.pi / 2).int().tolist(), wires)),
    ]
    for entry, embedding in cases:
        expected = by_pennylane(embedding, values)
        assert torch.allclose(evaluated(entry, x), expected, rtol=0, atol=1e-12), entry
    amplitudes, few = x.softmax(0).sqrt(), range(encoding("amplitude").num_qubits(values))
    expected = by_pennylane(lambda: qml.AmplitudeEmbedding(amplitudes, few, **padding), len(few))
    assert torch.allclose(evaluated("softmax_amplitude", x), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("entanglement", ["full", "linear", "circular"])
def test_feature_map_of_qiskit(entanglement: str) -> None:
    x = torch.tensor([0.7, 2.1, 1.3, 0.4], dtype=torch.float64)
    circuit = zz_feature_map(4, reps=3, entanglement=entanglement).assign_parameters(x.numpy())
    state = torch.tensor(Statevector(circuit.reverse_bits()).data)
    words = [f"{'I' * q}{letter}{'I' * (3 - q)}" for letter in "XYZ" for q in range(4)]
    found = evaluated(ZZFeatureMap(repeats=3, entanglement=entanglement), x)
    assert torch.allclose(found, measured(state, words), rtol=0, atol=1e-12)


def test_plain_rz_does_nothing_to_zeros_and_something_where_it_is_repeated() -> None:
    x = torch.tensor([[[0.7], [2.1]]], dtype=torch.float64)
    w = torch.tensor([[[0.3, 0.4, 0.5, 0.6]]], dtype=torch.float64)

    def run(inputs: Tensor, reupload: bool) -> Tensor:
        circuit = Circuit("plain_rz", "rx_chain", "z", inputs=2, depth=2, reupload=reupload)
        return engine("fused").expectation_values(circuit, inputs, w)

    assert torch.allclose(run(x, False), run(0 * x, False), rtol=0, atol=1e-15)
    assert float((run(x, True) - run(0 * x, True)).abs().max()) > 0.1


def test_uniformly_controlled_rotations() -> None:
    """In any order of controls, and on several targets at once."""
    angles = np.random.default_rng(0).uniform(-3, 3, (2, 4))
    for name in ("RY", "RZ"):
        found = multiplexed(name, angles.tolist(), (3, 1), (0, 2))

        def ours(operations: Any = found) -> None:
            for each in operations:
                numbers = [value(angle, (), ()) for angle in each.angles]
                getattr(qml, each.gate.pennylane)(*numbers, wires=each.qubits)

        def theirs(name: str = name) -> None:
            gate: Any = getattr(qml, name)
            for target, own in zip((0, 2), angles, strict=True):
                for number, angle in enumerate(own):
                    values = [number >> 1 & 1, number & 1]
                    qml.ctrl(gate, (3, 1), control_values=values)(angle, wires=target)

        matrices = [qml.matrix(each, wire_order=range(4))() for each in (ours, theirs)]
        assert np.allclose(*matrices, rtol=0, atol=1e-12)


def pixels(layer: Quanv2d, *values: float) -> Tensor:
    side = math.isqrt(len(values))
    image = torch.tensor(values, dtype=torch.float64).reshape(1, 1, side, side)
    return layer(image).flatten().detach()


def test_pixels_are_cut_at_a_half_by_the_default_scale() -> None:
    for name in ("threshold", "basis"):
        layer = Quanv2d(1, 4, 2, encoding=name, depth=0, dtype=torch.float64)
        assert pixels(layer, 0.49, 0.51, 1.0, 0.0).round(decimals=12).tolist() == [1, -1, -1, 1]
    own = Threshold("own", threshold=0.3)
    layer = Quanv2d(1, 4, 2, encoding=own, depth=0, angle_scale=1.0, dtype=torch.float64)
    assert pixels(layer, 0.29, 0.31, 0.3, 1.0).round(decimals=12).tolist() == [1, -1, 1, -1]


def test_pixels_of_image_states_by_the_default_scale() -> None:
    # Z of the colour is the mean over positions; for one pixel and the definitions, 1 - 2 p^2 and
    # cos(2 t) with t = pi p / 2.
    p = (0.0, 0.25, 0.5, 1.0)
    layer = Quanv2d(1, 3, 2, encoding="frqi", depth=0, dtype=torch.float64)
    expected = sum(math.cos(math.pi * each) for each in p) / 4
    assert pixels(layer, *p).tolist() == pytest.approx([expected, 0, 0], abs=1e-12)
    layer = Quanv2d(1, 3, 2, encoding="frqi_mattern", depth=0, dtype=torch.float64)
    expected = sum(1 - 2 * each**2 for each in p) / 4
    assert pixels(layer, *p).tolist() == pytest.approx([0, 0, expected], abs=1e-12)
    layer = Quanv2d(1, 10, 2, encoding="neqr", depth=0, dtype=torch.float64)
    greys = [0, 255, 1, 128]
    expected = [sum(1 - 2 * (grey >> b & 1) for grey in greys) / 4 for b in reversed(range(8))]
    found = pixels(layer, *(grey / 255 for grey in greys))
    assert found.tolist() == pytest.approx([*expected, 0, 0], abs=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_grey_value_of_eight_bits(dtype: torch.dtype) -> None:
    circuit = Circuit("neqr", "rx_chain", "z", inputs=1, depth=0)
    greys = torch.arange(256)
    x = (greys.to(dtype) / 255 * math.pi).reshape(1, 1, 256)
    found = engine("fused").expectation_values(circuit, x, torch.zeros(1, 1, 0, dtype=dtype))
    bits = torch.stack([greys >> b & 1 for b in reversed(range(8))])
    assert torch.allclose(found[0, 0], (1 - 2 * bits).to(dtype), rtol=0, atol=1e-5)


def test_sizes_of_the_circuits_of_mattern_et_al() -> None:
    for name, small, large in (("frqi_mattern", 3, 8), ("neqr", 10, 12), ("threshold", 4, 16)):
        assert [encoding(name).num_qubits(n) for n in (4, 16)] == [small, large]
    used = {q for o in encoding("frqi_mattern").operations(16) for q in o.qubits}
    assert used == {0, 1, 2, 3, 7}


def test_white_pixels_have_finite_gradients() -> None:
    layer = Quanv2d(1, 3, 2, encoding="frqi_mattern", depth=1, dtype=torch.float64)
    images = torch.tensor([[0.0, 1.0], [-1.0, 1.5]], dtype=torch.float64).reshape(1, 1, 2, 2)
    (gradient,) = torch.autograd.grad(layer(images.requires_grad_()).sum(), images)
    assert gradient.isfinite().all()
    assert gradient.flatten()[1:].tolist() == [0, 0, 0]


def test_softmax_cannot_overflow() -> None:
    x = torch.tensor([3e4, 3e4, -1e30, 0.0]).reshape(1, 4, 1)
    circuit = Circuit("softmax_amplitude", "rx_chain", "probs", inputs=4, depth=0)
    found = engine("fused").expectation_values(circuit, x, torch.zeros(1, 1, 0))
    assert found.flatten().tolist() == pytest.approx([0.5, 0.5, 0, 0], abs=1e-6)


@pytest.mark.parametrize("reupload", [False, True])
def test_weights_of_an_encoding_come_after_those_of_the_ansatz(reupload: bool) -> None:
    circuit = Circuit("learnable_ry", "rx_chain", "z", inputs=3, depth=2, reupload=reupload)
    assert circuit.weight_shape == (9,)
    encode = [o.angle for o in circuit.operations if Input(0) in leaves(o.angle or 0.0)]
    assert encode == [Weight(6) * Input(0)] * (1 + reupload)
    layer = Quanv2d(1, 8, 2, encoding="learnable_rz", depth=2)
    assert layer.weight.shape == (2, 12)
    layer(torch.rand(1, 1, 4, 4)).square().sum().backward()
    assert layer.weight.grad is not None
    assert (layer.weight.grad[:, 8:] != 0).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: IQP(repeats=0), "repeats must be 1 or more, got 0"),
        (lambda: ZZFeatureMap(entanglement="all"), "unknown entanglement 'all'"),
        (lambda: IQP(repeats=300_000).operations(2), "262,144 gates or fewer, got 300,000 times 5"),
        (lambda: NEQR(bits=17), "bits must be 1 to 16, got 17"),
        (lambda: NEQR(white=0.0), "white must be a positive number, got 0.0"),
        (lambda: MatternFRQI(white=math.inf), "white must be a positive number, got inf"),
        (lambda: NEQR().operations(65), "'neqr' must have 64 values or fewer, got 65"),
        (lambda: FRQI().operations(129), "'frqi' must have 128 values or fewer, got 129"),
        (lambda: SoftmaxAmplitude().amplitudes(5000), "must have 1,024 values or fewer, got 5,000"),
        (lambda: encoding("frqui"), "unknown encoding 'frqui'; did you mean 'frqi'?"),
    ],
)
def test_mistakes_get_one_line(make: Callable, message: str) -> None:
    with pytest.raises((CircuitError, ConfigurationError)) as raised:
        make()
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_largest_that_are_allowed() -> None:
    assert FRQI().operations(128)
    for bits, values in ((2, 128), (8, 64), (16, 32)):
        with pytest.raises(CircuitError, match=f"must have {values} values or fewer"):
            NEQR(bits=bits).operations(values + 1)
