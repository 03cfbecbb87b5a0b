"""Layers under `torch.compile` and strict `torch.export`, which read Python code.

In processes of their own: there, annotations are not checked.
"""

import subprocess
import sys

import pytest

PROGRAM = """
import sys, warnings
import torch
from resqunn import LinearHead, QuantumHead, Quanv1d, Quanv2d, Quanv3d, ResQuNN

assert "torch._dynamo" not in sys.modules  # the compiler takes seconds to import
warnings.simplefilter("ignore")
torch.set_num_threads(1)

def check(found, module, images):
    values = []
    for one in (found, module):
        given = images.clone().requires_grad_()
        output = one(given)
        wanted = [given, *module.parameters()]
        values.append([output.detach(), *torch.autograd.grad(output.sin().sum(), wanted)])
    torch.testing.assert_close(values[0], values[1], rtol=0, atol=1e-5)

def rows(engine):
    options = {"engine": engine, "ansatz": "rx_chain", "depth": 1}
    yield Quanv2d(1, 4, 2, 2, **options), (1, 4, 4), (1, 6, 5)
    if not EVERY:
        return
    yield Quanv1d(2, 4, 2, padding=1, channel_mode="sum", bias=True, **options), (2, 5), (2, 7)
    if engine != "fourier":
        yield Quanv2d(1, 2, 2, encoding="amplitude", **options), (1, 4, 4), (1, 3, 5)
        options["reupload"] = True
        yield Quanv3d(1, 4, (1, 2, 2), **options), (1, 2, 3, 3), (1, 1, 3, 4)
        yield QuantumHead(3, num_qubits=3, engine=engine), (8,), (5,)
        layers = [Quanv1d(1, 2, 2, **options), Quanv1d(2, 1, 2, readout="mean_z", **options)]
        yield ResQuNN(layers, "X+O2", LinearHead(3, 6)), (1, 6), (1, 6)
"""

COMPILED = """
from resqunn.engines.fused.engine import FusedEngine

class Counting(FusedEngine):
    calls = 0

    def forward(self, *arguments):
        Counting.calls += 1
        return super().forward(*arguments)

for engine in ENGINES:
    engine = Counting() if engine == "fused" else engine
    for module, shape, other in rows(engine):
        for backend in BACKENDS:
            torch._dynamo.reset()
            before = Counting.calls
            found = torch.compile(module, backend=backend, fullgraph=engine == "statevector")
            check(found, module, torch.rand(2, *shape))
            check(found, module, torch.rand(3, *shape))
            check(found, module, torch.rand(3, *other))
            # By itself a layer has its images read as they lie, which is not counted.
            assert Counting.calls == before + (3 if isinstance(engine, Counting) else 0)
layer = Quanv2d(1, 4, 2, 2)
counter = torch._dynamo.testing.CompileCounter()
torch._dynamo.reset()
found = torch.compile(layer, backend=counter)
found(torch.rand(2, 1, 4, 4))
compiled = counter.frame_count
for _ in range(12):
    found(torch.rand(2, 1, 4, 4))
assert compiled == counter.frame_count > 0
"""

SAMPLED = """
from resqunn import Noise

def seeded(module, images):
    torch.manual_seed(0)
    given = images.clone().requires_grad_()
    output = module(given)
    return [output, *torch.autograd.grad(output.sin().sum(), [given, *module.parameters()])]

options = {"shots": 10, "noise": Noise(readout=0.1)}
for make, shape in (
    (lambda **more: Quanv2d(1, 4, 2, 2, **more), (1, 4, 4)),
    (lambda **more: QuantumHead(3, num_qubits=3, **more), (8,)),
):
    layer = make(**options)
    module = torch.nn.Sequential(torch.nn.Identity(), layer, torch.nn.ReLU())
    for backend in BACKENDS:
        torch._dynamo.reset()
        found, images = torch.compile(module, backend=backend), torch.rand(2, *shape)
        for shots, noise in ((10, 0.1), (20, 0.1), (20, 0.2)):  # set at any time
            layer.shots, layer.noise = shots, Noise(readout=noise)
            for one, other in zip(seeded(found, images), seeded(module, images), strict=True):
                assert torch.equal(one, other)
        layer.shots = None
        check(found, module, images)
"""

EXPORTED = """
for engine in ENGINES:
    for module, shape, _ in rows(engine):
        batch = ({0: torch.export.Dim("batch", min=2, max=64)},)
        for dynamic in (None, batch):
            exported = torch.export.export(
                module, (torch.rand(2, *shape),), dynamic_shapes=dynamic, strict=True
            ).module()
            for size in (2, 5) if dynamic else (2,):
                images = torch.rand(size, *shape)
                torch.testing.assert_close(exported(images), module(images), rtol=0, atol=1e-5)
"""


@pytest.fixture(params=["short", pytest.param("long", marks=pytest.mark.slow)])
def run(request: pytest.FixtureRequest):
    """Runs a program for one layer, in the long form for each kind of them and every engine."""
    every = request.param == "long"
    own = ("auto", "fused", "fourier", "statevector")
    head = f"EVERY, ENGINES = {every}, {own if every else own[1::2]}\n"
    head += f"BACKENDS = {('eager', 'aot_eager') if every else ('eager',)}\n"

    def program(text: str) -> None:
        command = [sys.executable, "-c", head + PROGRAM + text]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    return program


def test_compiled_layers_run_the_same_engines(run) -> None:
    run(COMPILED)


def test_samples_are_left_out_of_what_is_compiled(run) -> None:
    run(SAMPLED)


def test_strictly_exported_layers(run) -> None:
    run(EXPORTED)
