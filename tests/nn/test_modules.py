"""What PyTorch's own tests ask of a module, asked of every layer and head.

One row a module; the checks are those of `test_modules.py`, `test_parametrization.py`,
`test_functional_call` and the data loading and distributed tests that apply to a layer.
"""

import copy
import io
import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.utils.data import DataLoader, Dataset

from resqunn import LinearHead, QuantumHead, Quanv1d, Quanv2d, Quanv3d, ResQuNN

Make = Callable[..., nn.Module]

TABLE: dict[str, tuple[Make, tuple[int, ...]]] = {
    "Quanv1d": (lambda **o: Quanv1d(2, 2, 2, 2, bias=True, readout="z0", **o), (2, 6)),
    "Quanv1d, circular": (
        lambda **o: Quanv1d(1, 2, 2, padding=1, padding_mode="circular", **o),
        (1, 5),
    ),
    "Quanv2d": (lambda **o: Quanv2d(1, 4, 2, 2, **o), (1, 4, 4)),
    "Quanv2d, overlapping": (
        lambda **o: Quanv2d(1, 1, 2, padding="same", readout="z3", **o),
        (1, 3, 3),
    ),
    "Quanv2d, sum": (
        lambda **o: Quanv2d(2, 4, 2, 2, bias=True, channel_mode="sum", reupload=True, **o),
        (2, 4, 4),
    ),
    "Quanv2d, four axes of weights": (
        lambda **o: Quanv2d(2, 8, 2, 2, groups=2, ansatz="strongly_entangling", **o),
        (2, 4, 4),
    ),
    "Quanv3d": (
        lambda **o: Quanv3d(1, 1, (1, 2, 2), 1, readout="mean_z", **o),
        (1, 2, 3, 3),
    ),
    "Quanv3d, sum": (
        lambda **o: Quanv3d(2, 8, 2, 2, channel_mode="sum", depth=1, **o),
        (2, 2, 2, 4),
    ),
    "LinearHead": (lambda **o: LinearHead(3, 8, **o), (2, 4)),
    "QuantumHead": (lambda **o: QuantumHead(3, num_qubits=3, **o), (2, 4)),
    "ResQuNN": (
        lambda **o: ResQuNN(
            [Quanv1d(1, 2, 2, **o), Quanv1d(2, 1, 2, readout="mean_z", **o)],
            "X+O2",
            LinearHead(3, 6, **o),
        ),
        (1, 6),
    ),
}
MODULES = pytest.mark.parametrize("name", TABLE)


def made(name: str, **options) -> nn.Module:
    torch.manual_seed(0)
    return TABLE[name][0](**options)


def batch(name: str, size: int = 3, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(size, *TABLE[name][1], generator=generator, dtype=torch.float64).to(dtype)


def gradients(module: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.grad.clone() for name, parameter in module.named_parameters()}


@MODULES
def test_memory_formats(name: str) -> None:
    module, images = made(name), batch(name)
    expected = module(images)
    others = [torch.stack([images] * 2, -1)[..., 0], images.flip(0)[[2, 1, 0]]]
    last = {4: torch.channels_last, 5: torch.channels_last_3d}.get(images.ndim)
    if last is not None:
        others.append(torch.empty_like(images, memory_format=last).copy_(images))
    for other in others:
        other.requires_grad_()
        found = module(other)
        assert torch.allclose(found, expected, rtol=0, atol=1e-6)
        found.sum().backward()
        assert other.grad.isfinite().all()
    if last is not None:
        assert found.is_contiguous(memory_format=last)


@MODULES
def test_case_28_meta_construction(name: str) -> None:
    expected = made(name)
    with torch.device("meta"):
        by_context = made(name)
    for module in (by_context, made(name, device="meta"), made(name).to("meta")):
        assert all(parameter.is_meta for parameter in module.parameters())
        assert module(batch(name).to("meta")).shape == expected(batch(name)).shape
        module.to_empty(device="cpu").load_state_dict(expected.state_dict())
        assert torch.equal(module(batch(name)), expected(batch(name)))
        if hasattr(module, "reset_parameters"):
            module.reset_parameters(torch.Generator().manual_seed(2))
            assert not torch.equal(module(batch(name)), expected(batch(name)))


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [(Quanv1d, (1, 2, 2)), (Quanv2d, (1, 4, 2)), (Quanv3d, (1, 8, 2)), (LinearHead, (3, 8))],
)
def test_construction_without_initial_values(kind: type[nn.Module], arguments: tuple) -> None:
    made = nn.utils.skip_init(kind, *arguments)
    assert made.weight.device.type == "cpu"
    made.load_state_dict(kind(*arguments).state_dict())


