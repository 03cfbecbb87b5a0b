"""What is planned is what the paper says, and is known by its configuration."""

from dataclasses import replace

import pytest

from resqunn.errors import ConfigurationError, RunError
from resqunn.lab.study.plan import FIGURES, Options
from resqunn.nn.wiring import Wiring
from resqunn.papers.resqunns.catalogue import plan
from resqunn.papers.resqunns.figures import FEATURES, WIRINGS
from resqunn.papers.resqunns.interpretations import AS_WRITTEN, Reading, readings

EVERYTHING = plan(Options())
STUDIES = {study.id: study for study in EVERYTHING.studies}


@pytest.mark.parametrize(
    ("study", "classes", "head"),
    [("fig8", 10, "linear"), ("fig9", 10, "linear"), ("fig10", 4, "quantum")],
)
def test_table_3(study: str, classes: int, head: str) -> None:
    for series in STUDIES[study].series:
        c = series.config
        assert (c.data, c.classes, c.per_class, c.head) == ("mnist", classes, 200, head)
        assert (c.batch_size, c.learning_rate, c.epochs) == (16, 0.01, 30)
        assert (c.encoding, c.ansatz, c.kernel_size, c.depths) == ("ry", "rx_chain", 2, (4, 1))
        assert (c.angle_scale, c.align) == (1.0, "zero_pad")
        assert [run.seed for run in series.runs] == [0, 1, 2, 3, 4]


def test_as_written_and_with_true_gradients() -> None:
    found = {(s.label, s.reading): s.config for s in STUDIES["fig8"].series}
    assert list(found) == [(w, r) for r in ("paper", "true gradients") for w in WIRINGS]
    for (_, reading), c in found.items():
        assert c.input_gradients is (reading == "true gradients")
        assert (c.reupload, c.softmax, c.readout) == (True, True, "mean_z")


def test_figure_2_is_one_layer_that_encodes_once() -> None:
    trained, frozen = STUDIES["fig2"].series
    assert (trained.label, frozen.label) == ("trainable", "untrainable")
    c = trained.config
    assert (c.depths, c.ansatz, c.reupload, c.per_class) == ((2,), "ry_chain", False, 100)
    assert replace(c, trainable=False) == frozen.config


def test_wirings_and_tables() -> None:
    assert list(WIRINGS) == [str(wiring) for wiring in Wiring.all(2)]
    assert list(FEATURES.values()) == [49, 196, 196, 784, 784]
    assert len(STUDIES["three_layers"].series) == 15


def test_equal_runs_of_different_studies_are_made_once() -> None:
    keys = [run.key for run in EVERYTHING.runs]
    assert len(set(keys)) == len(keys)
    fig8 = {run.key for series in STUDIES["fig8"].series for run in series.runs}
    fig9 = {run.key for series in STUDIES["fig9"].series for run in series.runs}
    assert fig8 < fig9
    assert len(fig9 - fig8) == 5 * 5  # frozen layers: the reading of derivatives is without effect


def test_a_key_follows_the_configuration_but_not_the_place_of_the_data() -> None:
    run = EVERYTHING.runs[0]
    assert replace(run, config=replace(run.config, data_root="/data")).key == run.key
    assert replace(run, study="other", label="other").key == run.key
    assert replace(run, config=replace(run.config, epochs=7)).key != run.key
    assert replace(run, kind="pixels").key != run.key


def test_readings() -> None:
    every = readings(AS_WRITTEN, "all", ["gradients", "upload", "softmax", "readout", "measured"])
    names = [reading.name(AS_WRITTEN) for reading in every]
    assert len(set(names)) == 32
    assert names[:2] == ["paper", "first wires"]
    assert Reading(upload="once").name(Reading(upload="once")) == "paper"
    assert {len(plan(Options(readings="all", figures=(f,))).studies[0].series) for f in "8"} == {80}


def test_parts_and_mistakes() -> None:
    part = plan(Options(figures=("9", "8")))
    assert [study.id for study in part.studies] == ["fig8", "fig9"]
    assert (part.surveys, part.depth, part.controls) == ((), None, None)
    assert Options(figures=("9", "8")) == Options(figures=("8", "9"))
    assert Options().figures == FIGURES
    with pytest.raises(ConfigurationError, match="unknown figure '12'"):
        Options(figures=("12",))
    with pytest.raises(ConfigurationError, match="did you mean 'all'"):
        Options(readings="al")
    for wrong in ({"seeds": 0}, {"epochs": 0}, {"figures": ()}, {"quick": True, "full": True}):
        with pytest.raises(RunError):
            Options(**wrong)
