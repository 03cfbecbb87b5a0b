"""Calls of compiled engines and of layers in guarded memory (`guarded.py`), numbered.

`python -m reliability.canaries FIRST COUNT RECORD [FAULT]` tries so many cases in a process of its
own, which a wrong access kills; RECORD is a file that names the case meanwhile. It prints as JSON
how many it tried. FAULT plants one (`faults.py`), to see whether it is found.

Each case is computed three times, with a forbidden page after all memory, before it, and in
ordinary memory: the results must be the same bits, and those of the reference engine but for
rounding. Everything is asked through public names, so that kernels may be written anew.
"""

from __future__ import annotations

import json
import math
import os
import random
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from resqunn import Quanv1d, Quanv2d, Quanv3d
from resqunn.circuits.circuit import Circuit
from resqunn.engines.fourier import engine as fourier
from resqunn.engines.fused import engine as fused
from resqunn.engines.registry import ENGINES, engine
from resqunn.engines.statevector.engine import StatevectorEngine
from resqunn.nn.patches import PADDING_MODES

from reliability import guarded
from reliability.guarded import MEMORY
from support import any_circuit

COMPILED = ("fourier", "fused")
SIDES = ("after", "before")
TOGETHER = 64
"""So many cases in a row share a circuit."""

LANES = 131
"""Numbers of patches from 0 on: more than the longest block of lanes of any kernel has."""

LONG = 2**15
"""The reference engine, which takes longest, is asked about every fourth case, and of those that
have more amplitudes about every 16th."""

TOLERANCES = {torch.float32: 1e-4, torch.float64: 1e-10}
LAYERS = (Quanv1d, Quanv2d, Quanv3d)
Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Case:
    """What is called, all of it drawn from `number`.

    Attributes:
        sizes: groups, filters and patches; of a layer its options, with the shape of the images.
        layouts: how inputs, weights and incoming gradients lie in memory.
        wanted: of which arguments gradients are asked for.
    """

    number: int
    engine: str
    circuit: Circuit
    dtype: torch.dtype
    sizes: dict[str, Any]
    layouts: tuple[str, str, str]
    wanted: tuple[str, ...]
    threads: int
    scale: float

    @property
    def rank(self) -> int:
        """Of a layer's images; 0 if the engine itself is called."""
        return self.sizes.get("rank", 0)

    def __str__(self) -> str:
        return ", ".join(f"{each.name}={getattr(self, each.name)}" for each in fields(self))


@lru_cache(maxsize=2)
def circuit_of(family: int) -> Circuit:
    rng = random.Random(family)
    qubits = rng.choice([2, 4, 4, 6, 6, 8, 10])
    return any_circuit(family, qubits, max_depth=8 if qubits < 5 else 3)


def drawn(number: int) -> Case:
    rng, circuit = random.Random(number), circuit_of(number // TOGETHER)
    names = [name for name in COMPILED if engine(name).obstacle(circuit) is None]
    name, dtype = rng.choice(names), rng.choice([torch.float32, torch.float64])
    if rng.random() < 0.1:
        name, dtype = "auto", torch.float32
    few = circuit.num_qubits > 6
    if circuit.num_inputs <= 16 and rng.random() < 0.2:
        sizes = drawn_layer(rng, circuit)
        wanted = ("inputs", "weights", "bias") if sizes["bias"] else ("inputs", "weights")
    else:
        patches = number * 37 % LANES  # no multiple of a block's length, so that all come up
        if few:
            patches = min(patches, rng.choice([1, 9, 17, LANES]))
        elif rng.random() < 0.03:
            patches = rng.choice([127, 128, 1023, 1024, 1025, 2049])
        counts = (1, 2) if few else (1, 1, 2, 3)
        groups, filters = rng.choice(counts), rng.choice(counts)
        sizes, wanted = {"shape": (groups, filters, patches)}, ("inputs", "weights")
    return Case(
        number,
        name,
        circuit,
        dtype,
        sizes,
        layouts=(
            rng.choice(["contiguous", "contiguous", "strided", "repeated"]),
            rng.choice(["contiguous", "contiguous", "strided"]),
            rng.choice(["contiguous", "strided", "repeated"]),
        ),
        wanted=tuple(which for which in wanted if rng.random() < 0.75),
        threads=rng.choice([1, 1, 1, 1, 2]),
        scale=1.0 if "rank" in sizes else rng.choice([1.0, 1.0, 10.0, 1e5]),
    )


def drawn_layer(rng: random.Random, circuit: Circuit) -> dict[str, Any]:
    """The options of a layer with this circuit, its rank, and the shape of its images."""
    rank, groups, members = rng.randint(1, 3), rng.randint(1, 2), 1

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(rng.randint(low, high) for _ in range(rank))

    summed = rng.random() < 0.3
    *kernel, joint = parts(rng, circuit.num_inputs, rank + 1)
    if summed:
        kernel[0] *= joint
        members = rng.randint(1, 3)
    else:
        members = joint
    padding = rng.choice([each(0, 0), each(0, 2), "same", "valid"])
    options: dict[str, Any] = {
        "in_channels": members * groups,
        "out_channels": circuit.num_outputs * groups * rng.randint(1, 2),
        "kernel_size": tuple(kernel),
        "stride": 1 if padding == "same" else rng.choice([each(1, 3), tuple(kernel)]),
        "padding": padding,
        "dilation": each(1, 2),
        "groups": groups,
        "bias": rng.random() < 0.5,
        "padding_mode": rng.choice(PADDING_MODES),
        "channel_mode": "sum" if summed else "joint",
    }
    # At least the dilated kernel, more than any padding.
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, options["dilation"], strict=True)]
    image = [max(span, 3) + rng.randint(0, 3) for span in spans]
    batch = [] if rng.random() < 0.2 else [rng.randint(1, 3)]
    return options | {"rank": rank, "shape": (*batch, members * groups, *image)}


