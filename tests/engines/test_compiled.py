"""Compiled code: from disk without numba, the same bits, and never the wrong file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from resqunn.circuits.circuit import Circuit
from resqunn.engines.compiled import files, machine
from resqunn.engines.compiled.arguments import Constants
from resqunn.engines.compiled.kernel import Kernel
from resqunn.engines.fourier.engine import FourierEngine
from resqunn.engines.fused.engine import FusedEngine

KERNELS = """
from resqunn.engines.compiled.compiler import compiled

@compiled()
def double(x, out):
    for k in range(x.shape[0]):
        out[k] = 2 * x[k]

@compiled()
def triple(x, out):
    for k in range(x.shape[0]):
        out[k] = 3 * x[k]

@compiled()
def describe(flag, count, tables, out):
    (a_2, b_3), last = tables[:2], tables[2]
    out[0], out[1], out[2] = a_2[1, 0], b_3[1, 0, 1], last
    out[3], out[4], out[5] = b_3.shape[2], count, 7 if flag else 8

@compiled()
def reshape(out):
    out.reshape(1, 3)[0, 0] = 1
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for compiled code, and a module `small_kernels`."""
    (tmp_path / "small_kernels.py").write_text(KERNELS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "small_kernels", raising=False)
    monkeypatch.setenv("RESQUNN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "resqunn"


def called(name: str) -> list[float]:
    """What a kernel that is not in memory yet makes of 1, 2, 3."""
    out = torch.empty(3)
    Kernel("small_kernels", name)(torch.tensor([1.0, 2.0, 3.0]), out)
    return out.tolist()


@pytest.mark.parametrize("engine", ["fourier", "fused"])
def test_code_from_disk_gives_the_same_bits_as_code_just_compiled(engine, tmp_path):
    code = (
        "import sys, torch; from resqunn import Quanv2d; torch.manual_seed(0);"
        f"m = Quanv2d(1, 4, 2, 2, engine='{engine}'); x = torch.rand(4, 1, 28, 28);"
        "x.requires_grad_(); m(x).square().sum().backward();"
        "print('numba' in sys.modules, m.weight.grad.tolist(), x.grad.tolist())"
    )
    variables = os.environ | {"RESQUNN_CACHE": str(tmp_path)}
    cold, warm = (
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=variables
        ).stdout
        for _ in range(2)
    )
    assert cold.split(maxsplit=1)[0] == "True"
    assert warm.split(maxsplit=1)[0] == "False"
    assert cold.split(maxsplit=1)[1] == warm.split(maxsplit=1)[1]


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def of_another_kernel(path: Path) -> None:
    called("triple")
    (other,) = path.parent.glob("triple-*")
    shutil.copyfile(other, path)


def writable_by_others(path: Path) -> None:
    path.chmod(0o666)


@pytest.mark.parametrize("spoil", [flipped, cut, emptied, of_another_kernel, writable_by_others])
def test_a_file_that_is_not_as_it_should_be_is_replaced(spoil: Callable, place: Path):
    assert called("double") == [2, 4, 6]
    (path,) = place.glob("double-*")
    whole = path.read_bytes()
    spoil(path)
    spoiled = (path.read_bytes(), path.stat().st_mode)
    assert called("double") == [2, 4, 6]
    assert spoiled != (path.read_bytes(), path.stat().st_mode)
    assert path.read_bytes() == whole
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_as_it_should_be_is_used(place: Path):
    called("double")
    (path,) = place.glob("double-*")
    before = path.stat()
    assert called("double") == [2, 4, 6]
    # A file that is written has a new number.
    assert path.stat().st_ino == before.st_ino
    assert list(place.iterdir()) == [path]


def test_changed_sources_are_compiled(place: Path, monkeypatch: pytest.MonkeyPatch):
    engines = place.parent / "engines"
    shutil.copytree(Path(machine.__file__).parents[1], engines)
    monkeypatch.setattr(machine, "__file__", str(engines / "compiled" / "machine.py"))
    try:
        for change in range(2):
            with (engines / "fused" / "kernels" / "turns.py").open("a") as file:
                file.write("\n" * change)
            machine.circumstances.cache_clear()
            assert called("double") == [2, 4, 6]
            assert len(list(place.glob("double-*"))) == 1 + change
    finally:
        machine.circumstances.cache_clear()


def test_without_a_folder_that_can_be_written_to(place: Path):
    # A file where a folder should be cannot be written to, not even by root.
    place.parent.touch()
    assert called("double") == [2, 4, 6]
    assert place.parent.read_bytes() == b""


def test_files_are_whole_while_many_write(place: Path):
    identity = {"kernel": "same"}
    codes = [bytes([k]) * 200_000 for k in range(4)]

    def write_and_read(k: int) -> bytes | None:
        files.write("same", identity, codes[k % 4])
        return files.read("same", identity)

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(write_and_read, range(200))) <= set(codes)
    assert len(list(place.iterdir())) == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("flag", [False, True])
def test_kernels_see_their_arguments(dtype: torch.dtype, flag: bool, place: Path):
    a_2 = torch.arange(6, dtype=torch.int32).reshape(2, 3)
    b_3 = torch.arange(24, dtype=dtype).reshape(2, 3, 4)
    out = torch.zeros(6, dtype=torch.float64)
    # An array in another order is copied into the usual one.
    tables = Constants(a_2.T.contiguous().numpy().T, b_3, -5)
    Kernel("small_kernels", "describe")(flag, 2**40, tables, out)
    assert out.tolist() == [3, 13, -5, 4, 2**40, 7 if flag else 8]


def test_a_kernel_that_would_need_numba_later_is_refused(place: Path):
    with pytest.raises(TypeError, match="reshape calls numba_"):
        Kernel("small_kernels", "reshape")(torch.empty(3))


@pytest.mark.parametrize("engine", [FourierEngine(), FusedEngine()])
def test_tensors_that_are_not_plain_memory(engine):
    circuit = Circuit("ry", "strongly_entangling", "z", inputs=2, depth=1)
    draw = torch.Generator().manual_seed(0)
    inputs = torch.randn(1, 2, 3, generator=draw)
    weights = torch.randn(1, 1, circuit.num_weights, generator=draw)
    expected = engine.expectation_values(circuit, -inputs, -weights)
    put_off = torch._neg_view(inputs), torch._neg_view(weights)
    assert torch.equal(engine.expectation_values(circuit, *put_off), expected)
    parameters = torch.nn.Parameter(-inputs), torch.nn.Parameter(-weights)
    assert torch.equal(engine.expectation_values(circuit, *parameters), expected)


@pytest.mark.parametrize("engine", ["fourier", "fused"])
def test_code_is_compiled_for_a_kind_of_numbers_and_not_for_a_circuit(
    engine: str, tmp_path: Path
) -> None:
    code = (
        "import torch; from pathlib import Path; from resqunn import Quanv2d\n"
        "def files(): return sorted(p.name for p in Path(CACHE).rglob('*') if p.is_file())\n"
        "circuits = [(2, 'rx_chain', 1, 'z'), (2, 'ry_chain', 1, 'z')]\n"
        "circuits += [(2, 'strongly_entangling', 3, 'mean_z'), (3, 'ry_chain', 1, 'z0')]\n"
        "for k, ansatz, depth, readout in circuits:\n"
        f"    layer = Quanv2d(1, 36, k, ansatz=ansatz, depth=depth, readout=readout, "
        f"engine='{engine}')\n"
        "    layer(torch.rand(2, 1, 9, 9).requires_grad_()).sum().backward(); print(files())\n"
    ).replace("CACHE", repr(str(tmp_path)))
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"RESQUNN_CACHE": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    _, both, *others = done.stdout.splitlines()  # real amplitudes are a kind of their own
    assert both != "[]"
    assert others == [both, both]
