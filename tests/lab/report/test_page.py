"""The page: what stands in it and in which order, from results of every shape."""

import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from resqunn.errors import MissingExtraError, RunError
from resqunn.lab.report import page, style, verdicts, write_report
from resqunn.lab.study.results import (
    Environment,
    GradientTable,
    NormsByDepth,
    Results,
    Source,
    StudyResult,
    write_results,
)

import sample_results

GREY = "This was a quick run."


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    return (folder / "report/index.html").read_text(encoding="utf-8")


def reported(folder: Path, results: Results) -> str:
    """The page of these results."""
    write_results(folder, results)
    return write_report(folder).read_text(encoding="utf-8")


def with_studies(*studies: StudyResult, **more) -> Results:
    return replace(sample_results.small(), studies=studies, claims=(), **more)


def test_figures_are_written_and_not_empty(folder: Path) -> None:
    figures = folder / "report/figures"
    names = {path.stem for path in figures.iterdir()}
    assert names == {
        *("overview", "one-curves", "one-frozen", "five-curves", "five-final"),
        *("frozen-curves", "frozen-frozen", "quantum-curves", "quantum-final"),
        *("layers2-gradients", "layers3-gradients", "controls-final", "deep-curves"),
        *("deep-final", "full-curves", "full-final", "by-depth-norms"),
    }
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
    address = sample_results.results().source.address
    assert ("a", address) in found.links
    rest = text.replace(address, "")
    assert not re.search(r"https?://|//[a-z]|@import|<script|<link|<img|<iframe|url\((?!#)", rest)
    for tag, target in found.links:
        assert tag == "a"
        assert target == address or (folder / "report" / target).is_file()


def test_it_links_every_table_and_the_results(text: str) -> None:
    names = ("claims", "final", "seeds", "epochs", "gradients", "norms")
    for target in ("../summary.json", *(f"../tables/{name}.csv" for name in names)):
        assert f'href="{target}"' in text


def test_it_has_a_dark_mode_and_figures_that_follow_it(text: str) -> None:
    assert "@media (prefers-color-scheme: dark)" in text
    drawn = "".join(re.findall(r"<svg .*?</svg>", text, re.DOTALL))
    assert "var(--ink)" in drawn
    assert style.INK not in drawn
    assert style.PAPER not in drawn


def test_ids_are_unique_and_references_resolve(text: str) -> None:
    found = Page(text)
    assert len(found.ids) == len(set(found.ids))
    assert found.references <= set(found.ids)


def test_sections_stand_in_the_order_of_the_source(text: str) -> None:
    order = ["answer", "overview", "verdicts", "section-trained", "study-one", "study-five"]
    order += ["section-gradients", "study-layers2", "section-controls", "section-beyond"]
    order += ["study-deep", "study-by-depth", "circuits", "rerun", "failures"]
    places = [text.index(f' id="{name}"') for name in order]
    assert places == sorted(places)


def test_a_section_that_the_source_does_not_name_is_shown_too(tmp_path: Path) -> None:
    study = replace(sample_results.small().studies[0], section="Elsewhere & more")
    assert "<h2>Elsewhere &amp; more</h2>" in reported(tmp_path, with_studies(study))


def test_the_first_picture_is_of_the_study_with_most_claims(text: str) -> None:
    assert text.index("<figure") < text.index('id="verdicts"')
    assert "<strong>Five networks of two layers (as written).</strong>" in text


def test_claims_stand_beside_the_studies_of_their_figures(text: str) -> None:
    part = text[text.index('id="study-five"') : text.index('id="study-frozen"')]
    assert "O1+O2 is clearly better than X+O1" in part
    assert "Training one layer" not in part
    part = text[text.index('id="study-layers3"') : text.index('id="section-controls"')]
    assert 'href="#claim-two-reach-all"' in part


