"""Numbered calls of engines and of layers: circuits, sizes, dtypes, layouts, threads."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from resqunn import Noise, Quanv1d, Quanv2d, Quanv3d
from resqunn.circuits.circuit import Circuit
from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.noisy_circuit import add_noise
from resqunn.engines.registry import engine
from resqunn.nn.patches import PADDING_MODES

from support import any_circuit, evaluates

COMPILED = ("fourier", "fused", "alternating", "chains", "paulis")
TOGETHER = 64
"""So many cases in a row share a circuit."""

LANES = 131
"""Numbers of patches from 0 on: more than the longest block of lanes of any kernel has."""

NOISES = (
    Noise(depolarizing=0.02, readout=0.1),
    Noise(depolarizing=0.5, phase_flip=0.5),  # strings shrink to nothing
    Noise(amplitude_damping=0.1),
    Noise(bit_flip=0.3, amplitude_damping=0.2, where="layer"),
)

LAYERS = (Quanv1d, Quanv2d, Quanv3d)
Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class Case:
    """What is called, all of it drawn from `number`.

    Attributes:
        sizes: groups, filters and patches; of a layer its options, with the shape of the images.
        layouts: how arguments and incoming gradients lie in memory.
        wanted: of which arguments gradients are asked for.
        noise: which the circuit has.
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
    noise: Noise | None

    @property
    def evaluated(self) -> GateCircuit:
        """The circuit with its noise."""
        return add_noise(self.circuit, self.noise)

    @property
    def rank(self) -> int:
        """Of a layer's images; 0 if the engine itself is called."""
        return self.sizes.get("rank", 0)

    def __str__(self) -> str:
        return ", ".join(f"{each.name}={getattr(self, each.name)}" for each in fields(self))


@lru_cache(maxsize=2)
def circuit_of(family: int) -> Circuit:
    rng = random.Random(f"qubits {family}")
    qubits = rng.choice([2, 4, 4, 6, 7, 8, 10])
    if family % 5 > 1:  # of the kinds that engines are made for, which seldom come up by themselves
        ansatz = rng.choice(["rx_chain", "ry_chain" if family % 5 == 4 else "rx_ring"])
        readout = rng.choice(["z", "z0", "mean_z"])
        depth, reupload = rng.randint(1, 8 if qubits < 5 else 3), rng.random() < 0.6
        return Circuit("ry", ansatz, readout, inputs=qubits, depth=depth, reupload=reupload)
    # Angles that are computed of inputs are computed before, and look the same to kernels.
    return any_circuit(family, qubits, max_depth=8 if qubits < 5 else 3, computed=False)


def noise_of(number: int, name: str, circuit: Circuit) -> Noise | None:
    """The noise of every third case of an engine that simulates it, and of all but every third of
    the one that is made for it; the same for a circuit."""
    if (number % 3 == 0) == (name == "paulis"):
        return None
    if circuit.num_qubits > 6 or not engine(name).simulates_noise or name == "auto":
        return None
    noise = NOISES[number // TOGETHER % len(NOISES)]
    return noise if evaluates(engine(name), add_noise(circuit, noise)) else None


def drawn(number: int) -> Case:
    rng, circuit = random.Random(number), circuit_of(number // TOGETHER)
    able = [name for name in COMPILED if name != "fused" and evaluates(engine(name), circuit)]
    name = rng.choice([*able, *able, *able[1:], "fused"])
    dtype = rng.choice([torch.float32, torch.float64])
    if rng.random() < 0.1:
        name, dtype = "auto", torch.float32
    few = circuit.num_qubits > (4 if name == "paulis" else 6)
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
        threads=rng.choice([1, 1, 1, 2]),
        scale=1.0 if "rank" in sizes else rng.choice([1.0, 1.0, 10.0, 1e5]),
        noise=noise_of(number, name, circuit),
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
            return engine(name).expectation_values(
                case.evaluated, given["inputs"], given["weights"]
            )

        return expectation_values, tensors

    options = {k: v for k, v in case.sizes.items() if k not in ("rank", "shape")}
    options |= {"circuit": case.circuit, "noise": case.noise}
    layer = LAYERS[case.rank - 1](**options, engine=case.engine)
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
