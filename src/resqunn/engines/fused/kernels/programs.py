r"""From images to values and back, for each register of patches.

$f_r = \langle\psi|O_r|\psi\rangle$ with $|\psi\rangle = T_S \cdots T_1 |\psi_0\rangle$

is what a circuit gives: passes (`passes.py`) on a product state or on given amplitudes. On the way
back one bra $\langle b| = \sum_r g_r \langle\psi|O_r$ for all values goes through the inverse
passes, beside the states before them, and leaves the transitions of `transitions.py` at each turn.
The states are kept, or else undone like the bra. It ends where nothing before is asked for.

Both ways are one compiled function: what they share is compiled and loaded once.

Registers are grouped into tasks. A task's sums over patches are kept apart and are added up in
order, so that results do not depend on how tasks are shared among threads. Derivatives by images
are added patch after patch, those of one image by one worker. Patches are read, and results
written, where `places.py` says.

Shape suffixes: C groups of channels that one circuit reads, F filters, K turns, S passes, A
amplitudes (rows), T tasks, W workers, M memory of a worker; coefficients are `layout.py`'s.
"""

from __future__ import annotations

from resqunn.engines.compiled.kernels.lanes import (
    apart,
    entry,
    inner,
    set_entry,
    spread,
    store,
    width,
)
from resqunn.engines.compiled.kernels.positions import DISJOINT, MEMBERS, OUT_CHANNEL_STEP, locate
from resqunn.engines.fused.kernels.passes import product_state, run_pass
from resqunn.engines.fused.kernels.patches import (
    add_first_bra,
    fill_turns,
    gather,
    normalise,
    read_angles,
    scatter,
    through_norm,
    through_scale,
)
from resqunn.engines.fused.kernels.readouts import first_bra, read_out
from resqunn.engines.fused.kernels.transitions import collect, read_one, read_pass


@inner
def _evolve(memory, program, begin, slots, end):
    """The circuit on a register of patches; returns where the last state lies.

    The first state is given, the states after passes from `end` on are kept.
    """
    passes, parts = program.passes, program.passes.parts
    ket = begin.kets
    for s in range(program.product, passes.kinds_S3.shape[0]):
        target = begin.kets + max(s + 1 - end, 0) % slots * begin.state
        run_pass(memory, (ket, target), begin.turns, passes, s, 1.0, parts)
        ket = target
    return ket


@inner
def _go_back(memory, program, begin, slots, end):
    """The way back from the last state, with its bra beside it: leaves the transitions of the
    passes from `end` on, and those of the product state if that is the pass after it."""
    passes, product, bra = program.passes, program.product, begin.bra
    parts, count = passes.parts, passes.kinds_S3.shape[0]
    kept = slots > count - end
    for s in range(count - 1, end - 1, -1):
        after = begin.kets + (s + 1 - end) % slots * begin.state
        before = begin.kets + (s - end) % slots * begin.state
        read_pass(memory, (after, bra), begin.transitions, passes, s, parts)
        for which in range(1 if kept else 2):
            states = (after, before) if which else (bra, bra)
            run_pass(memory, states, begin.turns, passes, s, -1.0, parts)
    ket = begin.kets
    for s in range(0 if end > product else product):
        at = begin.transitions + passes.kinds_S3[s, 1] * (2 * len(parts) - 1) * width(memory)
        read_one(memory, (ket, bra), at, passes.rows_SA, s, parts)


@inner
def _clear(memory, at, registers):
    for k in range(registers):
        store(memory, at + k * width(memory), spread(0.0, memory))


@inner
def _read_cotangents(memory, at, cotangents, places, offset, count):
    """The derivatives by one output channel of a register; zero for lanes of no patch."""
    store(memory, at, spread(0.0, memory))
    for lane in range(count):
        value = entry(cotangents, entry(places, width(memory) + lane) + offset)
        set_entry(memory, at + lane, value)


