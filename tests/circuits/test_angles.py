"""Angles as expressions: how they read, what they are worth, and mistakes in them."""

import math
import random
from dataclasses import dataclass

import pytest
import torch

from resqunn import Ansatz, Circuit, Expression, Input, Operation, Weight
from resqunn.circuits.angles import FUNCTIONS, AnyAngle, value
from resqunn.circuits.lowering import slots_of
from resqunn.engines import expressions
from resqunn.engines.slots import input_slots
from resqunn.errors import CircuitError, ConfigurationError


def test_expressions_read_as_they_are_written() -> None:
    x, w = Input(0), Weight(1)
    assert str(0.5 * (x + w) - 1) == "0.5*(x0 + w1) - 1"
    assert str(-x / 2) == "-x0/2"
    assert str(x - (w - 1)) == "x0 - (w1 - 1)"
    assert str(x / (w * 2)) == "x0/(w1*2)"
    assert str(Expression("where", (Expression("greater", (x, 0.5)), math.pi, 0))) == (
        "where(greater(x0, 0.5), 3.142, 0)"
    )
    assert x + w == Input(0) + Weight(1) != w + x
    assert len({x + w, Input(0) + Weight(1)}) == 1


@pytest.mark.parametrize("name", FUNCTIONS)
def test_torch_computes_what_python_does(name: str) -> None:
    assert set(expressions.FUNCTIONS) == set(FUNCTIONS)
    count, _ = FUNCTIONS[name]
    for numbers in ((0.3, 0.7, 0.2), (0.7, 0.3, 0.0), (0.5, 0.5, -1.0)):
        expression = Expression(name, tuple(map(Input, range(count))))
        inputs = torch.tensor(numbers, dtype=torch.float64).reshape(1, 3, 1)
        found = input_slots(slots_of((expression,)), inputs, torch.empty(1, 1, 0), False)
        assert found.item() == pytest.approx(value(expression, numbers, ()), abs=1e-15)


def nested(rng: random.Random, depth: int) -> AnyAngle:
    """Any expression of two inputs and two weights, whose parts occur again and again."""
    if depth == 0 or rng.random() < 0.2:
        return rng.choice([Input(0), Input(1), Weight(0), Weight(1), 0.5, -2.0])
    name = rng.choice(["add", "subtract", "multiply", "sin", "negative", "maximum", "where"])
    count, _ = FUNCTIONS[name]
    return Expression(name, tuple(nested(rng, depth - 1) for _ in range(count)))


@pytest.mark.parametrize("seed", range(30))
def test_many_expressions_are_computed_together(seed: int) -> None:
    rng = random.Random(seed)
    angles = [nested(rng, rng.randint(0, 5)) for _ in range(rng.randint(0, 12))]
    angles += angles[:2]
    inputs = torch.tensor([[0.3, -0.7, 1.1], [0.9, 0.2, 0.9]], dtype=torch.float64)
    weights = torch.tensor([[-0.4, 0.6], [1.7, 0.1]], dtype=torch.float64)
    # Axes: of sets of weights, of angles, of patches.
    found = expressions.computed(angles, inputs[None], weights[:, :, None])
    found = found.expand(2, len(angles), 3)
    for s, w in enumerate(weights.tolist()):
        for p, x in enumerate(inputs.T.tolist()):
            expected = [value(angle, x, w) for angle in angles]
            assert found[s, :, p].tolist() == pytest.approx(expected, abs=1e-12)


@dataclass(frozen=True)
class Turns(Ansatz):
    """RZ by the same angle on qubit 0."""

    angle: AnyAngle
    name: str = "turns"

    def layer_shape(self, num_qubits: int) -> tuple[int, ...]:
        return (2,)

    def layer(self, index: int, num_qubits: int) -> tuple[Operation, ...]:
        return (Operation("RZ", (0,), self.angle),)


def program(angle: AnyAngle, *numbers: list[float]) -> str:
    circuit = Circuit("ry", Turns(angle), "z", inputs=1, depth=1)
    return circuit.to_qasm(*numbers).splitlines()[-2]


def test_programs_hold_expressions_or_numbers() -> None:
    angle = Input(0) * Weight(1) + Expression("arctan", (Weight(0),))
    assert program(angle) == "rz(((x0 * w1) + arctan(w0))) q[0];"
    assert program(angle, [2.0], [0.0, 0.5]) == "rz(1.0) q[0];"
    assert program(Expression("power", (Input(0), 3))) == "rz(pow(x0, 3.0)) q[0];"
    assert program(Expression("square", (Input(0),))) == "rz((x0 * x0)) q[0];"
    step = Expression("greater", (Input(0), 0.5))
    assert program(step, [0.7]) == "rz(1.0) q[0];"
    root = Expression("sqrt", (Input(0),))
    assert program(root) == "rz(sqrt(x0)) q[0];"
    for bad, number in ((root, -1.0), (1 / Input(0), 0.0), (Expression("exp", (Input(0),)), 1e3)):
        with pytest.raises(CircuitError, match="must be a finite number, got nan for these values"):
            program(bad, [number])
    with pytest.raises(CircuitError, match="OpenQASM has no function 'greater'"):
        program(step)


@pytest.mark.parametrize("quarters", range(-5, 6))
def test_quarter_turns_become_fixed_gates(quarters: int) -> None:
    circuit = Circuit("ry", Turns(quarters * math.pi / 2), "x", inputs=1, depth=1)
    assert all(operation.angle is None for operation in circuit.lowered.operations[1:])
    assert circuit.lowered.weights is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Expression("sine", (Input(0),)), "unknown function 'sine'"),
        (lambda: Expression("sin", (Input(0), 1)), "sin must have 1 argument(s), got 2"),
        (lambda: Input(0) + math.inf, "an angle must be an Angle or a finite number, got inf"),
        (lambda: Input(0) * "two", "an angle must be an Angle or a finite number, got 'two'"),
        (lambda: Operation("RX", (0,), math.nan), "an angle must be an Angle or a finite number"),
        (lambda: Operation("Rot", (0,), Weight(0)), "Rot must have three angles, got w0"),
        (lambda: Operation("CRZ", (0, 1)), "CRZ must have an angle, got None"),
        (lambda: Circuit("ry", Turns(Weight(2)), "z", inputs=1, depth=1), "weight must be below 2"),
        (lambda: Circuit("ry", Turns(2 * Input(1)), "z", inputs=1, depth=1), "input must be below"),
        (
            lambda: Circuit("amplitude", Turns(2 * Input(1)), "z", inputs=2, depth=1).lowered,
            "angles must be the inputs themselves where these are amplitudes too",
        ),
    ],
)
def test_mistakes_get_one_line(make, message: str) -> None:
    with pytest.raises((CircuitError, ConfigurationError)) as raised:
        make()
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