def parts(rng: random.Random, number: int, count: int) -> list[int]:
    """So many numbers whose product is `number`."""
    found = []
    for _ in range(count - 1):
        found.append(rng.choice([k for k in range(1, number + 1) if number % k == 0]))
        number //= found[-1]
    found.append(number)
    rng.shuffle(found)
    return found


def prepared(case: Case) -> tuple[Callable[[str, Tensors], Tensor], Tensors]:
    """What is called with an engine's name and arguments, and the arguments."""
    generator = torch.Generator().manual_seed(case.number)

    def values(*shape: int) -> Tensor:
        found = torch.randn(shape, generator=generator, dtype=torch.float64) * case.scale
        return found.to(case.dtype)

    if not case.rank:
        groups, filters, patches = case.sizes["shape"]
        tensors = {
            "inputs": values(groups, case.circuit.num_inputs, patches),
            "weights": values(groups, filters, case.circuit.num_weights),
        }

        def expectation_values(name: str, given: Tensors) -> Tensor:
            return engine(name).expectation_values(case.circuit, given["inputs"], given["weights"])

        return expectation_values, tensors

    options = {k: v for k, v in case.sizes.items() if k not in ("rank", "shape")}
    layer = LAYERS[case.rank - 1](**options, circuit=case.circuit, engine=case.engine)
    tensors = {"inputs": values(*case.sizes["shape"]), "weights": values(*layer.weight.shape)}
    if options["bias"]:
        tensors["bias"] = values(options["out_channels"])

    def outputs(name: str, given: Tensors) -> Tensor:
        layer.engine = engine(name)
        parameters = {"weight": given["weights"]}
        if "bias" in given:
            parameters["bias"] = given["bias"]
        return torch.func.functional_call(layer, parameters, (given["inputs"],))

    return outputs, tensors


def arranged(tensor: Tensor, layout: str) -> Tensor:
    """The values in memory of their own, with nothing before and after them."""
    if layout == "repeated":  # one value of the last dimension stands for all
        return tensor[..., :1].clone().expand(tensor.shape)
    if layout == "strided" and tensor.ndim > 1:
        turned = tensor.transpose(1, -1)
        return turned.clone(memory_format=torch.contiguous_format).transpose(1, -1)
    return tensor.clone(memory_format=torch.contiguous_format)


def computed(
    case: Case, call: Callable[[Tensors], Tensor], tensors: Tensors
) -> tuple[Tensors, int]:
    """The values and the wanted gradients, and how many passes there were, forward and back."""
    layouts = dict(zip(("inputs", "weights"), case.layouts, strict=False))
    given = {k: arranged(t, layouts.get(k, "contiguous")) for k, t in tensors.items()}
    before = {name: tensor.clone() for name, tensor in given.items()}
    for name in case.wanted:
        given[name].requires_grad_()
    values, passes = call(given), 1
    found = {"values": values.detach()}
    if values.requires_grad:
        generator = torch.Generator().manual_seed(~case.number)
        incoming = torch.randn(values.shape, generator=generator, dtype=torch.float64)
        incoming = arranged(incoming.to(values.dtype), case.layouts[2])
        of = [given[name] for name in case.wanted]
        gradients = torch.autograd.grad(values, of, incoming, allow_unused=True)
        pairs = zip(case.wanted, gradients, strict=True)
        found |= {f"gradient of {name}": g for name, g in pairs if g is not None}
        passes = 2
    for name, tensor in given.items():
        assert torch.equal(tensor, before[name]), f"{name} were changed"
    return found, passes


