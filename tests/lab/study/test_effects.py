"""Effects of an axis against numbers written out."""

from dataclasses import replace

import pytest

from resqunn.lab.study.effects import axes
from resqunn.lab.study.results import Effect, SeriesResult
from resqunn.lab.study.statistics import stats

BARE = SeriesResult("", "", False, "train", {}, (), (), {}, {}, {}, None, 0.0)


def series(label: str, values: dict[str, str], numbers: dict[int, float], key: str = ""):
    """A network of one variant, with its metric by seed."""
    return replace(
        BARE,
        label=label,
        values=values,
        keys=tuple(f"{label} {key or values} {seed}" for seed in numbers),
        seeds=tuple(numbers),
        final={"test_auroc": stats(list(numbers.values()))},
    )


def effects(*found: SeriesResult, names: tuple[str, ...] = ("depths",)) -> dict[str, Effect]:
    return {
        f"{axis.name} {effect.value}": effect
        for axis in axes(names, found, "test_auroc")
        for effect in axis.effects
    }


def test_differences_are_taken_seed_by_seed_and_averaged_over_networks() -> None:
    found = effects(
        series("a", {"depths": "1"}, {0: 0.5, 1: 0.6, 2: 0.7}),
        series("a", {"depths": "2"}, {0: 0.6, 1: 0.8, 2: 0.7}),
        series("b", {"depths": "1"}, {0: 0.1, 1: 0.2, 2: 0.3}),
        series("b", {"depths": "2"}, {0: 0.4, 1: 0.2, 2: 0.5}),
    )
    # a: 0.1, 0.2, 0.0; b: 0.3, 0.0, 0.2.
    assert found["depths 2"].stats.values == pytest.approx((0.2, 0.1, 0.1))
    assert found["depths 2"].stats.median == pytest.approx(0.1)


def test_what_else_is_varied_is_averaged_over() -> None:
    found = effects(
        series("a", {"depths": "1", "readout": "z"}, {0: 0.5}),
        series("a", {"depths": "2", "readout": "z"}, {0: 0.7}),
        series("a", {"depths": "1", "readout": "x"}, {0: 0.1}),
        series("a", {"depths": "2", "readout": "x"}, {0: 0.2}),
        names=("depths", "readout"),
    )
    assert found["depths 2"].stats.values == pytest.approx((0.15,))
    assert found["readout x"].stats.values == pytest.approx((-0.45,))


def test_a_control_that_the_axis_does_not_reach_is_left_out() -> None:
    numbers = {0: 0.9, 1: 0.8}
    same = [series("pixels", {"depths": value}, numbers, "the same runs") for value in "12"]
    found = effects(
        *same,
        series("a", {"depths": "1"}, {0: 0.5, 1: 0.5}),
        series("a", {"depths": "2"}, {0: 0.6, 1: 0.7}),
    )
    assert found["depths 2"].stats.values == pytest.approx((0.1, 0.2))
    assert effects(*same) == {}


def test_seeds_that_one_side_lacks_are_left_out() -> None:
    one = series("a", {"depths": "1"}, {0: 0.5, 1: 0.5, 2: 0.5})
    found = effects(one, series("a", {"depths": "2"}, {1: 0.6, 2: 0.8}))
    assert found["depths 2"].stats.values == pytest.approx((0.1, 0.3))
    assert effects(one, series("a", {"depths": "2"}, {7: 0.6})) == {}


def test_each_value_is_compared_with_the_first() -> None:
    three = [series("a", {"depths": v}, {0: x}) for v, x in (("1", 0.1), ("2", 0.4), ("3", 0.2))]
    found = effects(*three)
    assert {name: each.stats.values for name, each in found.items()} == {
        "depths 2": pytest.approx((0.3,)),
        "depths 3": pytest.approx((0.1,)),
    }
