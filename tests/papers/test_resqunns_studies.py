"""What is planned is what the paper says, and is known by its configuration."""

from dataclasses import replace

import pytest

from resqunn.errors import ConfigurationError
from resqunn.lab.study.seeds import seeds, spelled
from resqunn.nn.wiring import Wiring
from resqunn.papers.paper import Options
from resqunn.papers.resqunns import PAPER
from resqunn.papers.resqunns.interpretations import AS_WRITTEN, Interpretation, interpretations
from resqunn.papers.resqunns.studies import FEATURES, WIRINGS

EVERYTHING = PAPER.plan()
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
        assert [run.seed for run in STUDIES[study].runs(series)] == list(range(20))


def test_as_written_and_with_true_gradients() -> None:
    found = {(s.label, s.variant): s.config for s in STUDIES["fig8"].series}
    assert list(found) == [(w, r) for r in ("as written", "true gradients") for w in WIRINGS]
    for (_, variant), c in found.items():
        assert c.input_gradients is (variant == "true gradients")
        assert (c.reupload, c.softmax, c.readout) == (True, True, "mean_z")


def test_figure_2_is_one_layer_that_encodes_once() -> None:
    trained, frozen = STUDIES["fig2"].series
    assert (trained.label, frozen.label) == ("one layer", "one layer")
    assert (trained.frozen, frozen.frozen) == (False, True)
    c = trained.config
    assert (c.depths, c.ansatz, c.reupload, c.per_class) == ((2,), "ry_chain", False, 100)
    assert replace(c, trainable=False) == frozen.config


def test_wirings_and_tables() -> None:
    assert list(WIRINGS) == [str(wiring) for wiring in Wiring.all(2)]
    assert list(FEATURES.values()) == [49, 196, 196, 784, 784]
    assert len(STUDIES["three_layers"].series) == 15


def runs_of(study: str) -> list:
    return [run for s in STUDIES[study].series for run in STUDIES[study].runs(s)]


def test_equal_runs_of_different_studies_are_made_once() -> None:
    keys = [run.key for run in EVERYTHING.runs]
    assert len(set(keys)) == len(keys)
    fig8 = {run.key for run in runs_of("fig8")}
    fig9 = {run.key for run in runs_of("fig9")}
    assert fig8 < fig9
    assert len(fig9 - fig8) == 5 * 20  # frozen layers: the cut is without effect


def test_a_key_follows_the_configuration_but_not_the_place_of_the_data() -> None:
    run = EVERYTHING.runs[0]
    assert replace(run, config=replace(run.config, data_root="/data")).key == run.key
    assert replace(run, study="other", label="other").key == run.key
    assert replace(run, config=replace(run.config, epochs=7)).key != run.key
    assert replace(run, task="package:pixels").key != run.key


def test_interpretations() -> None:
    switches = ["gradients", "upload", "softmax", "readout", "measured"]
    names = [each.name(AS_WRITTEN) for each in interpretations(AS_WRITTEN, "all", switches)]
    assert len(set(names)) == 32
    assert names[:2] == ["as written", "first wires"]
    assert Interpretation(upload="once").name(Interpretation(upload="once")) == "as written"
    chosen = replace(PAPER.defaults, interpretations="all", figures=("8",))
    assert len(PAPER.plan(chosen).studies[0].series) == 80


def test_parts_and_mistakes() -> None:
    part = PAPER.plan(Options(figures=("9", "8")))
    assert [study.id for study in part.studies] == ["fig8", "fig9"]
    assert part.options == PAPER.plan(Options(figures=("8", "9"))).options
    assert part.command == "resqunn reproduce resqunns --figures 8 9 --data digits"
    assert EVERYTHING.command == "resqunn reproduce resqunns"
    assert EVERYTHING.options["figures"] == list(PAPER.figures)
    full = PAPER.plan(Options(figures=("full",))).studies
    assert [s.config.per_class for s in full[0].series] == ["all"] * 6
    with pytest.raises(ConfigurationError, match="unknown figure '12'"):
        PAPER.plan(Options(figures=("12",)))
    with pytest.raises(ConfigurationError, match="did you mean 'all'"):
        Options(interpretations="al")
    for wrong in ({"seeds": ()}, {"seeds": (1, 1)}, {"seeds": (-1,)}, {"epochs": 0}):
        with pytest.raises(ConfigurationError, match=r"must be"):
            Options(**wrong)


def test_seeds_by_name() -> None:
    assert seeds("2") == (0, 1)
    assert seeds("200:203") == (200, 201, 202)
    for text in ("3", "200:230"):
        assert spelled(seeds(text)) == text
    for text in ("0", "-1", "5:5", "7:3", "a", "", ":", "1:", "\u0663", "0:2000", "1" * 5000):
        with pytest.raises(ConfigurationError, match=r"seeds must be a number from 1 to 1000"):
            seeds(text)
