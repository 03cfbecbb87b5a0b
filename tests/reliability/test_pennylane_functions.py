"""Random PennyLane functions have the values and derivatives of their circuits."""

from collections import Counter
from collections.abc import Callable

from interop.comparison import compare_random_function


def test_random_functions(size: Callable) -> None:
    found = Counter(map(compare_random_function, range(size(60, 2000))))
    assert found["the same"] > 0.95 * found.total(), found
    assert all("refused" not in answer or "depend on the inputs" in answer for answer in found)
