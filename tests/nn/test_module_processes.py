"""Every layer and head among processes: in workers that load data, and in distributed training."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from nn.module_table import TABLE, batch, gradients, made
from torch import Tensor
from torch.utils.data import DataLoader, Dataset


class Features(Dataset):
    """Images as every module sees them."""

    def __init__(self) -> None:
        self.modules = {name: made(name).requires_grad_(False) for name in TABLE}

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {name: self.modules[name](batch(name))[index] for name in TABLE}


class Collated:
    """Of what is collated, what every module makes of the batch."""

    def __init__(self, modules: dict) -> None:
        self.modules = modules

    def __call__(self, numbers: list[int]) -> dict[str, Tensor]:
        return {name: module(batch(name)[numbers]) for name, module in self.modules.items()}


STARTS = pytest.mark.parametrize("start", ["spawn", "forkserver"])


@STARTS
def test_collating_in_workers(start: str) -> None:
    modules = {name: made(name).requires_grad_(False) for name in TABLE}
    loader = DataLoader(
        range(2),
        batch_size=2,
        num_workers=1,
        collate_fn=Collated(modules),
        multiprocessing_context=start,
    )
    (found,) = list(loader)
    for name, module in modules.items():
        assert torch.allclose(found[name], module(batch(name)[:2]), rtol=0, atol=1e-6), name


@STARTS
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
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel
from nn.module_table import TABLE, batch, gradients, made

way, rank, port, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
torch.set_num_threads(1)
dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
found = {}
for name in TABLE:
    module = made(name)
    if way == "replicated":
        with torch.no_grad():  # the first process's weights are every process's
            for parameter in module.parameters():
                parameter.add_(rank)
        wrapped = DistributedDataParallel(module)
    else:
        wrapped = fully_shard(module, mesh=init_device_mesh("cpu", (2,)))
    wrapped(batch(name, 4)[2 * rank : 2 * rank + 2]).square().sum().backward()
    found[name] = gradients(module)
    if way == "sharded":  # each process has half of the weights
        found[name] = {key: value.full_tensor() for key, value in found[name].items()}
torch.save(found, f"{folder}/{rank}.pt")
dist.destroy_process_group()
"""


@pytest.mark.parametrize("way", ["replicated", "sharded"])
def test_training_on_two_processes(tmp_path: Path, way: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    tests = str(Path(__file__).parents[1])
    paths = os.pathsep.join([tests, *filter(None, sys.path)])
    started = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", RANK, way, str(rank), port, str(tmp_path)],
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
