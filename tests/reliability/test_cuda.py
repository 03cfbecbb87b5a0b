"""On a GPU every number is the processor's up to rounding; skipped where there is none."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from resqunn import (
    ConfigurationError,
    Noise,
    QuantumHead,
    Quanv2d,
    gradient_flow,
    paper_model,
    to_classical,
)
from resqunn.engines.base import Engine
from resqunn.engines.registry import engine
from resqunn.lab import TrainConfig, resume, train, train_several
from resqunn.lab.training.records import Run

from support import any_circuit, random_arguments, run_bytes, values_and_gradients

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")

DAMPING = Noise(amplitude_damping=0.1)
COMPILED = ["fourier", "alternating", "chains", "fused"]
TINY = TrainConfig(classes=3, per_class=12, epochs=3, depths=(1, 1), batch_size=8)


@pytest.mark.parametrize("name", ["auto", "statevector"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_and_gradients_of_random_circuits(name: str, dtype: torch.dtype) -> None:
    reference: Engine = engine("statevector")
    # In float32 derivatives of feature maps, products of angles, are good to 5e-5.
    atol = 1e-10 if dtype is torch.float64 else 1e-4
    for seed in range(40):
        circuit = any_circuit(seed, max_qubits=6, max_depth=4)
        arguments = random_arguments(circuit, seed, dtype=dtype)
        expected = values_and_gradients(reference, circuit, *(each.double() for each in arguments))
        found = values_and_gradients(engine(name), circuit, *(each.cuda() for each in arguments))
        norm = float(arguments[0].norm(dim=1).min()) if circuit.encoding.prepares_amplitudes else 1
        for ours, theirs in zip(found, expected, strict=True):
            assert ours.is_cuda
            assert ours.dtype == dtype
            close = torch.allclose(ours.cpu().double(), theirs, rtol=atol, atol=atol / min(1, norm))
            assert close, (name, seed, circuit)


@pytest.mark.parametrize("name", COMPILED)
def test_engines_of_the_processor_say_so(name: str) -> None:
    layer = Quanv2d(1, 4, 2, 2, ansatz="rx_chain", engine=name).cuda()
    with pytest.raises(ConfigurationError, match="engine must be 'statevector' or 'auto' for"):
        layer(torch.rand(1, 1, 4, 4, device="cuda"))


@pytest.mark.parametrize(
    "layer",
    [
        Quanv2d(1, 4, 2, 2, dtype=torch.float64),
        Quanv2d(1, 4, 2, 2, ansatz="rx_chain", reupload=True, dtype=torch.float64),
        Quanv2d(3, 12, 2, 1, groups=3, readout="z", padding=1, dtype=torch.float64),
        Quanv2d(1, 4, 3, 2, encoding="amplitude", dtype=torch.float64),
        Quanv2d(1, 4, 2, 2, noise=Noise(depolarizing=0.05, readout=0.1), dtype=torch.float64),
        Quanv2d(1, 4, 2, 2, reupload=True, noise=DAMPING, dtype=torch.float64),
        QuantumHead(3, num_qubits=6, dtype=torch.float64),
    ],
    ids=["once", "reupload", "groups", "amplitude", "noise", "damping", "head"],
)
def test_layers_agree_with_the_processor(layer: nn.Module) -> None:
    channels = getattr(layer, "in_channels", 1)
    images = torch.rand(5, channels, 8, 8, dtype=torch.float64)
    images = images.flatten(1) if isinstance(layer, QuantumHead) else images
    here, there = images.clone().requires_grad_(), images.cuda().requires_grad_()
    other = copy.deepcopy(layer).cuda()
    for module, inputs in ((layer, here), (other, there)):
        module(inputs).square().sum().backward()
    assert torch.allclose(other(there).cpu(), layer(here), rtol=0, atol=1e-12)
    assert here.grad is not None
    assert there.grad is not None
    assert torch.allclose(there.grad.cpu(), here.grad, rtol=0, atol=1e-11)
    for ours, theirs in zip(other.parameters(), layer.parameters(), strict=True):
        assert ours.grad is not None
        assert theirs.grad is not None
        assert torch.allclose(ours.grad.cpu(), theirs.grad, rtol=0, atol=1e-11)


def test_classical_forms_agree_with_the_processor() -> None:
    layer = Quanv2d(1, 8, 2, 1, padding=1, reupload=True, dtype=torch.float64)
    images = torch.rand(5, 1, 8, 8, dtype=torch.float64)
    for form in (to_classical(layer).cuda(), to_classical(copy.deepcopy(layer).cuda())):
        found = form(images.cuda())
        assert found.is_cuda
        assert torch.allclose(found.cpu(), layer(images), rtol=0, atol=1e-12)


@pytest.mark.parametrize("sampling", ["joint", "independent"])
@pytest.mark.parametrize("gradient", ["exact", "parameter-shift"])
def test_shots_are_unbiased(sampling: str, gradient: str) -> None:
    layer = Quanv2d(1, 4, 2, 2, shots=100, shot_sampling=sampling, shot_gradient=gradient).cuda()
    image = torch.rand(1, 1, 2, 2, device="cuda")
    images = image.expand(10_000, -1, -1, -1).clone().requires_grad_()
    exact = Quanv2d(1, 4, 2, 2).cuda()
    exact.load_state_dict(layer.state_dict())
    found = layer(images)
    counts = 50 * (1 + found)
    assert torch.allclose(counts, counts.round(), rtol=0, atol=1e-3)
    # 1e6 bits: a standard deviation of a mean is 1e-3 at most.
    assert torch.allclose(found.mean(dim=0), exact(image)[0], rtol=0, atol=6e-3)
    found.sum().backward()
    expected = torch.autograd.grad(exact(image.requires_grad_()).sum(), image)[0]
    assert images.grad is not None
    assert torch.allclose(images.grad.mean(dim=0), expected[0], rtol=0, atol=3e-2)


@pytest.fixture
def case() -> tuple[Quanv2d, torch.Tensor, torch.Tensor]:
    """A layer, images and its values."""
    layer = Quanv2d(1, 4, 2, 2, depth=2).cuda()
    images = torch.rand(3, 1, 8, 8, device="cuda")
    return layer, images, layer(images).detach()


def test_exported(case: tuple) -> None:
    layer, images, expected = case
    exported = torch.export.export(layer, (images,)).module()
    assert torch.allclose(exported(images), expected, atol=1e-5)


def test_autocast_keeps_precision(case: tuple) -> None:
    layer, images, expected = case
    with torch.autocast("cuda", dtype=torch.bfloat16):
        assert torch.allclose(layer(images), expected, atol=1e-5)


def test_captured_in_a_cuda_graph(case: tuple) -> None:
    layer, images, _ = case
    stream = torch.cuda.Stream()
    with torch.no_grad(), torch.cuda.stream(stream):
        for _ in range(3):
            layer(images)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.no_grad(), torch.cuda.graph(graph):
        values = layer(images)
    images.copy_(torch.rand_like(images))
    graph.replay()
    assert torch.allclose(values, layer(images), atol=1e-5)


def test_vmap_and_second_derivatives() -> None:
    layers = [Quanv2d(1, 4, 2, 2, dtype=torch.float64).cuda() for _ in range(3)]
    weights, buffers = torch.func.stack_module_state(layers)
    images = torch.rand(2, 1, 6, 6, dtype=torch.float64, device="cuda")
    call = lambda w, b: torch.func.functional_call(layers[0], (w, b), (images,))  # noqa: E731
    found = torch.vmap(call)(weights, buffers)
    assert torch.allclose(found, torch.stack([each(images) for each in layers]), atol=1e-12)
    images.requires_grad_()
    assert torch.autograd.gradgradcheck(layers[0], images[:1, :, :2, :2])


def test_gradients_reach_the_same_layers() -> None:
    images, labels = torch.rand(4, 1, 12, 12), torch.tensor([0, 1, 2, 1])
    for wiring in ("none", "O1+O2", "(X+O1)+O2"):
        model = paper_model(wiring, classes=3, depths=(1, 1))
        with torch.no_grad():
            model(images)  # makes the head's weights
        expected = gradient_flow(model, images, labels)
        found = gradient_flow(copy.deepcopy(model).cuda(), images.cuda(), labels.cuda())
        assert found.statuses == expected.statuses


@pytest.mark.parametrize("head", ["linear", "quantum"])
def test_training(tmp_path: Path, head: str) -> None:
    config = replace(TINY, head=head, dtype="float64", wiring="O1+O2", device="cuda")
    here = train(replace(config, device="cpu"), tmp_path / "cpu")
    there = train(config, tmp_path / "gpu")
    assert there.finished
    for ours, theirs in zip(there.epochs, here.epochs, strict=True):
        assert ours.loss == pytest.approx(theirs.loss, abs=1e-6)
    several = {tmp_path / str(seed): replace(config, seed=seed) for seed in range(3)}
    assert all(
        isinstance(ended, Run) and ended.finished for ended in train_several(several).values()
    )
    assert resume(tmp_path / "1").finished
    assert run_bytes(tmp_path / "0") == run_bytes(tmp_path / "gpu")
