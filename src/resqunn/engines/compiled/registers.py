"""Sizes of what the compiled loops work on side by side."""

LANE_BYTES = 64
"""Size of a register; the compiler splits it where the processor has narrower ones."""

BLOCK = 4
"""Registers of a block of patches."""

ROWS = 4
"""Rows that are multiplied by a row of weights at once (`kernels/products.py`)."""

RUN = 3
"""Numbers that say where a run of neighbouring patches lies (`kernels/positions.py`)."""
