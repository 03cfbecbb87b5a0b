"""What PennyLane records, as a circuit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from resqunn.circuits.angles import Angle, AnyAngle, Input, Weight, leaves
from resqunn.circuits.observables import Observable
from resqunn.circuits.operations import Operation
from resqunn.errors import CircuitError
from resqunn.interop.decomposition import NAMES, decomposed
from resqunn.interop.imported import ImportedCircuit
from resqunn.interop.measurements import observables, require_known
from resqunn.interop.recording import Recorded, Recorder


def converted(
    qml: Any, recorded: Recorded, angles: Sequence[np.ndarray], recorder: Recorder
) -> ImportedCircuit:
    """The circuit of what is recorded, whose parameters are these angles.

    Raises:
        CircuitError: for what has no place in a circuit.
    """
    qubits = qubits_of(qml, recorded)
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
    found = measured(qml, recorded, qubits)
    read = {leaf for each in operations for angle in each.angles for leaf in leaves(angle)}
    read |= {leaf for angle in amplitudes or () for leaf in leaves(angle)}
    if not any(isinstance(leaf, Input) for leaf in read):
        raise CircuitError(
            "function must have gates that depend on the inputs by functions of torch, got none"
        )
    if amplitudes is not None and any(isinstance(w, Weight) for a in amplitudes for w in leaves(a)):
        raise CircuitError("amplitudes must be computed of inputs alone, got some of weights")
    shapes = recorder.shapes
    names = tuple(shapes.items())
    total = sum(math.prod(shape) for shape in shapes.values())
    bare = amplitudes is not None and _are_the_inputs(amplitudes, recorder.num_inputs)
    circuit = ImportedCircuit(
        len(qubits),
        recorder.num_inputs,
        names[0][1] if len(names) == 1 else (total,),
        tuple(operations),
        tuple(found),
        prepares_amplitudes=amplitudes is not None,
        amplitudes=None if bare else amplitudes,
        weights=names,
        written_out=recorded.written_out,
    )
    circuit.lowered  # noqa: B018  refuses what it cannot hold
    return circuit


def qubits_of(qml: Any, recorded: Recorded) -> dict[Any, int]:
    """The qubit of each wire.

    Raises:
        CircuitError: for what is measured on wires that are not known.
    """
    for measurement in recorded.measurements:
        require_known(qml, measurement)
    used: dict[Any, None] = {}
    for each in (*recorded.operations, *recorded.measurements):
        used |= dict.fromkeys(each.wires)
    everything = any(not len(each.wires) for each in recorded.measurements)
    if everything and not recorded.wires:
        raise CircuitError("probs must be given wires, as their order is the device's, got none")
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


def measured(qml: Any, recorded: Recorded, qubits: Mapping[Any, int]) -> list[Observable]:
    """What is measured.

    Raises:
        CircuitError: if nothing is.
    """
    found = [o for m in recorded.measurements for o in observables(qml, m, qubits)]
    if not found:
        raise CircuitError("function must return what it measures, got nothing")
    return found
