"""Calls of compiled engines and of layers in guarded memory (`guarded.py`), numbered.

`python -m reliability.canaries FIRST COUNT RECORD` tries so many cases in a process of its own,
which a wrong access kills; RECORD is a file that holds the case's number meanwhile. It prints as
JSON how many cases and passes of compiled code there were.

Each case is computed three times, with a forbidden page after all memory, before it, and in
ordinary memory: the results must be the same bits, and those of the reference engine but for
rounding. Everything is asked through public names, so that kernels may be written anew.
"""

from __future__ import annotations

import json
import os
import random
import sys
import traceback
import warnings
from collections.abc import Callable
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
from resqunn.engines.registry import engine
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
"""The reference engine, which takes longest, is asked about every eighth case, and of those that
have more amplitudes about every 32nd."""

TOLERANCES = {torch.float32: 1e-4, torch.float64: 1e-10}
LAYERS = (Quanv1d, Quanv2d, Quanv3d)
Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Case:
    """What is called, all of it drawn from `number`.

    Attributes:
        sizes: groups, filters and patches; of a layer its options, with the shape of the images.
        layouts: how arguments and incoming gradients lie in memory.
        wanted: of which arguments gradients are asked for.
    """

    number: int
    engine: str
    circuit: Circuit
    dtype: torch.dtype
    sizes: dict[str, Any]
    layouts: dict[str, str]
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
    able = engine("fourier").obstacle(circuit) is None
    name = rng.choice(["fourier", "fourier", "fused"]) if able else "fused"
    dtype = rng.choice([torch.float32, torch.float64])
    if rng.random() < 0.1:
        name, dtype = "auto", torch.float32
    few = circuit.num_qubits > 6
    if circuit.num_inputs <= 16 and rng.random() < 0.2:
        sizes = drawn_layer(rng, circuit)
        wanted = ("inputs", "weights", "bias") if sizes["bias"] else ("inputs", "weights")
    else:
        patches = number * 37 % LANES  # all of them come up, in a mixed order
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
        layouts={
            "inputs": rng.choice(["contiguous", "contiguous", "strided", "repeated"]),
            "weights": rng.choice(["contiguous", "contiguous", "strided"]),
            "bias": "contiguous",
            "incoming": rng.choice(["contiguous", "strided", "repeated"]),
        },
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


@lru_cache(maxsize=1)
def incoming(number: int, shape: torch.Size, dtype: torch.dtype) -> Tensor:
    """What comes back to the values."""
    generator = torch.Generator().manual_seed(~number)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


def arranged(tensor: Tensor, layout: str) -> Tensor:
    """The values in memory of their own, with nothing before and after them."""
    if layout == "repeated":  # one value of the last dimension stands for all
        return tensor[..., :1].clone().expand(tensor.shape)
    if layout == "strided" and tensor.ndim > 1:
        turned = tensor.transpose(1, -1)
        return turned.clone(memory_format=torch.contiguous_format).transpose(1, -1)
    return tensor.clone(memory_format=torch.contiguous_format)


def computed(case: Case, call: Callable[[Tensors], Tensor], tensors: Tensors) -> Tensors:
    """The values and the wanted gradients."""
    given = {name: arranged(t, case.layouts[name]) for name, t in tensors.items()}
    for name in case.wanted:
        given[name].requires_grad_()
    values = call(given)
    found = {"values": values.detach()}
    if values.requires_grad:
        with MEMORY.at(None):
            back = incoming(case.number, values.shape, case.dtype).to(values.dtype)
        back = arranged(back, case.layouts["incoming"])
        of = [given[name] for name in case.wanted]
        gradients = torch.autograd.grad(values, of, back, allow_unused=True)
        pairs = zip(case.wanted, gradients, strict=True)
        found |= {f"gradient of {name}": g for name, g in pairs if g is not None}
    for name, tensor in given.items():
        first = tensors[name][..., :1] if case.layouts[name] == "repeated" else tensors[name]
        assert torch.equal(tensor, first.expand(tensor.shape)), f"{name} were changed"
    return found


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
            found = computed(case, partial(call, case.engine), tensors)
            loose = [name for name, tensor in found.items() if side and not MEMORY.holds(tensor)]
            assert not loose, f"{', '.join(loose)} lie in memory that is not guarded"
        runs.append(found)
        compiled += min(len(found), 2) if side else 0
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
    if case.number % (8 if amplitudes < LONG else 32) == 0:
        double = {name: tensor.double() for name, tensor in tensors.items()}
        compare(case, ordinary, computed(case, partial(call, "statevector"), double))
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


def main(first: int, count: int, record: Path) -> int:
    """Tries so many cases, `record` holding the number of the one that is tried; an exit code."""
    warnings.simplefilter("ignore")
    guarded.install()
    Reference()
    # Wakes as many threads as there are, however little there is to do.
    fourier.OPERATIONS_PER_THREAD = fused.WORK_PER_THREAD = 1
    passes, last = 0, first + count - 1
    try:
        with record.open("wb", buffering=0) as file:
            for number in range(first, first + count):
                os.pwrite(file.fileno(), f"{number:12}".encode(), 0)
                passes += check(drawn(number))
                if number % TOGETHER == TOGETHER - 1 or number == last:
                    MEMORY.inspect()
                    assert not MEMORY.damage, "; ".join(MEMORY.damage)
    except Exception:
        traceback.print_exc()
        return 1
    sys.stdout.write(json.dumps({"cases": count, "passes": passes}) + "\n")
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    # Python's own way out frees memory after it has unloaded what looks after it.
    os._exit(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