class Reference:
    """Counts how often the reference engine is asked in place of compiled code."""

    asked = 0

    def __init__(self) -> None:
        evaluate = StatevectorEngine.evaluate

        def counted(*arguments: Any) -> Tensor:
            Reference.asked += 1
            return evaluate(*arguments)

        StatevectorEngine.evaluate = counted


def check(case: Case) -> int:
    """Tries a case; how many passes of compiled code there were in guarded memory.

    Raises:
        AssertionError: if anything is wrong.
    """
    call, tensors = prepared(case)
    asked, compiled, runs = Reference.asked, 0, []
    torch.set_num_threads(case.threads)
    for side in (*SIDES, None):
        with MEMORY.at(side):
            found, passes = computed(case, partial(call, case.engine), tensors)
            loose = [name for name, tensor in found.items() if side and not MEMORY.holds(tensor)]
            assert not loose, f"{', '.join(loose)} lie in memory that is not guarded"
        runs.append(found)
        compiled += passes if side else 0
    torch.set_num_threads(1)
    assert not MEMORY.damage, "; ".join(MEMORY.damage)
    if case.engine in COMPILED:
        assert Reference.asked == asked, "the reference engine was asked"
    elif Reference.asked != asked:
        compiled = 0
    *others, ordinary = runs
    for side, found in zip(SIDES, others, strict=True):
        assert found.keys() == ordinary.keys()
        for name, tensor in found.items():
            assert bits(tensor) == bits(ordinary[name]), f"{name} are others with a page {side}"
    amplitudes = 2**case.circuit.num_qubits * ordinary["values"].numel()
    if case.number % (4 if amplitudes < LONG else 16) == 0:
        double = {name: tensor.double() for name, tensor in tensors.items()}
        compare(case, ordinary, computed(case, partial(call, "statevector"), double)[0])
    return compiled


def compare(case: Case, found: Tensors, expected: Tensors) -> None:
    """Asks whether results are the same but for rounding."""
    for name, tensor in found.items():
        exact = expected.get(name, torch.zeros((), dtype=torch.float64))  # of what nothing reads
        # Sums over patches, and the largest values, are rounded most.
        bound = TOLERANCES[case.dtype] * max(1, found["values"].numel()) ** 0.5
        largest = float(exact.abs().max()) if exact.numel() else 0.0
        close = torch.allclose(tensor.double(), exact, rtol=0, atol=bound * (1 + largest))
        assert close, f"{name} are others than the reference engine's"


def bits(tensor: Tensor) -> bytes:
    return tensor.contiguous().numpy().tobytes()


def numbered(first: int, count: int, record: Path) -> Iterator[Case]:
    """The cases, each written down before it is tried."""
    with record.open("wb", buffering=0) as file:
        for number in range(first, first + count):
            case = drawn(number)
            text = f"case {case}".encode()
            os.pwrite(file.fileno(), text, 0)
            file.truncate(len(text))
            yield case


def main(first: str, count: str, record: str, fault: str | None = None) -> None:
    warnings.simplefilter("ignore")
    guarded.install()
    Reference()
    # Wakes as many threads as there are, however little there is to do.
    fourier.OPERATIONS_PER_THREAD = fused.WORK_PER_THREAD = 1
    if fault is not None:
        from reliability.faults import Planted

        ENGINES["fused"] = partial(Planted, fault)
    cases = passes = 0
    for case in numbered(int(first), int(count), Path(record)):
        passes += check(case)
        cases += 1
        if case.number % TOGETHER == TOGETHER - 1 or cases == int(count):
            MEMORY.inspect()
            assert not MEMORY.damage, "; ".join(MEMORY.damage)
    sys.stdout.write(json.dumps({"cases": cases, "passes": passes}) + "\n")


if __name__ == "__main__":
    status = 1
    try:
        main(*sys.argv[1:])
        status = 0
    except Exception:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # Python's own way out frees memory after it has unloaded `guarded`
