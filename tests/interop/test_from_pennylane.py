"""PennyLane circuits as ours: the same values and derivatives."""

import pytest

from interop.comparison import drawn, in_double, require_the_same
from interop.pennylane_circuits import CASES


@pytest.mark.parametrize("name", CASES)
def test_values_and_derivatives_are_pennylanes(name: str) -> None:
    with in_double():
        require_the_same(CASES[name], [drawn(CASES[name], seed) for seed in range(2)])
