"""`CircuitModule`: how the circuit of a layer or a head is run, with what noise and what shots."""

from __future__ import annotations

from dataclasses import fields, replace

import torch
from torch import Tensor, nn

from resqunn.checks import require
from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.noise import Noise
from resqunn.circuits.noisy_circuit import add_noise
from resqunn.engines.base import Engine
from resqunn.engines.guard import compiling, left_out
from resqunn.engines.sampling.engine import SamplingEngine
from resqunn.engines.sampling.measuring import measurement
from resqunn.engines.sampling.options import ShotGradient, ShotOptions, ShotSampling
from resqunn.nn.quanvolution import Quanvolution


class CircuitModule(nn.Module):
    """A module whose values are those of a circuit.

    Attributes:
        circuit: without noise.
        noise: among its gates, or None.
        engine: what evaluates it.
        shots, shot_gradient, shot_sampling: as in `Quanv2d`.
        shot_generator: draws the samples; None for torch's default generator.
    """

    circuit: GateCircuit
    engine: Engine

    _noise: Noise | None = None
    _shot_options = ShotOptions()
    _shot_generator: torch.Generator | None = None

    def _set_circuit(
        self, circuit: GateCircuit, noise: Noise | str | None, engine: Engine, options: ShotOptions
    ) -> None:
        """
        Raises:
            ConfigurationError, CircuitError: for what does not fit together.
        """
        self.circuit, self.engine = circuit, engine
        self.noise = noise
        self._set_shots(options)

    @property
    def noise(self) -> Noise | None:
        """What stands among the circuit's gates, or None."""
        return self._noise

    @noise.setter
    def noise(self, value: Noise | str | None) -> None:
        require("noise", value, Noise | str | None)
        found = Noise.parse(value) if isinstance(value, str) else value
        self.engine.require(_noisy(self.circuit, found))
        self._noise = found

    @property
    def noisy_circuit(self) -> GateCircuit:
        """The circuit with noise, which is what is evaluated."""
        noise = self._noise  # torch.compile reads this, and cannot hand on what is None
        return self.circuit if noise is None else _noisy(self.circuit, noise)

    def _set_shots(self, options: ShotOptions) -> None:
        """
        Raises:
            ConfigurationError, CircuitError: for shots that do not fit the engine or the circuit.
        """
        if options.shots is not None:
            SamplingEngine(self.engine, options).require(self.noisy_circuit)
        self._shot_options = options

    @property
    def shots(self) -> int | None:
        """How often each circuit is run in each basis; None for exact values."""
        return self._shot_options.shots

    @shots.setter
    def shots(self, value: int | None) -> None:
        self._set_shots(replace(self._shot_options, shots=value))

    @property
    def shot_gradient(self) -> ShotGradient:
        """Whether derivatives are those of exact values or sampled too."""
        return self._shot_options.shot_gradient

    @shot_gradient.setter
    def shot_gradient(self, value: ShotGradient) -> None:
        self._set_shots(replace(self._shot_options, shot_gradient=value))

    @property
    def shot_sampling(self) -> ShotSampling:
        """Whether a shot reads all qubits, or each product has shots of its own."""
        return self._shot_options.shot_sampling

    @shot_sampling.setter
    def shot_sampling(self, value: ShotSampling) -> None:
        self._set_shots(replace(self._shot_options, shot_sampling=value))

    @property
    def shot_generator(self) -> torch.Generator | None:
        """What draws the samples; None for torch's default generator."""
        return self._shot_generator

    @shot_generator.setter
    def shot_generator(self, value: torch.Generator | None) -> None:
        require("shot_generator", value, torch.Generator | None)
        self._shot_generator = value

    @property
    def operation(self) -> Quanvolution:
        """The module as a function of an engine, images or features, and weights."""
        raise NotImplementedError

    def _evaluated(self, x: Tensor, weight: Tensor) -> Tensor:
        """The module's values of images or features, and weights, that fit."""
        if self.shots is None:
            return self.operation(self.engine, x, weight)
        if compiling():
            return left_out(self._sampled, x, weight)
        return self._sampled(x, weight)

    def _sampled(self, x: Tensor, weight: Tensor) -> Tensor:
        sampling = SamplingEngine(self.engine, self._shot_options, self._shot_generator)
        sampling.require_plain()
        return self.operation.by_patches(sampling, x, weight)

    def _noise_and_shots(self) -> list[str]:
        """What `extra_repr` says of them."""
        parts = [] if self.noise is None else [f"noise={self.noise!r}"]
        for field in fields(ShotOptions) if self.shots is not None else ():
            value = getattr(self, field.name)
            if value != field.default:
                parts.append(f"{field.name}={value!r}")
        return parts

    def _engine_in_words(self, filters: int) -> str:
        run = self.noisy_circuit.runs[0]
        sampled = self.shots is not None
        circuit = measurement(run, self.shot_sampling).circuit if sampled else run.circuit
        return self.engine.chosen_for(circuit, filters)


def _noisy(circuit: GateCircuit, noise: Noise | None) -> GateCircuit:
    return add_noise(circuit, noise)


# torch.compile runs it, as in statevector/plan.py: it cannot read a function that is kept.
_noisy._dynamo_marked_constant = True  # pyright: ignore[reportFunctionMemberAccess]