def test_weights_in_channels_last_and_their_limit() -> None:
    module, images = made("Quanv2d, sum"), batch("Quanv2d, sum")
    expected = module(images)
    assert torch.equal(module.to(memory_format=torch.channels_last)(images), expected)
    assert not module.weight.is_contiguous()
    assert module(images).is_contiguous()
    # torch asks this of every weight of four or five axes.
    with pytest.raises(RuntimeError, match="required rank 5"):
        made("Quanv3d, sum").to(memory_format=torch.channels_last_3d)


@pytest.mark.parametrize("used", [False, True])
def test_lazy_construction(used: bool) -> None:
    waiting = LinearHead(3, generator=torch.Generator().manual_seed(0))
    ready = LinearHead(3, 8, generator=torch.Generator().manual_seed(0))
    features = torch.rand(2, 2, 4)
    if used:
        waiting(features)
    assert waiting.has_uninitialized_params() is not used
    for same in (waiting, copy.deepcopy(waiting), pickle.loads(pickle.dumps(waiting))):
        assert torch.equal(same(features), ready(features))
    waiting.load_state_dict(LinearHead(3, 8).state_dict())


@MODULES
def test_state_dicts(name: str) -> None:
    module, other = made(name), TABLE[name][0]()
    state, images = module.state_dict(), batch(name)
    kept = io.BytesIO()
    torch.save(state, kept)
    kept.seek(0)
    assert other.load_state_dict(torch.load(kept), strict=True) == ([], [])
    assert torch.equal(other(images), module(images))
    assigned = TABLE[name][0](device="meta")
    assigned.load_state_dict(state, assign=True)
    assert torch.equal(assigned(images), module(images))
    first = next(iter(state))
    assert assigned.get_parameter(first).data_ptr() == state[first].data_ptr()
    with pytest.raises(RuntimeError, match="Unexpected key"):
        other.load_state_dict(state | {"more": torch.zeros(1)})
    with pytest.raises(RuntimeError, match="Missing key"):
        other.load_state_dict({key: value for key, value in state.items() if key != first})
    found = other.load_state_dict(state | {"more": torch.zeros(1)}, strict=False)
    assert found.unexpected_keys == ["more"]
    with pytest.raises(RuntimeError, match="size mismatch"):
        other.load_state_dict(state | {first: torch.zeros(1, 7)})


