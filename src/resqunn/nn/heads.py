"""Heads: from the last feature map to one score a class.

Shape suffixes: B batch, K classes, D features, A amplitudes.
"""

# Torch declares its lazy modules and parameters too loosely for a type checker.
# pyright: reportAttributeAccessIssue=false, reportCallIssue=false

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.fx import Proxy
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import UninitializedParameter

from resqunn.checks import checked
from resqunn.circuits.circuit import Circuit
from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.noise import Noise
from resqunn.circuits.readouts import ChosenZ
from resqunn.engines.base import Engine
from resqunn.engines.guard import transformed
from resqunn.engines.registry import engine as find_engine
from resqunn.engines.sampling.options import ShotGradient, ShotOptions, ShotSampling
from resqunn.errors import ConfigurationError, ShapeError, unknown_name
from resqunn.nn.circuit_module import CircuitModule
from resqunn.nn.patches import Window
from resqunn.nn.placement import draw, factory, fitting, require_computable
from resqunn.nn.quanvolution import Quanvolution
from resqunn.nn.tracing import traced_call

MAX_QUBITS = 20
"""Of a quantum head, whose circuit then reads as many amplitudes as a circuit may."""


def _check_classes(classes: int) -> None:
    if classes < 2:
        raise ConfigurationError(f"classes must be 2 or more, got {classes}")


def _flat(features: Tensor, weight: Tensor) -> Float[Tensor, "B D"]:
    features = fitting(features, weight, "features")
    if features.ndim < 2:
        raise ShapeError(f"features must have shape (B, ...), got {tuple(features.shape)}")
    return features.flatten(1)


def _check_parameters(
    head: LinearHead | QuantumHead, weight: Tensor, shape: tuple[int, ...]
) -> None:
    """Parameters may have been replaced, or moved to "meta" before they had a shape."""
    found = weight.shape
    if found != shape or len(shape) != 2:
        expected = shape if len(shape) == 2 else f"({head.classes}, features)"
        raise ShapeError(f"weight must have shape {expected}, got {tuple(found)}")


def _draw_seed(generator: torch.Generator | None) -> int:
    """A seed from `generator`, which itself could not be copied or pickled with the head."""
    # Not on a default device, from which the number could not be read where that is "meta".
    device = "cpu" if generator is None else generator.device
    return int(torch.randint(2**62, (), generator=generator, device=device))


