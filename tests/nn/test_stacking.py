"""Many layers at once: `torch.vmap` runs compiled code once, with the bits of each alone."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import functional_call, grad, hessian, jvp, stack_module_state, vjp, vmap
from torch.fx.experimental.proxy_tensor import make_fx

from resqunn import QuantumHead, Quanv1d, Quanv2d
from resqunn.engines.statevector.engine import StatevectorEngine
from resqunn.errors import FreedMemoryError

ENGINES = pytest.mark.parametrize("engine", ["fourier", "alternating", "chains", "fused"])
OPTIONS = pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": 1, "padding": 1},
        {"in_channels": 4, "out_channels": 16, "groups": 2, "stride": 2, "padding": "valid"},
        {"in_channels": 2, "out_channels": 4, "channel_mode": "sum"},
    ],
)
COUNT = 3


@pytest.fixture
def _compiled_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is evaluated by the reference engine."""

    def refuse(*_: Any) -> Tensor:
        raise AssertionError("the reference engine was asked")

    monkeypatch.setattr(StatevectorEngine, "evaluate", refuse)


COMPILED = pytest.mark.usefixtures("_compiled_alone")


def layers(engine: str, **options: Any) -> tuple[list[Quanv2d], dict[str, Tensor]]:
    """Some layers of one shape, and their weights stacked."""
    kind = {"in_channels": 1, "out_channels": 4, "kernel_size": 2} | options
    kind |= {"reupload": engine == "alternating", "depth": 2, "ansatz": "rx_chain"}
    made = [Quanv2d(**kind, engine=engine) for _ in range(COUNT)]
    return made, stack_module_state(made)[0]


def images_for(made: list[Quanv2d]) -> Tensor:
    return torch.rand(COUNT, 2, made[0].in_channels, 6, 6)


def total(y: Tensor) -> Tensor:
    return (y * torch.linspace(-1, 1, y.numel()).reshape(y.shape)).sum()


def run(layer: Quanv2d) -> Callable[[dict[str, Tensor], Tensor], Tensor]:
    return lambda weights, images: functional_call(layer, weights, (images,))


@COMPILED
@ENGINES
@OPTIONS
def test_stacked_layers_give_the_bits_of_each_alone(engine: str, options: dict[str, Any]) -> None:
    made, weights = layers(engine, **options)
    images = images_for(made)
    values = vmap(run(made[0]))(weights, images)
    loss = lambda w, x: total(run(made[0])(w, x))  # noqa: E731
    by_weights, by_images = vmap(grad(loss, (0, 1)))(weights, images)
    for k, layer in enumerate(made):
        x = images[k].clone().requires_grad_()
        y = layer(x)
        total(y).backward()
        assert torch.equal(values[k], y)
        assert torch.equal(by_weights["weight"][k], layer.weight.grad)
        assert torch.equal(by_images[k], x.grad)


@COMPILED
@ENGINES
def test_one_side_alone_may_be_stacked(engine: str) -> None:
    made, weights = layers(engine, in_channels=2, groups=2, out_channels=8)
    images = images_for(made)
    of_weights = vmap(run(made[0]), (0, None))(weights, images[0])
    own = {"weight": made[0].weight}
    of_images = vmap(run(made[0]), (None, 0))(own, images)
    each = vmap(grad(lambda w, x: total(run(made[0])(w, x))), (None, 0))(own, images)
    for k in range(COUNT):
        assert torch.equal(of_weights[k], made[k](images[0]))
        assert torch.equal(of_images[k], made[0](images[k]))
        made[0].zero_grad()
        total(made[0](images[k])).backward()
        assert torch.equal(each["weight"][k], made[0].weight.grad)


@COMPILED
@ENGINES
def test_stacks_of_stacks(engine: str) -> None:
    made, weights = layers(engine)
    images = images_for(made)
    values = vmap(vmap(run(made[0]), (0, None)), (None, 0))(weights, images)
    for j in range(COUNT):
        for k in range(COUNT):
            assert torch.equal(values[j, k], made[k](images[j]))


@COMPILED
@ENGINES
def test_stacks_are_trained_by_autograd(engine: str) -> None:
    made, weights = layers(engine)
    images = images_for(made).requires_grad_()
    values = vmap(run(made[0]))(weights, images)
    sum(map(total, values)).backward()
    for k, layer in enumerate(made):
        x = images[k].detach().clone().requires_grad_()
        total(layer(x)).backward()
        assert torch.equal(weights["weight"].grad[k], layer.weight.grad)
        assert torch.equal(images.grad[k], x.grad)


@COMPILED
@ENGINES
def test_many_cotangents_at_once(engine: str) -> None:
    made, _ = layers(engine)
    images = images_for(made)[0]
    y, pull = vjp(made[0], images)
    cotangents = torch.rand(COUNT, *y.shape)
    found = vmap(pull)(cotangents)[0]
    for k in range(COUNT):
        x = images.clone().requires_grad_()
        made[0](x).backward(cotangents[k])
        assert torch.equal(found[k], x.grad)


