"""Residual networks, heads and presets."""

import copy
import pickle

import jaxtyping
import numpy as np
import pytest
import torch
from torch import nn

from resqunn import LinearHead, QuantumHead, Quanv2d, ResQuNN, Wiring, paper_model
from resqunn.circuits.gates import gate
from resqunn.errors import ConfigurationError, ShapeError, WrongTypeError
from resqunn.nn.aligned import add_aligned


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("wiring", "side"), [("none", 7), ("X+O1", 14), ("O1+O2", 14), ("X+O2", 28), ("(X+O1)+O2", 28)]
)
def test_feature_sizes_of_table_2(wiring: str, side: int) -> None:
    model = paper_model(wiring)
    images = torch.rand(2, 1, 28, 28)
    assert model.features(images).shape == (2, 1, side, side)
    assert model(images).shape == (2, 10)
    assert model.head.weight.shape == (10, side * side)


@pytest.mark.parametrize("align", ["zero_pad", "zero_pad_center"])
@pytest.mark.parametrize("wiring", Wiring.all(3), ids=str)
def test_networks_sum_as_the_definition_says(wiring: Wiring, align: str) -> None:
    layers = [Quanv2d(1, 1, 2, 2, readout="mean_z") for _ in range(3)]
    model = ResQuNN(layers, wiring, nn.Flatten(), align=align)
    images = torch.rand(2, 1, 16, 16)
    sums = {0: images}
    for k in (1, 2, 3):
        output = layers[k - 1](sums[k - 1])
        block = next(b for b in wiring.blocks if k in b)
        before = [j for j in block if j < k]
        if before:
            other = sums[before[-1]]
            side = max(output.shape[-1], other.shape[-1])
            total = torch.zeros(2, 1, side, side)
            for part in (output, other):
                n = part.shape[-1]
                at = (side - n) // 2 if align == "zero_pad_center" else 0
                total[:, :, at : at + n, at : at + n] += part
            output = total
        sums[k] = output
    assert torch.allclose(model(images), sums[3].flatten(1), atol=1e-6)


def test_sums_append_channels_rows_and_columns_of_zeros() -> None:
    a, b = torch.ones(1, 3, 2, 5), torch.ones(1, 1, 4, 4)
    total = add_aligned(a, b, "zero_pad")
    assert total.shape == (1, 3, 4, 5)
    assert total[0, 0].tolist() == [[2, 2, 2, 2, 1]] * 2 + [[1, 1, 1, 1, 0]] * 2
    assert total[0, 1].tolist() == [[1] * 5] * 2 + [[0] * 5] * 2
    centred = add_aligned(a, torch.ones(1, 1, 5, 5), "zero_pad_center")
    assert centred[0, 2].sum(dim=1).tolist() == [0, 5, 5, 0, 0]


@pytest.mark.parametrize("align", ["zero_pad", "zero_pad_center"])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("shapes", [((3, 2, 5), (1, 4, 4)), ((2, 3, 3), (2, 1, 2))])
def test_derivatives_of_sums(
    shapes: tuple[tuple[int, ...], ...], layout: torch.memory_format, align: str
) -> None:
    a, b = (
        torch.rand(2, *shape, dtype=torch.float64).to(memory_format=layout).requires_grad_()
        for shape in shapes
    )
    total = add_aligned(a, b, align)
    by_vmap = torch.vmap(lambda *maps: add_aligned(*(m[None] for m in maps), align)[0])(a, b)
    assert torch.equal(total, by_vmap)
    assert total.is_contiguous(memory_format=layout)
    assert torch.autograd.gradcheck(lambda *maps: add_aligned(*maps, align).sin(), (a, b))
    assert torch.autograd.gradgradcheck(lambda *maps: add_aligned(*maps, align).sin(), (a, b))


def test_any_module_may_be_a_layer_and_errors_name_the_layer() -> None:
    model = ResQuNN([nn.Conv2d(1, 1, 2, 2), Quanv2d(1, 4, 2, 2)], "O1+O2", LinearHead(3))
    assert model(torch.rand(2, 1, 8, 8)).shape == (2, 3)
    with pytest.raises(ShapeError, match=r"layer 2 of 2: .*as the kernel.*, got 1x1"):
        model(torch.rand(2, 1, 2, 2))
    with pytest.raises(ShapeError, match=r"images must have shape \(B, C, H, W\), got \(1, 8, 8\)"):
        model(torch.rand(1, 8, 8))


@pytest.mark.parametrize("head", ["linear", "quantum"])
@pytest.mark.parametrize("readout", ["mean_z", "z", "z3"])
@pytest.mark.parametrize("wiring", ["none", "(X+O1)+O2"])
def test_every_parameter_has_a_gradient(head: str, readout: str, wiring: str) -> None:
    model = paper_model(
        wiring,
        head=head,
        readout=readout,
        classes=4,
        input_gradients=True,
        depths=(2, 2),
        generator=seeded(),
    )
    images = torch.rand(4, 1, 8, 8, generator=seeded(1))
    nn.functional.cross_entropy(model(images), torch.arange(4)).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_a_generator_fixes_every_weight() -> None:
    images = torch.rand(2, 1, 28, 28)
    torch.manual_seed(1)
    first = paper_model("O1+O2", generator=seeded(5))(images)
    torch.manual_seed(2)
    again = paper_model("O1+O2", generator=seeded(5))(images)
    other = paper_model("O1+O2", generator=seeded(6))(images)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("head", ["linear", "quantum"])
