"""What a PennyLane function does, recorded at given values: gates, measurements, and angles.

PennyLane records and decomposes; torch traces how each angle is computed meanwhile.
"""

from __future__ import annotations

import contextlib
import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from resqunn.checks import shown
from resqunn.circuits.angles import AnyAngle, Input, Weight
from resqunn.errors import CircuitError, ResqunnError
from resqunn.interop.decomposition import decomposed
from resqunn.interop.graphs import expressions

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Recorded:
    """A decomposed PennyLane circuit at one point.

    Attributes:
        operations, measurements: PennyLane's own.
        parameters: of each operation the numbers that it is given.
        wires: the device's, in order, if it has any.
    """

    operations: tuple[Any, ...]
    measurements: tuple[Any, ...]
    parameters: tuple[tuple[Any, ...], ...]
    wires: tuple[Any, ...]


class Recorder:
    """Records a function or QNode of inputs and weights.

    Args:
        function: of `inputs` and the weights, by their names or else by their places.
        shapes: of the weights by name, which may be None where they are given by place.
    """

    def __init__(self, function: Any, inputs: int, shapes: Mapping[str | None, tuple[int, ...]]):
        import pennylane

        self.qml, self.function = pennylane, function
        self.num_inputs, self.shapes = inputs, shapes
        self.wires: tuple[Any, ...] = ()
        if isinstance(function, pennylane.QNode):
            self._check_qnode(function)
            self.function = function.func
            if function.device.wires is not None:
                self.wires = tuple(function.device.wires)
        self._rows = False  # whether the function reads a batch of one row

    def _check_qnode(self, qnode: Any) -> None:
        name = "compile_pipeline" if hasattr(qnode, "compile_pipeline") else "transform_program"
        transforms = getattr(qnode, name)
        if len(transforms):
            names = ", ".join(str(getattr(each, "tape_transform", each)) for each in transforms)
            raise CircuitError(
                "function must be a QNode without transforms, which may change what it returns, "
                f"got {shown(names)}: give the QNode as it was before them"
            )
        shots = getattr(qnode, "shots", None) or getattr(qnode.device, "shots", None)
        if shots:
            raise CircuitError(
                f"function must be a QNode without shots, got {shots}: a circuit is exact"
            )

    def traced(self, values: Sequence[Tensor]) -> tuple[Recorded, list[np.ndarray]]:
        """What is recorded, and each parameter as an array of expressions."""
        recorded: list[Recorded] = []

        def parameters(*tensors: Tensor) -> list[Tensor]:
            recorded.append(self.recorded(tensors))
            return [_tensor(each) for row in recorded[-1].parameters for each in row]

        with self._refusals():
            graph = make_fx(parameters)(*values)
        return recorded[-1], expressions(graph, self._symbols())

    def _symbols(self) -> list[np.ndarray]:
        """The arguments as arrays of inputs and weights, these numbered through."""
        inputs = np.empty(self.num_inputs, dtype=object)
        inputs[:] = [Input(k) for k in range(self.num_inputs)]
        found, first = [inputs], 0
        for shape in self.shapes.values():
            weights = np.empty(shape, dtype=object)
            leaves: list[AnyAngle] = [Weight(first + k) for k in range(weights.size)]
            weights.reshape(-1)[:] = leaves
            first += weights.size
            found.append(weights)
        return found

    def recorded(self, values: Sequence[Tensor]) -> Recorded:
        """What the function does at given values."""
        with _in_double(), _unnormalised(self.qml):
            tape = self._tape(values)
            operations = tuple(decomposed(self.qml, tape.operations))
        return Recorded(
            operations,
            tuple(tape.measurements),
            tuple(tuple(operation.data) for operation in operations),
            self.wires,
        )

    def _tape(self, values: Sequence[Tensor]) -> Any:
        inputs, *weights = values
        if not self._rows:
            try:
                return self._called(inputs, weights)
            except IndexError:  # of a function that reads a batch, such as inputs[:, 0]
                self._rows = True
        return self._called(inputs.unsqueeze(0), weights)

    def _called(self, inputs: Tensor, weights: Sequence[Tensor]) -> Any:
        names = list(self.shapes)
        by_name = {name: w for name, w in zip(names, weights, strict=True) if name is not None}
        by_place = [w for name, w in zip(names, weights, strict=True) if name is None]
        parameters = inspect.signature(self.function).parameters
        place = next((k for k, name in enumerate(parameters) if name not in by_name), 0)
        if "inputs" in parameters or place or not parameters:
            name = "inputs" if "inputs" in parameters else list(parameters)[place]
            call = [*by_place], {name: inputs, **by_name}
        else:
            call = [inputs, *by_place], by_name
        return self.qml.tape.make_qscript(self.function)(*call[0], **call[1])

    @contextlib.contextmanager
    def _refusals(self) -> Iterator[None]:
        """What PennyLane, torch and the function itself raise, in one line."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except ResqunnError:
            raise
        except Exception as error:
            text = str(error).strip().partition("\n")[0]
            if "value out of a tracing tensor" in text or "data-dependent" in text.lower():
                text = (
                    "which gates there are, or a number that leaves torch, depends on values: "
                    "use torch.where"
                )
            elif "BasisState" in text or "BasisEmbedding" in text or "basis state" in text.lower():
                text = f"{text} (bits are given by qml.RX(torch.pi * torch.where(x > 0.5, 1, 0)))"
            raise CircuitError(
                f"function cannot be recorded: {text or type(error).__name__}"
            ) from error


def _tensor(value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value
    return torch.as_tensor(np.asarray(value))


@contextlib.contextmanager
def _in_double() -> Iterator[None]:
    """PennyLane makes its own numbers of torch's default type."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextlib.contextmanager
def _unnormalised(qml: Any) -> Iterator[None]:
    """Amplitudes that are tensors are padded, and neither checked nor normalised by their value:
    the circuit itself does that."""
    as_it_was = qml.StatePrep.__dict__["_preprocess"]
    original: Callable[..., Any] = qml.StatePrep._preprocess

    def padded(state: Any, wires: Any, pad_with: Any, normalize: bool, validate_norm: bool) -> Any:
        size = 2 ** len(qml.wires.Wires(wires))
        if not isinstance(state, Tensor):
            return original(state, wires, pad_with, normalize, validate_norm)
        missing = size - state.shape[-1]
        if missing < 0 or (missing and pad_with is None):
            return original(state, wires, pad_with, normalize, validate_norm)  # which refuses it
        return torch.nn.functional.pad(state, (0, missing), value=float(pad_with or 0.0))

    qml.StatePrep._preprocess = staticmethod(padded)
    try:
        yield
    finally:
        qml.StatePrep._preprocess = as_it_was