def test_verdicts_are_words_and_numbers_carry_units(text: str) -> None:
    for verdict, (css, _, _) in verdicts.VERDICTS.items():
        assert f'<span class="verdict {css}">{verdict}</span>' in text
    assert re.search(r"\+\d\d\.\d\u00a0points \[[+\u2212]\d", text)
    assert "<summary>and 11 more</summary>" in text
    assert "Of 6 claims, 1 is supported, 1 holds in direction, 1 is contradicted" in text
    assert "every layer of 2 of 15 networks (cut input derivatives)" in text
    assert "Supported: as written; contradicted: true gradients." in text
    assert "Held back by training accuracy, O1+O2 minus X+O1." in text
    assert "no correction is made across variants or claims" in text
    assert "Seeds that learn: their validation accuracy ends more than 2\u00a0points" in text
    rows = sum(
        row.quantity.unit == "points"
        for claim in sample_results.results().claims
        for variant in claim.variants
        for row in variant.measured
    )
    assert text.count('<svg class="strip"') == rows
    assert text.count("ahead by more than 2\u00a0points in ") == rows - 2


def test_controls_are_drawn_above_the_networks_that_they_are_compared_with(folder: Path) -> None:
    svg = (folder / "report/figures/controls-final.svg").read_text()
    shown = [svg.index(f">{name}<") for name in ("Conv2d with as many weights", "none", "O1+O2")]
    assert shown == sorted(shown)
    assert "39,220" in (folder / "report/index.html").read_text()


def test_names_are_escaped(folder: Path, text: str) -> None:
    assert "only &lt;two&gt; networks learn &amp; &#34;score&#34;" in text
    assert "<two>" not in text
    assert "<NaN>" not in text
    svg = (folder / "report/figures/controls-final.svg").read_text()
    assert "most frequent class &lt;&amp;" in svg


HOSTILE = "$x_1$ <b>&\"' [bold]\x1b[31m\ud800\ufffe\u202e研究"


def test_hostile_words_are_shown_as_they_are_and_escape_nothing(tmp_path: Path) -> None:
    small = sample_results.small()
    series = [replace(one, label=HOSTILE, variant=HOSTILE) for one in small.studies[0].series]
    study = replace(small.studies[0], id="../up & <away>", title=HOSTILE, series=tuple(series))
    source = replace(small.source, title=HOSTILE, address="javascript:alert(1)")
    cleaned = replace(small, studies=(study,), source=source, options={HOSTILE: [HOSTILE, 1]})
    text = reported(tmp_path, cleaned)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report", "summary.json", "tables"]
    assert 'href="javascript' not in text
    svg = (tmp_path / "report/figures/up-away-curves.svg").read_text()
    assert "$x_1$ &lt;b&gt;&amp;" in svg
    ElementTree.fromstring(svg)
    for shown in (text, svg, (tmp_path / "tables/final.csv").read_text()):
        assert "[bold]" in shown
        assert "研究" in shown
        assert not set("\x1b\ufffe\u202e") & set(shown)
    assert "<b>&" not in text


def test_very_long_names_leave_room_for_the_figure(tmp_path: Path) -> None:
    study = sample_results.small().studies[0]
    series = [replace(one, label="a long name " * 40) for one in study.series]
    reported(tmp_path, with_studies(replace(study, series=tuple(series))))  # warnings are errors
    assert "…" in (tmp_path / "report/figures/one-frozen.svg").read_text()


def test_parts_that_were_not_run_are_left_out(tmp_path: Path) -> None:
    empty = Results("0", Source("x", "Nothing"), {}, "", Environment(), 0.0, "")
    text = reported(tmp_path, empty)
    assert "<h1>Nothing</h1>" in text
    assert 'id="rerun"' in text
    for name in ("overview", "verdicts", "circuits", "failures", "warning"):
        assert f'id="{name}"' not in text
    assert list((tmp_path / "report/figures").iterdir()) == []


