"""docs/qiskit.md: what its code computes is what layers and engines compute."""

import re
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from qiskit import qasm3
from qiskit.exceptions import ExperimentalWarning

from resqunn import Quanv2d
from resqunn.circuits.ansatze import ANSATZE
from resqunn.engines.registry import engine

from support import SMALL, any_circuit, random_arguments

PAGE = (Path(__file__).parents[2] / "docs/qiskit.md").read_text(encoding="utf-8")
FIRST_EXAMPLE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    found: dict[str, Any] = {}
    exec(FIRST_EXAMPLE, found)
    return found


@pytest.mark.parametrize("seed", range(24))
def test_case_44_any_circuit(names: dict[str, Any], seed: int) -> None:
    circuit = any_circuit(seed, max_qubits=4, max_depth=3)
    inputs, weights, _ = random_arguments(circuit, seed, 1, 1, 1)
    ours = engine("statevector").expectation_values(circuit, inputs, weights).flatten()
    found = names["expectation_values"](circuit, inputs.flatten(), weights.flatten())
    assert torch.allclose(ours, torch.tensor(found, dtype=torch.float64), rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("encoding", "ansatz", "angle_scale"),
    [
        (encodings[turn % len(encodings)], ansatze[turn % len(ansatze)], [None, 0.7][turn % 2])
        for encodings, ansatze in [(list(SMALL), list(ANSATZE))]
        for turn in range(max(len(encodings), len(ansatze)))
    ],
)
def test_case_44_each_patch_and_filter_of_a_layer(
    names: dict[str, Any], encoding: str, ansatz: str, angle_scale: float | None
) -> None:
    draw = torch.Generator().manual_seed(0)
    filters = 2 * SMALL[encoding].num_qubits(4)
    layer = Quanv2d(
        1, filters, 2, 2, encoding=SMALL[encoding], ansatz=ansatz, angle_scale=angle_scale,
        dtype=torch.float64, generator=draw,
    )  # fmt: skip
    images = torch.rand(2, 1, 4, 4, generator=draw, dtype=torch.float64)
    images[0, 0, 0, 0] = 1e-9
    values = layer(images)
    of_a_filter = layer.circuit.num_outputs
    for image, row, column, number in ((0, 0, 0, 0), (1, 1, 0, 1), (1, 0, 1, 1)):
        patch = images[image, 0, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].flatten()
        scale = 1 if layer.circuit.prepares_amplitudes else layer.angle_scale
        found = names["expectation_values"](
            layer.circuit, patch * scale, layer.weight[number].detach().flatten()
        )
        first = of_a_filter * number
        ours = values[image, first : first + of_a_filter, row, column]
        assert torch.allclose(ours, torch.tensor(found, dtype=torch.float64), rtol=0, atol=1e-10)


@pytest.mark.parametrize("encoding", ["ry", "rz"])
def test_case_44_what_qiskit_alone_reads(encoding: str) -> None:
    circuit = Quanv2d(1, 4, 2, 2, encoding=encoding).circuit
    program = circuit.to_qasm([0.1, 0.2, 0.3, 0.4], torch.arange(circuit.num_weights))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        alone = qasm3.loads_experimental(program)
        assert alone.count_ops() == qasm3.loads(program).count_ops()
        with pytest.raises(qasm3.QASM3ImporterError):
            qasm3.loads_experimental(circuit.to_qasm())
