"""Writes docs/circuits.md: what every encoding with every ansatz of the tables can do.

    python docs/circuits.py measure     # docs/circuits.json anew, in some minutes
    python docs/circuits.py             # docs/circuits.md from docs/circuits.json

Circuits are those of a 2x2 patch in one channel, which encode once and measure Z of each qubit.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from resqunn import Circuit, CircuitReport, circuit_report
from resqunn.circuits.ansatze import ANSATZE
from resqunn.circuits.encodings import ENCODINGS
from resqunn.engines.auto import cheapest
from resqunn.engines.fourier.engine import obstacle
from resqunn.engines.fourier.monomials import fourier_plan
from resqunn.errors import ResqunnError

DOCS = Path(__file__).parent
NUMBERS, PAGE = DOCS / "circuits.json", DOCS / "circuits.md"
VALUES, DEPTHS = 4, (1, 2, 3, 4)
PAIRS, SAMPLES = 1000, 100
WIDE, FEWER = 6, 20
"""Above so many qubits derivatives are taken at fewer points."""

TEXT = """# What circuits can do

Every encoding with every ansatz of [the tables](usage.md#encodings), as `circuit_report` sees it: \
of a patch of four values, encoded once, with Z of each qubit measured. `python docs/circuits.py \
measure` writes the numbers to `docs/circuits.json`; `resqunn circuit` shows those of one circuit \
of yours, with the errors of sampling ([the guide](usage.md#what-a-circuit-can-do)).

| column | what |
| --- | --- |
| weights | trainable angles of a filter, those of the encoding included |
| dead | weights by which no output has a derivative |
| expr. | expressibility: the Kullback-Leibler divergence from Haar-random states, smaller is \
more expressive; from {pairs} pairs of states |
| ent. | entangling capability: the mean of Meyer and Wallach's Q, 0 to 1 |
| variance | of the first output's derivative by a weight, averaged over weights; from {samples} \
points ({fewer} for circuits of more than {wide} qubits) |
| freq. | positive frequencies of the outputs, summed over the four inputs; empty where outputs \
are no trigonometric polynomials of them |
| monomials | different products of sines and cosines of the inputs in all outputs together; empty \
where the Fourier engine cannot evaluate the circuit |
| ns | nanoseconds that a patch's values and gradients take, as `engine="auto"` estimates them, \
with the engine that it takes |

Expressibility and entangling capability are taken at inputs of 0, derivatives at random ones.
"""


def measured() -> Iterator[dict[str, Any]]:
    """A row for each circuit that there is."""
    for encoding in ENCODINGS:
        for ansatz in ANSATZE:
            for depth in DEPTHS:
                try:
                    circuit = Circuit(encoding, ansatz, "z", inputs=VALUES, depth=depth)
                except ResqunnError:
                    continue
                samples = SAMPLES if circuit.num_qubits <= WIDE else FEWER
                report = circuit_report(circuit, pairs=PAIRS, samples=samples)
                names = {"encoding": encoding, "ansatz": ansatz, "layers": depth}
                yield names | _row(circuit, report)
        sys.stderr.write(f"{encoding}\n")


def _row(circuit: Circuit, report: CircuitReport) -> dict[str, Any]:
    bare = circuit.runs[0].circuit
    engine = cheapest(bare)
    cost = engine.cost(bare) if engine else None
    fourier = obstacle(bare) is None
    variance = report.gradient_variance
    return {
        "qubits": report.num_qubits,
        "weights": report.num_weights,
        "dead": len(report.dead_weights),
        "expressibility": report.expressibility.value,
        "entangling": report.entangling_capability.value,
        "variance": variance and variance.value,
        "frequencies": None if report.frequencies is None else sum(report.frequencies),
        "monomials": _monomials(bare) if fourier else None,
        "engine": engine and engine.name,
        "nanoseconds": cost,
    }


def _monomials(bare: Any) -> int:
    """How many different ones: pairs of nodes, in either order."""
    found = fourier_plan(bare).polynomial
    left_K = np.repeat(found.left_S, np.diff(found.begin_S))
    return len(set(map(frozenset, zip(left_K.tolist(), found.right_K.tolist(), strict=True))))


def page(rows: list[dict[str, Any]]) -> str:
    """The page, a table an encoding."""
    parts = [TEXT.format(pairs=PAIRS, samples=SAMPLES, fewer=FEWER, wide=WIDE)]
    for encoding in dict.fromkeys(row["encoding"] for row in rows):
        own = [row for row in rows if row["encoding"] == encoding]
        parts.append(f"## {encoding}\n\n{own[0]['qubits']} qubits.\n")
        head = ("ansatz", "depth", "weights", "dead", "expr.", "ent.", "variance", "freq.")
        lines = [_line((*head, "monomials", "ns")), _line(["---"] * 10)]
        lines += [_line(_words(row)) for row in own]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _words(row: dict[str, Any]) -> list[str]:
    time = row["nanoseconds"]
    return [
        f"`{row['ansatz']}`",
        *(str(row[name]) for name in ("layers", "weights", "dead")),
        f"{row['expressibility']:.3f}",
        f"{row['entangling']:.2f}",
        "" if row["variance"] is None else f"{row['variance']:.1e}",
        *("" if row[name] is None else str(row[name]) for name in ("frequencies", "monomials")),
        "" if time is None else f"{time:,.0f} {row['engine']}",
    ]


def _line(cells: Any) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    if sys.argv[1:] == ["measure"]:
        NUMBERS.write_text(json.dumps(list(measured()), indent=0) + "\n", encoding="utf-8")
    PAGE.write_text(page(json.loads(NUMBERS.read_text(encoding="utf-8"))), encoding="utf-8")
