"""Torch's modes, transforms and layouts on random layers: the same numbers, whatever the way.

`check(17)` tries case 17 again: a number says the layer, its engine and number type, the mode,
and which gradients are wanted.
"""

import random
import warnings
from collections.abc import Callable

import pytest
import torch

from reliability.mode_cases import drawn, expected
from reliability.modes import RUNNING, Mode
from reliability.transforms import GRAPHS, TRANSFORMS

pytestmark = pytest.mark.usefixtures("as_users_have_it")

QUICK = {**RUNNING, **TRANSFORMS}

BATCHES = 4

TOLERANCES = {torch.float32: 2e-4, torch.float64: 1e-9}
"""Relative to the largest of the numbers that are compared, or to 1."""


def mode_of(number: int) -> tuple[str, Mode]:
    """The quick ones in turn; one case in 40 is of those that take longer."""
    if number % 40 == 39:
        return list(GRAPHS.items())[number // 40 % len(GRAPHS)]
    return list(QUICK.items())[number % len(QUICK)]


def largest(values: torch.Tensor) -> float:
    return float(values.detach().abs().max()) if values.numel() else 0.0


def check(number: int) -> str:
    """The case in words, if it is as it must be."""
    name, mode = mode_of(number)
    case = drawn(random.Random(f"modes {number}"))
    words = f"case {number}: {name}, {case}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of what it is about to drop
        try:
            found = mode(case)
        except Exception as error:
            raise AssertionError(f"{words}: {type(error).__name__}: {error}") from error
    for key, value in expected(case, list(found)).items():
        value = value.detach()
        tolerance = TOLERANCES[case.images.dtype] * max(1.0, largest(value))
        assert found[key].shape == value.shape, f"{words}: {key}, {found[key].shape}"
        assert found[key].dtype == case.images.dtype, f"{words}: {key}, {found[key].dtype}"
        furthest = largest(found[key].double() - value)
        assert furthest <= tolerance, f"{words}: {key} is off by {furthest:.2g}"
    return words


@pytest.mark.parametrize("batch", range(BATCHES))
def test_the_same_numbers_in_every_mode(batch: int, size: Callable) -> None:
    for number in range(batch, size(48, 10_000), BATCHES):
        check(number)
