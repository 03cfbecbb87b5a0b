r"""Values as a quantum computer gives them: means of finitely many samples.

An engine computes the exact means of what is measured, samples are drawn of these, and each value
is a function of its samples alone. Derivatives are those of the exact expectation values, or are
sampled too, by the parameter-shift rule.

Shape suffixes as in `base.py`, and C circuits (groups and filters), W products of Z.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from resqunn.checks import check_fields
from resqunn.circuits.gate_circuit import GateCircuit, Run
from resqunn.engines.base import Engine
from resqunn.engines.first_order import undifferentiable
from resqunn.engines.guard import compiling, interpreted, left_out
from resqunn.engines.sampling.measuring import Joint, Measurement, measurement
from resqunn.engines.sampling.options import ShotOptions
from resqunn.engines.sampling.shifts import MOST_NUMBERS, shift_gradients
from resqunn.errors import CircuitError, ConfigurationError

MOST_JOINT = 12
"""Qubits that are read together: there are 2**n outcomes."""


@dataclass(frozen=True)
class SamplingEngine(Engine):
    r"""Means of samples, of circuits that another engine evaluates.

    Every circuit, of each filter on each patch, is run `shots` times in each basis that it is
    measured in. With joint sampling a shot reads all qubits: the counts of the outcomes are
    multinomial, and values of one basis are correlated as the observables are in the state. With
    independent sampling each product of Pauli matrices has shots of its own: it is
    $2k/\text{shots} - 1$ with k binomial, and products are not correlated. Either way values are
    unbiased: their expectation is the exact expectation value, of a bit that readout noise flips
    with the flips. Variances are those of the samples themselves, $\overline{O^2} -
    \overline{O}^2$ with both means from the samples, whose expectation is below the exact
    variance, by a factor of $1 - 1/\text{shots}$ where one basis measures all of O jointly.

    Samples are drawn anew at each call, and so are those of the parameter-shift rule

    $$\frac{\partial f}{\partial t} = \frac{f(t + \pi/2) - f(t - \pi/2)}{2},$$

    which each occurrence of an input or a weight in a rotation takes by itself (Mitarai et al.,
    arXiv:1803.00745; Schuld et al., arXiv:1811.11184). Derivatives by `shot_gradient="exact"` are
    those of the exact expectation values; of a variance, which is no linear function of samples,
    the derivative is $\partial\langle O^2\rangle - 2\, \overline{O}\, \partial\langle O\rangle$,
    either way an unbiased estimate of the exact variance's.

    Attributes:
        engine: evaluates the circuits.
        options: with a number of shots.
        generator: draws the samples; None for torch's default one, as `nn.Dropout` does.

    Raises:
        ConfigurationError: for options that do not fit; from a call, or on the way back, for
            derivatives of derivatives, for derivatives by amplitudes with
            `shot_gradient="parameter-shift"`, and for torch's transforms and tracing.
        CircuitError: for joint sampling of more than 12 qubits, or what `engine` cannot evaluate.
    """

    engine: Engine
    options: ShotOptions
    generator: torch.Generator | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        others = getattr(self.engine, "shots", None)
        if others is not None:
            raise ConfigurationError(
                f"shots must be given once, got shots={self.shots} and an engine "
                f"{self.engine.name!r} with shots={others}"
            )

    @property
    def shots(self) -> int:
        """How often each circuit is run in each basis."""
        assert self.options.shots is not None
        return self.options.shots

    @property
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.engine.name

    def require(self, circuit: GateCircuit) -> None:
        self.engine.require(circuit)
        for of_run in map(self._measurement, circuit.runs):
            if isinstance(of_run, Joint) and len(of_run.qubits) > MOST_JOINT:
                raise CircuitError(
                    f"shot_sampling must be 'independent', or a readout one of {MOST_JOINT} qubits "
                    f"or fewer, got joint sampling of {len(of_run.qubits)} qubits"
                )
            try:
                self.engine.require(of_run.circuit)
            except CircuitError as error:
                raise CircuitError(
                    "shot_sampling must be 'independent' for this engine, got 'joint', for which "
                    f"it evaluates all products of the Z that are read: {error}"
                ) from None

    def evaluate(
        self,
        circuit: GateCircuit,
        inputs_GNP: Float[Tensor, "G N P"],
        weights_GFW: Float[Tensor, "G F W"],
    ) -> Float[Tensor, "G F R P"]:
        return self.evaluate_run(circuit.runs[0], inputs_GNP, weights_GFW)

    def evaluate_run(
        self,
        run: Run,
        inputs_GNP: Float[Tensor, "G N P"],
        weights_GFW: Float[Tensor, "G F W"],
    ) -> Float[Tensor, "G F R P"]:
        if compiling():
            return left_out(self.evaluate_run, run, inputs_GNP, weights_GFW)
        self.require_plain()
        if inputs_GNP.is_meta:
            return self.engine.evaluate(run.circuit, inputs_GNP, weights_GFW)
        if self.options.shot_gradient == "parameter-shift" and run.circuit.prepares_amplitudes:
            inputs_GNP = undifferentiable(
                "shot_gradient must be 'exact' for derivatives by amplitudes, which no gate turns "
                "by, got 'parameter-shift'",
                inputs_GNP,
            )
        return _Sampled.apply(self, run, inputs_GNP, weights_GFW)

    def require_plain(self) -> None:
        """
        Raises:
            ConfigurationError: while torch transforms or traces.
        """
        if interpreted():
            raise self.refusal("transforms and tracing of torch")

    def refusal(self, what: str) -> ConfigurationError:
        """The error for what samples cannot do."""
        return ConfigurationError(f"shots must be None for {what}, got shots={self.shots}")

    def sampled(self, run: Run, inputs_GNP: Tensor, weights_GFW: Tensor) -> Tensor:
        """Samples (G, F, R, P), without derivatives."""
        of_run = self._measurement(run)
        parts = [
            self._drawn(of_run, inputs_GNP[:, :, chunk], weights_GFW)
            for chunk in _chunks(of_run, inputs_GNP, weights_GFW)
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=3)

    def _drawn(self, of_run: Measurement, inputs_GNP: Tensor, weights_GFW: Tensor) -> Tensor:
        groups, filters, _ = weights_GFW.shape
        if of_run.products:
            means = self.engine.evaluate(of_run.circuit, inputs_GNP, weights_GFW)
        else:  # nothing is measured
            means = inputs_GNP.new_empty(groups, filters, 0, inputs_GNP.shape[2])
        values_CRP = of_run.sampled(means.flatten(0, 1), self.shots, self.generator)
        return values_CRP.unflatten(0, (groups, filters))

    def _measurement(self, run: Run) -> Measurement:
        return measurement(run, self.options.shot_sampling)

    def gradients_of_run(
        self,
        run: Run,
        tensors: tuple[Tensor, Tensor],
        cotangents: Tensor,
        wanted: tuple[bool, bool],
    ) -> tuple[Tensor | None, Tensor | None]:
        """The derivatives, exact or of new samples, by inputs and by weights."""
        if self.options.shot_gradient == "exact":
            return self.engine.gradients(run.circuit, tensors, cotangents, wanted)
        size = self._measurement(run).size
        return shift_gradients(self.sampled, run, size, tensors, cotangents, wanted)


def _chunks(of_run: Measurement, inputs_GNP: Tensor, weights_GFW: Tensor) -> Iterator[slice]:
    """Patches whose samples are drawn together; one empty chunk of none."""
    groups, filters, _ = weights_GFW.shape
    size = max(1, MOST_NUMBERS // max(1, groups * filters * of_run.size))
    patches = inputs_GNP.shape[2]
    for first in range(0, max(patches, 1), size):
        yield slice(first, min(first + size, patches))


class _Sampled(torch.autograd.Function):
    """Samples of a run, with derivatives."""

    @staticmethod
    def forward(
        ctx: Any, engine: SamplingEngine, run: Run, inputs_GNP: Tensor, weights_GFW: Tensor
    ) -> Tensor:
        ctx.save_for_backward(inputs_GNP, weights_GFW)
        ctx.engine, ctx.run = engine, run
        return engine.sampled(run, inputs_GNP, weights_GFW)

    @staticmethod
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, cotangents: Tensor
    ) -> tuple[None, None, Tensor | None, Tensor | None]:
        engine: SamplingEngine = ctx.engine
        engine.require_plain()
        tensors, wanted = ctx.saved_tensors, ctx.needs_input_grad[2:]
        with torch.no_grad():
            found = engine.gradients_of_run(ctx.run, tensors, cotangents, wanted)
        if torch.is_grad_enabled():
            message = str(engine.refusal("derivatives of derivatives"))
            by_inputs, by_weights = (
                None if each is None else undifferentiable(message, each, *tensors, cotangents)
                for each in found
            )
            return None, None, by_inputs, by_weights
        return None, None, *found
