"""Sizes of what the compiled loops work on side by side."""

LANE_BYTES = 64
"""Size of a register; the compiler splits it where the processor has narrower ones."""

BLOCK = 4
"""Registers of a block of patches."""

RUN = 3
"""Numbers that say where a run of neighbouring patches lies (`kernels/positions.py`)."""
