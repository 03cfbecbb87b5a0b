"""Heads: from the last feature map to one score a class.

Shape suffixes: B batch, K classes, D features, A amplitudes.
"""

# Torch declares its lazy modules and parameters too loosely for a type checker.
# pyright: reportAttributeAccessIssue=false, reportCallIssue=false

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import UninitializedParameter

from resqunn.checks import checked
from resqunn.circuits.circuit import Circuit
from resqunn.circuits.readouts import ChosenZ
from resqunn.engines.base import Engine
from resqunn.engines.registry import engine as find_engine
from resqunn.errors import ConfigurationError, ShapeError
from resqunn.nn.placement import factory, fitting, require_computable

MAX_QUBITS = 30
"""Of a quantum head; its engine may refuse fewer."""


def _check_classes(classes: int) -> None:
    if classes < 2:
        raise ConfigurationError(f"a head tells at least 2 classes apart, not {classes}")


def _flat(features: Tensor, weight: Tensor) -> Float[Tensor, "B D"]:
    features = fitting(features, weight, "features")
    if features.ndim < 2:
        raise ShapeError(f"features are (B, ...), not of shape {tuple(features.shape)}")
    return features.flatten(1)


def _draw_seed(generator: torch.Generator | None) -> int:
    """A seed from `generator`, which itself could not be copied or pickled with the head."""
    return int(torch.randint(2**62, (), generator=generator))


