"""What `from_pennylane` refuses, in one line that says what to do."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pennylane as qml
import pytest
import torch
from torch import Tensor

from resqunn import from_pennylane
from resqunn.errors import CircuitError, ConfigurationError, ResqunnError

Body = Callable[[Tensor, Tensor], Any]


def of(body: Body, measure: Callable[[], Any] | None = None) -> Callable[[Tensor, Tensor], Any]:
    def function(inputs: Tensor, weights: Tensor) -> Any:
        for q in range(2):
            qml.RY(inputs[q], wires=q)
            qml.RX(weights[q], wires=q)
        body(inputs, weights)
        return [qml.expval(qml.Z(0))] if measure is None else measure()

    return function


def alone(body: Body) -> Callable[[Tensor, Tensor], Any]:
    def function(inputs: Tensor, weights: Tensor) -> Any:
        body(inputs, weights)
        return qml.expval(qml.Z(0))

    return function


def turn(angle: Callable[[Tensor], Any]) -> Callable[[Tensor, Tensor], Any]:
    return of(lambda x, w: qml.RX(angle(x), wires=0))


def nothing(x: Tensor, w: Tensor) -> None:
    pass


def middle(x: Tensor, w: Tensor) -> None:
    qml.cond(qml.measure(0), qml.X)(1)


def branch(x: Tensor, w: Tensor) -> None:
    if x[0] > 0.5:
        qml.X(0)


def chosen_by_numpy(x: Tensor, w: Tensor) -> None:
    if x.detach().numpy()[0] > 0.7:
        qml.X(0)


def without_gradient(x: Tensor) -> Tensor:
    with torch.no_grad():
        return 2 * x[0]


LARGE = 1.5 * 2.0**52
TRAINED = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)


class Stairs(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return 2 * x

    @staticmethod
    def backward(ctx: Any, by: Tensor) -> Tensor:
        return 2 * by


def numbers_in_a_mask(x: Tensor) -> Tensor:
    mask = torch.zeros(2, dtype=torch.bool)
    mask[0] = torch.relu(x[0] - 0.97)
    return mask[0] * x[1]


def masked(x: Tensor) -> Tensor:
    y = x.clone()
    y[1:].masked_fill_(x[1:] > 0.97, 0.0)
    return y[1]


def bounded(x: Tensor) -> Tensor:
    y = x.clone()
    y[:2].clamp_max_(0.97)
    return y[1]


def floors(x: Tensor) -> Tensor:
    y = torch.zeros(2, dtype=torch.float64)
    y[0] = torch.floor(torch.relu(x[1]))
    return y[0] + x[0]


def nested(x: Tensor) -> Tensor:
    for _ in range(200):
        x = torch.sin(x)
    return x[0]


def of_numpy(x: Tensor, w: Tensor) -> None:
    for q in range(2):
        qml.RY(float(x.detach().numpy()[q]), wires=q)


def first_alone(calls: list[None]) -> Callable[[Tensor, Tensor], None]:
    def applied(x: Tensor, w: Tensor) -> None:
        calls.append(None)
        if len(calls) == 1:
            qml.RX(0.1, wires=0)

    return applied


LEFT = "which gates there are, or an angle, depends on values that have left torch"
COUNTED = "of whole numbers or conditions as real numbers are not"
VALUES = "which gates there are, or a number that leaves torch, depends on values"
OTHERS = "function must have the same gates at all inputs and weights"
DRAWN = "function must have the same gates whenever it is called, got random ones: draw"
UNSEEN = "an angle depends on values in a way that torch does not see"
MIDDLE = "function must measure at the end alone"
KINDS = "function must return expectation values, variances or probabilities of wires"
RANDOM = "function must record the same angles whenever it is called, got random numbers"

REFUSED: dict[str, tuple[Any, str]] = {
    "a measurement in the middle": (of(middle), MIDDLE),
    "a measured bit": (of(nothing, lambda: qml.expval(qml.measure(0))), MIDDLE),
    "a condition on an input": (of(branch), VALUES),
    "item": (turn(lambda x: x[0].item()), VALUES),
    "float": (turn(lambda x: float(x[0])), VALUES),
    "bits of inputs": (of(lambda x, w: qml.BasisState((x[:2] > 0.5).int(), wires=[0, 1])), LEFT),
    "a place that depends on values": (turn(lambda x: x[torch.argmax(x)]), VALUES),
    "all through NumPy": (alone(of_numpy), LEFT),
    "one through NumPy": (turn(lambda x: torch.tensor(np.sin(x[0].detach().numpy()))), LEFT),
    "NumPy's random numbers": (turn(lambda x: np.random.rand()), UNSEEN),
    "torch's random numbers": (turn(lambda x: torch.rand(())), RANDOM),
    "random numbers like inputs": (turn(lambda x: torch.rand_like(x)[0]), RANDOM),
    "random layers without a seed": (
        of(lambda x, w: qml.RandomLayers(w.reshape(1, 2), wires=[0, 1], seed=None)),
        DRAWN,
    ),
    "a gate of the first call alone": (of(first_alone([])), OTHERS),
    "a gate chosen by NumPy": (of(chosen_by_numpy), LEFT),
    "basis embedding": (
        alone(lambda x, w: qml.BasisEmbedding(x, wires=range(4))),
        r"bits are given by qml.RX\(torch.pi \* torch.where\(x > 0.5, 1, 0\)\)",
    ),
    "a channel": (of(lambda x, w: qml.DepolarizingChannel(0.1, wires=0)), "without channels"),
    "no inputs": (alone(lambda x, w: qml.RX(w[0], wires=0)), "depend on the inputs"),
    "no gradient": (turn(without_gradient), "got torch.no_grad or an"),
    "whole numbers": (
        turn(lambda x: x[0].long() * 1.0),
        "of whole numbers or conditions as real numbers are not",
    ),
    "round": (turn(lambda x: torch.round(x[0])), "computed by torch's 'round'"),
    "a sort": (turn(lambda x: torch.sort(x).values[0]), "computed by torch's 'sort'"),
    "amplitudes after gates": (
        of(lambda x, w: qml.AmplitudeEmbedding(x, wires=[0, 1], normalize=True)),
        "AmplitudeEmbedding of inputs must be the first operation",
    ),
    "amplitudes not normalised": (
        alone(lambda x, w: qml.AmplitudeEmbedding(x, wires=[0, 1])),
        "amplitudes must be normalised at all inputs",
    ),
    "amplitudes of weights": (
        of(lambda x, w: qml.AmplitudeEmbedding(w, wires=[0], normalize=True)),
        "must be the first operation",
    ),
    "a unitary of weights": (
        of(lambda x, w: qml.QubitUnitary(torch.diag(torch.exp(1j * w)), wires=0)),
        "an angle is computed of complex numbers",
    ),
    "two patches": (turn(lambda x: torch.stack([x[0], x[1]])), "an angle must be one number"),
    "a root of a gate": (of(lambda x, w: qml.pow(qml.RX(7.0, 0), 0.5)), "without roots of gates"),
    "a matrix that is not unitary": (
        of(lambda x, w: qml.QubitUnitary(np.array([[1, 1], [1, -1]]) * 0.7071, 0)),
        "operations must be unitary, got a QubitUnitary that is not",
    ),
    "decay": (of(lambda x, w: qml.exp(qml.Identity(0), -0.5)), "operations must be unitary"),
    "sums of conditions": (turn(lambda x: ((x[0] > 0.97) + (x[1] > 0.97)) * 1.0), COUNTED),
    "a condition of numbers": (
        turn(lambda x: torch.where(torch.logical_or(x[0], x[1]), 1.0, 0.0)),
        "'logical_or' must be given conditions",
    ),
    "numbers in a mask": (turn(numbers_in_a_mask), COUNTED),
    "masks that are written": (turn(masked), "computed by torch's 'masked_fill_'"),
    "bounds that are written": (turn(bounded), "computed by torch's 'clamp_max_'"),
    "what is unknown, written": (turn(floors), "computed by torch's 'floor'"),
    "bounds that are computed": (turn(lambda x: torch.clamp(x[0], x[1], x[2])), "by bounds"),
    "a count of values": (turn(lambda x: len((x > 0.97).nonzero()) * 1.0), COUNTED),
    "values chosen by a mask": (turn(lambda x: x[x > -9].sum()), "which values are read depends"),
    "single precision": (turn(lambda x: x[0].float()), "in single precision or less"),
    "a derivative of its own": (turn(lambda x: Stairs.apply(x)[0]), "or an autograd.Function"),
    "rounding by a large number": (
        turn(lambda x: x[0] + LARGE - LARGE),
        "must give what its gates",
    ),
    "the sign of a zero": (turn(lambda x: torch.atan2(x[0], torch.tensor(-0.0))), "of -0.0"),
    "a trained tensor": (turn(lambda x: x[0] * TRAINED), "make it one of the weights"),
    "deep nests": (turn(nested), "nested 100 deep or less"),
    "an index that is not there": (
        turn(lambda x: x[4]),
        "index 4 is out of bounds for dimension 0",
    ),
    "nothing measured": (of(nothing, lambda: None), "must return what it measures, got nothing"),
    "a state": (of(nothing, qml.state), KINDS),
    "samples": (of(nothing, lambda: qml.sample(wires=0)), KINDS),
    "counts": (of(nothing, lambda: qml.counts()), KINDS),
    "probabilities of a basis": (of(nothing, lambda: qml.probs(op=qml.X(0))), KINDS),
    "probabilities of no wires": (of(nothing, lambda: qml.probs()), "probs must be given wires"),
    "an error": (turn(lambda x: x.nothing), "cannot be recorded: 'Tensor' object has no attribute"),
    "shots": (
        qml.set_shots(qml.QNode(of(nothing), qml.device("default.qubit")), shots=10),
        "must be a QNode without shots",
    ),
    "a transform": (
        qml.transforms.merge_rotations(qml.QNode(of(nothing), qml.device("default.qubit"))),
        "must be a QNode without transforms, .* got merge_rotations",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    function, message = REFUSED[name]
    with pytest.raises(CircuitError, match=message) as caught:
        from_pennylane(function, 4, {"weights": (2,)})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("measure", "message"),
    [
        (lambda w: qml.expval(w[0] * qml.Z(0)), "an observable must be fixed"),
        (lambda w: qml.expval((1 + w[0] - w[0].detach()) * qml.Z(0)), "an observable must be fix"),
        (lambda w: qml.var(qml.Hermitian([[1, 1], [0, 1]], 0)), "must give what its gates do"),
        (lambda w: qml.expval(qml.Hermitian(w[0] * torch.eye(2), 0)), "an observable must be fix"),
    ],
)
def test_observables(measure: Callable[[Tensor], Any], message: str) -> None:
    def function(inputs: Tensor, weights: Tensor) -> Any:
        qml.RX(inputs[0], wires=0)
        return measure(weights)

    with pytest.raises(CircuitError, match=message):
        from_pennylane(function, 1, (1,))


def test_noisy_devices() -> None:
    model = qml.NoiseModel({qml.noise.op_in(["RX"]): qml.noise.partial_wires(qml.BitFlip, 0.3)})
    device = qml.noise.add_noise(qml.device("default.mixed", wires=2), model)
    with pytest.raises(CircuitError, match="on a device that changes nothing"):
        from_pennylane(qml.QNode(of(nothing), device), 4, (2,))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"inputs": 0}, "inputs must be a whole number, 1 or more, got 0"),
        ({"inputs": True}, "inputs must be a whole number, 1 or more, got True"),
        ({"weights": (2, -1)}, r"weights must be whole numbers, 1 or more, got \(2, -1\)"),
        ({"weights": {"weights": (2, 0)}}, "the shape of weights must be whole numbers"),
        ({"weights": {"inputs": 2}}, "weights must have names of their own, got 'inputs'"),
        ({"weights": {"other": 2}}, r"must be parameters of function \(inputs, weights\), got ot"),
        ({"weights": {"weights": 2, "more": 1}}, "must be parameters of function .* got more"),
        ({}, "weights must have the shapes of weights too, got none"),
        ({"function": 3}, "function must be a function or QNode, got 3"),
    ],
)
def test_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises((ConfigurationError, CircuitError), match=message):
        from_pennylane(**{"function": of(nothing), "inputs": 4, **arguments})


def test_a_function_without_inputs() -> None:
    with pytest.raises(ResqunnError, match="function must have a parameter for the inputs"):
        from_pennylane(lambda: qml.expval(qml.Z(0)))


def of_two(first: str, second: str, patch: str, weights: str) -> Callable[..., Any]:
    """A function of two parameters of these names, in this order."""
    scope: dict[str, Any] = {"qml": qml}
    exec(
        f"def circuit({first}, {second}):\n"
        f"    qml.RX({patch}[0], wires=0)\n"
        f"    qml.RY({weights}[0], wires=0)\n"
        "    return qml.expval(qml.Z(0))\n",
        scope,
    )
    return scope["circuit"]


@pytest.mark.parametrize(
    "names", [("theta", "x"), ("weights", "x"), ("params", "data"), ("W", "X")]
)
def test_weights_that_come_first_are_not_taken_for_the_patch(names: tuple[str, str]) -> None:
    first, second = names
    circuit = of_two(first, second, patch=second, weights=first)
    with pytest.raises(CircuitError, match=f"given by name.*'{first}'.*'{second}'"):
        from_pennylane(circuit, 2, 2)
    found = from_pennylane(circuit, 2, {first: (2,)})
    assert "RX(x0)" in str(found.draw())
    assert "RY(w0)" in str(found.draw())


@pytest.mark.parametrize(
    "names",
    [("inputs", "theta"), ("phi", "weights"), ("x", "theta"), ("params", "weights"), ("x", "w")],
)
def test_a_patch_that_comes_first_is_taken(names: tuple[str, str]) -> None:
    first, second = names
    found = from_pennylane(of_two(first, second, patch=first, weights=second), 2, 2)
    assert "RX(x0)" in str(found.draw())
    assert "RY(w0)" in str(found.draw())
