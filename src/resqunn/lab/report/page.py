"""One self-contained HTML page from the results of a study, with its figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

from resqunn.errors import MissingExtraError, RunError
from resqunn.lab.report import figures, formatting, gradient_figures, verdicts
from resqunn.lab.report.axis_figures import by_axis, gradient_norms
from resqunn.lab.report.feature_figures import feature_maps
from resqunn.lab.report.figure_folder import FigureFolder
from resqunn.lab.report.marks import has_intervals
from resqunn.lab.report.noise_figures import has_curves, under_noise
from resqunn.lab.report.series import (
    Series,
    class_names,
    drawn_metrics,
    first_variant,
    focused,
    metrics_of,
    pairs_of,
    variants_of,
)
from resqunn.lab.report.strips import strip
from resqunn.lab.report.style import Palette, inline, svg_of, write_figure
from resqunn.lab.report.text import cleaned, summary
from resqunn.lab.study.finished import METRICS
from resqunn.lab.study.plan import TRAIN
from resqunn.lab.study.questions import DELTA, ClaimResult
from resqunn.lab.study.results import Results, StudyResult, open_results
from resqunn.lab.study.statistics import FEWEST
from resqunn.lab.study.tables import FOLDER as TABLES
from resqunn.lab.study.tables import write_tables
from resqunn.lab.training.files import write_atomically

CURVES = "After each epoch: the median over seeds, and a band from the lowest to the highest."
GRADIENTS = (
    "Norm of the loss gradient with respect to each layer's weights. None: no path leads from the "
    "loss to the weights. Zero: a path does, but the gradient is exactly zero. Vanishing: tiny "
    "beside the largest layer's."
)
AXES = (
    "For each network the median over seeds, its interval and every seed; each is the mean over "
    "what else is varied. Networks that this does not change are left out."
)
FEATURES = (
    "What the first layer makes of an image, each map in its own grey values: up to four channels "
    "of each network, those that vary before constant ones; trained with its first seed, at its "
    "best epoch."
)
UNDER = (
    "Trained networks whose circuits are evaluated under noise: the median over seeds, and for the "
    "first number of shots the interval, along the strength of each channel."
)
BY_EPOCH = (
    "L2 norm of the gradient of each part's weights, the mean over an epoch's batches and over "
    "seeds, on a logarithmic scale."
)
NORMS = (
    "Gradient norm of the first and of the last layer against the number of layers, on a "
    "logarithmic scale. A gap is a gradient that is exactly zero."
)


@dataclass(frozen=True)
class Shown:
    """A figure in the page: two SVG elements, for a desktop and for a phone."""

    name: str
    title: str
    caption: str
    wide: str
    narrow: str


@dataclass(frozen=True)
class Part:
    """A study in the page, with the claims that are about the same figures of its source.

    Attributes:
        metrics: those that are shown.
        others: those that are only listed.
        names: of the classes, by how many there are.
    """

    anchor: str
    study: StudyResult
    metrics: list[str]
    figures: list[Shown]
    claims: list[ClaimResult]
    others: list[str]
    names: dict[int, tuple[str, ...]]


@dataclass(frozen=True)
class Section:
    """A titled part of the page."""

    anchor: str
    title: str
    parts: list[Part]


def write_report(folder: str | Path) -> Path:
    """Writes `folder/report/index.html` from the results in a folder.

    The page needs no network and no other file. Beside it are its figures as SVG and PNG
    (`figures/`); its numbers are in `folder/tables/`, as CSV. Parts that were not run are left
    out.

    Returns:
        The page's path.

    Raises:
        RunError: if the results are missing, damaged or of another format, if the report
            cannot be written, or if one of its folders is a symbolic link.
        MissingExtraError: without the extra `[lab]`.
    """
    folder = Path(folder)
    found = open_results(folder)
    template = _template()
    try:
        figure_folder = FigureFolder(folder / "report")
        tables = write_tables(folder, found)
        page = _Page(cleaned(found), figure_folder)
        text = template.render(**page.content(), tables=[f"{TABLES}/{name}" for name in tables])
        figure_folder.tidy()
        target = folder / "report" / "index.html"
        write_atomically(target, text.encode())
    except OSError as error:
        raise RunError(f"the report cannot be written: {error}") from None
    return target


def _template() -> Any:
    try:
        import jinja2
    except ModuleNotFoundError as error:
        if error.name != "jinja2":
            raise
        raise MissingExtraError("the report", "lab") from None
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(_file("template.html"))


def _file(name: str) -> str:
    return resources.files("resqunn.lab.report").joinpath(name).read_text("utf-8")


class _Page:
    """Draws the figures and gathers what each section shows."""

    def __init__(self, results: Results, folder: FigureFolder) -> None:
        self.results, self.folder = results, folder
        self._anchors: set[str] = set()
        labels = [one.label for study in results.studies for one in study.series]
        labels += [row.label for study in results.studies for row in study.norms]
        self._palette = Palette(labels)

    def content(self) -> dict[str, Any]:
        """What the template shows."""
        results = self.results
        series = [one for study in results.studies for one in study.series]
        claims = {claim.id: self._anchor("claim", claim.id) for claim in results.claims}
        overview = self._overview()
        return {
            "results": results,
            "style": _file("style.css"),
            "word": formatting,
            "judged": verdicts,
            "strip": strip,
            "fewest": FEWEST,
            "delta": DELTA,
            "answer": summary(results),
            "overview": overview,
            "sections": self._sections(),
            "claim_anchors": claims,
            "grey": bool(results.source.warning),
            "intervals": has_intervals(series)
            or any(
                row.stats.interval
                for claim in results.claims
                for variant in claim.variants
                for row in variant.measured
            ),
            "frozen": any(one.frozen for one in series),
            "said": any(claim.said for claim in results.claims),
        }

    def _sections(self) -> list[Section]:
        named = self.results.source.sections
        titles = {study.section: study.section for study in self.results.studies}
        sections = []
        for name, title in (named | {n: t for n, t in titles.items() if n not in named}).items():
            studies = [study for study in self.results.studies if study.section == name]
            parts = [part for study in studies if (part := self._part(study)).figures]
            if parts:
                sections.append(Section(self._anchor("section", name), title, parts))
        return sections

    def _part(self, study: StudyResult) -> Part:
        reported = self.results.reported
        metrics = metrics_of(study.series)
        shown = [name for name in metrics if name == reported] or metrics
        draw = self._asked if reported else self._trained
        return Part(
            anchor=self._anchor("study", study.id),
            study=study,
            metrics=shown,
            figures=[*draw(study), *self._gradients(study)],
            claims=[] if reported else [c for c in self.results.claims if _about(c, study)],
            others=[name for name in _of_most(study.series, metrics) if name not in shown],
            names=class_names(study.series),
        )

    def _asked(self, study: StudyResult) -> list[Shown]:
        """Of a study that reports one metric: its axes, its curves and its gradients."""
        name, series, shown = formatting.slug(study.id), study.series, []
        for axis in self.results.axes:
            draw = partial(by_axis, axis, series, self.results.reported, self._palette)
            if any(one.values for one in series) and len(axis.values) > 1:
                title = f"By {axis.name.replace('_', ' ')}"
                shown.append(
                    self._figure(f"{name}-by-{formatting.slug(axis.name)}", draw, title, AXES)
                )
        if has_curves(self.results.evaluated):
            draw = partial(under_noise, series, self.results.evaluated, self._palette)
            shown.append(self._figure(f"{name}-noise", draw, "Under noise", UNDER))
        trained = focused(series, METRICS)
        if drawn_metrics(trained):
            draw = partial(figures.learning_curves, trained, self._palette)
            shown.append(self._figure(f"{name}-curves", draw, "Learning curves", CURVES))
        maps = [each for each in study.features if each.pictures]
        if maps:
            draw = partial(feature_maps, maps)
            shown.append(self._figure(f"{name}-features", draw, "Feature maps", FEATURES))
        first = [one for one in first_variant(series) if any(one.gradient_norms.values())]
        if first:
            draw = partial(gradient_norms, first, self._palette)
            title = "Gradient norms" + (f" ({first[0].variant})" if first[0].variant else "")
            shown.append(self._figure(f"{name}-gradients", draw, title, BY_EPOCH))
        return shown

    def _trained(self, study: StudyResult) -> list[Shown]:
        name, series, shown = formatting.slug(study.id), study.series, []
        if drawn_metrics(series):
            draw = partial(figures.learning_curves, series, self._palette)
            shown.append(self._figure(f"{name}-curves", draw, "Learning curves", CURVES))
        pairs, after = pairs_of(series), bool(metrics_of(series))
        if pairs and after:
            draw = partial(figures.trained_against_frozen, series, self._palette)
            shown.append(
                self._figure(f"{name}-frozen", draw, "Trained and frozen layers", _after(series))
            )
        if 2 * len(pairs) < len(series) and after:
            beside = self._beside(study)
            caption = _after([*series, *beside])
            if beside:
                variant = f" ({beside[0].variant})" if beside[0].variant else ""
                caption += f" Below the line, for comparison, trained networks{variant}."
            draw = partial(figures.final_values, series, self._palette, beside=beside)
            shown.append(self._figure(f"{name}-final", draw, "After training", caption))
        return shown

    def _beside(self, study: StudyResult) -> Series:
        """The trained series of the study that is shown for comparison, in its first variant."""
        others = [other for other in self.results.studies if other.id == study.beside]
        return [one for other in others for one in first_variant(other.series) if not one.frozen]

    def _gradients(self, study: StudyResult) -> list[Shown]:
        name, table, shown = formatting.slug(study.id), study.gradients, []
        if table and table.rows and table.settings:
            draw = partial(gradient_figures.gradient_grid, table)
            title = f"Gradients, {formatting.counted(table.num_layers, 'layer')}"
            shown.append(self._figure(f"{name}-gradients", draw, title, GRADIENTS))
        norms = [row for row in study.norms if row.norms]
        if norms:
            draw = partial(gradient_figures.gradient_by_depth, norms, self._palette)
            shown.append(self._figure(f"{name}-norms", draw, "Gradient by depth", NORMS))
        return shown

    def _overview(self) -> Shown | None:
        """A picture to begin with: of the study that most claims are about, its first variant."""
        studies = [study for study in self.results.studies if metrics_of(study.series)]
        if studies and results_metric(self.results):
            study = studies[0]
            series = focused(study.series, [self.results.reported])
            draw = partial(figures.final_values, series, self._palette, close=True)
            title = formatting.capital(formatting.metric(self.results.reported))
            return self._figure("overview", draw, title, _after(series, self.results))
        if studies:
            study = max(studies, key=lambda s: sum(_about(c, s) for c in self.results.claims))
            series = first_variant(study.series)
            paired = 2 * len(pairs_of(series)) >= len(series)
            function = figures.trained_against_frozen if paired else figures.final_values
            title = study.title
            if len(variants_of(study.series)) > 1:
                title += f" ({series[0].variant})"
            draw = partial(function, series, self._palette)
            return self._figure("overview", draw, title, _after(series))
        tables = [s.gradients for s in self.results.studies if s.gradients and s.gradients.rows]
        for table in tables[:1]:
            title = f"Gradients, {formatting.counted(table.num_layers, 'layer')}"
            draw = partial(gradient_figures.gradient_grid, table)
            return self._figure("overview", draw, title, GRADIENTS)
        return None

    def _figure(self, name: str, draw: Callable[..., Any], title: str, caption: str) -> Shown:
        stem = self.folder.stem(name)
        wide = write_figure(draw(wide=True), stem)
        narrow = svg_of(draw(wide=False))
        return Shown(
            name=stem.name,
            title=title,
            caption=caption,
            wide=inline(wide, f"{stem.name}-w", title),
            narrow=inline(narrow, f"{stem.name}-n", title),
        )

    def _anchor(self, kind: str, name: str) -> str:
        """An element's id that no other one has."""
        anchor = f"{kind}-{formatting.slug(name)}"
        while anchor in self._anchors:
            anchor += f"-{len(self._anchors)}"
        self._anchors.add(anchor)
        return anchor


def _of_most(series: Series, metrics: Sequence[str]) -> list[str]:
    """The metrics that trained networks have; those of another task alone are in the tables."""
    trained = [one for one in series if one.task == TRAIN]
    return [name for name in metrics if not trained or any(name in one.final for one in trained)]


def _about(claim: ClaimResult, study: StudyResult) -> bool:
    """Whether they are about the same figure of the source."""
    return bool(set(claim.figures) & set(study.figures))


def results_metric(results: Results) -> str:
    """The metric that is reported, if some series has it."""
    series = [one for study in results.studies for one in study.series]
    return results.reported if any(results.reported in one.final for one in series) else ""


def _after(series: Series, results: Results | None = None) -> str:
    """The caption of what is drawn of these series after training."""
    when = "After the last epoch"
    if results is not None and results.options.get("epoch") == "best":
        when = "After the epoch that validation chose"
    most = max((len(one.seeds) for one in series), default=0)
    seeds = formatting.counted(most, "seed")
    if has_intervals(series):
        return f"{when}: the median over seeds, its 95 % interval, and every seed."
    return f"{when}: the median and every seed ({seeds}: too few for an interval)."
