"""PennyLane circuits as ours: the same values and derivatives."""

import pytest

from interop.comparison import between, drawn, in_double, require_the_same
from interop.pennylane_circuits import CASES


@pytest.mark.parametrize("name", CASES)
def test_values_and_derivatives_are_pennylanes(name: str) -> None:
    with in_double():
        require_the_same(CASES[name], [drawn(CASES[name], 0), between(CASES[name])])
