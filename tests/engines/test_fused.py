"""The compiled engine against the reference engine."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import pytest
import torch

from resqunn import QuantumHead, Quanv2d
from resqunn.circuits.ansatze import ANSATZE, Ansatz
from resqunn.circuits.circuit import Circuit
from resqunn.circuits.encodings import AngleEncoding
from resqunn.circuits.operations import Operation, Weight
from resqunn.circuits.readouts import READOUTS
from resqunn.engines.compiled import images
from resqunn.engines.fused import engine as fused
from resqunn.engines.fused.engine import FusedEngine
from resqunn.engines.statevector.engine import StatevectorEngine
from resqunn.errors import ShapeError

FUSED, REFERENCE = FusedEngine(), StatevectorEngine()


class EveryGate(Ansatz):
    """All gates of the gate table that an ansatz can hold, also in front of the encoding."""

    name = "every_gate"

    def layer_shape(self, qubits: int) -> tuple[int, ...]:
        return (4,)

    def layer(self, index: int, qubits: int) -> tuple[Operation, ...]:
        names = ("RX", "H", "RZ", "Y", "CZ", "CNOT", "X", "RY", "CZ", "Z", "RX")
        weights = iter(range(4))
        return tuple(
            Operation(
                name,
                (k % qubits, (k + 1) % qubits) if name in ("CZ", "CNOT") else (k % qubits,),
                Weight(next(weights)) if name.startswith("R") else None,
            )
            for k, name in enumerate(names)
        )


def arguments(
    circuit: Circuit, groups: int, filters: int, patches: int, dtype: torch.dtype, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(
        groups, circuit.num_inputs, patches, dtype=torch.float64, generator=generator
    )
    weights = 3 * torch.randn(
        groups, filters, circuit.num_weights, dtype=torch.float64, generator=generator
    )
    return (3 * inputs).to(dtype).requires_grad_(), weights.to(dtype).requires_grad_()


def results(engine, circuit, inputs, weights) -> tuple[torch.Tensor, ...]:
    """Values and both gradients, in double precision."""
    values = engine.expectation_values(circuit, inputs, weights)
    generator = torch.Generator().manual_seed(1)
    cotangents = torch.randn(values.shape, dtype=torch.float64, generator=generator)
    gradients = (
        torch.autograd.grad(
            values, (inputs, weights), cotangents.to(values.dtype), materialize_grads=True
        )
        if values.requires_grad
        else ()
    )
    return values.detach().double(), *(gradient.double() for gradient in gradients)


def assert_agree(circuit: Circuit, groups=1, filters=1, patches=19, dtype=torch.float64, seed=0):
    inputs, weights = arguments(circuit, groups, filters, patches, dtype, seed)
    exact = (inputs.detach().double().requires_grad_(), weights.detach().double().requires_grad_())
    computed = results(FUSED, circuit, inputs, weights)
    expected = results(REFERENCE, circuit, *exact)
    for one, other in zip(computed, expected, strict=True):
        if dtype == torch.float64:
            torch.testing.assert_close(one, other, rtol=0, atol=1e-10)
        elif one.numel():
            scale = max(1.0, other.abs().max().item())
            assert (one - other).abs().max() <= 1e-5 * scale


def random_circuit(seed: int) -> Circuit:
    draw = random.Random(seed)
    encoding = draw.choice(["ry", "rx", "rz", "amplitude"])
    qubits = draw.randint(1, 6)
    inputs = draw.randint(2 ** (qubits - 1) + 1, 2**qubits) if encoding == "amplitude" else qubits
    return Circuit(
        encoding,
        draw.choice([*ANSATZE, "random:5", EveryGate()][: None if qubits > 1 else -1]),
        draw.choice([name for name in READOUTS if qubits > 1 or name not in ("xx", "zz")]),
        inputs=inputs,
        depth=draw.randint(0, 4),
        reupload=encoding != "amplitude" and draw.random() < 0.6,
    )


@pytest.mark.parametrize("seed", range(150))
def test_agrees_with_the_reference_on_random_circuits(seed):
    draw = random.Random(-1 - seed)
    dtype = torch.float32 if seed % 3 == 0 else torch.float64
    shape = (draw.randint(1, 2), draw.randint(1, 2), draw.choice([1, 7, 16, 70, 150]))
    assert_agree(random_circuit(seed), *shape, dtype=dtype, seed=seed)


@pytest.mark.parametrize(
    ("encoding", "name", "reupload"),
    [
        (("ry", "rx", "rz")[(turn + reupload) % 3], name, reupload)
        for turn, name in enumerate([*ANSATZE, "random:5"])
        for reupload in (False, True)
    ],
)
def test_agrees_with_the_reference_on_each_table_entry(encoding, name, reupload):
    circuit = Circuit(encoding, name, "z", inputs=4, depth=3, reupload=reupload)
    assert_agree(circuit, filters=2)


LATE = ("frqi", "neqr", "iqp", "zz_feature_map", "amplitude")
"""Encodings that many gates are needed for before the first weight."""


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("case", [*LATE, *range(30)])
def test_gradients_by_weights_alone_are_those_beside_gradients_by_inputs(case, dtype):
    late = isinstance(case, str)
    circuit = Circuit(case, "rx_ring", "z", inputs=4, depth=2) if late else random_circuit(case)
    inputs, weights = arguments(circuit, 1, 2, 40, dtype)
    *_, beside = results(FUSED, circuit, inputs, weights)
    alone = FUSED.expectation_values(circuit, inputs.detach(), weights)
    if circuit.num_weights:
        cotangents = torch.randn(
            alone.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
        )
        (found,) = torch.autograd.grad(alone, weights, cotangents.to(dtype))
        assert torch.equal(found.double(), beside)


def test_an_encoding_of_several_rotations():
    encoding = AngleEncoding("three", ("H", "RZ", "RX", "Y", "RY"))
    assert_agree(Circuit(encoding, "rx_chain", "z", inputs=3, depth=2, reupload=True))


@pytest.mark.parametrize("encoding", ["ry", "amplitude"])
def test_undoing_passes_gives_the_same_as_keeping_states(monkeypatch, encoding):
    monkeypatch.setattr(fused, "KEPT_BYTES", 0)
    images.program_of.cache_clear()
    for name in ("rx_chain", "ry_chain", EveryGate()):
        reupload = encoding == "ry"
        assert_agree(Circuit(encoding, name, "z", inputs=4, depth=3, reupload=reupload))


def test_many_qubits():
    assert_agree(Circuit("ry", "rx_chain", "z", inputs=10, depth=2, reupload=True), patches=9)


@pytest.mark.parametrize("name", ["rx_chain", "ry_chain"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_results_do_not_depend_on_the_number_of_threads(monkeypatch, name, dtype):
    monkeypatch.setattr(images, "OPERATIONS_PER_THREAD", 1)
    circuit = Circuit("ry", name, "z", inputs=4, depth=2, reupload=True)
    inputs, weights = arguments(circuit, 2, 2, 1003, dtype)
    threads = torch.get_num_threads()
    try:
        runs = []
        for count in (1, 2, 3, 5):
            torch.set_num_threads(count)
            runs.append(results(FUSED, circuit, inputs, weights))
    finally:
        torch.set_num_threads(threads)
    for run in runs[1:]:
        for one, other in zip(run, runs[0], strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize("name", ["rx_chain", "ry_chain"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_angles_of_any_size(name, dtype):
    circuit = Circuit("ry", name, "z", inputs=4, depth=2, reupload=True)
    inputs, weights = arguments(circuit, 1, 1, 400, dtype)
    sizes = torch.logspace(-6, 5, 400, dtype=dtype)
    inputs = (inputs.detach() * sizes).requires_grad_()
    exact = (inputs.detach().double().requires_grad_(), weights.detach().double().requires_grad_())
    for one, other in zip(
        results(FUSED, circuit, inputs, weights), results(REFERENCE, circuit, *exact), strict=True
    ):
        assert (one - other).abs().max() < (1e-4 if dtype == torch.float32 else 1e-9)


def test_nan_stays_nan_and_in_its_patch():
    circuit = Circuit("ry", "rx_chain", "z", inputs=4, depth=2, reupload=True)
    inputs, weights = arguments(circuit, 1, 1, 40, torch.float32)
    for k, value in enumerate((float("nan"), float("inf"), -float("inf"))):
        with torch.no_grad():
            inputs[0, 1, 5 + 10 * k] = value
    values, gradient, _ = results(FUSED, circuit, inputs, weights)
    broken = torch.zeros(40, dtype=torch.bool)
    broken[[5, 15, 25]] = True
    assert torch.equal(values.isnan().any(dim=2).squeeze(), broken)
    assert torch.equal(gradient.isnan().any(dim=1).squeeze(), broken)


@pytest.mark.parametrize("inputs", [3, 4])
def test_a_zero_vector_of_amplitudes_has_zero_gradient(inputs):
    circuit = Circuit("amplitude", "rx_chain", "z", inputs=inputs, depth=2)
    values = torch.zeros(1, inputs, 3, dtype=torch.float64)
    values[0, :, 1] = 1
    weights = torch.ones(1, 1, circuit.num_weights, dtype=torch.float64, requires_grad=True)
    arguments_ = (values.requires_grad_(), weights)
    for one, other in zip(
        results(FUSED, circuit, *arguments_), results(REFERENCE, circuit, *arguments_), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)
    assert not results(FUSED, circuit, *arguments_)[1][0, :, 0].any()


@pytest.mark.parametrize(
    ("encoding", "name", "reupload"),
    [
        ("ry", "rx_chain", True),
        ("rx", "strongly_entangling", False),
        ("amplitude", "ry_ring", False),
    ],
)
def test_first_and_second_derivatives(encoding, name, reupload):
    circuit = Circuit(encoding, name, "z", inputs=3, depth=2, reupload=reupload)
    inputs, weights = arguments(circuit, 1, 2, 2, torch.float64)

    def function(x, w):
        return FUSED.expectation_values(circuit, x, w)

    assert torch.autograd.gradcheck(function, (inputs, weights))
    assert torch.autograd.gradgradcheck(function, (inputs, weights))
    assert torch.autograd.gradcheck(lambda x: function(x, weights.detach()), (inputs,))
    assert torch.autograd.gradgradcheck(lambda w: function(inputs.detach(), w), (weights,))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nothing_to_do(dtype):
    for circuit, patches in (
        (Circuit("ry", "rx_chain", "z", inputs=3, depth=2), 0),
        (Circuit("ry", "rx_chain", "z", inputs=3, depth=0), 5),
        (Circuit("amplitude", "rx_chain", "z", inputs=3, depth=0), 5),
    ):
        assert_agree(circuit, patches=patches, dtype=dtype)


def test_tensors_in_any_layout():
    circuit = Circuit("ry", "rx_chain", "z", inputs=4, depth=2, reupload=True)
    inputs, weights = arguments(circuit, 1, 1, 1, torch.float64)
    patches = torch.randn(21, 4, dtype=torch.float64, requires_grad=True)
    values = FUSED.expectation_values(circuit, patches.T[None], weights.expand(1, 3, -1))
    expected = REFERENCE.expectation_values(circuit, patches.T[None], weights.expand(1, 3, -1))
    torch.testing.assert_close(values, expected, rtol=0, atol=1e-12)
    computed = torch.autograd.grad(values.sum(), (patches, weights))
    for one, other in zip(
        computed, torch.autograd.grad(expected.sum(), (patches, weights)), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)
    same = FUSED.expectation_values(circuit, inputs.expand(1, 4, 30), weights)
    assert torch.equal(same, same[..., :1].expand_as(same))


def test_transforms_of_functions():
    circuit = Circuit("ry", "rx_chain", "z", inputs=3, depth=2, reupload=True)
    inputs, weights = (tensor.detach() for tensor in arguments(circuit, 2, 1, 3, torch.float64))

    def total(engine, x, w):
        return engine.expectation_values(circuit, x[None], w[None]).sum()

    for transform in (torch.func.grad, torch.func.jacrev):
        computed, expected = (
            torch.func.vmap(transform(lambda x, w, e=engine: total(e, x, w)))(inputs, weights)
            for engine in (FUSED, REFERENCE)
        )
        torch.testing.assert_close(computed, expected, rtol=0, atol=1e-12)


def test_a_deep_circuit_in_single_precision():
    circuit = Circuit("ry", "rx_chain", "z", inputs=4, depth=60, reupload=True)
    inputs, weights = arguments(circuit, 1, 1, 5, torch.float64)
    with torch.no_grad():
        weights.fill_(torch.pi / 2)
    exact = results(REFERENCE, circuit, inputs, weights)
    single = (inputs.detach().float().requires_grad_(), weights.detach().float().requires_grad_())
    for one, other in zip(results(FUSED, circuit, *single), exact, strict=True):
        assert (one - other).abs().max() < 1e-4 * max(1.0, other.abs().max().item())


def test_without_a_place_for_compiled_code(tmp_path):
    program = "\n".join(
        [
            "import torch",
            "from resqunn.circuits.circuit import Circuit",
            "from resqunn.engines.fused.engine import FusedEngine",
            "circuit = Circuit('ry', 'ry_chain', 'z', inputs=1, depth=1)",
            "inputs, weights = torch.zeros(1, 1, 2), torch.zeros(1, 1, circuit.num_weights)",
            "print(FusedEngine().expectation_values(circuit, inputs, weights).sum().item())",
        ]
    )
    # A file where a folder should be cannot be written to, not even by root.
    place = tmp_path / "file"
    place.touch()
    environment = {**os.environ, "RESQUNN_CACHE": str(place)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["2.0"]


def test_what_it_cannot_do_is_said():
    circuit = Circuit("ry", "rx_chain", "z", inputs=4, depth=1)
    inputs, weights = arguments(circuit, 1, 1, 2, torch.float32)
    with pytest.raises(ShapeError, match="float16"):
        FUSED.expectation_values(circuit, inputs.half(), weights.half())


def amplitude_rows(dtype: torch.dtype, rows: int, values: int = 50) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(rows, values, dtype=torch.float64, generator=generator).to(dtype)


def scores_and_gradients(head, rows, cotangents):
    """Scores, and their derivatives by rows and weights."""
    rows = rows.detach().requires_grad_() if rows.is_leaf else rows
    scores = head(rows)
    return scores.detach(), *torch.autograd.grad(scores, (rows, head.weight), cotangents)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("values", [1, 15, 50, 64])
def test_rows_do_not_see_their_neighbours(dtype, values):
    head = QuantumHead(3, num_qubits=6, engine="fused", dtype=dtype)
    rows = amplitude_rows(dtype, 300, values)
    rows[::7] *= 1e-30
    rows[3::7] *= 1e30
    rows[5] = 0
    rows[6, 0] = torch.nan
    cotangents = amplitude_rows(dtype, 300, 3)
    scores, by_rows, _ = scores_and_gradients(head, rows, cotangents)
    for begin, end in ((0, 1), (1, 16), (16, 33), (33, 172), (172, 300)):
        part, by_part, _ = scores_and_gradients(
            head, rows[begin:end].clone(), cotangents[begin:end]
        )
        assert torch.equal(part.nan_to_num(7), scores[begin:end].nan_to_num(7))
        assert torch.equal(by_part.nan_to_num(7), by_rows[begin:end].nan_to_num(7))


@pytest.mark.parametrize("ansatz", ["ry_chain", "rx_chain"])
@pytest.mark.parametrize("patches", [1, 16, 150])
def test_rows_of_every_size_as_the_reference_has_them(ansatz, patches):
    """Zero, NaN and infinite rows among tiny and huge ones, whose squares float32 cannot hold."""
    circuit = Circuit("amplitude", ansatz, "z", inputs=13, depth=2)
    inputs, weights = arguments(circuit, 1, 2, patches, torch.float32)
    sizes = [1.0, 1e-38, 1e38, 0.0, 1e-43, 1e-13, 1e13, 3e-7, torch.inf, torch.nan]
    with torch.no_grad():
        inputs /= inputs.abs().amax(1, keepdim=True)
        for p in range(patches):
            inputs[0, :, p] *= sizes[p % 8]
            if p % 11 == 10:
                inputs[0, p % 13, p] = sizes[8 + p % 2]
    exact = (inputs.detach().clone().requires_grad_(), weights.detach().clone().requires_grad_())
    found = results(FUSED, circuit, inputs, weights)
    expected = results(REFERENCE, circuit, *exact)
    for one, other in zip(found[:2], expected[:2], strict=True):
        assert torch.equal(one.isfinite(), other.isfinite())
        scale = torch.ones_like(other)
        if one.ndim == 3:  # derivatives are as large as rows are small
            scale = other.abs().amax(1, keepdim=True).clamp_min(1e-30)
        close = (one - other).abs() <= 2e-4 * scale
        assert (close | ~other.isfinite()).all()
    assert found[2].isnan().any() == expected[2].isnan().any()


@pytest.mark.parametrize("engine", ["fused", "auto"])
def test_rows_in_any_memory(engine):
    head = QuantumHead(4, num_qubits=6, engine=engine)
    rows, cotangents = amplitude_rows(torch.float32, 40), amplitude_rows(torch.float32, 40, 4)
    expected = scores_and_gradients(head, rows, cotangents)
    wide = torch.full((80, 64), torch.nan)
    wide[::2, 7:57] = rows
    views = [
        wide[::2, 7:57],
        rows.T.contiguous().T,
        torch._neg_view(-rows),  # pyright: ignore[reportPrivateImportUsage]
        rows.flip(0).flip(0),
        rows.reshape(40, 2, 5, 5),
        rows.reshape(40, 2, 5, 5).to(memory_format=torch.channels_last),
    ]
    for view in views:
        scores, by_rows, by_weight = scores_and_gradients(head, view, cotangents)
        assert torch.equal(scores, expected[0])
        assert torch.equal(by_rows.reshape(40, -1), expected[1])
        assert torch.equal(by_weight, expected[2])
    expanded = head(rows[:1].expand(30, -1))
    assert torch.equal(expanded, expanded[:1].expand(30, -1))
    assert wide[1::2].isnan().all()


def test_weight_gradients_of_a_head_do_not_depend_on_threads(monkeypatch):
    monkeypatch.setattr(images, "OPERATIONS_PER_THREAD", 1)
    head = QuantumHead(4, num_qubits=6, engine="fused")
    rows, cotangents = amplitude_rows(torch.float32, 700), amplitude_rows(torch.float32, 700, 4)
    threads = torch.get_num_threads()
    try:
        runs = []
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            runs.append(scores_and_gradients(head, rows, cotangents))
    finally:
        torch.set_num_threads(threads)
    for run in runs[1:]:
        assert all(map(torch.equal, run, runs[0]))


def test_second_derivatives_of_a_head():
    head = QuantumHead(2, num_qubits=3, engine="fused", dtype=torch.float64)
    rows = amplitude_rows(torch.float64, 3, 5).requires_grad_()

    def function(x, w):
        return torch.func.functional_call(head, {"weight": w}, (x,))

    weight = head.weight.detach().requires_grad_()
    assert torch.autograd.gradcheck(function, (rows, weight))
    assert torch.autograd.gradgradcheck(function, (rows, weight))


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {"reupload": True, "padding": 1, "groups": 2},
        {"encoding": "amplitude", "kernel_size": 3, "groups": 2, "dilation": 2},
        {"encoding": "amplitude", "channel_mode": "sum", "ansatz": "strongly_entangling"},
        {"reupload": True, "channel_mode": "sum", "ansatz": "ry_ring", "stride": 2},
    ],
)
def test_images_as_they_lie(options, channels_last):
    options = {"kernel_size": 2, "ansatz": "rx_chain", "readout": "mean_z", "depth": 2} | options
    images = torch.randn(
        5, 2, 7, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    )
    if channels_last:
        images = images.to(memory_format=torch.channels_last)
    found = []
    for engine in ("fused", "statevector"):
        draw = torch.Generator().manual_seed(0)
        layer = Quanv2d(2, 4, engine=engine, generator=draw, dtype=torch.float64, **options)
        x = images.detach().requires_grad_()
        y = layer(x)
        y.square().sum().backward()
        found.append((y.detach(), x.grad, layer.weight.grad))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)
    assert found[0][0].stride() == found[1][0].stride()
