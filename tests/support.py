"""What several test files need: random circuits, values with both gradients, and small data."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import random
import struct
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from resqunn.circuits.ansatze import ANSATZE, Ansatz
from resqunn.circuits.circuit import Circuit
from resqunn.circuits.encodings import ENCODINGS, NEQR, AngleEncoding, Encoding
from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.gates import GATES, PAULIS
from resqunn.circuits.observables import Observable
from resqunn.circuits.operations import Input, Operation, Weight
from resqunn.circuits.readouts import MOST_PROBABILITIES, READOUTS, Readout
from resqunn.data.sources import SOURCES, IdxFile, Source
from resqunn.engines.base import Engine
from resqunn.errors import CircuitError
from resqunn.lab.study.executors.base import Executor
from resqunn.lab.study.running import Finished, run
from resqunn.papers import Options
from resqunn.papers.resqunns import PAPER

SMALL: dict[str, Encoding] = {
    name: NEQR("neqr", bits=2) if name == "neqr" else entry for name, entry in ENCODINGS.items()
}
"""The table of encodings, that of grey values with two bits in place of eight."""


def is_bare(part: Encoding | Ansatz) -> bool:
    """Whether all angles are inputs or weights themselves, and all gates rotations or fixed."""
    if isinstance(part, Ansatz):
        operations = (*part.first(4), *part.layer(0, 4), *part.last(4))
    elif part.amplitudes(4) is not None:
        return False
    else:
        operations = part.operations(4)
    return all(
        not operation.gate.parts and all(isinstance(a, Input | Weight) for a in operation.angles)
        for operation in operations
    )


BARE = [name for name, entry in ENCODINGS.items() if is_bare(entry)]
"""Encodings whose angles, or amplitudes, are the inputs."""

REPEATED = [name for name, entry in ENCODINGS.items() if not entry.prepares_amplitudes]
"""Encodings that may be repeated."""

MULTIPLYING = ("iqp", "zz_feature_map")
"""Encodings that overflow at inputs whose products do."""


def readouts_of(qubits: int) -> list[str]:
    """Readouts of the table that so many qubits have."""
    names = [name for name in READOUTS if qubits > 1 or name not in ("xx", "zz")]
    return [name for name in names if qubits <= MOST_PROBABILITIES or name != "probs"]


def random_circuit(seed: int, max_inputs: int = 6, max_depth: int = 4) -> Circuit:
    """A circuit of table entries; every entry comes up early in the sequence of seeds."""
    rng = random.Random(seed)
    encodings, ansatze, readouts = list(SMALL.values()), [*ANSATZE, "random:5"], list(READOUTS)
    encoding = encodings[seed % len(encodings)]
    return Circuit(
        encoding,
        ansatze[seed % len(ansatze)],
        rng.choice([*readouts, "z0"]),
        inputs=rng.randint(2 if encoding.num_qubits(2) > 1 else 3, max_inputs),
        depth=rng.randint(0, max_depth),
        reupload=not encoding.prepares_amplitudes and rng.random() < 0.5,
    )


@dataclass(frozen=True)
class AnyGates(Ansatz):
    """Any gates of the table on any qubits; weights may turn several gates or none.

    Attributes:
        parts: whether gates that are made of others are among them.
    """

    seed: int
    parts: bool = True
    name: str = "any_gates"

    def layer_shape(self, qubits: int) -> tuple[int, ...]:
        return (qubits,)

    def layer(self, index: int, qubits: int) -> tuple[Operation, ...]:
        rng = random.Random(f"{self.seed} {index} {qubits}")
        rows = [row for row in GATES.values() if row.num_qubits <= qubits]
        rows = [row for row in rows if self.parts or not row.parts]
        operations = []
        for row in rng.choices(rows, k=2 * qubits):
            weights = tuple(Weight(rng.randrange(qubits)) for _ in range(row.num_angles))
            wires = tuple(rng.sample(range(qubits), row.num_qubits))
            operations.append(Operation(row.name, wires, weights or None))
        return tuple(operations)


@dataclass(frozen=True)
class AnyProducts(Readout):
    """Sums of Pauli words on any qubits, the empty word among them, within [-1, 1].

    Half of them have no letter but Z.
    """

    seed: int
    name: str = "any_products"

    def observables(self, qubits: int) -> tuple[Observable, ...]:
        rng = random.Random(f"{self.seed} {qubits}")
        letters = rng.choice(["Z", "XYZ"])

        def terms(count: int) -> tuple[tuple[float, tuple[tuple[int, str], ...]], ...]:
            supports = [rng.sample(range(qubits), rng.randint(0, qubits)) for _ in range(count)]
            words = [tuple((q, rng.choice(letters)) for q in sorted(s)) for s in supports]
            return tuple((rng.uniform(-1, 1) / count, word) for word in words)

        return tuple(Observable(terms(rng.randint(1, 3))) for _ in range(rng.randint(1, 3)))


def any_circuit(
    seed: int,
    max_qubits: int = 8,
    max_depth: int = 8,
    parts: bool = True,
    computed: bool = True,
) -> Circuit:
    """A circuit of table entries, or of gates, encodings and readouts that no table holds.

    Every encoding and every ansatz comes up early in the sequence of seeds.

    Args:
        parts: without, of Pauli rotations by inputs and weights themselves, and fixed gates, and
            without variances.
        computed: without, of encodings whose angles, or amplitudes, are the inputs.
    """
    rng = random.Random(seed)
    qubits, depth = rng.randint(1, max_qubits), rng.randint(0, max_depth)
    gates = [name for name, row in GATES.items() if row.num_qubits == 1 and row.num_angles < 2]
    own = AngleEncoding("own", tuple(rng.choices(gates, k=rng.randint(1, 3))))
    encodings = [entry for entry in SMALL.values() if (parts and computed) or is_bare(entry)]
    encodings.append(own)
    ansatze: list[str | Ansatz] = [n for n, entry in ANSATZE.items() if parts or is_bare(entry)]
    ansatze += [f"random:{seed}", AnyGates(seed, parts)]
    encoding = encodings[seed % len(encodings)]
    amplitudes = encoding.prepares_amplitudes
    inputs = rng.randint(2 ** (qubits - 1) + (qubits > 1), 2**qubits) if amplitudes else qubits
    if encoding.name in MULTIPLYING:  # of every pair, which take PennyLane long
        inputs = min(inputs, 4)
    qubits = encoding.num_qubits(inputs)
    readouts = [name for name in readouts_of(qubits) if parts or name != "var_z"]
    return Circuit(
        encoding,
        ansatze[(seed + seed // len(encodings)) % len(ansatze)],
        rng.choice([*readouts, f"z{rng.randrange(qubits)}", AnyProducts(seed)]),
        inputs=inputs,
        depth=depth,
        reupload=not amplitudes and rng.random() < 0.5,
    )


def evaluates(engine: Engine, circuit: Circuit) -> bool:
    """Whether an engine can evaluate a circuit, in all its bases."""
    try:
        engine.require(circuit)
    except CircuitError:
        return False
    return True


def expectations(state: np.ndarray, circuit: GateCircuit) -> np.ndarray:
    """The observables' values in a state vector, word by word."""
    qubits = circuit.num_qubits
    found = []
    for observable in circuit.observables:
        applied = np.zeros_like(state)
        for coefficient, word in observable.words:
            turned = state.reshape([2] * qubits)
            for qubit, letter in word:
                turned = np.moveaxis(np.tensordot(PAULIS[letter], turned, (1, qubit)), 0, qubit)
            applied = applied + coefficient * turned.reshape(-1)
        mean = np.vdot(state, applied).real
        found.append(np.vdot(applied, applied).real - mean**2 if observable.variance else mean)
    return np.array(found)


