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


def of_numpy(x: Tensor, w: Tensor) -> None:
    for q in range(2):
        qml.RY(float(x.detach().numpy()[q]), wires=q)


VALUES = "which gates there are, or a number that leaves torch, depends on values"
OTHERS = "function must have the same gates at all inputs and weights"
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
    "bits of inputs": (of(lambda x, w: qml.BasisState((x[:2] > 0.5).int(), wires=[0, 1])), VALUES),
    "a place that depends on values": (turn(lambda x: x[torch.argmax(x)]), VALUES),
    "all through NumPy": (alone(of_numpy), "gates that depend on the inputs by functions of torch"),
    "one through NumPy": (turn(lambda x: torch.tensor(np.sin(x[0].detach().numpy()))), UNSEEN),
    "NumPy's random numbers": (turn(lambda x: np.random.rand()), UNSEEN),
    "torch's random numbers": (turn(lambda x: torch.rand(())), RANDOM),
    "random numbers like inputs": (turn(lambda x: torch.rand_like(x)[0]), RANDOM),
    "random layers without a seed": (
        of(lambda x, w: qml.RandomLayers(w.reshape(1, 2), wires=[0, 1], seed=None)),
        OTHERS,
    ),
    "a gate chosen by NumPy": (of(chosen_by_numpy), OTHERS),
    "basis embedding": (
        alone(lambda x, w: qml.BasisEmbedding(x, wires=range(4))),
        r"bits are given by qml.RX\(torch.pi \* torch.where\(x > 0.5, 1, 0\)\)",
    ),
    "a channel": (of(lambda x, w: qml.DepolarizingChannel(0.1, wires=0)), "without channels"),
    "no inputs": (alone(lambda x, w: qml.RX(w[0], wires=0)), "depend on the inputs"),
    "no gradient": (turn(without_gradient), "must have the derivative of the function that it is"),
    "whole numbers": (turn(lambda x: x[0].long() * 1.0), "made whole numbers: use torch.where"),
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


def test_coefficients_of_weights() -> None:
    def function(inputs: Tensor, weights: Tensor) -> Any:
        qml.RX(inputs[0], wires=0)
        return qml.expval(weights[0] * qml.Z(0))

    with pytest.raises(CircuitError, match="must measure the same observables"):
        from_pennylane(function, 1, (1,))


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
