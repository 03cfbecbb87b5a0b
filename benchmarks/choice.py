"""Whether `engine="auto"` chooses the fastest engine, over many circuits and kinds of call.

    python -m benchmarks.choice [--json FILE] [--limit N]

prints every circuit of which it does not. Contestants are the engines whose estimated cost is
within a factor of the cheapest's, so an engine whose cost is estimated far too high is not found;
times are those of the processor. Where the slowest contestant would take long, there are fewer
patches, among which what is done once a call weighs more.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.steps import values_alone, with_gradients
from benchmarks.timing import Patience, race
from resqunn import Quanv2d
from resqunn.circuits.ansatze import ANSATZE
from resqunn.circuits.circuit import Circuit
from resqunn.circuits.encodings import ENCODINGS
from resqunn.engines.auto import CANDIDATES, cheapest
from resqunn.engines.compiled.images import ImageEngine, Job, program_of
from resqunn.engines.places import of_rows

TOLERANCE = 1.3
"""A choice is wrong if the chosen engine takes more than so many times the fastest's time."""

WORTH_TIMING = 20.0
"""Engines whose estimated cost is over so many times the cheapest's are left out."""

PATIENCE = Patience(rounds=7, least=3, seconds=0.5)
CALL_SECONDS = 0.3
"""A call is estimated to take at most so long, if one image is not too many."""

LONGEST = 1.5
"""Circuits of which the cheapest engine's call takes longer, on the fewest patches, are left out."""

LEAST_PATCHES = 16
"""A register of the widest vector unit."""

ROWS = {1: (1, 2), 2: (2, 2), 3: (2, 4), 4: (4, 4), 5: (4, 7), 6: (7, 7), 7: (7, 14)}
AMPLITUDES = ROWS | {8: (14, 14), 9: (14, 28), 10: (28, 28)}
"""Kernels whose values are the amplitudes of so many qubits."""

CIRCUIT = ("encoding", "ansatz", "qubits", "depth", "reupload")
"""What of a case is its circuit."""

ALL, WEIGHTS, VALUES = "all gradients", "gradients by weights", "values alone"


@dataclass(frozen=True)
class ChoiceCase:
    """One circuit in one kind of call.

    Attributes:
        wanted: `ALL`, `WEIGHTS` or `VALUES`.
    """

    encoding: str
    ansatz: str
    qubits: int
    depth: int
    reupload: bool
    dtype: str = "float32"
    filters: int = 1
    wanted: str = ALL

    @property
    def kernel(self) -> tuple[int, int]:
        return AMPLITUDES[self.qubits] if self.encoding == "amplitude" else (1, self.qubits)

    @property
    def circuit(self) -> Circuit:
        inputs = self.kernel[0] * self.kernel[1]
        return Circuit(
            self.encoding,
            self.ansatz,
            "z",
            inputs=inputs,
            depth=self.depth,
            reupload=self.reupload,
        )

    def layer(self, engine: str) -> Quanv2d:
        """A layer of that engine; kernels do not overlap."""
        return Quanv2d(
            1,
            self.filters * self.qubits,
            self.kernel,
            self.kernel,
            encoding=self.encoding,
            ansatz=self.ansatz,
            depth=self.depth,
            reupload=self.reupload,
            dtype=getattr(torch, self.dtype),
            engine=engine,
        )

    def __str__(self) -> str:
        reading = "re-upload" if self.reupload else "once"
        return (
            f"{self.qubits} qubits, {self.encoding}, {self.ansatz}, {reading}, depth {self.depth}, "
            f"{self.dtype}, {self.filters} filters, {self.wanted}"
        )


SIZES = (
    *((2, 1), (4, 2), (4, 4), (9, 2), (3, 8), (6, 3), (5, 6), (12, 1), (1, 4), (4, 16)),
    *((9, 4), (7, 2), (16, 1), (8, 3), (4, 1), (10, 2), (2, 12), (14, 2), (20, 1), (6, 8)),
)
"""Qubits and depths that every encoding and ansatz takes its turn in."""

