"""The report of a question of one's own: what a stranger stumbled over."""

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from resqunn.lab.report import figures, write_report
from resqunn.lab.report.axis_figures import gradient_norms
from resqunn.lab.report.feature_figures import feature_maps
from resqunn.lab.report.marks import wrapped
from resqunn.lab.report.style import Palette
from resqunn.lab.study.results import (
    Curve,
    DataRecord,
    Environment,
    FeatureMaps,
    Picture,
    SeriesResult,
    StudyResult,
    write_results,
)
from resqunn.lab.study.statistics import stats

import sample_results

SERIES = sample_results.small().studies[0].series[0]
NAMES = ("china", "flower")


def series(label: str, **changes) -> SeriesResult:
    final = {"test_accuracy": stats([0.8] * 12), "test_f1": stats([0.7] * 12)}
    seeds = tuple(range(12))
    given = {"variant": "", "final": final, "seeds": seeds, "confusion": ((9, 1), (2, 8))}
    return replace(SERIES, label=label, **(given | changes))


def page(folder: Path, *shown: SeriesResult) -> str:
    study = StudyResult("question", "Asked", "", "", "question", ("question",), None, shown)
    data = tuple(DataRecord("tiles", 2, 100, seed, f"{seed:02d}" * 32) for seed in range(12))
    results = replace(
        sample_results.small(),
        studies=(study,),
        claims=(),
        reported="test_accuracy",
        environment=Environment(data=data),
    )
    write_results(folder, results)
    return write_report(folder).read_text(encoding="utf-8")


def heads(text: str) -> list[list[str]]:
    """The names above each table of what is taken for what."""
    found = re.findall(r"is \\ taken for</th>(.*?)</tr>", text)
    return [re.findall("<th>(.*?)</th>", head) for head in found]


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    trained = series("ry", classes=NAMES)
    more = trained.final | {"validation_f1": stats([0.5] * 12)}
    regression = series("logistic", task="a:regression", curves={}, final=more)
    return page(tmp_path_factory.mktemp("own"), trained, regression)


def test_classes_have_their_names_beside_every_network(text: str) -> None:
    assert heads(text) == [[*NAMES]] * 2


def test_classes_without_names_have_numbers(tmp_path: Path) -> None:
    assert heads(page(tmp_path, series("ry"))) == [["0", "1"]]


def test_a_metric_that_one_task_alone_has_is_left_to_the_tables(text: str) -> None:
    assert "test F1" in text
    assert "validation F1" not in text


def test_seeds_in_a_row_are_named_by_their_ends(text: str) -> None:
    assert "the others with <code>--seed 1 to 11</code>" in text
    assert "seeds 0 to 11." in text
    (folded,) = re.findall(r"<summary>SHA-256 of the images of (.*?)</summary>", text)
    assert folded == "seeds 0 to 11"
    assert text.count("11" * 32) == 1


def test_tables_without_rows_are_not_linked(text: str) -> None:
    linked = re.findall(r'href="\.\./tables/(\w+)\.csv"', text)
    assert linked == ["final", "seeds", "epochs"]


def test_room_is_kept_for_what_stands_beside_alone(text: str) -> None:
    assert "<aside>" not in text
    assert 'class="beside"' not in text


@pytest.mark.parametrize(
    ("name", "width", "lines"),
    [
        ("amplitude_frozen, china", 12, ["amplitude_", "frozen,", "china"]),
        ("amplitude_frozen", 16, ["amplitude_frozen"]),
        ("re-uploaded circuits", 8, ["re-", "uploaded", "circuits"]),
        ("noise of -0.5", 9, ["noise of", "-0.5"]),
    ],
)
def test_names_break_where_their_parts_end(name: str, width: int, lines: list[str]) -> None:
    assert wrapped(name, width).split("\n") == lines


@pytest.mark.parametrize(
    ("lowest", "start", "ticks"),
    [
        (0.1, 0.0, [0, 25, 50, 75, 100]),
        (0.38, 0.25, [25, 50, 75, 100]),
        (0.43, 0.4, [40, 60, 80, 100]),
        (0.93, 0.9, [90, 100]),
    ],
)
@pytest.mark.parametrize("count", [1, 8])
def test_curves_that_stay_high_are_drawn_large(
    lowest: float, start: float, ticks: list[int], count: int
) -> None:
    curve = Curve((lowest + 0.02, 0.97), (lowest, 0.95), (0.99, 1.0))
    thin = Curve((lowest + 0.02, 0.97), (0.0 if count > 1 else lowest, 0.95), (0.99, 1.0))
    curves = {"train_accuracy": thin, "test_accuracy": curve}
    final = dict.fromkeys(curves, stats([0.97] * 12))
    names = [f"n{i}" for i in range(count)]
    shown = [series(name, curves=curves, final=final, frozen=False) for name in names]
    figure = figures.learning_curves(shown, Palette(one.label for one in shown))
    ax = figure.axes[0] if figure.axes else figure.subfigs[0].axes[0]
    low, high = ax.get_ylim()
    assert start - 0.03 <= low < start
    found = [round(100 * tick) for tick in ax.get_yticks() if low <= tick <= high]
    assert found == ticks


@pytest.mark.parametrize(("norms", "least"), [([0.3, 4.0], 3), ([0.13, 0.17], 2), ([1e-5, 2.0], 3)])
def test_gradient_norms_have_several_numbers(norms: list[float], least: int) -> None:
    one = series("ry", gradient_norms={"O1": tuple(norms)})
    figure = gradient_norms([one], Palette(["ry"]))
    figure.draw_without_rendering()
    (ax,) = figure.axes
    low, high = ax.get_ylim()
    ticks = [*ax.yaxis.get_majorticklocs(), *ax.yaxis.get_minorticklocs()]
    labels = [each.get_text() for each in ax.get_yticklabels() + ax.get_yticklabels(minor=True)]
    shown = [t for t, label in zip(ticks, labels, strict=True) if low <= t <= high and label]
    assert len(shown) >= least
    assert math.isfinite(low)


def test_maps_say_their_channels_and_constant_ones_are_marked() -> None:
    flat, varied = ((0.5, 0.5),) * 2, ((0.1, 0.9),) * 2
    red = (((1.0, 1.0),) * 2, ((0.0, 0.0),) * 2, ((0.0, 0.0),) * 2)
    picture = Picture("china", ((0.3, 0.3),) * 2, (varied, flat), red)
    figure = feature_maps([FeatureMaps("ry", 0, (picture,), (5, 9), 12)])
    image, first, second = figure.axes
    assert [ax.get_title() for ax in figure.axes] == [
        "image",
        "channel 5 of 12",
        "channel 9 of 12",
    ]
    assert image.images[0].get_array()[0, 0].tolist() == [1.0, 0.0, 0.0]
    assert first.images
    assert not first.texts
    assert not second.images
    assert [each.get_text() for each in second.texts] == ["constant"]
    # As older folders have them: grey, and the first channels.
    old = feature_maps([FeatureMaps("ry", 0, (replace(picture, colours=()),))])
    assert [ax.get_title() for ax in old.axes] == ["image", "channel 1", "channel 2"]
    assert [each.get_text() for each in old.axes[0].texts] == ["constant"]
