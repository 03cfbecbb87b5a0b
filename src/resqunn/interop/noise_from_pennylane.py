"""`noise_from_pennylane`: a PennyLane noise model as `Noise`."""

from __future__ import annotations

import pickle  # noqa: TID251  asks whether a model can be pickled, and unpickles nothing
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from resqunn.checks import shown
from resqunn.circuits.channels import Channel, ChannelOperation
from resqunn.circuits.noise import Noise
from resqunn.circuits.observables import Observable
from resqunn.circuits.operations import Operation
from resqunn.errors import CircuitError, ConfigurationError, MissingExtraError
from resqunn.interop.decomposition import NAMES, decomposed
from resqunn.interop.imported import ImportedCircuit

ANGLES = ((0.3, 0.7, 1.1), (-2.1, 0.4, 2.9))
"""At which each gate is shown to the model."""


def noise_from_pennylane(model: Any) -> Noise:
    """The noise that `pennylane.add_noise` adds to a circuit.

    The model is asked about each gate of a layer's circuit, at two angles: about gates as
    `circuit.draw()` shows them, and not about what prepares amplitudes. Channels and gates may
    stand before the gate, if the model queues it again, and after it; those of `meas_map` stand at
    the end.

    Args:
        model: a `pennylane.NoiseModel`, whose wires are qubits. Channels on one qubit or two.

    Returns:
        Noise for layers and `with_noise`. It can be pickled if the model can.

    Raises:
        MissingExtraError: without PennyLane.
        ConfigurationError: for what is no noise model.
        CircuitError: when used, for conditions or strengths that depend on an angle, what is
            neither a gate nor a channel on one qubit or two, measurements that differ in their
            noise, or rules for gates of an imported circuit with gates that are written out as
            others (`ImportedCircuit.written_out`).

    >>> import pennylane as qml
    >>> from resqunn import Quanv2d
    >>> after = qml.noise.partial_wires(qml.BitFlip, 0.1)
    >>> noise = noise_from_pennylane(qml.NoiseModel({qml.noise.op_eq(qml.CNOT): after}))
    >>> Quanv2d(1, 2, (1, 2), depth=1, noise=noise).noisy_circuit.draw().count("[")
    2
    """
    if not hasattr(model, "model_map") or not hasattr(model, "metadata"):
        raise ConfigurationError(f"model must be a pennylane.NoiseModel, got {shown(model)}")
    _pennylane()
    return ModelNoise(model)


