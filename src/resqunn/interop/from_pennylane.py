r"""`from_pennylane`: a PennyLane function or QNode as a circuit of exactly the same values.

It is recorded at one point, its gates are decomposed into those of the gate table, and each angle
becomes an expression of inputs and weights. Recorded again at other points it must have the same
gates, and angles and derivatives as the expressions say, or it is refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from resqunn.checks import shown
from resqunn.circuits.angles import Angle, AnyAngle, Input, Weight, leaves
from resqunn.circuits.observables import Observable
from resqunn.circuits.operations import Operation
from resqunn.engines.slots import computed
from resqunn.errors import CircuitError, ConfigurationError, MissingExtraError
from resqunn.interop.imported import ImportedCircuit
from resqunn.interop.measurements import observables
from resqunn.interop.decomposition import NAMES, decomposed
from resqunn.interop.recording import Recorded, Recorder

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
    points = _points(inputs, shapes)
    first, angles = recorder.traced(points[0])
    circuit = _circuit(pennylane, first, angles, recorder)
    for point in points[1:]:
        _require_the_same(pennylane, recorder, circuit, first, angles, point)
    return circuit


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
    """Where a function is called: within [0, 1], far out, and at a blank patch."""
    generator = torch.Generator().manual_seed(2718)

    def drawn(shape: Sequence[int], scale: int) -> Tensor:
        numbers = torch.rand(tuple(shape), generator=generator, dtype=torch.float64)
        return numbers if scale == 1 else scale * (numbers - 0.5)

    found = []
    for scale in (1, 1, 12, 0):
        weights = [drawn(shape, 6) for shape in shapes.values()]
        found.append([drawn((inputs,), scale), *weights])
    return found


def _circuit(
    qml: Any, recorded: Recorded, angles: Sequence[np.ndarray], recorder: Recorder
) -> ImportedCircuit:
    qubits = _qubits(recorded)
    operations: list[Operation] = []
    amplitudes: tuple[AnyAngle, ...] | None = None
    of_angles = iter(angles)
    for operation, parameters in zip(recorded.operations, recorded.parameters, strict=True):
        own = [next(of_angles) for _ in parameters]
        if isinstance(operation, qml.StatePrep):
            given = own[0].reshape(-1)
            if any(isinstance(each, Angle) for each in given):
                if operations or amplitudes is not None:
                    raise CircuitError(
                        f"{operation.name} of inputs must be the first operation, got one after "
                        "others"
                    )
                amplitudes = _on_all(given, [qubits[wire] for wire in operation.wires], qubits)
            else:
                operations += _of_numbers(qml, operation, given, qubits)
            continue
        operations.append(_operation(qml, operation, own, qubits))
    measured = _measured(qml, recorded, qubits)
    read = {leaf for each in operations for angle in each.angles for leaf in leaves(angle)}
    read |= {leaf for angle in amplitudes or () for leaf in leaves(angle)}
    if not any(isinstance(leaf, Input) for leaf in read):
        raise CircuitError("function must have gates that depend on the inputs, got none")
    if amplitudes is not None and any(isinstance(w, Weight) for a in amplitudes for w in leaves(a)):
        raise CircuitError("amplitudes must be computed of inputs alone, got some of weights")
    shapes = recorder.shapes
    names = tuple((name or "weights", shape) for name, shape in shapes.items())
    total = sum(math.prod(shape) for shape in shapes.values())
    bare = amplitudes is not None and _are_the_inputs(amplitudes, recorder.num_inputs)
    circuit = ImportedCircuit(
        len(qubits),
        recorder.num_inputs,
        names[0][1] if len(names) == 1 else (total,),
        tuple(operations),
        tuple(measured),
        prepares_amplitudes=amplitudes is not None,
        amplitudes=None if bare else amplitudes,
        weights=names,
    )
    circuit.lowered  # noqa: B018  refuses what it cannot hold
    return circuit


def _qubits(recorded: Recorded) -> dict[Any, int]:
    """The qubit of each wire."""
    used: dict[Any, None] = {}
    for each in (*recorded.operations, *recorded.measurements):
        used |= dict.fromkeys(each.wires)
    everything = any(not len(each.wires) for each in recorded.measurements)
    if everything and not recorded.wires:
        raise CircuitError(
            "probs must be given wires, as their order is the device's, got none"
        )
    wires = [w for w in recorded.wires if everything or w in used] or list(used)
    if not recorded.wires and all(isinstance(wire, int) for wire in wires):
        wires.sort()
    return {wire: qubit for qubit, wire in enumerate(wires)}


def _operation(
    qml: Any, operation: Any, angles: Sequence[np.ndarray], qubits: Mapping[Any, int]
) -> Operation:
    name = operation.name
    if name not in NAMES:
        if isinstance(operation, qml.operation.Channel):
            raise CircuitError(
                f"function must be without channels, got {name}: a circuit has no noise"
            )
        if "Measure" in type(operation).__name__ or "Conditional" in type(operation).__name__:
            raise CircuitError(
                "function must measure at the end alone, got a measurement of a qubit in the "
                "middle of the circuit"
            )
        raise CircuitError(
            f"function must be of operations that PennyLane can decompose, got {name}"
        )
    wires = tuple(qubits[wire] for wire in operation.wires)
    given = tuple(angle.reshape(-1)[0] for angle in angles)
    if any(angle.size != 1 for angle in angles):
        raise CircuitError(
            f"an angle must be one number, got {max(a.size for a in angles)} for {name}: function "
            "is called with one patch"
        )
    return Operation(NAMES[name], wires, given or None)


def _of_numbers(
    qml: Any, operation: Any, numbers: np.ndarray, qubits: Mapping[Any, int]
) -> list[Operation]:
    """The gates that prepare a state of fixed amplitudes."""
    state = numbers.astype(complex)
    state = state / np.linalg.norm(state)
    prepared = decomposed(qml, [qml.MottonenStatePreparation(state, operation.wires)])
    return [
        _operation(qml, each, [np.asarray(p, dtype=object) for p in each.data], qubits)
        for each in prepared
    ]


def _on_all(
    amplitudes: np.ndarray, places: Sequence[int], qubits: Mapping[Any, int]
) -> tuple[AnyAngle, ...]:
    """Amplitudes on some qubits as those of all, the others in |0>."""
    count = len(qubits)
    whole: list[AnyAngle] = [0.0] * 2**count
    for index, amplitude in enumerate(amplitudes):
        state = 0
        for k, qubit in enumerate(places):
            bit = index >> (len(places) - 1 - k) & 1
            state |= bit << (count - 1 - qubit)
        whole[state] = amplitude
    return tuple(whole)


def _are_the_inputs(amplitudes: Sequence[AnyAngle], inputs: int) -> bool:
    """Whether they are the inputs and then zeros, as few as there can be."""
    bare = all(angle == (Input(k) if k < inputs else 0.0) for k, angle in enumerate(amplitudes))
    return bare and 2 * inputs > len(amplitudes)


def _measured(qml: Any, recorded: Recorded, qubits: Mapping[Any, int]) -> list[Observable]:
    found = [o for m in recorded.measurements for o in observables(qml, m, qubits)]
    if not found:
        raise CircuitError("function must return what it measures, got nothing")
    return found


def _require_the_same(
    qml: Any,
    recorder: Recorder,
    circuit: ImportedCircuit,
    first: Recorded,
    angles: Sequence[np.ndarray],
    point: Sequence[Tensor],
) -> None:
    """
    Raises:
        CircuitError: if the function is not the circuit at another point.
    """
    values = [each.clone().requires_grad_() for each in point]
    with recorder._refusals():
        other = recorder.recorded(values)
    gates = [[(each.name, tuple(each.wires)) for each in of.operations] for of in (first, other)]
    if gates[0] != gates[1] or _measured(qml, other, _qubits(first)) != list(circuit.observables):
        raise CircuitError(
            "function must have the same gates and observables at all inputs and weights, got "
            "others at other values: use torch.where for angles that depend on a condition"
        )
    flat = [angle for array in angles for angle in array.reshape(-1)]
    weights = torch.cat([each.reshape(-1) for each in values[1:]] or [torch.zeros(0).double()])

    def leaf(of: Input | Weight) -> Tensor:
        return (values[0] if isinstance(of, Input) else weights)[of.index]

    ours = torch.stack(computed(flat, leaf, values[0]) or [values[0].sum() * 0])
    theirs = [
        torch.as_tensor(np.asarray(p) if not isinstance(p, Tensor) else p).double().reshape(-1)
        for row in other.parameters
        for p in row
    ]
    expected = torch.cat(theirs)
    if not _close(ours, expected):
        raise CircuitError(
            "an angle depends on values in a way that torch does not see, such as through NumPy "
            "or random numbers: compute it by functions of torch"
        )
    cotangent = torch.cos(torch.arange(len(expected)).double())
    for mine, its in zip(_pulled(ours, cotangent, values), _pulled(expected, cotangent, values)):
        if not _close(mine, its):
            raise CircuitError(
                "an angle must have the derivative of the function that it is, got another one, "
                "such as within torch.no_grad: use detach"
            )
    _require_normalised(qml, first, angles, leaf, values[0])


def _pulled(values: Tensor, cotangent: Tensor, by: Sequence[Tensor]) -> tuple[Tensor, ...]:
    if not values.requires_grad:
        return tuple(map(torch.zeros_like, by))
    return torch.autograd.grad(
        (values * cotangent).sum(), by, allow_unused=True, materialize_grads=True, retain_graph=True
    )


def _close(ours: Tensor, theirs: Tensor) -> bool:
    # Angles may be computed in single precision; at a point outside of a function's domain both
    # are not numbers.
    return ours.shape == theirs.shape and torch.allclose(
        ours, theirs, rtol=1e-6, atol=1e-6, equal_nan=True
    )


def _require_normalised(qml: Any, recorded: Recorded, angles: Any, leaf: Any, like: Tensor) -> None:
    """
    Raises:
        CircuitError: for amplitudes that the function expects to be normalised, but are not.
    """
    for operation in recorded.operations[:1]:
        if not isinstance(operation, qml.StatePrep):
            continue
        options = operation.hyperparameters
        if options.get("normalize") or options.get("pad_with") is not None:
            continue
        norm = torch.stack(computed(list(angles[0].reshape(-1)), leaf, like)).square().sum()
        norm = norm.detach()
        if torch.isfinite(norm) and abs(float(norm) - 1) > 1e-9:
            raise CircuitError(
                f"amplitudes must be normalised at all inputs, got a norm of {norm.sqrt():.3g}: "
                "give normalize=True"
            )
