r"""The compiled program of the fused engine: values, and gradients by the adjoint method.

Patches are worked on in blocks of one register's lanes. For each block the whole circuit runs
in a small memory that stays in the first caches:

- forward: product state (or given amplitudes), passes, readout;
- backward: forward again, each pass into a state of its own; then one bra
  $\langle b| = \sum_r g_r \langle\psi| O_r$ for all outputs goes back through the inverse passes
  and leaves the transitions of `transitions.py` at each turn.

Both are one compiled function: what they share is compiled and loaded once.

Sums over patches are kept for fixed chunks of blocks, whoever works on them, so that results
do not depend on the number of threads.

Shape suffixes: G groups, F filters, N inputs, P patches, R readout values, K turns, S passes,
A amplitudes (rows), C coefficients of a turn, H chunks, M memory of a worker.
"""

from __future__ import annotations

from resqunn.engines.compiled.kernels.lanes import apart, in_a_row, inner, width
from resqunn.engines.fused.kernels.blocks import (
    fill_turns,
    first_state,
    half_angles,
    read_block,
    write_block,
)
from resqunn.engines.fused.kernels.passes import read_out, run_pass, weighted_bra
from resqunn.engines.fused.kernels.transitions import collect, read_one, rescale, undo_pass
from resqunn.engines.fused.layout import BLOCKS, TILT


@inner
def _evolve(memory, layout, slots, tables, coefficients_KC, inputs_GNP, group, start, parts):
    """The circuit on one block: the state after `s` passes lies in slot `s % slots`."""
    turns_K5, passes_S3, orders_SA, phases_SA2, diagonals_RA, product = tables
    kets, _, turns, cosines, sines, tangents = layout[:6]
    _, rows, patches = inputs_GNP.shape
    flat, offset = in_a_row(inputs_GNP), group * rows * patches
    if product:
        read_block(memory, sines, flat, offset, rows, patches, start)
        half_angles(memory, sines, cosines, sines, tangents, rows)
    fill_turns(memory, turns, cosines, sines, tangents, coefficients_KC, turns_K5, parts)
    amplitudes = diagonals_RA.shape[1]
    size = amplitudes * len(parts) * width(memory)
    ket = kets + product % slots * size
    first_state(memory, ket, turns, product, amplitudes, flat, offset, patches, start, parts)
    for s in range(product, passes_S3.shape[0]):
        target = kets + (s + 1) % slots * size
        run_pass(
            memory,
            ket,
            target,
            turns,
            coefficients_KC,
            passes_S3,
            orders_SA,
            phases_SA2,
            s,
            parts,
        )
        ket = target
    return ket


@inner
def _adjoint(memory, layout, slots, tables, coefficients_KC, by_inputs, parts):
    """The way back from the last state, with the bra beside it: leaves all transitions."""
    _, passes_S3, orders_SA, phases_SA2, diagonals_RA, product = tables
    kets, bra, turns, transitions = layout[0], layout[1], layout[2], layout[9]
    passes = passes_S3.shape[0]
    size = diagonals_RA.shape[1] * len(parts) * width(memory)
    for s in range(passes - 1, product - 1, -1):
        after, before = kets + (s + 1) % slots * size, kets + s % slots * size
        # If the state before this pass was not kept, it is undone like the bra; what that
        # reads as transitions is overwritten.
        undone = slots <= passes - product
        for which in range(0 if undone else 1, 2):
            source, target = (bra, bra) if which else (after, before)
            undo_pass(
                memory,
                after,
                before,
                source,
                target,
                turns,
                transitions,
                coefficients_KC,
                passes_S3,
                orders_SA,
                phases_SA2,
                s,
                by_inputs,
                parts,
            )
            if not which:
                rescale(memory, before, diagonals_RA.shape[1], coefficients_KC, passes_S3, s, parts)
    ket = kets + product % slots * size
    for s in range(product):
        at = transitions + passes_S3[s, 1] * (2 * len(parts) - 1) * width(memory)
        read_one(memory, ket, bra, orders_SA, s, at, parts)


@apart
def run(
    worker,
    workers,
    inputs_GNP,
    coefficients_GFKC,
    tables,
    layout,
    memory_WM,
    parts,
    slots,
    backward,
    by_inputs,
    outputs_GFRP,
    gradients_GNP,
    sums_GFHK6,
):
    """Writes the expectation values to the outputs; `inputs_GNP` are angles or amplitudes.

    Or `backward`: the outputs are cotangents, and it writes the gradients with respect to
    inputs if they are wanted (`by_inputs`), and each turn's transitions summed over the
    patches of each chunk, after the turn and before its input rotation. `slots` are how
    many states there is memory for.
    """
    memory, diagonals_RA, product = memory_WM[worker], tables[4], tables[5]
    bra, outputs, gradients, sums = layout[1], layout[6], layout[7], layout[8]
    (groups, rows, patches), lanes = inputs_GNP.shape, width(memory)
    _, filters, readouts, _ = outputs_GFRP.shape
    turns = tables[0].shape[0]
    chunk = BLOCKS * lanes
    chunks = -(-patches // chunk)
    # An amplitude's gradient is twice the real part of the bra before it.
    change, step = (gradients, lanes) if product else (bra, len(parts) * lanes)
    factor = 1.0 if product else 2.0
    for item in range(worker, groups * chunks, workers):
        group, first = item // chunks, item % chunks * chunk
        for f in range(filters):
            coefficients_KC = coefficients_GFKC[group, f]
            # Tilts leave out a factor each. On the way back the bra leaves it out again, so
            # that it is missing squared from every product of bra and state.
            scale = 1.0
            for k in range(turns):
                scale *= coefficients_KC[k, TILT + 2]
            offset = (group * filters + f) * readouts * patches
            memory[sums : sums + 6 * turns * lanes] = 0
            for start in range(first, min(first + chunk, patches), lanes):
                ket = _evolve(
                    memory,
                    layout,
                    slots,
                    tables,
                    coefficients_KC,
                    inputs_GNP,
                    group,
                    start,
                    parts,
                )
                flat = in_a_row(outputs_GFRP)
                at, gap, times, count, row = outputs, lanes, 1.0, readouts, offset
                if backward:
                    read_block(memory, outputs, flat, offset, readouts, patches, start)
                    weighted_bra(memory, ket, bra, outputs, diagonals_RA, scale, parts)
                    memory[gradients : gradients + rows * lanes] = 0
                    _adjoint(memory, layout, slots, tables, coefficients_KC, by_inputs, parts)
                    collect(memory, layout, coefficients_KC, tables[0], parts)
                    flat = in_a_row(gradients_GNP)
                    at, gap, times, count = change, step, factor, rows
                    row = group * rows * patches
                else:
                    read_out(memory, ket, bra, outputs, diagonals_RA, scale, parts)
                if backward and not by_inputs:
                    continue
                more = backward and f > 0
                write_block(memory, at, gap, times, more, flat, row, count, patches, start)
            if not backward:
                continue
            for k in range(turns):
                for c in range(6):
                    total = 0.0
                    for lane in range(lanes):
                        total += memory[sums + (6 * k + c) * lanes + lane]
                    sums_GFHK6[group, f, item % chunks, k, c] = total
