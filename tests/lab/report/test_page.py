"""The page: what stands in it, in which order, and what a damaged summary gives."""

import csv
import dataclasses
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import summaries
import tyro
from resqunn.lab.report.summary import pairs_of

from resqunn.errors import MissingExtraError, RunError
from resqunn.lab.report import page, style, wording, write_report
from resqunn.lab.training.config import PRESETS, TrainConfig


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    return (folder / "report/index.html").read_text(encoding="utf-8")


def small() -> dict[str, Any]:
    """A summary that is quick to draw."""
    whole = summaries.summary()
    return whole | {
        "studies": whole["studies"][:1],
        "gradients": [],
        "depth": None,
        "controls": [],
        "failures": [],
    }


def write(folder: Path, summary: Any) -> Path:
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder


def test_figures_are_written_and_not_empty(folder: Path) -> None:
    figures = folder / "report/figures"
    names = {path.stem for path in figures.iterdir()}
    expected = {"fig2-curves", "fig2-frozen", "fig8-curves", "fig8-final", "fig9-frozen"}
    expected |= {"fig10-final", "three_layers-curves".replace("_", "-"), "gradients-layers2"}
    expected |= {"gradients-layers3", "depth", "controls", "full-final"}
    assert expected <= names
    for name in names:
        svg = (figures / f"{name}.svg").read_text()
        assert min(svg.count("<path") - 2, svg.count("<text")) > 3, name
        png = (figures / f"{name}.png").read_bytes()
        assert png.startswith(b"\x89PNG"), name
        assert len(png) > 5000, name