class LinearHead(LazyModuleMixin, nn.Module):
    r"""Flatten and one dense layer (ResQuNN paper, Sec. 3.1.1): $y = W m + b$.

    The number of features is taken from the first batch; until then the weights are
    uninitialised parameters, as in `nn.LazyLinear`.

    Args:
        classes: number of scores K.
        softmax: return softmax(y) instead of y. Trained with cross entropy, which applies a
            softmax of its own, this is the paper's *double softmax*.
        generator: draws the initial weights, U[-1/sqrt(D), 1/sqrt(D)] as in `nn.Linear`.

    Shape: (B, ...) -> (B, K)

    Raises:
        ShapeError: from `forward`, for features that do not fit.
    """

    @checked
    def __init__(
        self,
        classes: int,
        *,
        softmax: bool = False,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        _check_classes(classes)
        self.classes = classes
        self.softmax = softmax
        self.seed = _draw_seed(generator)
        place = factory(device, dtype)
        self.weight = UninitializedParameter(**place)
        self.bias = nn.Parameter(torch.zeros(classes, **place))

    def initialize_parameters(self, features: Tensor, *_: Any, **__: Any) -> None:
        """Gives the weights their shape and values; called with the first batch."""
        if self.has_uninitialized_params():
            count = _flat(features, self.weight).shape[1]
            if count == 0:
                raise ShapeError(f"features of shape {tuple(features.shape)} hold no values")
            with torch.no_grad():
                self.weight.materialize((self.classes, count))
            self.reset_parameters(torch.Generator().manual_seed(self.seed))

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draws weight and bias anew, or, before the first batch, from what they will be drawn."""
        if self.has_uninitialized_params():
            self.seed = _draw_seed(generator)
            return
        bound = 1 / math.sqrt(self.weight.shape[1])
        with torch.no_grad():
            for parameter in (self.weight, self.bias):
                # Drawn on the CPU, so that every device starts from the same weights.
                drawn = torch.empty(parameter.shape, dtype=parameter.dtype)
                parameter.copy_(drawn.uniform_(-bound, bound, generator=generator))

    def forward(self, features: Tensor) -> Float[Tensor, "B K"]:
        """One score a class."""
        flat_BD = _flat(features, self.weight)
        if flat_BD.shape[1] != self.weight.shape[1]:
            raise ShapeError(
                f"the head was built for {self.weight.shape[1]} features, not {flat_BD.shape[1]}"
            )
        scores_BK = nn.functional.linear(flat_BD, self.weight, self.bias)
        return scores_BK.softmax(dim=1) if self.softmax else scores_BK

    def extra_repr(self) -> str:
        return f"classes={self.classes}, softmax={self.softmax}"


class QuantumHead(nn.Module):
    r"""Amplitude encoding, RY and a CNOT chain, and one measured qubit a class.

    The features, zero-padded to $2^n$ and normalised, are the amplitudes of $n$ qubits; then
    $y_c = \langle Z_{m_c}\rangle$ after $U(\theta)$ (ResQuNN paper, Sec. 3.1.2, Eq. 15-16).
    A zero feature vector is encoded as $|0\ldots0\rangle$ with a zero derivative.

    Args:
        classes: number of scores K, one measured qubit each.
        qubits: n; up to 2**n features.
        measured: the K measured qubits; by default the last ones. (With few features the
            first qubits stay in |0> before the circuit and say nothing about the data.)
        softmax: return softmax(y) instead of y, the paper's *double softmax*.
        engine: as in `Quanv2d`.
        generator: draws the initial weights, U[0, 2 pi).

    Attributes:
        weight: (1, qubits), in radians.

    Shape: (B, ...) -> (B, K)

    Raises:
        ConfigurationError, CircuitError: for options that do not fit.
        ShapeError: from `forward`, for features that do not fit.
    """

    @checked
    def __init__(
        self,
        classes: int,
        qubits: int = 10,
        measured: tuple[int, ...] | None = None,
        *,
        softmax: bool = False,
        engine: str | Engine = "auto",
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        _check_classes(classes)
        if not 1 <= qubits <= MAX_QUBITS:
            raise ConfigurationError(f"qubits is 1 to {MAX_QUBITS}, not {qubits}")
        if measured is None:
            measured = tuple(range(max(0, qubits - classes), qubits))
        fits = len(set(measured)) == len(measured) == classes
        if not fits or not all(0 <= q < qubits for q in measured):
            raise ConfigurationError(
                f"{classes} classes need {classes} different measured qubits among 0 to "
                f"{qubits - 1}, not {list(measured)}"
            )
        self.classes = classes
        self.softmax = softmax
        self.measured = tuple(measured)
        readout = ChosenZ(",".join(f"z{q}" for q in measured), self.measured)
        self.circuit = Circuit("amplitude", "ry_chain", readout, inputs=2**qubits, depth=1)
        self.engine = find_engine(engine)
        self.engine.require(self.circuit)
        self.weight = nn.Parameter(torch.empty(self.circuit.weight_shape, **factory(device, dtype)))
        self.reset_parameters(generator)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draws the weights uniformly from [0, 2 pi)."""
        with torch.no_grad():
            self.weight.uniform_(0.0, 2 * math.pi, generator=generator)

    def forward(self, features: Tensor) -> Float[Tensor, "B K"]:
        """One expectation value a class, or their softmax."""
        require_computable(self.weight.dtype)
        flat_BD = _flat(features, self.weight)
        room = self.circuit.num_inputs - flat_BD.shape[1]
        if room < 0:
            raise ShapeError(
                f"{flat_BD.shape[1]} features do not fit into {self.circuit.num_qubits} qubits, "
                f"which hold {self.circuit.num_inputs}: use more qubits"
            )
        amplitudes_BA = nn.functional.pad(flat_BD, (0, room))
        values = self.engine.expectation_values(
            self.circuit, amplitudes_BA.T.unsqueeze(0), self.weight.reshape(1, 1, -1)
        )
        scores_BK = values[0, 0].T
        return scores_BK.softmax(dim=1) if self.softmax else scores_BK

    def extra_repr(self) -> str:
        engine = self.engine.chosen_for(self.circuit, self.weight.dtype)
        return (
            f"classes={self.classes}, qubits={self.circuit.num_qubits}, measured={self.measured}, "
            f"softmax={self.softmax}, engine={engine}"
        )
