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

from resqunn.circuits.angles import AnyAngle, Input, Weight
from resqunn.errors import CircuitError, ResqunnError
from resqunn.interop.decomposition import decomposed
from resqunn.interop.graphs import expressions
from resqunn.interop.watching import Watched


@dataclass(frozen=True)
class Recorded:
    """A decomposed PennyLane circuit at one point.

    Attributes:
        operations, measurements: PennyLane's own.
        parameters: of each operation the numbers that it is given.
        wires: the device's, in order, if it has any.
        written_out: names of gates that are not among the operations, but what they come to.
    """

    operations: tuple[Any, ...]
    measurements: tuple[Any, ...]
    parameters: tuple[tuple[Any, ...], ...]
    wires: tuple[Any, ...]
    written_out: tuple[str, ...]


LIKE_WEIGHTS = ("weights", "weight", "w", "theta", "thetas", "params", "parameters")
LIKE_INPUTS = ("x", "xs", "input", "features", "data", "image", "patch", "pixels")
"""Names by which parameters in another order than (inputs, weights) are known, in lower case."""


class Recorder:
    """Records a function or QNode of inputs and weights.

    Args:
        function: of the inputs, which are the parameter `inputs` or the first, and the weights.
        shapes: of the weights by name, or under None that of the only other parameter.

    Attributes:
        shapes: those of the weights, in order, by the names of the parameters.

    Raises:
        CircuitError: for a QNode with transforms or shots, or other parameters.
    """

    def __init__(self, function: Any, inputs: int, shapes: Mapping[str | None, tuple[int, ...]]):
        import pennylane

        self.qml, self.function = pennylane, function
        self.num_inputs = inputs
        self.wires: tuple[Any, ...] = ()
        if isinstance(function, pennylane.QNode):
            self._check_qnode(function)
            self.function = function.func
            if function.device.wires is not None:
                self.wires = tuple(function.device.wires)
        self.of_inputs, self.shapes = _by_parameter(self.function, shapes)
        self._rows = False  # whether the function reads a batch of one row

    def _check_qnode(self, qnode: Any) -> None:
        name = "compile_pipeline" if hasattr(qnode, "compile_pipeline") else "transform_program"
        transforms = getattr(qnode, name)
        if len(transforms):
            found = [getattr(each, "tape_transform", each) for each in transforms]
            names = ", ".join(getattr(each, "__name__", str(each)) for each in found)
            raise CircuitError(
                "function must be a QNode without transforms, which may change what it returns, "
                f"got {names}: give the QNode as it was before them"
            )
        device = qnode.device
        noisy = hasattr(device, "original_device") or getattr(device, "readout_err", None)
        if noisy or device.name == "null.qubit":
            raise CircuitError(
                f"function must be a QNode on a device that changes nothing, got {device.name!r} "
                "with transforms or errors of its own: give the function itself"
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

        with self.refusals():
            graph = make_fx(parameters)(*values)
        return recorded[-1], expressions(graph, self._symbols())

    def _symbols(self) -> list[np.ndarray]:
        """The arguments as arrays of inputs and weights, these numbered through."""
        inputs = np.empty(self.num_inputs, dtype=object)
        inputs[:] = [Input(k) for k in range(self.num_inputs)]
        found: list[np.ndarray] = [inputs]
        first = 0
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
            with Watched():  # PennyLane itself looks at values where it decomposes
                tape = self._tape(values)
            written_out: set[str] = set()
            operations = tuple(decomposed(self.qml, tape.operations, written_out))
        return Recorded(
            operations,
            tuple(tape.measurements),
            tuple(tuple(operation.data) for operation in operations),
            self.wires,
            tuple(sorted(written_out)),
        )

    def _tape(self, values: Sequence[Tensor]) -> Any:
        inputs, *weights = values
        if not self._rows:
            try:
                return self._called(inputs, weights)
            except IndexError as error:  # of a function that reads a batch, such as inputs[:, 0]
                self._rows = True
                try:
                    return self._called(inputs.unsqueeze(0), weights)
                except IndexError:
                    raise error from None
        return self._called(inputs.unsqueeze(0), weights)

    def values(self, values: Sequence[Tensor]) -> Tensor:
        """What PennyLane's `default.qubit` returns, as one row that torch differentiates."""
        inputs, *weights = values
        named = dict(zip(self.shapes, weights, strict=True))
        device = self.qml.device("default.qubit", wires=self.wires or None)
        node = self.qml.QNode(self.function, device, interface="torch", diff_method="backprop")
        with _in_double(), self.refusals():
            found = node(**{self.of_inputs: inputs.unsqueeze(0) if self._rows else inputs, **named})
        parts = found if isinstance(found, list | tuple) else [found]
        return torch.cat([torch.real(part).reshape(-1).double() for part in parts])

    def _called(self, inputs: Tensor, weights: Sequence[Tensor]) -> Any:
        named = dict(zip(self.shapes, weights, strict=True))
        return self.qml.tape.make_qscript(self.function)(**{self.of_inputs: inputs, **named})

    @contextlib.contextmanager
    def refusals(self) -> Iterator[None]:
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
            raise CircuitError(
                f"function cannot be recorded: {text or type(error).__name__}"
            ) from error


def _by_parameter(
    function: Any, shapes: Mapping[str | None, tuple[int, ...]]
) -> tuple[str, dict[str, tuple[int, ...]]]:
    """The name of the inputs, and the shapes of the weights by name.

    Raises:
        CircuitError: if they are not the function's parameters.
    """
    parameters = inspect.signature(function).parameters
    by_name = [
        name
        for name, p in parameters.items()
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
    others = [name for name in by_name if name not in shapes]
    of_inputs = "inputs" if "inputs" in by_name else next(iter(others), None)
    if of_inputs is None:
        raise CircuitError(
            f"function must have a parameter for the inputs, got {', '.join(by_name) or 'none'}"
        )
    others = [name for name in others if name != of_inputs]
    if None in shapes and others:
        plain = [name for name in others if parameters[name].default is inspect.Parameter.empty]
        chosen = "weights" if "weights" in others else (plain or others)[0]
        if chosen != "weights" and (
            of_inputs.lower() in LIKE_WEIGHTS or chosen.lower() in LIKE_INPUTS
        ):
            raise CircuitError(
                f"weights must be given by name where {of_inputs!r} or {chosen!r} may be the "
                f"patch, got a shape alone: weights={{{of_inputs!r}: {shapes[None]}}}, or "
                f"weights={{{chosen!r}: {shapes[None]}}}"
            )
        others.remove(chosen)
        shapes = {chosen: shapes[None]}
    unknown = [name or "a second one" for name in shapes if name not in by_name]
    if unknown and not any(p.kind == p.VAR_KEYWORD for p in parameters.values()):
        raise CircuitError(
            f"weights must be parameters of function ({', '.join(by_name)}), got "
            f"{', '.join(unknown)}"
        )
    missing = [name for name in others if parameters[name].default is inspect.Parameter.empty]
    if missing:
        raise CircuitError(f"weights must have the shapes of {', '.join(missing)} too, got none")
    return of_inputs, {name or "weights": shape for name, shape in shapes.items()}


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