@pytest.mark.parametrize("used", [False, True])
def test_networks_copy_pickle_and_load_before_and_after_their_first_batch(
    head: str, used: bool
) -> None:
    images = torch.rand(2, 1, 28, 28)
    model = paper_model("X+O1", head=head, classes=4)
    if used:
        model(images)
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    expected = model(images)
    loaded = paper_model("X+O1", head=head, classes=4)
    loaded.load_state_dict(model.state_dict())
    for same in (*copies, loaded):
        assert torch.equal(same(images), expected)


def test_frozen_layers() -> None:
    model = paper_model("O1+O2", trainable=False)
    images = torch.rand(2, 1, 28, 28)
    model(images).sum().backward()
    assert [p.requires_grad for p in model.layers.parameters()] == [False, False]
    assert model.head.weight.grad is not None


def test_softmax_of_the_heads() -> None:
    features = torch.rand(3, 5)
    for plain, double in (
        (LinearHead(4, generator=seeded()), LinearHead(4, softmax=True, generator=seeded())),
        (QuantumHead(4, generator=seeded()), QuantumHead(4, softmax=True, generator=seeded())),
    ):
        assert torch.allclose(double(features), plain(features).softmax(dim=1))
        assert torch.allclose(double(features).sum(dim=1), torch.ones(3))


def test_linear_head_starts_as_nn_linear_does() -> None:
    head = LinearHead(1000, generator=seeded())
    head(torch.rand(2, 100))
    assert head.weight.abs().max() <= 0.1
    assert head.weight.std().item() == pytest.approx(0.1 / 3**0.5, rel=0.02)
    with pytest.raises(ShapeError, match=r"features must be 100, .*, got 50"):
        head(torch.rand(2, 50))
    with pytest.raises(ShapeError, match="must hold values"):
        LinearHead(2)(torch.rand(2, 0))


def test_a_head_of_known_features_has_its_weights_at_once() -> None:
    waiting, ready = (LinearHead(3, features, generator=seeded()) for features in (None, 20))
    assert ready.weight.shape == (3, 20)
    features = torch.rand(2, 5, 4)
    assert torch.equal(waiting(features), ready(features))
    assert torch.equal(waiting.weight, ready.weight)
    assert torch.equal(waiting.bias, ready.bias)
    torch.optim.Adam(LinearHead(3, 20).parameters(), fused=True)
    with pytest.raises(ShapeError, match=r"features must be 20, .*, got 4"):
        LinearHead(3, 20)(torch.rand(2, 4))


@pytest.mark.parametrize("head", ["linear", "quantum"])
def test_networks_on_the_meta_device_are_filled_later(head: str) -> None:
    expected = paper_model("O1+O2", head=head, classes=4, generator=seeded())
    with torch.device("meta"):
        model = paper_model("O1+O2", head=head, classes=4, generator=seeded())
        paper_model("O1+O2", head=head, classes=4)
        assert LinearHead(10, 49).weight.is_meta
        assert LinearHead(10).weight.is_meta
        model(torch.rand(2, 1, 8, 8))  # gives the head its shape
    assert all(parameter.is_meta for parameter in model.parameters())
    images = torch.rand(2, 1, 8, 8)
    scores = expected(images)
    model.to_empty(device="cpu").load_state_dict(expected.state_dict())
    assert torch.equal(model(images), scores)


def test_options_reach_layers_and_head_by_their_name() -> None:
    model = paper_model(
        "X+O1",
        head="quantum",
        classes=2,
        depths=(3, 1),
        ansatz="ry_ring",
        engine="statevector",
        measured=(0, 5),
        num_qubits=6,
        kernel_size=3,
        padding=1,
        dtype=torch.float64,
    )
    for layer, depth in zip(model.layers, (3, 1), strict=True):
        assert (layer.circuit.ansatz.name, layer.circuit.depth) == ("ry_ring", depth)
        assert (layer.kernel_size, layer.padding) == ((3, 3), (1, 1))
        assert layer.engine.name == "statevector"
    assert model.head.measured == (0, 5)
    assert model.head.engine.name == "statevector"
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float64}


def test_options_of_a_quantum_head_are_named() -> None:
    with pytest.raises(TypeError, match="positional"):
        QuantumHead(3, 4)


@pytest.mark.parametrize("images", [None, [[0.0]], np.zeros((1, 1, 8, 8), np.float32)])
def test_what_is_no_tensor_is_of_a_wrong_type(images: object) -> None:
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        for module in (Quanv2d(1, 4, 2), paper_model("none"), LinearHead(3, 4), QuantumHead(3)):
            with pytest.raises(WrongTypeError, match=r"must be a torch\.Tensor, got"):
                module(images)
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)


