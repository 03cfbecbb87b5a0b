r"""`GateCircuit`: gates and observables, which is all that an engine reads of a circuit.

Engines measure products of Z. What has other letters is evaluated in several runs, one for each
basis: with $U$ the gates that turn the basis into that of Z,
$\langle\psi| P |\psi\rangle = \langle U\psi| U P U^\dagger |U\psi\rangle$, and H turns X into Z,
as Z S and then H turn Y into Z.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal, overload

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from resqunn.checks import shown
from resqunn.circuits import drawing, picture, qasm
from resqunn.circuits.angles import AnyAngle, value
from resqunn.circuits.channels import ChannelOperation
from resqunn.circuits.lowering import Lowered, lowered, with_amplitudes
from resqunn.circuits.observables import Observable, Word
from resqunn.circuits.operations import Operation
from resqunn.circuits.shrinking import NOTHING, Shrinking, split_off
from resqunn.errors import CircuitError, ConfigurationError, MissingExtraError, unknown_name
from resqunn.figures import Axes, Figure, as_image

TO_Z: dict[str, tuple[str, ...]] = {"X": ("H",), "Y": ("Z", "S", "H"), "Z": ()}
"""Gates that turn the eigenstates of a Pauli matrix into those of Z."""


class GateCircuit:
    r"""Gates in order, whose angles are inputs and weights, and what is measured at the end.

    Two are equal exactly if they read as many inputs, have as many qubits, prepare amplitudes or
    not, and have the same weight shape, operations and observables.

    Attributes:
        num_qubits, num_inputs: how many there are.
        weight_shape: the shape of the weights.
        operations: every gate in order.
        observables: what is measured, one for each value returned.
        prepares_amplitudes: whether the inputs are the amplitudes of the initial state, which is
            otherwise $|0\rangle$.
        amplitudes: what is computed of the inputs to be those amplitudes; None for the inputs.
        depth, reupload: how many layers it has, and whether inputs are read before each of them;
            for estimates of what it costs.
    """

    num_qubits: int
    num_inputs: int
    weight_shape: tuple[int, ...]
    operations: tuple[Operation, ...]
    observables: tuple[Observable, ...]
    prepares_amplitudes: bool
    amplitudes: tuple[AnyAngle, ...] | None = None
    depth: int
    reupload: bool

    layer_ends: tuple[int, ...] | None = None
    """How many operations come before the end of the encoding, each time it is done, and of each
    ansatz layer, in order; None where the circuit has no layers."""

    flip_probability: float = 0.0
    """Of each measured bit, in whichever basis."""

    @cached_property
    def is_noisy(self) -> bool:
        """Whether there are channels among the operations."""
        return any(isinstance(operation, ChannelOperation) for operation in self.operations)

    @cached_property
    def num_weights(self) -> int:
        """How many weights the circuit has."""
        return math.prod(self.weight_shape)

    @property
    def num_outputs(self) -> int:
        """How many values the circuit returns."""
        return len(self.observables)

    @cached_property
    def lowered(self) -> Lowered:
        """The operations with bare inputs and weights, and what these are computed of."""
        found = lowered(self.operations)
        return with_amplitudes(found, self.amplitudes) if self.prepares_amplitudes else found

    @cached_property
    def sums(self) -> tuple[tuple[tuple[float, Word], ...], ...]:
        """The sums of words whose expectation values are needed: the observables, and then the
        squares of those whose variance is measured."""
        squares = tuple(each.square for each in self.observables if each.variance)
        return tuple(each.words for each in self.observables) + squares

    @cached_property
    def variances(self) -> tuple[int, ...]:
        """The numbers of the values that are variances, in the order of their squares in `sums`."""
        return tuple(row for row, each in enumerate(self.observables) if each.variance)

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """The circuits that engines evaluate, whose values added up are those of `sums`.

        Their angles are bare inputs and weights, the slots of `lowered`, and they measure products
        of Z. Words go to the first basis that they fit, in their order; a circuit that is like
        that already is its only run.
        """
        bases: list[dict[int, str]] = []
        terms: list[dict[int, list[tuple[float, Word]]]] = []
        for row, words in enumerate(self.sums):
            for coefficient, word in words:
                fits = (all(basis.get(q, p) == p for q, p in word) for basis in bases)
                found = next((n for n, fit in enumerate(fits) if fit), len(bases))
                if found == len(bases):
                    bases.append({})
                    terms.append({})
                bases[found] |= word
                terms[found].setdefault(row, []).append((coefficient, word))
        if all(letter == "Z" for basis in bases for letter in basis.values()):
            bases, terms = [{}], [{}]
            for row, words in enumerate(self.sums):
                terms[0][row] = list(words)
            plain = len(self.sums) == self.num_outputs and self.amplitudes is None
            kept, shrinking = split_off(self.lowered.operations, self.flip_probability)
            if plain and kept == self.operations and shrinking.changes_nothing:
                return (Run(self, tuple(range(self.num_outputs)), self.observables),)
        return tuple(map(self._measured_in, bases, terms))

    def _measured_in(
        self, basis: dict[int, str], terms: dict[int, list[tuple[float, Word]]]
    ) -> Run:
        turned = tuple(
            Operation(name, (qubit,))
            for qubit, letter in sorted(basis.items())
            for name in TO_Z[letter]
        )
        of_bits = tuple(
            Observable(tuple((c, tuple(q for q, _ in w)) for c, w in each))
            for each in terms.values()
        )
        operations = self.lowered.operations + turned
        operations, shrinking = split_off(operations, self.flip_probability)
        inputs, weights = self.lowered.inputs, self.lowered.weights
        circuit = PlainCircuit(
            self.num_qubits,
            self.num_inputs if inputs is None else len(inputs.angles),
            self.weight_shape if weights is None else (len(weights.angles),),
            operations,
            tuple(map(shrinking.measured, of_bits)),
            self.prepares_amplitudes,
            depth=self.depth,
            reupload=self.reupload,
        )
        return Run(circuit, tuple(terms), of_bits, shrinking)

    @cached_property
    def _identity(self) -> tuple[Any, ...]:
        return _known(
            (
                self.num_inputs,
                self.num_qubits,
                bool(self.prepares_amplitudes),
                self.amplitudes,
                self.weight_shape,
                self.operations,
                self.observables,
                self.flip_probability,
            )
        )

    @cached_property
    def _hash(self) -> int:
        return hash(self._identity)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, GateCircuit):
            return NotImplemented
        mine, theirs = self._identity, other._identity
        return mine is theirs or (self._hash == other._hash and mine == theirs)

    def __hash__(self) -> int:
        return self._hash

    def __getstate__(self) -> dict[str, Any]:
        # Hashes of strings differ from process to process, and a copy's identity is the known one.
        kept = (
            "_hash",
            "_identity",
            "is_noisy",
            "lowered",
            "runs",
            "sums",
            "variances",
        )
        return {name: value for name, value in self.__dict__.items() if name not in kept}

    def diagonals(self) -> Float[np.ndarray, "R A"]:
        """The observables as rows of their values in each basis state.

        Raises:
            CircuitError: for more than 30 qubits, which have over a billion basis states, or for
                observables with other letters than Z.
        """
        if self.num_qubits > 30:
            raise CircuitError(
                f"diagonals need a circuit of 30 qubits or fewer, got {self.num_qubits}"
            )
        return np.stack([observable.diagonal(self.num_qubits) for observable in self.observables])

    def summary(self) -> str:
        """What the circuit is, in a few words."""
        return (
            f"circuit of {self.num_qubits} qubits, {len(self.operations)} gates and "
            f"{self.num_weights} weights"
        )

    @overload
    def draw(self, kind: Literal["text"] = "text") -> str: ...
    @overload
    def draw(self, kind: Literal["mpl"], *, ax: Axes | None = None) -> Figure: ...
    def draw(self, kind: str = "text", *, ax: Axes | None = None) -> str | Figure:
        """The circuit as text, one line a qubit, or as a picture; x are inputs, w are weights.

        In a picture gates that read inputs are blue, those that read weights yellow, those that
        read both green, and channels dashed.

        Args:
            kind: `"text"`, or `"mpl"` for a matplotlib figure (extra `[lab]`).
            ax: matplotlib's axes for the picture; by default it gets a figure of its own size.

        Raises:
            ConfigurationError: for another kind, or axes for a text.
            CircuitError: for a picture of more than 300 columns of gates or 100 qubits.
            MissingExtraError: for a picture without matplotlib.
        """
        if kind == "text" and ax is None:
            return drawing.draw(*self._drawn())
        if kind == "mpl":
            return picture.draw(*self._drawn(), ax)
        if kind == "text":
            raise ConfigurationError(f"ax must be None for a text, got {shown(ax)}")
        raise unknown_name("kind of drawing", kind, ("text", "mpl"))

    def _drawn(self) -> tuple[Sequence[Operation], tuple[Observable, ...], int, str | None]:
        """What a drawing shows."""
        prepared = "amplitude" if self.prepares_amplitudes else None
        return self.operations, self.observables, self.num_qubits, prepared

    def _repr_html_(self) -> str:
        """What a notebook shows: the picture, or the text where there is none."""
        text = html.escape(self.draw())
        try:
            return as_image(self.draw("mpl"), text)
        except (CircuitError, MissingExtraError):
            return f"<pre>{text}</pre>"

    def to_qasm(
        self,
        inputs: ArrayLike | None = None,
        weights: ArrayLike | None = None,
    ) -> str:
        """The gates as an OpenQASM 3 program that ends by measuring every qubit.

        Inputs and weights that are not given become `input` parameters of the program, in
        radians. Both may be nested as the circuit's weights are, arrays or tensors; they are
        flattened row-major. A layer's pixels become radians by its `angle_scale`;
        `docs/qiskit.md` says how to read a program. Where X or Y is measured, each of `runs` has
        a program that ends in its basis.

        Raises:
            CircuitError: if the number of values does not fit, or if an amplitude encoding
                is to be written without its inputs.
        """
        given = qasm.numbers("inputs", inputs, self.num_inputs)
        if self.amplitudes is not None and not isinstance(given, int):
            # No gate reads the inputs themselves then.
            given = np.array([value(each, given.tolist(), ()) for each in self.amplitudes])
        return qasm.write(
            self.operations,
            self.num_qubits,
            given,
            qasm.numbers("weights", weights, self.num_weights),
            amplitudes=self.prepares_amplitudes,
        )


@dataclass(frozen=True, eq=False)
class Run:
    """A circuit that measures products of Z, and to which `sums` of the whole its values belong.

    Attributes:
        rows: of each of its values the number of the sum that it is added to.
        of_bits: what each of its values is of the bits that are read, flipped ones among them.
        shrinking: of what is read, which is in the observables of `circuit`.
    """

    circuit: GateCircuit
    rows: tuple[int, ...]
    of_bits: tuple[Observable, ...]
    shrinking: Shrinking = NOTHING

    def measuring(self, products: Sequence[tuple[int, ...]]) -> GateCircuit:
        """The circuit whose values are the means of products of Z, of the bits that are read.

        Args:
            products: the qubits of each.
        """
        of_bits = (Observable(((1.0, product),)) for product in products)
        observables = tuple(map(self.shrinking.measured, of_bits))
        here = self.circuit
        if observables == here.observables:
            return here
        return PlainCircuit(
            here.num_qubits,
            here.num_inputs,
            here.weight_shape,
            here.operations,
            observables,
            here.prepares_amplitudes,
            depth=here.depth,
            reupload=here.reupload,
        )


@dataclass(frozen=True, eq=False)
class PlainCircuit(GateCircuit):
    """A circuit given by its gates."""

    num_qubits: int
    num_inputs: int
    weight_shape: tuple[int, ...]
    operations: tuple[Operation, ...]
    observables: tuple[Observable, ...]
    prepares_amplitudes: bool = False
    amplitudes: tuple[AnyAngle, ...] | None = None
    depth: int = 1
    reupload: bool = False


@lru_cache(maxsize=1024)
def _known(identity: tuple[Any, ...]) -> tuple[Any, ...]:
    """The first of equal identities: circuits are compared at every call of a layer."""
    return identity