PAPER_SIZES = (
    *((1, 1), (2, 4), (3, 2), (4, 1), (4, 2), (4, 3), (4, 4), (4, 6), (4, 8), (4, 16), (6, 2)),
    *((6, 4), (8, 2), (8, 5), (9, 1), (9, 2), (9, 3), (9, 4), (9, 5), (9, 8), (11, 3), (12, 2)),
    *((12, 4), (13, 3), (14, 4), (16, 2), (16, 4), (18, 3), (20, 2), (20, 4)),
)
"""Those of the paper's circuit, which all engines compete for."""

ENCODED = ("ry", "rx", "rz", "iqp", "learnable_ry", "amplitude")
"""Encodings of each kind: angles that are inputs, that are computed of them, and of weights too;
amplitudes."""

KINDS = (
    {"dtype": "float64"},
    {"filters": 64},
    {"wanted": WEIGHTS},
    {"wanted": VALUES},
    {"dtype": "float64", "wanted": VALUES},
    {"filters": 64, "wanted": VALUES},
    {"dtype": "float64", "filters": 64},
)
"""Kinds of calls that circuits take turns in, besides the usual one."""


def choice_cases() -> list[ChoiceCase]:
    """Every ansatz with two encodings in turn, once and re-uploaded where it can be, and the
    paper's circuits; each as it is usually called, and in one other kind of call."""
    sizes, kinds, encoded = map(itertools.cycle, (SIZES, KINDS, ENCODED))
    found: list[ChoiceCase] = []
    for ansatz, encoding in ((a, next(encoded)) for a in ANSATZE for _ in range(2)):
        amplitudes = ENCODINGS[encoding].prepares_amplitudes
        for reupload in (False,) if amplitudes else (False, True):
            qubits, depth = next(sizes)
            while amplitudes and qubits not in AMPLITUDES:
                qubits, depth = next(sizes)
            found.append(ChoiceCase(encoding, ansatz, qubits, depth, reupload))
    for reupload in (False, True):
        found += [ChoiceCase("ry", "rx_chain", *size, reupload) for size in PAPER_SIZES]
    return [one for case in found for one in (case, replace(case, **next(kinds)))]


@dataclass(frozen=True)
class Choice:
    """What was found of a case: times in milliseconds of the processor, and estimated costs."""

    case: ChoiceCase
    patches: int
    chosen: str
    milliseconds: dict[str, float]
    wall_milliseconds: dict[str, float]
    costs: dict[str, float]
    operations: dict[str, int]

    @property
    def fastest(self) -> str:
        return min(self.milliseconds, key=lambda name: self.milliseconds[name])

    @property
    def factor(self) -> float:
        """The chosen engine's time over the fastest's."""
        return self.milliseconds[self.chosen] / self.milliseconds[self.fastest]

    def as_data(self) -> dict[str, Any]:
        circuit = self.case.circuit
        return {
            **asdict(self),
            "case": str(self.case),
            "call": asdict(self.case),
            "fastest": self.fastest,
            "factor": self.factor,
            "inputs": circuit.num_inputs,
            "outputs": circuit.num_outputs,
            "weights": circuit.num_weights,
            "gates": len(circuit.operations),
        }


