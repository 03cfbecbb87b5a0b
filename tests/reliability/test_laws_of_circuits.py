"""Laws that hold for every circuit and engine, tried on examples that hypothesis draws."""

import random
from dataclasses import dataclass

import torch
from torch import Tensor

from resqunn.circuits.circuit import Circuit
from resqunn.circuits.observables import Observable
from resqunn.circuits.operations import Angle, Input, Weight
from resqunn.circuits.readouts import Readout

from reliability.laws import Holds, able, drawn_case
from support import MULTIPLYING, any_circuit, random_arguments, values_and_gradients


@dataclass(frozen=True)
class Probabilities(Readout):
    """The probability of each basis state, from all products of Pauli Z."""

    name: str = "probabilities"

    def observables(self, qubits: int) -> tuple[Observable, ...]:
        states = range(2**qubits)
        supports = [tuple(q for q in range(qubits) if s >> q & 1) for s in states]
        return tuple(
            Observable(tuple(((-1) ** sum(t >> q & 1 for q in s) / 2**qubits, s) for s in supports))
            for t in states
        )


def test_states_are_normalised(holds: Holds) -> None:
    def law(rng: random.Random) -> None:
        _, drawn, (inputs, weights, _) = drawn_case(rng)
        large = 1e4 if drawn.encoding.name in MULTIPLYING else 1e200
        scale = rng.choice([0.0, 1e-200, 1.0, 1e4, large])
        parts = {name: getattr(drawn, name) for name in ("encoding", "ansatz", "depth", "reupload")}
        circuit = Circuit(readout=Probabilities(), inputs=drawn.num_inputs, **parts)
        found = rng.choice(able(circuit)).expectation_values(circuit, scale * inputs, weights)
        assert float(found.min()) > -1e-12
        assert float((found.sum(dim=2) - 1).abs().max()) < 1e-12

    holds(law)


def test_readouts_lie_between_minus_one_and_one(holds: Holds) -> None:
    def law(rng: random.Random) -> None:
        chosen, circuit, (inputs, weights, _) = drawn_case(rng)
        large = 1e4 if circuit.encoding.name in MULTIPLYING else 1e30
        scale = rng.choice([0.0, 1e-30, 1.0, 1e4, large])
        dtype = rng.choice([torch.float32, torch.float64])
        found = chosen.expectation_values(circuit, scale * inputs.to(dtype), weights.to(dtype))
        assert float(found.abs().max()) <= 1 + 20 * torch.finfo(dtype).eps

    holds(law)


def test_angles_have_a_period_of_two_pi(holds: Holds) -> None:
    def law(rng: random.Random) -> None:
        chosen, circuit, (inputs, weights, cotangent) = drawn_case(rng, parts=False)
        generator = torch.Generator().manual_seed(rng.getrandbits(32))
        by_inputs, by_weights = (
            torch.randint(-3, 4, angles.shape, generator=generator).double() * 2 * torch.pi
            for angles in (inputs, weights)
        )
        if circuit.encoding.prepares_amplitudes:
            by_inputs = 0
        here = values_and_gradients(chosen, circuit, inputs, weights, cotangent)
        there = values_and_gradients(
            chosen, circuit, inputs + by_inputs, weights + by_weights, cotangent
        )
        for a, b in zip(here, there, strict=True):
            assert torch.allclose(a, b, rtol=0, atol=1e-11)

    holds(law)


def shifts(circuit: Circuit, angle: Angle) -> tuple[Tensor, Tensor]:
    """Where to evaluate, and with which factors, for the derivative by an angle of R gates.

    The 2R-term rule of Wierichs et al. (arXiv:2107.12390); for R = 1 it is half the
    difference at a quarter turn ahead and behind.
    """
    count = sum(operation.angle == angle for operation in circuit.operations)
    odd = 2.0 * torch.arange(1, 2 * count + 1, dtype=torch.float64) - 1
    at = odd * torch.pi / (2 * max(count, 1))
    sign = 1 - 2 * (torch.arange(2 * count) % 2)
    return at, sign / (4 * count * (at / 2).sin() ** 2)


def test_gradients_follow_the_parameter_shift_rule(holds: Holds) -> None:
    def law(rng: random.Random) -> None:
        chosen, circuit, (inputs, weights, cotangent) = drawn_case(rng, parts=False)
        _, by_inputs, by_weights = values_and_gradients(chosen, circuit, inputs, weights, cotangent)
        for index in range(circuit.num_weights):
            at, factors = shifts(circuit, Weight(index))
            shifted = weights.repeat_interleave(len(at), dim=1)  # shifts as filters
            shifted[:, :, index] += at.repeat(2)
            values = chosen.expectation_values(circuit, inputs, shifted).unflatten(1, (2, len(at)))
            expected = torch.einsum("gfsrp,s,gfrp->gf", values, factors, cotangent)
            assert torch.allclose(by_weights[:, :, index], expected, rtol=0, atol=1e-10)
        if circuit.encoding.prepares_amplitudes:
            return
        for index in range(circuit.num_inputs):
            at, factors = shifts(circuit, Input(index))
            shifted = inputs.repeat_interleave(len(at), dim=2)  # shifts as patches
            shifted[:, index] += at.repeat(inputs.shape[2])
            values = chosen.expectation_values(circuit, shifted, weights).unflatten(
                3, (inputs.shape[2], len(at))
            )
            expected = torch.einsum("gfrps,s,gfrp->gp", values, factors, cotangent)
            assert torch.allclose(by_inputs[:, index], expected, rtol=0, atol=1e-10)

    holds(law)


def test_amplitudes_follow_a_parameter_shift_rule_too(holds: Holds) -> None:
    def law(rng: random.Random) -> None:
        seed = rng.getrandbits(32)
        drawn = any_circuit(seed, max_qubits=4, max_depth=3, parts=False)
        parts = {part: getattr(drawn, part) for part in ("ansatz", "readout", "depth")}
        values = rng.randint(2 ** (drawn.num_qubits - 1) + 1, 2**drawn.num_qubits)
        circuit = Circuit("amplitude", **parts, inputs=values)
        inputs, weights, cotangent = random_arguments(circuit, seed, 1, 1, 1)
        norm = inputs.norm()
        unit = inputs[0, :, 0] / norm
        # On the circle through x and a direction across it, readouts have a period of pi.
        across = torch.eye(circuit.num_inputs, dtype=torch.float64) - torch.outer(unit, unit)
        lengths = across.norm(dim=1)
        across = across / lengths.clamp(min=1e-300)[:, None]
        ahead, behind = ((unit + sign * across).T[None] for sign in (1, -1))
        for chosen in able(circuit):
            _, found, _ = values_and_gradients(chosen, circuit, inputs, weights, cotangent)
            shifted = [chosen.expectation_values(circuit, x, weights) for x in (ahead, behind)]
            expected = ((shifted[0] - shifted[1]) * cotangent).sum(dim=2)[0, 0] * lengths / norm
            assert torch.allclose(found[0, :, 0], expected, rtol=1e-10, atol=1e-10)

    holds(law)
