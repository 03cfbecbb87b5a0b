"""Lists and numpy's numbers are as good as tuples and Python's, and arrays are not tensors."""

import numpy as np
import pytest
from torch import nn

from resqunn import Circuit, LinearHead, QuantumHead, Quanv2d, Wiring
from resqunn.circuits.encodings import AngleEncoding
from resqunn.circuits.observables import Observable
from resqunn.circuits.operations import Input, Operation, Weight
from resqunn.circuits.readouts import ChosenZ
from resqunn.errors import ConfigurationError, WrongTypeError
from resqunn.lab.training.config import TrainConfig

pytestmark = pytest.mark.usefixtures("as_users_have_it")


def test_lists_and_numpy_numbers_make_the_same_circuit() -> None:
    listed = AngleEncoding("h_ry", ["H", "RY"]), ChosenZ("ends", [np.int64(0), 1])
    tuples = AngleEncoding("h_ry", ("H", "RY")), ChosenZ("ends", (0, 1))
    made, same = (Circuit(e, "rx_chain", r, inputs=2, depth=1) for e, r in (listed, tuples))
    assert made == same
    assert hash(made) == hash(same)
    with pytest.raises(ConfigurationError, match="chosen must be a sequence of whole numbers"):
        ChosenZ("ends", [0.5])


def test_case_11_numpys_numbers_in_operations_become_pythons() -> None:
    operation = Operation("CNOT", tuple(np.arange(2)))
    assert [type(qubit) for qubit in operation.qubits] == [int, int]
    assert operation == Operation("CNOT", [0, 1])
    for kind in (Input, Weight):
        assert type(kind(np.int64(3)).index) is int
        assert kind(np.int64(3)) == kind(3)
    observable = Observable(((np.float32(0.5), tuple(np.arange(2))),))
    assert observable == Observable(((0.5, (0, 1)),))
    assert [type(qubit) for qubit, _ in observable.words[0][1]] == [int, int]


def test_lists_make_the_same_wiring() -> None:
    assert Wiring(2, [[0], [1, 2]]) == Wiring.parse("O1+O2", 2)
    assert hash(Wiring(2, [[0], [1, 2]])) == hash(Wiring.parse("O1+O2", 2))


def test_numpys_numbers_and_lists_are_taken_as_pythons() -> None:
    plain = TrainConfig(epochs=3, learning_rate=1.0, depths=(1, 2))
    other = TrainConfig(epochs=np.int64(3), learning_rate=1, depths=[np.int32(1), 2])
    assert plain == other
    assert plain.to_json() == other.to_json()
    assert plain.sha256 == other.sha256


def test_a_layer_of_numpys_numbers() -> None:
    # Of a depth that no other test has: what is kept of an equal circuit would be used.
    made = Quanv2d(np.int64(1), 4, np.int64(2), stride=[np.int32(2), 1], depth=np.int64(11))
    assert [type(made.circuit.depth), type(made.circuit.num_inputs), type(made.in_channels)] == [
        int
    ] * 3
    assert (made.kernel_size, made.stride) == ((2, 2), (2, 1))
    assert [type(number) for number in (*made.kernel_size, *made.stride)] == [int] * 4
    with pytest.raises(ConfigurationError, match="kernel_size must be a whole number or a pair"):
        Quanv2d(1, 4, (np.float32(2), 2))


@pytest.mark.parametrize("module", [Quanv2d(1, 4, 2), LinearHead(3), QuantumHead(3, num_qubits=4)])
def test_arrays_are_no_tensors(module: nn.Module) -> None:
    with pytest.raises(WrongTypeError, match=r"must be a torch\.Tensor, got a float32 array of sh"):
        module(np.ones((1, 1, 4, 4), np.float32))
