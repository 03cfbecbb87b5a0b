"""A circuit as rotations and, between them, matrices of channels, on all Pauli strings.

A string of n qubits is the number x << n | z of its bits. Channels that no rotation stands between
are one sparse matrix, as long as that makes fewer entries.

Shape suffixes: S strings, E entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from resqunn.circuits.gate_circuit import GateCircuit
from resqunn.circuits.pauli_strings import Pauli, through
from resqunn.circuits.pushed import Item, PushedChannel, Rotation

Strings = tuple[np.ndarray, np.ndarray]
"""The bits x and z of all strings, in 64-bit words."""


class Sparse(NamedTuple):
    """A matrix by its entries, in order of `to`."""

    to: np.ndarray
    source: np.ndarray
    factor: np.ndarray


def readout_of(circuit: GateCircuit, fixed: Sequence) -> Sparse:
    """From the strings to the outputs, through the Clifford gates at the end."""
    found: dict[tuple[int, int], float] = {}
    for row, observable in enumerate(circuit.observables):
        for coefficient, support in observable.products:
            sign, x, z = through(fixed, Pauli(1, 0, sum(1 << q for q in support)))
            place = row, x << circuit.num_qubits | z
            found[place] = found.get(place, 0.0) + sign * coefficient
    places = sorted(found)
    return Sparse(
        np.array([row for row, _ in places], dtype=np.int64),
        np.array([string for _, string in places], dtype=np.int64),
        np.array([found[place] for place in places], dtype=np.float64),
    )


def stages_of(
    items: Sequence[Item], strings: Strings, count: int
) -> Iterator[list[Rotation] | Sparse]:
    """Rotations in a row, as lists, and in between matrices: channels wait for the first rotation
    that does not leave them alone."""
    turns: list[Rotation] = []
    waiting: list[PushedChannel] = []
    for item in items:
        if isinstance(item, PushedChannel):
            waiting.append(item)
            continue
        if not all(mix.commutes(item.axis) for mix in waiting):
            yield turns
            yield from _matrices(waiting, strings, count)
            turns, waiting = [], []
        turns.append(item)
    yield turns
    yield from _matrices(waiting, strings, count)


def _matrices(mixes: Sequence[PushedChannel], strings: Strings, count: int) -> Iterator[Sparse]:
    """Channels, multiplied as long as that makes fewer entries."""
    found: Sparse | None = None
    for mix in mixes:
        now = _matrix(mix, strings, count)
        if found is None:
            found = now
            continue
        joined = product(now, found)
        if len(joined.to) > len(now.to) + len(found.to):
            yield found
            found = now
        else:
            found = joined
    if found is not None:
        yield found


def _matrix(mix: PushedChannel, strings: Strings, count: int) -> Sparse:
    """A channel, as it acts on all strings."""
    x_S, z_S = strings
    numbers, word_S = np.arange(4**count), mix.words_of(x_S, z_S)
    parts = []
    for a, b in np.argwhere(mix.matrix).tolist():
        here_S = word_S == a
        x_E, z_E, sign_E = mix.taken(a, b, x_S[here_S], z_S[here_S])
        of_E = (x_E << np.uint64(count) | z_E).astype(np.int64)
        parts.append((numbers[here_S], of_E, mix.matrix[a, b] * sign_E))
    to, source, factor = map(np.concatenate, zip(*parts, strict=True))
    order = np.argsort(to, kind="stable")
    return Sparse(to[order], source[order], factor[order])


def product(left: Sparse, right: Sparse) -> Sparse:
    """The matrix product; the right one has a row for each column of the left one."""
    size = max(int(left.source.max(initial=-1)), int(right.to.max(initial=-1))) + 1
    begin = np.searchsorted(right.to, np.arange(size + 1))
    lengths = np.diff(begin)[left.source]
    which = np.repeat(np.arange(len(left.to)), lengths)
    within = np.arange(len(which)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    entry = begin[left.source][which] + within
    columns = int(right.source.max(initial=0)) + 1
    keys, place = np.unique(left.to[which] * columns + right.source[entry], return_inverse=True)
    factor = np.bincount(place, left.factor[which] * right.factor[entry], len(keys))
    kept = factor != 0
    return Sparse(keys[kept] // columns, keys[kept] % columns, factor[kept])