class Page(HTMLParser):
    """Gathers ids, references, and whether elements close in order."""

    VOID = {"meta", "br", "link", "img", "input", "hr"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.references: set[str] = set(re.findall(r"url\(#([^)]+)\)", text))
        self.links: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        self.handle_startendtag(tag, attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name in ("href", "src", "xlink:href", "action") and value:
                if value.startswith("#"):
                    self.references.add(value[1:])
                else:
                    self.links.append((tag, value))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_is_self_contained(folder: Path, text: str) -> None:
    found = Page(text)
    assert found.open == []
    assert text.lstrip().startswith("<!DOCTYPE html>")
    assert not re.search(r"https?://|//[a-z]|@import|<script|<link|<img|<iframe|url\((?!#)", text)
    for tag, target in found.links:
        assert tag == "a"
        assert (folder / "report" / target).is_file()


def test_ids_are_unique_and_references_resolve(text: str) -> None:
    found = Page(text)
    assert len(found.ids) == len(set(found.ids))
    assert found.references <= set(found.ids)


def test_sections_stand_in_order(text: str) -> None:
    order = ["answer", "verdicts", "studies", "gradients", "circuits", "controls", "beyond"]
    order += ["rerun", "failures"]
    places = [text.index(f' id="{name}"') for name in order]
    assert places == sorted(places)
    assert text.index('id="study-fig8"') < text.index('id="gradients"')
    assert text.index('id="beyond"') < text.index('id="study-three_layers"')


def test_verdicts_are_words_and_numbers_carry_units(text: str) -> None:
    for verdict, css in wording.VERDICTS.items():
        assert f'<span class="verdict {css}">{verdict}</span>' in text
    assert re.search(r"\+\d\d\.\d\u00a0points \[[+\u2212]\d", text)
    assert "<summary>and 4 more</summary>" in text
    assert "Of 5 claims of the paper, 1 is reproduced, 1 in direction only" in text
    assert "2 of 15 wirings pass a gradient to every layer when input derivatives are cut" in text


def test_names_are_escaped(folder: Path, text: str) -> None:
    assert "only &lt;two&gt; wirings learn &amp; &#34;score&#34;" in text
    assert "<two>" not in text
    assert "<NaN>" not in text
    assert "most frequent class &lt;&amp;" in (folder / "report/figures/controls.svg").read_text()


def test_dollars_and_markup_in_labels_are_drawn_as_they_are(tmp_path: Path) -> None:
    summary = small()
    for series in summary["studies"][0]["series"]:
        series["label"] = "$x_1$ <b>&\"'"
    summary["studies"][0]["id"] = "../up & <away>"
    write_report(write(tmp_path, summary))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report", "summary.json"]
    svg = (tmp_path / "report/figures/up-away-curves.svg").read_text()
    assert "$x_1$ &lt;b&gt;&amp;" in svg
    assert "<b>&" not in (tmp_path / "report/index.html").read_text()


def test_numbers_beside_the_page(folder: Path) -> None:
    numbers = folder / "report/numbers"
    summary = summaries.summary()
    assert json.loads((numbers / "summary.json").read_text())["claims"] == summary["claims"]
    with (numbers / "final.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    count = sum(len(study["series"]) for study in summary["studies"]) + len(summary["controls"])
    assert len(rows) == 2 * count
    first = summary["studies"][0]["series"][0]["final"]["train_accuracy"]
    assert float(rows[0]["mean"]) == first["mean"]
    assert float(rows[0]["interval_low"]) == first["interval"][0]
    for name in ("claims", "seeds", "epochs", "gradients", "depth"):
        assert len((numbers / f"{name}.csv").read_text().splitlines()) > 5


def test_parts_that_were_not_run_are_left_out(tmp_path: Path) -> None:
    page = write_report(write(tmp_path, {"format": 1}))
    text = page.read_text()
    assert 'id="rerun"' in text
    for name in ("verdicts", "studies", "gradients", "circuits", "controls", "beyond", "failures"):
        assert f'id="{name}"' not in text
    assert list((tmp_path / "report/figures").iterdir()) == []


def test_a_second_report_replaces_the_first(tmp_path: Path) -> None:
    write_report(write(tmp_path, small()))
    (tmp_path / "report/notes.txt").write_text("mine")
    again = small()
    again["studies"] = []
    again["gradients"] = [summaries.gradients(2)]
    write_report(write(tmp_path, again))
    names = {path.name for path in (tmp_path / "report/figures").iterdir()}
    assert names == {"gradients-layers2.svg", "gradients-layers2.png"}
    assert not (tmp_path / "report/numbers/seeds.csv").exists()
    assert (tmp_path / "report/notes.txt").read_text() == "mine"


def test_one_seed_has_no_interval(tmp_path: Path) -> None:
    summary = small()
    for series in summary["studies"][0]["series"]:
        for quantity in ("train_accuracy", "validation_accuracy"):
            series["final"][quantity] = summaries.stats([0.5])
            series["epochs"][quantity] |= {"low": None, "high": None}
    text = write_report(write(tmp_path, summary)).read_text()
    assert "<td>50.0\u00a0%</td>" in text


@pytest.mark.parametrize(
    ("preset", "changes"),
    [
        ("paper", {"wiring": "(X+O1)+O2", "data": "mnist"}),
        ("paper", {"input_gradients": True, "trainable": False, "softmax": False}),
        ("paper", {"head": "quantum", "measured": (6, 7, 8, 9), "classes": 4}),
        ("resqunn", {"depths": (1, 2, 3), "per_class": "all", "angle_scale": 0.5}),
    ],
)
def test_command_line_gives_the_configuration_back(preset: str, changes: dict[str, Any]) -> None:
    config = dataclasses.replace(PRESETS[preset], **changes)
    stored = json.loads(json.dumps(dataclasses.asdict(config)))
    words = shlex.split(wording.command(stored, seed=3))
    assert words[:2] == ["resqunn", "train"]
    options = words[2:]
    if "--preset" in options:
        assert options[:2] == ["--preset", preset]
    read = tyro.cli(TrainConfig, args=options, default=PRESETS[preset])
    assert read == dataclasses.replace(config, seed=3)


def test_trained_and_frozen_series_find_each_other() -> None:
    fig2, _, fig9, *_ = summaries.summary()["studies"]
    fig2["series"][1]["label"] = "untrainable"
    for series in fig9["series"]:
        series["config"]["input_gradients"] &= series["trainable"]
    assert [(a["label"], b["label"]) for a, b in pairs_of(fig2)] == [("one layer", "untrainable")]
    assert len(pairs_of(fig9)) == 10
    assert all(a["trainable"] and not b["trainable"] for a, b in pairs_of(fig9))
    assert all(a["reading"] == b["reading"] for a, b in pairs_of(fig9))


def test_wording() -> None:
    assert wording.duration(724.3) == "12\u00a0min 4\u00a0s"
    assert wording.duration(3725) == "1\u00a0h 2\u00a0min"
    assert wording.duration(4.25) == "4.2\u00a0s"
    assert wording.figures_named("Sec. 5.1.1, Fig. 3, 7 and 11") == {3, 7, 11}
    assert wording.figures_named("Table 2") == set()
    half = {"mean": -0.012, "interval": [-0.1, 0.076], "values": []}
    assert wording.measured("train accuracy, A minus B", half) == (
        "\u22121.2\u00a0points [\u221210.0, +7.6]"
    )
    assert wording.measured("wirings", summaries.stats([1, 0, 1, 0, 0])) == "2 of 5"
    assert wording.measured("layers", {"mean": 2.0, "values": [2.0]}) == "2"


def damage(change: Callable[[dict[str, Any]], Any]) -> str:
    summary = small()
    change(summary)
    return json.dumps(summary)


MISTAKES = {
    "{": "cannot be read",
    "[]": "holds no JSON object",
    "{}": "names no format",
    '{"format": 3}': "has format 3, and this version of resqunn shows format 2",
    '{"format": 2}': "fails its checksum",
    '{"format": 1, "sha256": "0"}': "has format 1",
    '{"format": 1, "studies": 3}': "damaged: studies is not a list",
    damage(lambda s: s["studies"][0]["series"][1].pop("final")): (
        "damaged: studies[0].series[1].final is missing"
    ),
    damage(lambda s: s["claims"][2].update(verdict=5)): "damaged: claims[2].verdict is 5",
    damage(lambda s: s["claims"][0]["measured"][0].update(stats={"mean": 1})): (
        "damaged: claims[0].measured[0].stats.values is missing"
    ),
    damage(lambda s: s.update(depth={"title": "", "rows": [{}]})): (
        "damaged: depth.rows[0].ansatz is missing"
    ),
}


@pytest.mark.parametrize(("content", "message"), MISTAKES.items(), ids=range(len(MISTAKES)))
def test_damaged_summaries_are_one_clear_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "summary.json").write_text(content)
    with pytest.raises(RunError) as caught:
        write_report(tmp_path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "report").exists()


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    write(tmp_path, {"format": 1})
    (tmp_path / "report").write_text("a file stands in the way")
    with pytest.raises(RunError, match="cannot be written"):
        write_report(tmp_path)


def test_missing_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, small())
    for module, go in (
        ("jinja2", lambda: page._template()),
        ("matplotlib", lambda: style.styled(lambda: None)()),
    ):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(MissingExtraError, match=r"pip install 'resqunn\[report\]'"):
            go()


def test_the_command(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "resqunn", "report"]
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("resqunn: error: ")
    assert done.stderr.count("\n") == 1
    assert "there is no summary.json in it" in done.stderr
    write(tmp_path, small())
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_file()
