r"""What noise at the end of a circuit does: it multiplies what is measured by numbers.

A Pauli channel multiplies each Pauli word by a number. One that no later rotation touches may as
well stand at the end, where it multiplies the products of Z that are measured, and a measured bit
that is flipped with probability p multiplies a product of k bits by $(1 - 2p)^k$. So neither has
to be simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from resqunn.circuits.channels import ChannelOperation
from resqunn.circuits.observables import Observable
from resqunn.circuits.operations import Operation
from resqunn.circuits.pauli_strings import Pauli, through
from resqunn.circuits.pushed import PushedChannel, Rotation, pushed
from resqunn.errors import CircuitError


@dataclass(frozen=True, eq=False)
class Shrinking:
    """By what products of Z are multiplied.

    Attributes:
        flip_probability: of each measured bit.
        channels: Pauli channels at the end of the circuit.
        fixed: all fixed gates, behind which the channels' words are given.
    """

    flip_probability: float = 0.0
    channels: tuple[PushedChannel, ...] = ()
    fixed: tuple[Operation, ...] = ()

    @property
    def changes_nothing(self) -> bool:
        """Whether all factors are 1."""
        return not self.flip_probability and not self.channels

    def factor(self, product: Sequence[int]) -> float:
        """Of the product of Z on these qubits."""
        found = (1 - 2 * self.flip_probability) ** len(product)
        if self.channels:
            string = through(self.fixed, Pauli(1, 0, sum(1 << qubit for qubit in product)))
            for channel in self.channels:
                found *= float(channel.factors[channel.word_of(string)])
        return found

    def measured(self, of_bits: Observable) -> Observable:
        """What is measured of the qubits, of what is wanted of the bits that are read."""
        if self.changes_nothing:
            return of_bits
        return Observable(tuple((c * self.factor(q), q) for c, q in of_bits.products))


NOTHING = Shrinking()
"""What changes nothing."""


def split_off(
    operations: Sequence[Operation], flip_probability: float
) -> tuple[tuple[Operation, ...], Shrinking]:
    """The operations without the Pauli channels at their end, and what these do."""
    operations = tuple(operations)
    if not any(map(_is_pauli, operations)):
        return operations, Shrinking(flip_probability)
    fixed: list[Operation] = []
    items: list[tuple[int, Rotation | PushedChannel]] = []
    try:
        for place, operation in enumerate(operations):
            item = pushed(operation, fixed)
            if item is None:
                fixed.append(operation)
            else:
                items.append((place, item))
    except CircuitError:  # behind other gates words are no words
        return operations, Shrinking(flip_probability)
    in_the_way: list[Pauli] = []
    last: dict[int, PushedChannel] = {}
    for place, item in reversed(items):
        if not isinstance(item, PushedChannel) or not _is_pauli(operations[place]):
            in_the_way += item.axes
        elif all(map(item.commutes, in_the_way)):
            last[place] = item
        else:
            in_the_way += item.axes
    kept = tuple(each for place, each in enumerate(operations) if place not in last)
    return kept, Shrinking(flip_probability, tuple(last.values()), tuple(fixed))


def _is_pauli(operation: Operation) -> bool:
    found = operation.channel if isinstance(operation, ChannelOperation) else None
    return found is not None and found.is_pauli
