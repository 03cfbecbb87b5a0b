"""Wirings: partitions, the parser, and reachability."""

from collections import Counter

import pytest

from resqunn import Wiring
from resqunn.errors import ConfigurationError


@pytest.mark.parametrize(
    ("layers", "count"),
    [(1, 2), (2, 5), (3, 15), (4, 52), (5, 203), (6, 877), (7, 4140), (8, 21147)],
)
def test_wirings_are_counted_by_bell_numbers_and_parse_back(layers: int, count: int) -> None:
    wirings = Wiring.all(layers)
    assert len(wirings) == len(set(wirings)) == count
    some = wirings if layers < 7 else wirings[::20]
    assert [Wiring.parse(str(wiring), layers) for wiring in some] == list(some)


def test_the_order_is_stable_and_the_papers_five_come_in_its_order() -> None:
    names = [str(wiring) for wiring in Wiring.all(2)]
    assert names == ["none", "X+O1", "O1+O2", "X+O2", "(X+O1)+O2"]


@pytest.mark.parametrize(
    ("layers", "expected"),
    [(2, {1: 3, 2: 2}), (3, {1: 7, 2: 6, 3: 2}), (4, {1: 20, 2: 21, 3: 9, 4: 2})],
)
def test_accessible_layers_with_cut_derivatives(layers: int, expected: dict) -> None:
    wirings = Wiring.all(layers)
    assert Counter(sum(w.reached(input_gradients=False)) for w in wirings) == expected
    assert all(all(w.reached(input_gradients=True)) for w in wirings)


@pytest.mark.parametrize("layers", range(1, 9))
def test_exactly_two_wirings_reach_every_layer_when_cut(layers: int) -> None:
    full = [w for w in Wiring.all(layers) if all(w.reached(False))]
    outputs = tuple(range(1, layers + 1))
    assert [w.blocks[-1] for w in full] == [outputs, (0, *outputs)]


def test_derivatives_may_be_cut_layer_by_layer() -> None:
    wiring = Wiring.parse("none", 3)
    assert wiring.reached([True, True, False]) == (False, False, True)
    assert wiring.reached([True, False, True]) == (False, True, True)
    with pytest.raises(ConfigurationError, match="one setting or 3, one a layer, got 2"):
        wiring.reached([True, False])


def test_skips_join_each_point_to_the_one_before_it_in_its_block() -> None:
    assert Wiring.parse("(X+O1)+O2", 2).skips == (0, 1)
    assert Wiring.parse("X+O2, O1+O3", 3).skips == (None, 0, 1)
    assert Wiring.parse("none", 2).skips == (None, None)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("X+O1+O2", "(X+O1)+O2"),
        ("  x + o1 ", "X+O1"),
        ("((X)+O1)", "X+O1"),
        ("O1+O2,X", "O1+O2"),
        ("O1+O2 , X", "O1+O2"),
        ("X", "none"),
        ("NONE", "none"),
    ],
)
def test_spellings(text: str, same: str) -> None:
    assert str(Wiring.parse(text, 2)) == same


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("X+(O1+O2)", 2, r"write \(X\+O1\)\+O2"),
        ("(X+O1", 0, "never closed"),
        ("X+O1)", 4, "closes nothing"),
        ("X+O3", 2, "there is no O3: the network has 2"),
        ("O2+X", 3, "X comes before O2"),
        ("O0+X", 0, "counted from O1"),
        ("X++O1", 2, "expected a point"),
        ("X+O1,", 5, "expected a point"),
        ("", 0, "expected a point"),
        ("X O1", 2, "expected '\\+'"),
        ("X+O1, O1+O2", 6, "O1 is already used"),
        ("X+Q1", 2, "made of X, O1"),
    ],
)
def test_errors_point_at_the_character(text: str, at: int, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        Wiring.parse(text, 2)
    _, shown, caret = str(caught.value).split("\n")
    assert shown.strip() == text[:80].strip()
    assert caret.index("^") - 4 == at


def test_partitions_that_are_none() -> None:
    with pytest.raises(ConfigurationError, match="must be a partition"):
        Wiring(2, ((0, 1), (1, 2)))
    with pytest.raises(ConfigurationError, match="must be a partition"):
        Wiring(2, ((1, 0), (2,)))
    with pytest.raises(ConfigurationError, match="layers must be 1 to 8"):
        Wiring.all(9)
    with pytest.raises(ConfigurationError, match="layers must be 1 or more, got"):
        Wiring.parse("none", 0)
    assert Wiring(2, ((2,), (0, 1))) == Wiring.parse("X+O1", 2)