def test_studies_may_have_any_parts(tmp_path: Path) -> None:
    whole = sample_results.small().studies[0]
    only_final = [replace(one, curves={}, variant="", frozen=False) for one in whole.series]
    one_metric = [replace(one, final={"f1": one.final["train_accuracy"]}) for one in only_final]
    three = {f"metric_{i}": one_metric[0].final["f1"] for i in range(3)}
    table = GradientTable(
        2, {"a": "A", "b": "B", "c": "C"}, sample_results.gradients(2).gradients.rows
    )
    studies = [
        replace(whole, id="final", series=tuple(only_final[:1])),
        replace(whole, id="single", series=tuple(one_metric)),
        replace(whole, id="three", series=(replace(one_metric[0], final=three),)),
        replace(whole, id="nothing", series=()),
        replace(whole, id="table", series=(), gradients=table),
        replace(whole, id="zero", series=(), norms=(NormsByDepth("p", "l", 2, (0.0, 0.0)),)),
    ]
    text = reported(tmp_path, with_studies(*studies))
    names = {path.stem for path in (tmp_path / "report/figures").iterdir()}
    assert names == {"overview", "final-final", "single-final", "three-final", "table-gradients",
                     "zero-norms"}  # fmt: skip
    assert "<th>F1</th>" in text
    assert "<th>metric 2</th>" in text
    assert "<th>variant</th>" not in text


def test_without_trained_networks_the_first_picture_is_of_gradients(tmp_path: Path) -> None:
    text = reported(tmp_path, with_studies(sample_results.gradients(2)))
    assert 'id="figure-overview"' in text


def test_too_few_seeds_show_no_interval(tmp_path: Path) -> None:
    text = reported(tmp_path, sample_results.small(seeds=2))
    shown = text[text.index("<body") :]
    assert not re.search(r"\[[+\u2212\d]", shown)
    assert "95 %" not in shown
    assert "mean\u00a0" not in shown
    assert 'class="interval"' not in shown
    assert 'class="verdict unsure">undecided: 2 seeds</span>' in shown
    assert "Verdicts are given from 10 seeds on." in shown
    assert "\u00a0points (2 seeds)" in text
    assert "2 seeds: too few for an interval" in text
    svg = (tmp_path / "report/figures/one-frozen.svg").read_text()
    assert "opacity: 0.28" not in svg
    enough = reported(tmp_path, sample_results.small())
    assert "opacity: 0.28" in (tmp_path / "report/figures/one-frozen.svg").read_text()
    assert "Intervals are 95 % intervals of the median" in enough


def test_a_warning_is_shown_and_turns_verdicts_grey(tmp_path: Path) -> None:
    small = sample_results.small()
    text = reported(tmp_path, replace(small, source=replace(small.source, warning=GREY)))
    assert f'<p class="warning" role="note">{GREY}</p>' in text
    assert set(re.findall(r'class="verdict (\w+)"', text)) == {"open"}


def test_it_says_how_to_run_it_again(text: str) -> None:
    again = text[text.index('id="rerun"') :]
    words = re.sub(r"</?span>", "", again)
    assert "resqunn reproduce --data mnist --seeds 20" in words
    assert words.count("resqunn train") == sum(
        one.task == "train" for study in sample_results.results().studies for one in study.series
    )
    assert "Made by <code>module:function</code>, seeds 0 to " in words


def test_labels_have_a_colour_and_a_marker_each() -> None:
    labels = [str(i) for i in range(60)]
    palette = style.Palette(labels * 2)
    looks = {(palette.colour(label), palette.marker(label)) for label in labels}
    assert len(looks) == len(labels)
    assert palette.colour("0") == style.OKABE_ITO[0]


@pytest.mark.parametrize("place", ["report", "report/figures", "tables"])
def test_links_in_the_place_of_its_folders_are_refused(tmp_path: Path, place: str) -> None:
    folder, elsewhere = tmp_path / "results", tmp_path / "elsewhere"
    (folder / place).parent.mkdir(parents=True)
    elsewhere.mkdir()
    (elsewhere / "mine.svg").write_text("mine")
    (folder / place).symlink_to(elsewhere)
    write_results(folder, sample_results.small())
    with pytest.raises(RunError, match="is a symbolic link") as caught:
        write_report(folder)
    assert "\n" not in str(caught.value)
    assert [path.name for path in elsewhere.iterdir()] == ["mine.svg"]


