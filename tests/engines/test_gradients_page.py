"""docs/gradients.md says what engines do, and what they refuse."""

import re
import runpy
import sys
from pathlib import Path

import pytest

from resqunn import Circuit, Noise
from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.noisy_circuit import add_noise
from resqunn.engines.registry import ENGINES, engine
from resqunn.errors import CircuitError

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "gradients.md").read_text(encoding="utf-8")


def test_the_table_is_what_engines_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS))
    try:
        script = runpy.run_path(str(DOCS / "gradients.py"))
    finally:
        sys.modules.pop("pages", None)
    assert script["page"]() == PAGE
    assert "| by reference |" in PAGE


def of(
    qubits: int, ansatz: str = "rx_chain", depth: int = 1, encoding: str = "ry", **options: bool
) -> GateCircuit:
    inputs = 2**qubits if encoding == "amplitude" else qubits
    return Circuit(encoding, ansatz, "z", inputs=inputs, depth=depth, **options)


def noisy(circuit: Circuit) -> GateCircuit:
    return add_noise(circuit, Noise(amplitude_damping=0.1))


ENTANGLED = {"ansatz": "strongly_entangling", "depth": 2, "reupload": True}
REFUSED = {
    "auto": [of(25, **ENTANGLED), noisy(of(7, **ENTANGLED))],
    "fourier": [of(4, depth=2, reupload=True), of(2, encoding="amplitude"), of(14, **ENTANGLED)],
    "alternating": [of(4, "ry_chain"), of(13)],
    "chains": [of(4, "rx_ring"), of(4, depth=6)],
    "fused": [of(21)],
    "statevector": [of(25)],
    "paulis": [of(7), of(2, encoding="amplitude")],
    "density": [of(7)],
}
TAKEN = {
    "auto": [of(24, **ENTANGLED), of(30), noisy(of(7)), noisy(of(6, **ENTANGLED))],
    "fourier": [of(30)],
    "alternating": [of(12, depth=3, reupload=True)],
    "chains": [of(30, depth=5, reupload=True)],
    "fused": [of(20, **ENTANGLED)],
    "statevector": [of(24, **ENTANGLED)],
    "paulis": [noisy(of(6, **ENTANGLED))],
    "density": [noisy(of(6, **ENTANGLED)), noisy(of(2, encoding="amplitude"))],
}


def test_every_engine_is_told_of() -> None:
    _, _, section = PAGE.partition("## What an engine refuses")
    told = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert set(told) == set(REFUSED) == set(TAKEN) == set(ENGINES) - {"pennylane"}


@pytest.mark.parametrize("name", REFUSED)
def test_an_engine_refuses_what_the_page_says(name: str) -> None:
    for circuit in REFUSED[name]:
        with pytest.raises(CircuitError):
            engine(name).require(circuit)
    for circuit in TAKEN[name]:
        engine(name).require(circuit)