def dense_quantum_head(features: np.ndarray, weights: np.ndarray, qubits: int) -> np.ndarray:
    """<Z_q> of every qubit by full matrices."""
    state = np.zeros(2**qubits)
    state[: len(features)] = features
    state /= np.linalg.norm(state)
    layer = np.eye(1)
    for weight in weights:
        layer = np.kron(layer, gate("RY").matrix(weight).real)
    state = layer @ state
    for q in range(qubits - 1):
        cnot = np.kron(
            np.kron(np.eye(2**q), gate("CNOT").matrix().real), np.eye(2 ** (qubits - q - 2))
        )
        state = cnot @ state
    bits = (np.arange(2**qubits)[:, None] >> np.arange(qubits - 1, -1, -1)) & 1
    return (state**2) @ (1 - 2 * bits)


@pytest.mark.parametrize("qubits", [3, 6])
def test_quantum_head_against_full_matrices(qubits: int) -> None:
    head = QuantumHead(3, num_qubits=qubits, dtype=torch.float64)
    features = torch.randn(2, 1, 2, 3, dtype=torch.float64)
    found = head(features)
    for row, flat in zip(found, features.flatten(1), strict=True):
        every = dense_quantum_head(flat.numpy(), head.weight[0].detach().numpy(), qubits)
        assert np.allclose(row.detach().numpy(), every[-3:], atol=1e-12)


def test_quantum_head_measures_the_last_wires_by_default() -> None:
    assert QuantumHead(4).measured == (6, 7, 8, 9)
    few = torch.rand(2, 49, requires_grad=True)
    first = QuantumHead(4, measured=(0, 1, 2, 3))
    assert torch.allclose(first(few)[0], first(few)[1], atol=1e-6)  # wires 0-3 hold no data
    assert not torch.allclose(QuantumHead(4)(few)[0], QuantumHead(4)(few)[1], atol=1e-3)


def test_quantum_head_says_when_features_do_not_fit() -> None:
    model = paper_model("X+O2", head="quantum", readout="z", classes=4)
    with pytest.raises(ShapeError, match=r"features must be 1024 or fewer.*, got 12544"):
        model(torch.rand(1, 1, 28, 28))


def test_quantum_head_of_zero_features_is_defined() -> None:
    features = torch.zeros(2, 49, requires_grad=True)
    head = QuantumHead(4)
    scores = head(features)
    scores.sum().backward()
    assert scores.isfinite().all()
    assert torch.equal(features.grad, torch.zeros(2, 49))
    assert head.weight.grad.isfinite().all()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: LinearHead(1), ConfigurationError, "classes must be 2 or more, got 1"),
        (lambda: QuantumHead(4, num_qubits=3), ConfigurationError, "must be 4 different"),
        (
            lambda: QuantumHead(2, num_qubits=3, measured=(1, 1)),
            ConfigurationError,
            "measured must be 2 different",
        ),
        (
            lambda: QuantumHead(2, num_qubits=3, measured=(1, 3)),
            ConfigurationError,
            r"of 0 to 2, .*got \[1, 3\]",
        ),
        (lambda: paper_model("X+O3"), ConfigurationError, "no O3"),
        (lambda: paper_model("none", depths=()), ConfigurationError, "at least one layer"),
        (lambda: paper_model("none", head="dense"), ConfigurationError, "linear, quantum"),
        (lambda: paper_model(Wiring.parse("none", 3)), ConfigurationError, "depths must be 3"),
        (lambda: paper_model("none", kernel_sise=3), ConfigurationError, "unknown option"),
        (lambda: paper_model("none", measured=(0, 1)), ConfigurationError, "unknown option"),
        (lambda: LinearHead(3, 0), ConfigurationError, "features must be 1 or more, got 0"),
        (
            lambda: ResQuNN([nn.Identity()], Wiring.parse("none", 2), nn.Flatten()),
            ConfigurationError,
            "layers must be 2, .*, got 1",
        ),
        (
            lambda: ResQuNN([nn.Identity()], "none", nn.Flatten(), align="center"),
            ConfigurationError,
            "zero_pad_center",
        ),
    ],
)
def test_mistakes(make, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("wiring", "options", "fixed"),
    [
        ("none", {}, 1),
        ("X+O1", {}, 1),
        ("X+O2", {}, 1),
        ("O1+O2", {}, 0),
        ("none", {"input_gradients": True}, 0),
        ("none", {"input_gradients": True, "trainable": False}, 2),
        ("O1+O2", {"trainable": False}, 2),
    ],
)
def test_layers_that_training_cannot_change(wiring: str, options: dict, fixed: int) -> None:
    model = paper_model(wiring, **options)
    assert model.fixed_layers() == fixed
    images = torch.rand(3, 1, 28, 28)
    nn.functional.cross_entropy(model(images), torch.arange(3)).backward()
    learn = [layer.weight.grad is not None for layer in model.layers]
    assert not any(learn[:fixed])
    assert all(learn[fixed : fixed + 1])
    assert torch.equal(model.sums(model.sums([images], fixed))[-1], model.features(images))