class LinearHead(LazyModuleMixin, nn.Module):
    r"""Flatten and one dense layer (ResQuNN paper, Sec. 3.1.1): $y = W m + b$.

    Without `features` their number is taken from the first batch; until then the weights are
    uninitialised parameters, as in `nn.LazyLinear`. The values are the same either way.

    Args:
        classes: number of scores K.
        features: number of values D of a flattened feature map.
        softmax: return softmax(y) instead of y. Trained with cross entropy, which applies a
            softmax of its own, this is the paper's *double softmax*.
        generator: draws the initial weights, U[-1/sqrt(D), 1/sqrt(D)] as in `nn.Linear`.

    Shape: (B, ...) -> (B, K)

    Raises:
        ConfigurationError: for options that do not fit.
        ShapeError: from `forward`, for features that do not fit.

    >>> LinearHead(10, 49).weight.shape
    torch.Size([10, 49])
    """

    @checked
    def __init__(
        self,
        classes: int,
        features: int | None = None,
        *,
        softmax: bool = False,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        _check_classes(classes)
        if features is not None and features < 1:
            raise ConfigurationError(f"features must be 1 or more, got {features}")
        self.classes = classes
        self.softmax = softmax
        self.seed = _draw_seed(generator)
        place = factory(device, dtype)
        self.weight = UninitializedParameter(**place)
        self.bias = nn.Parameter(torch.zeros(classes, **place))
        if features is not None:
            self._materialize(features)

    def initialize_parameters(self, features: Any, *_: Any, **__: Any) -> None:
        """Gives the weights their shape and values; called with the first batch."""
        if self.has_uninitialized_params():
            count = _flat(features, self.weight).shape[1]
            if count == 0:
                raise ShapeError(f"features must hold values, got shape {tuple(features.shape)}")
            self._materialize(count)

    def _materialize(self, features: int) -> None:
        with torch.no_grad():
            self.weight.materialize((self.classes, features))
        # On the CPU, so that every device starts from the same weights.
        self.reset_parameters(torch.Generator().manual_seed(self.seed))

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draws weight and bias again; before the first batch, what they will be drawn from."""
        if self.has_uninitialized_params():
            self.seed = _draw_seed(generator)
            return
        bound = 1 / math.sqrt(self.weight.shape[1])
        for parameter in (self.weight, self.bias):
            draw(parameter, -bound, bound, generator)

    def forward(self, features: Tensor | Proxy) -> Float[Tensor, "B K"] | Proxy:
        """One score a class."""
        if isinstance(features, Proxy):
            return traced_call(self, features)
        weight = self.weight
        flat_BD = _flat(features, weight)
        _check_parameters(self, weight, (self.classes, *weight.shape[1:2]))
        if flat_BD.shape[1] != weight.shape[1]:
            raise ShapeError(
                f"features must be {weight.shape[1]}, as the head's weights are, got "
                f"{flat_BD.shape[1]}"
            )
        scores_BK = nn.functional.linear(flat_BD, weight, self.bias)
        return scores_BK.softmax(dim=1) if self.softmax else scores_BK

    def extra_repr(self) -> str:
        return f"classes={self.classes}, softmax={self.softmax}"


class QuantumHead(CircuitModule):
    r"""Amplitude encoding, RY and a CNOT chain, and one measured qubit a class.

    The features, zero-padded to $2^n$ and normalised, are the amplitudes of $n$ qubits; then
    $y_c = \langle Z_{m_c}\rangle$ after $U(\theta)$ (ResQuNN paper, Sec. 3.1.2, Eq. 15-16).
    A zero feature vector is encoded as $|0\ldots0\rangle$ with a zero derivative.

    Args:
        classes: number of scores K, one measured qubit each.
        num_qubits: n; up to 2**n features.
        measured: the K measured qubits; by default the last ones. (With few features the
            first qubits stay in |0> before the circuit and say nothing about the data.)
        softmax: return softmax(y) instead of y, the paper's *double softmax*.
        noise, shots, shot_gradient, shot_sampling, engine: as in `Quanv2d`. By the parameter-shift
            rule there are derivatives by the weights alone, since features are amplitudes.
        generator: draws the initial weights, U[0, 2 pi).

    Attributes:
        weight: (1, num_qubits), in radians.
        noise, engine, shots, shot_gradient, shot_sampling, shot_generator: as in `Quanv2d`.

    Shape: (B, ...) -> (B, K)

    Raises:
        ConfigurationError, CircuitError: for options that do not fit.
        ConfigurationError: with shots, as in `Quanv2d`.
        ShapeError: from `forward`, for features that do not fit.
    """

    @checked
    def __init__(
        self,
        classes: int,
        *,
        num_qubits: int = 10,
        measured: tuple[int, ...] | None = None,
        softmax: bool = False,
        noise: Noise | str | None = None,
        shots: int | None = None,
        shot_gradient: ShotGradient = "exact",
        shot_sampling: ShotSampling = "joint",
        engine: str | Engine = "auto",
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        _check_classes(classes)
        if not 1 <= num_qubits <= MAX_QUBITS:
            raise ConfigurationError(f"num_qubits must be 1 to {MAX_QUBITS}, got {num_qubits}")
        if measured is None:
            measured = tuple(range(max(0, num_qubits - classes), num_qubits))
        fits = len(set(measured)) == len(measured) == classes
        if not fits or not all(0 <= q < num_qubits for q in measured):
            raise ConfigurationError(
                f"measured must be {classes} different qubits of 0 to {num_qubits - 1}, one a "
                f"class, got {list(measured)}"
            )
        self.classes = classes
        self.softmax = softmax
        self.measured = tuple(measured)
        readout = ChosenZ(",".join(f"z{q}" for q in measured), self.measured)
        circuit = Circuit("amplitude", "ry_chain", readout, inputs=2**num_qubits, depth=1)
        options = ShotOptions(shots, shot_gradient, shot_sampling)
        self._set_circuit(circuit, noise, find_engine(engine), options)
        self.weight = nn.Parameter(torch.empty(circuit.weight_shape, **factory(device, dtype)))
        self.reset_parameters(generator)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draws the weights uniformly from [0, 2 pi)."""
        draw(self.weight, 0.0, 2 * math.pi, generator)

    def forward(self, features: Tensor | Proxy) -> Float[Tensor, "B K"] | Proxy:
        """One expectation value a class, or their softmax."""
        if isinstance(features, Proxy):
            return traced_call(self, features)
        circuit, weight = self.circuit, self.weight
        require_computable(weight.dtype, "weights")
        flat_BD = _flat(features, weight)
        _check_parameters(self, weight, circuit.weight_shape)
        room = circuit.num_inputs - flat_BD.shape[1]
        if room < 0:
            raise ShapeError(
                f"features must be {circuit.num_inputs} or fewer, as {circuit.num_qubits} qubits "
                f"hold, got {flat_BD.shape[1]}: use more qubits"
            )
        if self.shots is not None or (flat_BD.numel() and transformed(flat_BD, weight)):
            scores_BK = self._evaluated(flat_BD, weight)
        else:
            amplitudes_BA = nn.functional.pad(flat_BD, (0, room))
            values = self.engine.expectation_values(
                self.noisy_circuit, amplitudes_BA.T.unsqueeze(0), weight.reshape(1, 1, -1)
            )
            scores_BK = values[0, 0].T
        return scores_BK.softmax(dim=1) if self.softmax else scores_BK

    @property
    def operation(self) -> Quanvolution:
        """The head as a function of features (B, D) and weights."""
        return _rows(self.noisy_circuit)

    def extra_repr(self) -> str:
        parts = [
            f"classes={self.classes}, num_qubits={self.circuit.num_qubits}",
            f"measured={self.measured}, softmax={self.softmax}",
            *self._noise_and_shots(),
            f"engine={self._engine_in_words(filters=1)}",
        ]
        return ", ".join(parts)


@lru_cache(maxsize=256)
def _rows(circuit: GateCircuit) -> Quanvolution:
    """A quantum head as a layer without spatial dimensions: features (B, D) are its channels."""
    return Quanvolution(circuit, Window((), (), (), ()), 1, summed=False, angle_scale=1.0)


HEADS: dict[str, type[nn.Module]] = {"linear": LinearHead, "quantum": QuantumHead}


def head_class(name: str) -> type[nn.Module]:
    """The head of that name in `HEADS`.

    Raises:
        ConfigurationError: if there is none.
    """
    if name not in HEADS:
        raise unknown_name("head", name, HEADS)
    return HEADS[name]