@apart
def run(worker, workers, arrays, work, tables, sizes, back):
    """Writes the values of every task that is this worker's.

    Or, on the way `back`, given the derivatives by the values: those by the images, unless the
    array for them is empty, and each turn's transitions summed over the patches of a task.
    `slots` are how many states there is memory for; the way back ends with the pass `end`.
    """
    images, _, values, gradients = arrays
    sums_CTFK6, coefficients_CFKC, memories = work
    program, reading, begin = tables
    slots, end, patches, chunk = sizes
    memory, places = memories.numbers_WM[worker], memories.runs_WM[worker]
    numbers = reading.numbers
    parts, diagonals_RA = program.passes.parts, program.diagonals_RA
    channels, filters, turns, _ = coefficients_CFKC.shape
    (readouts, amplitudes), inputs = diagonals_RA.shape, reading.offsets_CN.shape[1]
    lanes, members, product = width(memory), numbers[MEMBERS], program.product
    start, ends = begin.kets, (images, places)
    together = 1 if back else members
    tasks = -(-patches // chunk)
    for item in range(worker, channels // together * tasks, workers):
        first_channel, task = item // tasks * together, item % tasks
        group = first_channel // members
        _clear(memory, begin.sums, filters * turns * 6 * back)
        _clear(memory, begin.transitions, turns * (2 * len(parts) - 1) * back)
        stop = min((task + 1) * chunk, patches)
        for first in range(task * chunk, stop, lanes):
            count = min(lanes, stop - first)
            locate(places, numbers, first, count)
            _clear(memory, begin.outputs, filters * readouts)
            for channel in range(first_channel, first_channel + together):
                offsets_N = reading.offsets_CN[channel]
                if product:
                    read_angles(memory, images, places, reading, channel, begin)
                    _clear(memory, begin.gradients, inputs * back)
                for f in range(filters):
                    coefficients_KC = coefficients_CFKC[channel, f]
                    fill_turns(memory, coefficients_KC, program.turns_K4, begin, parts)
                    if product:
                        product_state(memory, start, begin.turns, amplitudes, parts)
                    else:
                        consecutive, step = reading.consecutive, len(parts) * lanes
                        gather(memory, start, step, begin.spare, ends, offsets_N, consecutive)
                        normalise(memory, start, begin, inputs, amplitudes, parts)
                    ket = _evolve(memory, program, begin, slots, end)
                    outputs = begin.outputs + f * readouts * lanes
                    if not back:
                        read_out(memory, ket, outputs, begin.bra, diagonals_RA, parts)
                        continue
                    for r in range(readouts):
                        offset = ((group * filters + f) * readouts + r) * numbers[OUT_CHANNEL_STEP]
                        at = outputs + r * lanes
                        _read_cotangents(memory, at, values, places, offset, count)
                    first_bra(memory, ket, begin.bra, outputs, diagonals_RA, parts)
                    _go_back(memory, program, begin, slots, end)
                    sums = begin.sums + f * turns * 6 * lanes
                    collect(memory, sums, coefficients_KC, program.turns_K4, begin, parts)
                    if not product:
                        add_first_bra(memory, begin, inputs, f, parts)
                if gradients.size > 0:
                    if product:
                        through_scale(memory, begin, inputs, reading.scale[0])
                    else:
                        through_norm(memory, start, begin, inputs, parts)
                    ways = numbers[DISJOINT] != 0, reading.consecutive != 0
                    scatter(memory, gradients, places, offsets_N, ways, begin, count)
            for o in range(0 if back else filters * readouts):
                offset = (group * filters * readouts + o) * numbers[OUT_CHANNEL_STEP]
                for lane in range(count):
                    value = entry(memory, begin.outputs + o * lanes + lane)
                    set_entry(values, entry(places, lanes + lane) + offset, value)
        for k in range(filters * turns * 6 * back):
            total = 0.0
            for lane in range(lanes):
                total += entry(memory, begin.sums + k * lanes + lane)
            f, rest = divmod(k, turns * 6)
            sums_CTFK6[first_channel, task, f, rest // 6, rest % 6] = total