@ENGINES
@pytest.mark.filterwarnings("ignore:`torch.jit.script`")  # by torch's own forward derivatives
def test_second_derivatives_and_forward_ones_are_the_references(engine: str) -> None:
    made, weights = layers(engine)
    images = images_for(made)[:, :1, :, :2, :2].double()
    double = {"weight": weights["weight"].detach().double()}
    theirs = Quanv2d(1, 4, 2, depth=2, ansatz="rx_chain", engine="statevector")
    theirs.circuit = made[0].circuit

    def loss(layer: Quanv2d) -> Callable[[dict[str, Tensor], Tensor], Tensor]:
        return lambda w, x: run(layer)(w, x).square().sum()

    for transform in (hessian, lambda f: lambda w, x: jvp(lambda x: f(w, x), (x,), (x,))[1]):
        found, expected = (
            vmap(transform(loss(layer)))(double, images) for layer in (made[0], theirs)
        )
        for a, b in zip(_leaves(found), _leaves(expected), strict=True):
            assert torch.allclose(a, b, rtol=0, atol=1e-10)


def _leaves(tree: Any) -> list[Tensor]:
    return torch.utils._pytree.tree_leaves(tree)


@COMPILED
@ENGINES
def test_nothing_may_be_stacked_too(engine: str) -> None:
    made, weights = layers(engine)
    images = images_for(made)
    none = {"weight": weights["weight"][:0]}
    expected = made[0](images[0]).shape
    for axes, arguments in (
        ((0, 0), (none, images[:0])),
        ((0, None), (none, images[0])),
        ((None, 0), ({"weight": made[0].weight}, images[:0])),
    ):
        assert vmap(run(made[0]), axes)(*arguments).shape == (0, *expected)
    by_weights, by_images = vmap(grad(lambda w, x: total(run(made[0])(w, x)), (0, 1)))(
        none, images[:0]
    )
    assert by_weights["weight"].shape == none["weight"].shape
    assert by_images.shape == images[:0].shape


@COMPILED
@ENGINES
@pytest.mark.parametrize("which", ["images", "weight"])
def test_freed_memory_is_not_read_on_the_way_back(engine: str, which: str) -> None:
    made, _ = layers(engine)
    tensors = {"images": images_for(made)[0], "weight": made[0].weight.detach().clone()}

    def values(images: Tensor, weight: Tensor) -> Tensor:
        return functional_call(made[0], {"weight": weight}, (images,))

    y, pull = vjp(values, *tensors.values())
    tensors[which].untyped_storage().resize_(0)
    with pytest.raises(FreedMemoryError, match="it has been freed"):
        pull(torch.ones_like(y))


@ENGINES
@pytest.mark.filterwarnings("ignore:`torch.jit.script`")  # by torch's own forward derivatives
def test_the_way_back_may_be_differentiated_and_recorded_in_any_way(engine: str) -> None:
    made, _ = layers(engine)
    images = images_for(made)[0]
    y, pull = vjp(made[0], images)
    cotangents, direction = torch.rand(2, *y.shape)
    # It is linear, so that its derivative along a direction is its value there.
    along = jvp(lambda c: pull(c)[0], (cotangents,), (direction,))[1]
    recorded = make_fx(lambda c: pull(c)[0])(cotangents)(direction)
    assert torch.allclose(along, pull(direction)[0], rtol=0, atol=1e-5)
    assert torch.allclose(recorded, pull(direction)[0], rtol=0, atol=1e-5)


@ENGINES
def test_gradients_of_gradients(engine: str) -> None:
    made, _ = layers(engine)
    images = images_for(made).double()
    layer = made[0].double()
    norm = lambda x: grad(lambda x: layer(x).square().sum())(x).square().sum()  # noqa: E731
    found = vmap(grad(norm))(images)
    for k in range(COUNT):
        x = images[k].clone().requires_grad_()
        (first,) = torch.autograd.grad(layer(x).square().sum(), x, create_graph=True)
        (expected,) = torch.autograd.grad(first.square().sum(), x)
        assert torch.allclose(found[k], expected, rtol=0, atol=1e-10)


@COMPILED
def test_signals_too() -> None:
    made = [Quanv1d(1, 3, 3) for _ in range(COUNT)]
    weights, _ = stack_module_state(made)
    signals = torch.rand(COUNT, 2, 1, 9)
    values = vmap(lambda w, x: functional_call(made[0], w, (x,)))(weights, signals)
    for k in range(COUNT):
        assert torch.equal(values[k], made[k](signals[k]))


@COMPILED
def test_quantum_heads_too() -> None:
    made = [QuantumHead(3, num_qubits=5) for _ in range(COUNT)]
    weights, _ = stack_module_state(made)
    features = torch.rand(COUNT, 4, 2, 3, 5)
    values = vmap(lambda w, x: functional_call(made[0], w, (x,)))(weights, features)
    loss = lambda w, x: total(functional_call(made[0], w, (x,)))  # noqa: E731
    by_weights, by_features = vmap(grad(loss, (0, 1)))(weights, features)
    for k, head in enumerate(made):
        x = features[k].clone().requires_grad_()
        y = head(x)
        total(y).backward()
        assert torch.equal(values[k], y)
        assert torch.equal(by_weights["weight"][k], head.weight.grad)
        assert torch.equal(by_features[k], x.grad)
