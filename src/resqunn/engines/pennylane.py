"""Any PennyLane device: simulators, noise, shots, hardware (extra `[pennylane]`).

Who computes derivatives decides how a circuit is run: torch, if the device computes with its
tensors; PennyLane, which knows first derivatives only; or nobody, if none is asked for.
Written for PennyLane 0.45 and newer.
"""

from __future__ import annotations

import contextlib
import pickle  # noqa: TID251  asks whether a device can be pickled, and unpickles nothing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from resqunn.checks import check_fields, shown
from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.engines.base import Engine
from resqunn.engines.double import to_double
from resqunn.engines.first_order import Evaluation, once_differentiable
from resqunn.engines.guard import interpreted, left_out
from resqunn.engines.qnodes import IN_TORCH, QNodes
from resqunn.errors import ConfigurationError, MissingExtraError


@dataclass(frozen=True)
class PennyLaneEngine(Engine):
    """Runs circuits on a PennyLane device.

    Values and first derivatives are PennyLane's, in double precision: exact but for
    `"finite-diff"` (its step leaves about 1e-7) and `"spsa"` (a random estimate). Derivatives
    of derivatives, and torch's transforms and tracing, need `"default.qubit"` or
    `"default.mixed"` without shots, with `diff_method` `"best"` or `"backprop"`, which are
    differentiated by torch; elsewhere asking for them raises a ConfigurationError, as do
    derivatives with respect to amplitudes some of which are zero (padding included).

    Args:
        device: a device name such as `"default.qubit"` or `"lightning.qubit"`, or a device
            object with at least as many wires as the circuit has qubits (one more for
            `diff_method="hadamard"`). A layer with a device object or a noise model can be
            pickled if they can.
        shots: number of samples for each expectation value; None for exact values.
        diff_method: as in `pennylane.QNode`; `"best"` lets the device choose.
        noise_model: a `pennylane.NoiseModel` that is added to every circuit (on a device
            that simulates mixed states, such as `"default.mixed"`).

    Raises:
        MissingExtraError: when first used without PennyLane installed.
        ConfigurationError: for options of a wrong type; when first used, for what PennyLane
            refuses: a device or method that it does not have, or options that do not go
            together; when pickled, for a device or noise model that cannot be.

    >>> from resqunn import Quanv2d
    >>> sampled = Quanv2d(1, 4, 2, 2, engine=PennyLaneEngine("default.qubit", shots=100))
    >>> with torch.no_grad():
    ...     counts = 50 * (1 + sampled(torch.rand(1, 1, 2, 2)))  # of the outcome +1
    >>> torch.allclose(counts, counts.round(), atol=1e-3)
    True
    """

    device: Any = "default.qubit"
    shots: int | None = None
    diff_method: str = "best"
    noise_model: Any = None
    simulates_noise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_fields(self)
        if not isinstance(self.device, str) and not hasattr(self.device, "wires"):
            raise ConfigurationError(
                "device must be the name of a PennyLane device or such a device, got "
                f"{shown(self.device)}"
            )
        if self.shots is not None and self.shots < 1:
            raise ConfigurationError(
                f"shots must be 1 or more, or None for exact values, got {self.shots}"
            )
        if self.noise_model is not None and not hasattr(self.noise_model, "model_map"):
            raise ConfigurationError(
                f"noise_model must be a pennylane.NoiseModel or None, got {shown(self.noise_model)}"
            )

    @property
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return f"pennylane:{getattr(self.device, 'name', self.device)}"

    def evaluate(
        self,
        circuit: GateCircuit,
        inputs_GNP: Float[Tensor, "G N P"],
        weights_GFW: Float[Tensor, "G F W"],
    ) -> Float[Tensor, "G F R P"]:
        if torch.compiler.is_dynamo_compiling():
            # What is around the circuits is compiled.
            return left_out(self._evaluated, circuit, inputs_GNP, weights_GFW)
        return self._evaluated(circuit, inputs_GNP, weights_GFW)

    def _evaluated(self, circuit: GateCircuit, inputs_GNP: Tensor, weights_GFW: Tensor) -> Tensor:
        shape = (*weights_GFW.shape[:2], circuit.num_outputs, inputs_GNP.shape[2])
        if 0 in shape:
            # Nothing, but with a graph.
            return inputs_GNP.new_zeros(shape) + 0 * (inputs_GNP.sum() + weights_GFW.sum())
        if inputs_GNP.is_meta:
            return inputs_GNP.new_empty(shape)
        asked = inputs_GNP.requires_grad or weights_GFW.requires_grad
        asked = asked and torch.is_grad_enabled()
        with self._refusals():
            run = QNodes(
                _pennylane(), circuit, self.device, self.shots, self.diff_method, self.noise_model
            )
        if run.by_torch and (asked or interpreted()):
            with self._refusals():
                return self._in_parts(run, inputs_GNP, weights_GFW)
        if interpreted():
            raise ConfigurationError(self._beyond("transforms and tracing of torch"))
        if asked:
            evaluation = Evaluation(
                run,
                self._refusals,
                second_order=self._beyond("derivatives of derivatives"),
                transformed=self._beyond("transforms and tracing of torch"),
                undefined=self._beyond("derivatives by amplitudes of which some are zero"),
            )
            return once_differentiable(evaluation, inputs_GNP, weights_GFW)
        with self._refusals(), torch.no_grad():
            return self._in_parts(run, inputs_GNP, weights_GFW, derivatives=False)

    @staticmethod
    def _in_parts(
        run: QNodes, inputs_GNP: Tensor, weights_GFW: Tensor, derivatives: bool = True
    ) -> Tensor:
        weights = to_double(weights_GFW)
        parts = inputs_GNP.split(run.most_patches, dim=2)
        found = [run(to_double(part), weights, derivatives) for part in parts]
        return torch.cat(found, dim=3).to(inputs_GNP)

    def _beyond(self, what: str) -> str:
        shots = "" if self.shots is None else f" and shots={self.shots}"
        return (
            f"engine must be 'statevector', or one of {' and '.join(IN_TORCH)} without shots and "
            f"with diff_method 'best' or 'backprop', for {what}, got {self.name!r} with "
            f"diff_method={self.diff_method!r}{shots}"
        )

    @contextlib.contextmanager
    def _refusals(self) -> Iterator[None]:
        """What PennyLane refuses, in one line."""
        refused = _pennylane().exceptions
        try:
            yield
        except (refused.DeviceError, refused.QuantumFunctionError, refused.WireError) as error:
            raise ConfigurationError(
                f"engine {self.name!r} cannot evaluate this circuit with its options: {error}"
            ) from None

    def __copy__(self) -> PennyLaneEngine:
        return self

    def __deepcopy__(self, memo: dict) -> PennyLaneEngine:
        # Devices may hold connections that cannot be copied; they are shared.
        return self

    def __getstate__(self) -> dict[str, Any]:
        for option, instead in (
            ("device", "give the name of the device, such as 'default.qubit'"),
            ("noise_model", "make the engine with its noise_model where it is used"),
        ):
            try:
                pickle.dumps(getattr(self, option))
            except Exception as error:  # whatever the device raises
                raise ConfigurationError(
                    f"{option} must be one that can be pickled, got "
                    f"{shown(getattr(self, option))} ({error}): {instead}"
                ) from None
        return dict(self.__dict__)


def _pennylane() -> Any:
    try:
        import pennylane
    except ImportError:
        raise MissingExtraError("PennyLaneEngine", "pennylane") from None
    return pennylane