def values_and_gradients(
    engine: Engine, circuit: Circuit, inputs: Tensor, weights: Tensor, cotangent: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The outputs, and the gradients of their product with `cotangent`."""
    inputs = inputs.clone().requires_grad_()
    weights = weights.clone().requires_grad_()
    outputs = engine.expectation_values(circuit, inputs, weights)
    found: tuple[Tensor | None, ...] = (None, None)
    if outputs.requires_grad:
        product = (outputs * cotangent).sum()
        found = torch.autograd.grad(product, (inputs, weights), allow_unused=True)
    gradients = [
        torch.zeros_like(of) if gradient is None else gradient
        for of, gradient in zip((inputs, weights), found, strict=True)
    ]
    return outputs.detach(), gradients[0], gradients[1]


def random_arguments(
    circuit: Circuit,
    seed: int,
    groups: int = 2,
    filters: int = 2,
    patches: int = 3,
    dtype: torch.dtype = torch.float64,
) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs, weights and a cotangent for an engine."""
    generator = torch.Generator().manual_seed(seed)
    shapes = (
        (groups, circuit.num_inputs, patches),
        (groups, filters, circuit.num_weights),
        (groups, filters, circuit.num_outputs, patches),
    )
    drawn = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    return drawn[0].to(dtype), drawn[1].to(dtype), drawn[2].to(dtype)


def run_bytes(folder: Path) -> dict[str, bytes]:
    """What must be the same bytes in every repetition of a run."""
    names = ["metrics.jsonl", "config.json", "scores.json", "result.json"]
    files = [folder / name for name in names] + sorted((folder / "checkpoints").iterdir())
    return {file.name: file.read_bytes() for file in files}


def reproduce(options: Options, folder: Path, *executor: Executor, **more: Any) -> Finished:
    """Reruns a part of the ResQuNN paper."""
    return run(PAPER.plan(options), folder, *executor, **more)


def study_bytes(folder: Path) -> dict[str, bytes]:
    """What must be the same bytes wherever the runs of a results folder are executed."""
    files = [*folder.glob("tables/*.csv"), *folder.glob("runs/*/metrics.jsonl")]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def own_images(
    counts: dict[str, int], side: int = 8, channels: int = 1, seed: int = 0
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Bytes (N, C, H, W) and labels of three classes in turn, for each split so many of a class.

    Class after class, as a folder has them; classes differ in brightness, and no two images are
    the same.
    """
    rng = np.random.default_rng(seed)
    found = {}
    for split, count in counts.items():
        labels = np.repeat(np.arange(3), count)
        images = rng.integers(0, 96, (len(labels), channels, side, side))
        images[:, :, : side // 2] += 60 * labels[:, None, None, None]
        found[split] = images.astype(np.uint8), labels
    return found


def write_folder(
    root: Path, splits: dict[str, tuple[np.ndarray, np.ndarray]], kind: str = "png"
) -> Path:
    """Images as a folder of class folders, in folders of splits if there are several."""
    for split, (images, labels) in splits.items():
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            folder = root / (split if len(splits) > 1 else "") / str(label)
            folder.mkdir(parents=True, exist_ok=True)
            pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
            Image.fromarray(pixels).save(folder / f"{number:05}.{kind}")
    return root


def idx(array: np.ndarray, code: int = 8) -> bytes:
    """An array as the content of an IDX file."""
    header = struct.pack(f">4B{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def small_mnist(folder: Path) -> Source:
    """Writes 12 training and 5 test images of each of 10 classes, 8x8, in MNIST's files.

    Returns:
        The row of the table of data sets that knows their checksums.
    """
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    arrays: dict[str, np.ndarray] = {}
    for part, count in (("train", 12), ("t10k", 5)):
        labels = rng.permutation(np.repeat(np.arange(10, dtype=np.uint8), count))
        images = rng.integers(0, 256, (len(labels), 8, 8), dtype=np.uint8)
        images[:, 0, 0] = labels  # so that a test can tell which image this is
        arrays[f"{part}-images-idx3-ubyte"] = images
        arrays[f"{part}-labels-idx1-ubyte"] = labels
    files = []
    for name, array in arrays.items():
        packed = gzip.compress(idx(array), mtime=0)
        (folder / f"{name}.gz").write_bytes(packed)
        sums = [hashlib.sha256(content).hexdigest() for content in (packed, idx(array))]
        files.append(IdxFile(name, *sums))
    return replace(SOURCES["mnist"], files=tuple(files))


def script(name: str) -> ModuleType:
    """A script of `docs/`, which imports what lies beside it."""
    path = Path(__file__).parents[1] / "docs" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"docs_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(found)
    finally:
        sys.path.remove(str(path.parent))
    return found