def measured(case: ChoiceCase) -> Choice | None:
    """The engines' times of one case; None if none takes less than `LONGEST`."""
    circuit, filters = case.circuit, case.filters
    chosen = cheapest(circuit, filters)
    estimated = {engine.name: engine.cost(circuit, filters) for engine in CANDIDATES}
    costs = {name: cost for name, cost in estimated.items() if cost is not None}
    if chosen is None or 1e-9 * costs[chosen.name] * LEAST_PATCHES > LONGEST:
        return None
    close = [name for name in costs if costs[name] <= WORTH_TIMING * costs[chosen.name]]
    images = _images(case, 1e-9 * max(costs[name] for name in close))
    contestants = {}
    for name in close:
        layer = case.layer(name)
        contestants[name] = (
            values_alone(layer, images)
            if case.wanted == VALUES
            else with_gradients(layer, images, case.wanted == ALL)
        )
    timings = race(contestants, PATIENCE)
    rows, columns = (size // k for size, k in zip(images.shape[2:], case.kernel, strict=True))
    return Choice(
        case,
        len(images) * rows * columns,
        chosen.name,
        {name: 1e3 * timing.cpu for name, timing in timings.items()},
        {name: 1e3 * timing.median for name, timing in timings.items()},
        costs,
        dict(_operations(circuit, filters, images.dtype)),
    )


def _images(case: ChoiceCase, cost: float) -> torch.Tensor:
    """16 images of 28x28, or fewer and smaller ones if a patch takes so many seconds."""
    height, width = case.kernel
    patches = max(LEAST_PATCHES, CALL_SECONDS / cost)
    columns = 28 // width
    rows = max(1, min(28 // height, int(patches / columns)))
    batch = max(1, min(16, int(patches / (rows * columns))))
    if batch * rows * columns < LEAST_PATCHES:
        batch = -(-LEAST_PATCHES // (rows * columns))
    generator = torch.Generator().manual_seed(0)
    shape = (batch, 1, rows * height, 28)
    return torch.rand(shape, generator=generator, dtype=getattr(torch, case.dtype))


def _operations(circuit: Circuit, filters: int, dtype: torch.dtype) -> Iterator[tuple[str, int]]:
    """Multiplications for each patch, as the plans of the compiled engines say."""
    places = of_rows(1, circuit.num_inputs, 1)
    job = Job(circuit, places, circuit.num_inputs, dtype, 1.0, 1, filters)
    for engine in CANDIDATES:
        if isinstance(engine, ImageEngine) and engine.obstacle(circuit) is None:
            yield engine.name, int(program_of(engine, job).operations)


def choices(cases: list[ChoiceCase]) -> dict[str, Any]:
    """What was found of all cases, and how many were left out."""
    found = []
    for case in cases:
        found.append(measured(case))
        shown = "left out" if found[-1] is None else f"{found[-1].factor:.2f}"
        sys.stderr.write(f"{shown}: {case}\n")
    timed = [choice.as_data() for choice in found if choice is not None]
    return {"timed": timed, "left_out": len(found) - len(timed)}


def wrong(data: dict[str, Any]) -> list[dict[str, Any]]:
    """The cases in which the choice was wrong, the worst first."""
    found = [entry for entry in data["timed"] if entry["factor"] > TOLERANCE]
    return sorted(found, key=lambda entry: -entry["factor"])


def table(data: dict[str, Any]) -> str:
    """In Markdown: how many were timed, the worst factor, and every wrong choice."""
    timed, mistakes = data["timed"], wrong(data)
    circuits = len({tuple(entry["call"][name] for name in CIRCUIT) for entry in timed})
    worst = max((entry["factor"] for entry in timed), default=1.0)
    rivals = sum(len(entry["milliseconds"]) > 1 for entry in timed)
    rows = [
        f'`engine="auto"`: {circuits} circuits, {len(timed)} with the kind of call, of which '
        f"{rivals} have two engines or more within {WORTH_TIMING:.0f} times the least estimated "
        f"cost ({data['left_out']} too slow to time). {len(mistakes)} chosen engines took over "
        f"{TOLERANCE} times the fastest's time; at most {worst:.2f} times."
    ]
    if mistakes:
        rows += ["", "| circuit and call | patches | chosen | fastest | factor | all, ms |"]
        rows.append("| --- | --: | :-- | :-- | --: | :-- |")
    for entry in mistakes:
        times = sorted(entry["milliseconds"].items(), key=lambda item: item[1])
        shown = ", ".join(f"{name} {value:.3g}" for name, value in times)
        rows.append(
            f"| {entry['case']} | {entry['patches']} | {entry['chosen']} | {entry['fastest']} | "
            f"{entry['factor']:.2f} | {shown} |"
        )
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="Does auto choose the fastest engine?")
    parser.add_argument("--json", type=Path, help="where all times and costs are written")
    parser.add_argument("--limit", type=int, help="only so many cases")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    data = choices(choice_cases()[: arguments.limit])
    print(table(data))
    if arguments.json:
        arguments.json.write_text(json.dumps(data, indent=2) + "\n")


if __name__ == "__main__":
    main()
