r"""`from_pennylane`: a PennyLane function or QNode as a circuit of exactly the same values.

It is recorded at one point, its gates are decomposed into those of the gate table, and each angle
becomes an expression of inputs and weights. Recorded again at other points it must have the same
gates, and angles and derivatives as the expressions say, or it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from resqunn.checks import shown
from resqunn.errors import ConfigurationError, MissingExtraError
from resqunn.interop.conversion import converted
from resqunn.interop.imported import ImportedCircuit
from resqunn.interop.recording import Recorder
from resqunn.interop.verification import require_the_same, require_the_values

Weights = Mapping[str, Any] | Sequence[int] | int | None


def from_pennylane(function: Any, inputs: int = 4, weights: Weights = None) -> ImportedCircuit:
    """The circuit of a PennyLane function or QNode, for layers: `Quanv2d(..., circuit=...)`.

    Its values and derivatives are those of the function, whatever gates, templates, scaling and
    functions of torch it uses: it is exact, or it is refused.

    Args:
        function: a quantum function or a QNode with torch's numbers, called with one patch and
            the weights: `function(inputs, weights)`. It returns expectation values, variances or
            probabilities. It is called a few times, with numbers drawn here.
        inputs: how many values a patch has.
        weights: the shapes of the weights by their names, as `weight_shapes` of PennyLane's
            `TorchLayer`; a shape for a single argument; None for a function without weights.

    Returns:
        A circuit that reads `inputs` values. Its qubits are the device's wires that are used, in
        the device's order, or where it has none whole numbers by size and other labels as they
        come.

    Raises:
        MissingExtraError: without PennyLane.
        CircuitError: for what is not the same circuit at all values, or has no expression here:
            the message says what and what to do instead.
        ConfigurationError: for arguments of a wrong type, or shapes that are none.

    >>> import pennylane as qml
    >>> from resqunn import Quanv2d
    >>> def circuit(inputs, weights):
    ...     qml.RY(torch.pi * inputs[..., 0], wires=0)
    ...     qml.CRX(weights[0], wires=[0, 1])
    ...     return qml.expval(qml.Z(1))
    >>> own = from_pennylane(circuit, inputs=1, weights=(1,))
    >>> own.num_qubits, own.weight_shape
    (2, (1,))
    >>> Quanv2d(1, 3, kernel_size=1, circuit=own)(torch.rand(2, 1, 4, 4)).shape
    torch.Size([2, 3, 4, 4])
    """
    try:
        import pennylane
    except ImportError:
        raise MissingExtraError("from_pennylane", "pennylane") from None
    if not callable(function):
        raise ConfigurationError(f"function must be a function or QNode, got {shown(function)}")
    if isinstance(inputs, bool) or not isinstance(inputs, int) or inputs < 1:
        raise ConfigurationError(f"inputs must be a whole number, 1 or more, got {shown(inputs)}")
    shapes = _shapes(weights)
    recorder = Recorder(function, inputs, shapes)
    points = _points(inputs, recorder.shapes)
    with recorder.refusals():
        first, angles = recorder.traced(points[0])
        circuit = converted(pennylane, first, angles, recorder)
        for point in points[1:]:
            require_the_same(pennylane, recorder, circuit, first, angles, point)
        if circuit.num_qubits <= MOST_SIMULATED:
            for point in points[:2]:
                require_the_values(recorder, circuit, point)
    return circuit


MOST_SIMULATED = 12
"""Qubits up to which PennyLane's simulator is asked for values."""


def _shapes(weights: Weights) -> dict[str | None, tuple[int, ...]]:
    """By name, or under None the shape of what is given by place.

    Raises:
        ConfigurationError: for what is no shape.
    """
    if weights is None:
        return {}
    named: Mapping[Any, Any] = weights if isinstance(weights, Mapping) else {None: weights}
    found: dict[str | None, tuple[int, ...]] = {}
    for name, shape in named.items():
        sizes = (shape,) if isinstance(shape, int) else shape
        if not isinstance(sizes, Sequence) or isinstance(sizes, str):
            sizes = [None]
        if any(isinstance(s, bool) or not isinstance(s, int) or s < 1 for s in sizes):
            of = "weights" if name is None else f"the shape of {name}"
            raise ConfigurationError(f"{of} must be whole numbers, 1 or more, got {shown(shape)}")
        if name is not None and (not isinstance(name, str) or name == "inputs"):
            raise ConfigurationError(f"weights must have names of their own, got {shown(name)}")
        found[name] = tuple(sizes)
    return found


def _points(inputs: int, shapes: Mapping[Any, tuple[int, ...]]) -> list[list[Tensor]]:
    """Where a function is called: within [0, 1] and far out; at blank, grey and white patches, and
    between; at weights that are large, alike, and zero."""
    generator = torch.Generator().manual_seed(2718)

    def drawn(shape: Sequence[int], low: float | int, high: float | int) -> Tensor:
        numbers = torch.rand(tuple(shape), generator=generator, dtype=torch.float64)
        return low + (high - low) * numbers

    found = []
    for of_inputs, of_weights in (
        ((0, 1), (-3, 3)),
        ((0, 1), (-3, 3)),
        ((-6, 6), (-3, 3)),
        ((0, 0), (-3, 3)),
        ((1, 1), (0, 0)),
        ((0.5, 0.5), (1, 1)),
        ((0.96, 1), (-9, 9)),
        ((0, 0.04), (0, 6.3)),
    ):
        weights = [drawn(shape, *of_weights) for shape in shapes.values()]
        found.append([drawn((inputs,), *of_inputs), *weights])
    steps = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0], dtype=torch.float64)
    weights = [drawn(shape, -3, 3).round() for shape in shapes.values()]
    for shift in (0, 1):  # between, some of them alike
        chosen = steps[(torch.arange(inputs) * 2 + shift) % 5]
        found.append([chosen, *weights])
    return found
