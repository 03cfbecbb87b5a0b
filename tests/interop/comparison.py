"""PennyLane functions against their circuits: values and both gradients, by each engine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pennylane as qml
import torch
from torch import Tensor

from resqunn import from_pennylane
from resqunn.engines.registry import engine
from resqunn.errors import CircuitError

from interop.pennylane_circuits import CASES, Case
from interop.random_functions import function
from support import evaluates

ENGINES = ("statevector", "fused", "fourier")


def qnode(case: Case) -> qml.QNode:
    if case.wires is not None:
        device = qml.device("default.qubit", wires=case.wires)
    else:
        device = qml.device("default.qubit")
    return qml.QNode(case.function, device, interface="torch", diff_method="backprop")


def drawn(case: Case, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.rand(case.inputs, generator=generator, dtype=torch.float64)
    weights = {
        name: 4 * torch.rand(shape, generator=generator, dtype=torch.float64) - 2
        for name, shape in case.shapes.items()
    }
    return inputs, weights


def between(case: Case) -> tuple[Tensor, dict[str, Tensor]]:
    """Black, grey and white pixels, some of them alike, and whole numbers as weights."""
    weights = {name: weight.round() for name, weight in drawn(case, 2)[1].items()}
    steps = torch.tensor([0.0, 1.0, 0.5, 0.5, 0.25], dtype=torch.float64)
    return steps[torch.arange(case.inputs) % 5], weights


def by_pennylane(case: Case, inputs: Tensor, weights: dict[str, Tensor]) -> Tensor:
    """The values in a row, as `TorchLayer` returns them."""
    row = inputs.unsqueeze(0) if case is CASES["a function that reads batches"] else inputs
    found = qnode(case)(inputs=row, **weights)
    found = found if isinstance(found, list | tuple) else [found]
    return torch.cat([torch.real(value).reshape(-1).double() for value in found])


def gradients(values: Tensor, of: list[Tensor]) -> list[Tensor]:
    cotangent = torch.cos(torch.arange(len(values), dtype=torch.float64))
    if not values.requires_grad:
        return [torch.zeros_like(each) for each in of]
    return list(
        torch.autograd.grad(
            (values * cotangent).sum(), of, allow_unused=True, materialize_grads=True
        )
    )


@contextlib.contextmanager
def in_double() -> Iterator[None]:
    """PennyLane itself is exact to 1e-7 alone with torch's default type."""
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


def require_the_same(case: Case, points: list[tuple[Tensor, dict[str, Tensor]]]) -> None:
    """Values and both gradients, by each engine that evaluates the circuit."""
    function = qnode(case) if case.wires is not None else case.function
    circuit = from_pennylane(function, case.inputs, case.weights)
    for inputs, weights in points:
        leaves = [each.requires_grad_() for each in (inputs, *weights.values())]
        expected = by_pennylane(case, inputs, weights)
        theirs = gradients(expected, leaves)
        flat = torch.cat([w.reshape(-1) for w in weights.values()] or [inputs[:0]])
        for name in ENGINES:
            if not evaluates(engine(name), circuit):
                assert name != "statevector"
                continue
            found = engine(name).expectation_values(
                circuit, inputs.reshape(1, -1, 1), flat.reshape(1, 1, -1)
            )[0, 0, :, 0]
            assert torch.allclose(found, expected, rtol=0, atol=1e-10), name
            for ours, its in zip(gradients(found, leaves), theirs, strict=True):
                assert torch.allclose(ours, its, rtol=0, atol=1e-10), name


def compare_random_function(seed: int) -> str:
    """ "the same", or why there was nothing to compare."""
    case = function(seed)
    (inputs, weights), (other, more) = drawn(case, seed), drawn(case, seed + 1)
    with in_double():
        try:
            by_pennylane(case, inputs, weights)
        except Exception as error:  # what PennyLane itself does not run
            return f"PennyLane: {error}"
        try:
            require_the_same(case, [(inputs, weights), (torch.zeros_like(other), more)])
        except CircuitError as error:
            return f"refused: {error}"
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
    return "the same"
