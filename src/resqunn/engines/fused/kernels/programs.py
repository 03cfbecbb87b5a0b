r"""The compiled programs of the fused engine: values, and gradients by the adjoint method.

Patches are worked on in blocks of one register's lanes. For each block the whole circuit runs
in a small memory that stays in the first caches:

- forward: product state (or given amplitudes), passes, readout;
- backward: forward again, each pass into a state of its own; then one bra
  $\langle b| = \sum_r g_r \langle\psi| O_r$ for all outputs goes back through the inverse passes,
  and at each turn $\mathrm{Im}\langle b|\sigma|\psi\rangle$, $\sigma = X, Y, Z$, is the gradient
  with respect to a rotation after the turn. Rotations inside the turn follow by change of axis.

Sums over patches are kept for fixed chunks of blocks, whoever works on them, so that results
do not depend on the number of threads.

Shape suffixes: G groups, F filters, N inputs, P patches, R readout values, K turns, S passes,
A amplitudes (rows), C coefficients of a turn, H chunks, M memory of a worker.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from numba import njit

from resqunn.engines.fused.kernels.blocks import (
    fill_turns,
    first_state,
    half_angles,
    read_block,
    write_block,
)
from resqunn.engines.fused.kernels.lanes import width
from resqunn.engines.fused.kernels.passes import read_out, run_pass, weighted_bra
from resqunn.engines.fused.kernels.transitions import collect, read_transitions

BLOCKS = 8
"""How many blocks make a chunk."""


@njit
def _evolve(memory, layout, slot, tables, coefficients_KC, inputs_GNP, group, start, parts):
    """The circuit on one block; returns where the last state lies.

    States of successive passes lie `slot` entries apart, all in one place for 0.
    """
    turns_K4, passes_S3, orders_SA, phases_SA2, diagonals_RA, product = tables
    ket, _, turns, cosines, sines = layout[:5]
    _, rows, patches = inputs_GNP.shape
    flat, offset = inputs_GNP.reshape(-1), group * rows * patches
    if product:
        read_block(memory, sines, flat, offset, rows, patches, start)
        half_angles(memory, sines, cosines, sines, rows)
    fill_turns(memory, turns, cosines, sines, coefficients_KC, turns_K4, parts)
    amplitudes = diagonals_RA.shape[1]
    first_state(memory, ket, turns, product, amplitudes, flat, offset, patches, start, parts)
    for s in range(product, passes_S3.shape[0]):
        run_pass(
            memory, ket, ket + slot, turns, passes_S3[s], orders_SA[s], phases_SA2[s], False, parts
        )
        ket += slot
    return ket


@njit
def _adjoint(memory, layout, slot, ket, tables, parts):
    """The way back from the last state, with the bra beside it: leaves all transitions."""
    _, passes_S3, orders_SA, phases_SA2, _, product = tables
    bra, turns, transitions = layout[1], layout[2], layout[8]
    for s in range(passes_S3.shape[0] - 1, -1, -1):
        entry, order, phases = passes_S3[s], orders_SA[s], phases_SA2[s]
        read_transitions(memory, ket, bra, transitions, entry, order, parts)
        if s < product:
            continue
        # The state before this pass is at hand, or must be undone like the bra.
        for which in range(1 if slot else 2):
            at = ket if which else bra
            run_pass(memory, at, at, turns, entry, order, phases, True, parts)
        ket -= slot


def _sources() -> int:
    """A checksum of everything that is compiled into the programs."""
    checksum = 0
    for path in sorted(Path(__file__).parent.glob("*.py")):
        checksum = zlib.crc32(path.read_bytes(), checksum)
    return checksum


def _programs(sources: int):
    # Numba's cache on disk looks at the file of the outermost function and at its closure
    # only: with the checksum there, a change of any file of this folder is noticed.

    @njit(nogil=True, cache=True)
    def forward(
        worker,
        workers,
        inputs_GNP,
        coefficients_GFKC,
        tables,
        layout,
        memory_WM,
        parts,
        values_GFRP,
    ):
        """Writes the expectation values; `inputs_GNP` are angles or amplitudes."""
        _ = sources
        memory, diagonals_RA = memory_WM[worker], tables[4]
        state, scratch, values = layout[0], layout[1], layout[5]
        (groups, _, patches), lanes = inputs_GNP.shape, width(memory)
        _, filters, readouts, _ = values_GFRP.shape
        chunk = BLOCKS * lanes
        chunks = -(-patches // chunk)
        for item in range(worker, groups * chunks, workers):
            group, first = item // chunks, item % chunks * chunk
            for f in range(filters):
                offset = (group * filters + f) * readouts * patches
                for start in range(first, min(first + chunk, patches), lanes):
                    _evolve(
                        memory,
                        layout,
                        0,
                        tables,
                        coefficients_GFKC[group, f],
                        inputs_GNP,
                        group,
                        start,
                        parts,
                    )
                    read_out(memory, state, scratch, values, diagonals_RA, parts)
                    write_block(
                        memory,
                        values,
                        lanes,
                        1.0,
                        False,
                        values_GFRP.reshape(-1),
                        offset,
                        readouts,
                        patches,
                        start,
                    )

    @njit(nogil=True, cache=True)
    def backward(
        worker,
        workers,
        inputs_GNP,
        coefficients_GFKC,
        tables,
        layout,
        memory_WM,
        parts,
        slot,
        cotangents_GFRP,
        gradients_GNP,
        sums_GFHK6,
    ):
        """Writes the gradients with respect to inputs, and each turn's transitions summed over
        the patches of each chunk, after the turn and before its input rotation.

        `slot` is the size of a state if each pass is to leave its own in memory. If it is 0,
        passes are undone one by one in the memory of one state.
        """
        _ = sources
        memory, diagonals_RA, product = memory_WM[worker], tables[4], tables[5]
        bra, values, gradients, sums = layout[1], layout[5], layout[6], layout[7]
        (groups, rows, patches), lanes = inputs_GNP.shape, width(memory)
        _, filters, readouts, _ = cotangents_GFRP.shape
        turns = tables[0].shape[0]
        chunk = BLOCKS * lanes
        chunks = -(-patches // chunk)
        for item in range(worker, groups * chunks, workers):
            group, first = item // chunks, item % chunks * chunk
            for f in range(filters):
                coefficients_KC = coefficients_GFKC[group, f]
                offset = (group * filters + f) * readouts * patches
                memory[sums : sums + 6 * turns * lanes] = 0
                for start in range(first, min(first + chunk, patches), lanes):
                    memory[gradients : gradients + rows * lanes] = 0
                    ket = _evolve(
                        memory,
                        layout,
                        slot,
                        tables,
                        coefficients_KC,
                        inputs_GNP,
                        group,
                        start,
                        parts,
                    )
                    read_block(
                        memory,
                        values,
                        cotangents_GFRP.reshape(-1),
                        offset,
                        readouts,
                        patches,
                        start,
                    )
                    weighted_bra(memory, ket, bra, values, diagonals_RA, parts)
                    _adjoint(memory, layout, slot, ket, tables, parts)
                    collect(memory, layout, coefficients_KC, tables[0], parts)
                    # An amplitude's gradient is twice the real part of the bra before it.
                    write_block(
                        memory,
                        gradients if product else bra,
                        lanes if product else len(parts) * lanes,
                        1.0 if product else 2.0,
                        f > 0,
                        gradients_GNP.reshape(-1),
                        group * rows * patches,
                        rows,
                        patches,
                        start,
                    )
                for k in range(turns):
                    for c in range(6):
                        total = 0.0
                        for lane in range(lanes):
                            total += memory[sums + (6 * k + c) * lanes + lane]
                        sums_GFHK6[group, f, item % chunks, k, c] = total

    return forward, backward


forward, backward = _programs(_sources())
