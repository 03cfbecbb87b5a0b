r"""Rotations of one qubit, as they act on the Pauli matrices X, Z, Y.

A gate mixes two of the three numbers of a vector, $(a, b) \to (ca - sb, sa + cb)$ with $c, s$ the
cosine and sine of its angle; the derivative by the angle is $(-b', a')$ of what comes out. For
each layer a qubit has the product $G_k \cdots G_1$ of its gates in one of three forms:

    first layer     u = G_k ... G_1 e_Z         one vector: the state that it prepares
    layers between  R = G_k ... G_1             three vectors, the columns of a matrix
    last layer      p = (G_k ... G_1)^T e_Z     one vector: what is measured, before the layer

They lie in memory one after the other, three rows of a block for each vector.
"""

from __future__ import annotations

from resqunn.engines.compiled.kernels.lanes import apart, entry, inner, load, spread, store, width
from resqunn.engines.compiled.registers import BLOCK

FIRST, SECOND, KIND, INDEX = 0, 1, 2, 3
"""Columns of a gate: the two rows that it mixes, whether an input is its angle, which."""


@inner
def vectors_of(layer, chains):
    """How many vectors a layer has."""
    return 3 if 0 < layer < chains else 1


@inner
def _angle(memory, gates_K4, sines_K2, gate, part):
    """The cosine and sine of a gate's angle in one register of a block."""
    lanes = BLOCK * width(memory)
    if gates_K4[gate, KIND]:
        at = (1 + 2 * gates_K4[gate, INDEX]) * lanes + part
        return load(memory, at), load(memory, at + lanes)
    c, s = entry(sines_K2, 2 * gate), entry(sines_K2, 2 * gate + 1)
    return spread(c, memory), spread(s, memory)


@apart
def turn(memory, at, vectors, sense, gate, gates_K4, sines_K2):
    """Turns vectors by a gate if `sense` is 1, back if it is -1."""
    lanes = BLOCK * width(memory)
    a_at, b_at = at + gates_K4[gate, FIRST] * lanes, at + gates_K4[gate, SECOND] * lanes
    for part in range(0, lanes, width(memory)):
        c, s = _angle(memory, gates_K4, sines_K2, gate, part)
        s = s * spread(sense, memory)
        for i in range(part, 3 * vectors * lanes, 3 * lanes):
            a, b = load(memory, a_at + i), load(memory, b_at + i)
            store(memory, a_at + i, c * a - s * b)
            store(memory, b_at + i, s * a + c * b)


@apart
def prepare(memory, at, q, chain, sines_K2):
    """All vectors of a qubit."""
    lanes, chains, begin_QL = BLOCK * width(memory), chain.chains, chain.begin_QL
    for layer in range(chains + 1):
        vectors = vectors_of(layer, chains)
        for row in range(3 * vectors):
            one = row % 4 == 0 if vectors == 3 else row == 1
            value = spread(1.0 if one else 0.0, memory)
            for part in range(0, lanes, width(memory)):
                store(memory, at + row * lanes + part, value)
        begin, gates = begin_QL[q, layer], begin_QL[q, layer + 1] - begin_QL[q, layer]
        last = chains > 0 and layer == chains
        sense = -1.0 if last else 1.0
        for k in range(gates):
            gate = begin + gates - 1 - k if last else begin + k
            turn(memory, at, vectors, sense, gate, chain.gates_K4, sines_K2)
        at += 3 * vectors * lanes


@apart
def slope(memory, ats, vectors, sense, gate, gates_K4, rows):
    """Adds the derivative by a gate's angle, given vectors after it and the derivatives by them.

    `rows` are where the derivatives by inputs and by angles of gates begin, and whether each is
    wanted.
    """
    at, bars = ats
    slopes, sums, by_images, by_weights = rows
    lanes = BLOCK * width(memory)
    reads = gates_K4[gate, KIND] != 0
    if not (by_images if reads else by_weights):
        return
    a, b = gates_K4[gate, FIRST] * lanes, gates_K4[gate, SECOND] * lanes
    into = slopes + (1 + 2 * gates_K4[gate, INDEX]) * lanes
    if not reads:
        into = sums + gate * width(memory)
    factor = spread(sense, memory)
    for part in range(0, lanes, width(memory)):
        total = spread(0.0, memory)
        for i in range(part, 3 * vectors * lanes, 3 * lanes):
            total = total + load(memory, bars + b + i) * load(memory, at + a + i)
            total = total - load(memory, bars + a + i) * load(memory, at + b + i)
        # All registers of a block are added to one sum, those of an input stay apart.
        to = into + part if reads else into
        store(memory, to, load(memory, to) + factor * total)


@apart
def slopes_of(memory, at, bars, q, chain, sines_K2, rows):
    """Adds the derivatives by all angles of a qubit, given those by its vectors.

    Gates are undone one after the other, the last one that acted on a vector first.
    """
    lanes, chains, begin_QL = BLOCK * width(memory), chain.chains, chain.begin_QL
    for layer in range(chains + 1):
        vectors = vectors_of(layer, chains)
        begin, gates = begin_QL[q, layer], begin_QL[q, layer + 1] - begin_QL[q, layer]
        last = chains > 0 and layer == chains
        sense = -1.0 if last else 1.0
        for k in range(gates):
            gate = begin + k if last else begin + gates - 1 - k
            slope(memory, (at, bars), vectors, sense, gate, chain.gates_K4, rows)
            if k + 1 < gates:
                turn(memory, at, vectors, -sense, gate, chain.gates_K4, sines_K2)
                turn(memory, bars, vectors, -sense, gate, chain.gates_K4, sines_K2)
        at += 3 * vectors * lanes
        bars += 3 * vectors * lanes
