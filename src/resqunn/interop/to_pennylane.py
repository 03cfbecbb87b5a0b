"""`to_pennylane`: a circuit as a PennyLane QNode."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from resqunn.checks import checked
from resqunn.circuits.angles import AnyAngle, Input, Weight
from resqunn.circuits.channels import ChannelOperation
from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.observables import Observable
from resqunn.circuits.operations import Operation
from resqunn.circuits.readouts import MOST_PROBABILITIES, Probabilities
from resqunn.engines.pennylane import PennyLaneEngine
from resqunn.errors import CircuitError, ConfigurationError, MissingExtraError, ShapeError
from resqunn.interop.interfaces import alike, computed


@checked
def to_pennylane(
    circuit: GateCircuit, device: Any = "default.qubit", shots: int | None = None
) -> Any:
    r"""A circuit as a PennyLane QNode, with its own gates and its values.

    `qnode(inputs, weights)` takes the inputs of one patch (N,), or of several (P, N) by parameter
    broadcast, and the weights in the shape of `circuit.weight_shape` or flat, in radians: a
    layer's pixels times its `angle_scale`, and `layer.weight[filter]`. It returns one expectation
    value, or variance, for each of `circuit.observables`, each a number or (P,); a circuit that
    measures all probabilities returns these, $2^n$ or (P, $2^n$). Angles are computed by
    `pennylane.math`, so that torch, autograd and other interfaces differentiate. Amplitudes are
    zero-padded and normalised, and zeros are $|0\ldots0\rangle$, as in the encoding.

    With noise (`layer.noisy_circuit`) it needs a device that simulates mixed states, such as
    `"default.mixed"`.

    Args:
        circuit: of a layer (`layer.circuit`), or a `Circuit` of one's own.
        device: the name of a device, or a device: its first wires are the circuit's qubits.
        shots: number of samples; None for exact values.

    Raises:
        MissingExtraError: without PennyLane.
        ConfigurationError: for arguments of a wrong type, a device that PennyLane does not have,
            or one with fewer wires than the circuit has qubits.
        CircuitError: for flips of bits that are measured in other bases than that of Z.
        ShapeError: from the QNode, for inputs or weights that do not fit.

    >>> from resqunn import Circuit
    >>> qnode = to_pennylane(Circuit("ry", "rx_chain", "z", inputs=2, depth=1))
    >>> [round(float(value), 6) for value in qnode([0.0, math.pi], [0.0, 0.0])]
    [1.0, -1.0]
    """
    try:
        import pennylane
    except ImportError:
        raise MissingExtraError("to_pennylane", "pennylane") from None
    PennyLaneEngine(device, shots=shots)  # refuses what is no device and no number of shots
    found, wires = _placed(pennylane, device, circuit.num_qubits)
    qnode = pennylane.QNode(_function(pennylane, circuit, wires), found)
    return qnode if shots is None else pennylane.set_shots(qnode, shots=shots)


def _placed(qml: Any, device: Any, qubits: int) -> tuple[Any, list[Any]]:
    """The device, and the wires of the qubits."""
    if isinstance(device, str):
        try:
            device = qml.device(device, wires=qubits)
        except qml.exceptions.DeviceError as error:
            raise ConfigurationError(
                f"device must be one that PennyLane has here, got {device!r}: {error}"
            ) from None
    if device.wires is None:
        return device, list(range(qubits))
    wires = list(device.wires)
    if len(wires) < qubits:
        raise ConfigurationError(
            f"device must have {qubits} wires or more, one for each qubit, got {len(wires)}"
        )
    return device, wires[:qubits]


def _function(qml: Any, circuit: GateCircuit, wires: Sequence[Any]) -> Callable[..., Any]:
    """What the QNode does."""
    probabilities, flips = _are_probabilities(circuit), circuit.flip_probability
    letters = {letter for o in circuit.observables for _, word in o.words for _, letter in word}
    if flips and letters - {"Z"}:
        raise CircuitError(
            "bits that are flipped must be measured in the basis of Z, got a circuit that measures "
            "X or Y"
        )

    def values(inputs: Any, weights: Any = ()) -> Any:
        inputs, weights = _fitting(qml, circuit, inputs, weights)

        def leaf(of: Input | Weight) -> Any:
            return inputs[..., of.index] if isinstance(of, Input) else weights[of.index]

        def at(angles: Sequence[AnyAngle]) -> list[Any]:
            return alike(qml.math, computed(qml.math, angles, leaf))

        if circuit.prepares_amplitudes:
            given = circuit.amplitudes
            if given is None:
                given = tuple(map(Input, range(circuit.num_inputs)))
            vector = qml.math.stack(at(given), axis=-1)
            missing = 2**circuit.num_qubits - len(given)
            _prepare(qml, vector, wires, missing)
        for operation in circuit.operations:
            _apply(qml, operation, at(operation.angles), wires)
        for wire in wires if flips else ():
            qml.BitFlip(flips, wires=wire)
        if probabilities:
            return qml.probs(wires=wires)
        return [_measured(qml, observable, wires) for observable in circuit.observables]

    return values


def _fitting(qml: Any, circuit: GateCircuit, inputs: Any, weights: Any) -> tuple[Any, Any]:
    """Both as arrays, weights flat.

    Raises:
        ShapeError: if they do not fit.
    """
    inputs, weights = (
        values if hasattr(values, "shape") else np.asarray(values, dtype=float)
        for values in (inputs, weights)
    )
    shape, count = tuple(qml.math.shape(inputs)), circuit.num_inputs
    if len(shape) not in (1, 2) or shape[-1] != count:
        raise ShapeError(f"inputs must be of shape ({count},) or (P, {count}), got {shape}")
    shape, flat = tuple(qml.math.shape(weights)), (circuit.num_weights,)
    if shape not in (circuit.weight_shape, flat) and math.prod(shape) + flat[0]:
        raise ShapeError(f"weights must be of shape {circuit.weight_shape} or {flat}, got {shape}")
    return inputs, qml.math.reshape(weights, (-1,))


def _prepare(qml: Any, vector: Any, wires: Sequence[Any], missing: int) -> None:
    """Amplitudes along the last axis as the initial state."""
    found = qml.math
    # Normalised here: PennyLane leaves alone what has a norm of about 1, which then has another
    # derivative. Divided by the largest first, so that no square underflows.
    largest = found.max(found.abs(found.detach(vector)), axis=-1, keepdims=True)
    empty, ones = largest == 0, found.ones_like(vector)
    first = found.convert_like(np.eye(1, vector.shape[-1])[0], found.detach(vector)) * ones
    vector = found.where(empty, first, vector / found.where(empty, 1.0, largest))
    norm = found.sqrt(found.sum(vector * vector, axis=-1, keepdims=True))
    vector = vector / norm
    if missing:
        zeros = found.zeros_like(vector[..., :1])
        vector = found.concatenate([vector, *[zeros] * missing], axis=-1)
    qml.AmplitudeEmbedding(vector, wires=wires, validate_norm=False)


def _apply(qml: Any, operation: Operation, angles: Sequence[Any], wires: Sequence[Any]) -> None:
    if isinstance(operation, ChannelOperation):
        assert operation.channel is not None
        kraus = list(operation.channel.kraus)
        qml.QubitChannel(kraus, wires=[wires[q] for q in operation.qubits])
        return
    make = getattr(qml, operation.gate.pennylane)
    make(*angles, wires=[wires[q] for q in operation.qubits])


def _measured(qml: Any, observable: Observable, wires: Sequence[Any]) -> Any:
    letters = {"X": qml.X, "Y": qml.Y, "Z": qml.Z}
    words = []
    for _, word in observable.words:
        factors = [letters[letter](wires[qubit]) for qubit, letter in word]
        words.append(qml.prod(*factors) if factors else qml.Identity(wires[0]))
    coefficients = [coefficient for coefficient, _ in observable.words]
    alone = coefficients == [1.0]
    whole = words[0] if alone else qml.dot(coefficients, words)
    return qml.var(whole) if observable.variance else qml.expval(whole)


def _are_probabilities(circuit: GateCircuit) -> bool:
    """Whether the probability of each basis state is measured, in their order."""
    qubits = circuit.num_qubits
    if qubits > MOST_PROBABILITIES or circuit.num_outputs != 2**qubits:
        return False
    return circuit.observables == Probabilities().observables(qubits)