class ModelNoise(Noise):
    """What a model adds; two are equal if they have the same model object."""

    model: Any

    def __init__(self, model: Any) -> None:
        super().__init__()
        object.__setattr__(self, "model", model)

    def require_fit(self, circuit: object) -> None:
        names = circuit.written_out if isinstance(circuit, ImportedCircuit) else ()
        if self.model.model_map and names:
            raise CircuitError(
                f"gates must be those that stand in the circuit, got {', '.join(names)}, written "
                "out as other gates, about which a noise model cannot be asked: write those in "
                "the function, or use rules of Noise"
            )

    def around(self, operation: Operation) -> tuple[tuple[Operation, ...], tuple[Operation, ...]]:
        key = operation.name, operation.qubits
        if key not in self._known:
            self._known[key] = self._asked(operation)
        return self._known[key]

    @cached_property
    def _known(self) -> dict[Any, tuple[tuple[Operation, ...], tuple[Operation, ...]]]:
        return {}

    def _asked(self, operation: Operation) -> tuple[tuple[Operation, ...], tuple[Operation, ...]]:
        qml = _pennylane()
        make = getattr(qml, operation.gate.pennylane)
        found = [
            self._queued(qml, make(*angles[: operation.gate.num_angles], wires=operation.qubits))
            for angles in ANGLES
        ]
        if found[0] != found[1]:
            raise CircuitError(
                "noise must not depend on angles, got a model whose answer depends on the angle "
                f"of {operation.name}"
            )
        return found[0]

    def _queued(self, qml: Any, gate: Any) -> tuple[tuple[Operation, ...], tuple[Operation, ...]]:
        """What stands before and after a gate, in the order of the model's rules."""
        before: list[Any] = []
        after: list[Any] = []
        for condition, noise in self.model.model_map.items():
            if not condition(gate):
                continue
            queue = _operations(qml, noise, gate, self.model.metadata)
            again = [k for k, each in enumerate(queue) if qml.equal(each, gate)]
            cut = again[0] if again else 0
            before = [*queue[:cut], *before]
            after += queue[cut + 1 :] if again else queue
        return tuple(_converted(qml, before)), tuple(_converted(qml, after))

    def at_readout(
        self, observables: Sequence[Observable], num_qubits: int
    ) -> tuple[Operation, ...]:
        rules = getattr(self.model, "meas_map", None) or {}
        if not rules:
            return ()
        qml = _pennylane()
        found = [(o.qubits, tuple(self._measured(qml, o, rules))) for o in observables]
        if len({queue for _, queue in found}) == 1:
            return found[0][1]
        return _together(found)

    def _measured(self, qml: Any, observable: Observable, rules: Any) -> Iterator[Operation]:
        """What stands before the measurement of one observable."""
        letters = {"X": qml.X, "Y": qml.Y, "Z": qml.Z}
        words = [(c, word) for c, word in observable.words if word]
        if not words:
            return
        factors = [[letters[letter](q) for q, letter in word] for _, word in words]
        products = [each[0] if len(each) == 1 else qml.prod(*each) for each in factors]
        alone = [c for c, _ in words] == [1.0]
        whole = products[0] if alone else qml.dot([c for c, _ in words], products)
        measured = qml.var(whole) if observable.variance else qml.expval(whole)
        for condition, noise in rules.items():
            if condition(measured):
                yield from _converted(qml, _operations(qml, noise, measured, self.model.metadata))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ModelNoise) and self.model is other.model

    def __hash__(self) -> int:
        return id(self.model)

    def __repr__(self) -> str:
        return "noise_from_pennylane(...)"

    def __deepcopy__(self, memo: dict) -> ModelNoise:
        return self

    def __getstate__(self) -> dict[str, Any]:
        try:
            pickle.dumps(self.model)
        except Exception as error:  # whatever its functions raise
            raise ConfigurationError(
                f"model must be one that can be pickled, got {shown(self.model)} ({error}): make "
                "the noise where it is used"
            ) from None
        return {name: value for name, value in self.__dict__.items() if name != "_known"}


def _together(
    found: Sequence[tuple[tuple[int, ...], tuple[Operation, ...]]],
) -> tuple[Operation, ...]:
    """What stands before measurements that have noise of their own, each on its qubits: what is
    done to one qubit changes no value that is measured on others."""
    of_qubit: dict[int, tuple[Operation, ...]] = {}
    for qubits, queue in found:
        single = all(len(each.qubits) == 1 for each in queue)
        for qubit in qubits:
            here = tuple(each for each in queue if qubit in each.qubits)
            if not single or of_qubit.setdefault(qubit, here) != here:
                raise CircuitError(
                    "noise must be the same for all values that are measured on a qubit, got a "
                    "model that measures them with different noise"
                )
    return tuple(each for qubit in sorted(of_qubit) for each in of_qubit[qubit])


def _operations(qml: Any, noise: Callable[..., Any], of: Any, metadata: Any) -> list[Any]:
    return list(qml.tape.make_qscript(noise)(of, **metadata).operations)


def _converted(qml: Any, queue: Iterable[Any]) -> Iterator[Operation]:
    for each in queue:
        wires = tuple(each.wires)
        if isinstance(each, qml.operation.Channel):
            if not all(isinstance(wire, int | np.integer) for wire in wires):
                raise CircuitError(f"wires of noise must be qubits, got {shown(wires)}")
            if len(wires) > 2:
                raise CircuitError(
                    f"channels must be on one qubit or two, got {each.name} on {len(wires)}"
                )
            channel = Channel.from_kraus(each.name, each.kraus_matrices())
            yield ChannelOperation.of(channel, *map(int, wires))
            continue
        for part in decomposed(qml, [each]):
            if part.name not in NAMES:
                raise CircuitError(
                    f"noise must be gates and channels on one qubit or two, got {part.name}"
                )
            angles = tuple(float(value) for value in part.data)
            angle = angles[0] if len(angles) == 1 else angles or None
            yield Operation(NAMES[part.name], tuple(map(int, part.wires)), angle)


def _pennylane() -> Any:
    try:
        import pennylane
    except ImportError:
        raise MissingExtraError("noise_from_pennylane", "pennylane") from None
    return pennylane