class Half(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return weight / 2

    def right_inverse(self, weight: Tensor) -> Tensor:
        return 2 * weight


@MODULES
def test_parametrizations(name: str) -> None:
    module, images = made(name), batch(name)
    expected = module(images)
    part = module.layers[0] if isinstance(module, ResQuNN) else module
    parametrize.register_parametrization(part, "weight", Half())
    assert torch.allclose(module(images), expected, rtol=0, atol=1e-6)
    module(images).square().sum().backward()
    assert part.parametrizations.weight.original.grad.abs().sum() > 0
    with parametrize.cached():
        module(images)
    parametrize.remove_parametrizations(part, "weight")
    assert torch.allclose(module(images), expected, rtol=0, atol=1e-6)
    normed = nn.utils.parametrizations.weight_norm(part)
    assert torch.allclose(module(images), expected, rtol=0, atol=1e-5)
    assert isinstance(normed.weight, Tensor)


@MODULES
def test_hooks(name: str) -> None:
    module, images, seen = made(name), batch(name).requires_grad_(), []
    expected = module(images).detach()
    module.register_forward_pre_hook(lambda _, given: seen.append("before") or (given[0] * 1,))
    module.register_forward_hook(lambda _, given, values: seen.append("after") or values * 2)
    module.register_full_backward_pre_hook(lambda _, cotangents: seen.append("pre"))
    module.register_full_backward_hook(lambda _, of_inputs, of_outputs: seen.append("back"))
    next(module.parameters()).register_hook(lambda gradient: seen.append("weight"))
    found = module(images)
    found.sum().backward()
    assert torch.allclose(found, 2 * expected)
    assert sorted(seen) == ["after", "back", "before", "pre", "weight"]


@MODULES
def test_per_sample_gradients(name: str) -> None:
    module, images = made(name, dtype=torch.float64), batch(name, dtype=torch.float64)
    parameters = {key: value.detach() for key, value in module.named_parameters()}

    def loss(parameters: dict[str, Tensor], image: Tensor) -> Tensor:
        return torch.func.functional_call(module, parameters, image[None]).square().sum()

    at_once = torch.func.vmap(torch.func.grad(loss), (None, 0))(parameters, images)
    for number, image in enumerate(images):
        module.zero_grad()
        module(image[None]).square().sum().backward()
        for key, gradient in gradients(module).items():
            assert torch.allclose(at_once[key][number], gradient, rtol=0, atol=1e-10)


@MODULES
def test_ensembles(name: str) -> None:
    members = [TABLE[name][0](dtype=torch.float64) for _ in range(3)]
    images = batch(name, dtype=torch.float64)
    stacked, buffers = torch.func.stack_module_state(members)
    blank = made(name, device="meta", dtype=torch.float64)

    def values(parameters: dict[str, Tensor], images: Tensor) -> Tensor:
        return torch.func.functional_call(blank, parameters, images)

    assert buffers == {}
    found = torch.func.vmap(values, (0, None))(stacked, images)
    expected = torch.stack([member(images) for member in members])
    assert torch.allclose(found, expected, rtol=0, atol=1e-10)


@MODULES
def test_copies_and_pickles(name: str) -> None:
    module, images = made(name), batch(name)
    module(images).sum().backward()
    kept = io.BytesIO()
    torch.save(module, kept)
    kept.seek(0)
    whole = torch.load(kept, weights_only=False)
    for same in (copy.deepcopy(module), pickle.loads(pickle.dumps(module)), whole):
        assert torch.equal(same(images), module(images))
        assert repr(same) == repr(module)
        first, other = next(module.parameters()), next(same.parameters())
        assert first.data_ptr() != other.data_ptr()


@MODULES
def test_modes_and_moves(name: str) -> None:
    module, images = made(name), batch(name)
    expected = module(images)
    assert torch.equal(module.eval()(images), expected)
    assert torch.equal(module.train().share_memory()(images), expected)
    double = copy.deepcopy(module).double()(images.double())
    assert torch.allclose(double.float(), expected, rtol=0, atol=1e-5)
    vector = nn.utils.parameters_to_vector(module.parameters())
    nn.utils.vector_to_parameters(vector, module.parameters())
    assert torch.equal(module(images), expected)
    module.requires_grad_(False)
    assert not module(images).requires_grad
    with torch.inference_mode():
        assert torch.equal(module(images), expected)
    assert module(images[:0]).shape == (0, *expected.shape[1:])


class Features(Dataset):
    """Images as every module sees them."""

    def __init__(self) -> None:
        self.modules = {name: made(name).requires_grad_(False) for name in TABLE}

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {name: self.modules[name](batch(name))[index] for name in TABLE}


@pytest.mark.parametrize("start", ["spawn", "forkserver"])
def test_data_loaders_with_workers(start: str) -> None:
    features = Features()
    loader = DataLoader(features, batch_size=2, num_workers=1, multiprocessing_context=start)
    (found,) = list(loader)
    for name in TABLE:
        expected = features.modules[name](batch(name))[:2]
        assert torch.allclose(found[name], expected, rtol=0, atol=1e-6), name


RANK = """
import sys, torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from nn.test_modules import TABLE, batch, gradients, made

rank, port, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
torch.set_num_threads(1)
dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
found = {}
for name in TABLE:
    module = made(name)
    with torch.no_grad():  # the first process's weights are every process's
        for parameter in module.parameters():
            parameter.add_(rank)
    wrapped = DistributedDataParallel(module)
    wrapped(batch(name, 4)[2 * rank : 2 * rank + 2]).square().sum().backward()
    found[name] = gradients(module)
torch.save(found, f"{folder}/{rank}.pt")
dist.destroy_process_group()
"""


def test_distributed_data_parallel_on_two_processes(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    tests = str(Path(__file__).parents[1])
    paths = os.pathsep.join([tests, *filter(None, sys.path)])
    started = [
        subprocess.Popen(
            [sys.executable, "-c", RANK, str(rank), port, str(tmp_path)],
            env=os.environ | {"PYTHONPATH": paths},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    ends = [process.communicate(timeout=300)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], ends
    both = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    for name in TABLE:
        module = made(name)
        (module(batch(name, 4)).square().sum() / 2).backward()
        for key, gradient in gradients(module).items():
            assert torch.equal(both[0][name][key], both[1][name][key])
            assert torch.allclose(both[0][name][key], gradient, rtol=0, atol=1e-5), (name, key)