def test_a_second_report_removes_what_the_first_wrote_and_nothing_else(tmp_path: Path) -> None:
    reported(tmp_path, sample_results.small())
    figures = tmp_path / "report/figures"
    mine = [figures / "mine.svg", figures / "mine.png", tmp_path / "report/notes.txt"]
    mine.append(tmp_path / "tables/mine.csv")
    for path in mine:
        path.write_text("mine")
    reported(tmp_path, with_studies(sample_results.gradients(2)))
    names = {path.name for path in figures.iterdir()}
    drawn = {
        f"{name}.{kind}" for name in ("overview", "layers2-gradients") for kind in ("svg", "png")
    }
    assert names == drawn | {"mine.svg", "mine.png"}
    assert all(path.read_text() == "mine" for path in mine)


def test_a_list_of_files_is_believed_only_about_its_own_folder(tmp_path: Path) -> None:
    from resqunn.lab.report.figure_folder import LIST
    from resqunn.lab.training.files import sealed

    reported(tmp_path, sample_results.small())
    (tmp_path / "mine.svg").write_text("mine")
    own = tmp_path / "report" / LIST
    for names in (["../../mine.svg", "/mine.svg", 3, "..", "\0.svg", "gone.svg"], "mine.svg"):
        own.write_bytes(sealed(LIST, {"figures": names}))
        write_report(tmp_path)
    own.write_text("{}")  # damaged: nothing is removed
    (tmp_path / "report/figures/mine.svg").write_text("mine")
    write_report(tmp_path)
    assert (tmp_path / "mine.svg").read_text() == "mine"
    assert (tmp_path / "report/figures/mine.svg").read_text() == "mine"


def test_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    write_results(tmp_path, sample_results.small())
    (tmp_path / "report").write_text("a file stands in the way")
    with pytest.raises(RunError, match="cannot be written"):
        write_report(tmp_path)


def test_damaged_results_write_nothing(tmp_path: Path) -> None:
    path = write_results(tmp_path, sample_results.small())
    path.write_text(path.read_text().replace('"points"', '"pounds"'))
    with pytest.raises(RunError, match="fails its checksum"):
        write_report(tmp_path)
    assert not (tmp_path / "report").exists()


def test_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, go in (
        ("jinja2", lambda: page._template()),
        ("matplotlib", lambda: style.styled(lambda: None)()),
    ):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(MissingExtraError, match=r"pip install 'resqunn\[lab\]'"):
            go()


def test_the_command(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "resqunn", "report"]
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("resqunn: error: ")
    assert done.stderr.count("\n") == 1
    assert "there is no summary.json in it" in done.stderr
    write_results(tmp_path, sample_results.small())
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_file()


def test_a_figure_is_the_same_document_at_each_call() -> None:
    from matplotlib.figure import Figure

    documents = []
    for _ in range(2):
        figure = Figure()
        figure.subplots().plot([1, 3, 2], label="a")
        documents.append(style.svg_of(figure))
    assert documents[0] == documents[1]


def test_a_folder_of_results_causes_no_import(tmp_path: Path) -> None:
    (tmp_path / "planted.py").write_text("raise SystemExit('it was imported')\n")
    results = sample_results.small()
    source = replace(results.source, name="planted:PAPER", address="planted:PAPER")
    write_results(tmp_path, replace(results, source=source))
    code = (
        "from resqunn.lab import open_results, write_report; open_results('.'); write_report('.')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_no_word_of_any_source_is_in_the_code() -> None:
    folder = Path(page.__file__).parent
    words = re.compile(r"fig\d|wiring|\bas.written|resqunns|three.layers|controls|the paper", re.I)
    for path in [*folder.glob("*.py"), *folder.glob("*.html")]:
        assert not words.search(path.read_text()), path.name
